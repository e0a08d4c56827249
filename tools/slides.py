"""Decks of slides: one of each chapter, and one of each lecture.

docs/slides/NN.md holds the slides of chapter NN, written for a wall: forty words at most, and one figure.
docs/slides/lectures.toml says which of them make a lecture. In a file of slides

    --- name          begins a slide, which a lecture calls NN/name
    +++               what follows appears at the next key
    ???               what follows is for the speaker alone
    ![](2.3)          is Figure 2.3, as the chapter shows it

nbconvert writes the decks, which need nothing but the folder `vendor` beside them. `make slides` puts
them into _build/slides; the site has them, too.
"""

import re
import tomllib
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path

from nbconvert import SlidesExporter
from nbformat.v4 import new_markdown_cell, new_notebook

import npm
from notebooks import ROOT, BookError, alt_text, caption, card, chapters, read

FOLDER, TEMPLATES = ROOT / "_build" / "slides", ROOT / "docs" / "templates"
TEXTS = ROOT / "docs" / "slides"
BOOK = "*Denoising autoencoders and the score: a book that runs*"
SLIDE = re.compile(r"^--- (\S+)\n", re.MULTILINE)
FIGURE = re.compile(r"!\[\]\(([\w.]+)\)")
MARKS = {"+++": "fragment", "???": "notes"}
VENDOR = {
    "reveal.js/dist/reveal.js": "reveal.js",
    "reveal.js/dist/plugin/notes.js": "notes.js",
    "reveal.js/dist/reveal.css": "dist/reveal.css",
    "reveal.js/dist/theme/white.css": "dist/theme/white.css",
    "mathjax/es5/tex-svg-full.js": "mathjax.js",
}


@cache
def figures() -> dict[str, str]:
    """Every figure that has a number, by that number, as an HTML image; of an animation the animation."""
    found = {}
    for path in chapters():
        cells = read(path).cells
        for cell, after in pairwise(cells):
            # A caption stands in the metadata, or below: an animation is HTML, which has none.
            number = re.match(r"\*\*Figure ([\w.]+)\.", caption(cell) or after.source)
            for output in cell.get("outputs", []) if number else []:
                data = output.get("data", {})
                if png := data.get("image/png", "").replace("\n", ""):
                    source = f"data:image/png;base64,{png}"
                    found[number[1]] = f'<img alt="{escape(alt_text(cell))}" src="{source}">'
                elif image := re.search(r"<img [^>]*data:image/gif[^>]*>", data.get("text/html", "")):
                    found[number[1]] = image[0]
    return found


def slides(file: Path) -> dict[str, list[tuple[str, str]]]:
    """The slides of a file by name, each as its parts: (kind, Markdown).

    Raises:
        BookError: two slides have one name, or a part has no text.
    """
    _, *pieces = SLIDE.split(file.read_text("utf-8"))
    names = pieces[::2]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BookError(f"{file.name} has two slides called {', '.join(sorted(twice))}")
    found = {}
    for name, text in zip(names, pieces[1::2], strict=True):
        first, *rest = re.split(r"^(\+\+\+|\?\?\?)$", text, flags=re.MULTILINE)
        later = zip(rest[::2], rest[1::2], strict=True)
        parts = [("slide", first), *((MARKS[mark], part) for mark, part in later)]
        if not all(part.strip() for _, part in parts):
            raise BookError(f"{file.name}, slide {name}: a part is empty")
        found[name] = [(kind, part.strip()) for kind, part in parts]
    return found


def with_figures(text: str, where: str) -> str:
    """Markdown with each figure in place of its number; BookError where no chapter shows that one."""

    def picture(match: re.Match) -> str:
        if match[1] not in figures():
            raise BookError(f"{where}: there is no Figure {match[1]}; `make refresh` stores the figures")
        return figures()[match[1]]

    return FIGURE.sub(picture, text)


def deck(title: str, pages: dict[str, list[tuple[str, str]]]) -> str:
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
    cells = [
        new_markdown_cell(with_figures(text, name), metadata={"slideshow": {"slide_type": kind}})
        for name, parts in pages.items()
        for kind, text in parts
    ]
    return exporter.from_notebook_node(new_notebook(cells=cells, metadata={"title": title}))[0]


def decks() -> dict[str, tuple[str, dict[str, list[tuple[str, str]]]]]:
    """Every deck by the name of its file: its title, and its slides.

    Raises:
        BookError: a chapter has no slides, or a lecture names one that there is not.
    """
    found, pool = {}, {}
    for path in chapters():
        file = TEXTS / f"{path.stem[:2]}.md"
        if not file.exists():
            raise BookError(f"chapter {path.stem[:2]} has no slides: expected {file.relative_to(ROOT)}")
        own = {f"{file.stem}/{name}": parts for name, parts in slides(file).items()}
        found[path.stem] = titled(*card(read(path)), own)
        pool |= own
    for name, lecture in tomllib.loads((TEXTS / "lectures.toml").read_text("utf-8")).items():
        if missing := [each for each in lecture["slides"] if each not in pool]:
            raise BookError(f"lectures.toml, {name}: there are no slides {', '.join(missing)}")
        own = {each: pool[each] for each in lecture["slides"]}
        found[name] = titled(lecture["title"], lecture["question"], own)
    return found


def titled(title: str, question: str, pages: dict) -> tuple[str, dict]:
    """A deck's title, and its slides behind one that shows it."""
    return title, {"title": [("slide", f"# {title}\n\n{question}\n\n{BOOK}")], **pages}


def write(folder: Path) -> None:
    """Put the decks into `folder`, with their scripts; those that are newer than what they show stay."""
    npm.copy(VENDOR, folder / "vendor")
    sources = [*chapters(), *TEXTS.iterdir(), Path(__file__), *TEMPLATES.rglob("*")]
    newest = max(each.stat().st_mtime for each in sources)
    for name, (title, pages) in decks().items():
        to = folder / f"{name}.html"
        if not to.exists() or to.stat().st_mtime < newest:
            to.write_text(deck(title, pages), encoding="utf-8")


def main() -> None:
    write(FOLDER)
    print(f"The slides are in {FOLDER.as_uri()}")


if __name__ == "__main__":
    main()
