"""One place for the errors that a reader meets: what was given, what was expected, what to do."""

import math
import operator
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

SLACK = 1e-6  # by how much rounding may push data out of [0, 1]
FAINT, LOUD = 1e-9, 1e9  # noise levels whose squares, and what is divided by them, fit float32


def float_tensor(x, name: str = "x", *, ndim_at_least: int = 2, finite: bool = True) -> None:
    """Raise ValueError unless x is a non-empty floating-point tensor of finite values.

    finite=False reads no value, and so does not wait for a GPU.
    """
    tensor(x, name)
    if x.layout != torch.strided:
        raise ValueError(f"{name} is sparse; expected a dense tensor: use {name}.to_dense().")
    if not x.is_floating_point():
        way = (
            "real, if nothing is imaginary" if x.is_complex() else "float(), and divide by 255 for bytes"
        )
        raise ValueError(
            f"{name} has dtype {x.dtype}; expected a floating-point tensor: use {name}.{way}."
        )
    if x.ndim < ndim_at_least:
        batch = "(N, C, H, W)" if ndim_at_least == 4 else "(N, d) or (N, C, H, W)"
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected a batch, {batch}: "
            f"{_batched(x, name, ndim_at_least)}."
        )
    if x.numel() == 0:
        raise ValueError(f"{name} is empty, shape {tuple(x.shape)}; expected at least one sample.")
    if finite and not torch.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or infinity; expected finite values: clean it first.")


def tensor(x, name: str) -> None:
    """Raise ValueError unless x is a tensor."""
    if not isinstance(x, Tensor):
        raise ValueError(
            f"{name} is a {type(x).__name__}; expected a torch tensor: use torch.as_tensor({name})."
        )


def readable(x):
    """x; an array of numpy in the order that torch reads, which knows no [::-1] and no foreign bytes."""
    return np.array(x, x.dtype.newbyteorder("="), order="C") if isinstance(x, np.ndarray) else x


def _batched(x: Tensor, name: str, ndim: int) -> str:
    """What makes a batch of x, which has too few axes: as code, one way for each thing that it may be."""
    ways = {
        (0, 2): "use {}[None, None] for a single number",
        (1, 2): "use {}[:, None] for single numbers, {}[None] for a single point",
        (2, 4): "use {}[None, None] for a single grey image; flat images need .unflatten(1, (C, H, W))",
        (3, 4): "use {}[:, None] for grey images, {}[None] for a single image (C, H, W)",
    }
    return ways.get((x.ndim, ndim), "give it such a tensor").replace("{}", name)


def unit_interval(x, name: str = "x", **kwargs) -> None:
    """Raise ValueError unless x is a float tensor with values in [0, 1], up to rounding (T8c)."""
    float_tensor(x, name, **kwargs)
    low, high = x.min().item(), x.max().item()
    if low < -SLACK or high > 1 + SLACK:
        raise ValueError(
            f"{name} holds values from {low:.8g} to {high:.8g}; expected [0, 1], because outside it "
            "binary cross-entropy is unbounded below: rescale the data, do not clamp it."
        )


def not_another_scale(images: Tensor) -> None:
    """Raise ValueError for images in [-1, 1] or in bytes; what leaves [0, 1] otherwise passes."""
    low, high = images.min().item(), images.max().item()
    if -1 - SLACK <= low < -0.5 and high <= 1 + SLACK and (images < -0.5).double().mean() > 0.01:
        raise ValueError("images seem to lie in [-1, 1]; expected [0, 1]: use (images + 1) / 2.")
    if high > 2 and low >= 0 and torch.equal(images, images.round()):
        raise ValueError(f"images seem to be bytes, up to {high:g}; expected [0, 1]: use images / 255.")


def noise_level(sigma, name: str = "sigma") -> float:
    """sigma as a float. Raise ValueError unless it is one number in [FAINT, LOUD]."""
    noise_levels(sigma, name, several=False)
    return float(sigma)


def noise_levels(sigma, name: str = "sigma", *, several: bool = True) -> None:
    """Raise ValueError unless sigma holds numbers in [FAINT, LOUD], one or `several`."""
    if torch.compiler.is_compiling():
        return  # a graph has no values yet
    try:
        values = torch.as_tensor(readable(sigma), dtype=torch.float64, device="cpu")
    except (TypeError, ValueError, RuntimeError):
        values = torch.tensor(math.nan, device="cpu")
    counts = values.numel() >= 1 if several else values.ndim == 0
    try:
        if counts and bool(((values >= FAINT) & (values <= LOUD)).all()):
            return
    except RuntimeError:
        return  # under torch.vmap no value can be read
    extreme = counts and bool(((values > 0) & torch.isfinite(values)).all())
    expected = f"a number from {FAINT:g} to {LOUD:g}" if extreme else "a finite number > 0"
    raise ValueError(
        f"{name} is {sigma!r}; expected {expected}: "
        "the standard deviation of the noise, in units of the data's [0, 1]."
    )


def number(value, name: str, *, at_least: float = -math.inf, at_most: float = math.inf) -> float:
    """value as a float. Raise ValueError unless it is a finite number in [at_least, at_most]."""
    try:
        fits = not isinstance(value, str) and math.isfinite(value) and at_least <= value <= at_most
    except (TypeError, ValueError, RuntimeError):
        fits = False
    if not fits:
        bounds = "" if at_least == -math.inf else f" >= {at_least:g}"
        bounds = bounds if at_most == math.inf else f" in [{at_least:g}, {at_most:g}]"
        raise ValueError(f"{name} is {value!r}; expected a finite number{bounds}.")
    return float(value)


def same_shape(a: Tensor, b: Tensor, names: str, **kwargs) -> None:
    """Raise ValueError unless a and b are float tensors of one shape; names: "a and b"."""
    for x, name in zip((a, b), names.split(" and "), strict=True):
        float_tensor(x, name, **kwargs)
    if a.shape != b.shape:
        raise ValueError(
            f"{names} have shapes {tuple(a.shape)} and {tuple(b.shape)}; expected the same shape."
        )


def one_label_each(labels: Tensor, images: Tensor) -> None:
    """Raise ValueError unless labels are (N,) whole numbers for N images."""
    float_tensor(images, "images", ndim_at_least=4, finite=False)
    if not isinstance(labels, Tensor) or labels.is_floating_point():
        way = "labels.long()" if isinstance(labels, Tensor) else "torch.as_tensor(labels)"
        raise ValueError(
            f"labels are a {type(labels).__name__}; expected a tensor of whole numbers: use {way}."
        )
    if labels.shape != images.shape[:1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} for {len(images)} images; "
            f"expected one label for each image: ({len(images)},)."
        )


def split(name) -> None:
    """Raise ValueError unless name is that of a split."""
    if name not in ("train", "test"):
        raise ValueError(f"split is {name!r}; expected 'train' or 'test'.")


def path(given, name: str = "path") -> Path:
    """A path as a reader would write it, in which ~ is the home folder. Raise ValueError for no path."""
    try:
        text = os.fsdecode(given)
        if text.strip() and "\0" not in text:
            return Path(text).expanduser()
        reason = "a path of at least one letter"
    except TypeError:
        reason = "a path: text or a pathlib.Path"
    except RuntimeError:
        reason = "the home folder of a user of this machine after ~"
    raise ValueError(f"{name} is {given!r}; expected {reason}.")


def count(n, name: str, *, at_least: int = 1) -> int:
    """n as an int. Raise ValueError unless it is a whole number, also numpy's or torch's, >= at_least."""
    try:
        number = None if _is_bool(n) else operator.index(n)
    except (TypeError, RuntimeError):
        number = None
    if number is None or number < at_least:
        raise ValueError(f"{name} is {n!r}; expected a whole number >= {at_least}.")
    return number


def seed(n, name: str = "seed") -> int:
    """n as an int. Raise ValueError unless it is a whole number that PyTorch takes for a seed."""
    number = count(n, name, at_least=0)
    if number >= 2**63:
        raise ValueError(f"{name} is {n!r}; expected a whole number below 2**63.")
    return number


def generator(given) -> None:
    """Raise ValueError unless it is a torch.Generator, or None for the one that PyTorch keeps."""
    if not isinstance(given, torch.Generator | None):
        raise ValueError(
            f"generator is {given!r}; expected a torch.Generator, or None: for a seed s use "
            "torch.Generator().manual_seed(s)."
        )


def _is_bool(n) -> bool:
    return isinstance(n, bool) or str(getattr(n, "dtype", "")) in ("bool", "torch.bool")


def per_sample(sigma, x: Tensor, *, wait: bool = True) -> Tensor:
    """A float or (N,) noise level, shaped so that it multiplies x of shape (N, ...).

    wait: check also values that lie on a GPU, which must finish its work first.
    """
    if wait or not isinstance(sigma, Tensor) or sigma.device.type == "cpu":
        noise_levels(sigma)
    sigma = torch.as_tensor(readable(sigma), dtype=x.dtype, device=x.device)
    if sigma.ndim == 0:
        return sigma
    if sigma.shape != x.shape[:1]:
        raise ValueError(
            f"sigma has shape {tuple(sigma.shape)} for a batch of {x.shape[0]}; "
            f"expected one number, or one for each sample: shape ({x.shape[0]},)."
        )
    return sigma.reshape(-1, *[1] * (x.ndim - 1))


def shape_of(x: Tensor, shape: tuple[int, ...], name: str) -> None:
    """Raise ValueError unless x has shape (N, *shape); the message says what makes it so."""
    tensor(x, name)
    if x.shape[1:] != shape:
        expected = ", ".join(map(str, shape))
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected (N, {expected}), which this network was made "
            f"for: {_reshaped(x, shape, name)}."
        )


def batch_for(network: nn.Module, x: Tensor, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless x has the dtype and device of the network's weights and shape (N, *shape).

    Reads no value, and so does not wait for a GPU.
    """
    name = "x_noisy"
    shape_of(x, shape, name)
    weight = next(network.parameters())
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        bytes_ = "" if x.is_floating_point() else ", and divide by 255 if it holds bytes"
        raise ValueError(
            f"{name} has dtype {x.dtype}; expected {weight.dtype}, as the weights have: "
            f"use {name}.to({weight.dtype}){bytes_}."
        )
    if x.device != weight.device:
        raise ValueError(
            f"{name} is on {x.device} and the network on {weight.device}; expected one device: "
            f"use {name}.to({str(weight.device)!r})."
        )


def _reshaped(x: Tensor, shape: tuple[int, ...], name: str) -> str:
    """What to do about the shape of x, as code that gives the same data in the right order."""
    given = tuple(x.shape)
    if given == shape:
        return f"for a single one use {name}[None]"
    if len(shape) == 1 and x.ndim > 2 and math.prod(given[1:]) == shape[0]:
        return f"use {name}.flatten(1)"
    if len(shape) == 3:
        c, h, w = shape
        if given[1:] == (h, w, c):
            return f"the channels come last, so use {name}.movedim(-1, 1)"
        if given == (h, w, c):
            return f"the channels come last, so use {name}.movedim(-1, 0)[None]"
        if c == 1 and given[1:] == (h, w):
            return f"the channel axis is missing, so use {name}[:, None]"
        if c == 1 and given == (h, w):
            return f"for a single image use {name}[None, None]"
        if given[1:] == (c * h * w,):
            return f"use {name}.unflatten(1, {shape})"
    return "make a network for this shape (dim, or channels and side), or give it such data"


def trainable(network: nn.Module) -> None:
    """Raise ValueError unless the network has weights that can be trained, and say what to do."""
    weights = list(network.parameters())
    name = type(network).__name__
    if not weights:
        raise ValueError(f"this {name} has no weights; expected a network to train.")
    if any(isinstance(w, nn.parameter.UninitializedParameter) for w in weights):
        raise ValueError(f"this {name} has lazy layers without weights: call it on a batch first.")
    if any(w.is_inference() for w in weights):
        raise ValueError(f"this {name} was made inside torch.inference_mode(): make it outside.")
    if not any(w.requires_grad for w in weights):
        raise ValueError(f"all weights of this {name} are frozen: call network.requires_grad_(True).")
    dtypes, devices = {w.dtype for w in weights}, {w.device for w in weights}
    if len(dtypes | devices) > 2 or not dtypes <= {torch.float32, torch.float64}:
        given = ", ".join(sorted(map(str, dtypes | devices)))
        raise ValueError(
            f"the weights of this {name} are {given}; expected all float32, or all float64, on one "
            "device: call network.float()."
        )
