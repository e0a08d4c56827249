"""The questions are sound data, and what is shown is safe, whole and the same everywhere."""

import json
import re
from html.parser import HTMLParser

import book
import pytest

import daeutils as du
from daeutils.questions import FOLDER, Quiz, marked_up

CHAPTERS = [path.stem for path in book.chapters(folder=book.TWINS, ext=".py")]


def stored(chapter: str) -> list[dict]:
    return json.loads((FOLDER / f"{chapter}.json").read_text("utf-8"))


def shown_text(html: str) -> str:
    """What a browser would show of a page, without its tags and styles."""

    class Reader(HTMLParser):
        text = ""
        hidden = False

        def handle_starttag(self, tag, attrs):
            self.hidden = tag == "style"

        def handle_endtag(self, tag):
            self.hidden = False

        def handle_data(self, data):
            self.text += "" if self.hidden else data

    reader = Reader()
    reader.feed(html)
    return reader.text


def test_every_chapter_has_questions_and_no_other():
    assert sorted(path.stem for path in FOLDER.glob("*")) == CHAPTERS


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_questions_are_sound(chapter):
    questions = stored(chapter)
    assert 2 <= len(questions) <= 3
    texts = []
    for question in questions:
        assert question.keys() == {"question", "choices"}
        choices = question["choices"]
        assert 3 <= len(choices) <= 4
        assert [choice["right"] for choice in choices].count(True) == 1
        for choice in choices:
            assert choice.keys() == {"text", "right", "why"}
            assert isinstance(choice["right"], bool)
            assert len(choice["why"]) >= 30, "an explanation has to explain"
        texts += [question["question"], *(c[key] for c in choices for key in ("text", "why"))]
    assert len(set(texts)) == len(texts), "the same text twice"
    for text in texts:
        assert re.match(r"[A-Z0-9$]", text), text
        assert text[-1] in ".?"
        assert text.count("$") % 2 == 0
        assert text.count("{") == text.count("}")
        outside = re.sub(r"\$[^$]+\$", "", text)
        assert not re.search(r"[\\_^]", outside), f"a formula outside of dollars: {outside}"
        assert outside.count("*") % 2 == 0


def test_the_right_answer_has_no_favourite_place():
    places = [
        [choice["right"] for choice in question["choices"]].index(True)
        for chapter in CHAPTERS
        for question in stored(chapter)
    ]
    assert max(places.count(place) for place in set(places)) <= len(places) / 2


def test_the_right_answer_is_not_the_longest_as_a_rule():
    """Else a student would do well by choosing the longest."""
    longest = [
        max(question["choices"], key=lambda choice: len(choice["text"]))["right"]
        for chapter in CHAPTERS
        for question in stored(chapter)
    ]
    assert sum(longest) <= len(longest) / 2


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_ends_with_its_questions(chapter):
    cells = book.read_twin(book.TWINS / f"{chapter}.py").cells
    assert [c.source for c in cells if c.cell_type == "code"][-1] == f'du.quiz("{chapter[:2]}")'
    assert any(c.source.startswith("**Check your understanding.**") for c in cells)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_everything_is_shown_once_and_opens_without_a_script(chapter):
    html, plain = du.quiz(chapter[:2])._repr_html_(), repr(du.quiz(chapter))
    assert (html, plain) == (du.quiz(chapter)._repr_html_(), repr(du.quiz(chapter)))
    assert "<script" not in html and " on" not in "".join(re.findall("<[^>]+>", html))
    text = shown_text(html)
    for question in stored(chapter):
        choices = question["choices"]
        for part in [question["question"], *(c[key] for c in choices for key in ("text", "why"))]:
            assert shown_text(marked_up(part)) in text
            assert part in plain
    for tag in ("details", "summary", "li", "ol", "div", "p"):
        assert html.count(f"<{tag}") == html.count(f"</{tag}>")
    choices = sum(len(question["choices"]) for question in stored(chapter))
    assert html.count("<summary>") == choices
    assert html.count('class="right"') == len(stored(chapter))


def test_html_in_a_question_is_only_text():
    nasty = '<b onclick="x()">&amp;</b> "quoted"'
    choice = {"text": nasty, "right": True, "why": f"{nasty} and $a<b$"}
    html = Quiz([{"question": nasty, "choices": [choice]}])._repr_html_()
    assert "<b" not in html
    assert shown_text(html).count(nasty) == 3
    assert r"\(a&lt;b\)" in html


def test_formulas_and_emphasis():
    assert marked_up("the $R^*$ of *all* $x_1*x_2$") == r"the \(R^*\) of <em>all</em> \(x_1*x_2\)"


def test_a_chapter_without_questions_is_named():
    with pytest.raises(ValueError, match="no questions for chapter '77'; expected one of 00, 01"):
        du.quiz("77")
