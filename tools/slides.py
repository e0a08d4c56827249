"""A deck of slides of each chapter: its title, and each cell tagged `slide`.

A markdown cell is a slide as it stands; of a code cell the last figure is shown, or the code where it
draws none. What has no heading of its own gets the last one before it, or the title. nbconvert writes
the deck, which needs nothing but the folder `vendor` beside it. `make slides` puts the decks into
_build/slides; the site has them, too.
"""

import re
from html import escape
from pathlib import Path

from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

import npm
from notebooks import ROOT, TWINS, BookError, alt_text, caption, card, chapters, from_twin

FOLDER, TEMPLATES = ROOT / "_build" / "slides", ROOT / "docs" / "templates"
HEADING = re.compile(r"^##+ .+$", re.MULTILINE)
VENDOR = {
    "reveal.js/dist/reveal.js": "reveal.js",
    "reveal.js/dist/reveal.css": "dist/reveal.css",
    "reveal.js/dist/theme/white.css": "dist/theme/white.css",
    "mathjax/es5/tex-svg-full.js": "mathjax.js",
}


def pages(nb: NotebookNode) -> list[str]:
    """The slides of a chapter, as Markdown."""
    title, question = card(nb)
    book = "*Denoising autoencoders and the score: a book that runs*"
    found, heading = [f"# {title}\n\n{question}\n\n{book}"], f"## {title}"
    for number, cell in enumerate(nb.cells, start=1):
        is_text = cell.cell_type == "markdown"
        headings = HEADING.findall(cell.source) if is_text else []
        if "slide" in cell.metadata.get("tags", []):
            inside = cell.source if is_text else figure(cell)
            if inside is None and "plt." not in cell.source:
                inside = f"```python\n{cell.source}\n```"
            if inside is None:
                raise BookError(
                    f"{title}: cell {number} is tagged `slide` and has no figure: make refresh"
                )
            found.append(inside if headings else f"{heading}\n\n{inside}")
        heading = headings[-1] if headings else heading
    return found


def figure(cell: NotebookNode) -> str | None:
    """The last picture among a cell's outputs, with its description."""
    bundles = [output.get("data", {}) for output in cell.outputs]
    pictures = [data["image/png"].replace("\n", "") for data in bundles if "image/png" in data]
    if not pictures:
        return None
    below = caption(cell)
    kind = ' class="captioned"' if below else ""
    picture = f'<img{kind} alt="{escape(alt_text(cell))}" src="data:image/png;base64,{pictures[-1]}">'
    return f"{picture}\n\n<small>{below}</small>" if below else picture


def deck(nb: NotebookNode) -> str:
    """A whole deck as a page, which loads its scripts from the folder `vendor` beside it."""
    exporter = SlidesExporter(
        extra_template_basedirs=[str(TEMPLATES)],
        template_name="slides",
        reveal_url_prefix="vendor",
        mathjax_url="vendor/mathjax.js",
        reveal_theme="white",
        reveal_width="1280",
        reveal_height="720",
    )
    slide = {"slideshow": {"slide_type": "slide"}}
    cells = [new_markdown_cell(text, metadata=slide) for text in pages(nb)]
    made = new_notebook(cells=cells, metadata={"title": card(nb)[0]})
    return exporter.from_notebook_node(made)[0]


def write(folder: Path) -> None:
    """Put the decks into `folder`, with their scripts; those that are newer than what they show stay."""
    npm.copy(VENDOR, folder / "vendor")
    for path in chapters():
        twin, to = TWINS / f"{path.stem}.py", folder / f"{path.stem}.html"
        newest = max(each.stat().st_mtime for each in (path, twin, Path(__file__), *TEMPLATES.rglob("*")))
        if not to.exists() or to.stat().st_mtime < newest:
            # The tags of the twin, so that a change of them shows at once.
            to.write_text(deck(from_twin(twin, path)), encoding="utf-8")


def main() -> None:
    write(FOLDER)
    print(f"The slides are in {FOLDER.as_uri()}")


if __name__ == "__main__":
    main()
