"""Models whose samples get refined in chapter 07. Each has sample(n) -> images in [0, 1]."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils import parametrize

from daeutils import _check
from daeutils._engine import bar
from daeutils.denoisers import draw_weights
from daeutils.objectives import bce
from daeutils.training import History, finite, optimise, pick_device


def _require_images(images: Tensor, shape: tuple[int, ...]) -> None:
    _check.unit_interval(images, "images")
    if tuple(images.shape[1:]) != tuple(shape):
        expected = ", ".join(map(str, shape))
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (N, {expected}).")


class VAE(nn.Module):
    """A variational autoencoder with a Bernoulli decoder (Kingma & Welling 2014).

    Args:
        shape: (C, H, W) of the images.
        latent: size of the code.
        hidden: units of each layer.
        seed: of the initial weights.
    """

    def __init__(self, shape=(1, 28, 28), latent=16, hidden=400, seed=0):
        super().__init__()
        self.shape, self.latent = tuple(shape), latent
        self.config = dict(shape=list(shape), latent=latent, hidden=hidden)
        d = math.prod(shape)
        with torch.device("meta"):
            self.encoder = nn.Sequential(
                nn.Flatten(), nn.Linear(d, hidden), nn.SiLU(), nn.Linear(hidden, 2 * latent)
            )
            self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.SiLU(), nn.Linear(hidden, d))
        draw_weights(self, seed)

    def loss(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The negative evidence lower bound in nats, averaged over the batch."""
        mean, log_var = self.encoder(x).chunk(2, 1)
        eps = torch.randn(mean.shape, generator=generator, device=x.device, dtype=x.dtype)
        logits = self.decoder(mean + (log_var / 2).exp() * eps).reshape(x.shape)
        kl = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1)
        return (bce(logits, x) + kl).mean()

    def fit(
        self, images: Tensor, *, steps=8000, batch_size=128, lr=2e-3, seed=0, device=None,
        progress=True,
    ) -> History:  # fmt: skip
        """Train on images (N, C, H, W) in [0, 1], in place."""
        _require_images(images, self.shape)
        batch_size, device = _check.count(batch_size, "batch_size"), pick_device(device)
        generator = torch.Generator(device).manual_seed(_check.seed(seed))
        images = images.to(device)

        def batches():
            while True:
                index = torch.randint(len(images), (batch_size,), generator=generator, device=device)
                yield (images[index],)

        def loss(x):
            return self.loss(x, generator) / x[0].numel()

        self.to(device)
        return optimise(self, loss, batches(), steps=steps, lr=lr, progress=progress, name="VAE")

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Decoder means at codes from the prior, (n, C, H, W) in (0, 1)."""
        z = _normal(n, self.latent, generator).to(next(self.parameters()))
        return self.decoder(z).sigmoid().reshape(n, *self.shape)


class GAN(nn.Module):
    """A convolutional generative adversarial network (Goodfellow et al. 2014): codes to images.

    The generator doubles height and width twice. Its critic has the same sizes in reverse order, spectral
    normalisation (Miyato et al. 2018), and lives in `fit` alone.

    Args:
        shape: (C, H, W) of the images; H and W are multiples of 4.
        latent: size of the code.
        width: channels next to the image, a multiple of 8; twice as many at the coarsest scale.
        seed: of the initial weights.

    Raises:
        ValueError: a height, a width of the images or a number of channels that is not such a multiple.
    """

    def __init__(self, shape=(1, 28, 28), latent=32, width=32, seed=0):
        super().__init__()
        self.shape, self.latent, self.width = tuple(shape), latent, width
        self.config = dict(shape=list(shape), latent=latent, width=width)
        channels, height, side = self.shape
        if height % 4 or side % 4:
            raise ValueError(
                f"shape is {self.shape}; expected a height and width that are multiples of 4."
            )
        if width % 8:
            raise ValueError(f"width is {width}; expected a multiple of 8.")
        coarse = (2 * width, height // 4, side // 4)
        with torch.device("meta"):
            self.generator = nn.Sequential(
                nn.Linear(latent, math.prod(coarse)), nn.Unflatten(1, coarse),
                nn.GroupNorm(8, 2 * width), nn.ReLU(), nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
                nn.GroupNorm(8, width), nn.ReLU(), nn.ConvTranspose2d(width, channels, 4, 2, 1),
            )  # fmt: skip
        draw_weights(self, seed)

    def critic(self, seed: int) -> nn.Module:
        """A new network that gives each image, (N, C, H, W), one number: high for a real one."""
        channels, height, side = self.shape
        with torch.device("meta"):
            critic = nn.Sequential(
                nn.Conv2d(channels, self.width, 4, 2, 1), nn.LeakyReLU(0.2),
                nn.Conv2d(self.width, 2 * self.width, 4, 2, 1), nn.LeakyReLU(0.2),
                nn.Flatten(), nn.Linear(self.width * height * side // 8, 1),
            )  # fmt: skip
        draw_weights(critic, seed)
        for layer in critic:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                parametrize.register_parametrization(layer, "weight", _UnitNorm())
        return critic

    def fit(
        self, images: Tensor, *, steps=3000, batch_size=64, lr=5e-4, seed=0, device=None, progress=True
    ) -> History:  # fmt: skip
        """Train on images (N, C, H, W) in [0, 1] against a critic, in place; the losses are the critic's.

        The critic learns to tell images from samples, and the generator to make what the critic takes for
        an image. A loss that is not finite raises FloatingPointError.
        """
        _require_images(images, self.shape)
        _check.trainable(self)
        steps, batch_size = _check.count(steps, "steps"), _check.count(batch_size, "batch_size")
        lr, device = _check.number(lr, "lr", at_least=0), pick_device(device)
        chance = torch.Generator(device).manual_seed(_check.seed(seed))
        images, critic = images.to(device), self.critic(seed + 1).to(device)
        self.to(device)
        mine, its = (torch.optim.Adam(net.parameters(), lr, (0.5, 0.99)) for net in (self, critic))
        losses = []
        for step in bar(range(steps), desc="GAN", shown=progress):
            for optimiser in (mine, its):
                optimiser.param_groups[0]["lr"] = lr * (1 - step / steps)
            real = images[torch.randint(len(images), (batch_size,), generator=chance, device=device)]
            z = torch.randn(batch_size, self.latent, generator=chance, device=device)
            made = self.generator(z).sigmoid()
            of_real, of_made = critic(torch.cat([real, made.detach()])).chunk(2)
            loss = _step(its, (softplus(-of_real) + softplus(of_made)).mean())
            losses.append(finite(loss, step + 1, lr))
            _step(mine, softplus(-critic(made)).mean())
        return History(losses, str(device))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Images made from random codes, (n, C, H, W) in (0, 1)."""
        z = _normal(n, self.latent, generator).to(next(self.parameters()))
        return self.generator(z).sigmoid()


class _UnitNorm(nn.Module):
    """A weight divided by its largest singular value, without the random start of PyTorch's own."""

    def forward(self, weight: Tensor) -> Tensor:
        flat = weight.flatten(1)
        square = flat @ flat.T
        if not torch.isfinite(square).all():  # eigvalsh would fail, and say nothing of the training
            return weight * torch.nan
        return weight / torch.linalg.eigvalsh(square)[-1].sqrt()


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def _normal(n: int, size: int, generator: torch.Generator | None) -> Tensor:
    """(n, size) normal numbers, drawn where the generator lives: the CPU if None."""
    n = _check.count(n, "n")
    _check.generator(generator)
    device = torch.device("cpu") if generator is None else generator.device
    return torch.randn(n, size, generator=generator, device=device, dtype=torch.float32)


class PCAGaussian:
    """A Gaussian in the leading principal components of the images, clamped to [0, 1].

    Args:
        images: (N, C, H, W) in [0, 1].
        components: how many directions to keep.
    """

    def __init__(self, images: Tensor, components: int = 50):
        _check.unit_interval(images, "images")
        flat = images.flatten(1)
        components = _check.count(components, "components")
        if components > min(flat.shape):
            raise ValueError(
                f"components is {components}; expected at most {min(flat.shape)} "
                f"for {flat.shape[0]} images of {flat.shape[1]} pixels."
            )
        self.shape = images.shape[1:]
        self.mean = flat.mean(0)
        _, scale, directions = torch.linalg.svd(flat - self.mean, full_matrices=False)
        self.axes = (scale[:components, None] / len(flat) ** 0.5) * directions[:components]

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n images, (n, C, H, W) in [0, 1]."""
        z = _normal(n, len(self.axes), generator).to(self.mean)
        return (self.mean + z @ self.axes).clamp(0, 1).reshape(n, *self.shape)
