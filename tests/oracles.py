"""Random laws with their parameters in numpy, and closed forms that do not pass through daeutils."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from daeutils import GaussianMixture

KINDS = ["float", "spherical", "diagonal", "full"]


class Case(NamedTuple):
    """A law of daeutils beside the numbers that it was made from."""

    law: GaussianMixture
    weights: np.ndarray  # (K,)
    means: np.ndarray  # (K, d)
    covariances: np.ndarray  # (K, d, d)

    def log_prob(self, x, sigma: float = 0.0) -> np.ndarray:
        """log p_sigma(x) by scipy, (N,)."""
        return logsumexp(self.log_joint(x, sigma), axis=1)

    def log_joint(self, x, sigma: float = 0.0) -> np.ndarray:
        """log w_k + log N(x; mu_k, C_k + sigma^2 I) by scipy, (N, K)."""
        noise = sigma**2 * np.eye(self.means.shape[1])
        parts = zip(self.weights, self.means, self.covariances, strict=True)
        terms = [np.log(w) + multivariate_normal(m, c + noise).logpdf(x) for w, m, c in parts]
        return np.stack([np.atleast_1d(term) for term in terms], 1)


def random_case(kind: str, dim: int = 2, components: int = 3, seed: int = 0) -> Case:
    """A mixture about the middle of the unit cube, with covariances of that kind."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(0.2, 0.8, (components, dim))
    weights = rng.uniform(0.5, 2, components)
    shape = {"float": (), "spherical": (components,), "diagonal": (components, dim)}
    if kind == "full":
        root = rng.normal(0, 0.1, (components, dim, dim))
        given = full = root @ root.swapaxes(1, 2) + 0.002 * np.eye(dim)
    else:
        given = rng.uniform(0.002, 0.03, shape[kind])
        rows = given if kind == "diagonal" else np.reshape(given, (-1, 1))
        full = np.broadcast_to(rows, (components, dim))[:, :, None] * np.eye(dim)
    law = GaussianMixture(means, given, weights)
    return Case(law, weights / weights.sum(), means, np.asarray(full))


def posterior(case: Case, y: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """E[x given x~ = y] and Cov[x given x~ = y] at one point y, (d,) and (d, d)."""
    log_joint = case.log_joint(y[None], sigma)[0]
    mean, second = 0.0, 0.0
    for r, mu, c in zip(np.exp(log_joint - logsumexp(log_joint)), case.means, case.covariances,
                        strict=True):  # fmt: skip
        gain = c @ np.linalg.inv(c + sigma**2 * np.eye(len(y)))
        m = mu + gain @ (y - mu)
        mean = mean + r * m
        second = second + r * (c - gain @ c + np.outer(m, m))
    return mean, second - np.outer(mean, mean)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def weights(network: torch.nn.Module) -> torch.Tensor:
    """All parameters in one row, on the CPU."""
    return torch.cat([p.detach().flatten().cpu() for p in network.parameters()])


def points(n: int, dim: int = 2, seed: int = 0, dtype=torch.float64) -> torch.Tensor:
    """Places in and around the unit cube, (n, dim)."""
    return torch.rand(n, dim, generator=seeded(seed), dtype=torch.float64).mul(1.6).sub(0.3).to(dtype)


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))
