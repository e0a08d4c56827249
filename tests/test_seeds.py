"""Every function with a seed or a generator: the same one gives the same bits, another one other bits."""

import inspect
from functools import partial

import pytest
import torch
from oracles import seeded, weights
from torch import nn

import daeutils as du
from daeutils import corruption, evaluation
from daeutils.batches import Batches
from daeutils.features import FeatureClassifier

POINTS = du.ring().sample(64, seeded())
SQUARES = torch.rand(6, 1, 8, 8, generator=seeded())
LABELS = torch.arange(6) % 3
law = du.ring()
R = law.posterior_mean


class Watched(du.Denoiser):
    """Remembers the noisy inputs and the noise levels that a training showed it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.a, self.seen = nn.Parameter(torch.zeros(())), []

    def logits(self, x_noisy, sigma=None):
        if self.training:
            self.seen += [x_noisy.clone()] if sigma is None else [x_noisy.clone(), sigma.clone()]
        return self.a.expand_as(x_noisy)


def seen(source, seed, sigma=0.1, **kwargs):
    network = Watched(**kwargs)
    du.fit(network, source, sigma=sigma, steps=2, seed=seed, device="cpu", progress=False)
    return torch.cat([batch.flatten() for batch in network.seen])


def fitted(network, *data, seed):
    network.fit(*data, steps=2, seed=seed, device="cpu", progress=False)
    return weights(network)


def vae(seed=0):
    return du.VAE((1, 8, 8), latent=2, hidden=4, seed=seed)


def gan(seed=0):
    return du.GAN((1, 8, 8), latent=2, width=8, seed=seed)


SEEDED = {  # what it gives for a seed
    "fit, points": partial(seen, POINTS),
    "fit, points in seven dimensions": partial(seen, torch.rand(9, 7, generator=seeded())),
    "fit, images": partial(seen, SQUARES),
    "fit, a stream": partial(seen, law),
    "fit, noise levels": partial(seen, POINTS, sigma=corruption.log_normal(), noise_levels=True),
    "VAE": lambda seed: weights(vae(seed)),
    "VAE.fit": lambda seed: fitted(vae(), SQUARES, seed=seed),
    "GAN": lambda seed: weights(gan(seed)),
    "GAN.critic": lambda seed: weights(gan().critic(seed)),
    "GAN.fit": lambda seed: fitted(gan(), SQUARES, seed=seed),
    "FeatureClassifier": lambda seed: weights(FeatureClassifier(3, 8, seed)),
    "FeatureClassifier.fit": lambda seed: fitted(FeatureClassifier(3, 8), SQUARES, LABELS, seed=seed),
    "MLPDenoiser": lambda seed: weights(du.MLPDenoiser(2, seed=seed)),
    "PlainDAE": lambda seed: weights(du.PlainDAE((1, 4, 4), (6,), 3, seed=seed)),
    "UNetDenoiser": lambda seed: weights(du.UNetDenoiser(side=8, width=4, seed=seed)),
    "random_mixture": lambda seed: du.random_mixture(seed=seed).means,
    "bootstrap": lambda seed: torch.tensor(evaluation.bootstrap(torch.mean, POINTS, seed=seed)),
}
DRAWN = {  # what it gives for a generator
    "GaussianMixture.sample": lambda g: law.sample(5, g),
    "GAN.sample": lambda g: gan().sample(3, g),
    "VAE.sample": lambda g: vae().sample(3, g),
    "PCAGaussian.sample": lambda g: du.PCAGaussian(SQUARES, 3).sample(2, g),
    "noise": lambda g: corruption.noise(POINTS, g),
    "gaussian": lambda g: corruption.gaussian(POINTS, 0.1, g),
    "clamped": lambda g: corruption.clamped(POINTS, 0.1, g),
    "masking": lambda g: corruption.masking(POINTS, 0.3, g),
    "salt_and_pepper": lambda g: corruption.salt_and_pepper(POINTS, 0.3, g),
    "log_normal": lambda g: corruption.log_normal()(50, g),
    "walkback": lambda g: du.walkback(R, POINTS, 2, 0.1, g),
    "langevin": lambda g: du.langevin(R, POINTS, 2, 0.1, generator=g),
    "ancestral": lambda g: du.ancestral(R, POINTS, [1, 0.1], generator=g),
    "probability_flow": lambda g: du.probability_flow(R, POINTS, [1, 0.1], churn=0.3, generator=g),
    "VAE.loss": lambda g: vae().loss(SQUARES, g).detach(),
}
CALLS = SEEDED | {name: lambda seed, draw=draw: draw(seeded(seed)) for name, draw in DRAWN.items()}


@pytest.mark.parametrize("name", CALLS)
def test_the_seed_decides_and_nothing_else(name):
    state = torch.get_rng_state()
    first, again, other = (CALLS[name](seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("dim", [1, 2, 6])
def test_the_seed_reaches_the_evenly_spread_batches(dim):
    """Another scrambling: neither the points nor the noise of one seed are those of another."""
    points = torch.rand(500, dim, generator=seeded(3))
    (x, eps), (same_x, same_eps), (other_x, other_eps) = (
        next(iter(Batches(points, 64, seeded(seed)))) for seed in (5, 5, 6)
    )
    assert torch.equal(x, same_x) and torch.equal(eps, same_eps)
    assert not torch.equal(x, other_x) and not torch.equal(eps, other_eps)


def test_no_function_with_a_seed_is_left_out():
    tested = {name.split(",")[0] for name in CALLS}
    things = [getattr(du, name) for name in du.__all__] + [FeatureClassifier]
    things += [v for m in (evaluation, corruption) for v in vars(m).values()]
    for thing in things:
        if not getattr(thing, "__module__", "").startswith("daeutils") or thing.__name__[0] == "_":
            continue
        calls = {thing.__name__: thing}
        if inspect.isclass(thing):
            public = {n: f for n, f in vars(thing).items() if inspect.isfunction(f) and n[0] != "_"}
            calls |= {f"{thing.__name__}.{name}": method for name, method in public.items()}
        for name, call in calls.items():
            if {"seed", "generator"} & set(inspect.signature(call).parameters):
                assert name in tested
