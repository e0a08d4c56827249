"""The optimiser Muon: the same one on a CPU and on a GPU."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

A, B, C = 3.4445, -4.7750, 2.0315  # a s + b s^3 + c s^5, five times, takes most s in (0, 1] near 1
TIMES = 5


class Muon(torch.optim.Optimizer):
    """Steps along the orthogonalised running mean of each weight's gradient (Jordan et al. 2024).

    Apart from rounding it is torch.optim.Muon without weight decay. That one orthogonalises in bfloat16,
    which many CPUs emulate slowly; this one keeps the dtype of the weights, and needs fewer operations
    where a weight is longer than wide: see `orthogonalised`.

    Args:
        params: weights with two dimensions or more. The weight of a convolution, (out, in, h, w), counts
            as a matrix with a row for each output channel.
        lr: about the largest singular value of what a step changes, times sqrt(rows / columns) where
            there are more rows than columns; a float, or a tensor that may be changed in place.
        momentum: the share of the running mean that each step keeps.

    Raises:
        ValueError: if a parameter is not a matrix.
    """

    def __init__(self, params: Iterable[Tensor], lr: float | Tensor = 2e-2, momentum: float = 0.95):
        super().__init__(params, {"lr": lr, "momentum": momentum})
        for weight in (weight for group in self.param_groups for weight in group["params"]):
            if weight.ndim < 2:
                raise ValueError(
                    f"a parameter has shape {tuple(weight.shape)}; expected a matrix, or the weight of a "
                    "convolution: give the others to Adam."
                )

    @torch.no_grad()
    def step(self, closure=None):
        """Move each weight that has a gradient; those of one shape together, which takes fewer calls.

        closure: computes the loss and its gradients again; its value is returned, as PyTorch's do.
        """
        with torch.enable_grad():
            value = None if closure is None else closure()
        for group in self.param_groups:
            alike = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    alike[weight.shape].append(weight)
            for shape, weights in alike.items():
                means = torch.stack([self._ahead(weight, group["momentum"]) for weight in weights])
                rows, columns = means.shape[1:]
                change = orthogonalised(means) * (group["lr"] * max(1, rows / columns) ** 0.5)
                torch._foreach_sub_(weights, change.reshape(-1, *shape).unbind())
        return value

    def _ahead(self, weight: Tensor, momentum: float) -> Tensor:
        """The running mean with this gradient in it, and once more (Nesterov), as a matrix."""
        state = self.state[weight]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        mean = state["momentum_buffer"].lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(mean, momentum).flatten(1)


def orthogonalised(matrices: Tensor) -> Tensor:
    """Nearly U V^T for each X = U S V^T of a stack (n, rows, columns).

    X is divided by its Frobenius norm. Then each of five Newton-Schulz steps is X -> (a + b G + c G^2) X
    with G = X X^T. It changes the singular values alone: in the end they are between 0.6 and 1.3, but for
    those that were below 0.002, which are at most a^5 = 485 times as large. Every G is a polynomial in
    the first one. So they follow from one another without X, and only the product of all brackets meets
    X, once. That saves most of the work where X is much longer than wide: G is as large as the shorter
    side.
    """
    if matrices.shape[-2] > matrices.shape[-1]:
        return orthogonalised(matrices.mT).mT
    x = matrices / matrices.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    gram, product = x @ x.mT, None
    for n in range(TIMES):
        bracket = torch.baddbmm(gram, gram, gram, beta=B, alpha=C)
        bracket.diagonal(dim1=-2, dim2=-1).add_(A)
        product = bracket if product is None else bracket @ product
        if n < TIMES - 1:
            gram = bracket @ (bracket @ gram)
    return product @ x
