"""What chapters and exercises use beside their own code: claims, tables, budgets, questions, sliders."""

import base64
import hashlib
import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from daeutils import _engine

# A terminal that has no letter for σ shows \u03c3: better than an error in the middle of a chapter.
for _stream in (sys.stdout, sys.stderr):
    if isinstance(_stream, io.TextIOWrapper) and _stream.encoding.lower() != "utf-8":
        _stream.reconfigure(errors="backslashreplace")


# Claims


class ClaimError(AssertionError):
    """A statement of the book did not hold."""


def claim(
    text: str,
    value,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    tolerance: float | None = None,
) -> None:
    """Check a statement of the book, and print it as a sentence with its value and its bound::

        claim("The error is {} of the mean image's", 0.351, at_most=0.6)
        ✓ The error is 0.35 of the mean image's (at most 0.6)

    In a notebook the exact value is stored as well, in the metadata of the output, so that the tests
    can compare the values of two runs.

    Args:
        text: the statement. The value is put in place of {}, or behind the text if there is no {}.
            No digit may follow {}: the tests take the last number of the sentence for the value.
        value: a number, or a truth value if no bound is given.
        at_least, at_most: the bounds, both included.
        tolerance: the relative change of the value between two runs that the tests accept; 0.3 if
            it is not given.

    Raises:
        ClaimError: the value is out of bounds, false, or not a number.
        ValueError: the claim cannot be checked: a number without a finite bound, or a text in which
            the tests could not find the value.
    """
    value, at_least, at_most, tolerance = map(_plain, (value, at_least, at_most, tolerance))
    bounds = [bound for bound in (at_least, at_most) if bound is not None]
    _check_claim(text, value, bounds, tolerance)
    if bounds:
        shown, expected = _rounded(value, bounds), _in_words(at_least, at_most)
        sentence = text.replace("{}", shown) if "{}" in text else f"{text}: {shown}"
        holds = at_least is None or value >= at_least  # False for NaN, as every comparison with it
        holds = holds and (at_most is None or value <= at_most)
    else:
        shown, expected, sentence, holds = value, "True", text, value
    if not holds:
        raise ClaimError(
            f"does not hold: {sentence}. The value is {shown}, expected {expected}. "
            "Run the chapter again from the top. If the claim fails again, it is wrong here, "
            "and that is worth reporting with your versions of Python and torch."
        )
    stored = value if math.isfinite(value) else str(value)  # strict JSON has no infinity
    stored = dict(text=text, value=stored, at_least=at_least, at_most=at_most, tolerance=tolerance)
    _show(f"✓ {sentence} ({expected})" if bounds else f"✓ {sentence}", stored)


def _plain(value):
    """The Python number, which JSON can write, for one of numpy, torch or sympy; None for None."""
    value = value.item() if hasattr(value, "item") else value
    return value if value is None or isinstance(value, int) else float(value)


def _check_claim(text: str, value: float, bounds: list[float], tolerance: float | None) -> None:
    """Refuse a claim that cannot fail, or whose value could not be found in its sentence."""
    if not bounds and not isinstance(value, bool):
        raise ValueError(f"claim {text!r} has the value {value!r} and no bound; give at_least=...")
    if not all(map(math.isfinite, bounds)):
        raise ValueError(f"claim {text!r} has the bounds {bounds}; expected finite numbers.")
    if tolerance is not None and not 0 <= tolerance < math.inf:
        raise ValueError(f"claim {text!r} has tolerance={tolerance}; expected a number such as 0.5.")
    if "{}" in text and not bounds:
        raise ValueError(f"claim {text!r} has a truth value, which is not printed; leave out {{}}.")
    alone = text.count("{}") == 1 and re.search(r"(?<![\w.,+-])\{\}\D*$", text)
    if "\n" in text or ("{}" in text and not alone):
        raise ValueError(
            f"claim {text!r}: expected one line, with at most one {{}}, a space before it and no "
            "digit after it. The tests take the last number for the value: put other numbers first."
        )


def _in_words(at_least: float | None, at_most: float | None) -> str:
    """The bounds, unrounded: at most 0.6."""
    low, high = (
        None if bound is None else _tidy(f"{bound:,}".removesuffix(".0")) for bound in (at_least, at_most)
    )
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"exactly {low}" if low == high else f"from {low} to {high}"


def _rounded(value: float, bounds: list[float]) -> str:
    """The value with two or three digits, and more where it would seem to be one of its bounds."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    fewest = 3 if abs(value) >= 0.9 else 2
    if abs(value) < 1e15:
        fewest = max(fewest, len(f"{abs(value):.0f}"))  # 1,234 rather than 1.23e+03
    for digits in range(fewest, 18):  # 17 digits tell any two numbers apart
        shown = f"{value:#,.{digits}g}"
        near = float(shown.replace(",", ""))
        if all((near > bound, near < bound) == (value > bound, value < bound) for bound in bounds):
            break
    return _tidy(shown)


def _tidy(number: str) -> str:
    """A number as people write it: 364, 1e-9 and 1.2e20 for 364., 1e-09 and 1.2e+20."""
    return re.sub(r"e\+?(-?)0*", r"e\1", number).removesuffix(".")


def _show(sentence: str, claim: dict) -> None:
    """Print the sentence; in a notebook with the claim in the metadata of the output."""
    _display({"text/plain": sentence}, {"claim": claim})


def _display(data: dict, metadata: dict | None = None) -> None:
    """Show data in a notebook, and print its text elsewhere."""
    ipython = sys.modules.get("IPython")  # slow to import, and there already where it is needed
    text = data["text/plain"]
    try:
        if ipython and ipython.get_ipython():
            from IPython.display import display

            display(data, raw=True, metadata=metadata)
        else:
            print(text)
    except UnicodeEncodeError:  # a file without a letter for σ
        print(text.encode(sys.stdout.encoding, "backslashreplace").decode(sys.stdout.encoding))


def budget(*, quick, full):
    """`quick`, or `full` where the environment variable DAE_BUDGET says so."""
    choice = os.environ.get("DAE_BUDGET", "quick")
    if choice not in ("quick", "full"):
        raise ValueError(f"DAE_BUDGET is {choice!r}; expected 'quick' or 'full'.")
    return full if choice == "full" else quick


# Tables


def table(rows: Iterable[Iterable], columns: dict[str, str]) -> None:
    """Show a table; `columns` has a heading and a format for each column::

        table([["digits", 0.0831], ["clothes", 0.2734]], {"": "", "test BCE": ".3f"})

    A column with the format "" is text and stands to the left; the others are numbers and stand to the
    right. In those, a value that is text already is shown as it is, and None and NaN as a dash.

    Raises:
        ValueError: a row has more or fewer values than there are columns.
    """
    lines = [list(columns)]
    for row in map(list, rows):
        if len(row) != len(columns):
            raise ValueError(f"the row {row} has {len(row)} values; expected {len(columns)}: {lines[0]}.")
        lines.append([_cell(value, how) for value, how in zip(row, columns.values(), strict=True)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = ["right" if how else "left" for how in columns.values()]
    to = {"left": str.ljust, "right": str.rjust}
    text = [
        "  ".join(to[side](cell, width) for side, cell, width in zip(sides, line, widths, strict=True))
        for line in lines
    ]
    html = [
        "".join(
            f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>'
            for side, cell in zip(sides, line, strict=True)
        )
        for tag, line in zip(["th"] + ["td"] * len(lines), lines, strict=False)
    ]
    page = [f"<thead><tr>{html[0]}</tr></thead>", "<tbody>", *(f"<tr>{row}</tr>" for row in html[1:])]
    page = ['<div style="overflow-x: auto"><table class="dae-table">', *page, "</tbody></table></div>"]
    _display({"text/html": "\n".join(page), "text/plain": "\n".join(map(str.rstrip, text))})


def _cell(value, how: str) -> str:
    """One value as it stands in a table."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return "–"
    text = format(_plain(value) if how else value, how)
    return text.removeprefix("-") if re.fullmatch(r"-0[.0]*%?", text) else text  # no -0.00


# Questions


FOLDER = Path(__file__).parent / "assets" / "questions"

# Printed, every answer is open: on paper nobody can click.
STYLE = """
.dae-quiz details { margin: .4em 0; padding: .3em .8em; border-left: 4px solid #808080; }
.dae-quiz summary { cursor: pointer; }
.dae-quiz details p { margin: .4em 0 .2em 1.1em; }
.dae-quiz details[open].right { border-color: #009E73; }
.dae-quiz details[open].wrong { border-color: #D55E00; }
@media print { .dae-quiz ::details-content { content-visibility: visible; block-size: auto; } }
"""


# The TeX of the questions, as plain HTML: VS Code typesets no formulas in what a cell shows.
SIGNS = {
    "sigma": "<i>σ</i>", "eta": "<i>η</i>", "varepsilon": "<i>ε</i>", "log": " log ",
    "approx": " ≈ ", "to": " → ", "mid": " | ", ",": " ",
}  # fmt: skip
PLAIN = {"-": "−", "=": " = ", "+": " + ", "'": "′"}


def formula(tex: str) -> str:
    """A short formula as HTML: letters in italics, sub- and superscripts, and what is in SIGNS.

    Raises:
        KeyError: a command that is not in SIGNS.
    """
    tokens = re.findall(r"\\[a-zA-Z]+|\\.|\S", tex)

    def in_brackets(part: str) -> str:  # a sum under a root or in a fraction
        return f"({part})" if re.search("[+−]", part) else part

    def next_part() -> str:
        sign = tokens.pop(0)
        if sign == "{":
            inside = ""
            while tokens[0] != "}":
                inside += next_part()
            tokens.pop(0)
            return inside
        if sign in "^_":
            tag = "sup" if sign == "^" else "sub"
            return f"<{tag}>{next_part()}</{tag}>"
        if sign in (r"\tilde", r"\hat"):
            return next_part().replace("</i>", "\u0303</i>" if sign == r"\tilde" else "\u0302</i>")
        if sign == r"\sqrt":
            return f"√{in_brackets(next_part())}"
        if sign == r"\frac":
            above, below = in_brackets(next_part()), in_brackets(next_part())
            return "½" if (above, below) == ("1", "2") else f"{above}/{below}"
        if sign.startswith("\\"):
            return SIGNS[sign[1:]]
        return f"<i>{sign}</i>" if sign.isalpha() else PLAIN.get(sign, escape(sign))

    html = ""
    while tokens:
        html += next_part()
    return f'<span style="white-space: nowrap">{re.sub(" +", " ", html).strip()}</span>'


def marked_up(text: str) -> str:
    """Text as HTML: what stands between dollars is a formula, and between stars emphasis."""
    parts = re.split(r"\$([^$]+)\$", text)
    parts[::2] = [re.sub(r"\*([^*]+)\*", r"<em>\1</em>", escape(part)) for part in parts[::2]]
    parts[1::2] = map(formula, parts[1::2])
    return "".join(parts)


class Quiz:
    """Shows itself: in a notebook as questions whose choices open, elsewhere as text."""

    def __init__(self, questions: list[dict]):
        self.questions = questions

    def _repr_html_(self) -> str:
        lines = ['<div class="dae-quiz">', f"<style>{STYLE}</style>", "<ol>"]
        for question in self.questions:
            lines.append(f"<li><p>{marked_up(question['question'])}</p>")
            for choice in question["choices"]:
                kind, verdict = ("right", "Right.") if choice["right"] else ("wrong", "No.")
                lines += [
                    f'<details class="{kind}"><summary>{marked_up(choice["text"])}</summary>',
                    f"<p><strong>{verdict}</strong> {marked_up(choice['why'])}</p></details>",
                ]
            lines.append("</li>")
        return "\n".join([*lines, "</ol>", "</div>"])

    def __repr__(self) -> str:
        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f"{number}. {question['question']}")
            for letter, choice in zip("abcdef", question["choices"], strict=False):
                verdict = "Right." if choice["right"] else "No."
                lines += [f"   ({letter}) {choice['text']}", f"       {verdict} {choice['why']}"]
        return "\n".join(lines)


def quiz(chapter: str) -> Quiz:
    """The questions of a chapter, as the last expression of a cell: quiz("03").

    Args:
        chapter: its number, or its whole name.

    Raises:
        ValueError: there are no questions for such a chapter.
    """
    found = [path for path in FOLDER.glob("*.json") if chapter in (path.stem, path.stem[:2])]
    if not found:
        known = ", ".join(sorted(path.stem[:2] for path in FOLDER.glob("*.json")))
        raise ValueError(f"no questions for chapter {chapter!r}; expected one of {known}.")
    return Quiz(json.loads(found[0].read_text("utf-8")))


# Answers to exercises


def numbers(found) -> Tensor:
    """What a student's function returned, as a tensor of float64 on the CPU.

    Takes numbers and arrays of Python, NumPy and PyTorch, and lists of them, gradients or not.
    """
    if isinstance(found, list | tuple) and found:
        return torch.stack([numbers(each) for each in found])
    if isinstance(found, Tensor):
        return found.detach().cpu().double()
    if found is None:
        raise AssertionError("your function returned None: is there a return?")
    return torch.as_tensor(np.array(found, dtype=float), device="cpu")


def number(found) -> float:
    """The same where a single number is expected.

    Raises:
        AssertionError: there are several, or none.
    """
    values = numbers(found)
    if values.numel() != 1:
        raise AssertionError(f"expected one number, got shape {tuple(values.shape)}")
    return values.item()


# Sliders


# One picture for each choice, in the order of the sliders, and plain JavaScript: the sliders move on the
# web page, offline, and in a notebook without a kernel. Without scripts the first picture is shown. The
# attribute tells JupyterLab to leave the arrow keys to the sliders.
FILM = """
<div class="dae-slide" id="{id}">
<p>{sliders}</p>
<img alt="" width="{width}" src="data:image/webp;base64,{first}">
<script type="application/json">{frames}</script>
<script>
(() => {{
  const box = document.getElementById("{id}"), sliders = [...box.querySelectorAll("input")];
  const frames = JSON.parse(box.querySelector("script").textContent);
  const show = () => {{
    let at = 0;
    for (const slider of sliders) {{
      const word = slider.dataset.words.split("|")[slider.value];
      slider.setAttribute("aria-valuetext", word);
      slider.nextElementSibling.textContent = word;
      at = at * (Number(slider.max) + 1) + Number(slider.value);
    }}
    box.querySelector("img").src = "data:image/webp;base64," + frames[at];
  }};
  sliders.forEach((slider) => slider.addEventListener("input", show));
}})();
</script>
</div>
"""
SLIDER = (
    '<label>{label} <input type="range" data-lm-suppress-shortcuts="true" min="0" max="{last}" '
    'value="{place}" data-words="{words}" aria-valuetext="{word}"> <output>{word}</output></label>'
)


def slide(draw: Callable[..., object], *, start: dict | None = None, **choices: Sequence) -> None:
    """Show draw(name=value, ...) under one slider for each of `choices`::

        slide(draw, sigma=[0.05, 0.1, 0.2], start={"sigma": 0.1})

    Every choice is drawn at once, and the sliders choose among the pictures: they move without Python.

    Args:
        draw: called with one value for each name; makes a figure and leaves it open.
        choices: for each argument of draw, what can be chosen, in order; the name is the label.
        start: the first choices; the middle ones by default.

    Raises:
        ValueError: no choices, an empty list, or a start that is not among them; or draw made no figure.
    """
    if not choices or not all(len(values) for values in choices.values()):
        raise ValueError(f"choices are {choices}; expected at least one value for each slider.")
    start = {name: values[len(values) // 2] for name, values in choices.items()} | (start or {})
    for name, value in start.items():
        if value not in choices.get(name, ()):
            raise ValueError(
                f"start has {name} = {value!r}; expected one of {list(choices.get(name, ()))}."
            )
    every = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    frames = [_frame(draw, chosen, "webp") for chosen in _engine.bar(every, desc="drawing")]
    sliders = []
    for name, values in choices.items():
        words = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
        place = list(values).index(start[name])
        sliders.append(
            SLIDER.format(label=escape(name.replace("_", " ")), last=len(words) - 1, place=place,
                          words=escape("|".join(words)), word=escape(words[place]))
        )  # fmt: skip
    png = _frame(draw, start, "png")
    page = FILM.format(
        id="film-" + hashlib.sha256("".join(frames).encode()).hexdigest()[:8],
        sliders=" ".join(sliders),
        width=int.from_bytes(base64.b64decode(png)[16:20], "big"),  # as a PNG states it
        first=frames[every.index(start)],
        frames=json.dumps(frames),
    )
    text = ", ".join(f"{name} = {value}" for name, value in start.items())
    _display({"text/html": page, "image/png": png, "text/plain": f"Figure: {text}"})


def _frame(draw: Callable, chosen: dict, kind: str) -> str:
    """The figure that draw makes of one choice, in base64."""
    import matplotlib.pyplot as plt

    plt.close("all")
    draw(**chosen)
    if not plt.get_fignums():
        raise ValueError(f"draw({chosen}) left no figure open; expected one: leave out plt.show().")
    data = io.BytesIO()
    sharp = 1.4 * plt.rcParams["figure.dpi"]
    how = {"dpi": sharp, "pil_kwargs": {"quality": 40, "method": 6}} if kind == "webp" else {}
    plt.gcf().savefig(data, format=kind, **how)
    plt.close("all")
    return base64.b64encode(data.getvalue()).decode()
