"""`make pdf`, on a small book: the contents give the right pages, and what serves the web is left out."""

import re
import subprocess
import sys

import pytest

import npm
import pdf

CONF = """
extensions, html_theme = ["myst_parser", "sphinx.ext.mathjax"], "furo"
html_static_path, mathjax_path, myst_enable_extensions = ["mathjax"], "tex-chtml-full.js", ["dollarmath"]
"""
FIRST = """# A book
## Chapters
Cards for the web.
(get)=
## Get it
## Cite
This book.
```{toctree}
:hidden:
chapters/00-first
chapters/01-second
live
notes
```
"""
# Each page of the site: its title, and how many sheets of paper it takes.
PAGES = {
    "chapters/00-first": ("00 · First", 1),
    "chapters/01-second": ("01 · Second", 3),
    "live": ("Live", 1),
    "notes": ("Notes", 1),
}


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    (folder / "chapters").mkdir()
    (folder / "conf.py").write_text(CONF, "utf-8")
    (folder / "index.md").write_text(FIRST, "utf-8")
    npm.copy({"mathjax/es5/tex-chtml-full.js": "tex-chtml-full.js"}, folder / "mathjax")
    new_sheet = '\n<div style="break-after: page"></div>\n\n'
    for name, (title, sheets) in PAGES.items():
        parts = [f"## Part {number}\n\nA formula, $x^2$.\n" for number in range(1, sheets + 1)]
        (folder / f"{name}.md").write_text(f"# {title}\n\n" + new_sheet.join(parts), "utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "singlehtml", folder, folder / "out"]
    subprocess.run(command, check=True)
    return folder / "out" / "index.html"


@pytest.fixture(scope="module")
def printed(browser, single) -> bytes:
    """The PDF; Chromium leaves its structure legible."""
    pdf.write(browser, single, single.with_name("book.pdf"))
    return single.with_name("book.pdf").read_bytes()


def test_the_contents_give_the_page_of_each_chapter_and_section(printed):
    found = pdf.page_numbers(printed)
    # The first page of the book, the contents, and then each page of the site on new paper.
    assert [found[f"entry-{k}"] for k in range(1, 8)] == [3, 3, 4, 4, 5, 6, 7]
    assert len(found) == 7


def test_numbers_reach_the_contents(browser, single, printed):
    with browser.new_page() as page:
        page.goto(single.as_uri())
        page.evaluate(pdf.ARRANGE)
        page.evaluate(pdf.NUMBER, pdf.page_numbers(printed))
        lines = page.locator(".book-contents p").all_text_contents()
    assert lines == [
        *("00 · First3", "Part 13", "01 · Second4", "Part 14", "Part 25", "Part 36"),
        "Notes7",
    ]


def test_it_has_bookmarks_and_nothing_that_serves_the_web(printed):
    assert len(re.findall(rb"/Type /Page\n", printed)) == 7
    titles = {title.decode() for title in re.findall(rb"/Title \(([^)]*)\)\n/Dest", printed)}
    assert {"A book", "Cite", "Contents", "Notes", "Part 3"} <= titles
    assert not {"Chapters", "Get it", "Live"} & titles
