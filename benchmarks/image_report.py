"""The rows of the image benchmark as tables, a page and a figure. Nothing is measured here."""

from collections import defaultdict
from pathlib import Path

import matplotlib.pyplot as plt
from report import over_seeds, put, read_sections, table, with_range

import daeutils as du

NOTE = r"""Frechet distances are taken in the 64 features of the shipped classifier, to the 2,000 test
digits; they compare only within this book, and only sets of one size. *Near* is the median distance
to the nearest training image, in pixels and in features, divided by that of test digits: much less
than 1 is a sign of copies, or of images that are too typical (chapter 07). Where there are several
seeds, a cell is their mean, with the smallest and the largest in brackets. An *error* is the squared
error of the reconstruction, per image, at the noise level that is named, on the test digits, or on
training digits that were *kept aside*: n of them, which the networks of that table have not seen."""
MEASURES = {
    "frechet": ("Frechet", "{:.0f}"), "kernel": ("kernel", "{:.0f}"), "density": ("density", "{:.2f}"),
    "coverage": ("coverage", "{:.2f}"), "confidence": ("confidence", "{:.2f}"),
    "rarest_class": ("rarest class", "{:.3f}"), "near_pixels": ("near, pixels", "{:.2f}"),
    "near_features": ("near, features", "{:.2f}"), "labels_kept": ("labels kept", "{:.2f}"),
}  # fmt: skip
ALL = tuple(MEASURES)[:-1]
ERRORS = {f"error_{sigma}": (f"error, {sigma}", "{:.2f}") for sigma in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)}
MEASURES |= ERRORS
SOME = ("frechet", "coverage", "labels_kept", "near_pixels")
CHAIN = ("frechet", "coverage", "confidence", "rarest_class", "near_pixels")
TABLES = {  # section: (title, what tells its lines apart, the measures shown)
    "ruler": ("The ruler", ("set", "n"), ALL),
    "training": ("Quick training: BCE or MSE", ("loss", "lr", "steps"), ALL),
    "longer": ("A longer training: BCE or MSE", ("loss", "weight", "lr", "steps", "way"), ALL),
    "weight": ("A weight for each noise level", ("loss", "weight", "lr", "steps"), (*ERRORS, *SOME[:2])),
    "aside": ("The weight, on training digits kept aside", ("weight", "lr", "steps", "n"), tuple(ERRORS)),
    "flow": ("From pure noise, shipped weights", ("network", "way", "n"), ALL),
    "synthesis": (
        "Synthesis: one denoiser, iterated from noise", ("start", "how", "sigma", "passes"), CHAIN
    ),
    "refinement": ("Refinement of another model's samples", ("set", "how", "sigma", "passes"), SOME),
    "repair": ("VAE samples: add noise, and come down", ("how", "strength", "n"), SOME),
}  # fmt: skip


def read(folder: Path) -> dict[str, list[dict]]:
    """section -> rows, of the sections that have any."""
    return read_sections(folder / "images", TABLES)


def grouped(rows: list[dict], fields) -> dict[tuple, list[dict]]:
    """Rows that differ in nothing but the seed, together, in the order they were measured."""
    found = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in fields)].append(row)
    return dict(found)


def cell(rows: list[dict], measure: str) -> str:
    """A number, or a mean with its range."""
    return with_range(over_seeds(rows, measure), MEASURES[measure][1])


def chosen(rows: list[dict], by: str, fields) -> list[dict]:
    """For each value of `by`: rows of the other seeds, at the settings that were best on seed 0."""
    found = []
    for value in dict.fromkeys(row[by] for row in rows):
        mine = [row for row in rows if row[by] == value]
        best = min((row for row in mine if row["seed"] == 0), key=lambda row: row["frechet"])
        same = [row for row in mine if all(row[name] == best[name] for name in fields)]
        found += [row for row in same if row["seed"] != 0]
    return found


def page_section(section: str, rows: list[dict]) -> str:
    """A heading and a table; of trainings and refinement also what was chosen on one seed."""
    title, fields, measures = TABLES[section]
    heads = [*fields, *(MEASURES[m][0] for m in measures)]

    def lines(rows):
        return [[*at, *(cell(group, m) for m in measures)] for at, group in grouped(rows, fields).items()]

    text = f"## {title}\n\n"
    if section == "refinement":
        best = chosen([row for row in rows if row["how"] == "plain" and row["passes"]], "set",
                      ("how", "sigma", "passes"))  # fmt: skip
        text += "Plain passes, sigma and their number chosen on seed 0, reported on the others:\n\n"
        text += table(heads, lines(best)) + "\n\nEverything that was tried:\n\n"
    if section in ("training", "longer"):
        text += "Seed 0 was used to choose each loss's learning rate, the other seeds to compare.\n\n"
        rows = sorted(rows, key=lambda row: (row["loss"], row["lr"], row["seed"] != 0))
        parts = [[row for row in rows if (row["seed"] == 0) == first] for first in (True, False)]
        return text + "\n\n".join(table(heads, lines(part)) for part in parts if part)
    return text + table(heads, lines(rows))


def page(measured: dict[str, list[dict]]) -> str:
    """The Markdown fragment."""
    rows = [row for section in measured.values() for row in section]
    about = [", ".join(sorted({row[k] for row in rows})) for k in ("device", "torch", "date")]
    tables = "\n\n".join(page_section(name, section) for name, section in measured.items())
    return f"{NOTE}\n\n{tables}\n\nMeasured on {about[0]} with PyTorch {about[1]}; {about[2]}.\n"


# --- Figure -------------------------------------------------------------------------------------------


def _curves(ax, rows, by, x) -> None:
    """Distance against x, a line for each value of `by`, the range over seeds as a band."""
    for value, mine in grouped(rows, (by,)).items():
        cells = grouped(mine, (x,))
        at = sorted(key for (key,) in cells)
        mean, low, high = zip(*(over_seeds(cells[key,], "frechet") for key in at), strict=True)
        label = f"σ = {value[0]:g}" if isinstance(value[0], float) else str(value[0])
        du.plotting.curve(ax, at, mean, (low, high), label=label)
    ax.set(yscale="log", ylabel="Frechet distance to test digits")
    ax.legend(fontsize=7)


def _training(ax, rows):
    _curves(ax, [row for row in rows if row["seed"] == 0], "loss", "lr")
    for i, (_, mine) in enumerate(grouped([r for r in rows if r["seed"]], ("loss",)).items()):
        ax.plot([r["lr"] for r in mine], [r["frechet"] for r in mine], "x", color=f"C{i}", ms=6)
    ax.set(xscale="log", xlabel="learning rate", title="Line: seed 0. Crosses: fresh seeds")
    rates = sorted({row["lr"] for row in rows})
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.minorticks_off()


def _synthesis(ax, rows):
    plain = [r for r in rows if r["how"] == "plain" and r["start"] == "uniform noise"]
    _curves(ax, plain, "sigma", "passes")
    ax.set(xlabel="passes", title="Synthesis from uniform noise")


def _refinement(ax, rows):
    _curves(ax, [r for r in rows if r["how"] == "plain" and r["set"] == "VAE"], "sigma", "passes")
    ax.set(xlabel="passes", title="Refinement of VAE samples")


def _repair(ax, rows):
    for (how,), mine in grouped(rows, ("how",)).items():
        mean = {at: [over_seeds(group, m)[0] for m in ("labels_kept", "frechet")]
                for (at,), group in grouped(mine, ("strength",)).items()}  # fmt: skip
        ax.plot(*zip(*mean.values(), strict=True), "o-", ms=4, label=how)
        for at, (x, y) in mean.items():
            ax.annotate(f"{at:g}", (x, y), fontsize=7, xytext=(3, 3), textcoords="offset points")
    ax.legend(fontsize=7)
    ax.set(yscale="log", xlabel="share of labels kept", ylabel="Frechet distance to test digits",
           title="Repair of VAE samples: better, and the same?")  # fmt: skip


PANELS = {"training": _training, "synthesis": _synthesis, "refinement": _refinement, "repair": _repair}


def figure(measured: dict[str, list[dict]]):
    """A panel for each section that has curves; the floor is drawn where the ruler was measured."""
    du.plotting.use_style()
    names = [name for name in PANELS if name in measured] or ["repair"]
    tall = -(-len(names) // 2)
    fig, axes = plt.subplots(tall, 2, figsize=(9.5, 3.5 * tall), squeeze=False)
    for ax, name in zip(axes.flat, names, strict=False):
        if name in measured:
            PANELS[name](ax, measured[name])
            sizes = {row["n"] for row in measured[name]}
            digits = [r for r in measured.get("ruler", []) if r["set"] == "training digits"]
            floor = [r for r in digits if r["n"] in sizes]
            if floor:
                ax.axhline(over_seeds(floor, "frechet")[0], color="gray", ls="--", lw=1)
    for ax in axes.flat[len(names) :]:
        ax.remove()
    return fig


def publish(folder: Path) -> None:
    """The image benchmark's page and figure."""
    put(folder, "images", read(folder), page, figure)
