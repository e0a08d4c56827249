"""Models whose samples get refined in chapter 07. Each has sample(n) -> images in [0, 1]."""

import math

import torch
from torch import Tensor, nn

from daeutils import _check
from daeutils.denoisers import draw_weights
from daeutils.objectives import bce
from daeutils.training import History, optimise, pick_device


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
        n = _check.count(n, "n")
        device = next(self.parameters()).device
        chance = torch.device("cpu") if generator is None else generator.device
        z = torch.randn(n, self.latent, generator=generator, device=chance, dtype=torch.float32).to(
            device
        )
        return self.decoder(z).sigmoid().reshape(n, *self.shape)


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
        n = _check.count(n, "n")
        chance = torch.device("cpu") if generator is None else generator.device
        z = torch.randn(n, len(self.axes), generator=generator, device=chance, dtype=torch.float32).to(
            self.mean
        )
        return (self.mean + z @ self.axes).clamp(0, 1).reshape(n, *self.shape)
