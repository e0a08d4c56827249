"""Ways to move with a denoiser: uphill to modes (T5, T6), or to samples by putting noise back (T7).

A denoiser is anything called as denoiser(x, sigma) -> reconstruction. Starting points x are
(N, d) or (N, C, H, W); results stay on their device. With return_path=True the whole path comes back,
start included, (steps + 1, N, ...). Networks run without gradients, on `BATCH` samples at a time.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from daeutils import _check, corruption

BATCH = 200  # samples a network sees at once: fits a cache, and bounds the memory of a long chain


@torch.no_grad()
def _apply(denoiser, x: Tensor, sigma) -> Tensor:
    parts = x.split(BATCH)
    each = isinstance(sigma, Tensor) and sigma.ndim > 0  # one level for each sample
    levels = sigma.split(BATCH) if each else [sigma] * len(parts)
    return torch.cat([denoiser(*pair) for pair in zip(parts, levels, strict=True)])


def _follow(step, x: Tensor, levels, return_path: bool) -> Tensor:
    """Apply x <- step(x, level) for each level; the one loop behind every sampler.

    No step looks at values, which would make a GPU wait: each sampler checks them before the first, and
    they are checked at the end.
    """
    path = [x]
    for level in levels:
        x = step(x, level)
        if return_path:
            path.append(x)
    if not torch.isfinite(x).all():
        raise ValueError(
            "the chain ended at NaN or infinity; expected finite values all along: take smaller steps, "
            "or look at what the denoiser answers."
        )
    return torch.stack(path) if return_path else x


def iterate(denoiser, x: Tensor, steps: int, sigma=None, return_path: bool = False) -> Tensor:
    """x <- R(x), `steps` times: gradient ascent on log p_sigma with step sigma^2 (P3, T5).

    sigma may be None for a network that was trained at one level.
    """
    steps = _check.count(steps, "steps", at_least=0)
    _check.float_tensor(x)
    if sigma is not None:
        _check.per_sample(sigma, x)
    return _follow(lambda x, level: _apply(denoiser, x, level), x, [sigma] * steps, return_path)


def walkback(denoiser, x: Tensor, steps: int, sigma, generator=None, return_path: bool = False) -> Tensor:
    """x <- R(x + sigma eps), `steps` times (T7; Bengio et al. 2013)."""
    steps = _check.count(steps, "steps", at_least=0)
    _check.float_tensor(x)
    scale = _check.per_sample(sigma, x)

    def step(x, level):
        return _apply(denoiser, x + scale * corruption.noise(x, generator), level)

    return _follow(step, x, [sigma] * steps, return_path)


@torch.no_grad()
def langevin(
    denoiser,
    x: Tensor,
    steps: int,
    sigma: float,
    step_size: float | None = None,
    generator=None,
    return_path: bool = False,
) -> Tensor:
    """x <- x + (h/2) s^(x) + sqrt(h) eps; for many steps its distribution is p_sigma, up to O(h) (T7).

    step_size: h, sigma^2 / 10 by default; keep it well under sigma^2.
    """
    steps = _check.count(steps, "steps", at_least=0)
    sigma = _check.noise_level(sigma)
    h = sigma**2 / 10 if step_size is None else step_size
    _check.number(h, "step_size", at_least=_check.FAINT**2)
    _check.float_tensor(x)
    variance, scale = _check.per_sample(sigma, x) ** 2, _check.per_sample(math.sqrt(h), x)

    def step(x, level):
        score = (_apply(denoiser, x, level) - x) / variance  # T2
        return x + h / 2 * score + scale * corruption.noise(x, generator)

    return _follow(step, x, [sigma] * steps, return_path)


def noise_schedule(levels: int = 20, high: float = 10.0, low: float = 0.02, rho: float = 7) -> Tensor:
    """Noise levels from high to low, (levels,), denser near low (Karras et al. 2022), even at rho 1.

    Raises:
        ValueError: fewer than two levels, high not above low, or rho below 1.
    """
    levels = _check.count(levels, "levels", at_least=2)
    low = _check.noise_level(low, "low")
    high = _check.noise_level(high, "high")
    if not high > low:
        raise ValueError(f"high is {high:g} and low is {low:g}; expected high > low.")
    _check.number(rho, "rho", at_least=1)
    t = torch.linspace(0, 1, levels, dtype=torch.float64, device="cpu")
    return (high ** (1 / rho) + t * (low ** (1 / rho) - high ** (1 / rho))) ** rho


def _falling(sigmas) -> list[float]:
    """Noise levels from the largest to the smallest, checked."""
    _check.noise_levels(sigmas, "sigmas")
    levels = (
        torch.as_tensor(_check.readable(sigmas), dtype=torch.float64, device="cpu").flatten().tolist()
    )
    if any(b >= a for a, b in pairwise(levels)):
        raise ValueError("sigmas do not decrease; expected levels from the largest to the smallest.")
    return levels


def ancestral(
    denoiser,
    x: Tensor,
    sigmas,
    eta: float | None = None,
    generator: torch.Generator | None = None,
    return_path: bool = False,
) -> Tensor:
    """Turn x of level sigmas[0] into samples: at each level denoise, and put less noise back (T10).

    x <- R + sigma' (sqrt(1 - eta^2) eps^ + eta eps), where sigma' is the next level, R = R(x; sigma),
    eps^ = (x - R) / sigma is the noise that the denoiser sees in x, and eps is fresh. The last step is
    x <- R(x; sigmas[-1]), so that the denoiser is asked once for each level.

    Args:
        x: samples of p_sigma at the first level, for instance mean + sigmas[0] eps.
        sigmas: decreasing noise levels, such as `noise_schedule(40)`.
        eta: share of fresh noise. 0: none; this is DDIM, the Euler step of `probability_flow`. 1: all.
            None: sqrt(1 - sigma'^2 / sigma^2) at each step, as in DDPM (Ho, Jain & Abbeel 2020).
        generator: of the fresh noise.

    Raises:
        ValueError: levels that do not decrease or are not > 0, or an eta outside [0, 1].
    """
    levels = _falling(sigmas)
    if eta is not None:
        _check.number(eta, "eta", at_least=0, at_most=1)
    _check.float_tensor(x)

    def step(x, pair):
        here, there = pair
        clean = _apply(denoiser, x, here)
        if there == 0:
            return clean
        fresh = math.sqrt(1 - (there / here) ** 2) if eta is None else eta
        x = clean + there * math.sqrt(1 - fresh**2) * (x - clean) / here
        return x + there * fresh * corruption.noise(x, generator) if fresh else x

    return _follow(step, x, zip(levels, [*levels[1:], 0.0], strict=True), return_path)


def probability_flow(
    denoiser, x: Tensor, sigmas, return_path: bool = False, *, churn: float = 0.0, generator=None
) -> Tensor:
    """Follow dx/dsigma = (x - R(x; sigma)) / sigma down the levels, then denoise once (T7).

    Heun's second-order steps between consecutive levels; the last step is x <- R(x; sigmas[-1]).

    Args:
        x: samples of p_sigma at the first level, for instance x + sigmas[0] eps.
        sigmas: decreasing noise levels, such as `noise_schedule()`.
        churn: before each step, add noise until the level is 1 + churn times as large, and come down from
            there. For the exact R the distribution stays p_sigma, and what a network did wrong before is
            partly forgotten (Karras et al. 2022). 0: no noise, 0.4 is a good deal.
        generator: of that noise.

    Raises:
        ValueError: levels that do not decrease or are not > 0, or a churn below 0.
    """
    levels = _falling(sigmas)
    _check.number(churn, "churn", at_least=0)
    _check.float_tensor(x)

    def step(x, pair):
        here, there = pair
        if churn:
            level, here = here, here * (1 + churn)
            x = x + math.sqrt(here**2 - level**2) * corruption.noise(x, generator)
        slope = (x - _apply(denoiser, x, here)) / here
        if there == 0:
            return x - here * slope  # = R(x; here)
        guess = x + (there - here) * slope
        correction = (guess - _apply(denoiser, guess, there)) / there
        return x + (there - here) / 2 * (slope + correction)

    return _follow(step, x, zip(levels, [*levels[1:], 0.0], strict=True), return_path)
