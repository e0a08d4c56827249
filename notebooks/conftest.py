"""What `pytest --nbval` needs here: which notebooks it compares, how, and in which surroundings."""

import os
from pathlib import Path

import pytest

collect_ignore_glob = ["exercises/*"]  # unsolved, so their checks fail

# No progress bars among the outputs, and the budget of the stored ones.
os.environ |= {"TQDM_DISABLE": "1", "DAE_BUDGET": "quick"}
# The kernel draws inline whatever the shell asks for.
os.environ.pop("MPLBACKEND", None)


def pytest_configure(config):
    """Set nbval's options, so that they are the same wherever pytest is called."""
    if getattr(config.option, "nbval", False):
        config.option.nbval_sanitize_with = str(Path(__file__).with_name("nbval.cfg"))
        config.option.nbval_current_env = True
        config.option.nbval_cell_timeout = 600
        config.option.nbval_kernel_startup_timeout = 120


# Claims: nbval blanks their values in the text (nbval.cfg); here the values are compared.


def claims(outputs) -> list[dict]:
    """The claims that the outputs of a cell carry in their metadata."""
    found = (output.get("metadata", {}).get("claim") for output in outputs)
    return [dict(claim) for claim in found if claim]


def moved(stored: dict, now: dict) -> str | None:
    """A sentence if a claim's value is another one than when the chapter was stored, else None.

    The change is taken relative to the stored value, or to a tenth of the (nearest to zero) bound if
    that is larger: below that a value is rounding, which another processor does otherwise.
    """
    before, after = float(stored["value"]), float(now["value"])
    bounds = [abs(now[name]) for name in ("at_least", "at_most") if now[name] is not None]
    scale = max(abs(before), min(bounds, default=0) / 10, 1e-12)
    tolerance = 0.3 if now["tolerance"] is None else now["tolerance"]
    if before == after or abs(after - before) <= tolerance * scale:
        return None
    return (
        f"{now['text']!r} has the value {after:.6g}; stored is {before:.6g}, and a change by "
        f"{tolerance:.0%} is accepted."
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    executed = getattr(item, "test_outputs", None)  # nbval's cells have it
    if executed is None or item.cell.execution_count is None:
        return result
    stored, now = claims(item.cell.outputs), claims(executed)
    if [claim | {"value": 0} for claim in stored] != [claim | {"value": 0} for claim in now]:
        item.raise_cell_error(f"Other claims than the stored ones.\nstored: {stored}\nnow: {now}")
    if names := list(filter(None, map(moved, stored, now))):
        item.raise_cell_error(
            "Claims that moved:\n" + "\n".join(names) + "\nIf that is meant, store the chapter again "
            "(make refresh). If it is chance, give the claim a wider tolerance=."
        )
    return result
