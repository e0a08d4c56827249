"""The score read off a denoiser against the exact one, and what BCE certifies about it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import KINDS, points, posterior, random_case, seeded

import daeutils as du
from daeutils.objectives import excess_risk

kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.parametrize(("dtype", "tight"), [(torch.float64, 1e-8), (torch.float32, 1e-2)])
@given(kind=st.sampled_from(KINDS), dim=st.integers(1, 3), sigma=st.floats(0.05, 2))
def test_the_exact_denoiser_gives_the_exact_score(dtype, tight, kind, dim, sigma):
    law, y = random_case(kind, dim).law, points(20, dim, dtype=dtype)
    found = du.score_from_denoiser(law.posterior_mean, y, sigma)
    assert found.shape == y.shape and found.dtype == dtype
    assert torch.allclose(found, law.smooth(sigma).score(y), rtol=tight, atol=tight)


def test_relative_error_is_its_definition():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 30, 4))
    expected = np.linalg.norm(a - b) / np.linalg.norm(b)
    assert du.relative_error(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected)
    assert du.relative_error(torch.tensor(b), torch.tensor(b)) == 0
    assert du.relative_error(torch.zeros(30, 4), torch.tensor(b)) == 1


def test_cosine_is_its_definition():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 30, 2, 3))
    flat = [x.reshape(30, 6) for x in (a, b)]
    expected = (flat[0] * flat[1]).sum(1) / np.prod([np.linalg.norm(x, axis=1) for x in flat], 0)
    np.testing.assert_allclose(du.cosine(torch.tensor(a), torch.tensor(b)), expected)
    np.testing.assert_allclose(du.cosine(torch.tensor(a), torch.tensor(-2 * a)), -1)


# The certificate


@given(
    seed=st.integers(0, 1000),
    sigma=st.floats(0.05, 1),
    strength=st.floats(1e-3, 8),
    tilt=st.floats(-3, 3),
)
def test_bce_certifies_the_score_of_any_network(seed, sigma, strength, tilt):
    """T4: E|s^ - s_sigma|^2 <= excess / (2 sigma^4), however the logits are wrong."""
    generator = seeded(seed)
    law = du.GaussianMixture(torch.rand(6, 2, generator=generator) * 0.6 + 0.2, 1e-4)
    y = law.smooth(sigma).sample(400, generator).double()
    optimum = law.posterior_mean(y, sigma)
    assert ((optimum > 0) & (optimum < 1)).all()
    logits = optimum.logit() + tilt + strength * torch.sin(7 * y) * torch.randn(2, generator=generator)

    estimate = du.score_from_denoiser(lambda x, s: logits.sigmoid(), y, sigma)
    error = (estimate - law.smooth(sigma).score(y)).square().sum(1).mean().item()
    bound = du.certificate(excess_risk(logits, optimum).mean().item(), sigma)
    assert error <= bound * (1 + 1e-9) + 1e-9
    assert bound > 0


def test_the_certificate_is_tight_at_one_half():
    """kl(1/2 + d || 1/2) = 2 d^2 to second order: there Pinsker gives nothing away."""
    d, sigma = 1e-3, 0.3
    optimum, logits = torch.full((1, 1), 0.5 + d, dtype=torch.float64), torch.zeros(1, 1)
    bound = du.certificate(excess_risk(logits.double(), optimum).item(), sigma)
    assert bound == pytest.approx((d / sigma**2) ** 2, rel=1e-5)


# The Jacobian


@kinds
def test_the_jacobian_of_the_posterior_mean_is_its_covariance(kind):
    """T6: Cov[x given x~] / sigma^2, symmetric and positive."""
    case, sigma = random_case(kind, dim=3), 0.2
    for y in points(3, 3, seed=4):
        found = du.jacobian(case.law.posterior_mean, y[None], sigma)
        _, covariance = posterior(case, y.numpy(), sigma)
        np.testing.assert_allclose(found, covariance / sigma**2, rtol=1e-8, atol=1e-9)
        assert du.asymmetry(found) < 1e-10
        assert torch.linalg.eigvalsh(found).min() > 0


def test_the_jacobian_of_a_network_by_finite_differences():
    network, h = du.UNetDenoiser(side=4, width=4, dense=8).double(), 1e-5
    x = torch.rand(1, 1, 4, 4, dtype=torch.float64, generator=seeded())
    found = du.jacobian(network, x, 0.1)
    steps = h * torch.eye(16, dtype=torch.float64).reshape(16, 1, 4, 4)
    columns = (network(x + steps) - network(x - steps)).flatten(1) / (2 * h)  # row j: dR / dx_j
    np.testing.assert_allclose(found, columns.detach().T, atol=1e-8)


# Energy


@kinds
@pytest.mark.parametrize("sigma", [0.1, 0.5])
def test_the_integral_of_the_score_is_the_difference_of_log_densities(kind, sigma):
    """T9, and the trapezoid rule: four times closer with twice the points."""
    law = random_case(kind, seed=1).law
    start, end = points(20, seed=1), points(20, seed=2)
    smoothed = law.smooth(sigma)
    exact = smoothed.log_prob(end) - smoothed.log_prob(start)
    errors = []
    for n in (201, 401, 2001):
        found = du.log_density_difference(law.posterior_mean, start, end, sigma, points=n)
        errors.append((found - exact).abs().mean().item())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[2] < 1e-4 * exact.abs().mean()


def test_log_density_difference_of_images():
    images = torch.rand(9, 1, 4, 4, generator=seeded()).double()
    law = du.from_points(images)
    start, end = images[:3] + 0.1, images[3:6]

    def denoiser(x, sigma):
        return law.posterior_mean(x.flatten(1), sigma).reshape(x.shape)

    found = du.log_density_difference(denoiser, start, end, 0.5, points=1000)
    low, high = (law.smooth(0.5).log_prob(x.flatten(1)) for x in (start, end))
    np.testing.assert_allclose(found, high - low, atol=1e-4)
