"""What the live page runs and shows: the weights of two shipped denoisers, data, and still pictures.

The pictures are made with the same networks; a reader whose browser cannot run them sees these.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnx
import onnx.numpy_helper
import torch

import daeutils as du

POINTS, DIGITS = "spiral-mlp-bce", "digits-unet-bce"
SHAPES = {POINTS: (2,), DIGITS: (1, 28, 28)}
DENSITY = du.spiral()


def layers() -> list[torch.nn.Linear]:
    """The layers of the denoiser for points, which the page's script runs by itself."""
    return [layer for layer in du.load(POINTS, device="cpu").net if isinstance(layer, torch.nn.Linear)]


def export() -> bytes:
    """The denoiser for digits as ONNX: (x_noisy (N, 1, 28, 28), sigma (N,)) -> reconstruction, any N."""
    example = (torch.zeros(2, *SHAPES[DIGITS]), torch.ones(2))
    batch = {0: torch.export.Dim.DYNAMIC}
    model = torch.onnx.export(
        du.load(DIGITS, device="cpu"),
        example,
        input_names=["x_noisy", "sigma"],
        output_names=["reconstruction"],
        dynamic_shapes=(batch, batch),
        dynamo=True,  # not the default before PyTorch 2.9
        verbose=False,
    ).model_proto
    for node in model.graph.node:
        node.ClearField("metadata_props")  # stack traces, with the paths of the machine that built it
    # The weights are stored in half precision, and travel so: nothing is lost.
    casts = []
    for tensor in model.graph.initializer:
        whole, name = onnx.numpy_helper.to_array(tensor), tensor.name
        half = whole.astype(np.float16)
        if tensor.data_type == onnx.TensorProto.FLOAT and (half == whole).all():
            tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}_half"))
            casts.append(onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    model.graph.ClearField("node")
    model.graph.node.extend(nodes)
    return model.SerializeToString()


def digits() -> list[tuple[int, torch.Tensor]]:
    """A dozen test digits with their labels: a plain one of each class, then two unusual ones."""
    images, labels = du.digits("test")
    chosen = [(label, 5) for label in range(10)] + [(8, 0), (9, 0)]
    return [(label, images[labels == label][i]) for label, i in chosen]


def data(megabytes: float) -> dict:
    """What the page's script needs to know: density and layers for the points, the digits in bytes."""
    return {
        "megabytes": round(megabytes),
        "layers": [[layer.in_features, layer.out_features] for layer in layers()],
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
    points = [
        each.detach().numpy().tobytes() for layer in layers() for each in (layer.weight, layer.bias)
    ]
    (networks / "points.bin").write_bytes(b"".join(points))
    (networks / "digits.onnx").write_bytes(export())
    loaded = [networks / "digits.onnx", *(networks.parent / "onnxruntime").glob("*")]
    about = data(sum(path.stat().st_size for path in loaded) / 1e6)
    (networks / "data.json").write_text(json.dumps(about), encoding="utf-8")
    with plt.rc_context():
        du.plotting.use_style()
        for name, figure in {"points": picture_of_points(), "digits": picture_of_digits()}.items():
            figure.savefig(pictures / f"live-{name}.png", dpi=150, bbox_inches="tight")
            plt.close(figure)
