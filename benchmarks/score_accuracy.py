"""How near is a learned score to the exact score of p_sigma? Estimators that see one fixed sample only.

    python benchmarks/score_accuracy.py [sigma] [data] [steps] [mixtures] [curves] [components] [peers]

The measure is the relative error sqrt(E|s^ - s_sigma|^2 / E|s_sigma|^2) on 200,000 fresh noisy points,
5,000 for the kernel density estimate. Every finished run is kept at once, in
docs/measured/score_accuracy/<section>.json, and is not repeated: Ctrl-C loses one run.
A section has its own file, so that several may be measured side by side.
"""

import datetime
import json
import time
from pathlib import Path
from typing import NamedTuple

import peers
import report
import running
import torch
from estimators import BATCH, BLOBS, CURVES, ESTIMATORS, LAWS, MIXTURES, PEERS, Task
from report import read, write
from tqdm.auto import tqdm

import daeutils as du


class Sizes(NamedTuple):
    """How much of everything: the real thing, or enough to see that it runs."""

    sigmas: tuple = (0.025, 0.05, 0.1, 0.2)
    one_sigma: float = 0.05
    n: int = 100_000
    data: tuple = (1000, 10_000, 100_000, 1_000_000)
    steps: tuple = (500, 1000, 2000, 4000, 8000, 12_000)  # the last one wherever they do not vary
    test: int = 200_000
    test_kde: int = 5000
    seeds: int = 3  # of the BCE-DAEs against the noise level; else one


QUICK = Sizes((0.2, 0.1), 0.1, 2000, (500, 2000), (25, 50), 2000, 500, 1)


def tasks(section: str, sizes: Sizes) -> list[Task]:
    """Everything that a section measures."""
    found, told = [], ["BCE-DAE, learned mixture", "BCE-DAE, learned mixture, one training"]
    ours = ["BCE-DAE", "BCE-DAE, mean of three", "BCE-DAE, two wide layers", *told]

    def add(names, law="ring", n=sizes.n, sigmas=sizes.sigmas, steps=sizes.steps[-1], seeds=1):
        for name in names:
            _, _, _, all_levels, learns = ESTIMATORS[name]
            for asked in [tuple(sigmas)] if all_levels else [(sigma,) for sigma in sigmas]:
                for seed in range(seeds if learns else 1):
                    found.append(Task(law, n, asked, name, steps if learns else 0, seed))

    if section == "sigma":
        add(ours, seeds=sizes.seeds)
        add(["kernel density", "likelihood", "MSE-DAE", "MSE-DAE, linear"])
    elif section == "data":
        for n in sizes.data:
            add(["BCE-DAE", told[0], "kernel density", "likelihood"], n=n, sigmas=[sizes.one_sigma])
    elif section == "steps":
        for count in sizes.steps:
            add(["BCE-DAE", told[0], "MSE-DAE"], sigmas=[sizes.one_sigma], steps=count)
    elif section == "mixtures":
        for law in MIXTURES:
            sigmas = [s for s in sizes.sigmas if s in (0.1, 0.05)]
            add([*ours, "kernel density", "likelihood"], law=law, sigmas=sigmas)
    elif section == "curves":
        for law in CURVES:
            more = "BCE-DAE, learned mixture of 64"
            add(["BCE-DAE", told[0], more, "kernel density"], law=law, sigmas=[sizes.one_sigma])
    elif section == "components":
        add([*BLOBS, "kernel density", "likelihood"])
    elif section == "peers":
        absent = peers.missing()
        if absent:
            print(f"Left out, because not installed: {', '.join(absent)}. Use: {peers.INSTALL}")
        add(name for name in ["BCE-DAE", *PEERS] if name.split(",")[0] not in absent)
    return found


# --- Rows ---------------------------------------------------------------------------------------------

KEY = ("law", "n", "sigma", "estimator", "steps", "batch", "seed", "points")


def row_of(task: Task, sigma: float, sizes: Sizes) -> dict:
    """A row without its result."""
    how = ESTIMATORS[task.estimator]
    points = sizes.test_kde if task.estimator == "kernel density" else sizes.test
    return {
        **{"law": task.law, "n": task.n, "sigma": sigma, "estimator": task.estimator},
        **{"objective": how.objective, "output": how.output, "steps": task.steps},
        **{"batch": BATCH if how.learns else 0, "seed": task.seed, "points": points},
    }


def key(row: dict) -> tuple:
    """What tells one measurement from another."""
    return tuple(row[name] for name in KEY)


def measure(task: Task, sizes: Sizes) -> list[dict]:
    """Train once; a row for each noise level."""
    law, rows = LAWS[task.law].law, []
    points = law.sample(task.n, torch.Generator().manual_seed(1)).clamp(0, 1)
    start = time.monotonic()
    score = ESTIMATORS[task.estimator].train(points, task)
    trained = time.monotonic() - start
    for sigma in task.sigmas:
        row, generator = row_of(task, sigma, sizes), torch.Generator().manual_seed(2)
        x_noisy = du.corruption.gaussian(law.sample(sizes.test, generator), sigma, generator)
        x_noisy = x_noisy[: row["points"]]
        start = time.monotonic()
        estimate = score(x_noisy, sigma)
        row["seconds"] = round(trained + time.monotonic() - start, 1)  # to fit, and to score the points
        row["error"] = du.relative_error(estimate, law.smooth(sigma).score(x_noisy.double()))
        row |= {"device": running.device_words(), "torch": torch.__version__.split("+")[0]}
        rows.append({**row, "date": datetime.date.today().isoformat()})
    return rows


def keep(folder: Path, section: str, new: list[dict]) -> None:
    """Put rows into their section's file, in place of those that measured the same."""
    rows = {key(row): row for row in read(folder).get(section, [])}
    rows |= {key(row): {"section": section, **row} for row in new}
    lines = ",\n".join(json.dumps(row) for row in rows.values())
    write(folder / "score_accuracy" / f"{section}.json", f"[\n{lines}\n]\n")


def run(section: str, folder: Path, sizes: Sizes, again: bool = False, only: str = "") -> None:
    """Measure what is not there yet; what another section has measured is copied. Print its table."""
    bar = tqdm(tasks(section, sizes), desc=section, unit="run")
    for task in bar:
        words = running.words_of(task._asdict())
        bar.set_postfix_str(words)
        measured = read(folder)
        wanted = [key(row_of(task, sigma, sizes)) for sigma in task.sigmas]
        here = {key(row) for row in measured.get(section, [])}
        if only not in words or (not again and here.issuperset(wanted)):
            continue
        known = {key(row): row for rows in measured.values() for row in rows}
        if again or not known.keys() >= set(wanted):
            keep(folder, section, measure(task, sizes))
        else:
            keep(folder, section, [{**known[k], "section": section} for k in wanted])
    if rows := read(folder).get(section):
        print(f"\n{report.page_section(section, rows)}\n")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    running.main(__doc__, report.SECTIONS, run, (Sizes(), QUICK), report.publish, arguments)


if __name__ == "__main__":
    main()
