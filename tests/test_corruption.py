"""Corruption: its distribution against scipy's."""

import math

import numpy as np
import pytest
import torch
from oracles import seeded
from scipy.stats import binomtest, kstest, norm

from daeutils import corruption

IMAGES = torch.rand(40, 1, 12, 12, generator=seeded(9))
GREY = IMAGES.mul(0.8).add(0.1)  # nowhere 0 or 1


@pytest.mark.parametrize("sigma", [0.02, 0.5, 4.0])
def test_gaussian_adds_normal_noise_and_clamps_nothing(sigma):
    noise = (corruption.gaussian(GREY, sigma, seeded()) - GREY).flatten().double().numpy()
    assert kstest(noise, norm(0, sigma).cdf).pvalue > 1e-3
    black = corruption.gaussian(torch.zeros(100, 100), sigma, seeded())
    assert binomtest(int((black < 0).sum()), black.numel(), 0.5).pvalue > 1e-3


def test_clamped_is_the_gaussian_one_cut_at_the_faces():
    free, cut = (f(GREY, 0.6, seeded()) for f in (corruption.gaussian, corruption.clamped))
    np.testing.assert_array_equal(cut, np.clip(free.numpy(), 0, 1))
    assert (cut != free).any()


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_masking_blackens_that_fraction(fraction):
    out = corruption.masking(GREY, fraction, seeded())
    hit = out == 0
    assert torch.equal(out[~hit], GREY[~hit])
    assert binomtest(int(hit.sum()), hit.numel(), fraction).pvalue > 1e-3


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_salt_and_pepper_hits_that_fraction_and_tosses_a_coin(fraction):
    out = corruption.salt_and_pepper(GREY, fraction, seeded())
    salt, pepper = out == 1, out == 0
    hit = salt | pepper
    assert torch.equal(out[~hit], GREY[~hit])
    assert binomtest(int(hit.sum()), hit.numel(), fraction).pvalue > 1e-3
    if fraction:
        assert binomtest(int(salt.sum()), int(hit.sum()), 0.5).pvalue > 1e-3


def test_log_normal_levels_follow_their_law_between_the_bounds():
    mean, std, low, high, n = -1.0, 1.2, 0.1, 2.0, 20_000
    draw = corruption.log_normal(mean, std, low, high)
    sigma = draw(n, seeded())
    assert sigma.shape == (n,) and torch.equal(sigma, draw(n, seeded()))
    assert sigma.min().item() == pytest.approx(low) and sigma.max().item() == pytest.approx(high)
    law = norm(mean, std)
    logs = sigma.double().log().numpy()
    for place in (math.log(low) + 1e-3, mean, math.log(high) - 1e-3):  # the tails are at the ends
        assert binomtest(int((logs < place).sum()), n, law.cdf(place)).pvalue > 1e-3
    assert np.median(logs) == pytest.approx(mean, abs=4 * 1.2533 * std / n**0.5)
