"""The VAE against quadrature and torch.distributions, the GAN on easy images, PCA against numpy."""

import math

import numpy as np
import pytest
import torch
from oracles import seeded
from scipy.special import expit, log_expit, logsumexp
from scipy.stats import norm
from torch.distributions import Normal, kl_divergence

import daeutils as du

SHAPE = (1, 4, 4)
IMAGES = torch.rand(40, *SHAPE, generator=seeded())


def vae(**kwargs) -> du.VAE:
    return du.VAE(SHAPE, hidden=12, **kwargs)


# VAE


def test_the_loss_is_reconstruction_plus_divergence():
    model, generator = vae(latent=3), seeded(5)
    mean, log_var = model.encoder(IMAGES).chunk(2, 1)
    code = Normal(mean, (log_var / 2).exp())
    z = mean + code.scale * torch.randn(mean.shape, generator=generator)
    logits = model.decoder(z).detach().double().numpy()
    x = IMAGES.flatten(1).double().numpy()
    misfit = -(x * log_expit(logits) + (1 - x) * log_expit(-logits)).sum(1).mean()
    divergence = kl_divergence(code, Normal(0.0, 1.0)).sum(1).mean().item()
    assert divergence > 1e-3
    assert model.loss(IMAGES, seeded(5)).item() == pytest.approx(misfit + divergence, rel=1e-5)


def test_the_loss_bounds_the_evidence():
    """-ELBO >= -log p(x), with p(x) by quadrature over a code of one dimension."""
    model = vae(latent=1, seed=3)
    model.fit(IMAGES.round(), steps=150, batch_size=32, device="cpu", progress=False)
    z = np.linspace(-8, 8, 4001)
    with torch.no_grad():
        logits = model.decoder(torch.from_numpy(z[:, None]).float()).double().numpy()
    for x in IMAGES[:4].round():
        flat = x.flatten().double().numpy()
        log_joint = norm.logpdf(z) + (flat * log_expit(logits) + (1 - flat) * log_expit(-logits)).sum(1)
        evidence = logsumexp(log_joint) + math.log(z[1] - z[0])
        with torch.no_grad():
            losses = torch.stack([model.loss(x.expand(2000, *SHAPE), seeded(i)) for i in range(5)])
        error = (losses.std() / 5**0.5).item()
        assert losses.mean().item() >= -evidence - 4 * error
        assert losses.mean().item() < -evidence + 5  # a bound of some use


def test_samples_of_the_vae_are_decoded_codes():
    model = vae(latent=2)
    images = model.sample(6, seeded())
    assert images.shape == (6, *SHAPE) and not images.requires_grad
    assert (images > 0).all() and (images < 1).all()
    codes = torch.randn(6, 2, generator=seeded())
    expected = expit(model.decoder(codes).detach().numpy()).reshape(6, *SHAPE)
    np.testing.assert_allclose(images, expected, rtol=1e-5)
    assert torch.equal(images, model.sample(6, seeded()))
    assert not torch.equal(images, model.sample(6, seeded(1)))


# GAN


def gan(**how) -> du.GAN:
    return du.GAN(SHAPE, latent=3, width=8, **how)


def test_a_gan_learns_where_the_images_are_bright():
    images = torch.full((64, *SHAPE), 0.1)
    images[:, :, :2] = 0.9
    model = gan()
    before = (model.sample(50, seeded()) - images[0]).abs().mean()
    history = model.fit(images, steps=300, batch_size=16, lr=2e-3, device="cpu", progress=False)
    after = (model.sample(50, seeded()) - images[0]).abs().mean()
    assert history.steps == 300 and after < 0.5 * before


def test_the_critics_layers_have_the_largest_singular_value_one():
    for layer in gan().critic(0):
        if hasattr(layer, "weight"):
            values = np.linalg.svd(layer.weight.detach().flatten(1).numpy(), compute_uv=False)
            assert values.max() == pytest.approx(1, rel=1e-5)


def test_samples_of_a_gan_are_images_that_its_weights_decide():
    model = gan(seed=2)
    images = model.sample(8, seeded())
    assert images.shape == (8, *SHAPE) and (images > 0).all() and (images < 1).all()
    assert not torch.equal(images, model.sample(8, seeded(1)))
    again = du.GAN(**model.config)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.sample(8, seeded()), images)


# PCA


def test_pca_has_the_mean_and_the_leading_covariance():
    images = 0.5 + 0.05 * torch.randn(60, *SHAPE, generator=seeded())  # far from the clamps
    images = images * torch.linspace(0.6, 1.2, 16).reshape(SHAPE)
    model, flat = du.PCAGaussian(images, components=5), images.flatten(1).double().numpy()
    values, vectors = np.linalg.eigh(np.cov(flat.T, bias=True))
    leading = (vectors[:, -5:] * values[-5:]) @ vectors[:, -5:].T
    x = model.sample(20_000, seeded()).flatten(1).double().numpy()
    assert (np.abs(x.mean(0) - flat.mean(0)) < 4.5 * x.std(0) / 20_000**0.5).all()
    products = (x - flat.mean(0))[:, :, None] * (x - flat.mean(0))[:, None]
    standard_error = products.std(0) / 20_000**0.5
    assert (np.abs(products.mean(0) - leading) < 4.5 * standard_error).all()


def test_with_all_components_it_keeps_the_whole_covariance():
    model, flat = du.PCAGaussian(IMAGES, components=16), IMAGES.flatten(1).double().numpy()
    np.testing.assert_allclose(model.axes.T @ model.axes, np.cov(flat.T, bias=True), atol=1e-6)


def test_samples_of_pca_are_images():
    model = du.PCAGaussian(du.digits("test")[0][:300], components=20)
    images = model.sample(8, seeded())
    assert images.shape == (8, 1, 28, 28)
    assert images.min() >= 0 and images.max() <= 1
    assert torch.equal(images, model.sample(8, seeded()))
    assert not torch.equal(images, model.sample(8, seeded(1)))


REFUSED = [
    (lambda: vae().fit(IMAGES * 2, steps=1), r"images holds values.*\[0, 1\]"),
    (lambda: vae().fit(IMAGES.byte(), steps=1), "images has dtype torch.uint8"),
    (lambda: vae().fit(IMAGES * math.nan, steps=1), "images holds NaN"),
    (lambda: vae().fit(IMAGES[:0], steps=1), "images is empty"),
    (lambda: vae().fit(IMAGES[:, :, :2], steps=1), r"\(40, 1, 2, 4\); expected \(N, 1, 4, 4\)"),
    (lambda: vae().fit(IMAGES, steps=1, batch_size=0), "batch_size is 0"),
    (lambda: vae().sample(0), "n is 0"),
    (lambda: du.GAN((1, 6, 6)), r"shape is \(1, 6, 6\); expected .* multiples of 4"),
    (lambda: gan().fit(IMAGES * 2, steps=1), r"images holds values.*\[0, 1\]"),
    (lambda: gan().fit(IMAGES, steps=0), "steps is 0"),
    (lambda: du.GAN(SHAPE, width=12), "width is 12; expected a multiple of 8"),
    (lambda: gan().sample(0), "n is 0"),
    (lambda: gan().sample(1, 0), "generator is 0; expected a torch.Generator"),
    (lambda: du.PCAGaussian(IMAGES, 17), "components is 17; expected at most 16 for 40 images of 16"),
    (lambda: du.PCAGaussian(IMAGES[:3], 4), "at most 3"),
    (lambda: du.PCAGaussian(IMAGES, 0), "components is 0"),
    (lambda: du.PCAGaussian(IMAGES * 2, 2), r"\[0, 1\]"),
    (lambda: du.PCAGaussian(IMAGES * math.nan, 2), "NaN"),
]


@pytest.mark.parametrize("model", [vae(), gan()], ids=["VAE", "GAN"])
def test_a_training_that_diverges_is_named(model):
    with pytest.raises(
        FloatingPointError, match=r"the loss is .* expected a finite number: try a learning"
    ):
        model.fit(IMAGES, steps=200, lr=1e30, progress=False, device="cpu")


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_bad_images_and_counts_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()
