"""What a chapter uses to keep its word: claims with a ledger, and two budgets."""

import io
import json
import math
import os
import sys

# A terminal that has no letter for σ shows \u03c3: better than an error in the middle of a chapter.
for _stream in (sys.stdout, sys.stderr):
    if isinstance(_stream, io.TextIOWrapper) and _stream.encoding.lower() != "utf-8":
        _stream.reconfigure(errors="backslashreplace")


class ClaimError(AssertionError):
    """A statement of the book did not hold."""


def claim(text: str, value, *, at_least: float | None = None, at_most: float | None = None) -> None:
    """Assert a statement of the book, and print a line that is the same on every machine.

    While the book is built (environment variable DAE_LEDGER) the value and its bound are also
    appended to a ledger, which the site shows.

    Args:
        text: the statement.
        value: a number, or a truth value if no bound is given.
        at_least, at_most: the bounds, both included.

    Raises:
        ClaimError: the value is out of bounds, false, or not a number.
        ValueError: a number came without a bound: a claim that cannot fail is none.
    """
    bounds = [(">=", at_least), ("<=", at_most)]
    limits = [f"{sign} {limit:g}" for sign, limit in bounds if limit is not None]
    kind = str(getattr(value, "dtype", type(value).__name__))  # bool, also of numpy and torch
    if not limits and not kind.endswith("bool"):
        raise ValueError(f"claim {text!r} has the value {value!r} and no bound; give at_least=...")
    number = float(value)
    bound = " and ".join(limits) or "true"
    holds = not math.isnan(number)
    holds &= at_least is None or number >= at_least
    holds &= at_most is None or number <= at_most
    holds &= bool(limits) or bool(value)
    holds = bool(holds)  # not numpy's, which JSON cannot write
    ledger = os.environ.get("DAE_LEDGER")
    if ledger:
        entry = {
            "chapter": os.environ.get("DAE_CHAPTER", ""),
            "claim": text,
            "value": number,
            "bound": bound,
            "holds": holds,
        }
        with open(ledger, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
    if not holds:
        raise ClaimError(
            f"does not hold: {text}: the value is {number:.6g}, expected {bound}. "
            "Run the chapter again from the top; if it stays, the statement is wrong here, "
            "and that is worth reporting with your versions of Python and torch."
        )
    print(f"holds: {text} ({bound})")


def budget(*, quick, full):
    """`quick`, or `full` where the environment variable DAE_BUDGET says so."""
    choice = os.environ.get("DAE_BUDGET", "quick")
    if choice not in ("quick", "full"):
        raise ValueError(f"DAE_BUDGET is {choice!r}; expected 'quick' or 'full'.")
    return full if choice == "full" else quick
