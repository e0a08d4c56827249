"""Every chapter and every lecture has a deck that opens offline, page by page, in a real browser."""

import os
import re

import pytest

import notebooks
import slides
from notebooks import BookError

DECKS = slides.decks()
CHAPTERS = [path.stem for path in notebooks.chapters()]
SCREEN = {"width": 1280, "height": 720}

LOOK = r"""async () => {
  await MathJax.startup.promise;
  const found = [], tex = /\\[A-Za-z()[\]]|\$[^$]+\$/;
  for (const error of document.querySelectorAll("[data-mjx-error]")) found.push("formula");
  for (let i = 0; i < Reveal.getTotalSlides(); i++) {
    Reveal.slide(i, 0, 99);
    const slide = Reveal.getCurrentSlide();
    const name = slide.querySelector("h1, h2, h3")?.innerText;
    const say = (what) => found.push(`slide ${i + 1}, ${name}: ${what}`);
    if (!name) say("no heading");
    if (slide.querySelector(".fragment:not(.visible)")) say("a step stays hidden");
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


def words(parts) -> int:
    """How many words a slide has, without its formulas, its code, its figure and its notes."""
    text = "\n".join(part for kind, part in parts if kind != "notes")
    for beside in (r"```.*?```", r"\$\$.*?\$\$", r"\$[^$]+\$", r"!\[\]\([^)]*\)", r"<[^>]+>", r"^#+"):
        text = re.sub(beside, " ", text, flags=re.DOTALL | re.MULTILINE)
    return len(re.findall(r"[^\W_]+(?:['’.,-][^\W_]+)*", text))


# Texts


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_slides_are_written_for_a_wall(chapter):
    pages = {name: parts for name, parts in DECKS[chapter][1].items() if name != "title"}
    assert 6 <= len(pages) <= 14
    for name, parts in pages.items():
        text = "\n".join(part for kind, part in parts if kind != "notes")
        assert text.startswith("## "), name
        assert words(parts) <= 40, f"{name} has {words(parts)} words"
        assert len(slides.FIGURE.findall(text)) <= 1, name
        assert all(len(code.splitlines()) <= 14 for code in re.findall(r"```.*?```", text, re.DOTALL)), (
            name
        )
        assert [kind for kind, _ in parts].count("notes") <= 1, name
    assert list(pages)[-1].endswith("/remember")
    assert any("## Vote" in parts[0][1] for parts in pages.values()), "nothing to vote on"


NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
BY_HAND = {"0.693": "log 2", "0.09": "0.3 squared", "0.00001": "1.216209 - 1.216202"}


def said_in(nb) -> list[float]:
    """Every number in a chapter's text, code, captions and outputs."""
    texts = []
    for cell in nb.cells:
        texts += [cell.source, notebooks.caption(cell)]
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return [float(number.replace(",", "")) for number in NUMBER.findall("\n".join(texts))]


@pytest.mark.parametrize("path", notebooks.chapters(), ids=lambda path: path.stem)
def test_every_number_on_a_slide_comes_from_the_chapter(path):
    """Rounded, if need be: a slide must not keep an old value when the chapter has a new one."""
    known = said_in(notebooks.read(path))
    for name, parts in slides.slides(slides.TEXTS / f"{path.stem[:2]}.md").items():
        text = "\n".join(part for _, part in parts)
        for beside in (slides.FIGURE, r"Figures? [\w.]+", r"inset\([^)]*\)"):
            text = re.sub(beside, "", text)
        for number in NUMBER.findall(text):
            number = number.rstrip(",")
            off = 0.5001 * 10.0 ** -len(number.partition(".")[2])
            value = float(number.replace(",", ""))
            near = any(abs(each - value) <= off for each in known)
            assert near or len(number) == 1 or number in BY_HAND, f"{name}: {number}"


@pytest.mark.parametrize("name", DECKS)
def test_a_vote_has_choices_and_its_answer_comes_later(name):
    for slide, parts in DECKS[name][1].items():
        if parts[0][1].startswith("## Vote"):
            choices = re.findall(r"^([A-D])\. ", parts[0][1], re.MULTILINE)
            assert choices == list("ABCD")[: len(choices)] and len(choices) >= 2, slide
            kind, answer = parts[1]
            assert kind == "fragment" and re.match(rf"\*\*[{''.join(choices)}]\.", answer), slide


def test_what_is_missing_or_double_is_named(tmp_path, monkeypatch):
    file = tmp_path / "00.md"
    for text, message in {
        "--- one\n## A\n--- one\n## B\n": "00.md has two slides called one",
        "--- one\n## A\n+++\n\n???\nnotes\n": "00.md, slide one: a part is empty",
    }.items():
        file.write_text(text)
        with pytest.raises(BookError, match=message):
            slides.slides(file)
    with pytest.raises(BookError, match=r"00/one: there is no Figure 77\.1"):
        slides.deck("title", {"00/one": [("slide", "## A\n\n![](77.1)")]})
    monkeypatch.setattr(slides, "TEXTS", tmp_path)
    monkeypatch.setattr(slides, "chapters", lambda: notebooks.chapters(["00"]))
    file.write_text("--- one\n## A\n")
    (tmp_path / "lectures.toml").write_text('[hour]\ntitle = ""\nquestion = ""\nslides = ["00/two"]')
    with pytest.raises(BookError, match=r"lectures\.toml, hour: there are no slides 00/two"):
        slides.decks()
    file.unlink()
    monkeypatch.setattr(slides, "ROOT", tmp_path)
    with pytest.raises(BookError, match="chapter 00 has no slides"):
        slides.decks()


def test_a_slide_has_steps_notes_and_a_figure_with_its_description():
    page = slides.deck(
        "A deck",
        {"00/one": [("slide", "## A\n\n![](0.1)"), ("fragment", "later"), ("notes", "say this")]},
    )
    assert re.search(r'class="[^"]*fragment[^"]*".*?later', page, re.DOTALL)
    assert re.search(r"<aside[^>]*notes[^>]*>.*?say this", page, re.DOTALL)
    alt, source = re.search('alt="(.+)" src="(.+)"', slides.figures()["0.1"]).groups()
    assert alt and source in page


# Decks


@pytest.fixture(scope="module")
def decks(site):
    return site / "slides"


def test_decks_are_written_again_when_a_slide_changes(tmp_path, monkeypatch):
    file, kept = tmp_path / "texts" / "00.md", tmp_path / "decks"
    file.parent.mkdir()
    file.write_text("--- one\n## A\n")
    (file.parent / "lectures.toml").write_text("")
    monkeypatch.setattr(slides, "TEXTS", file.parent)
    monkeypatch.setattr(slides, "chapters", lambda: notebooks.chapters(["00"]))
    slides.write(kept)
    (deck,) = kept.glob("*.html")
    first = deck.stat().st_mtime_ns
    slides.write(kept)
    assert deck.stat().st_mtime_ns == first
    os.utime(file, ns=(first + 10**9, first + 10**9))
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


@pytest.mark.parametrize("name", DECKS)
def test_a_deck_opens_offline_and_fits_its_page(browser, decks, name):
    assert look(browser, decks / f"{name}.html") == []


def test_the_speaker_has_a_view_with_the_notes(browser, decks):
    with browser.new_context(viewport=SCREEN, offline=True) as context:
        page = context.new_page()
        page.goto((decks / "hour.html").as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        page.keyboard.press("ArrowRight")
        with context.expect_page() as opened:
            page.keyboard.press("s")
        opened.value.wait_for_function(
            "document.querySelector('.speaker-controls-notes .value')?.innerText.length > 40"
        )


def test_a_bad_deck_is_seen(browser, decks):
    pages = {
        "title": [("slide", "# Title")],
        "long": [("slide", "## Long\n\n" + "A line.\n\n" * 40)],
        "wide": [("slide", '## Wide\n\n<p style="width: 1400px">A line.</p>')],
        "far": [("slide", "## Remote\n\n![far](https://example.org/far.png)")],
        "tex": [("slide", "## Formula\n\n$\\frac{1}$")],
    }
    path = decks / "bad.html"
    path.write_text(slides.deck("Bad", pages), encoding="utf-8")
    try:
        text = "\n".join(look(browser, path))
    finally:
        path.unlink()
    for seen in ("Long: ", " high", "Wide: ", "https://example.org/far.png", "not shown", "formula"):
        assert seen in text
