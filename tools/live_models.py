"""What the live page runs and shows: two shipped denoisers as ONNX, data beside them, still pictures.

The pictures are made with the same networks; a reader whose browser cannot run them sees these.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import torch

import daeutils as du

POINTS, DIGITS = "spiral-mlp-bce", "digits-unet-bce"
SHAPES = {POINTS: (2,), DIGITS: (1, 28, 28)}
DENSITY = du.spiral()


def export(name: str) -> bytes:
    """A shipped denoiser as ONNX: (x_noisy (N, ...), sigma (N,)) -> reconstruction, any N."""
    example = (torch.zeros(2, *SHAPES[name]), torch.ones(2))
    batch = {0: torch.export.Dim.DYNAMIC}
    model = torch.onnx.export(
        du.load(name, device="cpu"),
        example,
        input_names=["x_noisy", "sigma"],
        output_names=["reconstruction"],
        dynamic_shapes=(batch, batch),
        verbose=False,
    ).model_proto
    for node in model.graph.node:
        node.ClearField("metadata_props")  # stack traces, with the paths of the machine that built it
    return model.SerializeToString()


def digits() -> list[tuple[int, torch.Tensor]]:
    """A dozen test digits with their labels: a plain one of each class, then two unusual ones."""
    images, labels = du.digits("test")
    chosen = [(label, 5) for label in range(10)] + [(8, 0), (9, 0)]
    return [(label, images[labels == label][i]) for label, i in chosen]


def data() -> dict:
    """What the page's script needs to know: the density of the points, and the digits in bytes."""
    return {
        "density": {"means": DENSITY.means.tolist(), "variance": DENSITY.covariances[0, 0, 0].item()},
        "digits": [
            {"label": label, "pixels": (255 * image).round().int().flatten().tolist()}
            for label, image in digits()
        ],
    }


def picture_of_points(steps: int = 25):
    """Particles that climb at a small and at a large noise level, over the learned arrows."""
    denoiser = du.load(POINTS, device="cpu")
    start, places = du.plotting.grid(4, 0.08, 0.92), du.plotting.grid(18, 0.03, 0.97)
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.7))
    for ax, sigma in zip(axes, (0.05, 0.2), strict=True):
        du.plotting.density_background(ax, DENSITY.smooth(sigma))
        step = denoiser(places, sigma) - places
        shown = step * (0.045 / step.norm(dim=1, keepdim=True)).clamp(max=1)  # none beyond its cell
        du.plotting.arrows(ax, places, shown, scale=1)
        du.plotting.paths(ax, du.iterate(denoiser, start, steps, sigma, return_path=True))
        ax.set_title(f"σ = {sigma:g}")
    return figure


def picture_of_digits(sigma: float = 0.5):
    """Test digits, the same with noise, and what a few steps make of them."""
    some = torch.stack([image for _, image in digits()])
    noisy = du.corruption.gaussian(some, sigma, torch.Generator().manual_seed(0))
    path = du.iterate(du.load(DIGITS, device="cpu"), noisy, 5, sigma, return_path=True)
    labels = ["test digit", f"noise σ = {sigma:g}", "1 step", "2 steps", "5 steps"]
    return du.plotting.show_images([some, *path[[0, 1, 2, 5]]], labels=labels, size=0.48)


def write(networks: Path, pictures: Path) -> None:
    """Everything that docs/live.md and its script look for: networks and data, and the still pictures."""
    for folder in (networks, pictures):
        folder.mkdir(parents=True, exist_ok=True)
    for file, name in {"points.onnx": POINTS, "digits.onnx": DIGITS}.items():
        (networks / file).write_bytes(export(name))
    (networks / "data.json").write_text(json.dumps(data()), encoding="utf-8")
    with plt.rc_context():
        du.plotting.use_style()
        for name, figure in {"points": picture_of_points(), "digits": picture_of_digits()}.items():
            figure.savefig(pictures / f"live-{name}.png", dpi=150, bbox_inches="tight")
            plt.close(figure)
