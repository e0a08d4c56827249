"""A deck of slides for a chapter: its title, and each cell tagged `slide`.

A markdown cell is a slide as it stands; of a code cell only the figure is shown. What has no
heading of its own gets the last one before it. reveal.js turns the pages and MathJax sets the
formulas; both lie beside the decks, so a deck opens from a stick.
"""

from __future__ import annotations

import re
import shutil
from html import escape
from pathlib import Path

from nbconvert.filters import markdown2html
from nbformat import NotebookNode

TAG = "slide"
SHORT = 600  # characters
HEADING = re.compile(r"^##+ .+$", re.MULTILINE)

# nbconvert's own export of slides loads MathJax 2, jQuery and Mermaid from other servers.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: slides</title>
<link rel="stylesheet" href="vendor/reveal.css">
<link rel="stylesheet" href="vendor/white.css">
<style>
.reveal {{ font-size: 29px; }}
.reveal .slide-number {{ right: auto; left: 8px; }}  /* not under the arrows */
.reveal .slides section {{ box-sizing: border-box; height: 720px; padding: 36px 60px; text-align: left;
  flex-direction: column; }}
html.reveal-print .reveal .slides section {{ display: flex !important; padding: 36px 60px !important; }}
.reveal .slides section > * {{ flex-shrink: 0; margin: 0 0 .55em; max-width: none; }}
.reveal h1 {{ font-size: 2.2em; margin-top: 3em !important; }}
.reveal section.short {{ font-size: 34px; }}
.reveal h2, .reveal h3 {{ font-size: 40px; }}
.reveal h1, .reveal h2, .reveal h3 {{ text-transform: none; }}
.reveal section.title p {{ font-size: 1.4em; }}
.reveal section.title p.source {{ font-size: .8em; margin-top: auto; color: #595959; }}
.reveal .slides section > img.figure {{ flex: 1 1 0; min-height: 0; object-fit: contain; }}
.reveal ul, .reveal ol {{ padding-left: 1.2em; }}
.reveal li {{ margin-bottom: .4em; }}
.reveal table {{ font-size: .8em; }}
.reveal code {{ font-size: .85em; }}
.reveal a.anchor-link {{ display: none; }}
</style>
<script>
window.MathJax = {{
  tex: {{ inlineMath: [["$", "$"]], displayMath: [["$$", "$$"]] }},
  options: {{ enableMenu: false }},
}};
</script>
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
<script src="vendor/mathjax.js"></script>
<script src="vendor/reveal.js"></script>
<script>
Reveal.initialize({{ width: 1280, height: 720, margin: 0, center: false, display: "flex",
  hash: true, slideNumber: "c/t", transition: "none" }});
</script>
</body>
</html>
"""


def figure(cell: NotebookNode) -> str | None:
    """The last picture among a cell's outputs, as an element with its description."""
    found = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    if not found:
        return None
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    data = found[-1].replace("\n", "")
    return f'<img class="figure" alt="{escape(alt)}" src="data:image/png;base64,{data}">'


def slides(nb: NotebookNode, title: str, question: str) -> list[str]:
    """The slides of a chapter, as HTML; ValueError where a tagged cell has no figure."""
    source = "Denoising autoencoders and the score: a book that runs"
    first = f"<h1>{escape(title)}</h1>\n{markdown2html(question)}"
    found = [f'<section class="title">{first}<p class="source">{source}</p></section>']
    heading = ""
    for number, cell in enumerate(nb.cells, start=1):
        headings = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if TAG in cell.metadata.get("tags", []):
            above = "" if headings else markdown2html(heading)
            inside = markdown2html(cell.source) if cell.cell_type == "markdown" else figure(cell)
            if inside is None:
                raise ValueError(f"cell {number} is tagged `{TAG}` and shows no figure")
            # Little text is set larger, for the last row of the room.
            size = "short" if len(cell.source) < SHORT else "long"
            found.append(f'<section class="{size}">{above}\n{inside}</section>')
        heading = headings[-1] if headings else heading
    return found


def deck(nb: NotebookNode, title: str, question: str) -> str:
    """A whole deck as a page, which loads its scripts from the folder `vendor` beside it."""
    return PAGE.format(title=escape(title), slides="\n".join(slides(nb, title, question)))


def copy_scripts(modules: Path, vendor: Path) -> None:
    """Only what a deck loads. MathJax draws with SVG here, which needs no fonts beside it."""
    vendor.mkdir(parents=True, exist_ok=True)
    for name in ("reveal.js", "reveal.css", "theme/white.css"):
        shutil.copy(modules / "reveal.js" / "dist" / name, vendor)
    shutil.copy(modules / "mathjax" / "es5" / "tex-svg-full.js", vendor / "mathjax.js")
