"""Chains of a denoiser: the exact one climbs, samples and flows as the closed forms say."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import KINDS, points, random_case, seeded
from scipy.stats import chisquare, kstest, norm

import daeutils as du
from daeutils.sampling import BATCH

# One Gaussian in the plane, N(mean, diag(variance)): every chain on it is linear.
MEAN, VARIANCE = torch.tensor([0.4, 0.6]), torch.tensor([0.01, 0.09])
GAUSSIAN = du.GaussianMixture(MEAN[None], VARIANCE[None])


def grey(x, sigma=None):
    return torch.full_like(x, 0.5)


def assert_variance(x: torch.Tensor, expected: torch.Tensor) -> None:
    """The mean and the variance of Gaussian samples, within four standard errors."""
    n = len(x)
    x = x.double()
    assert ((x.mean(0) - MEAN).abs() < 4 * (expected / n).sqrt()).all()
    assert ((x.var(0) / expected - 1).abs() < 4 * (2 / n) ** 0.5).all()


@pytest.fixture
def whole(monkeypatch):
    """Chains of an exact denoiser go through it in one part, which is quicker."""
    monkeypatch.setattr(du.sampling, "BATCH", 20_000)


# Uphill


@given(
    kind=st.sampled_from([*KINDS, "atoms"]),
    dim=st.integers(1, 3),
    seed=st.integers(0, 1000),
    sigma=st.floats(0.05, 2),
)
def test_the_exact_denoiser_never_goes_downhill(kind, dim, seed, sigma):
    """T5: each pass gains at least |step|^2 / (2 sigma^2)."""
    law = random_case("float" if kind == "atoms" else kind, dim, seed=seed).law
    law = du.from_points(law.means) if kind == "atoms" else law
    path = du.iterate(law.posterior_mean, points(10, dim, seed), 8, sigma, return_path=True)
    gains = torch.stack([law.smooth(sigma).log_prob(x) for x in path]).diff(dim=0)
    steps = path.diff(dim=0).square().sum(-1)
    assert (gains >= -1e-10).all()
    assert (gains >= steps / (2 * sigma**2) - 1e-9).all()


def test_iterate_on_a_finite_set_is_mean_shift():
    data, sigma = np.random.default_rng(0).uniform(size=(30, 2)), 0.12
    law = du.from_points(torch.from_numpy(data))
    start = points(10)
    x = start.numpy()
    expected = [x]
    for _ in range(15):
        kernel = np.exp(-((x[:, None] - data) ** 2).sum(-1) / (2 * sigma**2))
        x = (kernel @ data) / kernel.sum(1, keepdims=True)
        expected.append(x)
    found = du.iterate(law.posterior_mean, start, 15, sigma, return_path=True)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_iterate_stops_at_modes():
    """T6: the end of a long chain is a stationary point of p_sigma, and diversity falls."""
    law, sigma = random_case("full", seed=2).law, 0.1
    start = points(40)
    end = du.iterate(law.posterior_mean, start, 3000, sigma)
    assert law.smooth(sigma).score(end).norm(dim=1).max() < 1e-6
    assert len(torch.unique(end.round(decimals=4), dim=0)) <= len(law.means)


# Samples


def test_walkback_on_a_gaussian_has_its_closed_form(whole):
    """x <- m + k (x + sigma eps - m) with k = C / (C + sigma^2): variance k^2 sigma^2 / (1 - k^2)."""
    sigma = 0.2
    k = VARIANCE / (VARIANCE + sigma**2)
    x = du.walkback(GAUSSIAN.posterior_mean, torch.zeros(20_000, 2), 60, sigma, seeded())
    assert_variance(x, k**2 * sigma**2 / (1 - k**2))


@pytest.mark.parametrize("step_size", [None, 0.02])
def test_langevin_on_a_gaussian_has_its_closed_form(step_size, whole):
    """The chain x <- m + (1 - h/2V)(x - m) + sqrt(h) eps has variance V / (1 - h/4V), V = C + sigma^2."""
    sigma = 0.3
    v, h = VARIANCE + sigma**2, sigma**2 / 10 if step_size is None else step_size
    chain = partial(du.langevin, GAUSSIAN.posterior_mean, steps=200, sigma=sigma)
    x = chain(torch.zeros(20_000, 2), step_size=step_size, generator=seeded())
    expected = v / (1 - h / (4 * v))
    assert_variance(x, expected)
    assert ((expected / v - 1).abs() < h / v.min()).all()  # p_sigma, up to O(h)


def test_langevin_tends_to_the_smoothed_distribution(whole):
    case, sigma = random_case("spherical", dim=1, seed=4), 0.15
    x = torch.rand(4000, 1, generator=seeded())
    x = du.langevin(case.law.posterior_mean, x, 1500, sigma, sigma**2 / 20, seeded(1))
    scale = np.sqrt(case.covariances[:, 0, 0] + sigma**2)

    def cdf(t):
        return norm.cdf((t[:, None] - case.means[:, 0]) / scale) @ case.weights

    assert kstest(x[:, 0].double().numpy(), cdf).pvalue > 1e-3


# Flow


def flow_of_a_gaussian(x, high, low):
    """The exact flow scales by sqrt(C + low^2) / sqrt(C + high^2); then one pass of R*."""
    variance, mean = VARIANCE.double(), MEAN.double()
    scale = ((variance + low**2) / (variance + high**2)).sqrt()
    return mean + variance / (variance + low**2) * scale * (x - mean)


def test_the_flow_of_a_gaussian_has_its_closed_form_and_heun_is_of_second_order():
    high, low = 4.0, 0.05
    start = MEAN.double() + high * torch.randn(50, 2, generator=seeded(), dtype=torch.float64)
    exact = flow_of_a_gaussian(start, high, low)
    errors = []
    for n in (33, 65, 129):
        levels = du.noise_schedule(n, high, low)
        found = du.probability_flow(GAUSSIAN.posterior_mean, start, levels)
        errors.append((found - exact).abs().max().item())
    assert errors[2] < 1e-3 * exact.std()
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("churn", [0.0, 0.4])
def test_the_flow_turns_noise_into_samples_of_a_mixture(churn, whole):
    """With noise put back at every level too: the exact flow brings it down again."""
    law = du.GaussianMixture([[0.2], [0.5], [0.9]], 0.0004, [1.0, 3.0, 2.0])
    noise = 10 * torch.randn(6000, 1, generator=seeded()) + law.mean().float()
    levels = du.noise_schedule(60, 10, 0.002)
    x = du.probability_flow(law.posterior_mean, noise, levels, churn=churn, generator=seeded(1))
    counts = law.responsibilities(x).argmax(1).bincount(minlength=3)
    assert chisquare(counts, 6000 * law.weights).pvalue > 1e-3
    each = x[:, 0].double() - law.means[law.responsibilities(x).argmax(1), 0]
    assert kstest(each.numpy() / 0.02, norm.cdf).pvalue > 1e-3


def test_churn_raises_the_level_before_each_step():
    asked = []

    def denoiser(x, sigma):
        asked.append(sigma)
        return grey(x)

    du.probability_flow(denoiser, points(5), [2.0, 0.5], churn=0.25, generator=seeded())
    assert asked == pytest.approx([2.5, 0.5, 0.625])  # a slope, its correction, the last step


def test_the_last_step_with_churn_is_walkback():
    x = points(5)
    found = du.probability_flow(GAUSSIAN.posterior_mean, x, [0.3], churn=0.5, generator=seeded())
    noisy = du.corruption.gaussian(x, 0.3 * 1.25**0.5, seeded())  # 0.3^2 + 0.3^2 * 1.25 = 0.45^2
    torch.testing.assert_close(found, GAUSSIAN.posterior_mean(noisy, 0.45))


def test_without_churn_the_flow_draws_nothing():
    generator = seeded()
    before = generator.get_state()
    du.probability_flow(grey, points(5), [0.3, 0.1], generator=generator)
    assert torch.equal(generator.get_state(), before)


# Down the levels, with fresh noise

LEVELS_DOWN = [4.0, 1.5, 0.5, 0.2]


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0, None])
def test_ancestral_on_a_gaussian_has_its_closed_form(eta, whole):
    """Every step is linear, so that the variance follows by hand."""
    expected = VARIANCE + LEVELS_DOWN[0] ** 2
    x = MEAN + expected.sqrt() * torch.randn(20_000, 2, generator=seeded())
    for here, there in pairwise([*LEVELS_DOWN, 0.0]):
        share = VARIANCE / (VARIANCE + here**2)
        fresh = (1 - (there / here) ** 2) ** 0.5 if eta is None else eta
        kept = share + there / here * (1 - fresh**2) ** 0.5 * (1 - share)
        expected = kept**2 * expected + (there * fresh) ** 2
    found = du.ancestral(GAUSSIAN.posterior_mean, x, LEVELS_DOWN, eta, seeded(1))
    assert_variance(found, expected)


def test_the_default_of_ancestral_is_the_posterior_of_ddpm():
    """Given x and the clean image R, the noisy image of the next level has this mean and variance."""
    x, (here, there) = torch.full((40_000, 1), 0.9, dtype=torch.float64), (0.8, 0.5)
    path = du.ancestral(lambda x, sigma: x / 3, x, [here, there], None, seeded(), return_path=True)
    ratio = (there / here) ** 2
    assert path[1].mean().item() == pytest.approx(0.3 + ratio * 0.6, abs=0.01)
    assert path[1].var().item() == pytest.approx(there**2 * (1 - ratio), rel=0.03)


def test_ancestral_without_fresh_noise_is_the_euler_step_of_the_flow():
    x, R = points(20), GAUSSIAN.posterior_mean
    path = du.ancestral(R, x, LEVELS_DOWN, 0.0, return_path=True)
    for here, there, a, b in zip(LEVELS_DOWN, LEVELS_DOWN[1:], path, path[1:-1], strict=False):
        torch.testing.assert_close(b, a + (there - here) * (a - R(a, here)) / here)
    torch.testing.assert_close(path[-1], R(path[-2], LEVELS_DOWN[-1]))


def test_ancestral_with_all_noise_fresh_is_walkback_at_falling_levels():
    x, R, one, other = points(20), GAUSSIAN.posterior_mean, seeded(), seeded()
    found = du.ancestral(R, x, LEVELS_DOWN, 1.0, one)
    expected = R(x, LEVELS_DOWN[0])
    for level in LEVELS_DOWN[1:]:
        expected = du.walkback(R, expected, 1, level, other)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("eta", [0.0, 0.5, None])
def test_ancestral_turns_noise_into_samples_of_a_mixture(eta, whole):
    """Where levels are many, old noise and fresh noise do the same."""
    law = du.GaussianMixture([[0.2], [0.5], [0.9]], 0.0004, [1.0, 3.0, 2.0])
    noise = 10 * torch.randn(6000, 1, generator=seeded()) + law.mean().float()
    x = du.ancestral(law.posterior_mean, noise, du.noise_schedule(500, 10, 0.002), eta, seeded(1))
    counts = law.responsibilities(x).argmax(1).bincount(minlength=3)
    assert chisquare(counts, 6000 * law.weights).pvalue > 1e-3


def test_schedule_falls_evenly_in_the_power_of_its_root():
    levels = du.noise_schedule(15, high=8.0, low=0.1, rho=5).numpy()
    assert levels[0] == pytest.approx(8) and levels[-1] == pytest.approx(0.1)
    roots = np.diff(levels ** (1 / 5))
    assert (roots < 0).all()
    np.testing.assert_allclose(roots, roots[0])


# All of them

CHAINS = {
    "ancestral": lambda f, x, **kw: du.ancestral(f, x, [2.0, 0.9, 0.4, 0.1], None, seeded(), **kw),
    "iterate": lambda f, x, **kw: du.iterate(f, x, 4, 0.3, **kw),
    "walkback": lambda f, x, **kw: du.walkback(f, x, 4, 0.3, seeded(), **kw),
    "langevin": lambda f, x, **kw: du.langevin(f, x, 4, 0.3, generator=seeded(), **kw),
    "probability_flow": lambda f, x, **kw: du.probability_flow(f, x, [2.0, 0.9, 0.4, 0.1], **kw),
    "with churn": lambda f, x, **kw: du.probability_flow(
        f, x, [2.0, 0.9, 0.4, 0.1], churn=0.3, generator=seeded(), **kw
    ),
}
chains = pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)


@chains
@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 4, 4)])
def test_the_path_starts_at_the_start_and_ends_at_the_end(chain, shape):
    x = torch.rand(shape, generator=seeded())
    kept = x.clone()
    path = chain(grey, x, return_path=True)
    assert path.shape == (5, *shape)
    assert torch.equal(path[0], x) and torch.equal(x, kept)
    assert torch.equal(path[-1], chain(grey, x))


@chains
def test_large_sets_go_through_the_network_in_parts_and_without_gradients(chain, monkeypatch):
    network = du.MLPDenoiser(2, hidden=8, depth=1, noise_levels=True)
    sizes = []

    def denoiser(x, sigma):
        sizes.append(len(x))
        assert not torch.is_grad_enabled()
        return network(x, sigma)

    x = points(2 * BATCH + 3, dtype=torch.float32)
    found = chain(denoiser, x)
    assert max(sizes) <= BATCH and not found.requires_grad

    monkeypatch.setattr(du.sampling, "BATCH", len(x))
    torch.testing.assert_close(found, chain(network, x))


@pytest.mark.parametrize("sampler", [du.iterate, partial(du.walkback, generator=None)])
def test_large_sets_may_have_a_level_for_each_sample(sampler):
    n = BATCH + 500
    sigma = torch.linspace(0.1, 2, n)
    found = sampler(lambda x, s: s[:, None].expand_as(x), torch.rand(n, 2), 1, sigma)
    assert torch.equal(found, sigma[:, None].expand(n, 2))


@chains
def test_a_chain_that_ends_at_infinity_is_an_error(chain):
    with pytest.raises(ValueError, match=r"ended at NaN or infinity.*smaller steps"):
        chain(lambda x, sigma: x * 1e30, points(3, dtype=torch.float32))


@pytest.mark.parametrize("sampler", [du.iterate, du.walkback, du.langevin])
def test_no_steps_is_the_start_and_each_step_asks_once(sampler):
    x, asked = torch.rand(3, 2), []
    assert torch.equal(sampler(grey, x, 0, 0.1), x)
    sampler(lambda x, sigma: asked.append(sigma) or grey(x), x, 3, 0.1)
    assert asked == [0.1] * 3
