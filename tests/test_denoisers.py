"""The networks: shapes, ranges, noise levels, seeds and errors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import Case, posterior, seeded
from torch.func import functional_call

import daeutils as du
from daeutils import MixtureDenoiser, MLPDenoiser, UNetDenoiser
from daeutils.denoisers import _logit

MAKE = {
    "mlp": lambda **kw: MLPDenoiser(3, hidden=16, depth=2, **kw),
    "unet": lambda **kw: UNetDenoiser(side=8, width=4, dense=16, **kw),
    "colour": lambda **kw: UNetDenoiser(3, side=16, width=4, dense=16, **kw),
}
SHAPES = {"mlp": (3,), "unet": (1, 8, 8), "colour": (3, 16, 16)}
names = pytest.mark.parametrize("name", MAKE)
levels = pytest.mark.parametrize("noise_levels", [False, True])


PLAIN = {
    "dense": lambda **kw: du.PlainDAE((1, 8, 8), hidden=(16, 12), code=5, **kw),
    "convolutional": lambda **kw: du.PlainDAE((3, 8, 8), hidden=(4, 6), code=5, convolutional=True, **kw),
}
plain = pytest.mark.parametrize("name", PLAIN)


def noisy(name: str, n: int = 5, scale: float = 1.0) -> torch.Tensor:
    return 0.5 + scale * torch.randn(n, *SHAPES[name], generator=seeded())


@names
@levels
def test_reconstructions_are_images_of_the_same_shape(name, noise_levels):
    denoiser, x = MAKE[name](noise_levels=noise_levels), noisy(name)
    out = denoiser(x, 0.1)
    assert out.shape == x.shape and out.dtype == x.dtype
    assert (out >= 0).all() and (out <= 1).all()
    torch.testing.assert_close(out, denoiser.logits(x, 0.1).sigmoid())


def test_a_linear_output_has_no_sigmoid():
    x = noisy("unet", scale=3)
    linear, logistic = (UNetDenoiser(side=8, width=4, dense=16, output=o) for o in ("linear", "sigmoid"))
    assert torch.equal(linear(x), linear.logits(x))
    assert torch.equal(linear(x), logistic.logits(x))  # the output alone differs


def test_points_have_the_same_reconstruction_with_either_output_until_it_nears_a_face():
    x = noisy("mlp", 500, scale=0.3)
    linear, logistic = (MLPDenoiser(3, output=o)(x, 0.1) for o in ("linear", "sigmoid"))
    inside = (linear > 0.05) & (linear < 0.95)
    assert 0.5 < inside.float().mean() < 1
    torch.testing.assert_close(linear[inside], logistic[inside])
    assert (logistic >= 0).all() and (logistic <= 1).all() and linear.max() > 1 and linear.min() < 0
    order = linear.flatten().argsort()
    assert (logistic.flatten()[order].diff() >= -1e-6).all()  # the one is a rising function of the other


def test_the_logit_goes_on_rising_outside_the_faces():
    """By its tangents: with no slope there, a network that reconstructs -0.1 could not learn better."""
    r = torch.linspace(-2, 3, 501, dtype=torch.float64)
    logit = _logit(r)
    inside = (r > 0.05) & (r < 0.95)
    torch.testing.assert_close(logit[inside], r[inside].logit())
    slope = logit.diff() / r.diff()
    torch.testing.assert_close(slope[:200], torch.full((200,), 1 / (0.05 * 0.95)).double())
    torch.testing.assert_close(slope[-200:], slope[:200])
    assert (slope > 3.9).all()  # of the logit itself 4 at the least


def test_edm_leaves_an_image_without_noise_and_answers_grey_at_much():
    """c_skip goes from 1 to 0 and c_out to 0 as Karras et al. 2022 have them, for data about grey."""
    denoiser, x = UNetDenoiser(side=8, width=4, dense=16, noise_levels=True, output="edm"), noisy("unet")
    torch.testing.assert_close(denoiser(x, 1e-4), x, atol=1e-3, rtol=0)
    denoiser._layers = lambda x, sigma: torch.zeros_like(x)
    for sigma in (0.02, 0.5, 3.0):
        skip = 0.5**2 / (sigma**2 + 0.5**2)
        torch.testing.assert_close(denoiser(x, sigma), 0.5 + skip * (x - 0.5))
    assert torch.equal(denoiser(x, 0.3), denoiser.logits(x, 0.3))  # no sigmoid


def test_channels_last_input_changes_nothing():
    denoiser, x = MAKE["colour"](), noisy("colour")
    other = x.contiguous(memory_format=torch.channels_last)
    assert other.stride() != x.stride()
    torch.testing.assert_close(denoiser(other), denoiser(x))


@pytest.mark.parametrize("sigma", [0.01, 0.1, 1.0, 10.0])
def test_before_training_points_are_near_the_best_linear_reconstruction(sigma):
    """Of data uniform on [0, 1]: mean 1/2, variance 1/12; off by no more than its own error."""
    x = torch.rand(2000, 3, generator=seeded())
    x_noisy = x + sigma * torch.randn(x.shape, generator=seeded(1))
    keep = (1 / 12) / (1 / 12 + sigma**2)
    denoiser = MLPDenoiser(3, noise_levels=True, output="linear")
    correction = denoiser(x_noisy, sigma) - (0.5 + keep * (x_noisy - 0.5))
    assert correction.square().mean().sqrt() < sigma * keep**0.5


@names
@levels
@settings(max_examples=10)
@given(sigma=st.floats(0.01, 20), scale=st.floats(0, 50))
def test_logits_stay_finite_at_every_noise_level(name, noise_levels, sigma, scale):
    logits = MAKE[name](noise_levels=noise_levels).logits(noisy(name, scale=scale), sigma)
    assert torch.isfinite(logits).all()


@names
def test_a_level_may_be_a_number_or_one_for_each_sample(name):
    denoiser, x = MAKE[name](noise_levels=True), noisy(name)
    torch.testing.assert_close(denoiser(x, 0.3), denoiser(x, torch.full((5,), 0.3)))
    sigma = torch.tensor([0.05, 0.2, 0.7, 2.0, 9.0])
    one_by_one = [denoiser(x[i : i + 1], s.item()) for i, s in enumerate(sigma)]
    torch.testing.assert_close(denoiser(x, sigma), torch.cat(one_by_one))
    assert not torch.allclose(denoiser(x, 0.1), denoiser(x, 1.0))  # the level is used


@names
def test_a_network_of_one_level_needs_no_sigma_and_no_other_samples(name):
    denoiser, x = MAKE[name](), noisy(name, 7)
    assert torch.equal(denoiser(x), denoiser(x, denoiser.level.item()))
    torch.testing.assert_close(denoiser(x), torch.cat([denoiser(part) for part in x.split(2)]))


@names
@levels
def test_the_config_makes_the_same_network_again(name, noise_levels):
    denoiser, x = MAKE[name](noise_levels=noise_levels), noisy(name)
    again = type(denoiser)(**denoiser.config)
    assert torch.equal(again(x, 0.1), denoiser(x, 0.1))


@names
@levels
def test_every_weight_has_a_part_in_the_output(name, noise_levels):
    """Each parameter, when all of them are nonzero, receives a gradient."""
    denoiser, x = MAKE[name](noise_levels=noise_levels), noisy(name)
    values = {key: p + 0.01 for key, p in denoiser.named_parameters()}
    out = functional_call(denoiser, values, (x, 0.1))
    gradients = torch.autograd.grad(out.square().sum(), list(values.values()))
    assert all(g.abs().max() > 0 for g in gradients)


# White noise on black and white pixels, and on points of the unit cube.
DATA = {
    "mlp": lambda x: x,
    "unet": lambda x: x.round(),
    "colour": lambda x: x.round(),
    "edm": lambda x: x.round(),
}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("sigma", [0.02, 0.2, 1.0, 10.0])
def test_what_enters_the_layers_has_about_unit_size_at_every_level(name, sigma):
    make = MAKE["unet" if name == "edm" else name]
    denoiser = make(noise_levels=True, output="edm") if name == "edm" else make(noise_levels=True)
    seen = []
    first = next(m for m in denoiser.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear))
    first = getattr(denoiser, "enter", first)
    first.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    x = DATA[name](torch.rand(300, *denoiser.shape, generator=seeded()))
    denoiser(x + sigma * torch.randn(x.shape, generator=seeded(1)), sigma)
    size = seen[0][:, : denoiser.shape[0]].square().mean().sqrt()
    assert 0.8 < size < (1.7 if name in ("unet", "colour") else 1.2)


# The mixture


def any_mixture(dim: int = 2, components: int = 4, seed: int = 0) -> MixtureDenoiser:
    """In float64, with weights as a training might leave them."""
    generator = seeded(seed)
    denoiser = MixtureDenoiser(0.3 + 0.4 * torch.rand(components, dim, generator=generator)).double()
    for weight in (denoiser.log_spreads, denoiser.turns, denoiser.log_weights):
        weight.data += 0.7 * torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    return denoiser


def test_every_parameter_of_a_mixture_has_a_part_in_its_output():
    denoiser = any_mixture()
    denoiser(torch.rand(9, 2, generator=seeded()).double(), 0.1).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 1e-9 for p in denoiser.parameters())


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("sigma", [0.02, 0.1, 1.0])
def test_a_mixture_reconstructs_as_its_law_does(dim, sigma):
    """By the closed form that densities has, and by one that does not pass through daeutils (T2)."""
    denoiser, x = any_mixture(dim), 0.3 + 0.4 * torch.rand(50, dim, generator=seeded(3)).double()
    law = denoiser.law()
    inside = denoiser(x, sigma).detach()
    assert ((inside > 0.05) & (inside < 0.95)).all()  # where the logit is not continued
    torch.testing.assert_close(inside, law.posterior_mean(x, sigma))
    case = Case(law, law.weights.numpy(), law.means.numpy(), law.covariances.numpy())
    expected = np.stack([posterior(case, y, sigma)[0] - y for y in x.numpy()]) / sigma**2
    score = du.score_from_denoiser(denoiser, x, sigma).detach().numpy()
    np.testing.assert_allclose(score, expected, rtol=1e-6, atol=1e-6)


def test_a_mixture_starts_as_round_blobs_of_equal_weight():
    starts = torch.rand(5, 3, generator=seeded())
    law = MixtureDenoiser(starts, spread=0.2).law()
    torch.testing.assert_close(law.means, starts.double())
    torch.testing.assert_close(law.covariances, (0.04 * torch.eye(3)).expand(5, 3, 3).double())
    torch.testing.assert_close(law.weights, torch.full((5,), 0.2).double())
    starts += 1  # not shared
    assert (MixtureDenoiser(starts).means > 1).all() and (law.means < 1).all()


@given(seed=st.integers(0, 1000), sigma=st.floats(0.02, 2))
def test_whatever_its_weights_a_mixture_is_a_gradient_field(seed, sigma):
    denoiser, point = any_mixture(seed=seed), torch.rand(1, 2, generator=seeded(seed)).double()
    inside = denoiser(point, sigma)
    if ((inside > 0.05) & (inside < 0.95)).all():
        assert du.asymmetry(du.jacobian(denoiser, point, sigma)) < 1e-9


@given(scale=st.floats(0, 50), sigma=st.floats(1e-4, 20))
def test_a_mixture_stays_finite_far_from_its_components(scale, sigma):
    denoiser, x = MixtureDenoiser(torch.rand(4, 3, generator=seeded())), noisy("mlp", scale=scale)
    assert torch.isfinite(denoiser.logits(x, sigma)).all()


def test_a_mixture_takes_a_level_for_each_sample_and_none_depends_on_its_batch():
    denoiser, x = any_mixture(3), noisy("mlp").double()
    sigma = torch.tensor([0.05, 0.2, 0.7, 2.0, 9.0]).double()
    one_by_one = [denoiser(x[i : i + 1], s.item()) for i, s in enumerate(sigma)]
    torch.testing.assert_close(denoiser(x, sigma), torch.cat(one_by_one))


def test_a_mixture_trained_at_one_level_answers_at_all():
    """Ring of eight; started at points of the sample, some bumps have two and some one."""
    law, generator = du.ring(), seeded(1)
    points = law.sample(20_000, generator).clamp(0, 1)
    denoiser = MixtureDenoiser(points[:24])
    du.fit(denoiser, points, sigma=0.05, steps=400, device="cpu", progress=False)
    for sigma in (0.03, 0.05, 0.1, 0.2):
        x_noisy = du.corruption.gaussian(law.sample(5000, generator), sigma, generator)
        with torch.no_grad():
            learned = du.score_from_denoiser(denoiser, x_noisy, sigma)
        assert du.relative_error(learned, law.smooth(sigma).score(x_noisy)) < 0.12
        found = denoiser.law().smooth(sigma).score(x_noisy)  # off by rounding and what lies near a face
        assert du.relative_error(learned, found) < 0.01


# Bad input

TANH = "output is 'tanh'; expected 'sigmoid' or 'linear'"
NO_LEVEL = r"sigma is None.*denoiser\(x_noisy, sigma\)"
THREE = torch.rand(3, 2)
REFUSED = [
    *((lambda make=make: make(output="tanh"), TANH) for make in MAKE.values()),
    (lambda: UNetDenoiser(output="edm"), r"output is .edm.*expected noise_levels=True"),
    (lambda: MLPDenoiser(2, output="edm"), "output is 'edm'; expected 'sigmoid' or 'linear'"),
    *((lambda name=name: MAKE[name](noise_levels=True)(noisy(name)), NO_LEVEL) for name in MAKE),
    (lambda: MixtureDenoiser(THREE)(THREE), NO_LEVEL),
    (lambda: MixtureDenoiser(THREE)(torch.rand(4, 3), 0.1), r"\(4, 3\); expected \(N, 2\)"),
    (lambda: MAKE["mlp"]()(torch.zeros(5, 2)), r"expected \(N, 3\)"),
    (lambda: MAKE["unet"]()(torch.zeros(5, 1, 12, 12)), r"expected \(N, 1, 8, 8\)"),
    (lambda: MAKE["colour"]()(torch.zeros(5, 1, 16, 16)), r"expected \(N, 3, 16, 16\)"),
    (lambda: UNetDenoiser(side=30), "side is 30; expected a multiple of 4"),
    (lambda: UNetDenoiser(side=0), "side is 0"),
    (lambda: UNetDenoiser(channels=0), "channels is 0"),
    (lambda: UNetDenoiser(width=1.5), "width is 1.5"),
    (lambda: UNetDenoiser(dense=0), "dense is 0"),
    (lambda: MLPDenoiser(0), "dim is 0"),
    (lambda: MLPDenoiser(2, hidden=0), "hidden is 0"),
    (lambda: MLPDenoiser(2, depth=-1), "depth is -1"),
    (lambda: MixtureDenoiser(THREE[0]), r"means has shape \(2,\); expected a batch"),
    (lambda: MixtureDenoiser(THREE[:, None]), r"means have shape \(3, 1, 2\); expected \(K, d\)"),
    (lambda: MixtureDenoiser(THREE.long()), "means has dtype torch.int64"),
    (lambda: MixtureDenoiser(THREE * math.nan), "means holds NaN"),
    (lambda: MixtureDenoiser([[0.5, 0.5]]), "means is a list; expected a torch tensor"),
    (lambda: MixtureDenoiser(THREE, 0.0), "spread is 0.0; expected a finite number >= 1e-09"),
    (lambda: MixtureDenoiser(THREE, "wide"), "spread is 'wide'"),
]


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_bad_sizes_shapes_outputs_and_levels_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()


@names
def test_a_network_reads_no_value_of_its_input(name):
    """To read one would make a GPU wait. A meta tensor has none, and raises where it is asked for one."""
    network, x = MAKE[name](noise_levels=True).to("meta"), noisy(name).to("meta")
    assert network(x, torch.ones(5, device="meta")).shape == x.shape


# An encoder and a decoder with nothing beside the code


def images(network, n: int = 5) -> torch.Tensor:
    return 0.5 + torch.randn(n, *network.shape, generator=seeded())


@plain
def test_a_plain_dae_answers_with_images_and_is_made_again_by_its_config(name):
    network = PLAIN[name](seed=3)
    x = images(network)
    assert network(x).shape == x.shape and (network(x) > 0).all() and (network(x) < 1).all()
    assert torch.equal(du.PlainDAE(**network.config, seed=3)(x), network(x))
    assert not torch.equal(PLAIN[name](seed=4)(x), network(x))
    torch.testing.assert_close(PLAIN[name](output="linear", seed=3)(x), network.logits(x))
    with pytest.raises(ValueError, match=r"trained at one noise level, 0\.1"):
        network(x, 0.3)


@plain
def test_all_that_a_plain_dae_knows_of_its_input_passes_the_code(name):
    """The derivative of the logits has at most the rank of the code, and all of it."""
    network = PLAIN[name]()
    x = images(network, 1).double()
    slopes = torch.func.jacrev(network.double().logits)(x).reshape(x.numel(), x.numel())
    sizes = torch.linalg.svdvals(slopes)
    assert sizes[4] > 1e-6 * sizes[0] and sizes[5] < 1e-12 * sizes[0]


@plain
def test_fit_trains_a_plain_dae(name):
    network = PLAIN[name]()
    picture = torch.rand(network.shape, generator=seeded())
    data = torch.stack([picture, 1 - picture]).repeat(32, 1, 1, 1)
    history = du.fit(network, data, sigma=0.3, steps=150, batch_size=16, device="cpu", progress=False)
    floor = du.objectives.entropy(picture[None]).item() / picture.numel()
    assert history.smoothed(10)[-1] - floor < 0.4 * (history.loss[0] - floor)
    assert network.level.item() == pytest.approx(0.3)


def test_a_plain_dae_refuses_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"expected multiples of 8\. Pad or crop the images"):
        du.PlainDAE((1, 28, 28), hidden=(8, 8, 8), convolutional=True)
    with pytest.raises(ValueError, match="code is 0"):
        du.PlainDAE(code=0)
    with pytest.raises(ValueError, match=r"expected \(N, 1, 8, 8\)"):
        PLAIN["dense"]()(torch.zeros(2, 1, 8, 9))


# The optimum of the training loss


@pytest.mark.parametrize("sigma", [0.05, 0.5, 3.0])
def test_the_memoriser_is_the_posterior_mean_of_its_data(sigma):
    data = torch.rand(30, 1, 3, 4, generator=seeded())
    x_noisy = data[:9] + sigma * torch.randn(9, 1, 3, 4, generator=seeded(1))
    memory = du.Memoriser(data)
    expected = du.from_points(data.double()).posterior_mean(x_noisy.flatten(1).double(), sigma)
    torch.testing.assert_close(memory(x_noisy, sigma).flatten(1).double(), expected, atol=1e-6, rtol=0)
    chances = memory.posterior(x_noisy, sigma)
    torch.testing.assert_close(chances.sum(1), torch.ones(9).double())
    each = torch.full((9,), sigma)
    assert torch.equal(memory(x_noisy, each), memory(x_noisy, sigma))
    torch.testing.assert_close(
        memory.logits(x_noisy, sigma).sigmoid(), memory(x_noisy, sigma), atol=2e-6, rtol=0
    )


def test_no_answer_has_a_lower_training_loss_than_the_memoriser():
    """Averaged over the noise: another answer, to each pixel a little more or less, costs more."""
    data = torch.rand(6, 4, generator=seeded())
    x = data.repeat(20_000, 1)
    x_noisy = x + 0.4 * torch.randn(x.shape, generator=seeded(1))
    best = du.Memoriser(data).logits(x_noisy, 0.4)
    loss = du.objectives.bce(best, x).mean()
    for change in (-0.05, 0.05):
        assert du.objectives.bce(best + change, x).mean() > loss
    assert du.objectives.bce(1.1 * best, x).mean() > loss
    assert du.objectives.bce(0.9 * best, x).mean() > loss


def test_the_memoriser_cannot_be_trained_and_says_so():
    data = torch.rand(6, 1, 4, 4, generator=seeded())
    with pytest.raises(ValueError, match="Memoriser has no weights"):
        du.fit(du.Memoriser(data), data, sigma=0.1, steps=1)
    with pytest.raises(ValueError, match="sigma is None"):
        du.Memoriser(data)(data)
