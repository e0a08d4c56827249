"""Do the claims of the chapters hold with other random numbers?

Each chapter is executed with a number added to every seed in it: other samples, initial weights, batches
and chains. Only the shipped networks stay. The numbers are drawn anew for each measurement, so no bound
was ever set with them in view.
"""

import secrets
from functools import partial
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import pandas as pd
import report
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from store import ROOT, Store

NOTEBOOKS = ROOT / "notebooks"
RUNS = "The chapter runs to its end"
# The first cell of each chapter. A claim that fails is kept like one that holds, and the chapter goes on.
FIRST = """
import os
os.environ["DAE_BUDGET"] = {budget!r}
import daeutils, numpy, torch
from IPython.display import display

def shifted():
    set_global, make_rng, check = torch.manual_seed, numpy.random.default_rng, daeutils.claim

    class Generator(torch.Generator):
        def manual_seed(self, seed):
            return super().manual_seed(seed + {shift})

    def claim(text, value, *, at_least=None, at_most=None, **more):
        try:
            check(text, value, at_least=at_least, at_most=at_most, **more)
        except AssertionError as error:
            stored = {{"text": text, "value": float(value), "at_least": at_least, "at_most": at_most}}
            display({{"text/plain": str(error)}}, raw=True, metadata={{"claim": stored}})

    torch.Generator, daeutils.claim = Generator, claim
    torch.manual_seed = lambda seed: set_global(seed + {shift})
    numpy.random.default_rng = lambda seed=None: make_rng(None if seed is None else seed + {shift})

shifted()
"""


class Sizes(NamedTuple):
    """How much of everything: the real thing, or enough to see that it runs."""

    shifts: int = 1  # new sets of seeds
    chapters: str = "*.ipynb"
    budget: str = "quick"
    timeout: int = 1800  # seconds for a cell
    notebooks: Path = NOTEBOOKS


QUICK = Sizes(chapters="00-*.ipynb")


def holds(value: float, at_least: float | None, at_most: float | None) -> bool:
    """Whether a value keeps its bounds, both included; without a bound it is a truth value."""
    if at_least is None and at_most is None:
        return bool(value)
    return (at_least is None or value >= at_least) and (at_most is None or value <= at_most)


def claims(path: Path, shift: int, budget: str, timeout: int) -> list[dict]:
    """Execute a chapter with `shift` added to its seeds: a row for each claim that it made."""
    notebook, failure = nbformat.read(path, 4), None
    first = FIRST.format(budget=budget, shift=shift)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    client = NotebookClient(notebook, timeout=timeout, resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute()
    except CellExecutionError as error:
        failure = f"{error.ename}: {error.evalue}"
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    found = [output["metadata"]["claim"] for output in outputs if "claim" in output.get("metadata", {})]
    rows = [
        {name: claim.get(name) for name in ("text", "value", "at_least", "at_most")} for claim in found
    ]
    for row in rows:
        row["value"] = float(row["value"])  # infinity comes as a word
        row["holds"] = holds(row["value"], row["at_least"], row["at_most"])
    return [
        *rows,
        {"text": RUNS, "value": float(failure is None), "holds": failure is None, "error": failure},
    ]


def draw_shifts(master: int, count: int) -> list[int]:
    """The numbers that are added to the seeds."""
    return np.random.default_rng(master).integers(10_000, 10_000_000, count).tolist()


def run(store: Store, sizes: Sizes) -> None:
    """Finish the measurement that was begun, or begin one with new shifts."""
    chapters = sorted(sizes.notebooks.glob(sizes.chapters))
    masters = [row["master"] for row in store.flat() if "chapter" not in row]
    done = {(row["master"], row["shift"], row["chapter"]) for row in store.flat() if "chapter" in row}

    def plan(master):
        return [
            (master, shift, path.stem) for shift in draw_shifts(master, sizes.shifts) for path in chapters
        ]

    if not masters or done.issuperset(plan(masters[-1])):
        masters.append(secrets.randbits(32))
        store.measure(lambda: [{"master": masters[-1]}], measurement=len(masters))
    for master, shift, chapter in plan(masters[-1]):
        path = sizes.notebooks / f"{chapter}.ipynb"
        work = partial(claims, path, shift, sizes.budget, sizes.timeout)
        store.measure(work, master=master, shift=shift, chapter=chapter, budget=sizes.budget)


# --- Reporting ----------------------------------------------------------------------------------------


def checks(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of claims."""
    return frame[frame.chapter.notna()]


def conclusion(frame: pd.DataFrame) -> str:
    """Two sentences, made from the rows."""
    rows = checks(frame)
    failed = len(rows) - int(rows.holds.sum())
    return (
        f"With {rows['shift'].nunique()} new sets of seeds, {failed} of {len(rows):,} checks fail. "
        "The seeds were drawn after the bounds had been set, and failures stay in the table."
    )


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line for each chapter: how many checks there were, and which of them failed."""
    lines = []
    for chapter, rows in checks(frame).groupby("chapter"):
        failed = rows[~rows.holds.astype(bool)]
        words = "; ".join(f"{row.text} ({row.value:.3g})" for row in failed.itertuples())
        lines.append({"chapter": chapter, "sets of seeds": rows["shift"].nunique(), "checks": len(rows),
                      "failed": len(failed), "which, with their values": words})  # fmt: skip
    return pd.DataFrame(lines)


def figure(frame: pd.DataFrame):
    """How far each claim is from its bound, chapter by chapter."""
    rows = checks(frame)
    rows = rows[rows.at_least.isna() != rows.at_most.isna()]
    bound = rows.at_least.fillna(rows.at_most).astype(float)
    rows = rows.assign(ratio=rows.value / bound)[(bound > 0) & (rows.value > 0)]
    rows["slack"] = rows.ratio.where(rows.at_most.isna(), 1 / rows.ratio)
    (ax,) = report.axes(1)
    for ok, colour in ((True, "C0"), (False, "C1")):
        mine = rows[rows.holds.astype(bool) == ok]
        ax.plot(
            mine.slack,
            mine.chapter.str[:2],
            "o",
            ms=4,
            alpha=0.5,
            color=colour,
            label="holds" if ok else "fails",
        )
    ax.axvline(1, color="gray", ls="--", lw=1)
    ax.set(xscale="log", xlabel="distance from the bound, as a factor", ylabel="chapter")
    ax.legend(fontsize=7)
    return ax.figure
