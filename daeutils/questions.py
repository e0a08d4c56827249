"""Questions with explained answers, stored as data: interactive without a script, offline."""

import json
import re
from html import escape
from pathlib import Path

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


def marked_up(text: str) -> str:
    """Text as HTML: dollars about formulas become what MathJax finds, stars become emphasis."""
    parts = re.split(r"\$([^$]+)\$", text)
    parts[::2] = [re.sub(r"\*([^*]+)\*", r"<em>\1</em>", escape(part)) for part in parts[::2]]
    parts[1::2] = [rf"\({escape(part)}\)" for part in parts[1::2]]
    return "".join(parts)


class Quiz:
    """Shows itself: in a notebook as questions whose choices open, elsewhere as text."""

    def __init__(self, questions: list[dict]):
        self.questions = questions

    def _repr_html_(self) -> str:
        # The class tex2jax_process: the web book typesets formulas only where it stands.
        lines = ['<div class="dae-quiz tex2jax_process">', f"<style>{STYLE}</style>", "<ol>"]
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
