"""Corruption: x -> x_noisy. The Gaussian one carries the theory; the others break it on purpose (T8).

Every function takes x (N, d) or (N, C, H, W) and returns the same shape, dtype and device. Chance
comes from the generator alone.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from daeutils import _check


def noise(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """eps ~ N(0, I), of the shape, dtype and device of x, whose values are not read.

    Raises:
        ValueError: x is not a float batch.
    """
    _check.float_tensor(x, finite=False)
    _check.generator(generator)
    return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


def gaussian(x: Tensor, sigma, generator: torch.Generator | None = None) -> Tensor:
    """x + sigma eps, never clamped (T2). sigma: a float, or (N,) with one level for each sample.

    Raises:
        ValueError: x is not a finite float batch, or a sigma is not > 0.
    """
    _check.float_tensor(x)
    return x + _check.per_sample(sigma, x) * noise(x, generator)


def clamped(x: Tensor, sigma, generator: torch.Generator | None = None) -> Tensor:
    """Gaussian noise, then clamped to [0, 1]: Tweedie's formula fails near the faces (T8a)."""
    return gaussian(x, sigma, generator).clamp(0, 1)


def _hit(x: Tensor, fraction: float, generator: torch.Generator | None) -> Tensor:
    _check.float_tensor(x)
    _check.number(fraction, "fraction", at_least=0, at_most=1)
    _check.generator(generator)
    return torch.rand(x.shape, generator=generator, device=x.device) < fraction


def masking(x: Tensor, fraction: float, generator: torch.Generator | None = None) -> Tensor:
    """Set that fraction of the entries to 0: what is lost is no longer a score (T8b)."""
    hit = _hit(x, fraction, generator)
    return x.masked_fill(hit, 0.0)


def salt_and_pepper(x: Tensor, fraction: float, generator: torch.Generator | None = None) -> Tensor:
    """Set that fraction of the entries to 0 or 1 by a fair coin (T8b)."""
    hit = _hit(x, fraction, generator)
    coin = torch.rand(x.shape, generator=generator, device=x.device) < 0.5
    return torch.where(hit, coin.to(x.dtype), x)


def log_normal(
    mean: float = -1.0, std: float = 1.2, low: float = 0.02, high: float = 20.0
) -> Callable[[int, torch.Generator], Tensor]:
    """Noise levels to draw: log sigma ~ N(mean, std^2), sigma clipped to [low, high] (chapter 10).

    Returns a function (n, generator) -> (n,), which `fit` takes as its sigma.
    """
    _check.number(mean, "mean")
    _check.number(std, "std", at_least=0)
    low = _check.noise_level(low, "low")
    high = _check.noise_level(high, "high")
    if not low < high:
        raise ValueError(f"low is {low:g} and high is {high:g}; expected low < high.")
    return partial(_draw_log_normal, mean=mean, std=std, low=low, high=high)


def _draw_log_normal(n: int, generator: torch.Generator, *, mean, std, low, high) -> Tensor:
    n = _check.count(n, "n")
    z = torch.randn(n, generator=generator, device=generator.device, dtype=torch.float32)
    return (mean + std * z).clamp(math.log(low), math.log(high)).exp()
