"""The rows of the accuracy benchmark as tables, a page and a figure. Nothing is measured here."""

import json
import os
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

import daeutils as du

SECTIONS = {  # name: (title, the field that its columns show)
    "sigma": ("Against the noise level", "sigma"),
    "data": ("Against the size of the sample", "n"),
    "steps": ("Against the training steps", "steps"),
    "mixtures": ("Random mixtures, which nobody tuned for", "law"),
    "curves": ("Laws that no few blobs make", "law"),
    "components": ("Against the number of components that are learned", "sigma"),
    "peers": ("Beside public packages", "sigma"),
}
NOTE = r"""Each number is the relative error $\sqrt{E|\hat s-s_\sigma|^2/E|s_\sigma|^2}$ of an
estimated score on fresh noisy points (200,000; 5,000 for the kernel density estimate): 0 is
perfect, 1 is no better than answering zero. Where there are several seeds it is their mean, with
the smallest and the largest in brackets; chapter 08 compares the losses over five. The *mean of
three* is that of three networks' scores, with a third of the steps each: together they take the
steps of one. The network has three layers of 128 units, or *two wide layers* of 256. A *learned
mixture* has the means, covariances and weights of sixteen Gaussians in the place of layers, or of
as many as its line says; *one training*, at sigma = 0.05, then answers for every level, and so it is
where the line has a number. Every estimator sees one fixed sample of the law and nothing else;
*likelihood*, the maximum-likelihood mixture of Gaussians, is also told how many components the law
has and their shape. The estimators named *all levels* and *smalldiffusion* learn every noise level
at once, from 0.0025 to 5; *tested levels* are 0.02 to 0.25. The others, *zuko* among them, learn one
noise level each. *smalldiffusion* and *zuko* keep the network, the schedule and the learning rate of
their own examples, a constant one, where ours falls to 0 and averages its weights; the sample, the
steps and the batch size are ours."""

# --- Files --------------------------------------------------------------------------------------------


def read_sections(folder: Path, names) -> dict[str, list[dict]]:
    """section -> rows, of the named sections that have any."""
    files = {name: folder / f"{name}.json" for name in names}
    return {name: json.loads(path.read_text("utf-8")) for name, path in files.items() if path.exists()}


def read(folder: Path) -> dict[str, list[dict]]:
    """The accuracy benchmark's sections."""
    return read_sections(folder / "score_accuracy", SECTIONS)


def write(path: Path, text: str) -> None:
    """Replace a file whole: a reader meets the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{os.getpid()}.{path.name}")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)


def put(folder: Path, name: str, measured: dict, page, figure) -> None:
    """Write <name>.md and draw <name>.png, by the functions page and figure, from the rows alone."""
    if not measured:
        print("Nothing has been measured yet.")
        return
    write(folder / f"{name}.md", page(measured))
    draft = folder / f".{os.getpid()}.png"
    figure(measured).savefig(draft, dpi=160, metadata={"Software": None})
    os.replace(draft, folder / f"{name}.png")
    plt.close("all")


def publish(folder: Path) -> None:
    """The accuracy benchmark's page and figure."""
    put(folder, "score_accuracy", read(folder), page, figure)


# --- Tables -------------------------------------------------------------------------------------------


def summary(section: str, rows: list[dict]) -> dict[str, dict]:
    """line -> column -> (mean, smallest, largest) error over the seeds."""
    column = SECTIONS[section][1]
    lengths = {row["steps"] for row in rows if row["steps"]}
    found: dict[str, dict] = {}
    for row in rows:
        line = row["estimator"] + (f", sigma = {row['sigma']:g}" if section == "mixtures" else "")
        if column != "steps" and len(lengths) > 1 and row["steps"]:
            line += f" ({row['steps']:,} steps)"
        found.setdefault(line, {}).setdefault(row[column], []).append(row)
    return {
        line: {at: over_seeds(mine, "error") for at, mine in cells.items()}
        for line, cells in found.items()
    }


def _one(rows: list[dict], field: str) -> str:
    """What the rows of a section share, in words: '' where they differ."""
    values = {row[field] for row in rows} - {0}
    words = {"n": "{:,} points", "sigma": "sigma = {:g}", "law": "{}", "steps": "{:,} steps"}[field]
    return words.format(*values) if len(values) == 1 else ""


def page_section(section: str, rows: list[dict]) -> str:
    """A heading, what all its rows share, and a Markdown table."""
    title, column = SECTIONS[section]
    lines = summary(section, rows)
    columns = list(dict.fromkeys(row[column] for row in rows))
    columns = columns if column == "law" else sorted(columns, reverse=column == "sigma")
    shared = [_one(rows, field) for field in ("law", "n", "sigma", "steps") if field != column]
    heads = [f"{at:,}" if isinstance(at, int) else str(at) for at in columns]
    first = {"sigma": "sigma", "n": "points", "steps": "steps", "law": "law"}[column]
    body = [[name, *(_cell(cells.get(at)) for at in columns)] for name, cells in lines.items()]
    return f"## {title}\n\n{', '.join(filter(None, shared))}\n\n{table([first, *heads], body)}"


def table(heads: list[str], lines: list[list]) -> str:
    """A Markdown table."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in [heads, rule, *lines])


def over_seeds(rows: list[dict], measure: str) -> tuple[float, float, float]:
    """Mean, smallest and largest."""
    values = [row[measure] for row in rows]
    return sum(values) / len(values), min(values), max(values)


def with_range(found: tuple[float, float, float], words: str) -> str:
    """A mean, and where they differ the smallest and the largest, each as `words` has it."""
    mean, low, high = (words.format(value) for value in found)
    return mean if low == high else f"{mean} ({low} to {high})"


def _cell(value) -> str:
    return "" if value is None else with_range(value, "{:.4f}")


def page(measured: dict[str, list[dict]]) -> str:
    """The Markdown fragment: what is measured, a table for each section, on what and when."""
    rows = [row for section in measured.values() for row in section]
    device, torch, date = (
        ", ".join(sorted({row[k] for row in rows})) for k in ("device", "torch", "date")
    )
    tables = "\n\n".join(page_section(name, section) for name, section in measured.items())
    return f"{NOTE}\n\n{tables}\n\nMeasured with PyTorch {torch} on {device}; {date}.\n"


# --- Figure -------------------------------------------------------------------------------------------

COLOURS = {"BCE-DAE": du.plotting.ACCENT, "MSE-DAE": "#CC79A7", "MSE-DAE, linear": "#E69F00",
           "BCE-DAE, learned mixture": "#009E73", "BCE-DAE, learned mixture, one training": "#009E73",
           "kernel density": du.plotting.PAPER, "likelihood": du.plotting.INK,
           "smalldiffusion": "#56B4E9", "zuko": "#009E73"}  # fmt: skip
STYLES = {"mean of three": ":", "two wide layers": "-.", "one training": ":", "all levels": "--",
          "smalldiffusion": "--", "tested levels": ":"}  # fmt: skip
PANELS = {"sigma": r"noise level $\sigma$", "data": "points in the sample", "steps": "training steps",
          "peers": r"noise level $\sigma$"}  # fmt: skip


def figure(measured: dict[str, list[dict]]):
    """Error against noise level, data and steps, and beside peers: log-log, seeds as bands."""
    du.plotting.use_style()
    panels = [name for name in PANELS if name in measured] or ["sigma"]
    fig, axes = plt.subplots(
        -(-len(panels) // 2), 2, figsize=(9.5, 3.4 * -(-len(panels) // 2)), squeeze=False
    )
    for ax, section in zip(axes.flat, panels, strict=False):
        ends = {}
        falls = SECTIONS[section][1] == "sigma"  # small noise, where curves part, to the right
        for name, cells in summary(section, measured.get(section, [])).items():
            x = sorted(cells, reverse=falls)
            mean, low, high = zip(*(cells[at] for at in x), strict=True)
            colour = COLOURS.get(name) or COLOURS.get(name.split(",")[0], "#777777")
            style = STYLES.get(name.split(", ")[-1], "-")
            du.plotting.curve(ax, x, mean, (low, high), color=colour, ls=style)
            ends[name] = (x[-1], mean[-1], colour)
        ax.set(xscale="log", yscale="log", title=SECTIONS[section][0], xlabel=PANELS[section],
               ylabel="relative error of the score")  # fmt: skip
        if falls:
            ax.invert_xaxis()
        at = sorted({row[SECTIONS[section][1]] for row in measured.get(section, [])})
        ax.set_xticks(at, [EngFormatter(sep="")(x) if isinstance(x, int) else f"{x:g}" for x in at])
        ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
        _label(ax, ends)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    return fig


def _label(ax, ends: dict) -> None:
    """Names to the right of the curves, moved apart where they would meet."""
    ax.autoscale_view()
    to_axes = ax.transData + ax.transAxes.inverted()
    last = -1.0
    for name, (x, y, colour) in sorted(ends.items(), key=lambda item: item[1][1]):
        last = max(to_axes.transform((x, y))[1], last + 0.085)
        thread = {"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 0, "shrinkB": 3,
                  "relpos": (0, 0.5)}  # fmt: skip
        ax.annotate(name, (x, y), (1.04, last), textcoords="axes fraction", color=colour, fontsize=8,
                    va="center", arrowprops=thread)  # fmt: skip
