"""One place for the errors that a reader meets: what was given, what was expected, what to do."""

import math

import torch
from torch import Tensor


def float_tensor(x, name: str = "x", *, ndim_at_least: int = 2, finite: bool = True) -> None:
    """Raise ValueError unless x is a non-empty floating-point tensor of finite values.

    finite=False reads no value, and so does not wait for a GPU.
    """
    if not isinstance(x, Tensor):
        raise ValueError(
            f"{name} is a {type(x).__name__}; expected a torch tensor: use torch.as_tensor({name})."
        )
    if not x.is_floating_point():
        raise ValueError(
            f"{name} has dtype {x.dtype}; expected a floating-point tensor: "
            f"use {name}.float(), and divide by 255 if it holds bytes."
        )
    if x.ndim < ndim_at_least:
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected a batch, (N, d) or (N, C, H, W): "
            f"use {name}[None] for a single point."
        )
    if x.numel() == 0:
        raise ValueError(f"{name} is empty, shape {tuple(x.shape)}; expected at least one sample.")
    if finite and not torch.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or infinity; expected finite values: clean it first.")


def unit_interval(x, name: str = "x", **kwargs) -> None:
    """Raise ValueError unless x is a float tensor with values in [0, 1] (T8c)."""
    float_tensor(x, name, **kwargs)
    low, high = x.min().item(), x.max().item()
    if low < 0 or high > 1:
        raise ValueError(
            f"{name} holds values from {low:.4g} to {high:.4g}; expected [0, 1], because outside it "
            "binary cross-entropy is unbounded below: rescale the data, do not clamp it."
        )


FAINT, LOUD = 1e-9, 1e9  # noise levels whose squares, and what is divided by them, fit float32


def noise_level(sigma, name: str = "sigma", *, several: bool = False) -> None:
    """Raise ValueError unless sigma is a number in [FAINT, LOUD], or several of them where allowed."""
    if torch.compiler.is_exporting():
        return  # a graph has no values yet
    try:
        values = torch.as_tensor(sigma, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        values = torch.tensor(float("nan"))
    fits = values.numel() >= 1 if several else values.ndim == 0
    if not fits or not bool(((values >= FAINT) & (values <= LOUD)).all()):
        extreme = fits and bool(((values > 0) & torch.isfinite(values)).all())
        expected = f"a number from {FAINT:g} to {LOUD:g}" if extreme else "a finite number > 0"
        raise ValueError(
            f"{name} is {sigma!r}; expected {expected}: "
            "the standard deviation of the noise, in units of the data's [0, 1]."
        )


def number(value, name: str, *, at_least: float = -math.inf, at_most: float = math.inf) -> None:
    """Raise ValueError unless value is a finite number, not below at_least nor above at_most."""
    try:
        fits = not isinstance(value, str) and math.isfinite(value) and at_least <= value <= at_most
    except (TypeError, ValueError, RuntimeError):
        fits = False
    if not fits:
        bounds = "" if at_least == -math.inf else f" >= {at_least:g}"
        bounds = bounds if at_most == math.inf else f" in [{at_least:g}, {at_most:g}]"
        raise ValueError(f"{name} is {value!r}; expected a finite number{bounds}.")


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
        raise ValueError(f"labels are {labels!r}; expected a tensor of whole numbers: use .long().")
    if labels.shape != images.shape[:1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} for {len(images)} images; "
            f"expected one label for each image: ({len(images)},)."
        )


def count(n, name: str, *, at_least: int = 1) -> None:
    """Raise ValueError unless n is an integer, at_least or more."""
    if isinstance(n, bool) or not isinstance(n, int) or n < at_least:
        raise ValueError(f"{name} is {n!r}; expected a whole number >= {at_least}.")


def per_sample(sigma, x: Tensor, *, wait: bool = True) -> Tensor:
    """Shape a float or (N,) noise level so that it multiplies x of shape (N, ...).

    wait: check also values that lie on a GPU, which must finish its work first.
    """
    if wait or not isinstance(sigma, Tensor) or sigma.device.type == "cpu":
        noise_level(sigma, several=True)
    sigma = torch.as_tensor(sigma, dtype=x.dtype, device=x.device)
    if sigma.ndim == 0:
        return sigma
    if sigma.shape != x.shape[:1]:
        raise ValueError(
            f"sigma has shape {tuple(sigma.shape)} for a batch of {x.shape[0]}; "
            f"expected one number, or one for each sample: shape ({x.shape[0]},)."
        )
    return sigma.reshape(-1, *[1] * (x.ndim - 1))
