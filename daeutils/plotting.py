"""Static figures in the book's one style. Each function draws on axes and leaves plt.show() to you.

matplotlib is imported where a figure is made, and not with the package.
"""

import sys
from importlib.resources import as_file, files

import torch
from torch import Tensor

from daeutils import _check

EXACT, LEARNED, INK, GREY = "#0072B2", "#D55E00", "#222222", "#888888"


def use_style() -> None:
    """Set the book's style for the figures that follow; in a notebook with two dots for each pixel."""
    import matplotlib.pyplot as plt

    with as_file(files("daeutils") / "assets" / "book.mplstyle") as path:
        plt.style.use(path)
    if "ipykernel" in sys.modules:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")


def show_images(rows, labels=None, columns=None, title=None, size: float = 0.62):
    """Rows of images on one grey scale, black 0 to white 1; values outside are clipped for display.

    Args:
        rows: a list of (n, C, H, W) or (n, H, W) tensors or arrays, one a row.
        labels: one text for each row.
        columns: one text for each column.
        size: inches for each image.

    Returns:
        the figure.

    Raises:
        ValueError: no list of images, or another number of labels or columns.
    """
    import matplotlib.pyplot as plt

    rows = _rows(rows)
    wide = max(len(row) for row in rows)
    for words, n, name, each in [
        (labels, len(rows), "labels", "row"),
        (columns, wide, "columns", "column"),
    ]:
        if words is not None and len(words) != n:
            raise ValueError(f"{name} has {len(words)} texts; expected {n}, one for each {each}.")
    figure, axes = plt.subplots(
        len(rows), wide, squeeze=False, figsize=(size * wide + 1.4, size * len(rows) + 0.35)
    )
    for i, row in enumerate(rows):
        for j in range(wide):
            ax = axes[i, j]
            ax.grid(False)
            ax.set_xticks([])
            ax.set_yticks([])
            ax.spines[:].set_visible(False)
            if j < len(row):
                image = row[j] if row[j].ndim == 2 else row[j].movedim(0, -1)
                ax.imshow(image.clamp(0, 1).numpy(), cmap="gray", vmin=0, vmax=1)
            if i == 0 and columns is not None:
                ax.set_title(columns[j], fontsize=9, loc="center")
        if labels is not None:
            axes[i, 0].set_ylabel(labels[i], rotation=0, ha="right", va="center", labelpad=6, fontsize=9)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _rows(rows) -> list[Tensor]:
    """Each row as (n, H, W) or (n, C, H, W) on the CPU, or ValueError with what to do."""
    if not isinstance(rows, list | tuple) or not rows:
        given = "empty" if isinstance(rows, list | tuple) else f"a {type(rows).__name__}"
        raise ValueError(f"rows is {given}; expected a list of rows of images: for one row use [rows].")
    found = []
    for i, row in enumerate(rows):
        row = _pixels(row)
        if row.numel() == 0:
            raise ValueError(f"rows[{i}] is empty; expected at least one image.")
        if row.ndim == 4 and row.shape[1] == 1:
            row = row[:, 0]
        if row.ndim == 3 or (row.ndim == 4 and row.shape[1] == 3):
            found.append(row)
            continue
        way = f"use rows[{i}][None] for a single image"
        if row.ndim == 4:
            way = f"use rows[{i}].movedim(-1, 1) where the channels come last"
            if row.shape[1] == 4:
                way = f"use rows[{i}][:, :3], without transparency"
        elif row.ndim == 2 and row.shape[1] == 784:
            way = f"use rows[{i}].unflatten(1, (1, 28, 28)) for flat digits"
        raise ValueError(
            f"rows[{i}] has shape {tuple(row.shape)}; expected (n, H, W), (n, 1, H, W) or "
            f"(n, 3, H, W): {way}."
        )
    return found


def _pixels(row) -> Tensor:
    """Images as floats on the CPU; bytes, and whole numbers of 16 bits, as parts of the largest."""
    if isinstance(row, list | tuple) and row and isinstance(row[0], Tensor):
        row = torch.stack(list(row))
    row = _on_cpu(row)
    is_file = row.dtype in (torch.uint8, torch.uint16)  # as a picture is stored
    return row.float() / torch.iinfo(row.dtype).max if is_file else row.float()


def _on_cpu(x) -> Tensor:
    """A tensor or an array as a tensor on the CPU, without gradients."""
    return torch.as_tensor(_check.readable(x)).detach().cpu()


def tile(*rows) -> Tensor:
    """Rows of grey images, each (n, 1, H, W), as one large picture for imshow: far quicker to draw.

    All rows hold as many images. Values outside [0, 1] are clipped, as in `show_images`.
    """
    rows = _rows(rows)
    shapes = {tuple(row.shape) for row in rows}
    if len(shapes) > 1 or rows[0].ndim == 4:
        raise ValueError(f"rows have shapes {sorted(shapes)}; expected as many grey images in each row.")
    return torch.cat([torch.cat(list(row), 1) for row in rows]).clamp(0, 1)


def grid(points: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """points x points places in the plane, (points^2, 2), row by row."""
    points = _check.count(points, "points", at_least=2)
    line = torch.linspace(low, high, points, device="cpu")
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2)


def density_background(ax, density, points: int = 120) -> None:
    """A density of the plane in shades of blue, on the unit square."""
    p = density.log_prob(grid(points)).exp().reshape(points, points).numpy()
    ax.imshow(p, origin="lower", extent=(0, 1, 0, 1), cmap="Blues", vmax=1.3 * p.max(), zorder=0,
              interpolation="bilinear")  # fmt: skip
    ax.grid(False)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")


def density_contours(ax, density, points: int = 90) -> None:
    """Contours of a density of the plane on the unit square, in light blue: room for arrows on top."""
    line = torch.linspace(0, 1, points, device="cpu")
    p = density.log_prob(grid(points)).exp().reshape(points, points)
    levels = p.max() * p.new_tensor([0.03, *(k / 8 for k in range(1, 8)), 1.01])
    ax.contourf(line, line, p, levels, cmap="Blues", vmin=0, vmax=2.4 * p.max())
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.grid(False)


def arrows(ax, x: Tensor, field: Tensor, scale: float, color: str = INK, label: str | None = None):
    """A vector field at points x, both (N, 2); scale: arrow length of 1 unit of field, in data units."""
    x, field = _on_cpu(x).float(), _on_cpu(field).float() * scale
    return ax.quiver(
        x[:, 0], x[:, 1], field[:, 0], field[:, 1],
        color=color, angles="xy", scale_units="xy", scale=1, width=0.005, label=label, zorder=3,
    )  # fmt: skip


def paths(ax, path: Tensor, color: str = LEARNED) -> None:
    """Walks in the plane, (steps + 1, N, 2): a line each, and a dot where it ends."""
    path = _on_cpu(path).float()
    ax.plot(path[..., 0], path[..., 1], color=color, lw=0.9, alpha=0.8, zorder=3)
    ax.scatter(path[-1, :, 0], path[-1, :, 1], color=color, s=14, zorder=4)


def curve(ax, x, y, interval=None, label: str | None = None, **kwargs):
    """A line with markers, and a band between interval = (low, high) where there is chance."""
    (line,) = ax.plot(x, y, marker="o", ms=4, label=label, **kwargs)
    if interval is not None:
        ax.fill_between(x, *interval, color=line.get_color(), alpha=0.2, lw=0)
    return line
