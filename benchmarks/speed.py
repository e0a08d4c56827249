"""How long does a training take, beside the loop that tutorials show, to the same accuracy?"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import measure
import numpy as np
import pandas as pd
import report
from measure import BARE, IMPROVED, TUTORIAL, WAYS
from store import Store

import daeutils as du


class Sizes(NamedTuple):
    """How much of everything: the real thing, or enough to see that it runs."""

    targets: dict = {"points": (0.2, 0.12, 0.09), "images": (0.068, 0.066, 0.0645)}  # noqa: RUF012
    along: dict = {"points": range(50, 2501, 50), "images": range(50, 901, 50)}  # noqa: RUF012
    whole: dict = {  # noqa: RUF012
        "points": (25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 800),
        "images": (50, 100, 150, 200, 300, 400, 600, 900),
    }
    rates: tuple = (1e-3, 3e-3, 9e-3)
    seeds: tuple = (1, 2, 3)  # reported; seed 0 chooses the rates
    steps: dict = {"points": (20, 220), "images": (4, 24)}  # noqa: RUF012
    rounds: int = 5
    growth: dict = {  # noqa: RUF012
        "steps": (100, 200, 400, 800, 1600),
        "width": (64, 128, 256, 512),
        "pixels a side": (16, 32, 64, 128),
        "points in the data": (1000, 10_000, 100_000, 1_000_000),
    }


QUICK = Sizes(
    {"points": (0.9, 0.8)}, {"points": range(5, 31, 5)}, {"points": (5, 20)}, (1e-3, 1e-2), (1,),
    {"points": (1, 4)}, 2, {"steps": (2, 4), "width": (8, 16)},
)  # fmt: skip


def run(store: Store, sizes: Sizes) -> None:
    """Measure everything."""
    for task in sizes.targets:
        for way in WAYS:
            race(store, sizes, task, way)
    for task in sizes.steps:
        for turn in range(sizes.rounds):  # the ways take turns
            for way in (*WAYS, BARE):
                short, long = sizes.steps[task]

                def rate(task=task, way=way, short=short, long=long):
                    return [{"rate": measure.steps_per_second(task, way, short=short, long=long)}]

                store.measure(rate, part="rate", task=task, way=way, round=turn)
    measure.seconds_of_fit("steps", 2)  # first calls are slow
    for what, values in sizes.growth.items():
        for at in values:
            for turn in range(3):

                def seconds(what=what, at=at):
                    return [{"seconds": round(measure.seconds_of_fit(what, at), 4)}]

                store.measure(seconds, part="growth", what=what, at=at, round=turn)


def race(store: Store, sizes: Sizes, task: str, way: str) -> None:
    """The curve of one way for each reported seed, at the rates that seed 0 chose for the targets."""
    targets, marks = sizes.targets[task], (sizes.along if way == TUTORIAL else sizes.whole)[task]

    def curve(lr, seed, split):
        def work():
            return measure.curve(
                task, way, seed=seed, split=split, marks=marks, lr=lr, enough=min(targets)
            )

        return store.measure(work, part="accuracy", task=task, way=way, lr=lr, seed=seed, split=split)

    rates = {None}  # `fit` keeps its own
    if way in (TUTORIAL, IMPROVED):
        choosing = partial(curve, seed=0, split="choose")
        rates = {best_rate(choosing, target, sizes.rates) for target in targets}
    for seed in sizes.seeds:
        for lr in sorted(rates, key=str):
            curve(lr, seed, "report")


def best_rate(curve: Callable, target: float, rates: tuple) -> float:
    """The rate with which the target is reached first."""
    return measure.best_rate(lambda lr: cost(curve(lr), target), rates)


def cost(rows: list[dict], target: float) -> tuple[float, float]:
    """Steps to the target; of two that do not reach it, the one that comes nearer is better."""
    passage = measure.first_passage(rows, target)
    return passage["steps"] if passage else float("inf"), min(row["error"] for row in rows)


# --- Reporting ----------------------------------------------------------------------------------------


def chosen_rates(rows: pd.DataFrame, targets: tuple) -> dict[float, float]:
    """For each target the rate that is best on the choosing data; 0 where a way keeps its own rate."""
    curves = {lr: mine.to_dict("records") for lr, mine in rows[rows.split == "choose"].groupby("lr")}
    if not curves:
        return dict.fromkeys(targets, 0.0)
    return {target: min(curves, key=lambda lr: cost(curves[lr], target)) for target in targets}


def passages(frame: pd.DataFrame, sizes: Sizes | None = None) -> pd.DataFrame:
    """Steps and seconds to each target, for each task, way and seed: NaN where it was not reached.

    `times` says how many times as fast as the tutorial's loop the way is, with the same seed.
    """
    found, rows = [], frame[frame.part == "accuracy"].fillna({"lr": 0.0})
    for (task, way), mine in rows.groupby(["task", "way"], sort=False):
        rates = chosen_rates(mine, (sizes or Sizes()).targets[task])
        reported = mine[mine.split == "report"]
        for target, lr in rates.items():
            for seed, curve in reported[reported.lr == lr].groupby("seed"):
                passage = measure.first_passage(curve.to_dict("records"), target) or {}
                about = {"task": task, "way": way, "target": target, "seed": seed, "lr": lr}
                found.append(about | {name: passage.get(name) for name in ("steps", "seconds")})
    found = pd.DataFrame(found).astype({"steps": float, "seconds": float})
    base = found[found.way == TUTORIAL].set_index(["task", "target", "seed"]).seconds.rename("base")
    found = found.join(base, on=["task", "target", "seed"])
    return found.assign(times=found.base / found.seconds)


def cell(rows: pd.DataFrame) -> str:
    """Steps, and how many times as fast, over the seeds that reached the target."""
    reached = rows.dropna(subset="steps")
    if len(reached) < len(rows):
        return f"reached with {len(reached)} of {len(rows)} seeds"
    steps = report.spread("{:,.0f}")(rows.steps)
    if rows.way.iloc[0] == TUTORIAL or rows.times.isna().any():
        return f"{steps} steps"
    return f"{steps} steps, {report.spread('{:.1f}')(rows.times)} times as fast"


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line for each task and way: steps per second, and the passages below two or three errors."""
    found, lines = passages(frame), []
    rates = frame.reindex(columns=frame.columns.union(["rate"]))
    rates = rates[rates.part == "rate"].groupby(["task", "way"]).rate.median()
    for task, mine in found.groupby("task", sort=False):
        for way in (*WAYS, BARE):
            line = {"task": task, "way": way, "steps per second": "not measured"}
            if (task, way) in rates:
                line["steps per second"] = f"{rates[task, way]:.3g}"
            targets = sorted(mine.target.unique(), reverse=True)
            for place, target in zip(("first", "second", "third"), targets, strict=False):
                reached = mine[(mine.way == way) & (mine.target == target)]
                line[f"{place} error"] = f"{target:g}: {cell(reached)}" if len(reached) else ""
            lines.append(line)
    return pd.DataFrame(lines)


def slope(values, seconds) -> float:
    """The power with which seconds grow: 1 in proportion, 0 not at all."""
    return float(np.polyfit(np.log(values), np.log(seconds), 1)[0])


def conclusion(frame: pd.DataFrame) -> str:
    """Two sentences, made from the rows."""
    found, parts = passages(frame), []
    for task, mine in found.groupby("task", sort=False):
        hardest = mine[(mine.target == mine.target.min()) & mine.way.str.startswith("fit")]
        times = hardest.dropna(subset="times").groupby("way").times.agg(report.spread("{:.1f}"))
        each = ", ".join(f"{value} times as fast with *{way}*" for way, value in times.items())
        parts.append(f"{each or '(not measured yet)'} for {task} (error {mine.target.min():g})")
    return (
        "Beside the loop that tutorials show, at that loop's best rate, `fit` reaches the same error "
        f"{'; and '.join(parts)}. The table has each step of the way: easier errors, and what a falling "
        "rate and averaged weights do for the loop."
    )


def figure(frame: pd.DataFrame):
    """Error against seconds of training for each task, and how the cost of a training grows."""
    found, rows = passages(frame), frame[(frame.part == "accuracy") & (frame.split == "report")]
    tasks, growth = list(found.task.unique()), frame[frame.part == "growth"]
    axes = report.axes(len(tasks) + bool(len(growth)))
    for ax, task in zip(axes, tasks, strict=False):
        hardest = found[found.task == task].target.min()
        for i, way in enumerate(WAYS):
            mine = found[(found.task == task) & (found.way == way) & (found.target == hardest)]
            for row in mine.itertuples():
                same = (rows.task == task) & (rows.way == way) & (rows.seed == row.seed)
                curve = rows[same & (rows.lr.fillna(0) == row.lr)]
                label = way if row.seed == mine.seed.min() else None
                ax.plot(curve.seconds, curve.error, color=f"C{i}", lw=1, label=label)
        ax.axhline(hardest, color="gray", ls=":", lw=1)
        ax.set(xscale="log", yscale="log", xlabel="seconds of training", ylabel="error", title=task)
    axes[0].legend(fontsize=7, loc="lower left")
    for what, mine in growth.groupby("what", sort=False) if len(growth) else ():
        mean = mine.groupby("at").seconds.median()
        label = f"{what}: slope {slope(mean.index, mean):.2f}"
        du.plotting.curve(axes[-1], mean.index / mean.index[0], mean / mean.iloc[0], label=label)
        axes[-1].set(xscale="log", yscale="log", xlabel="times the smallest", ylabel="times its seconds")
        axes[-1].set_title("Growth of the cost")
        axes[-1].legend(fontsize=7)
    return axes[0].figure
