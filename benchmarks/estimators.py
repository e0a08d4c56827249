"""What is compared: each estimator takes (points, task) and returns score(x_noisy, sigma) -> (N, d)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import peers
import torch
from sklearn.cluster import kmeans_plusplus
from sklearn.mixture import GaussianMixture as FittedMixture

import daeutils as du

BATCH = 1024


class Law(NamedTuple):
    """A law, and what the maximum-likelihood mixture alone is told: its components and their shape."""

    law: du.GaussianMixture
    components: int
    shape: str


MIXTURES = {f"mixture of {k}": Law(du.random_mixture(k, seed=k), k, "full") for k in (2, 4, 6, 9, 12)}
# Mixtures too, of many small bumps along a curve or over squares: nobody fits so many.
CURVES = {f.__name__: Law(f(), len(f().means), "full")
          for f in (du.moons, du.spiral, du.pinwheel, du.checkerboard)}  # fmt: skip
LAWS = {"ring": Law(du.ring(8, 0.04), 8, "spherical"), **MIXTURES, **CURVES}


class Task(NamedTuple):
    """One training: what to fit, and at which noise levels to ask for the score."""

    law: str
    n: int
    sigmas: tuple
    estimator: str
    steps: int = 0
    seed: int = 0


def dae(points, task, objective="bce", output="sigmoid", levels=None, **layers):
    """The book's denoiser, at one noise level, or at all between two: log sigma uniform there."""
    network = du.MLPDenoiser(2, noise_levels=levels is not None, output=output, seed=task.seed, **layers)
    sigma = task.sigmas[0] if levels is None else log_uniform(*levels)
    return trained(network, points, task, sigma, objective)


def trained(network, points, task, sigma, objective="bce"):
    """The score of a network after the steps of the task."""
    done = du.fit(network, points, sigma=sigma, objective=objective, steps=task.steps,
                  batch_size=BATCH, seed=task.seed, progress=False)  # fmt: skip
    if done.interrupted:  # `fit` keeps a network cut short; its error would not be the one of these steps
        raise KeyboardInterrupt
    return torch.no_grad()(partial(du.score_from_denoiser, network.cpu()))


ONE_LEVEL = 0.05  # of the one training that answers for all levels


def learned_mixture(points, task, components=16, level=None):
    """The denoiser that is told that its data come in blobs, at the level asked for or at another one."""
    starts, _ = kmeans_plusplus(points[:10_000].numpy(), components, random_state=task.seed)
    network = du.MixtureDenoiser(torch.as_tensor(starts))
    return trained(network, points, task, level or task.sigmas[0])


def mean_of_three(points, task):
    """Three networks, a third of the steps each: what chance and the accidents of the sample do to one of
    them weighs less in their mean."""
    few = task.steps // 3
    members = [dae(points, task._replace(steps=few, seed=3 * task.seed + k)) for k in range(3)]
    return lambda x_noisy, sigma: sum(score(x_noisy, sigma) for score in members) / 3


def log_uniform(low: float, high: float):
    """A law over noise levels for `fit`: log sigma is uniform."""

    def draw(n, generator):
        u = torch.rand(n, generator=generator, device=generator.device)
        return low * (high / low) ** u

    return draw


def kde(points, task):
    """The smoothed sample itself (T8e): in float64, a few rows at a time."""
    atoms = du.from_points(points)
    rows = max(1, 1_000_000 // len(points))

    def score(x_noisy, sigma):
        smoothed, estimate = atoms.smooth(sigma), torch.empty(x_noisy.shape, dtype=torch.float64)
        for part, out in zip(x_noisy.split(rows), estimate.split(rows), strict=True):
            out[:] = smoothed.score(part.double())
        return estimate

    return score


def likelihood(points, task):
    """The best mixture of the right number of Gaussians of the right shape, by EM."""
    _, components, shape = LAWS[task.law]
    em = FittedMixture(
        components, covariance_type=shape, tol=1e-6, max_iter=5000, n_init=3, random_state=0
    )
    em.fit(points.double().numpy())
    law = du.GaussianMixture(em.means_, em.covariances_, em.weights_)
    return lambda x_noisy, sigma: law.smooth(sigma).score(x_noisy.double())


def peer(points, task, train, **options):
    """A public package, with the steps, the batch size and the sample of ours."""
    return train(points, steps=task.steps, batch=BATCH, seed=task.seed, **options)


def zuko(points, task):
    """A flow for one noise level."""
    return peer(points, task, peers.train_zuko, sigma=task.sigmas[0])


class Estimator(NamedTuple):
    """all_levels: one training answers for every sigma. learns: it has steps and seeds."""

    train: Callable
    objective: str
    output: str | None = None
    all_levels: bool = False
    learns: bool = True


TESTED = (0.02, 0.25)  # noise levels just around those asked for
one_training = partial(learned_mixture, level=ONE_LEVEL)
small = partial(peer, train=peers.train_smalldiffusion)
OURS = {
    "BCE-DAE": Estimator(dae, "bce", "sigmoid"),
    "BCE-DAE, mean of three": Estimator(mean_of_three, "bce", "sigmoid"),
    "BCE-DAE, two wide layers": Estimator(partial(dae, hidden=256, depth=2), "bce", "sigmoid"),
    "BCE-DAE, learned mixture": Estimator(learned_mixture, "bce", "sigmoid"),
    "BCE-DAE, learned mixture, one training": Estimator(one_training, "bce", "sigmoid", True),
    "MSE-DAE": Estimator(partial(dae, objective="mse"), "mse", "sigmoid"),
    "MSE-DAE, linear": Estimator(partial(dae, objective="mse", output="linear"), "mse", "linear"),
    "kernel density": Estimator(kde, "none", learns=False),
    "likelihood": Estimator(likelihood, "likelihood", learns=False),
}
PEERS = {  # public packages, and ours beside those that learn every level at once
    "BCE-DAE, all levels": Estimator(partial(dae, levels=peers.SMALL_LEVELS), "bce", "sigmoid", True),
    "BCE-DAE, tested levels": Estimator(partial(dae, levels=TESTED), "bce", "sigmoid", True),
    "smalldiffusion": Estimator(small, "mse", "eps", True),
    "smalldiffusion, tested levels": Estimator(partial(small, levels=TESTED), "mse", "eps", True),
    "zuko": Estimator(zuko, "likelihood", "log-density"),
}
BLOBS = {  # as many components as one likes
    f"BCE-DAE, learned mixture of {k}": Estimator(
        partial(one_training, components=k), "bce", "sigmoid", True
    )
    for k in (4, 8, 12, 16, 32, 64, 256)
}
ESTIMATORS = OURS | PEERS | BLOBS
