"""Networks that reconstruct the clean x from the corrupted x~.

Every denoiser has `logits(x_noisy, sigma=None)`, the a(x~) of the theory, and gives
R(x~) = sigmoid(a(x~)) when called, or R = a where it was made with another output. With
`noise_levels=True` it also takes sigma: a float, or one for each sample, shape (N,). Weights are drawn
from `seed`, so two networks made alike are equal.
"""

import math

import torch
from torch import Tensor, nn

from daeutils import _check
from daeutils.densities import GaussianMixture


class Denoiser(nn.Module):
    """What the networks share: the output, and the checks on it and on sigma."""

    noise_levels: bool
    output: str  # "sigmoid", or others to compare with: "linear" (chapter 08), "edm" (chapter 10)
    outputs: tuple[str, ...] = ("sigmoid", "linear")
    recordable = True  # the same operations whatever the values, and none is read: see `fit`
    optimiser = "muon"  # with which `fit` trains it unless told otherwise

    def forward(self, x_noisy: Tensor, sigma=None) -> Tensor:
        """R(x~), same shape as x_noisy: in (0, 1) up to rounding, or anywhere without a sigmoid."""
        a = self.logits(x_noisy, sigma)
        return a.sigmoid() if self.output == "sigmoid" else a

    def logits(self, x_noisy: Tensor, sigma=None) -> Tensor:
        """a(x~), same shape as x_noisy; train on these, never on the sigmoid (T8f)."""
        raise NotImplementedError

    def _set(self, **config) -> None:
        """Keep what the network was made with: the zoo writes it beside the weights."""
        if config["output"] not in self.outputs:
            known = " or ".join(map(repr, self.outputs))
            raise ValueError(f"output is {config['output']!r}; expected {known}.")
        self.noise_levels, self.output, self.config = config["noise_levels"], config["output"], config

    def _require(self, x_noisy: Tensor, *shape: int) -> None:
        """Shape and dtype alone: reading the values would make a GPU wait."""
        if x_noisy.shape[1:] != shape:
            expected = ", ".join(map(str, shape))
            raise ValueError(
                f"x_noisy has shape {tuple(x_noisy.shape)}; expected (N, {expected}), which this network "
                "was made for: reshape them, or make a network for them (dim, or channels and side)."
            )
        dtype = next(self.parameters()).dtype
        if x_noisy.dtype != dtype:
            raise ValueError(
                f"x_noisy has dtype {x_noisy.dtype}; expected {dtype}, as the weights have: "
                "use x_noisy.float(), and divide by 255 if it holds bytes."
            )

    def _level(self, x_noisy: Tensor, sigma) -> Tensor | None:
        """The noise level as (N, 1), or None for a network that knows a single level."""
        if not self.noise_levels:
            return None  # one level only: it is in the weights
        if sigma is None:
            raise ValueError(
                "sigma is None, but this network was made with noise_levels=True; "
                "expected a noise level: denoiser(x_noisy, sigma)."
            )
        n = x_noisy.shape[0]  # len() would fix it in an exported graph
        one = x_noisy[:, :1].flatten(1)[:, :1]  # (N, 1)
        return _check.per_sample(sigma, one, wait=False).expand(n, 1)


def _level_features(sigma: Tensor, pairs: int = 8) -> Tensor:
    """sin and cos of log sigma at several frequencies, (N, 2 * pairs)."""
    angle = sigma.log() * torch.linspace(0.25, 3, pairs, device=sigma.device, dtype=sigma.dtype)
    return torch.cat([angle.sin(), angle.cos()], 1)


def _shrink(x_noisy: Tensor, sigma: Tensor | None) -> Tensor:
    """Centre on grey and bring the input near unit scale at every noise level."""
    if sigma is None:
        return (x_noisy - 0.5) * 2
    scale = (0.1 + sigma**2).sqrt()
    return (x_noisy - 0.5) / scale.reshape(-1, *[1] * (x_noisy.ndim - 1))


# What is assumed of data in [0, 1] before any is seen: that it is uniform there.
_MEAN, _VARIANCE = 0.5, 1 / 12
_SPREAD = 0.5  # of pixels about grey, most of them being black or white


def _logit(r: Tensor, edge: float = 0.05) -> Tensor:
    """logit(r), continued by its tangents below `edge` and above 1 - edge: any r is welcome."""
    inside = r.clamp(edge, 1 - edge)
    return inside.logit() + (r - inside) / (edge * (1 - edge))


class MLPDenoiser(Denoiser):
    """A plain network for points: SiLU layers that correct the best linear denoiser, in logits.

    For data of mean m and variance v the best linear reconstruction is m + v / (v + sigma^2) (x~ - m),
    and misses x by sigma sqrt(v / (v + sigma^2)). The layers add to the one in units of the other, so
    what they must learn is near unit size at every sigma; the sum goes through the logit, and the sigmoid
    brings it back. Such scaling is due to Karras et al. 2022; the logit is ours.

    Args:
        dim: d, the dimension of the points.
        hidden, depth: width and number of hidden layers.
        noise_levels: whether it takes sigma; else it is made for the one that `fit` writes into `level`.
        output: "sigmoid", or "linear" for a reconstruction that BCE cannot train.
        seed: of the initial weights.
    """

    level: Tensor

    def __init__(self, dim, hidden=128, depth=3, noise_levels=False, output="sigmoid", seed=0):
        super().__init__()
        for value, name in [(dim, "dim"), (hidden, "hidden"), (depth, "depth")]:
            _check.count(value, name)
        self.dim = dim
        self._set(dim=dim, hidden=hidden, depth=depth, noise_levels=noise_levels, output=output)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            width = dim + (16 if noise_levels else 0)
            layers: list[nn.Module] = []
            for _ in range(depth):
                layers += [nn.Linear(width, hidden), nn.SiLU()]
                width = hidden
            self.net = nn.Sequential(*layers, nn.Linear(width, dim))
        if not noise_levels:
            self.register_buffer("level", torch.tensor(0.1))

    def logits(self, x_noisy, sigma=None):
        self._require(x_noisy, self.dim)
        level = self._level(x_noisy, sigma)
        sigma = self.level if level is None else level
        total = sigma**2 + _VARIANCE
        x = x_noisy - _MEAN
        scaled = x / total.sqrt()
        features = scaled if level is None else torch.cat([scaled, _level_features(level)], 1)
        correction = sigma * (_VARIANCE / total).sqrt() * self.net(features)
        r = _MEAN + _VARIANCE / total * x + correction
        return r if self.output == "linear" else _logit(r)


class MixtureDenoiser(Denoiser):
    """A denoiser that is told one thing: its data come in a few blobs, Gaussians of any shape.

    For the law p = sum_k w_k N(mu_k, C_k) the best reconstruction is known in closed form, R* = x~ +
    sigma^2 grad log p_sigma (T2). Here w, mu and C are the weights to train. Whatever they become, R is
    the posterior mean of a law: its Jacobian is symmetric (T6), the law can be asked for densities and
    samples, and what was trained at one noise level answers at all. This holds while R lies in
    [0.05, 0.95], where the logit is itself; nearer a face R is drawn inwards, for BCE's sake.

    Args:
        means: (K, d), where the components start: points of the data, better far apart.
        spread: the standard deviation of each at the start, in units of the data's [0, 1].

    Raises:
        ValueError: means are not finite floats of shape (K, d), or spread is not > 0.
    """

    recordable = False  # torch.matrix_exp looks at its values
    optimiser = "adam"  # its weights are no matrices that map one layer to the next

    def __init__(self, means: Tensor, spread: float = 0.05):
        super().__init__()
        _check.float_tensor(means, "means")
        if means.ndim != 2:
            raise ValueError(
                f"means have shape {tuple(means.shape)}; expected (K, d), K points of the data."
            )
        _check.number(spread, "spread", at_least=_check.FAINT)
        components, self.dim = means.shape
        self._set(components=components, dim=self.dim, noise_levels=True, output="sigmoid")
        self.means = nn.Parameter(means.float().clone())
        self.log_spreads = nn.Parameter(torch.full_like(self.means, math.log(spread)))  # along its axes
        self.turns = nn.Parameter(torch.zeros(components, self.dim, self.dim))  # of the axes
        self.log_weights = nn.Parameter(torch.zeros(components))

    def logits(self, x_noisy, sigma=None):
        self._require(x_noisy, self.dim)
        level = self._level(x_noisy, sigma)
        axes = self._axes()
        along = torch.einsum("kji,nkj->nki", axes, x_noisy[:, None] - self.means)  # x~ - mu, (N, K, d)
        variances = (2 * self.log_spreads).exp() + level[:, :, None] ** 2
        log_joint = self.log_weights - (along**2 / variances + variances.log()).sum(2) / 2  # (N, K)
        pull = torch.einsum("nk,kij,nkj->ni", log_joint.softmax(1), axes, along / variances)
        return _logit(x_noisy - level**2 * pull)

    def law(self) -> GaussianMixture:
        """What it takes the clean data for, now: p, whose p_sigma has its score at every sigma."""
        axes, variances = self._axes().detach().double(), (2 * self.log_spreads.detach()).exp().double()
        covariances = axes @ torch.diag_embed(variances) @ axes.mT  # in single precision not symmetric
        return GaussianMixture(self.means, covariances, self.log_weights.detach().softmax(0))

    def _axes(self) -> Tensor:
        """Rotations, (K, d, d): of each component, its axes as columns."""
        return torch.matrix_exp(self.turns - self.turns.mT)


class _Block(nn.Module):
    """x + a 3x3 convolution of x; the noise level enters as a shift of each channel."""

    def __init__(self, channels: int, level_width: int):
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.level = nn.Linear(level_width, channels) if level_width else None

    def forward(self, x: Tensor, level: Tensor | None) -> Tensor:
        h = x if self.level is None else x + self.level(level)[:, :, None, None]
        return x + self.convolution(nn.functional.silu(h))


class UNetDenoiser(Denoiser):
    """A small U-Net for square images: three scales, and one dense layer at the coarsest.

    Args:
        channels: C of the images.
        side: their height and width, a multiple of 4; the dense layer ties the network to it.
        width: channels at the finest scale (then 2x, 4x).
        dense: units of the dense layer, which sees the whole image at once.
        noise_levels: whether it takes sigma.
        output: "sigmoid"; or a reconstruction that BCE cannot train, "linear" or "edm", which adds to a
            share of x~ and scales input and output as Karras et al. 2022 do, and takes sigma.
        seed: of the initial weights.
    """

    outputs = ("sigmoid", "linear", "edm")

    def __init__(
        self, channels=1, noise_levels=False, side=28, width=16, dense=256, level_width=64,
        output="sigmoid", seed=0,
    ):  # fmt: skip
        super().__init__()
        sizes = dict(channels=channels, side=side, width=width, dense=dense, level_width=level_width)
        for name, value in sizes.items():
            _check.count(value, name)
        if side % 4:
            raise ValueError(f"side is {side}; expected a multiple of 4: pad or crop the images.")
        if output == "edm" and not noise_levels:
            raise ValueError('output is "edm", which scales by sigma; expected noise_levels=True.')
        self.shape = (channels, side, side)
        self._set(
            channels=channels, noise_levels=noise_levels, side=side, width=width, dense=dense,
            level_width=level_width, output=output,
        )  # fmt: skip
        a, b, c, lw = width, 2 * width, 4 * width, level_width if noise_levels else 0
        self.coarse = (c, side // 4, side // 4)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if noise_levels:
                self.embed = nn.Sequential(nn.Linear(16, lw), nn.SiLU(), nn.Linear(lw, lw))
                self.dense_level = nn.Linear(lw, dense)
            self.enter = nn.Conv2d(channels, a, 3, padding=1)
            self.fine_down, self.fine_up = _Block(a, lw), _Block(a, lw)
            self.shrink1, self.grow1 = nn.Conv2d(a, b, 4, 2, 1), nn.Conv2d(b, a, 1)
            self.half_down, self.half_up = _Block(b, lw), _Block(b, lw)
            self.shrink2, self.grow2 = nn.Conv2d(b, c, 4, 2, 1), nn.Conv2d(c, b, 1)
            self.coarse_down, self.coarse_up = _Block(c, lw), _Block(c, lw)
            self.dense_in = nn.Linear(math.prod(self.coarse), dense)
            self.dense_out = nn.Linear(dense, math.prod(self.coarse))
            self.leave = nn.Conv2d(a, channels, 3, padding=1)

    def logits(self, x_noisy, sigma=None):
        self._require(x_noisy, *self.shape)
        sigma = self._level(x_noisy, sigma)
        if self.output != "edm":
            return self._layers(_shrink(x_noisy, sigma), sigma)
        level = sigma[:, :, None, None]
        total = level**2 + _SPREAD**2
        x = x_noisy - _MEAN
        change = level * _SPREAD / total.sqrt() * self._layers(x / total.sqrt(), sigma)
        return _MEAN + _SPREAD**2 / total * x + change

    def weight(self, sigma: Tensor) -> Tensor:
        """By what "edm" multiplies the squared error in training: it is then that of the layers."""
        return (sigma**2 + _SPREAD**2) / (sigma * _SPREAD) ** 2

    def _layers(self, x: Tensor, sigma: Tensor | None) -> Tensor:
        level = None if sigma is None else self.embed(_level_features(sigma))
        x = _channels_last(x)
        fine = self.fine_down(self.enter(x), level)  # (N, a, side, side)
        half = self.half_down(self.shrink1(fine), level)  # (N, b, side/2, side/2)
        coarse = self.coarse_down(self.shrink2(half), level)  # (N, c, side/4, side/4)
        code = self.dense_in(coarse.flatten(1))  # (N, dense): the whole image at once
        if level is not None:
            code = code + self.dense_level(level)
        code = self.dense_out(nn.functional.silu(code))
        coarse = self.coarse_up(coarse + code.unflatten(1, self.coarse), level)
        half = self.half_up(half + _double(self.grow2(coarse)), level)
        fine = self.fine_up(fine + _double(self.grow1(half)), level)
        return self.leave(nn.functional.silu(fine))


def _channels_last(x: Tensor) -> Tensor:
    """The same images with the channels of a pixel side by side in memory: convolutions run faster."""
    return x.movedim(1, -1).contiguous().movedim(-1, 1)


def _double(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2)
