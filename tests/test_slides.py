"""Every chapter has a deck that opens offline, page by page, in a real browser."""

import os
import shutil

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import notebooks
import slides
from notebooks import NOTEBOOKS, TWINS, BookError

CHAPTERS = [path.stem for path in notebooks.chapters()]
SCREEN = {"width": 1280, "height": 720}

LOOK = r"""async () => {
  await MathJax.startup.promise;
  const found = [], tex = /\\[A-Za-z()[\]]|\$[^$]+\$/;
  for (const error of document.querySelectorAll("[data-mjx-error]")) found.push("formula");
  for (let i = 0; i < Reveal.getTotalSlides(); i++) {
    Reveal.slide(i);
    const slide = Reveal.getCurrentSlide();
    const name = slide.querySelector("h1, h2, h3")?.innerText;
    const say = (what) => found.push(`slide ${i + 1}, ${name}: ${what}`);
    if (!name) say("no heading");
    if (slide.scrollHeight > 720) say(`${slide.scrollHeight} high`);
    for (const part of slide.querySelectorAll("h1, h2, h3, p, li, table, img, mjx-container")) {
      const {left, right} = part.getBoundingClientRect();
      if (left < 0 || right > 1280) say(`from ${left} to ${right} of 1280`);
    }
    if (tex.test(slide.innerText)) say("raw TeX");
    for (const img of slide.querySelectorAll("img")) {
      await img.decode().catch(() => {});
      if (!img.naturalWidth || img.height < 200) say("a picture is not shown, or too small");
      if (!img.alt.trim()) say("a picture without a description");
    }
  }
  return found;
}"""

CARD = new_markdown_cell("# 00 · Title\n\n**Question.** Why $x$?")


def tagged(cell, *tags):
    cell.metadata["tags"] = [*tags, "slide"]
    return cell


def picture(data="AAAA"):
    return new_output("display_data", {"image/png": data, "text/plain": "<Figure>"})


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_has_a_deck(chapter):
    pages = slides.pages(notebooks.from_twin(TWINS / f"{chapter}.py", NOTEBOOKS / f"{chapter}.ipynb"))
    assert 4 <= len(pages) <= 30
    assert any("<img" in page for page in pages)


def test_a_slide_is_a_cell_or_its_last_figure_under_the_last_heading():
    code = new_code_cell("secret = 1", outputs=[picture("first"), picture("second")])
    code.metadata["mystnb"] = {"image": {"alt": 'a "line"'}}
    cells = [
        CARD,
        tagged(new_markdown_cell("## One\n\nWords")),
        new_markdown_cell("## Two\n\nnot shown"),
        tagged(code, "nbval-ignore-output"),
        new_code_cell("other", outputs=[picture()]),
    ]
    title, words, shown = slides.pages(new_notebook(cells=cells))
    assert "00 · Title" in title and "Why $x$?" in title
    assert words == "## One\n\nWords"
    assert shown.startswith("## Two") and "second" in shown and "&quot;line&quot;" in shown
    assert "secret" not in shown and "first" not in shown and "not shown" not in shown


def test_code_that_draws_nothing_is_a_slide_of_its_own():
    *_, shown = slides.pages(new_notebook(cells=[CARD, tagged(new_code_cell("x = 1"))]))
    assert "```python\nx = 1\n```" in shown


def test_a_tagged_cell_without_a_figure_is_named():
    with pytest.raises(BookError, match=r"cell 2 is tagged `slide` and has no figure"):
        slides.pages(new_notebook(cells=[CARD, tagged(new_code_cell("plt.show()"))]))


@pytest.fixture(scope="module")
def decks(site):
    return site / "slides"


def test_a_deck_is_written_again_when_its_chapter_changes(tmp_path, monkeypatch):
    chapter, kept = tmp_path / f"{CHAPTERS[0]}.ipynb", tmp_path / "decks"
    shutil.copy(NOTEBOOKS / chapter.name, chapter)
    monkeypatch.setattr(slides, "chapters", lambda: [chapter])
    slides.write(kept)
    (deck,) = kept.glob("*.html")
    first = deck.stat().st_mtime_ns
    slides.write(kept)
    assert deck.stat().st_mtime_ns == first
    os.utime(chapter, ns=(first + 10**9, first + 10**9))
    slides.write(kept)
    assert deck.stat().st_mtime_ns > first


def look(browser, path) -> list[str]:
    """What is wrong with a deck; an empty list when nothing is."""
    found = []
    with browser.new_context(viewport=SCREEN, offline=True) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: found.append(f"script: {error}"))
        page.on("console", lambda text: found.append(text.text) if text.type == "error" else None)
        page.on(
            "request",
            lambda asked: found.append(asked.url) if asked.url.startswith(("http", "ws")) else None,
        )
        page.goto(path.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("Reveal.getIndices().h") == 1
        return found + page.evaluate(LOOK)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_deck_opens_offline_and_fits_its_page(browser, decks, chapter):
    assert look(browser, decks / f"{chapter}.html") == []


def test_a_bad_deck_is_seen(browser, decks):
    cells = [
        CARD,
        tagged(new_markdown_cell("## Long\n\n" + "A line.\n\n" * 40)),
        tagged(new_markdown_cell('## Wide\n\n<p style="width: 1400px">A line.</p>')),
        tagged(new_markdown_cell("## Remote\n\n![far](https://example.org/far.png)")),
        tagged(new_markdown_cell("## Formula\n\n$\\frac{1}$")),
    ]
    path = decks / "bad.html"
    path.write_text(slides.deck(new_notebook(cells=cells)), encoding="utf-8")
    try:
        text = "\n".join(look(browser, path))
    finally:
        path.unlink()
    for seen in ("Long: ", " high", "Wide: ", "https://example.org/far.png", "not shown", "formula"):
        assert seen in text
