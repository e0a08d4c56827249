"""Figures with a slider. A slider only ever calls a pure function that draws; nothing trains here."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
from ipywidgets import SelectionSlider, interact


def slide(draw: Callable[[object], None], values: Sequence, *, label: str, start=None) -> None:
    """Show draw(value) under a slider over `values`; draw makes a figure and leaves it open.

    Args:
        draw: called with the chosen value. values: what can be chosen, in order.
        label: what stands before the slider. start: the first choice; the middle one by default.
    """
    if not values:
        raise ValueError("values is empty; expected at least one choice for the slider.")
    if start is not None and start not in values:
        raise ValueError(f"start is {start!r}; expected one of the values, {list(values)}.")
    options = [(f"{v:g}" if isinstance(v, float) else str(v), v) for v in values]
    first = values[len(values) // 2] if start is None else start
    control = SelectionSlider(options=options, value=first, description=label, continuous_update=False)

    def show(value):
        draw(value)
        plt.show()

    interact(show, value=control)
