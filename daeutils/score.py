"""The score read off a denoiser, how far it is from the exact one, and what BCE guarantees (T2, T4).

A denoiser here is anything called as denoiser(x_noisy, sigma) -> reconstruction: a trained network, or
the exact `law.posterior_mean`.
"""

import torch
from torch import Tensor

from daeutils import _check


def score_from_denoiser(denoiser, x_noisy: Tensor, sigma) -> Tensor:
    """s^(x~) = (R(x~) - x~) / sigma^2, same shape as x_noisy, in 1 / pixel units (T2).

    Raises:
        ValueError: x_noisy is not a finite float batch, or sigma is not > 0.
    """
    _check.float_tensor(x_noisy, "x_noisy")
    return (denoiser(x_noisy, sigma) - x_noisy) / _check.per_sample(sigma, x_noisy) ** 2


def relative_error(estimate: Tensor, exact: Tensor) -> float:
    """sqrt(E|estimate - exact|^2 / E|exact|^2): 0 is perfect, 1 is no better than zero."""
    _check.same_shape(estimate, exact, "estimate and exact", ndim_at_least=1)
    power = exact.double().square().mean().item()
    if power == 0:
        raise ValueError(
            "exact is zero everywhere; expected arrows to divide by: compare absolute errors."
        )
    return ((estimate.double() - exact.double()).square().mean().item() / power) ** 0.5


def cosine(estimate: Tensor, exact: Tensor) -> Tensor:
    """Cosine of the angle between each pair of arrows, (N,): 1 where they point the same way."""
    _check.same_shape(estimate, exact, "estimate and exact")
    return torch.nn.functional.cosine_similarity(estimate.flatten(1), exact.flatten(1), dim=1)


def certificate(excess: float, sigma: float) -> float:
    """The bound of T4: E|s^ - s_sigma|^2 <= excess / (2 sigma^4), in squared score units.

    excess: of the BCE over its optimum, in nats summed over pixels (`objectives.excess_risk`).
    """
    _check.number(excess, "excess")
    sigma = _check.noise_level(sigma)
    return excess / (2 * sigma**4)


def jacobian(denoiser, x_noisy: Tensor, sigma) -> Tensor:
    """dR/dx~ at one point, (D, D) for x_noisy of shape (1, ...) with D entries (T6)."""
    _check.float_tensor(x_noisy, "x_noisy")
    if len(x_noisy) != 1:
        raise ValueError(f"x_noisy holds {len(x_noisy)} points; expected one: use x_noisy[:1].")
    if sigma is not None:
        _check.per_sample(sigma, x_noisy)
    d = x_noisy.numel()
    with torch.inference_mode(False), torch.enable_grad():  # there every derivative would be 0
        found = torch.autograd.functional.jacobian(lambda x: denoiser(x, sigma), x_noisy.detach().clone())
    return found.reshape(d, d)


def asymmetry(jacobian: Tensor) -> float:
    """|J - J^T| / |J + J^T| in the Frobenius norm: 0 for a gradient field, as R* is (T6).

    Infinite where J turns and does nothing else. Raises ValueError unless J is a finite matrix (D, D).
    """
    _check.float_tensor(jacobian, "jacobian")
    if jacobian.ndim != 2 or jacobian.shape[0] != jacobian.shape[1]:
        raise ValueError(f"jacobian has shape {tuple(jacobian.shape)}; expected a matrix, (D, D).")
    skew, even = (jacobian - jacobian.mT).norm(), (jacobian + jacobian.mT).norm()
    return (skew / even).item() if skew else 0.0


@torch.no_grad()
def log_density_difference(denoiser, start: Tensor, end: Tensor, sigma, points: int = 50) -> Tensor:
    """log p_sigma(end) - log p_sigma(start), (N,): the integral of s^ along the straight path (T9).

    The trapezoid rule with that many points; exact only as far as s^ is a gradient field.
    """
    _check.same_shape(start, end, "start and end")
    points = _check.count(points, "points", at_least=2)
    step = end - start
    along = torch.stack([
        (score_from_denoiser(denoiser, start + t * step, sigma) * step).flatten(1).sum(1)
        for t in torch.linspace(0, 1, points, device=start.device, dtype=start.dtype)
    ])  # (points, N)  # fmt: skip
    return torch.trapezoid(along, dx=1 / (points - 1), dim=0)
