"""Every documented default is what the text says: a chapter, a recipe or a stored number relies on it.

A call without the argument must give, bit for bit, what the call with the documented value gives, and
something else with another value. The documented values stand here as numbers: a changed default fails.
"""

import inspect
from functools import partial

import pytest
import torch
from oracles import seeded, weights
from torch import nn

import daeutils as du
from daeutils import baselines, evaluation, features
from daeutils import training as training_module
from daeutils.features import FeatureClassifier

POINTS = du.ring().sample(64, seeded())
SQUARES = torch.rand(6, 1, 8, 8, generator=seeded())
FEATURES = torch.randn(60, 2, generator=seeded()).double()
LABELS = torch.arange(6) % 3


def same(a, b) -> bool:
    """Whether two results are equal in every bit."""
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, torch.Tensor):
        return a.shape == b.shape and torch.equal(a, b)
    return a == b


def parts(law):
    return law.means, law.covariances, law.weights


def trained(network, source, steps=3, **how):
    du.fit(network, source, sigma=0.1, steps=steps, device="cpu", progress=False, **how)
    return weights(network)


def points_trained(**how):
    return trained(du.MLPDenoiser(2, hidden=8, depth=1), POINTS, **how)


def images_trained(**how):
    return trained(du.UNetDenoiser(side=8, width=4, dense=8), SQUARES, **how)


def at_the_end(call, **how):
    """A call whose average keeps its largest share from the first step on, as it does after 900 steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_module, "_kept", lambda most, before: most)
        return call(**how)


def optimised(steps=3, **how):
    module = nn.Linear(3, 3, bias=False)
    nn.init.eye_(module.weight)
    source = iter(lambda: (), None)
    training_module.optimise(
        module, lambda: (module.weight**4).sum(), source, steps=steps, progress=False, **how
    )
    return weights(module)


def handed_over(module, network, *data, **how):
    """What a method `fit` hands to the training loop."""
    seen = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "optimise", lambda *args, **kwargs: seen.update(kwargs))
        network.fit(*data, **how)
    return seen["steps"], seen["lr"]


def vae(**how):
    return du.VAE((1, 8, 8), latent=2, hidden=4, **how)


def vae_trained(**how):
    network = vae()
    network.fit(SQUARES, device="cpu", progress=False, **dict(steps=3) | how)
    return weights(network)


def gan(**how):
    return du.GAN((1, 8, 8), latent=2, width=8, **how)


def gan_trained(**how):
    network = gan()
    network.fit(SQUARES, device="cpu", progress=False, **dict(steps=2) | how)
    return weights(network)


def gan_steps(**how):
    """How many steps a GAN is about to take."""
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "bar", lambda steps, **options: seen.append(len(steps)) or ())
        gan().fit(SQUARES, **how)
    return seen


def classifier_trained(**how):
    network = FeatureClassifier(classes=3, side=8)
    network.fit(SQUARES, LABELS, device="cpu", progress=False, **dict(steps=2) | how)
    return weights(network)


def network_of(make, *arguments):
    return lambda **how: (weights(make(*arguments, **how)), str(make(*arguments, **how)))


def mean_field(x, sigma):
    return 0.5 + 0.8 * (x - 0.5) / (1 + sigma)


def muon_stepped(**how):
    weight = torch.eye(3).requires_grad_()
    optimiser = du.Muon([weight], **how)
    for seed in range(3):
        weight.grad = torch.randn(3, 3, generator=seeded(seed))
        optimiser.step()
    return weight.detach()


def flow(**how):
    return du.probability_flow(mean_field, POINTS, [1.0, 0.3], generator=seeded(), **how)


def with_output(make):
    def outputs(**how):
        network = make(**how)
        return network(torch.full((2, *network.shape), 1.5), None)

    return outputs


DEFAULTS = {  # function -> a call, and for each argument the documented value and another one
    "fit, points": (points_trained, {
        "objective": ("bce", "mse"), "batch_size": (1024, 1000), "lr": (0.02, 0.01),
        "optimiser": ("muon", "adam"), "average": (0.99, 0.0), "seed": (0, 1),
    }),
    "fit, points, Adam": (partial(points_trained, optimiser="adam"), {"lr": (0.01, 0.02)}),
    "fit, images": (images_trained, {
        "batch_size": (64, 60), "lr": (0.01, 0.02), "optimiser": ("muon", "adam"), "average": (0.99, 0.0),
        "seed": (0, 1),
    }),
    "fit, images, Adam": (partial(images_trained, optimiser="adam"), {"lr": (0.002, 0.01)}),
    "fit, a stream": (
        lambda **how: trained(du.MLPDenoiser(2, hidden=8, depth=1), du.ring(), **how),
        {"batch_size": (1024, 1000), "lr": (0.02, 0.01), "seed": (0, 1)},
    ),
    "fit, a mixture": (
        lambda **how: trained(du.MixtureDenoiser(POINTS[:4]), POINTS, **how),
        {"optimiser": ("adam", "muon"), "lr": (0.01, 0.02)},
    ),
    "fit, long": (partial(at_the_end, points_trained), {"average": (0.99, 0.9999)}),
    "optimise": (optimised, {"lr": (2e-3, 1e-2), "average": (0.99, 0.0), "orthogonal": (False, True)}),
    "optimise, long": (partial(at_the_end, optimised), {"average": (0.99, 0.9999)}),
    "VAE.fit": (vae_trained, {"batch_size": (128, 100), "lr": (2e-3, 1e-2), "seed": (0, 1)}),
    "VAE.fit, long": (
        lambda **how: handed_over(baselines, vae(), SQUARES, **how), {"steps": (8000, 4000)},
    ),
    "GAN.fit": (gan_trained, {"batch_size": (64, 60), "lr": (5e-4, 1e-3), "seed": (0, 1)}),
    "GAN.fit, long": (gan_steps, {"steps": (3000, 4000)}),
    "FeatureClassifier.fit": (
        classifier_trained, {"batch_size": (128, 100), "lr": (2e-3, 1e-2), "seed": (0, 1)},
    ),
    "FeatureClassifier.fit, long": (
        lambda **how: handed_over(features, FeatureClassifier(3, 8), SQUARES, LABELS, **how),
        {"steps": (2000, 4000)},
    ),
    "VAE": (network_of(du.VAE), {
        "shape": ((1, 28, 28), (1, 14, 14)), "latent": (16, 8), "hidden": (400, 200), "seed": (0, 1),
    }),
    "GAN": (network_of(du.GAN), {
        "shape": ((1, 28, 28), (1, 16, 16)), "latent": (32, 16), "width": (32, 16), "seed": (0, 1),
    }),
    "FeatureClassifier": (
        network_of(FeatureClassifier), {"classes": (10, 9), "side": (28, 32), "seed": (0, 1)},
    ),
    "PCAGaussian": (
        lambda **how: du.PCAGaussian(SQUARES.repeat(10, 1, 1, 1), **how).axes, {"components": (50, 40)},
    ),
    "MLPDenoiser": (
        network_of(du.MLPDenoiser, 2),
        {"hidden": (128, 64), "depth": (3, 2), "noise_levels": (False, True), "seed": (0, 1)},
    ),
    "MLPDenoiser, output": (
        with_output(partial(du.MLPDenoiser, 2)), {"output": ("sigmoid", "linear")},
    ),
    "MixtureDenoiser": (network_of(du.MixtureDenoiser, POINTS), {"spread": (0.05, 0.1)}),
    "PlainDAE": (network_of(du.PlainDAE), {
        "shape": ((1, 28, 28), (1, 20, 20)), "hidden": ((512, 512), (512, 256)), "code": (128, 64),
        "seed": (0, 1),
    }),
    "PlainDAE, output": (with_output(du.PlainDAE), {"output": ("sigmoid", "linear")}),
    "UNetDenoiser": (network_of(du.UNetDenoiser), {
        "channels": (1, 3), "noise_levels": (False, True), "side": (28, 32), "width": (16, 8),
        "dense": (256, 128), "seed": (0, 1),
    }),
    "UNetDenoiser, many levels": (
        network_of(partial(du.UNetDenoiser, noise_levels=True)), {"level_width": (64, 32)},
    ),
    "UNetDenoiser, output": (
        with_output(partial(du.UNetDenoiser, side=8, width=4)), {"output": ("sigmoid", "linear")},
    ),
    "Denoiser": (lambda **how: (vars(du.Denoiser(**how))["output"],), {"output": ("sigmoid", "linear")}),
    "Denoiser.loss": (
        lambda **how: du.MLPDenoiser(2).loss(POINTS, POINTS, **how), {"objective": ("bce", "mse")},
    ),
    "Muon": (muon_stepped, {"lr": (2e-2, 1e-2), "momentum": (0.95, 0.9)}),
    "History.smoothed": (
        lambda **how: du.History(list(range(99))).smoothed(**how), {"window": (50, 10)},
    ),
    "ring": (
        lambda **how: parts(du.ring(**how)),
        {"modes": (8, 7), "std": (0.04, 0.05), "radius": (0.3, 0.25)},
    ),
    "moons": (lambda **how: parts(du.moons(**how)), {"centres": (24, 12), "std": (0.025, 0.02)}),
    "spiral": (
        lambda **how: parts(du.spiral(**how)),
        {"centres": (60, 50), "std": (0.02, 0.03), "turns": (1.75, 2.0)},
    ),
    "checkerboard": (lambda **how: parts(du.checkerboard(**how)), {"std": (0.025, 0.02)}),
    "pinwheel": (
        lambda **how: parts(du.pinwheel(**how)),
        {"arms": (5, 4), "centres": (12, 10), "std": (0.02, 0.03), "twist": (1.2, 1.0)},
    ),
    "random_mixture": (
        lambda **how: parts(du.random_mixture(**how)), {"components": (6, 5), "seed": (0, 1)},
    ),
    "log_normal": (
        lambda **how: du.corruption.log_normal(**how)(5000, seeded()),
        {"mean": (-1.0, -1.2), "std": (1.2, 1.0), "low": (0.02, 0.03), "high": (20.0, 10.0)},
    ),
    "noise_schedule": (
        du.noise_schedule, {"levels": (20, 40), "high": (10.0, 20.0), "low": (0.02, 0.01), "rho": (7, 1)},
    ),
    "probability_flow": (flow, {"churn": (0.0, 0.4)}),
    "ancestral": (
        lambda **how: du.ancestral(mean_field, POINTS, [1.0, 0.3], generator=seeded(), **how),
        {"eta": (None, 0.5)},
    ),
    "langevin": (
        lambda **how: du.langevin(mean_field, POINTS, 3, 0.5, generator=seeded(), **how),
        {"step_size": (0.025, 0.05)},  # sigma^2 / 10
    ),
    "log_density_difference": (
        lambda **how: du.log_density_difference(mean_field, POINTS, POINTS**2, 0.3, **how),
        {"points": (50, 20)},
    ),
    "density_coverage": (
        lambda **how: evaluation.density_coverage(FEATURES[:30], FEATURES[30:], **how), {"k": (5, 4)},
    ),
    "bootstrap": (
        lambda **how: evaluation.bootstrap(lambda x: x.mean().item(), FEATURES, **how),
        {"draws": (30, 100), "seed": (0, 1)},
    ),
    "grid": (partial(du.plotting.grid, 3), {"low": (0.0, -1.0), "high": (1.0, 2.0)}),
    "digits": (lambda **how: du.digits(**how)[1], {"split": ("train", "test")}),
    "fashion": (lambda **how: du.fashion(**how)[1], {"split": ("train", "test")}),
}  # fmt: skip
EACH = [(name, argument) for name, (_, arguments) in DEFAULTS.items() for argument in arguments]


@pytest.mark.parametrize(("name", "argument"), EACH)
def test_default_is_the_documented_value(name, argument):
    call, arguments = DEFAULTS[name]
    documented, other = arguments[argument]
    found = call()
    assert same(found, call(**{argument: documented})), f"another default than {documented!r}"
    assert not same(found, call(**{argument: other})), f"{argument} changes nothing"


ELSEWHERE = {  # argument -> where its default is tested, or why it may be anything
    "fit.steps": "test_training.test_two_thousand_steps_by_default",
    "folder": "test_data, whose calls leave out what they do not vary",
    "celeba": "test_data",
    "mnist": "a folder's name and the split, as for digits",
    "fashion_mnist": "as for mnist",
    "optimise.name": "shown beside the bar",
    "History.device": "fit sets it: test_training.test_history_counts_and_smooths",
}


def public_defaults() -> set[str]:
    """function.argument, for each default of a public function that is a number, a text or a tuple."""
    found = set()
    things = [getattr(du, name) for name in du.__all__] + [FeatureClassifier, training_module.optimise]
    things += [v for m in (evaluation, du.corruption, du.objectives) for v in vars(m).values()]
    for thing in things:
        if not getattr(thing, "__module__", "").startswith("daeutils"):
            continue
        methods = vars(thing).items() if inspect.isclass(thing) else []
        calls = {thing.__name__: thing} | {
            f"{thing.__name__}.{name}": method
            for name, method in methods
            if inspect.isfunction(method) and not name.startswith("_")
        }
        for name, call in calls.items():
            for argument in inspect.signature(call).parameters.values():
                if isinstance(argument.default, int | float | str | tuple) and not isinstance(
                    argument.default, bool
                ):
                    found.add(f"{name}.{argument.name}")
    return found


def test_no_default_is_left_out():
    tested = {f"{name.split(',')[0]}.{argument}" for name, argument in EACH}
    left = {
        name for name in public_defaults() - tested
        if name not in ELSEWHERE and name.split(".")[0] not in ELSEWHERE
    }  # fmt: skip
    assert not left
