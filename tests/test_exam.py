"""The numbers in the solutions of docs/exam.md, against the exact densities of the package."""

import math

import pytest
import torch

import daeutils as du

HALF = torch.tensor([[0.5]], dtype=torch.float64)


def points(*places, weights=None) -> du.GaussianMixture:
    """A law that sits on a few points, but for a width of a thousandth."""
    places = torch.tensor(places, dtype=torch.float64).reshape(len(places), -1)
    return du.GaussianMixture(places, [1e-6] * len(places), weights or [1 / len(places)] * len(places))


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0])
def test_1_an_unfair_pixel(sigma):
    law = points(0.0, 1.0, weights=[0.75, 0.25])
    y = torch.linspace(-1, 2, 31, dtype=torch.float64)[:, None]
    expected = ((2 * y - 1) / (2 * sigma**2) - math.log(3)).sigmoid()
    torch.testing.assert_close(law.posterior_mean(y, sigma), expected, atol=1e-3, rtol=0)
    place = HALF + sigma**2 * math.log(3)
    torch.testing.assert_close(law.posterior_mean(place, sigma), HALF, atol=1e-3, rtol=0)
    assert round(0.5 + 0.5**2 * math.log(3), 3) == 0.775


def test_4_seven_steps():
    law = du.GaussianMixture([[0.5]], [0.04], [1.0])
    apart = du.iterate(law.posterior_mean, HALF + 1, 7, 0.2, return_path=True)[:, 0, 0] - 0.5
    torch.testing.assert_close(apart, 0.5 ** torch.arange(8, dtype=torch.float64))
    assert apart[7] < 0.01 < apart[6]


@pytest.mark.parametrize(("sigma", "modes"), [(0.9, 2), (0.98, 2), (1.02, 1), (1.5, 1)])
def test_7_two_points_merge_at_half_their_distance(sigma, modes):
    y = torch.linspace(-2, 2, 4001, dtype=torch.float64)[:, None]
    heights = points(-1.0, 1.0).smooth(sigma).log_prob(y)
    assert int(((heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])).sum()) == modes


def test_8_two_per_cent():
    assert round((1e-5 / (2 * 0.1**4) / 100) ** 0.5, 3) == 0.022


def test_9_the_flow_returns_the_data():
    law = du.GaussianMixture([[0.5]], [0.04], [1.0])
    start = 0.5 + torch.linspace(-3, 3, 13, dtype=torch.float64)[:, None]
    levels = du.noise_schedule(4000, high=2.0, low=1e-3)
    end = du.probability_flow(law.posterior_mean, start, levels)
    expected = 0.5 + (0.04 / (0.04 + 2.0**2)) ** 0.5 * (start - 0.5)
    torch.testing.assert_close(end, expected, atol=2e-3, rtol=0)
