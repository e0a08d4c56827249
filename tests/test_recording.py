"""On a GPU a training is that of the CPU up to rounding, and a recorded step is the step itself."""

from functools import partial

import pytest
import torch
from oracles import seeded, weights

import daeutils as du
from daeutils.corruption import log_normal

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

POINTS = torch.rand(300, 2, generator=seeded())
IMAGES = torch.rand(64, 1, 8, 8, generator=seeded())
UNET = partial(du.UNetDenoiser, side=8, width=4, dense=16)


def even(sigma):
    return 1 / sigma


CASES = {  # name: (network, data, options of fit)
    "points": (partial(du.MLPDenoiser, 2, hidden=32), POINTS, {"sigma": 0.1}),
    "Adam": (partial(du.MLPDenoiser, 2, hidden=32), POINTS, {"sigma": 0.1, "optimiser": "adam"}),
    "a level": (partial(du.MLPDenoiser, 2, noise_levels=True), POINTS, {"sigma": 0.1, "weight": even}),
    "a stream": (partial(du.MLPDenoiser, 2, hidden=32), du.ring(), {"sigma": 0.1}),
    "images": (UNET, IMAGES, {"sigma": 0.3}),
    "levels": (partial(UNET, noise_levels=True), IMAGES, {"sigma": log_normal(), "weight": even}),
    "EDM": (
        partial(UNET, noise_levels=True, output="edm"),
        IMAGES,
        {"sigma": log_normal(), "objective": "mse"},
    ),
}


def trained(case: str, recordable: bool, device="cuda", **options):
    """Weights and losses of one training of 20 steps, its step recorded or not."""
    make, data, how = CASES[case]
    network = make(seed=1)
    network.recordable = recordable
    how = {**how, "steps": 20, "batch_size": 32, "device": device, "progress": False, **options}
    return weights(network), du.fit(network, data, **how).loss, weights(network)


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_training_is_the_same_training(case):
    start, plain, one = trained(case, False)
    _, taped, two = trained(case, True)
    assert (one - two).norm() < 0.01 * (one - start).norm()
    assert plain == pytest.approx(taped, rel=1e-3)


@pytest.mark.parametrize("case", ["points", "Adam"])  # whose batches come from the CPU's sequence
def test_a_gpu_takes_the_steps_of_a_cpu(case):
    start, here, one = trained(case, True, "cpu")
    _, there, two = trained(case, True)
    assert (one - two).norm() < 0.05 * (one - start).norm()
    assert here == pytest.approx(there, rel=1e-3)


def test_a_recorded_training_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(du.training, "EVERY", -1)
    monkeypatch.setattr(du.training, "LOOK", -1)
    start, _, whole = trained("levels", True)

    class Stop(BaseException):
        pass

    calls, replace = [], du.training._engine.os.replace

    def stop(*args):
        replace(*args)
        calls.append(1)
        if len(calls) == 8:
            raise Stop

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(du.training._engine.os, "replace", stop)
        trained("levels", True, checkpoint=tmp_path / "half")
    _, losses, again = trained("levels", True, checkpoint=tmp_path / "half")
    assert len(losses) == 20 and (whole - again).norm() < 0.01 * (whole - start).norm()


def test_a_recorded_training_that_diverges_says_so_and_leaves_the_network():
    network = du.MLPDenoiser(2)
    before = weights(network)
    with pytest.raises(FloatingPointError, match="learning rate"):
        du.fit(network, POINTS, sigma=0.1, steps=300, lr=1e30, progress=False)
    assert torch.equal(weights(network), before)


def test_a_network_made_on_a_gpu_leaves_its_generators_alone():
    torch.cuda.manual_seed(123)
    state = torch.cuda.get_rng_state()
    du.load("digits-unet-bce")
    du.UNetDenoiser()
    assert torch.equal(torch.cuda.get_rng_state(), state)
