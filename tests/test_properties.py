"""What every public function of the exact theory owes to any valid input, and to any invalid one.

Each function stands in a table, and each property is asked of a whole table; the last test fails where a
public function is in none. HYPOTHESIS_PROFILE=long asks four times as often.
"""

import inspect
import math
import re
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oracles import KINDS, random_case

import daeutils as du
from daeutils import GaussianMixture, corruption, densities, evaluation, objectives, sampling, score
from daeutils.features import FeatureClassifier

MODULES = [densities, corruption, objectives, score, sampling, evaluation]
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]
CLASSIFIERS = {dtype: FeatureClassifier().eval().to(dtype) for dtype in (torch.float32, torch.float64)}
PATTERN = torch.linspace(0, 1, 784, dtype=torch.float64).reshape(1, 28, 28)
close = np.testing.assert_allclose


class Batch(NamedTuple):
    """Rows x (N, d) in float64, each a single-precision number too, and what a function wants beside."""

    law: GaussianMixture
    x: torch.Tensor
    sigma: float
    seed: int

    @property
    def smoothed(self) -> GaussianMixture:
        return self.law.smooth(self.sigma)


@st.composite
def laws(draw, most: int = 4) -> GaussianMixture:
    kind, dim = draw(st.sampled_from([*KINDS, "atoms"])), draw(st.integers(1, 3))
    case = random_case("float" if kind == "atoms" else kind, dim, draw(st.integers(1, most)), draw(SEEDS))
    return du.from_points(torch.from_numpy(case.means)) if kind == "atoms" else case.law


@st.composite
def batches(draw, reach: float = 3.0, levels=(0.3, 3.0), fewest: int = 1) -> Batch:
    law, n = draw(laws()), draw(st.integers(fewest, 6))
    numbers = st.floats(-reach, reach, width=32).map(lambda t: t if abs(t) > 1e-6 else 0.0)
    x = torch.from_numpy(draw(arrays(np.float64, (n, law.dim), elements=numbers)))
    return Batch(law, x, draw(st.floats(*levels)), draw(SEEDS))


SEEDS = st.integers(0, 2**20)
MILD, WILD = batches(), batches(reach=1e3, levels=(1e-3, 1e3))


def chance(b: Batch, x: torch.Tensor) -> torch.Generator:
    return torch.Generator(x.device).manual_seed(b.seed)


def images(x: torch.Tensor) -> torch.Tensor:
    """A picture (1, 28, 28) for each row."""
    return x.sigmoid().mean(1)[:, None, None, None] * PATTERN.to(x)


def classifier(x: torch.Tensor) -> FeatureClassifier:
    return CLASSIFIERS[x.dtype].to(x.device)


def levels(b: Batch) -> list[float]:
    return [4 * b.sigma, 2 * b.sigma, b.sigma]


# --- Functions with an answer for each row ----------------------------------------------------------

ROWS = {
    "densities.GaussianMixture.log_prob": lambda b, x: b.smoothed.log_prob(x),
    "densities.GaussianMixture.responsibilities": lambda b, x: b.smoothed.responsibilities(x),
    "densities.GaussianMixture.score": lambda b, x: b.smoothed.score(x),
    "densities.GaussianMixture.posterior_mean": lambda b, x: b.law.posterior_mean(x, b.sigma),
    "objectives.bce": lambda b, x: objectives.bce(x, x.flip(1).sigmoid()),
    "objectives.mse": lambda b, x: objectives.mse(x, x.flip(1).sigmoid()),
    "objectives.squared_error": lambda b, x: objectives.squared_error(x, x.flip(1).sigmoid()),
    "objectives.entropy": lambda b, x: objectives.entropy(x.sigmoid()),
    "objectives.excess_risk": lambda b, x: objectives.excess_risk(x, x.flip(1).sigmoid()),
    "score.score_from_denoiser": lambda b, x: score.score_from_denoiser(b.law.posterior_mean, x, b.sigma),
    "score.cosine": lambda b, x: score.cosine(x, x.flip(1) + 1),
    "score.log_density_difference": lambda b, x: score.log_density_difference(
        b.law.posterior_mean, x, x / 2, b.sigma, points=4
    ),
    "sampling.iterate": lambda b, x: sampling.iterate(b.law.posterior_mean, x, 3, b.sigma),
    "sampling.probability_flow": lambda b, x: sampling.probability_flow(
        b.law.posterior_mean, x, levels(b)
    ),
    "evaluation.nearest": lambda b, x: evaluation.nearest(x, b.law.means.to(x))[0],
    "evaluation.features": lambda b, x: evaluation.features(images(x), classifier(x)),
    "evaluation.probabilities": lambda b, x: evaluation.probabilities(images(x), classifier(x)),
}
DRAWN = {  # by chance, an answer for each row too
    "corruption.noise": lambda b, x: corruption.noise(x, chance(b, x)),
    "corruption.gaussian": lambda b, x: corruption.gaussian(x, b.sigma, chance(b, x)),
    "corruption.clamped": lambda b, x: corruption.clamped(x, b.sigma, chance(b, x)),
    "corruption.masking": lambda b, x: corruption.masking(x, 0.4, chance(b, x)),
    "corruption.salt_and_pepper": lambda b, x: corruption.salt_and_pepper(x, 0.4, chance(b, x)),
    "sampling.walkback": lambda b, x: sampling.walkback(
        b.law.posterior_mean, x, 3, b.sigma, chance(b, x)
    ),
    "sampling.langevin": lambda b, x: sampling.langevin(
        b.law.posterior_mean, x, 3, b.sigma, generator=chance(b, x)
    ),
    "sampling.ancestral": lambda b, x: sampling.ancestral(
        b.law.posterior_mean, x, levels(b), 0.5, chance(b, x)
    ),
    "sampling.probability_flow with churn": lambda b, x: sampling.probability_flow(
        b.law.posterior_mean, x, levels(b), churn=0.3, generator=chance(b, x)
    ),
}
LIKE_X = {name for name in [*ROWS, *DRAWN] if name.startswith(("corruption", "sampling"))} | {
    "densities.GaussianMixture.score", "densities.GaussianMixture.posterior_mean",
    "score.score_from_denoiser",
}  # fmt: skip


ALL_ROWS = {**ROWS, **DRAWN}


def of(table):
    return pytest.mark.parametrize("name", table)


@of(ALL_ROWS)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(b=WILD)
def test_rows_keep_shape_dtype_and_device_and_are_finite(name, device, dtype, b):
    """At noise from 0.001 to 1000, and up to 1000 away; nothing is written into x."""
    x = b.x.to(device, dtype)
    found = ALL_ROWS[name](b, x)
    assert len(found) == len(x) and found.dtype == dtype and found.device == x.device
    assert torch.isfinite(found).all()
    assert torch.equal(x.cpu().double(), b.x.to(dtype).double())
    assert name not in LIKE_X or found.shape == x.shape


@of(ROWS)
@given(b=MILD)
def test_a_row_alone_is_answered_as_in_a_batch(name, b):
    together = ROWS[name](b, b.x)
    for i, row in enumerate(b.x):
        close(ROWS[name](b, row[None])[0], together[i], rtol=1e-9, atol=1e-9)


@of(DRAWN)
@given(b=batches(fewest=2))
def test_the_noise_of_a_row_hangs_on_its_place_and_the_seed_alone(name, b):
    others = torch.cat([b.x[:1], 1 - 2 * b.x[1:]])
    close(DRAWN[name](b, others)[0], DRAWN[name](b, b.x)[0], rtol=1e-9, atol=1e-9)


@of(ROWS)
@given(b=MILD)
def test_rows_in_single_precision_are_those_in_double(name, b):
    close(ROWS[name](b, b.x.float()), ROWS[name](b, b.x), rtol=2e-3, atol=2e-3)


def pulled(x, sigma):
    """A denoiser that depends on x, on the level, and on where the level is per sample."""
    keep = 1 / (1 + torch.as_tensor(sigma, dtype=x.dtype) ** 2).reshape(-1, *[1] * (x.ndim - 1))
    return 0.5 + keep * (x - 0.5)


EACH_LEVEL = {
    "corruption.gaussian": corruption.gaussian,
    "corruption.clamped": corruption.clamped,
    "score.score_from_denoiser": lambda x, sigma, _: score.score_from_denoiser(pulled, x, sigma),
    "score.log_density_difference": lambda x, sigma, _: score.log_density_difference(
        pulled, x, x / 2, sigma, points=4
    ),
    "sampling.iterate": lambda x, sigma, _: sampling.iterate(pulled, x, 2, sigma),
    "sampling.walkback": lambda x, sigma, generator: sampling.walkback(pulled, x, 2, sigma, generator),
}


@of(EACH_LEVEL)
@given(b=batches(fewest=2))
def test_each_row_may_have_a_level_of_its_own(name, b):
    """As one call for each level has it, with the same noise."""
    f, several = EACH_LEVEL[name], b.sigma * torch.arange(1, len(b.x) + 1)
    together = f(b.x, several, chance(b, b.x))
    for i, level in enumerate(several.tolist()):
        close(together[i], f(b.x, level, chance(b, b.x))[i], rtol=1e-5, atol=1e-5)


# --- Functions with an answer for the whole set -----------------------------------------------------

WHOLE = {
    "score.relative_error": lambda b, x: score.relative_error(x, 2 * x + 10),
    "evaluation.frechet_between": lambda b, x: evaluation.frechet_between(x, 1 - 2 * x),
    "evaluation.kernel_between": lambda b, x: evaluation.kernel_between(x, 1 - 2 * x),
    "evaluation.density_coverage": lambda b, x: evaluation.density_coverage(x, x + 0.5, k=1),
    "evaluation.frechet_distance": lambda b, x: evaluation.frechet_distance(
        images(x), images(1 - 2 * x), classifier(x)
    ),
    "evaluation.accuracy": lambda b, x: evaluation.accuracy(
        images(x), (x[:, 0] > 0).long(), classifier(x)
    ),
}


@of(WHOLE)
@given(b=batches(fewest=2))
def test_sets_have_finite_numbers_whatever_the_order_and_the_precision(name, b):
    found = WHOLE[name](b, b.x)
    assert np.isfinite(found).all()
    order = torch.randperm(len(b.x), generator=chance(b, b.x))
    close(WHOLE[name](b, b.x[order]), found, rtol=1e-6, atol=1e-6)
    close(WHOLE[name](b, b.x.float()), found, rtol=1e-3, atol=1e-3)


NO_CHANCE = {**ROWS, **WHOLE}  # those that draw: test_seeds


@of(NO_CHANCE)
@given(b=batches(fewest=2))
def test_the_same_call_gives_every_bit_again_and_leaves_the_global_chance(name, b):
    state = torch.get_rng_state()
    first, second = (NO_CHANCE[name](b, b.x) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(torch.as_tensor(first), torch.as_tensor(second))


# --- Laws -------------------------------------------------------------------------------------------

SHAPES = {
    "densities.ring": lambda std, n: du.ring(n, std),
    "densities.moons": lambda std, n: du.moons(n, std),
    "densities.spiral": lambda std, n: du.spiral(n + 1, std),
    "densities.checkerboard": lambda std, n: du.checkerboard(std),
    "densities.pinwheel": lambda std, n: du.pinwheel(n, n + 1, std),
}


@of(SHAPES)
@given(std=st.floats(1e-3, 0.1), sigma=st.floats(1e-3, 10), n=st.integers(1, 12), seed=SEEDS)
def test_a_shape_is_its_centres_under_noise_of_its_width(name, std, sigma, n, seed):
    law, thin = SHAPES[name](std, n), SHAPES[name](0, n)
    x = law.sample(4, torch.Generator().manual_seed(seed)).double()
    assert ((law.means > 0) & (law.means < 1)).all() and law.weights.sum() == pytest.approx(1)
    close(law.log_prob(x), thin.smooth(std).log_prob(x), rtol=1e-9, atol=1e-9)
    wide = SHAPES[name](math.hypot(std, sigma), n)
    close(law.smooth(sigma).log_prob(x), wide.log_prob(x), rtol=1e-9, atol=1e-9)


@given(components=st.integers(1, 9), seed=SEEDS)
def test_a_random_mixture_is_its_seed_and_stays_inside(components, seed):
    law, again = (du.random_mixture(components, seed) for _ in range(2))
    assert torch.equal(law.means, again.means) and torch.equal(law.covariances, again.covariances)
    assert len(law.means) == components and ((law.means >= 0.25) & (law.means <= 0.75)).all()
    widths = torch.linalg.eigvalsh(law.covariances).sqrt()
    assert ((widths > 0.0149) & (widths < 0.0501)).all()


@given(law=laws(), n=st.integers(1, 20), seed=SEEDS)
def test_samples_are_finite_points_of_the_seed_alone(law, n, seed):
    state = torch.get_rng_state()
    x, again = (law.sample(n, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state) and torch.equal(x, again)
    assert x.shape == (n, law.dim) and x.dtype == torch.float32 and torch.isfinite(x).all()


# --- Invariances ------------------------------------------------------------------------------------


@given(b=MILD)
def test_results_turn_and_move_with_the_distribution(b):
    rng, d, k = np.random.default_rng(b.seed), b.law.dim, len(b.law.means)
    turn = torch.from_numpy(np.linalg.qr(rng.normal(size=(d, d)))[0])
    move, order = torch.from_numpy(rng.normal(size=d)), torch.from_numpy(rng.permutation(k))
    law = GaussianMixture(
        (b.law.means @ turn.T + move)[order],
        (turn @ b.law.covariances @ turn.T)[order],
        b.law.weights[order],
    )
    there, x = b._replace(law=law), b.x @ turn.T + move

    def same(name, moved=lambda found: found):
        close(ALL_ROWS[name](there, x), moved(ALL_ROWS[name](b, b.x)), rtol=1e-6, atol=1e-7)

    same("densities.GaussianMixture.log_prob")
    same("densities.GaussianMixture.responsibilities", lambda r: r[:, order])
    same("evaluation.nearest")
    for name in ("densities.GaussianMixture.score", "score.score_from_denoiser"):
        same(name, lambda arrows: arrows @ turn.T)
    for name in ("densities.GaussianMixture.posterior_mean", "sampling.iterate",
                 "sampling.probability_flow"):  # fmt: skip
        same(name, lambda points: points @ turn.T + move)
    close(law.mean(), turn @ b.law.mean() + move, atol=1e-12)
    close(law.covariances, (turn @ b.law.covariances @ turn.T)[order], atol=1e-12)
    energy = [
        score.log_density_difference(case.law.posterior_mean, start, start.flip(0), b.sigma)
        for case, start in [(b, b.x), (there, x)]
    ]
    close(energy[1], energy[0], rtol=1e-6, atol=1e-7)
    matrix, turned = (
        score.jacobian(case.law.posterior_mean, start[:1], b.sigma)
        for case, start in [(b, b.x), (there, x)]
    )
    close(turned, turn @ matrix @ turn.T, atol=1e-7)


@given(b=MILD, move=st.floats(-5, 5))
def test_noise_does_not_depend_on_the_data(b, move):
    noise = [corruption.gaussian(x, b.sigma, chance(b, x)) - x for x in (b.x, b.x + move)]
    close(noise[0], noise[1], atol=1e-12)
    assert torch.equal(*(corruption.noise(x, chance(b, x)) for x in (b.x, b.x + move)))
    for lossy in (corruption.masking, corruption.salt_and_pepper):
        inside = b.x.sigmoid()
        hit = [(lossy(x, 0.5, chance(b, x)) != x) for x in (0.1 + 0.8 * inside, 0.9 - 0.8 * inside)]
        assert torch.equal(*hit)


@given(
    matrix=arrays(np.float64, (3, 3), elements=st.floats(-2, 2, width=32))
    .map(torch.from_numpy)
    .filter(lambda matrix: (matrix + matrix.T).norm() > 0.1),
    scale=st.floats(1e-3, 1e3),
)
def test_jacobian_of_a_matrix_is_the_matrix_and_asymmetry_has_no_unit(matrix, scale):
    x = torch.zeros(1, 3, dtype=torch.float64)
    found = score.jacobian(lambda x, sigma: x @ matrix.T + 1, x, 0.1)
    close(found, matrix)
    assert score.asymmetry(matrix + matrix.T) == 0 == score.asymmetry(0 * matrix)
    asymmetry = score.asymmetry(matrix)
    close(asymmetry, (matrix - matrix.T).norm() / (matrix + matrix.T).norm())
    for same in (scale * matrix, matrix.T):
        assert score.asymmetry(same) == pytest.approx(asymmetry, rel=1e-9)


@given(excess=st.floats(0, 1e3), sigma=st.floats(0.01, 100))
def test_certificate_is_proportional_to_excess_over_sigma_to_the_fourth(excess, sigma):
    bound = score.certificate(excess, sigma)
    assert bound >= 0 and math.isfinite(bound)
    assert score.certificate(3 * excess, sigma) == pytest.approx(3 * bound)
    assert score.certificate(excess, 2 * sigma) == pytest.approx(bound / 16)


@given(b=batches(fewest=2), move=st.floats(-5, 5))
def test_bootstrap_moves_with_the_statistic(b, move):
    def mean(x):
        return x.mean().item()

    low, high = evaluation.bootstrap(mean, b.x, draws=8, seed=b.seed)
    assert low <= high and math.isfinite(high - low)
    moved = evaluation.bootstrap(mean, b.x + move, draws=8, seed=b.seed)
    assert moved == pytest.approx((low + move, high + move), abs=1e-9)
    flat = evaluation.bootstrap(mean, torch.full((5,), move), draws=8, seed=b.seed)
    assert flat == pytest.approx((move, move), abs=1e-6)


def test_the_shipped_classifier_is_loaded_once_and_no_longer_trains():
    network = evaluation.feature_classifier()
    assert network is evaluation.feature_classifier() and not network.training
    assert not any(p.requires_grad for p in network.parameters())


# --- Limits -----------------------------------------------------------------------------------------


@given(b=MILD)
def test_the_limits_of_little_and_of_much_noise(b):
    assume(b.law._variances.min() > 0)
    small, large = 1e-6, 1e6
    close(b.law.posterior_mean(b.x, small), b.x, atol=1e-6)
    close(b.law.smooth(small).log_prob(b.x), b.law.log_prob(b.x), rtol=1e-6, atol=1e-6)
    close(b.law.posterior_mean(b.x, large), b.law.mean().expand_as(b.x), atol=1e-9)
    close(large**2 * b.law.smooth(large).score(b.x), b.law.mean() - b.x, atol=1e-9)
    close(b.law.smooth(large).responsibilities(b.x), b.law.weights.expand(len(b.x), -1), atol=1e-9)


@given(b=MILD)
def test_with_little_noise_a_point_goes_to_the_nearest_atom(b):
    distance, index = evaluation.nearest(b.x, b.law.means)
    others = torch.cdist(b.x, b.law.means)
    assume(((others < distance[:, None] + 1e-3).sum(1) == 1).all())  # no tie
    found = du.from_points(b.law.means).posterior_mean(b.x, 1e-3)
    close(found, b.law.means[index], atol=1e-9)


@given(
    mean=st.floats(-3, 3), std=st.floats(0, 2), n=st.integers(1, 50), seed=SEEDS,
    low=st.floats(1e-3, 0.1), high=st.floats(0.2, 50),
)  # fmt: skip
def test_random_noise_levels_lie_between_their_bounds(mean, std, n, seed, low, high):
    draw = corruption.log_normal(mean, std, low, high)
    found, again = (draw(n, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert found.shape == (n,) and torch.equal(found, again)
    assert (found >= low * (1 - 1e-6)).all() and (found <= high * (1 + 1e-6)).all()
    one = corruption.log_normal(mean, 0, low, high)(n, torch.Generator().manual_seed(seed))
    close(one, min(max(math.exp(mean), low), high), rtol=1e-5)


@given(n=st.integers(2, 60), low=st.floats(1e-3, 1), ratio=st.floats(1.1, 1e4), rho=st.floats(1, 20))
def test_a_schedule_falls_from_high_to_low_and_evenly_at_rho_one(n, low, ratio, rho):
    found = sampling.noise_schedule(n, low * ratio, low, rho)
    assert found.shape == (n,) and found.dtype == torch.float64 and (found.diff() < 0).all()
    close(found[[0, -1]], [low * ratio, low], rtol=1e-9)
    close(sampling.noise_schedule(n, low * ratio, low, 1), np.linspace(low * ratio, low, n), rtol=1e-9)


# --- Invalid input ----------------------------------------------------------------------------------

X = torch.full((4, 2), 0.5)
PICTURES = torch.full((4, 1, 28, 28), 0.5)
RING = du.ring()
R = RING.posterior_mean
LABELS = torch.arange(4)
NETWORK = CLASSIFIERS[torch.float32]
NO_NUMBERS = [None, "wide", [], (), {}, object(), 1j]
no_type = st.sampled_from([[[0.5]], None, "x", 0.5, X.numpy(), X[0], X[:0], X.long(), X > 0, X + 0j])
outside = st.sampled_from([X + 1, X - 1])
no_batch = no_type | st.sampled_from([X * math.nan, X / 0])
no_place = no_batch | st.sampled_from([X[:, :1], X[..., None], X.half()])  # of the plane
no_twin = no_batch | st.just(X[:, :1])  # beside X
no_set = no_twin | st.sampled_from([X[:1], PICTURES])  # of features, two at least


def grey(x, sigma):
    return torch.full_like(x, 0.5)


no_level = st.one_of(
    st.sampled_from([*NO_NUMBERS, math.nan, math.inf, -math.inf, -torch.ones(2, 2), torch.ones(3)]),
    st.floats(max_value=0), st.floats(0, 1e-10), st.floats(min_value=1e10),
)  # fmt: skip
no_count = st.one_of(st.integers(max_value=-1), st.floats(), st.sampled_from([*NO_NUMBERS, True]))
no_size = no_count | st.just(0)  # where one is the least, or two
no_number = st.sampled_from([*NO_NUMBERS, math.nan, math.inf, -math.inf, torch.ones(2)])
below_zero = st.one_of(no_number, st.floats(max_value=-1e-12))
no_share = st.one_of(below_zero, st.floats(min_value=1.0001))
no_matrix = st.one_of(no_batch, st.just(torch.ones(2, 3)), st.just(torch.ones(2, 2, 2)))


def drawn_levels(n=5, **how):
    return corruption.log_normal(**how)(n, torch.Generator())


no_shape = no_type | st.just(X[:, :1])
no_data = no_batch | outside
no_means = st.sampled_from([*NO_NUMBERS, X[0], X[:0], X * math.nan, X[None]])
no_covariances = st.sampled_from([
    *NO_NUMBERS, -0.1, math.nan, math.inf, torch.ones(3), torch.ones(2, 4), torch.ones(4, 4, 4),
    -torch.eye(2).expand(4, 2, 2), torch.ones(4, 2, 2).triu(), X[:, :, None] * math.nan,
])  # fmt: skip
no_weights = [*NO_NUMBERS[1:], 1.0, [1.0], *([1, 1, 1, w] for w in (0, -1, math.nan, math.inf))]
no_labels = [*NO_NUMBERS, [1, 2, 3, 4], LABELS[:3], LABELS[None], LABELS.float()]
no_sample = st.sampled_from([*NO_NUMBERS, X[:0], torch.tensor(1.0), [1.0]])
falling = st.sampled_from([[0.1, 0.2], [0.2, 0.2], [0.2, 0.0]])
no_own_level = no_level.filter(lambda v: v is not None)  # None is the network's own
no_step = below_zero.filter(lambda v: v is not None)
below_one = st.one_of(no_number, st.floats(max_value=0.99))
law, lower = dict(means=X, covariances=1.0), st.just(0.01)  # which is below the lowest level
pair, rows = dict(logits=X, x=X), dict(x=X)
start, chain = dict(x=X, sigma=0.1), dict(x=X, steps=0, sigma=0.1)

BAD = {  # function -> a call that it takes, and for each argument values that it must refuse
    "densities.GaussianMixture": (GaussianMixture, law, dict(
        means=no_means, covariances=no_covariances, weights=st.sampled_from(no_weights))),
    "densities.GaussianMixture.smooth": (RING.smooth, dict(sigma=0.1), dict(sigma=no_level)),
    "densities.GaussianMixture.sample": (RING.sample, dict(n=1), dict(n=no_size)),
    "densities.GaussianMixture.log_prob": (RING.log_prob, rows, dict(x=no_place)),
    "densities.GaussianMixture.responsibilities": (RING.responsibilities, rows, dict(x=no_place)),
    "densities.GaussianMixture.score": (RING.score, rows, dict(x=no_place)),
    "densities.GaussianMixture.posterior_mean": (
        lambda x, sigma: R(x, sigma), start, dict(x=no_place, sigma=no_level)),
    "densities.from_points": (du.from_points, dict(data=X), dict(data=no_batch)),
    "densities.ring": (du.ring, {}, dict(modes=no_size, std=below_zero, radius=no_number)),
    "densities.moons": (du.moons, {}, dict(centres=no_size, std=below_zero)),
    "densities.spiral": (du.spiral, {}, dict(centres=no_size, std=below_zero, turns=no_number)),
    "densities.checkerboard": (du.checkerboard, {}, dict(std=below_zero)),
    "densities.pinwheel": (
        du.pinwheel, {}, dict(arms=no_size, centres=no_size, std=below_zero, twist=no_number)),
    "densities.random_mixture": (du.random_mixture, {}, dict(components=no_size, seed=no_count)),
    "corruption.noise": (corruption.noise, rows, dict(x=no_type)),
    "corruption.gaussian": (corruption.gaussian, start, dict(x=no_batch, sigma=no_level)),
    "corruption.clamped": (corruption.clamped, start, dict(x=no_batch, sigma=no_level)),
    "corruption.masking": (
        corruption.masking, dict(x=X, fraction=0.1), dict(x=no_batch, fraction=no_share)),
    "corruption.salt_and_pepper": (
        corruption.salt_and_pepper, dict(x=X, fraction=0.1), dict(x=no_batch, fraction=no_share)),
    "corruption.log_normal": (drawn_levels, {}, dict(
        mean=no_number, std=below_zero, low=no_level, high=no_level | lower, n=no_size)),
    "objectives.bce": (objectives.bce, pair, dict(logits=no_shape, x=no_shape)),
    "objectives.mse": (objectives.mse, pair, dict(logits=no_shape, x=no_shape)),
    "objectives.squared_error": (
        objectives.squared_error, dict(reconstruction=X, x=X), dict(reconstruction=no_shape, x=no_shape)),
    "objectives.entropy": (objectives.entropy, rows, dict(x=no_data)),
    "objectives.excess_risk": (
        lambda logits, x: objectives.excess_risk(logits, x), pair, dict(logits=no_twin, x=no_data)),
    "score.score_from_denoiser": (
        partial(score.score_from_denoiser, grey), dict(x_noisy=X, sigma=0.1),
        dict(x_noisy=no_batch, sigma=no_level)),
    "score.relative_error": (score.relative_error, dict(estimate=X, exact=X), dict(
        estimate=no_twin, exact=no_twin | st.just(0 * X))),
    "score.cosine": (score.cosine, dict(estimate=X, exact=X), dict(estimate=no_twin, exact=no_twin)),
    "score.certificate": (
        score.certificate, dict(excess=0.1, sigma=0.1), dict(excess=no_number, sigma=no_level)),
    "score.jacobian": (partial(score.jacobian, pulled), dict(x_noisy=X[:1], sigma=0.1), dict(
        x_noisy=no_batch | st.just(X), sigma=no_own_level)),
    "score.asymmetry": (score.asymmetry, dict(jacobian=torch.eye(2)), dict(jacobian=no_matrix)),
    "score.log_density_difference": (
        partial(score.log_density_difference, R), dict(start=X, end=X + 1, sigma=0.1),
        dict(start=no_twin, end=no_twin, sigma=no_level, points=no_size)),
    "sampling.iterate": (
        partial(sampling.iterate, grey), chain, dict(x=no_batch, steps=no_count, sigma=no_own_level)),
    "sampling.walkback": (
        partial(sampling.walkback, grey), chain, dict(x=no_batch, steps=no_count, sigma=no_level)),
    "sampling.langevin": (partial(sampling.langevin, grey), chain, dict(
        x=no_batch, steps=no_count, sigma=no_level, step_size=no_step)),
    "sampling.ancestral": (
        partial(sampling.ancestral, grey), dict(x=X, sigmas=[0.1]),
        dict(x=no_batch, sigmas=no_level | falling, eta=no_share.filter(lambda v: v is not None))),
    "sampling.probability_flow": (
        partial(sampling.probability_flow, grey), dict(x=X, sigmas=[0.1]),
        dict(x=no_batch, sigmas=no_level | falling, churn=below_zero)),
    "sampling.noise_schedule": (sampling.noise_schedule, {}, dict(
        levels=no_size, high=no_level | lower, low=no_level, rho=below_one)),
    "evaluation.features": (
        evaluation.features, dict(images=PICTURES, classifier=NETWORK), dict(images=no_batch)),
    "evaluation.probabilities": (
        evaluation.probabilities, dict(images=PICTURES, classifier=NETWORK), dict(images=no_batch)),
    "evaluation.accuracy": (
        evaluation.accuracy, dict(images=PICTURES, labels=LABELS, classifier=NETWORK),
        dict(images=no_batch, labels=st.sampled_from(no_labels))),
    "evaluation.frechet_between": (evaluation.frechet_between, dict(a=X, b=X), dict(a=no_set, b=no_set)),
    "evaluation.kernel_between": (evaluation.kernel_between, dict(a=X, b=X), dict(a=no_set, b=no_set)),
    "evaluation.density_coverage": (evaluation.density_coverage, dict(made=X, real=X, k=1), dict(
        made=no_set, real=no_set, k=no_size | st.integers(min_value=4))),
    "evaluation.frechet_distance": (
        lambda images: evaluation.frechet_distance(images, PICTURES, NETWORK), dict(images=PICTURES),
        dict(images=no_batch)),
    "evaluation.bootstrap": (
        lambda sample, **how: evaluation.bootstrap(len, sample, **how), dict(sample=X),
        dict(sample=no_sample, draws=no_size, seed=no_count)),
    "evaluation.nearest": (
        evaluation.nearest, dict(images=X, reference=X), dict(images=no_twin, reference=no_twin)),
}  # fmt: skip
ARGUMENTS = [(name, argument) for name, (_, _, refused) in BAD.items() for argument in refused]


@of(BAD)
def test_valid_input_is_taken(name):
    function, valid, _ = BAD[name]
    function(**valid)


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
@given(data=st.data())
def test_invalid_input_is_refused_by_name_with_what_was_expected(name, argument, data):
    function, valid, refused = BAD[name]
    wrong = valid | {argument: data.draw(refused[argument])}
    with pytest.raises(ValueError, match=rf"\b{argument}\b") as caught:
        function(**wrong)
    assert re.search("expected|: use ", str(caught.value))


# --- None is left out -------------------------------------------------------------------------------

ELSEWHERE = {  # functions whose properties are no table's
    "densities.GaussianMixture": test_results_turn_and_move_with_the_distribution,
    "densities.GaussianMixture.covariances": test_results_turn_and_move_with_the_distribution,
    "densities.GaussianMixture.dim": test_samples_are_finite_points_of_the_seed_alone,
    "densities.GaussianMixture.mean": test_the_limits_of_little_and_of_much_noise,
    "densities.GaussianMixture.sample": test_samples_are_finite_points_of_the_seed_alone,
    "densities.GaussianMixture.smooth": test_a_shape_is_its_centres_under_noise_of_its_width,
    "densities.from_points": test_with_little_noise_a_point_goes_to_the_nearest_atom,
    "densities.random_mixture": test_a_random_mixture_is_its_seed_and_stays_inside,
    "corruption.log_normal": test_random_noise_levels_lie_between_their_bounds,
    "score.certificate": test_certificate_is_proportional_to_excess_over_sigma_to_the_fourth,
    "score.jacobian": test_jacobian_of_a_matrix_is_the_matrix_and_asymmetry_has_no_unit,
    "score.asymmetry": test_jacobian_of_a_matrix_is_the_matrix_and_asymmetry_has_no_unit,
    "sampling.noise_schedule": test_a_schedule_falls_from_high_to_low_and_evenly_at_rho_one,
    "evaluation.bootstrap": test_bootstrap_moves_with_the_statistic,
    "evaluation.feature_classifier": test_the_shipped_classifier_is_loaded_once_and_no_longer_trains,
}
NO_ARGUMENTS = {f"densities.GaussianMixture.{name}" for name in ("covariances", "dim", "mean")}
NO_ARGUMENTS |= {"evaluation.feature_classifier"}


def public_names() -> set[str]:
    names = set()
    for module in MODULES:
        short = module.__name__.removeprefix("daeutils.")
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            names.add(f"{short}.{name}")
            if inspect.isclass(thing):
                names |= {f"{short}.{name}.{part}" for part in vars(thing) if not part.startswith("_")}
    return names


def test_no_public_function_is_left_out():
    """Here or in ELSEWHERE, whose tests must call it by name."""
    names = public_names()
    assert {name.split(" ")[0] for name in {**ALL_ROWS, **WHOLE, **SHAPES, **ELSEWHERE}} == names
    assert set(BAD) == names - NO_ARGUMENTS
    for name, test in ELSEWHERE.items():
        called = name.split(".")[-1]
        assert re.search(rf"\b{called}\b", inspect.getsource(inspect.unwrap(test))), name
