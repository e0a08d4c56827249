"""Claims can fail and say what they found; the budget is one switch; questions and sliders are sound."""

import base64
import io
import json
import math
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import daeutils as du
from daeutils import teaching
from daeutils.teaching import FOLDER, ClaimError, Quiz, formula, marked_up, number, numbers

TWINS = Path(__file__).resolve().parent.parent / "notebooks" / "scripts"
CHAPTERS = sorted(path.stem for path in TWINS.glob("*.py"))


# Claims


def said(capsys, *args, **kwargs) -> str:
    du.claim(*args, **kwargs)
    return capsys.readouterr().out


def beside(number: float) -> list[float]:
    return [math.nextafter(number, -math.inf), number, math.nextafter(number, math.inf)]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_bounds_are_included_and_nothing_beyond_them(low, width):
    high = low + width
    for value in [*beside(low), *beside(high), *beside(high * (1 + 1e-12)), low - 1, high + 1]:
        for kwargs, holds in [
            (dict(at_least=low), value >= low),
            (dict(at_most=high), value <= high),
            (dict(at_least=low, at_most=high), low <= value <= high),
        ]:
            if holds:
                du.claim("it", value, **kwargs)
            else:
                with pytest.raises(ClaimError, match="does not hold: it: "):
                    du.claim("it", value, **kwargs)


ERROR = "The error is {} of the mean image's"


@pytest.mark.parametrize(
    ("text", "value", "bounds", "line"),
    [
        (ERROR, 0.351, dict(at_most=0.6), "The error is 0.35 of the mean image's (at most 0.6)"),
        ("the error", 0.351, dict(at_most=0.6), "the error: 0.35 (at most 0.6)"),
        ("both", 0.4, dict(at_least=0.2, at_most=0.6), "both: 0.40 (from 0.2 to 0.6)"),
        ("{} walks end", 1296, dict(at_least=1296, at_most=1296.0), "1,296 walks end (exactly 1,296)"),
        ("cosine", 0.9989, dict(at_least=0.97), "cosine: 0.999 (at least 0.97)"),
        ("nats", 363.689, dict(at_least=0.0), "nats: 364 (at least 0)"),
        ("large", 12345.6, dict(at_least=1e4), "large: 12,346 (at least 10,000)"),
        ("huge", 1.234e20, dict(at_least=-1e16), "huge: 1.23e20 (at least -1e16)"),
        ("tiny", -5.04e-16, dict(at_least=-1e-10), "tiny: -5.0e-16 (at least -1e-10)"),
        ("zero", -0.0, dict(at_most=0), "zero: 0 (at most 0)"),
        ("endless", math.inf, dict(at_least=2), "endless: inf (at least 2)"),
        ("near", 0.5996, dict(at_most=0.6), "near: 0.5996 (at most 0.6)"),
        ("next", math.nextafter(0.6, 0), dict(at_most=0.6), "next: 0.5999999999999999 (at most 0.6)"),
        ("over", 1.9457, dict(at_least=1.9457, at_most=2.1), "over: 1.9457 (from 1.9457 to 2.1)"),
        ("a fact", True, {}, "a fact"),
    ],
)
def test_claim_prints_a_sentence_with_its_value_and_its_bound(capsys, text, value, bounds, line):
    assert said(capsys, text, value, **bounds) == f"✓ {line}\n"


@given(st.floats(-1e18, 1e18), st.floats(-1, 1) | st.floats(-1e-15, 1e-15))
def test_printed_value_is_on_the_same_side_of_its_bound_as_the_value(bound, change):
    for value in [*beside(bound), bound + change, bound * (1 + change)]:
        side = "at_least" if value >= bound else "at_most"
        with pytest.MonkeyPatch.context() as patch:
            lines = []
            patch.setattr("builtins.print", lines.append)
            du.claim("it", value, **{side: bound})
        shown, limit = re.fullmatch(r"✓ it: (\S+) \(at \w+ (\S+)\)", lines[0]).groups()
        shown, limit = (float(number.replace(",", "")) for number in (shown, limit))
        assert limit == bound
        assert (shown > limit, shown < limit) == (value > bound, value < bound)
        assert shown == pytest.approx(value, rel=0.06)


@pytest.mark.parametrize("cast", [float, np.float64, np.float32, torch.tensor, np.array])
def test_numbers_of_numpy_and_torch_are_numbers(cast, capsys):
    assert said(capsys, "it", cast(0.5), at_most=cast(1.0)) == "✓ it: 0.50 (at most 1)\n"


@pytest.mark.parametrize("value", [True, np.True_, torch.tensor(True)])
def test_truth_values_need_no_bound(value):
    du.claim("it", value)
    with pytest.raises(ClaimError, match=r"does not hold: it\. The value is False, expected True"):
        du.claim("it", not value)
    with pytest.raises(ValueError, match=r"leave out \{\}"):
        du.claim("it is {}", value)


@pytest.mark.parametrize("value", [0.5, 2, 1, 1.0, 0, 0.0, np.float64(1), torch.tensor(1.0), math.nan])
def test_a_number_without_a_bound_is_no_claim(value):
    with pytest.raises(ValueError, match=r"no bound; give at_least="):
        du.claim("it", value)


@pytest.mark.parametrize("bound", [dict(at_least=-1e9), dict(at_most=1e9)])
def test_nan_holds_nowhere(bound):
    with pytest.raises(ClaimError, match="nan"):
        du.claim("it", math.nan, **bound)
    for never in (math.nan, math.inf):
        with pytest.raises(ValueError, match="expected finite numbers"):
            du.claim("it", 1.0, **{key: never for key in bound})


@pytest.mark.parametrize(
    "text",
    ["{} and {}", "{} at sigma = 0.1", "error {}2", "x{}", "-{}", "1.{}", "two\nlines", "two\n{} lines"],
)
def test_text_in_which_the_value_could_not_be_found_is_refused(text):
    with pytest.raises(ValueError, match=r"expected one line, with at most one \{\}"):
        du.claim(text, 0.1, at_most=1)


@pytest.mark.parametrize("tolerance", [-0.1, math.nan, math.inf])
def test_tolerance_is_a_finite_number(tolerance):
    with pytest.raises(ValueError, match="has tolerance="):
        du.claim("it", 0.1, at_most=1, tolerance=tolerance)


def test_a_claim_that_fails_is_an_assertion_that_says_what_to_do(capsys):
    with pytest.raises(
        AssertionError, match=r"The value is 3, expected at most 2\. Run the chapter again"
    ):
        du.claim("it is {} long", 3, at_most=2)
    with pytest.raises(
        ClaimError, match=r"it is 0\.60001 long\. The value is 0\.60001, expected at most 0\.6"
    ):
        du.claim("it is {} long", 0.60001, at_most=0.6)
    assert capsys.readouterr().out == ""


def test_terminal_without_the_letters_shows_their_numbers():
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    code = "import daeutils as du; du.claim('σ', 1, at_least=0)"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    assert done.stdout.decode("ascii").strip() == r"\u2713 \u03c3: 1 (at least 0)"


def test_ipython_in_a_terminal_shows_the_sentence():
    code = "import daeutils as du; du.claim('it', 1, at_least=0)"
    command = [sys.executable, "-m", "IPython", "--quick", "--colors=NoColor", "-c", code]
    env = os.environ | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, env=env, capture_output=True, check=True)
    assert done.stdout.decode("utf-8").strip() == "✓ it: 1 (at least 0)"


def test_the_budget_is_quick_unless_it_is_full(monkeypatch):
    monkeypatch.delenv("DAE_BUDGET", raising=False)
    assert du.budget(quick=10, full=1000) == 10
    for choice, expected in [("quick", 10), ("full", 1000)]:
        monkeypatch.setenv("DAE_BUDGET", choice)
        assert du.budget(quick=10, full=1000) == expected
    for choice in ("Full", "", "fast"):
        monkeypatch.setenv("DAE_BUDGET", choice)
        with pytest.raises(ValueError, match=r"DAE_BUDGET is .*expected 'quick' or 'full'"):
            du.budget(quick=10, full=1000)


# Tables


def table_of(capsys, *args) -> tuple[dict, str]:
    """What du.table shows in a notebook, and what it prints elsewhere."""
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teaching, "_display", lambda data, metadata=None: shown.append(data))
        du.table(*args)
    du.table(*args)
    return shown[0], capsys.readouterr().out


@pytest.mark.parametrize(
    "kind", [float, np.float32, np.float64, torch.tensor, lambda x: torch.tensor(x).double()]
)
def test_a_table_shows_its_numbers_in_columns(capsys, kind):
    rows = [["digits", kind(0.0831), 3], ["<clothes>", kind(0.274), 1000]]
    data, printed = table_of(capsys, rows, {"": "", "test BCE": ".2f", "images": ","})
    assert printed.splitlines() == [
        "           test BCE  images",
        "digits         0.08       3",
        "<clothes>      0.27   1,000",
    ]
    assert data["text/plain"] + "\n" == printed
    page = BeautifulSoup(data["text/html"], "html.parser")
    assert [cell.text for cell in page.find_all("th")] == ["", "test BCE", "images"]
    cells = [[cell.text for cell in row.find_all("td")] for row in page.find_all("tr")]
    assert cells == [[], ["digits", "0.08", "3"], ["<clothes>", "0.27", "1,000"]]
    sides = [re.search("left|right", cell["style"])[0] for cell in page.find_all(["th", "td"])]
    assert sides == ["left", "right", "right"] * 3


@pytest.mark.parametrize("nothing", [None, float("nan"), np.nan, torch.tensor(torch.nan)])
@pytest.mark.parametrize("how", ["", ".2f", "d"])
def test_what_is_not_there_is_a_dash(capsys, nothing, how):
    assert table_of(capsys, [["a", nothing]], {"name": "", "b": how})[1].split() == [
        "name",
        "b",
        "a",
        "–",
    ]


@pytest.mark.parametrize(("value", "how", "shown"), [
    (-0.001, ".2f", "0.00"), (-0.0, "g", "0"), (-0.004, ".0%", "0%"), (-0.006, ".2f", "-0.01"),
    (-math.inf, ".1f", "-inf"), (-20, "d", "-20"),
])  # fmt: skip
def test_a_zero_has_no_sign(capsys, value, how, shown):
    assert table_of(capsys, [["a", value]], {"": "", "b": how})[1].split() == ["b", "a", shown]


def test_text_among_numbers_stays_as_it_is(capsys):
    printed = table_of(capsys, [["a", 1.0], ["bb", "5 ± 1"]], {"": "", "x": ".1f"})[1]
    assert printed.splitlines() == ["        x", "a     1.0", "bb  5 ± 1"]


@pytest.mark.parametrize("row", [["a"], ["a", 1, 2], []])
def test_a_row_that_does_not_fit_its_columns_is_refused(capsys, row):
    with pytest.raises(ValueError, match=f"has {len(row)} values; expected 2: .*name.*number"):
        du.table([["b", 1], row], {"name": "", "number": "d"})
    assert not capsys.readouterr().out


# Questions


def stored(chapter: str) -> list[dict]:
    return json.loads((FOLDER / f"{chapter}.json").read_text("utf-8"))


def shown_text(html: str) -> str:
    """What a browser would show of a page, without its tags and styles."""
    soup = BeautifulSoup(html, "html.parser")
    for style in soup("style"):
        style.decompose()
    return soup.get_text()


def test_every_chapter_has_questions_and_no_other():
    assert sorted(path.stem for path in FOLDER.glob("*")) == CHAPTERS


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_questions_are_sound(chapter):
    questions = stored(chapter)
    assert 2 <= len(questions) <= 8  # what fits on a page
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
        assert text.count("$") % 2 == 0 and text.count("{") == text.count("}")
        outside = re.sub(r"\$[^$]+\$", "", text)
        assert not re.search(r"[\\_^]", outside), f"a formula outside of dollars: {outside}"
        assert outside.count("*") % 2 == 0


def test_neither_place_nor_length_tells_the_right_answer():
    """Else a student would do well by choosing the first, or the longest."""
    choices = [question["choices"] for chapter in CHAPTERS for question in stored(chapter)]
    places = [[choice["right"] for choice in each].index(True) for each in choices]
    assert max(map(places.count, places)) <= len(choices) / 2
    longest = [max(each, key=lambda choice: len(choice["text"]))["right"] for each in choices]
    assert sum(longest) <= len(choices) / 2


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_ends_with_its_questions(chapter):
    cells = jupytext.read(TWINS / f"{chapter}.py").cells
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
    choices = sum(len(question["choices"]) for question in stored(chapter))
    assert html.count("<summary>") == choices
    assert html.count('class="right"') == len(stored(chapter))


def test_html_in_a_question_is_only_text():
    nasty = '<b onclick="x()">&amp;</b> "quoted"'
    choice = {"text": nasty, "right": True, "why": f"{nasty} and $a<b$"}
    html = Quiz([{"question": nasty, "choices": [choice]}])._repr_html_()
    assert "<b" not in html
    assert shown_text(html).count(nasty) == 3
    assert "<i>a</i>&lt;<i>b</i>" in html


FORMULAS = {
    r"R^*(\tilde x)-\tilde x": "<i>R</i><sup>*</sup>(<i>x̃</i>)−<i>x̃</i>",
    r"R^*_i=\frac12": "<i>R</i><sup>*</sup><sub><i>i</i></sub> = ½",
    r"\sigma\sqrt{256}=16": "<i>σ</i>√256 = 16",
    r"\frac1{12}": "1/12",
    r"\frac{a+b}2\sqrt{a-b}": "(<i>a</i> + <i>b</i>)/2√(<i>a</i>−<i>b</i>)",
    r"-\frac12\log0.8\approx0.92": "−½ log 0.8 ≈ 0.92",
    r"E[x_i\mid\tilde x]": "<i>E</i>[<i>x</i><sub><i>i</i></sub> | <i>x̃</i>]",
    r"a<b": "<i>a</i>&lt;<i>b</i>",
}


@pytest.mark.parametrize("tex", FORMULAS)
def test_a_formula_is_plain_html(tex):
    inside = re.fullmatch('<span style="white-space: nowrap">(.*)</span>', formula(tex))[1]
    assert unicodedata.normalize("NFC", inside) == unicodedata.normalize("NFC", FORMULAS[tex])


def test_formulas_and_emphasis():
    assert marked_up("the $R$ of *all*") == f"the {formula('R')} of <em>all</em>"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_question_needs_a_front_end_that_knows_tex(chapter):
    assert not re.search(
        r"[\\$^{}]", re.sub("<style>.*?</style>", "", du.quiz(chapter)._repr_html_(), flags=re.DOTALL)
    )


def test_a_chapter_without_questions_is_named():
    with pytest.raises(ValueError, match="no questions for chapter '77'; expected one of 00, 01"):
        du.quiz("77")


# Answers to exercises

ANSWERS = {
    "Python": [[0.5, 2], [3, 4]],
    "NumPy": np.array([[0.5, 2], [3, 4]], dtype=np.float32),
    "PyTorch": torch.tensor([[0.5, 2], [3, 4]], requires_grad=True),
    "rows": (torch.tensor([0.5, 2.0], dtype=torch.float64), torch.tensor([3, 4])),
    "mixed": [[torch.tensor(0.5, requires_grad=True), 2], np.array([3, 4])],
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_may_be_numbers_of_any_kind(kind):
    found = numbers(ANSWERS[kind])
    assert found.dtype == torch.float64 and not found.requires_grad
    assert found.tolist() == [[0.5, 2], [3, 4]]


@pytest.mark.parametrize("answer", [2, True + 1, np.float32(2), torch.tensor([[2]]), [2.0]])
def test_one_number_is_read_from_any_shape(answer):
    assert number(answer) == 2


@pytest.mark.parametrize("answer", [[1, 2], torch.zeros(3), []])
def test_several_numbers_in_place_of_one_are_refused_in_a_sentence(answer):
    with pytest.raises(AssertionError, match=r"expected one number, got shape"):
        number(answer)


# Sliders


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    """What `slide` displays, as mime types."""
    found = []
    monkeypatch.setattr(teaching, "_display", lambda data, metadata=None: found.append(data))
    return found


def frames_of(data: dict) -> tuple[BeautifulSoup, list[str]]:
    soup = BeautifulSoup(data["text/html"], "html.parser")
    return soup, json.loads(soup.find("script", type="application/json").string)


def grey(share) -> None:
    """A figure that is one shade of grey."""
    plt.figure(figsize=(1, 1)).patch.set_facecolor(str(share))


def shade(frame: str) -> float:
    with Image.open(io.BytesIO(base64.b64decode(frame))) as picture:
        return np.asarray(picture.convert("L")).mean() / 255


def test_a_slider_has_a_picture_for_each_choice_in_order(shown):
    def draw(noise_level, law):
        grey({"ring": 0, "moons": 0.5}[law] + noise_level / 2)

    du.slide(draw, noise_level=[0.1, 0.25, 0.5], law=["ring", "moons"])
    soup, frames = frames_of(shown[0])
    expected = [level / 2 + start for level in (0.1, 0.25, 0.5) for start in (0, 0.5)]
    np.testing.assert_allclose([shade(frame) for frame in frames], expected, atol=0.01)
    assert [label.text.split()[:-1] for label in soup.find_all("label")] == [["noise", "level"], ["law"]]
    assert [slider["data-words"] for slider in soup.find_all("input")] == ["0.1|0.25|0.5", "ring|moons"]
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("values", "start", "first"),
    [([0.1, 0.2, 0.9], {"n": 0.9}, 0.9), ((0.1, 0.5, 0.7), None, 0.5), ((0.7,), {}, 0.7)],
)
def test_a_slider_starts_where_it_is_told(shown, values, start, first):
    du.slide(lambda n: grey(n), n=values, start=start)
    soup, _ = frames_of(shown[0])
    at_first = soup.find("img")["src"].removeprefix("data:image/webp;base64,")
    assert (
        shade(at_first)
        == pytest.approx(first, abs=0.01)
        == pytest.approx(shade(shown[0]["image/png"]), abs=0.01)
    )
    assert values[int(soup.find("input")["value"])] == first
    assert soup.find("output").text == soup.find("input")["aria-valuetext"] == f"{first:g}"
    assert shown[0]["text/plain"] == f"Figure: n = {first}"


def test_a_slider_needs_a_figure(shown):
    with pytest.raises(ValueError, match=r"left no figure open; expected one"):
        du.slide(lambda n: None, n=[1, 2])


def test_a_slider_needs_values():
    for choices in ({}, {"x": []}):
        with pytest.raises(ValueError, match="expected at least one value for each slider"):
            du.slide(print, **choices)
    for start in ({"x": 5}, {"y": 1}):
        with pytest.raises(ValueError, match=r"start has . = .; expected one of"):
            du.slide(print, x=[1, 2], start=start)
