"""Objectives on logits and clean targets, each (N, ...) and (N, ...) -> (N,): summed over pixels.

Units are nats for BCE and squared pixel units for MSE.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from daeutils import _check


def bce(logits: Tensor, x: Tensor) -> Tensor:
    """Binary cross-entropy - sum_i [x_i log r_i + (1 - x_i) log(1 - r_i)], r = sigmoid(logits) (T1).

    Grey targets are welcome: the minimum is at r = E[x given x~] all the same. Targets are not checked
    here, where a training loop calls it; `fit` refuses data outside [0, 1] (T8c).
    """
    _check.same_shape(logits, x, "logits and x", finite=False)
    loss = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return loss.flatten(1).sum(1)


def mse(logits: Tensor, x: Tensor) -> Tensor:
    """Squared error |sigmoid(logits) - x|^2: the same optimum as BCE (T1), other weights (T4)."""
    _check.same_shape(logits, x, "logits and x", finite=False)
    return squared_error(logits.sigmoid(), x)


def squared_error(reconstruction: Tensor, x: Tensor) -> Tensor:
    """|R - x|^2 of a reconstruction without a sigmoid: what `fit` takes for "mse" and a linear output."""
    _check.same_shape(reconstruction, x, "reconstruction and x", finite=False)
    return ((reconstruction - x) ** 2).flatten(1).sum(1)


OBJECTIVES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"bce": bce, "mse": mse}


def entropy(x: Tensor) -> Tensor:
    """Entropy of Bernoulli(x_i) in nats, summed over pixels, (N,): the least BCE of a known x (T1)."""
    _check.unit_interval(x)
    return (-torch.special.xlogy(x, x) - torch.special.xlog1py(1 - x, -x)).flatten(1).sum(1)


def excess_risk(logits: Tensor, optimum: Tensor) -> Tensor:
    """sum_i kl(R*_i || R_i) in nats, (N,): what BCE pays for not being at R* (T4).

    Args:
        logits: of the reconstruction R.
        optimum: R* in [0, 1], for instance `law.posterior_mean`.
    """
    _check.float_tensor(logits, "logits")
    return bce(logits, optimum) - entropy(optimum)
