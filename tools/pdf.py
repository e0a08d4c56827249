"""The whole book as one PDF, _build/book.pdf: contents, page numbers and bookmarks; Chromium prints it.

Sphinx has put all pages into _build/single/index.html. Chromium numbers the pages, but cannot write the
numbers into the contents. So the book is printed twice, and the numbers come from the first PDF.
"""

import re
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from notebooks import ROOT, BookError

FOLDER = ROOT / "_build"
NO_CHROMIUM = "no Chromium: `apt-get install chromium`, or `python -m playwright install chromium`"
STYLE = """
.buttons, #document-live + section, .headerlink { display: none }
span[id^=document-] + section, .book-contents { break-before: page }
.toctree-wrapper.compound .caption-text { text-transform: none !important }
h1 { font-size: 1.7em; break-after: avoid }
h2 { font-size: 1.4em; break-after: avoid }
h3, h4 { font-size: 1.15em; break-after: avoid }
.book-contents p { display: flex; justify-content: space-between; margin: 0.3em 0 0; font-weight: bold }
.book-contents p.inner { margin: 0 0 0 1.5em; font-weight: normal; font-size: 87.5% }
"""
# Every page of the site becomes a chapter: its title an h1, its sections below. They and the sections of
# the numbered chapters stand in the contents, which take the place of the cards and what follows them.
ARRANGE = """() => {
  const contents = document.createElement("nav");
  contents.className = "book-contents";
  contents.innerHTML = "<h1>Contents</h1>";
  let count = 0;
  const enter = (heading, inner) => {
    heading.id = `entry-${++count}`;
    const line = document.createElement("p"), link = document.createElement("a");
    line.className = inner ? "inner" : "";
    link.href = "#" + heading.id;
    link.textContent = heading.textContent.replace(/[\\s#¶]+$/, "");
    line.append(link, document.createElement("span"));
    contents.append(line);
  };
  for (const mark of document.querySelectorAll("span[id^=document-]")) {
    const page = mark.nextElementSibling;
    for (const old of page.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
      if (old.closest("span[id^=document-] + section") !== page) continue;
      let depth = 1;
      for (let box = old.parentElement; box !== page; box = box.parentElement)
        depth += box.tagName === "SECTION";
      const heading = document.createElement("h" + Math.min(depth, 6));
      heading.append(...old.childNodes);
      old.replaceWith(heading);
      if (mark.id === "document-live") continue;
      if (depth === 1 || (depth === 2 && /^document-chapters.\\w\\w-/.test(mark.id)))
        enter(heading, depth === 2);
    }
  }
  // The pages stand inside the last section of the first one.
  const last = document.getElementById("cite");
  last.after(contents, ...last.querySelectorAll(":scope > .toctree-wrapper"));
  for (const web of ["chapters", "get"]) document.getElementById(web).remove();
}"""
NUMBER = """(numbers) => document.querySelectorAll(".book-contents p").forEach((line, i) =>
  (line.lastChild.textContent = numbers[`entry-${i + 1}`]))"""
FOOT = (
    '<div style="width: 100%; font-size: 8px; text-align: center"><span class="pageNumber"></span></div>'
)


def printed(page: Page) -> bytes:
    margin = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")
    return page.pdf(
        format="A4",
        margin=margin,
        outline=True,
        tagged=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOT,
    )


def page_numbers(pdf: bytes) -> dict[str, int]:
    """On which page each target of a link stands, in a PDF as Chromium writes it."""
    pages = re.findall(rb"^(\d+) 0 obj\n<</Type /Page\n", pdf, re.MULTILINE)
    place = {page: number for number, page in enumerate(pages, start=1)}
    return {
        name.decode(): place[page] for name, page in re.findall(rb"/(entry-\d+) \[(\d+) 0 R /XYZ", pdf)
    }


def chromium(playwright) -> str | None:
    """Where Chromium is on this machine, if it is."""
    names = ["chromium", "chromium-browser", "google-chrome", playwright.chromium.executable_path]
    return next(filter(None, map(shutil.which, names)), None)


def write(browser: Browser, single: Path, pdf: Path) -> None:
    """Print `single`, the page that holds the whole book, to `pdf`."""
    page = browser.new_page(reduced_motion="reduce")
    page.set_default_timeout(0)
    print("Typesetting the formulas ...", flush=True)
    page.goto(single.as_uri())
    page.evaluate("MathJax.startup.promise.then(() => null)")
    page.add_style_tag(content=STYLE)
    page.evaluate(ARRANGE)
    print("Printing, to number the pages ...", flush=True)
    page.evaluate(NUMBER, page_numbers(printed(page)))
    print("Printing, with the numbers in the contents ...", flush=True)
    pdf.write_bytes(printed(page))
    page.close()


def main() -> None:
    with sync_playwright() as playwright:
        if not (found := chromium(playwright)):
            raise BookError(f"the book was not printed: {NO_CHROMIUM}")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        write(browser, FOLDER / "single" / "index.html", FOLDER / "book.pdf")
        browser.close()
    print(f"The book is at {(FOLDER / 'book.pdf').as_uri()}")


if __name__ == "__main__":
    main()
