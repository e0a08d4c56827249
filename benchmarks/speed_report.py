"""The rows of the speed benchmark as tables, a page and a figure. Nothing is measured here."""

from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from contestants import BARE, GRAPH
from report import over_seeds, put, read_sections, table, with_range

import daeutils as du

NOTE = """Compare ratios, not seconds: each was taken within one run, in which the contestants took
turns, round after round; it is the median, with the smallest and the largest round in brackets.
What has no number was not measured. *fit ×* says how many times as fast `fit` is. *Bare* is forward
and backward of the same network on one batch that never changes: what the hardware allows. On a GPU
`fit` records its step once, as a CUDA graph, and replays it; so does *bare, as a CUDA graph*."""
OLDER = """The same processor, held to the instructions of an older one: AVX2, without AVX-512 and AMX,
which calculate in bfloat16. A CPU that lacks them imitates it."""
ACCURACY = """The tutorial's loop takes 4,000 steps for points and 1,000 for images, at the best of three
learning rates, chosen on seed 0. The others take the fewest of 25, 50, 100 and so on with which they do
as well, on the same seed. *Times as fast* compares the seconds of whole trainings. The error is that of
the score for points, and the loss on the test digits for images. Each number is a mean over three
seeds, with the smallest and the largest in brackets."""
TITLES = {
    "training": "Training", "older": "An older CPU", "accuracy": "Time to the same accuracy",
    "profile": "Where the time of a step goes", "limits": "What the GPU allows",
    "sampling": "Sampling and features",
    "startup": "Start", "growth": "How the cost grows",
}  # fmt: skip
ON = ("CPU", "GPU")


def read(folder: Path) -> dict[str, list[dict]]:
    """section -> rows, of the sections that have any."""
    return read_sections(folder / "speed", TITLES)


def by_device(rows: list[dict], cells) -> list[str]:
    """For the CPU and then the GPU: the cells of its row, or empty ones."""
    found = {row["on"]: cells(row) for row in rows}
    blank = [""] * len(next(iter(found.values())))
    return [cell for on in ON for cell in found.get(on, blank)]


def blocks(rows: list[dict], *names: str) -> dict:
    """Rows grouped by some fields, in order."""
    found: dict = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found


def slope(rows: list[dict]) -> float:
    """Of log seconds against log value, by least squares: 1 is in proportion."""
    at, seconds = (np.log([row[name] for row in rows]) for name in ("at", "seconds"))
    return float(np.polyfit(at, seconds, 1)[0])


def _rates(row):
    return [f"{row['rate']:.4g}", with_range((row["ratio"], row["low"], row["high"]), "{:.2f}")]


def _training(rows):
    heads = ["way", *(f"{on}, {what}" for on in ON for what in ("steps/s", "fit ×"))]
    for (task,), mine in blocks(rows, "task").items():
        lines = [[way, *by_device(each, _rates)] for (way,), each in blocks(mine, "way").items()]
        yield f"{task}\n\n{table(heads, lines)}"


def _older(rows):
    yield OLDER
    tasks = [task for (task,) in blocks(rows, "task")]
    heads = ["way", *(f"{task}, {what}" for task in tasks for what in ("steps/s", "fit ×"))]
    lines = [
        [way, *(c for row in mine for c in _rates(row))] for (way,), mine in blocks(rows, "way").items()
    ]
    yield table(heads, lines)


def _accuracy(rows):
    yield ACCURACY

    words = {"steps": "{:,.0f}", "error": "{:.3g}", "times": "{:.3g}"}

    def cells(row):
        mine = row["seeds"]
        if not all(each["times"] for each in mine):
            return ["not reached"] * len(words)
        return [with_range(over_seeds(mine, name), how) for name, how in words.items()]

    heads = ["way", *(f"{on}, {what}" for on in ON for what in ("steps", "error", "times as fast"))]
    fresh = [row for row in rows if row["seed"]]
    for (task,), mine in blocks(fresh, "task").items():
        lines = []
        for (way,), each in blocks(mine, "way").items():
            devices = [{"on": on, "seeds": seeds} for (on,), seeds in blocks(each, "on").items()]
            lines.append([way, *by_device(devices, cells)])
        yield f"{task}\n\n{table(heads, lines)}"


def _profile(rows):
    def cells(row):
        return [f"{row['ms']:.3g}", f"{100 * row['share']:.0f} %"]

    heads = ["part", *(f"{on}, {what}" for on in ON for what in ("ms", "share"))]
    for (task,), mine in blocks(rows, "task").items():
        lines = [[part, *by_device(each, cells)] for (part,), each in blocks(mine, "part").items()]
        yield f"{task}, under torch.profiler, which makes small steps slower\n\n{table(heads, lines)}"
    if any(row["on"] == "GPU" for row in rows):
        yield "On the GPU the step was not recorded here, and each part was waited for."


def _limits(rows):
    yield table(["what", "value"], [[row["what"], f"{row['value']:g}"] for row in rows])


def _sampling(rows):
    both = [f"{on}, {what}" for on in ON for what in ("samples/s in one pass", "peak in MB")]
    heads = ["chain", "digits", "passes", *both]

    def cells(row):
        return [f"{row['rate']:.4g}", f"{row['peak_mb']:,}"]

    yield "The peak is that of the whole process, PyTorch included; on a GPU, that of its tensors."
    found = blocks(rows, "chain", "n", "passes").items()
    yield table(heads, [[name, f"{n:,}", k, *by_device(each, cells)] for (name, n, k), each in found])


def _startup(rows):
    yield table(
        ["what", "seconds"],
        [[row["what"], with_range((row["seconds"], row["low"], row["high"]), "{:g}")] for row in rows],
    )


def _growth(rows):
    yield "Seconds of a training, and the slope of their logarithms: 1 is in proportion, 0 is no growth."
    for (what,), mine in blocks(rows, "of").items():
        values = list(dict.fromkeys(row["at"] for row in mine))
        seconds = {(row["on"], row["at"]): f"{row['seconds']:.3g}" for row in mine}
        slopes = {on: f"{slope(each):.2f}" for (on,), each in blocks(mine, "on").items()}
        lines = [[on, *(seconds.get((on, at), "") for at in values), slopes.get(on, "")] for on in ON]
        yield table([what, *(f"{at:,}" for at in values), "slope"], lines)


TABLES = {"training": _training, "older": _older, "accuracy": _accuracy, "profile": _profile,
          "limits": _limits, "sampling": _sampling, "startup": _startup, "growth": _growth}  # fmt: skip


def page(measured: dict[str, list[dict]]) -> str:
    """The Markdown fragment."""
    rows = [row for section in measured.values() for row in section]
    about = [", ".join(sorted({row[k] for row in rows})) for k in ("device", "torch", "date")]
    parts = [
        f"## {TITLES[name]}\n\n" + "\n\n".join(TABLES[name](mine)) for name, mine in measured.items()
    ]
    return "\n\n".join([NOTE, *parts, f"Measured on {about[0]} with PyTorch {about[1]}; {about[2]}.\n"])


# --- Figure -------------------------------------------------------------------------------------------


def _race(ax, rows, on="CPU", limit=BARE):
    """Steps per second as a share of the limit, for each way and task on a device."""
    rows = [row for row in rows if row["on"] == on]
    tasks = blocks(rows, "task")
    ways = [way for (way,) in blocks(rows, "way") if way != limit]
    for i, ((task,), mine) in enumerate(tasks.items()):
        rates = {row["way"]: row["rate"] for row in mine}
        at = [j + 0.25 * (i - 1) for j, way in enumerate(ways) if way in rates]
        share = [rates[way] / rates[limit] for way in ways if way in rates]
        ax.plot(share, at, "o", ms=5, label=task)
    ax.axvline(1, color="gray", ls="--", lw=1)
    ax.set_yticks(range(len(ways)), ways)
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.05), xlabel=f"speed, over: {limit}", title=f"Training on the {on}")
    ax.legend(fontsize=7)


def _parts(ax, rows):
    """A bar for each task, cut into the parts of a step."""
    left: dict = {}
    mine = [row for row in rows if row["on"] == "CPU"]
    for (part,), each in blocks(mine, "part").items():
        tasks = [row["task"] for row in each]
        width = [100 * row["share"] for row in each]
        ax.barh(tasks, width, left=[left.get(task, 0) for task in tasks], label=part)
        for task, w in zip(tasks, width, strict=True):
            left[task] = left.get(task, 0) + w
    ax.invert_yaxis()
    ax.set(xlabel="share of a step in per cent", title="Where the time goes, CPU")
    ax.legend(fontsize=7, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _curves(ax, rows):
    """Seconds relative to the smallest value, on log-log."""
    colours = {what: f"C{i}" for i, (what,) in enumerate(blocks(rows, "of"))}
    for (what, on), mine in blocks(rows, "of", "on").items():
        x, y = (np.array([row[name] for row in mine]) for name in ("at", "seconds"))
        du.plotting.curve(ax, x / x[0], y / y[0], color=colours[what], ls="-" if on == "CPU" else ":",
                          label=f"{what}, {on}: slope {slope(mine):.2f}")  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="times the smallest", ylabel="times its seconds",
           title="How the cost of a training grows")  # fmt: skip
    ax.legend(fontsize=7)


PANELS = (  # the section, who draws it, and on what it was measured
    ("training", _race, "CPU"), ("training", partial(_race, on="GPU", limit=GRAPH), "GPU"),
    ("profile", _parts, "CPU"), ("growth", _curves, "CPU"),
)  # fmt: skip


def figure(measured: dict[str, list[dict]]):
    """A panel for each section that has a picture."""
    du.plotting.use_style()
    panels = [(draw, measured[name]) for name, draw, on in PANELS
              if any(row["on"] == on for row in measured.get(name, []))]  # fmt: skip
    fig, axes = plt.subplots(max(len(panels), 1), 1, figsize=(8, 3.4 * len(panels) or 1), squeeze=False)
    for ax, (draw, rows) in zip(axes.flat, panels, strict=False):
        draw(ax, rows)
    return fig


def publish(folder: Path) -> None:
    """The speed benchmark's page and figure."""
    put(folder, "speed", read(folder), page, figure)
