"""BCE and its excess over the optimum, against formulas in float64, torch and scipy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oracles import seeded
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import entropy as scipy_entropy

from daeutils import objectives
from daeutils.objectives import bce, excess_risk, mse

SHAPE = (4, 3)
logits_ = arrays(np.float64, SHAPE, elements=st.floats(-30, 30)).map(torch.from_numpy)
targets_ = arrays(np.float64, SHAPE, elements=st.floats(0, 1)).map(torch.from_numpy)


@given(logits=logits_, x=targets_)
def test_bce_is_the_formula_and_that_of_torch(logits, x):
    a, t = logits.numpy(), x.numpy()
    formula = -(t * log_expit(a) + (1 - t) * log_expit(-a)).sum(1)
    np.testing.assert_allclose(bce(logits, x), formula, rtol=1e-12, atol=1e-12)
    by_torch = torch.nn.functional.binary_cross_entropy(logits.sigmoid(), x, reduction="none")
    np.testing.assert_allclose(bce(logits, x), by_torch.sum(1), rtol=1e-3)


@given(logits=logits_, x=targets_)
def test_mse_is_that_of_numpy(logits, x):
    expected = ((expit(logits.numpy()) - x.numpy()) ** 2).sum(1)
    np.testing.assert_allclose(mse(logits, x), expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("objective", [bce, mse])
def test_images_count_as_the_vectors_of_their_pixels(objective):
    logits, x = torch.randn(3, 2, 4, 4, generator=seeded()), torch.rand(3, 2, 4, 4)
    assert objective(logits, x).shape == (3,)
    torch.testing.assert_close(objective(logits, x), objective(logits.flatten(1), x.flatten(1)))


@given(logits=logits_, x=targets_, y=targets_, t=st.floats(0, 1))
def test_bce_is_linear_in_the_target(logits, x, y, t):
    """T1: this is why grey targets are as good as binary ones."""
    mixed = bce(logits, t * x + (1 - t) * y)
    np.testing.assert_allclose(mixed, t * bce(logits, x) + (1 - t) * bce(logits, y), atol=1e-10)


@pytest.mark.parametrize("objective", [bce, mse])
@pytest.mark.parametrize("binary", [False, True], ids=["grey", "binary"])
def test_the_minimum_is_at_the_mean_of_the_targets(objective, binary):
    x = torch.rand(200, 3, generator=seeded(), dtype=torch.float64) ** torch.tensor([0.3, 1.0, 3.0])
    x = (x > 0.5).double() if binary else x

    def risk(a):
        a = torch.tensor(a, requires_grad=True)
        value = objective(a.expand_as(x), x).mean()
        (gradient,) = torch.autograd.grad(value, a)
        return value.item(), gradient.numpy()

    found = minimize(risk, np.zeros(3), jac=True, tol=1e-12)
    np.testing.assert_allclose(expit(found.x), x.mean(0), atol=1e-6)


@given(logits=logits_, x=targets_)
def test_the_slope_of_bce_is_the_reconstruction_minus_the_target(logits, x):
    logits = logits.requires_grad_()
    (gradient,) = torch.autograd.grad(bce(logits, x).sum(), logits)
    np.testing.assert_allclose(gradient, expit(logits.detach().numpy()) - x.numpy(), atol=1e-12)


@given(x=targets_)
def test_entropy_is_that_of_scipy(x):
    expected = scipy_entropy([x.numpy(), 1 - x.numpy()]).sum(1)
    np.testing.assert_allclose(objectives.entropy(x), expected, rtol=1e-12, atol=1e-12)


@given(logits=logits_, optimum=targets_)
def test_excess_risk_is_the_divergence_and_obeys_pinsker(logits, optimum):
    r, m = expit(logits.numpy()), optimum.numpy()
    excess = excess_risk(logits, optimum).numpy()
    others = scipy_entropy([m, 1 - m], [r, expit(-logits.numpy())]).sum(1)  # kl(R* || R)
    np.testing.assert_allclose(excess, others, rtol=1e-9, atol=1e-9)
    assert (excess >= 2 * ((r - m) ** 2).sum(1) - 1e-9).all()


@given(
    logits=arrays(np.float64, 3, elements=st.floats(-15, 15)),
    x=arrays(np.float64, (5, 3), elements=st.floats(0.01, 0.99)),
    weights=arrays(np.float64, 5, elements=st.floats(0.01, 1)),
)
def test_excess_risk_is_what_bce_pays_for_missing_the_posterior_mean(logits, x, weights):
    """T4: E[BCE(R, x)] - E[BCE(R*, x)], with any law of x given x~, whose mean is R*."""
    weights, x = torch.from_numpy(weights / weights.sum()), torch.from_numpy(x)
    optimum = weights @ x

    def risk(a):
        return weights @ bce(a.expand_as(x), x)

    paid = risk(torch.from_numpy(logits)) - risk(optimum.logit())
    excess = excess_risk(torch.from_numpy(logits)[None], optimum[None])
    assert paid.item() == pytest.approx(excess.item(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_saturated_logits_stay_finite(dtype):
    """T8f: in single precision the sigmoid of 50 is 1, its logarithm must not be that of 0."""
    logits = torch.tensor([[50.0, -50.0]], dtype=dtype, requires_grad=True)
    for x, expected in [([1.0, 0.0], 0.0), ([0.0, 1.0], 100.0), ([0.5, 0.5], 50.0)]:
        loss = bce(logits, torch.tensor([x], dtype=dtype))
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        assert loss.item() == pytest.approx(expected, abs=1e-6)
        assert torch.isfinite(gradient).all()
    assert torch.isfinite(excess_risk(logits.detach(), torch.tensor([[0.0, 1.0]], dtype=dtype))).all()
