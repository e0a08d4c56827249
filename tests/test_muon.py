"""Muon: its orthogonalisation against singular values by numpy, its steps against PyTorch's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import seeded

from daeutils.muon import Muon, orthogonalised

SHAPES = [(1, 1), (6, 6), (3, 40), (40, 3), (1, 144), (64, 64)]


def theirs() -> type[torch.optim.Optimizer]:
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("PyTorch has Muon from 2.9 on")
    return torch.optim.Muon


def exact(matrix: torch.Tensor) -> np.ndarray:
    """U p(p(p(p(p(S / |S|))))) V^T by numpy, with PyTorch's default coefficients of p."""
    default = theirs()([torch.zeros(1, 1)]).defaults
    a, b, c = default["ns_coefficients"]
    left, values, right = np.linalg.svd(matrix.double().numpy(), full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(default["ns_steps"]):
        values = a * values + b * values**3 + c * values**5
    return left * values @ right


def random(*shape, seed=0, dtype=torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=dtype)


def differ(got: torch.Tensor, wanted) -> float:
    """Relative to the size of what is wanted."""
    wanted = np.asarray(wanted)
    return np.linalg.norm(got.double().numpy() - wanted) / np.linalg.norm(wanted)


# Orthogonalisation


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "most"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
def test_singular_values_go_five_times_through_the_polynomial(shape, dtype, most):
    matrices = random(3, *shape, dtype=dtype)
    got = orthogonalised(matrices)
    assert got.dtype == dtype and got.shape == matrices.shape
    for one, given_ in zip(got, matrices, strict=True):
        assert differ(one, exact(given_)) < most


@pytest.mark.parametrize("rank", [1, 5, 32])
def test_a_matrix_of_low_rank_keeps_its_rank(rank):
    """What rounding leaves of the others is enlarged 485 times."""
    matrix = random(64, rank) @ random(rank, 500, seed=1)
    assert differ(orthogonalised(matrix[None])[0], exact(matrix)) < 2e-3


def test_singular_values_over_twelve_orders_of_magnitude():
    left, right = torch.linalg.qr(random(64, 64))[0], torch.linalg.qr(random(300, 64, seed=1))[0]
    matrix = left * torch.logspace(0, -12, 64) @ right.T
    assert differ(orthogonalised(matrix[None])[0], exact(matrix)) < 2e-3


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99), st.floats(1e-4, 1e4))
def test_orthogonalised_ignores_scale_and_commutes_with_rotations(rows, columns, seed, length):
    matrix = random(rows, columns, seed=seed, dtype=torch.float64)
    plain = orthogonalised(matrix[None])[0]
    left, right = (torch.linalg.qr(random(n, n, seed=seed + 1, dtype=torch.float64))[0]
                   for n in (rows, columns))  # fmt: skip
    turned = orthogonalised((length * left @ matrix @ right)[None])[0]
    torch.testing.assert_close(turned, left @ plain @ right, rtol=0, atol=1e-8)
    torch.testing.assert_close(orthogonalised(matrix.T[None])[0], plain.T, rtol=0, atol=1e-8)


def test_zero_matrix_maps_to_zero():
    assert not orthogonalised(torch.zeros(2, 3, 5)).any()


# Steps


def steps(optimiser, weights: list[torch.Tensor], which=range(4), first: int = 0) -> list[torch.Tensor]:
    """Those of a training whose gradients follow from the step and the place of the weight alone."""
    for n in which:
        for i, weight in enumerate(weights, first):
            weight.grad = random(*weight.shape, seed=10 * n + i)
        optimiser.step()
    return weights


def parameters(shapes) -> list[torch.Tensor]:
    return [random(*shape, seed=i) for i, shape in enumerate(shapes)]


def test_steps_are_those_of_pytorch_up_to_rounding():
    shapes = [(6, 6), (3, 40), (6, 6), (40, 3), (40, 3), (40, 3)]
    start = parameters(shapes)
    ours = steps(Muon(one := parameters(shapes), lr=0.1, momentum=0.9), one)
    options = dict(lr=0.1, momentum=0.9, weight_decay=0)
    wanted = steps(theirs()(two := parameters(shapes), **options), two)
    for a, b, before in zip(ours, wanted, start, strict=True):
        assert differ(a - before, b - before) < 0.03


def test_weights_of_one_shape_move_independently():
    together = steps(Muon(both := parameters([(4, 7), (4, 7)])), both)
    for i, weight in enumerate(parameters([(4, 7), (4, 7)])):
        steps(Muon([weight]), [weight], first=i)
        torch.testing.assert_close(together[i], weight)


def test_a_restored_optimiser_steps_as_before():
    whole = steps(Muon(one := parameters(SHAPES)), one)
    first = Muon(two := parameters(SHAPES))
    steps(first, two, range(2))
    second = Muon(two)
    second.load_state_dict(first.state_dict())
    steps(second, two, range(2, 4))
    assert all(torch.equal(a, b) for a, b in zip(whole, two, strict=True))


def test_a_weight_without_a_gradient_stays():
    moved, stays = parameters([(3, 3), (3, 3)])
    optimiser = Muon([moved, stays])
    moved.grad = torch.ones(3, 3)
    optimiser.step()
    assert torch.equal(stays, parameters([(3, 3), (3, 3)])[1])
    assert not torch.equal(moved, parameters([(3, 3)])[0])


def test_the_weight_of_a_convolution_moves_as_the_matrix_of_its_output_channels():
    four_axes, matrix = random(4, 2, 3, 3), random(4, 2, 3, 3).flatten(1)
    for weight in (four_axes, matrix):
        optimiser = Muon([weight])
        weight.grad = random(4, 2, 3, 3, seed=1).reshape(weight.shape)
        optimiser.step()
    assert torch.equal(four_axes.flatten(1), matrix)


@pytest.mark.parametrize("shape", [(), (4,)])
def test_a_parameter_that_is_not_a_matrix_is_refused(shape):
    with pytest.raises(ValueError, match="expected a matrix"):
        Muon([torch.zeros(2, 2), torch.zeros(shape)])
