"""A step that is recorded once and replayed: the training is that of steps launched one by one.

What only a GPU can show is skipped without one.
"""

from functools import partial

import pytest
import torch
from oracles import seeded, weights
from torch import nn

import daeutils as du
from daeutils import checkpoint, training
from daeutils._recording import WARM, Recorded
from daeutils.corruption import log_normal

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=GPU)]
POINTS = torch.rand(300, 2, generator=seeded())
IMAGES = torch.rand(64, 1, 8, 8, generator=seeded())


def even(sigma):
    return 1 / sigma


CASES = {  # name: (network, data, options of fit)
    "points": (partial(du.MLPDenoiser, 2, hidden=32), POINTS, {"sigma": 0.1}),
    "Adam": (partial(du.MLPDenoiser, 2, hidden=32), POINTS, {"sigma": 0.1, "optimiser": "adam"}),
    "a level": (partial(du.MLPDenoiser, 2, noise_levels=True), POINTS, {"sigma": 0.1, "weight": even}),
    "a stream": (partial(du.MLPDenoiser, 2, hidden=32), du.ring(), {"sigma": 0.1}),
    "images": (partial(du.UNetDenoiser, side=8, width=4, dense=16), IMAGES, {"sigma": 0.3}),
    "levels": (
        partial(du.UNetDenoiser, side=8, width=4, dense=16, noise_levels=True),
        IMAGES,
        {"sigma": log_normal(), "weight": even},
    ),
    "EDM": (
        partial(du.UNetDenoiser, side=8, width=4, dense=16, noise_levels=True, output="edm"),
        IMAGES,
        {"sigma": log_normal(), "objective": "mse"},
    ),
}


def trained(case: str, record: bool, monkeypatch, device: str, steps: int = 20, **options):
    """Weights and history of one training, its step recorded or not."""
    make, data, how = CASES[case]
    network, whole = make(seed=1), training.optimise
    with monkeypatch.context() as patch:
        patch.setattr(training, "optimise", lambda *a, **k: whole(*a, **{**k, "record": record}))
        history = du.fit(
            network, data, device=device, steps=steps, batch_size=32, progress=False, **how, **options
        )
    return weights(network), history


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_a_recorded_training_is_the_same_training(case, device, monkeypatch):
    """Up to rounding, which Muon's 16 bits make coarse for the weights, but hardly for the loss."""
    one, plain = trained(case, False, monkeypatch, device)
    two, taped = trained(case, True, monkeypatch, device)
    start = weights(CASES[case][0](seed=1))
    assert (one - two).norm() < (0.01 if case == "Adam" else 0.15) * (one - start).norm()
    assert plain.loss == pytest.approx(taped.loss, rel=1e-3)
    assert not plain.recorded and taped.recorded == (device == "cuda")


@pytest.mark.parametrize("device", DEVICES)
def test_what_changes_from_call_to_call_is_given_anew(device):
    """Floats and tensors, in a recording as well as before it."""
    place = torch.zeros(3, device=device)

    def step(factor, x):
        place.add_(factor * x)
        return place.sum()

    recorded = Recorded(step, torch.device(device))
    total = 0.0
    for k in range(2 * WARM + 2):
        total += k * float(k + 1) * 3
        value = recorded(float(k), torch.full((3,), k + 1.0, device=device))
        assert value.item() == pytest.approx(total)
    assert (recorded.graph is None) == (device == "cpu")


@GPU
def test_the_book_s_networks_are_recorded_and_others_are_not():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(torch.zeros(2))

        def logits(self, x_noisy, sigma=None):
            return self.a.expand_as(x_noisy)

    for network, recorded in [(du.MLPDenoiser(2), True), (Plain(), False)]:
        history = du.fit(network, POINTS, sigma=0.1, weight=even, steps=6, progress=False)
        assert history.recorded == recorded and history.device.startswith("cuda")


@GPU
def test_a_recorded_training_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    whole, _ = trained("levels", True, monkeypatch, "cuda", checkpoint=tmp_path / "whole")
    states, save = [], checkpoint.Checkpoint.save

    def stop(self, losses, seconds):
        save(self, losses, seconds)
        states.append(len(losses))
        if len(losses) >= 8:
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(training, "EVERY", -1)
        patch.setattr(checkpoint.Checkpoint, "save", stop)
        with pytest.raises(SystemExit):
            trained("levels", True, patch, "cuda", checkpoint=tmp_path / "half")
    assert states[-1] == 8
    again, history = trained("levels", True, monkeypatch, "cuda", checkpoint=tmp_path / "half")
    start = weights(CASES["levels"][0](seed=1))
    assert history.steps == 20 and (whole - again).norm() < 0.15 * (whole - start).norm()


@GPU
def test_ctrl_c_in_a_recorded_training_keeps_the_network(monkeypatch, capsys):
    class Source:
        drawn = 0

        def sample(self, n):
            self.drawn += 1
            if self.drawn == 10:
                raise KeyboardInterrupt
            return torch.rand(n, 2)

    network = du.MLPDenoiser(2, hidden=32)
    history = du.fit(network, Source(), sigma=0.1, steps=50, progress=False)
    assert history.interrupted and history.recorded and 5 < history.steps < 50
    assert torch.isfinite(weights(network)).all() and "interrupted" in capsys.readouterr().out


@GPU
def test_a_recorded_training_that_diverges_says_so():
    with pytest.raises(FloatingPointError, match="learning rate"):
        du.fit(du.MLPDenoiser(2), POINTS, sigma=0.1, steps=300, lr=1e30, progress=False)
