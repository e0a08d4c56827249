"""Rows as tables and figures: what the pages share. Nothing is measured here."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter
from store import ROOT, Store

import daeutils as du


def spread(words: str) -> Callable[[pd.Series], str]:
    """For `agg`: the mean, with the smallest and the largest in brackets, each written with `words`."""

    def one(values: pd.Series) -> str:
        mean, low, high = (words.format(value) for value in (values.mean(), values.min(), values.max()))
        return mean if low == high else f"{mean} ({low} to {high})"

    return one


def markdown(page, frame: pd.DataFrame) -> str:
    """A page's conclusion, its figure and table, and on what it was measured."""
    table, name = page.table(frame), page.__name__
    sides = ["left" if pd.api.types.is_string_dtype(kind) else "right" for kind in table.dtypes]
    about = [", ".join(sorted(set(frame[each]))) for each in ("device", "torch", "commit", "date")]
    parts = [
        page.conclusion(frame),
        f"![{' '.join(page.figure.__doc__.split())}]({name}.png)",
        table.to_markdown(index=False, disable_numparse=True, colalign=sides),
        f"Measured on {about[0]}, with PyTorch {about[1]}, commit {about[2]}; {about[3]}. "
        f"Every row is in {{download}}`{name}.jsonl </measured/{name}.jsonl>`.",
    ]
    return "\n\n".join(parts) + "\n"


def publish(page, folder: Path) -> None:
    """Write <page>.md and draw <page>.png from the stored rows alone."""
    rows, path = Store(folder / f"{page.__name__}.jsonl").flat(), folder / f"{page.__name__}.md"
    if not rows:
        path.write_text("Nothing has been measured yet.\n", encoding="utf-8")
        return
    frame = pd.DataFrame(rows)
    path.write_text(markdown(page, frame), encoding="utf-8")
    figure = page.figure(frame)
    figure.savefig(path.with_suffix(".png"), dpi=110, metadata={"Software": None})
    plt.close(figure)
    if hasattr(page, "summary"):  # a chapter prints it, so it ships with the package
        place = ROOT / "daeutils" / "assets" if folder == ROOT / "docs" / "measured" else folder
        (place / f"{page.__name__}.csv").write_text(page.summary(frame), encoding="utf-8")


def axes(panels: int):
    """So many panels beside each other."""
    du.plotting.use_style()
    return plt.subplots(1, panels, figsize=(3.4 * panels, 3.2), squeeze=False)[1][0]


def curves(ax, frame: pd.DataFrame, x: str, y: str, line: str, colours: dict | None = None) -> None:
    """A line through the means for each value of a column, with a band from the least to the largest.

    colours: of the lines to draw, by their values; all lines, in the style's colours, if None.
    """
    for name in frame[line].unique() if colours is None else colours:
        found = frame[frame[line] == name].groupby(x)[y].agg(["mean", "min", "max"])
        if len(found):
            colour = {} if colours is None else {"color": colours[name]}
            bounds = (found["min"], found["max"])
            du.plotting.curve(ax, found.index, found["mean"], bounds, label=str(name), **colour)


def logarithmic(ax, values: Sequence) -> None:
    """Logarithmic axes, with ticks at these values of x and at 1, 2 and 5 of y."""
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(
        values, [f"{value:,g}" if value < 10_000 else f"{value / 1000:,g}k" for value in values]
    )
    ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
