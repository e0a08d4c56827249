"""Mixtures of Gaussians against scipy, finite differences, quadrature and scikit-learn."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import KINDS, points, posterior, random_case, seeded
from scipy.integrate import quad
from scipy.stats import chisquare, kstest, multivariate_normal, norm
from sklearn.neighbors import KernelDensity

import daeutils as du
from daeutils import GaussianMixture

CASES = dict(kind=st.sampled_from(KINDS), dim=st.integers(1, 3), seed=st.integers(0, 2**20))
SHAPES = {
    "ring": du.ring,
    "moons": du.moons,
    "spiral": du.spiral,
    "pinwheel": du.pinwheel,
    "checkerboard": du.checkerboard,
}
RANDOM = {f"random {k} {s}": partial(du.random_mixture, k, s) for k in (1, 2, 12) for s in range(20)}

kinds = pytest.mark.parametrize("kind", KINDS)
# absolute and relative tolerance
precisions = pytest.mark.parametrize(
    ("dtype", "tight"), [(torch.float64, 1e-10), (torch.float32, 5e-4)], ids=["float64", "float32"]
)


# Density and score


@precisions
@given(**CASES)
def test_log_prob_is_that_of_scipy(dtype, tight, kind, dim, seed):
    case, x = random_case(kind, dim, seed=seed), points(20, dim, seed, dtype)
    found = case.law.log_prob(x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, case.log_prob(x.double().numpy()), rtol=tight, atol=tight)


@given(**CASES)
def test_score_is_the_slope_of_log_prob(kind, dim, seed):
    law, x = random_case(kind, dim, seed=seed).law, points(10, dim, seed)
    h = 1e-5
    slopes = [(law.log_prob(x + h * e) - law.log_prob(x - h * e)) / (2 * h) for e in torch.eye(dim)]
    score = law.score(x)
    scale = score.norm(dim=1).mean().item()
    np.testing.assert_allclose(score, torch.stack(slopes, 1), rtol=1e-5, atol=1e-6 * scale)
    y = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(law.log_prob(y).sum(), y)
    np.testing.assert_allclose(score, gradient, rtol=1e-9, atol=1e-10 * scale)


@kinds
def test_far_away_the_score_is_exact_and_the_log_density_finite(kind):
    case = random_case(kind, components=1)
    far = torch.full((1, 2), 60.0)  # the density itself underflows, its logarithm does not
    pull = -np.linalg.solve(case.covariances[0], far[0].numpy() - case.means[0])
    np.testing.assert_allclose(case.law.score(far)[0], pull, rtol=1e-4)
    assert torch.isfinite(case.law.log_prob(far)).all()


def test_responsibilities_are_the_bayes_rule():
    case, x = random_case("full"), points(20)
    joint = np.exp(case.log_joint(x.numpy()))
    expected = joint / joint.sum(1, keepdims=True)
    np.testing.assert_allclose(case.law.responsibilities(x), expected, atol=1e-12)


@kinds
def test_parameters_come_back_as_matrices(kind):
    case = random_case(kind, dim=3)
    np.testing.assert_allclose(case.law.covariances, case.covariances, atol=1e-14)
    np.testing.assert_allclose(case.law.mean(), case.weights @ case.means)
    assert case.law.dim == 3
    assert "3 components in 3 dimensions" in repr(case.law)


# Smoothing and the posterior mean


@kinds
@pytest.mark.parametrize("sigma", [0.05, 0.4])
def test_smoothing_and_posterior_mean_by_quadrature_in_one_dimension(kind, sigma):
    case = random_case(kind, dim=1)
    mu, v = case.means[:, 0], case.covariances[:, 0, 0]

    def integral(power, y):
        def integrand(x):
            p = case.weights @ (np.exp(-((x - mu) ** 2) / (2 * v)) / np.sqrt(2 * np.pi * v))
            return x**power * p * math.exp(-((y - x) ** 2) / (2 * sigma**2))

        breaks = [*mu, y]
        value, _ = quad(integrand, -4, 5, points=breaks, epsabs=1e-12, epsrel=1e-10, limit=200)
        return value / math.sqrt(2 * math.pi * sigma**2)

    y = torch.tensor([[-0.1], [0.33], [0.7], [1.2]], dtype=torch.float64)
    mass, first = (np.array([integral(power, v) for v in y[:, 0].tolist()]) for power in (0, 1))
    np.testing.assert_allclose(case.law.smooth(sigma).log_prob(y), np.log(mass), rtol=1e-8)
    means = case.law.posterior_mean(y, sigma)[:, 0]
    np.testing.assert_allclose(means, first / mass, rtol=1e-7)


@given(sigma=st.floats(0.01, 3), **CASES)
def test_tweedie_at_every_noise_level(sigma, kind, dim, seed):
    """T2: two code paths, one by components, one by the score of the smoothed law."""
    case, y = random_case(kind, dim, seed=seed), points(10, dim, seed)
    mean = case.law.posterior_mean(y, sigma)
    tweedie = y + sigma**2 * case.law.smooth(sigma).score(y)
    np.testing.assert_allclose(mean, tweedie, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(mean[0], posterior(case, y[0].numpy(), sigma)[0], rtol=1e-8, atol=1e-8)


@given(a=st.floats(0.01, 2), b=st.floats(0.01, 2), **CASES)
def test_smoothing_twice_adds_the_variances(a, b, kind, dim, seed):
    law, x = random_case(kind, dim, seed=seed).law, points(5, dim, seed)
    twice, once = law.smooth(a).smooth(b), law.smooth(math.hypot(a, b))
    np.testing.assert_allclose(twice.log_prob(x), once.log_prob(x), rtol=1e-10, atol=1e-10)


def test_small_noise_leads_to_the_score_of_the_clean_law():
    """T3: the distance to grad log p falls with the square of sigma."""
    law, x = random_case("diagonal").law, points(50).clamp(0.2, 0.8)
    sigmas = [0.002, 0.004]
    errors = [((law.posterior_mean(x, s) - x) / s**2 - law.score(x)).norm().item() for s in sigmas]
    assert math.log2(errors[1] / errors[0]) == pytest.approx(2, abs=0.05)


# Atoms


@precisions
@pytest.mark.parametrize("sigma", [0.05, 0.5])
def test_atoms_against_softmax_and_a_kernel_density(dtype, tight, sigma):
    images = du.digits("test")[0][:60]
    data = images.flatten(1).double().numpy()
    law = du.from_points(images)
    noisy = torch.from_numpy(data[:5]) + sigma * torch.randn(5, 784, generator=seeded())
    y = noisy.to(dtype)

    log_weights = -((y.double().numpy()[:, None] - data) ** 2).sum(-1) / (2 * sigma**2)
    r = np.exp(log_weights - log_weights.max(1, keepdims=True))
    r /= r.sum(1, keepdims=True)
    np.testing.assert_allclose(law.posterior_mean(y, sigma), r @ data, rtol=tight, atol=tight)

    kde = KernelDensity(bandwidth=sigma).fit(data)
    expected = kde.score_samples(y.double().numpy())
    np.testing.assert_allclose(law.smooth(sigma).log_prob(y), expected, rtol=tight)


def test_distances_do_not_cancel_in_single_precision():
    """At an atom, and at little noise, the density is the peak of one Gaussian."""
    images, sigma = du.digits("test")[0][:40], 1e-3
    peak = -784 / 2 * math.log(2 * math.pi * sigma**2) - math.log(40)
    found = du.from_points(images).smooth(sigma).log_prob(images.flatten(1))
    np.testing.assert_allclose(found, peak, rtol=1e-6)


def test_an_atom_in_a_full_matrix_is_an_atom():
    degenerate = torch.tensor([[[1.0, 1.0], [1.0, 1.0]]], dtype=torch.float64)  # rank 1
    law, y = GaussianMixture(torch.zeros(1, 2), degenerate), points(6)
    expected = multivariate_normal(np.zeros(2), degenerate[0].numpy() + 0.04 * np.eye(2)).logpdf(y)
    np.testing.assert_allclose(law.smooth(0.2).log_prob(y), expected, rtol=1e-9)
    for atoms in (law, du.from_points(torch.rand(3, 2))):
        with pytest.raises(ValueError, match=r"atom.*smooth\(sigma\)"):
            atoms.log_prob(y)


# Sampling


@kinds
@pytest.mark.parametrize("direction", [(0.36, 0.48, 0.8), (1.0, 0.0, 0.0)])
def test_samples_follow_the_law_along_a_line(kind, direction):
    case, direction = random_case(kind, dim=3), np.array(direction)
    x = case.law.sample(5000, seeded(2)).double().numpy() @ direction
    scale = np.sqrt(np.einsum("i,kij,j->k", direction, case.covariances, direction))

    def cdf(t):
        return norm.cdf((t[:, None] - case.means @ direction) / scale) @ case.weights

    assert kstest(x, cdf).pvalue > 1e-3


def test_samples_fall_on_the_components_by_weight():
    weights = np.array([1.0, 2.0, 5.0])
    law = GaussianMixture([[0.0], [1.0], [2.0]], 0.0, weights)
    counts = np.bincount(law.sample(8000, seeded()).flatten().long(), minlength=3)
    assert chisquare(counts, 8000 * weights / weights.sum()).pvalue > 1e-3


# The laws in the unit square


@pytest.mark.parametrize("make", (SHAPES | RANDOM).values(), ids=SHAPES | RANDOM)
def test_almost_no_mass_outside_the_unit_square(make):
    law = make()
    std = law.covariances.diagonal(dim1=1, dim2=2).sqrt().numpy()
    means = law.means.numpy()
    tails = norm.sf(means / std) + norm.sf((1 - means) / std)  # (K, 2), below 0 and above 1
    assert law.dim == 2
    assert law.weights.numpy() @ tails.sum(1) < 1e-6


def test_a_random_mixture_is_unequal_anisotropic_and_its_own_for_each_seed():
    law = du.random_mixture(8, seed=3)
    widths = torch.linalg.eigvalsh(law.covariances).sqrt()
    assert widths.min() >= 0.015 and widths.max() <= 0.05
    assert (widths[:, 1] / widths[:, 0]).max() > 1.5 and law.covariances[:, 0, 1].abs().max() > 1e-4
    assert law.weights.max() / law.weights.min() > 1.5
    assert torch.equal(law.means, du.random_mixture(8, seed=3).means)
    assert not torch.equal(law.means, du.random_mixture(8, seed=4).means)


def test_a_pinwheel_looks_the_same_after_a_turn_by_one_arm():
    law, angle = du.pinwheel(arms=5), 2 * np.pi / 5
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    x = 0.5 + 0.3 * points(50, 2, 0, torch.float64)
    np.testing.assert_allclose(law.log_prob(0.5 + (x - 0.5) @ turn.T), law.log_prob(x), rtol=1e-9)


def test_ring_is_a_circle_of_equal_bumps():
    law = du.ring(modes=6, radius=0.25)
    offsets = law.means.numpy() - 0.5
    np.testing.assert_allclose(np.hypot(*offsets.T), 0.25)
    np.testing.assert_allclose(np.diff(np.unwrap(np.arctan2(*offsets.T[::-1]))), 2 * np.pi / 6)
    np.testing.assert_allclose(law.weights, 1 / 6)


def test_checkerboard_is_dark_and_light_in_turn():
    centres = 0.2 + 0.2 * torch.arange(4, dtype=torch.float64)
    density = du.checkerboard().log_prob(torch.cartesian_prod(centres, centres)).exp().reshape(4, 4)
    dark = torch.arange(4)[:, None].add(torch.arange(4)) % 2 == 0
    assert density[dark].min() > 20 * density[~dark].max()


def test_spiral_winds_outwards_by_equal_lengths():
    means = du.spiral(turns=2).means.numpy() - 0.5
    radius, angle = np.hypot(*means.T), np.unwrap(np.arctan2(*means.T[::-1]))
    assert (np.diff(radius) > 0).all() and (np.diff(angle) > 0).all()
    arcs = np.hypot(*np.diff(means, axis=0).T)
    assert arcs.max() < 1.5 * arcs.min()


def test_moons_are_two_arcs_that_interleave():
    upper, lower = du.moons(centres=11).means.numpy().reshape(2, 11, 2)
    np.testing.assert_allclose(upper + lower, np.ones((11, 2)), atol=1e-12)  # point reflection
    np.testing.assert_allclose((((upper - [0.4, 0.43]) / [0.22, 0.27]) ** 2).sum(1), 1)
    assert upper[:, 0].max() > lower[:, 0].min() and upper[:, 1].min() < lower[:, 1].max()


# Bad input


def test_numbers_of_python_keep_their_digits():
    """Single precision would keep 0.1 to eight digits; a complex one would lose half of itself."""
    law = GaussianMixture([[0.1, 0.7]], 0.3, [0.9])
    assert law.means.tolist() == [[0.1, 0.7]] and law.covariances[0, 0, 0].item() == 0.3
    with pytest.raises(ValueError, match=r"means cannot be read .*complex"):
        GaussianMixture(torch.zeros(1, 2, dtype=torch.complex64), 1.0)
