"""Laws whose score is known exactly at every noise level: mixtures of Gaussians.

Adding N(0, sigma^2 I) to a mixture of Gaussians adds sigma^2 I to each covariance, so the density,
the score and the posterior mean of the corrupted data are all known in closed form. Zero covariance
is allowed: a finite data set is a mixture of atoms.
"""

import math

import torch
from torch import Tensor

from daeutils import _check


def _numbers(x, name: str) -> Tensor:
    """A parameter in float64 on the CPU."""
    try:  # torch reads Python's numbers in single precision unless it is told
        if not isinstance(x, Tensor):
            x = _check.readable(x)
            x = torch.as_tensor(x, dtype=None if hasattr(x, "dtype") else torch.float64, device="cpu")
        if x.is_complex():
            raise TypeError("they are complex")
        return x.detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{name} cannot be read ({error}); expected numbers: a tensor, an array or a nested list."
        ) from error


class GaussianMixture:
    """The distribution sum_k w_k N(mu_k, C_k) on R^d.

    Args:
        means: (K, d).
        covariances: a float or (K,) for spherical variances, (K, d) for diagonal ones,
            (K, d, d) for full matrices. Zero makes an atom, which has a density once smoothed.
        weights: (K,), positive, rescaled to sum to 1; equal by default.

    Parameters are kept in float64 on the CPU and cast to the dtype and device of each argument.

    Raises:
        ValueError: no numbers, shapes that do not match, negative variances or weights, asymmetric
            matrices.
    """

    def __init__(self, means, covariances, weights=None):
        self.means = _numbers(means, "means")
        _check.float_tensor(self.means, "means")
        if self.means.ndim != 2:
            raise ValueError(f"means have shape {tuple(self.means.shape)}; expected (K, d).")
        k, d = self.means.shape
        cov = _numbers(covariances, "covariances")
        _check.float_tensor(cov, "covariances", ndim_at_least=0)
        if cov.ndim == 0:
            cov = cov.expand(k)
        if cov.shape not in [(k,), (k, d), (k, d, d)]:
            raise ValueError(
                f"covariances have shape {tuple(cov.shape)}; expected a float, "
                f"({k},), ({k}, {d}) or ({k}, {d}, {d}) for means of shape ({k}, {d})."
            )
        # C_k = U_k diag(v_k) U_k^T: smoothing adds sigma^2 to v and leaves U alone.
        if cov.ndim == 3:
            if not torch.allclose(cov, cov.mT, rtol=1e-6, atol=1e-12):
                raise ValueError("covariances are not symmetric: use (C + C.mT) / 2.")
            variances, rotations = torch.linalg.eigh(cov)
            slack = 1e-12 * variances.abs().amax()
            variances = torch.where(variances.abs() <= slack, 0.0, variances)
        else:
            variances, rotations = (cov[:, None] if cov.ndim == 1 else cov), None
        if not bool((variances >= 0).all()):
            raise ValueError(
                f"covariances have a smallest variance of {variances.min().item():.4g}; "
                "expected none below 0."
            )
        self._variances, self._rotations = variances, rotations  # (K, d) or (K, 1); (K, d, d)
        w = _numbers([1.0] * k if weights is None else weights, "weights")
        if w.shape != (k,) or not bool((w > 0).all()) or not bool(torch.isfinite(w).all()):
            raise ValueError(
                f"weights are {weights!r}; expected {k} positive numbers, one for each component."
            )
        self.weights = w / w.sum()

    def __repr__(self):
        return f"GaussianMixture({len(self.means)} components in {self.dim} dimensions)"

    @property
    def dim(self) -> int:
        """The dimension d of the space."""
        return self.means.shape[1]

    @property
    def covariances(self) -> Tensor:
        """The covariance matrices, (K, d, d), float64."""
        diag = torch.diag_embed(self._variances.expand(-1, self.dim))
        return diag if self._rotations is None else self._rotations @ diag @ self._rotations.mT

    def mean(self) -> Tensor:
        """The mean of the distribution, (d,), float64."""
        return self.weights @ self.means

    def smooth(self, sigma: float) -> "GaussianMixture":
        """p_sigma = p * N(0, sigma^2 I): the density of the corrupted data (T2)."""
        sigma = _check.noise_level(sigma)
        out = object.__new__(GaussianMixture)
        out.means, out.weights, out._rotations = self.means, self.weights, self._rotations
        out._variances = self._variances + float(sigma) ** 2
        return out

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n points, (n, d) float32, on the device of the generator."""
        n = _check.count(n, "n")
        _check.generator(generator)
        device = "cpu" if generator is None else generator.device
        k = torch.multinomial(
            self.weights.to(device, torch.float32), n, replacement=True, generator=generator
        )
        eps = torch.randn(n, self.dim, device=device, generator=generator, dtype=torch.float32)
        step = self._variances.to(eps).sqrt()[k] * eps
        if self._rotations is not None:
            step = torch.einsum("nij,nj->ni", self._rotations.to(eps)[k], step)
        return self.means.to(eps)[k] + step

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (N,)."""
        return self._log_joint(x).logsumexp(1)

    def responsibilities(self, x: Tensor) -> Tensor:
        """P(component k given x), (N, K)."""
        return self._log_joint(x).softmax(1)

    def score(self, x: Tensor) -> Tensor:
        """grad log p(x), (N, d)."""
        r = self.responsibilities(x)
        v = self._variances.to(x)
        if self._rotations is None:  # sum_k r_k (mu_k - x) / v_k without an (N, K, d) tensor
            return r @ (self.means.to(x) / v) - x * (r @ (1 / v))
        pull = -self._centred(x) / v  # (N, K, d), in the axes of each component
        return torch.einsum("nk,kij,nkj->ni", r, self._rotations.to(x), pull)

    def posterior_mean(self, x_noisy: Tensor, sigma: float) -> Tensor:
        """R*(x~) = E[x given x~], (N, d), component by component, not through the score (T1, T2)."""
        smoothed = self.smooth(sigma)
        r = smoothed.responsibilities(x_noisy)
        keep = (self._variances / smoothed._variances).to(x_noisy)  # Wiener factor, (K, d) or (K, 1)
        mu = self.means.to(x_noisy)
        if self._rotations is None:  # E[x given x~, k] = mu_k + keep_k (x~ - mu_k)
            return r @ (mu * (1 - keep)) + x_noisy * (r @ keep)
        turned = keep * self._centred(x_noisy)
        return r @ mu + torch.einsum("nk,kij,nkj->ni", r, self._rotations.to(x_noisy), turned)

    def _centred(self, x: Tensor) -> Tensor:
        """x - mu_k in the axes of each component, (N, K, d)."""
        delta = x[:, None] - self.means.to(x)
        if self._rotations is None:
            return delta
        return torch.einsum("kji,nkj->nki", self._rotations.to(x), delta)

    def _log_joint(self, x: Tensor) -> Tensor:
        """log w_k + log N(x; mu_k, C_k), (N, K)."""
        _check.float_tensor(x)
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(f"x has shape {tuple(x.shape)}; expected (N, {self.dim}).")
        if x.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"x has dtype {x.dtype}; expected float32 or float64: use x.float().")
        if not bool((self._variances > 0).all()):
            raise ValueError(
                "an atom (zero variance) has no density: call .smooth(sigma) first, "
                "which gives the density of the corrupted data."
            )
        v = self._variances.to(x)
        if v.shape[1] == 1:  # spherical: distances alone, so many centres in high dimension fit
            exact = "donot_use_mm_for_euclid_dist"  # the fast form cancels badly in float32
            mahalanobis = torch.cdist(x, self.means.to(x), compute_mode=exact) ** 2 / v[:, 0]
            log_det = self.dim * v[:, 0].log()
        else:
            mahalanobis = (self._centred(x) ** 2 / v).sum(-1)
            log_det = v.log().sum(-1)
        constant = self.dim * math.log(2 * math.pi)
        return self.weights.to(x).log() - 0.5 * (mahalanobis + log_det + constant)


# --- Laws in [0, 1]^2, each with less than 1e-6 of its mass outside (tested) -----------------------


def from_points(data: Tensor) -> GaussianMixture:
    """A finite data set, (N, d), as a distribution: an atom at each point.

    Smoothed, it is a KDE (T5, T8e).
    """
    _check.float_tensor(data, "data")
    return GaussianMixture(data.flatten(1), 0.0)


def _bumps(means: Tensor, std: float) -> GaussianMixture:
    _check.number(std, "std", at_least=0)
    return GaussianMixture(means, std**2)


def ring(modes: int = 8, std: float = 0.04, radius: float = 0.3) -> GaussianMixture:
    """Equal round bumps, evenly spaced on a circle about (0.5, 0.5)."""
    modes = _check.count(modes, "modes")
    _check.number(radius, "radius")
    angle = torch.arange(modes, dtype=torch.float64, device="cpu") * (2 * math.pi / modes)
    means = 0.5 + radius * torch.stack([angle.cos(), angle.sin()], 1)
    return _bumps(means, std)


def moons(centres: int = 24, std: float = 0.025) -> GaussianMixture:
    """Two interleaved half circles."""
    centres = _check.count(centres, "centres")
    angle = torch.linspace(0, math.pi, centres, dtype=torch.float64, device="cpu")
    upper = torch.stack([0.40 + 0.22 * angle.cos(), 0.43 + 0.27 * angle.sin()], 1)
    lower = torch.stack([0.60 - 0.22 * angle.cos(), 0.57 - 0.27 * angle.sin()], 1)
    return _bumps(torch.cat([upper, lower]), std)


def spiral(centres: int = 60, std: float = 0.02, turns: float = 1.75) -> GaussianMixture:
    """One arm that winds outwards, with equal mass on equal lengths of arc, nearly."""
    centres = _check.count(centres, "centres", at_least=2)
    _check.number(turns, "turns")
    t = torch.linspace(0.12, 1, centres, dtype=torch.float64, device="cpu").sqrt()
    angle, radius = 2 * math.pi * turns * t, 0.37 * t
    means = 0.5 + torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    return _bumps(means, std)


def checkerboard(std: float = 0.025) -> GaussianMixture:
    """Eight dark squares of a 4 x 4 board on [0.1, 0.9]^2, each a 4 x 4 grid of bumps."""
    fine = 0.125 + 0.05 * torch.arange(16, dtype=torch.float64, device="cpu")
    grid = torch.cartesian_prod(fine, fine)
    square = ((grid - 0.1) / 0.2).long().sum(1)
    return _bumps(grid[square % 2 == 0], std)


def pinwheel(arms: int = 5, centres: int = 12, std: float = 0.02, twist: float = 1.2) -> GaussianMixture:
    """Curved blades about (0.5, 0.5): rows of bumps that turn by `twist` radians from hub to tip."""
    arms = _check.count(arms, "arms")
    centres = _check.count(centres, "centres", at_least=2)
    _check.number(twist, "twist")
    along = torch.linspace(0, 1, centres, dtype=torch.float64, device="cpu")
    start = torch.arange(arms, dtype=torch.float64, device="cpu")[:, None] * (2 * math.pi / arms)
    angle, radius = (start + twist * along).flatten(), (0.08 + 0.29 * along).repeat(arms)
    return _bumps(0.5 + radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1), std)


def random_mixture(components: int = 6, seed: int = 0) -> GaussianMixture:
    """A mixture that nobody tuned for: random centres, weights, widths and directions from the seed.

    The widths (standard deviations along the two axes) lie in [0.015, 0.05]; the centres keep 0.25,
    five of the largest widths, from every face.
    """
    components = _check.count(components, "components")
    seed = _check.seed(seed)
    generator = torch.Generator("cpu").manual_seed(seed)

    def uniform(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64, device="cpu")

    means = 0.25 + 0.5 * uniform(components, 2)
    widths = 0.015 + 0.035 * uniform(components, 2)
    turn = 2 * math.pi * uniform(components)
    axes = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()], 1).reshape(-1, 2, 2)
    covariances = axes @ torch.diag_embed(widths**2) @ axes.mT
    return GaussianMixture(means, (covariances + covariances.mT) / 2, 0.25 + uniform(components))
