"""Networks that reconstruct the clean x from the corrupted x~, and the base class they share.

A denoiser has `logits(x_noisy, sigma=None)`, the a(x~) of the theory, and gives R(x~) = sigmoid(a(x~))
when called, or R = a where it was made with another output. Weights are drawn from `seed`, by a
generator of their own, so two networks made alike are equal.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from daeutils import _check
from daeutils.densities import GaussianMixture
from daeutils.objectives import OBJECTIVES, squared_error


class Denoiser(nn.Module):
    """A network that reconstructs x from x~: all that `fit` and the samplers ask of one.

    A network of your own derives from it, calls super().__init__(), and defines `logits`::

        class Plain(du.Denoiser):
            def __init__(self):
                super().__init__()
                self.layers = nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 2))

            def logits(self, x_noisy, sigma=None):
                return self.layers(x_noisy)

    Args:
        noise_levels: whether it takes many noise levels, and so needs `sigma`. If not, it is made for the
            one in the buffer `level`, which `fit` sets to the level that it trains at.
        output: "sigmoid" for R = sigmoid(logits), or "linear" for R = logits, which BCE cannot train.
    """

    level: Tensor
    outputs: tuple[str, ...] = ("sigmoid", "linear")  # those that a class offers
    optimiser = "muon"  # what `fit` trains it with unless told otherwise: "muon" or "adam"
    recordable = False  # whether its logits are the same operations whatever the values: see `fit`
    shape: tuple[int, ...] | None = None  # of one sample, where the network is made for one shape only

    def __init__(self, *, noise_levels: bool = False, output: str = "sigmoid"):
        super().__init__()
        if output not in self.outputs:
            known = " or ".join(map(repr, self.outputs))
            raise ValueError(f"output is {output!r}; expected {known}.")
        self.noise_levels, self.output = noise_levels, output
        if not noise_levels:
            self.register_buffer("level", torch.tensor(0.1, dtype=torch.float32, device="cpu"))

    def forward(self, x_noisy: Tensor, sigma=None) -> Tensor:
        """R(x~), same shape and dtype as x_noisy: in (0, 1), or anywhere without a sigmoid.

        sigma: a float, or one for each sample, (N,); None for a network that has one level.

        Raises:
            ValueError: another level than the one the network was trained at.
        """
        self.check_level(sigma)
        a = self.logits(x_noisy, sigma)
        return (a.sigmoid() if self.output == "sigmoid" else a).to(x_noisy.dtype)

    def logits(self, x_noisy: Tensor, sigma=None) -> Tensor:
        """a(x~), same shape as x_noisy; train on these, never on the sigmoid (T8f)."""
        raise NotImplementedError

    def loss(self, x: Tensor, x_noisy: Tensor, sigma=None, objective: str = "bce") -> Tensor:
        """What training minimises, for each sample, (N,): "bce" or "mse" of x and its reconstruction."""
        risk = OBJECTIVES[objective] if self.output == "sigmoid" else squared_error
        return risk(self.logits(x_noisy, sigma), x)

    def loss_weight(self, sigma: Tensor) -> Tensor:
        """By what `fit` multiplies the loss at each noise level, same shape as sigma: 1 here."""
        return torch.ones_like(sigma)

    def check_level(self, sigma) -> None:
        """Raise ValueError if sigma is missing, or a noise level this network was not trained for."""
        if self.noise_levels:
            if sigma is None:
                raise ValueError(
                    "sigma is None, but this network was made with noise_levels=True; "
                    "expected a noise level: denoiser(x_noisy, sigma)."
                )
        elif sigma is not None and not torch.compiler.is_compiling():
            _check.noise_levels(sigma)
            own = self.level.double().item()
            told = torch.as_tensor(_check.readable(sigma))
            off = (told.to("cpu", torch.float64) - own).abs().max()
            kinds = [x.dtype for x in (self.level, told) if x.is_floating_point()]
            rounding = max(1e-6, *(torch.finfo(kind).eps for kind in kinds))
            if off > rounding * own:
                raise ValueError(
                    f"sigma is {sigma}, but this network was trained at one noise level, {own:.6g}. "
                    "Leave sigma out, or train a network with noise_levels=True."
                )

    def _level(self, x_noisy: Tensor, sigma) -> Tensor | None:
        """The noise level as (N, 1), or None for a network that knows a single level."""
        if not self.noise_levels:
            return None  # one level only: it is in the weights
        n = x_noisy.shape[0]  # len() would fix it in an exported graph
        one = x_noisy[:, :1].flatten(1)[:, :1]  # (N, 1)
        return _check.per_sample(sigma, one, wait=False).expand(n, 1)


def draw_weights(network: nn.Module, seed: int) -> None:
    """Give linear, convolutional and normalising layers made on the meta device PyTorch's first weights.

    They come from a generator of their own, in float32 on the CPU: other threads, the defaults for dtype
    and device, and the process-wide generators play no part and stay as they are.
    """
    generator = torch.Generator("cpu").manual_seed(_check.seed(seed))
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            layer.to_empty(device="cpu", recurse=False).float()
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
            bound = 1 / math.sqrt(layer.weight[0].numel())
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        elif isinstance(layer, nn.LayerNorm | nn.GroupNorm):
            layer.to_empty(device="cpu", recurse=False).float().reset_parameters()


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

    recordable = True

    def __init__(self, dim, hidden=128, depth=3, noise_levels=False, output="sigmoid", seed=0):
        super().__init__(noise_levels=noise_levels, output=output)
        dim, hidden = _check.count(dim, "dim"), _check.count(hidden, "hidden")
        depth = _check.count(depth, "depth")
        self.config = dict(dim=dim, hidden=hidden, depth=depth, noise_levels=noise_levels, output=output)
        self.dim, self.shape = dim, (dim,)
        with torch.device("meta"):
            width = dim + (16 if noise_levels else 0)
            layers: list[nn.Module] = []
            for _ in range(depth):
                layers += [nn.Linear(width, hidden), nn.SiLU()]
                width = hidden
            self.net = nn.Sequential(*layers, nn.Linear(width, dim))
        draw_weights(self, seed)

    def logits(self, x_noisy, sigma=None):
        _check.batch_for(self, x_noisy, self.shape)
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

    For the mixture p = sum_k w_k N(mu_k, C_k) the best reconstruction is known in closed form, R* = x~ +
    sigma^2 grad log p_sigma (T2). Here w, mu and C are the weights to train. Whatever they become, R is
    the posterior mean of a mixture: its Jacobian is symmetric (T6), the mixture has densities and
    samples, and what was trained at one noise level answers at all. This holds while R lies in
    [0.05, 0.95], where the logit is itself; nearer a face R is drawn inwards, for BCE's sake.

    Args:
        means: (K, d), where the components start: points of the data, better far apart.
        spread: the standard deviation of each at the start, in units of the data's [0, 1].

    Raises:
        ValueError: means are not finite floats of shape (K, d), or spread is not > 0.
    """

    optimiser = "adam"  # its parameters are not matrices that map one layer to the next

    def __init__(self, means: Tensor, spread: float = 0.05):
        super().__init__(noise_levels=True)
        _check.float_tensor(means, "means")
        if means.ndim != 2:
            raise ValueError(
                f"means have shape {tuple(means.shape)}; expected (K, d), K points of the data."
            )
        _check.number(spread, "spread", at_least=_check.FAINT)
        components, self.dim = means.shape
        self.config, self.shape = dict(components=components, dim=self.dim), (self.dim,)
        self.means = nn.Parameter(means.float().clone())
        self.log_spreads = nn.Parameter(torch.full_like(self.means, math.log(spread)))  # along its axes
        self.turns = nn.Parameter(self.means.new_zeros(components, self.dim, self.dim))  # of the axes
        self.log_weights = nn.Parameter(self.means.new_zeros(components))

    def logits(self, x_noisy, sigma=None):
        _check.batch_for(self, x_noisy, self.shape)
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


class PlainDAE(Denoiser):
    """Encoder, code and decoder in series, for one noise level: the denoising autoencoder of the paper.

    Nothing leads past the code, and the network is not told its noise level.

    Args:
        shape: (C, H, W) of the images.
        hidden: units of each layer of the encoder; the decoder has the same in reverse order. Where it is
            convolutional, the channels of each, and each layer halves height and width.
        code: numbers in the code.
        convolutional: 5 x 5 convolutions with stride 2, and transposed ones, instead of dense layers.
        output: "sigmoid", or "linear" for a reconstruction that BCE cannot train.
        seed: of the initial weights.

    Raises:
        ValueError: sizes that are no whole numbers from 1, or a height or width that cannot be halved so
            often.
    """

    optimiser = "adam"  # on matrices as wide as these a step of Muon takes ten times as long
    recordable = True

    def __init__(
        self, shape=(1, 28, 28), hidden=(512, 512), code=128, convolutional=False, output="sigmoid",
        seed=0,
    ):  # fmt: skip
        super().__init__(output=output)
        self.shape = tuple(_check.count(size, "a size in shape") for size in shape)
        hidden = [_check.count(size, "a size in hidden") for size in hidden]
        code = _check.count(code, "code")
        self.config = dict(
            shape=list(self.shape),
            hidden=hidden,
            code=code,
            convolutional=bool(convolutional),
            output=output,
        )
        layers = _convolutions if convolutional else _dense
        with torch.device("meta"):
            self.encoder, self.decoder = layers(self.shape, hidden, code)
        draw_weights(self, seed)

    def logits(self, x_noisy, sigma=None):
        _check.batch_for(self, x_noisy, self.shape)
        return self.decoder(self.encoder(x_noisy - _MEAN))


def _dense(shape: tuple[int, ...], hidden: list[int], code: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Encoder and decoder of dense layers, normalised (Ba et al. 2016) before they are rectified."""
    sizes = [math.prod(shape), *hidden]
    down, up = [nn.Flatten()], []
    for wide, narrow in pairwise(sizes):
        down += [nn.Linear(wide, narrow), nn.LayerNorm(narrow), nn.ReLU()]
        up = [nn.LayerNorm(narrow), nn.ReLU(), nn.Linear(narrow, wide), *up]
    encoder = nn.Sequential(*down, nn.Linear(sizes[-1], code))
    return encoder, nn.Sequential(nn.Linear(code, sizes[-1]), *up, nn.Unflatten(1, shape))


def _convolutions(shape: tuple[int, ...], hidden: list[int], code: int):
    """Encoder and decoder of convolutions with stride 2, and a dense layer on either side of the code."""
    channels, height, width = shape
    times = 2 ** len(hidden)
    if height % times or width % times:
        raise ValueError(
            f"shape is {shape}, and {len(hidden)} layers halve height and width: expected multiples of "
            f"{times}. Pad or crop the images, or give fewer sizes in hidden."
        )
    sizes = [channels, *hidden]
    coarse = (sizes[-1], height // times, width // times)
    down, up = [], []
    for few, many in pairwise(sizes):
        down += [nn.Conv2d(few, many, 5, stride=2, padding=2), nn.ReLU()]
        up = [nn.ReLU(), nn.ConvTranspose2d(many, few, 5, 2, padding=2, output_padding=1), *up]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(math.prod(coarse), code))
    return encoder, nn.Sequential(nn.Linear(code, math.prod(coarse)), nn.Unflatten(1, coarse), *up)


class Memoriser(Denoiser):
    """The exact optimum of the training loss: the posterior mean if there were no images but these.

    R(x~) is a mean of the training images x_k, weighted by how probable each is given x~; the weight is
    proportional to exp((x~ . x_k - |x_k|^2 / 2) / sigma^2). It has no weights to train, and takes any
    noise level.

    Args:
        data: the training data in [0, 1], (n, d) or (n, C, H, W).
    """

    def __init__(self, data: Tensor):
        super().__init__(noise_levels=True)
        _check.unit_interval(data, "data")
        self.shape = tuple(data.shape[1:])
        self.register_buffer("data", data.detach().flatten(1).double())

    def forward(self, x_noisy: Tensor, sigma=None) -> Tensor:
        """R(x~), same shape and dtype as x_noisy: within the range of the data."""
        means = self.posterior(x_noisy, sigma) @ self.data.double()
        return means.reshape(x_noisy.shape).to(x_noisy.dtype)

    def logits(self, x_noisy, sigma=None):
        """logit R(x~), where R is kept between 1e-6 and 1 - 1e-6."""
        return self(x_noisy, sigma).clamp(1e-6, 1 - 1e-6).logit()

    def posterior(self, x_noisy: Tensor, sigma) -> Tensor:
        """P(x_k given x~) of each training image, (N, n), float64."""
        self.check_level(sigma)
        _check.shape_of(x_noisy, self.shape, "x_noisy")
        level = self._level(x_noisy, sigma)
        data = self.data.double()
        fit = x_noisy.flatten(1).double() @ data.T - data.square().sum(1) / 2
        return (fit / level.double() ** 2).softmax(1)


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
    recordable = True

    def __init__(
        self, channels=1, noise_levels=False, side=28, width=16, dense=256, level_width=64,
        output="sigmoid", seed=0,
    ):  # fmt: skip
        super().__init__(noise_levels=noise_levels, output=output)
        sizes = dict(channels=channels, side=side, width=width, dense=dense, level_width=level_width)
        sizes = {name: _check.count(value, name) for name, value in sizes.items()}
        channels, side, width, dense, level_width = sizes.values()
        if side % 4:
            raise ValueError(f"side is {side}; expected a multiple of 4: pad or crop the images.")
        if output == "edm" and not noise_levels:
            raise ValueError('output is "edm", which scales by sigma; expected noise_levels=True.')
        self.config = dict(**sizes, noise_levels=noise_levels, output=output)
        self.shape = (channels, side, side)
        a, b, c, lw = width, 2 * width, 4 * width, level_width if noise_levels else 0
        self.coarse = (c, side // 4, side // 4)
        with torch.device("meta"):
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
        draw_weights(self, seed)

    def logits(self, x_noisy, sigma=None):
        _check.batch_for(self, x_noisy, self.shape)
        sigma = self._level(x_noisy, sigma)
        if self.output != "edm":
            return self._layers(_shrink(x_noisy, sigma), sigma)
        level = sigma[:, :, None, None]
        total = level**2 + _SPREAD**2
        x = x_noisy - _MEAN
        change = level * _SPREAD / total.sqrt() * self._layers(x / total.sqrt(), sigma)
        return _MEAN + _SPREAD**2 / total * x + change

    def loss_weight(self, sigma: Tensor) -> Tensor:
        """1, but for the output "edm" what makes the squared error that of the layers, near unit size."""
        if self.output != "edm":
            return super().loss_weight(sigma)
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


# Whether `fit` can train a network. Nothing is changed by asking.


def require_trainable(denoiser, sigma, objective: str) -> None:
    """Raise ValueError unless `fit` can train this denoiser at this noise level with this objective."""
    name = type(denoiser).__name__
    if not isinstance(denoiser, Denoiser):
        raise ValueError(
            f"denoiser is a {name}; expected a daeutils.Denoiser: derive your network from it and define "
            "logits(x_noisy, sigma), or give the network inside, if this one wraps it."
        )
    _check.trainable(denoiser)
    if objective not in OBJECTIVES:
        raise ValueError(f"objective is {objective!r}; expected one of {sorted(OBJECTIVES)}.")
    if denoiser.output != "sigmoid" and objective == "bce":
        raise ValueError(
            f"this denoiser has the output {denoiser.output!r}, whose reconstructions may leave (0, 1), "
            'where BCE is not defined; expected output="sigmoid", or objective="mse".'
        )
    if not callable(sigma):
        _check.noise_level(sigma)
    elif not denoiser.noise_levels:
        raise ValueError(
            "sigma is a distribution of noise levels, but this denoiser takes a single one; "
            "expected a network made with noise_levels=True."
        )


def require_answer(denoiser: Denoiser, example: Tensor, sigma, n: int) -> None:
    """Raise ValueError unless a batch of n like the example has noise levels, and logits of its shape."""
    if denoiser.shape is not None:
        _check.shape_of(example, denoiser.shape, "source")
    weight, mode = next(denoiser.parameters()), denoiser.training
    grey = torch.full((min(n, 2), *example.shape[1:]), 0.5, dtype=weight.dtype, device=weight.device)
    level = None
    if callable(sigma):
        level = sigma(n, torch.Generator(weight.device).manual_seed(0))
        if not isinstance(level, Tensor) or level.shape != (n,):
            given = tuple(level.shape) if isinstance(level, Tensor) else repr(level)
            raise ValueError(f"sigma({n}, generator) gave {given}; expected a tensor of shape ({n},).")
        _check.noise_levels(level)
        level = level[:2].to(grey)
    elif denoiser.noise_levels:
        level = grey.new_tensor(float(sigma))
    denoiser.eval()  # no dropout, no running statistics
    try:
        with torch.no_grad():
            logits = denoiser.logits(grey, level)
    except Exception as error:
        raise ValueError(
            f"logits(x_noisy, sigma) of this {type(denoiser).__name__} failed on {tuple(grey.shape)} "
            f"({error}); expected logits of that shape."
        ) from error
    finally:
        denoiser.train(mode)
    if getattr(logits, "shape", None) != grey.shape:
        given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"logits of {tuple(grey.shape)} are {given}; expected the same shape.")
