"""Figures with sliders. A slider only ever calls a pure function that draws; nothing trains here."""

from collections.abc import Callable, Sequence


def slide(draw: Callable[..., object], *, start: dict | None = None, **choices: Sequence) -> None:
    """Show draw(name=value, ...) under one slider for each of `choices`::

        slide(draw, sigma=[0.05, 0.1, 0.2], start={"sigma": 0.1})

    Args:
        draw: called with the chosen values by name; makes a figure and leaves it open.
        choices: for each argument of draw, what can be chosen, in order; the name is the label.
        start: the first choices; the middle ones by default.

    Raises:
        ValueError: no choices, an empty list, or a start that is not among them.
    """
    import ipywidgets  # not with the package: it is slow to import
    import matplotlib.pyplot as plt

    if not choices or not all(len(values) for values in choices.values()):
        raise ValueError(f"choices are {choices}; expected at least one value for each slider.")
    start = {name: values[len(values) // 2] for name, values in choices.items()} | (start or {})
    for name, value in start.items():
        if value not in choices.get(name, ()):
            raise ValueError(
                f"start has {name} = {value!r}; expected one of {list(choices.get(name, ()))}."
            )

    def show(**chosen):
        draw(**chosen)
        plt.show()

    def slider(name):
        options = [(f"{v:g}" if isinstance(v, float) else str(v), v) for v in choices[name]]
        label = name.replace("_", " ")
        return ipywidgets.SelectionSlider(
            options=options, value=start[name], description=label, continuous_update=False
        )

    ipywidgets.interact(show, **{name: slider(name) for name in choices})
