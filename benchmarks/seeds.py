"""Do the claims of the chapters hold with other random numbers?

    python benchmarks/seeds.py [quick] [full]

Each chapter runs as a script, with a number added to every seed in it: other samples, other initial
weights, other batches and chains; only the shipped networks stay. A claim that fails is noted, and the
chapter goes on. `quick` is the budget that readers have, for all chapters; `full` is DAE_BUDGET=full,
for the chapters about the score. Each finished chapter is kept at once, in docs/measured/seeds.
"""

import json
import runpy
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import running
from report import read_sections

TWINS = running.ROOT / "notebooks" / "scripts"
PLAY = "import sys, seeds; seeds.play(sys.argv[1], int(sys.argv[2]))"


class Sizes(NamedTuple):
    """How much of everything: the real thing, or enough to see that it runs."""

    shifts: tuple = (1000, 2000)  # the stored chapters are 0
    chapters: tuple = ("",)  # the beginnings of their names
    full_shifts: tuple = (0, 1000, 2000)
    full_chapters: tuple = ("03", "04", "08", "09")


QUICK = Sizes((1000,), ("00",), (0,), ("00",))

Runs = Iterator[tuple[dict, Callable[[], list[dict]]]]


def play(path: str, shift: int) -> None:
    """Run a script with `shift` added to every seed that it sets; print what does not hold."""
    import numpy
    import torch

    import daeutils
    from daeutils import lessons

    set_global, make_rng, check = torch.manual_seed, numpy.random.default_rng, daeutils.claim

    class Generator(torch.Generator):
        def manual_seed(self, seed):
            return super().manual_seed(seed + shift)

    def claim(*arguments, **bounds):
        try:
            check(*arguments, **bounds)
        except lessons.ClaimError as error:
            print(error)

    torch.Generator, daeutils.claim = Generator, claim
    torch.manual_seed = lambda seed: set_global(seed + shift)
    numpy.random.default_rng = lambda seed=None: make_rng(seed + shift if isinstance(seed, int) else seed)
    runpy.run_path(path, run_name="__main__")


def claims(path: Path, shift: int, budget: str) -> list[dict]:
    """Every claim that the chapter made, with its value and bound."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder, "claims.jsonl")
        how = {
            "MPLBACKEND": "agg",
            "DAE_BUDGET": budget,
            "DAE_LEDGER": str(ledger),
            "PYTHONWARNINGS": "ignore",
        }
        try:
            running.python(PLAY, path, shift, cwd=TWINS.parent, env=how, stderr=subprocess.PIPE)
        except subprocess.CalledProcessError as error:
            end = error.stderr[-2000:]
            raise RuntimeError(f"{path.stem} with {shift} added to its seeds ended: {end}") from error
        found = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    return [{key: each[key] for key in ("claim", "value", "bound", "holds")} for each in found]


def plan(budget: str, shifts: tuple, chapters: tuple) -> Runs:
    """All the chapters with one shift, then with the next."""
    for shift in shifts:
        for path in sorted(TWINS.glob("*.py")):
            if path.name.startswith(chapters):
                settings = {"chapter": path.stem, "shift": shift}
                yield settings, partial(claims, path, shift, budget)


SECTIONS = {
    "quick": lambda sizes, rows: plan("quick", sizes.shifts, sizes.chapters),
    "full": lambda sizes, rows: plan("full", sizes.full_shifts, sizes.full_chapters),
}


def run(section: str, folder: Path, sizes: Sizes, again: bool = False, only: str = "") -> None:
    """Measure what is not there yet."""
    running.run(SECTIONS[section], folder / "seeds" / f"{section}.json", sizes, again, only)


def publish(folder: Path) -> None:
    """Say what did not hold; the web book's page of claims shows all of it."""
    for section, rows in read_sections(folder / "seeds", SECTIONS).items():
        failed = [row for row in rows if not row["holds"]]
        runs = {(row["chapter"], row["shift"]) for row in rows}
        print(f"{section}: {len(rows)} claims in {len(runs)} runs of chapters, {len(failed)} do not hold")
        for row in failed:
            print(f"  {row['chapter']}, shift {row['shift']}: {row['claim']}: {row['value']:.3g}, "
                  f"expected {row['bound']}")  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    running.main(__doc__, SECTIONS, run, (Sizes(), QUICK), publish, arguments)


if __name__ == "__main__":
    main()
