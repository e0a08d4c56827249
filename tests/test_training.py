"""The training loop: what it converges to, what it repeats, when it stops, what it refuses."""

import copy
import itertools
from functools import partial

import numpy as np
import pytest
import torch
from oracles import seeded, weights
from scipy.stats import chisquare, kstest, norm
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import daeutils as du
from daeutils import training
from daeutils.batches import Batches
from daeutils.training import History, optimise

LAW = du.GaussianMixture([[0.3, 0.35], [0.7, 0.6]], [[0.004, 0.001], [0.002, 0.005]], [1, 2])

GOOD = torch.rand(10, 2, generator=seeded())

fit = partial(du.fit, device="cpu", progress=False)


def small(**kwargs) -> du.MLPDenoiser:
    return du.MLPDenoiser(2, hidden=32, depth=2, **kwargs)


def edm() -> du.UNetDenoiser:
    return du.UNetDenoiser(noise_levels=True, side=8, width=4, dense=8, output="edm")


class Constant(du.Denoiser):
    """A denoiser that answers the same whatever it sees, and remembers what it was trained on."""

    def __init__(self, *shape, **kwargs):
        super().__init__(**kwargs)
        self.a = nn.Parameter(torch.zeros(shape))
        self.seen, self.levels = [], []

    def logits(self, x_noisy, sigma=None):
        if self.training:
            self.seen.append(x_noisy)
            self.levels.append(sigma)
        return self.a.expand_as(x_noisy)


# What it sees


def pairs(points, batch_size, seed=0):
    return iter(Batches(points, batch_size, seeded(seed)))


@pytest.mark.parametrize("n", [1, 50, 3000])
@pytest.mark.parametrize("dim", [1, 2, 6, 7])
def test_batches_of_points_have_the_law_of_random_ones(n, dim):
    points = torch.rand(n, dim, generator=seeded(2))
    drawn = list(itertools.islice(pairs(points, 1000), 30))
    x, eps = map(torch.cat, zip(*drawn, strict=True))
    assert x.shape == eps.shape == (30_000, dim) and torch.isfinite(eps).all()
    places, counts = x.unique(dim=0, return_counts=True)
    assert len(places) == n  # every point is seen, about equally often
    assert n == 1 or chisquare(counts).pvalue > 1e-3
    assert all(kstest(e, "norm").pvalue > 1e-3 for e in eps.T.numpy())
    assert torch.corrcoef(eps.T).sub(torch.eye(dim)).abs().max() < 0.05
    if n > 1:
        together = torch.corrcoef(torch.cat([x, eps], 1).T)[:dim, dim:]
        assert together.abs().max() < 0.05  # the noise does not depend on the point


def test_even_batches_average_to_less_noise_than_random_ones():
    points = LAW.sample(2000, seeded(3)).clamp(0, 1)

    def spread(batches):
        values = [((x + 0.1 * eps).cos() * x).mean().item() for x, eps in itertools.islice(batches, 100)]
        return np.std(values)

    def random():
        generator = seeded(4)
        while True:
            x = points[torch.randint(2000, (256,), generator=generator)]
            yield x, torch.randn(x.shape, generator=generator)

    assert spread(pairs(points, 256)) < 0.25 * spread(random())


def test_the_even_batches_start_again_where_the_sequence_ends(monkeypatch):
    class Short(torch.quasirandom.SobolEngine):
        def draw(self, n, **kwargs):
            assert self.num_generated + n <= 2**30, "beyond the last point of the sequence"
            out = super().draw(n, **kwargs)
            self.num_generated += 2**29
            return out

    monkeypatch.setattr(torch.quasirandom, "SobolEngine", Short)
    drawn = [eps for _, eps in itertools.islice(pairs(GOOD, 2**15), 12)]
    assert len({eps[0, 0].item() for eps in drawn}) == 12


# What it converges to


@pytest.mark.parametrize(
    ("objective", "output"), [("bce", "sigmoid"), ("mse", "sigmoid"), ("mse", "linear")]
)
def test_training_leads_to_the_posterior_mean(objective, output):
    denoiser, sigma = small(output=output), 0.15
    y = LAW.smooth(sigma).sample(2000, seeded(1))
    exact = LAW.posterior_mean(y, sigma) - y

    def error():
        return du.relative_error(denoiser(y).detach() - y, exact)

    start = error()
    history = fit(denoiser, LAW, sigma=sigma, objective=objective, steps=400, batch_size=512)
    assert error() < 0.2 * start
    assert np.mean(history.loss[-50:]) < np.mean(history.loss[:5])


def test_one_network_learns_many_noise_levels():
    denoiser = small(noise_levels=True)
    levels = du.corruption.log_normal(-1.5, 0.8, 0.05, 1.0)
    fit(denoiser, LAW, sigma=levels, steps=500, batch_size=512)
    for sigma in (0.08, 0.25, 0.7):
        y = LAW.smooth(sigma).sample(1000, seeded(1))
        exact = LAW.posterior_mean(y, sigma) - y
        assert du.relative_error(denoiser(y, sigma).detach() - y, exact) < 0.25


@pytest.mark.parametrize("objective", ["bce", "mse"])
def test_grey_and_binary_targets_have_one_optimum(objective):
    """T1: without a view of its input a denoiser can only learn the mean, Bernoulli draws or not."""
    mean = torch.tensor([0.1, 0.5, 0.8])
    grey = mean + (torch.rand(4000, 3, generator=seeded()) - 0.5) * torch.minimum(mean, 1 - mean)
    binary = (torch.linspace(0, 1, 4000)[:, None] < mean).float()
    for source in (grey, binary):
        denoiser = Constant(3)
        fit(denoiser, source, sigma=0.2, objective=objective, steps=400, lr=0.05)
        torch.testing.assert_close(denoiser.a.sigmoid().data, mean, atol=0.01, rtol=0)


def test_the_loss_is_the_objective_for_each_pixel():
    x = torch.tensor([[0.0, 0.25, 1.0, 0.6]])
    denoiser = Constant(4)
    denoiser.a.data = torch.tensor([0.5, -1.0, 2.0, 0.0])
    expected = [f(denoiser.a.data[None], x).item() / 4 for f in (du.objectives.bce, du.objectives.mse)]
    for objective, value in zip(("bce", "mse"), expected, strict=True):
        history = fit(denoiser, x, sigma=0.1, objective=objective, steps=1, lr=1e-12)
        assert history.loss == [pytest.approx(value, rel=1e-5)]


# What it draws


@pytest.mark.parametrize("sigma", [0.05, 2.0])
def test_the_noise_is_gaussian_and_never_clamped(sigma):
    denoiser = Constant(2)
    fit(denoiser, torch.full((10, 2), 0.5), sigma=sigma, steps=4, batch_size=500)
    noise = (torch.cat(denoiser.seen) - 0.5).flatten().double().numpy()
    assert kstest(noise, norm(0, sigma).cdf).pvalue > 1e-3


def test_each_sample_gets_its_own_level_from_the_law():
    denoiser = Constant(50, noise_levels=True)
    fit(denoiser, torch.full((10, 50), 0.5), sigma=du.corruption.log_normal(), steps=3, batch_size=200)
    scaled = [(x - 0.5) / s[:, None] for x, s in zip(denoiser.seen, denoiser.levels, strict=True)]
    assert torch.cat(denoiser.levels).unique().numel() > 500
    assert kstest(torch.cat(scaled).flatten().double().numpy(), norm.cdf).pvalue > 1e-3


def test_the_few_points_in_the_tail_of_a_mixture_are_put_on_the_face_of_the_cube():
    class Source:
        def sample(self, n):
            points = torch.full((n, 2), 0.5)
            points[0] = 1.5  # one in a thousand
            return points

    denoiser = Constant(2)
    fit(denoiser, Source(), sigma=1e-6, steps=1)
    torch.testing.assert_close(denoiser.seen[0][0], torch.ones(2), atol=1e-4, rtol=0)


# The optimiser

NOTHING = itertools.repeat(())  # batches for a loss that needs none


def test_steps_fall_as_a_cosine_and_the_weights_are_averaged():
    """With a constant slope each step of Adam is as long as the learning rate."""
    steps, lr, keep = 40, 0.1, 0.9
    after = []
    for average in (0.0, keep):
        module, before = nn.Linear(1, 1, bias=False), []
        module.weight.data.zero_()

        def loss(module=module, before=before):
            before.append(module.weight.item())
            return module.weight.sum()

        optimise(module, loss, NOTHING, steps=steps, lr=lr, average=average, progress=False)
        after.append(module.weight.item())
    walk = np.array([*before, after[0]])  # without averaging the last weights stay
    rates = lr * 0.5 * (1 + np.cos(np.pi * np.arange(steps) / steps))
    np.testing.assert_allclose(-np.diff(walk), rates, rtol=1e-4, atol=1e-6)
    running = walk[1]
    for n, value in enumerate(walk[2:], start=1):
        kept = min(keep, (1 + n) / (10 + n))  # less while there is little past to keep
        running = kept * running + (1 - kept) * value
    assert after[1] == pytest.approx(running, rel=1e-5)


def test_orthogonal_steps_move_every_direction_of_a_matrix_alike():
    """One step of Muon on a matrix has singular values near the rate; the bias moves by lr / 5."""
    module = nn.Linear(4, 4)
    module.weight.data.zero_(), module.bias.data.zero_()
    slope = torch.diag(torch.tensor([1.0, 0.5, 0.2, 0.1]))
    optimise(
        module, lambda: (module.weight * slope).sum() + module.bias.sum(), NOTHING,
        steps=1, lr=0.1, orthogonal=True, average=0.0, progress=False,
    )  # fmt: skip
    moved = -module.weight.detach().diagonal() / 0.1
    assert (moved > 0.6).all() and (moved < 1.3).all()
    torch.testing.assert_close(module.bias.detach(), torch.full((4,), -0.02), rtol=1e-3, atol=0)


@pytest.mark.parametrize("optimiser", [None, "adam"])
@pytest.mark.parametrize("images", [False, True])
def test_a_training_on_a_cpu_computes_nothing_in_sixteen_bits(optimiser, images):
    """Many CPUs only imitate such numbers: there a step of the U-Net took twenty times as long."""
    seen = set()

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            seen.update(t.dtype for t in tree_leaves(out) if isinstance(t, torch.Tensor))
            return out

    network = du.UNetDenoiser(width=4, dense=8) if images else small()
    data = torch.rand(50, *((1, 28, 28) if images else (2,)), generator=seeded())
    with Watch():
        fit(network, data, sigma=0.2, steps=2, optimiser=optimiser)
    assert torch.float32 in seen and not seen & {torch.bfloat16, torch.float16}


def test_edm_weighs_the_squared_error_until_it_is_that_of_the_layers():
    """R = keep + scale F, so |R - x|^2 / scale^2 = |F - (x - keep) / scale|^2, at each noise level."""
    network = edm()
    x, levels = torch.rand(6, 1, 8, 8, generator=seeded()), torch.linspace(0.05, 3, 6)
    seen = []
    network._layers = lambda scaled, sigma: seen.append(scaled) or torch.zeros_like(scaled)
    keep = network(x, levels)  # the layers answer 0
    network._layers = lambda scaled, sigma: torch.ones_like(scaled)
    scale = network(x, levels) - keep
    error = du.objectives.squared_error(network(x, levels), x) * network.loss_weight(levels)
    of_layers = (1 - (x - keep) / scale).square().flatten(1).sum(1)
    torch.testing.assert_close(error, of_layers)
    assert seen[0].square().mean() < 4  # near unit size at every level

    network = edm()
    data = torch.rand(1, 1, 8, 8, generator=seeded()).round().repeat(64, 1, 1, 1)
    history = fit(network, data, sigma=du.corruption.log_normal(), objective="mse", steps=60)
    assert 0.5 < history.loss[0] < 1.5  # the target has unit size
    assert np.mean(history.loss[-10:]) < 0.9 * np.mean(history.loss[:10])


def test_a_weight_multiplies_the_loss_of_each_noise_level():
    """Shares that add up to 1 at each level have losses that add up: of one batch, by a linear law."""
    levels = torch.tensor([0.05, 0.05, 0.3, 0.3])

    def first_loss(weight):
        how = dict(sigma=lambda n, generator: levels.repeat(n // 4), batch_size=64, weight=weight)
        return fit(small(noise_levels=True), GOOD, steps=1, progress=False, **how).loss[0]

    low, high = first_loss(lambda s: (s < 0.1).float()), first_loss(lambda s: (s > 0.1).float())
    assert 0 < low < high  # more noise, more to pay
    assert low + high == pytest.approx(first_loss(None), rel=1e-5)
    assert first_loss(lambda s: 3 * torch.ones_like(s)) == pytest.approx(3 * first_loss(None), rel=1e-5)

    how = dict(sigma=0.1, steps=1, objective="mse", batch_size=8, progress=False)
    network = edm()
    own, images = copy.deepcopy(network), torch.rand(9, 1, 8, 8, generator=seeded())
    plain = fit(network, images, weight=torch.ones_like, **how).loss[0]  # one level, given as a number
    weighed = fit(own, images, **how).loss[0]
    assert weighed / plain == pytest.approx(network.loss_weight(torch.tensor(0.1)).item(), rel=1e-5)


@pytest.mark.parametrize("mode", [True, False])
def test_a_trained_network_is_in_evaluation_mode_and_a_refused_one_as_it_was(mode):
    denoiser = small().train(mode)
    with pytest.raises(FloatingPointError):
        fit(denoiser, du.ring(), sigma=0.1, steps=50, lr=1e30, optimiser="adam")
    assert denoiser.training is mode
    fit(denoiser, du.ring(), sigma=0.1, steps=1)
    assert not denoiser.training


def test_history_counts_and_smooths():
    history = fit(small(), du.ring(), sigma=0.1, steps=12)
    assert history.steps == len(history.loss) == 12 and history.device == "cpu"
    expected = [np.mean(history.loss[max(0, i - 4) : i + 1]) for i in range(12)]
    np.testing.assert_allclose(history.smoothed(5), expected)
    assert History().smoothed() == []
    with pytest.raises(ValueError, match="window is 0; expected a whole number >= 1"):
        history.smoothed(0)


def test_two_thousand_steps_by_default(monkeypatch):
    monkeypatch.setattr(training, "optimise", lambda *args, steps, **how: steps)
    assert fit(Constant(1), GOOD[:, :1], sigma=0.1) == 2000


# Ctrl-C


def test_an_interrupt_keeps_what_was_learned_and_goes_on_to_whoever_called(capsys):
    class Source:
        calls = 0

        def sample(self, n):
            self.calls += 1
            if self.calls == 300:
                raise KeyboardInterrupt
            return torch.full((n, 2), 0.9)

    denoiser, y = small(), torch.full((50, 2), 0.9)
    start = (denoiser(y) - 0.9).abs().mean().item()
    with pytest.raises(KeyboardInterrupt):
        fit(denoiser, Source(), sigma=0.1, steps=1000)
    assert (denoiser(y) - 0.9).abs().mean() < 0.5 * start
    assert "interrupted after 298 steps" in capsys.readouterr().out  # the first draw was a check


def test_a_loss_that_is_not_finite_is_an_error_and_leaves_the_network_as_it_was():
    network = small()
    before = weights(network)
    with pytest.raises(FloatingPointError, match=r"the loss is .* learning rate below 1e\+30"):
        fit(network, GOOD, sigma=0.1, steps=5, lr=1e30)
    assert torch.equal(weights(network), before)
