"""A training that was ended goes on as if it had not been: killed, out of room, given a foreign file."""

import os
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from oracles import seeded
from safetensors.torch import save_file
from torch import nn

import daeutils as du
from daeutils import training

POINTS = torch.rand(300, 2, generator=seeded())
IMAGES = torch.rand(20, 1, 8, 8, generator=seeded())
LEVELS = du.corruption.log_normal()

fit = partial(du.fit, device="cpu", progress=False)


def points_network(**kwargs):
    return du.MLPDenoiser(2, hidden=8, depth=1, **kwargs)


def image_network():
    return du.UNetDenoiser(side=8, width=4, dense=8, noise_levels=True)


class Own(du.Denoiser):
    def __init__(self, activation, norm=nn.Identity):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(2, 8), activation, norm(8), nn.Linear(8, 2))

    def logits(self, x_noisy, sigma=None):
        return self.net(x_noisy)


CASES = {
    "points": (points_network, POINTS, {"sigma": 0.1}),
    "points, Adam": (points_network, POINTS, {"sigma": 0.1, "optimiser": "adam"}),
    "images, many levels": (image_network, IMAGES, {"sigma": LEVELS, "batch_size": 5}),
    "a stream": (points_network, du.ring(), {"sigma": 0.1}),
}


def equal(a, b) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


@pytest.fixture
def often(monkeypatch):
    """A checkpoint after each step."""
    monkeypatch.setattr(training, "EVERY", -1)
    monkeypatch.setattr(training, "LOOK", -1)


class Stop(BaseException):
    """Stands for whatever ends a process between two steps."""


def cut_short(after: int, make, source, file, monkeypatch, **how) -> None:
    """Begin a training that ends after so many steps, and leaves the file behind."""
    network, seen = make(), []
    loss = type(network).loss

    def stopping(self, *args):
        seen.append(1)
        if len(seen) == after + 3:  # two are to learn whether the network draws random numbers
            raise Stop
        return loss(self, *args)

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(type(network), "loss", stopping)
        fit(network, source, checkpoint=file, **how)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("after", [1, 7])
def test_a_run_cut_in_two_is_the_run(name, after, tmp_path, monkeypatch, often):
    make, source, how = CASES[name]
    whole, file = make(), tmp_path / "state"
    losses = fit(whole, source, steps=12, **how).loss
    cut_short(after, make, source, file, monkeypatch, steps=12, **how)
    again = make()
    history = fit(again, source, steps=12, checkpoint=file, **how)
    assert equal(again, whole) and history.loss == losses
    finished = make()
    assert fit(finished, source, steps=12, checkpoint=file, **how).loss == losses
    assert equal(finished, whole)  # nothing is left to do
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_running_statistics_are_kept_too(tmp_path, monkeypatch, often):
    make = partial(Own, nn.ReLU(), nn.BatchNorm1d)
    whole, again, how = make(), make(), {"sigma": 0.1, "steps": 9}
    fit(whole, POINTS, **how)
    cut_short(4, make, POINTS, tmp_path / "state", monkeypatch, **how)
    fit(again, POINTS, checkpoint=tmp_path / "state", **how)
    assert equal(whole, again)


KILLED = """
import os, random, signal, sys, time
import torch
import daeutils as du
from daeutils import training

torch.set_num_threads(1)
training.EVERY = training.LOOK = 0.004
folder, kills = sys.argv[1], int(sys.argv[2])
points = torch.rand(300, 2, generator=torch.Generator().manual_seed(0))

def train(file, steps=300):
    network = du.MLPDenoiser(2, hidden=8, depth=1)
    du.fit(network, points, sigma=0.1, steps=steps, batch_size=16, device="cpu", progress=False,
           checkpoint=file)
    return torch.cat([p.detach().flatten() for p in network.parameters()])

whole = train(None)
train(folder + "/warm", 5)  # what a first call loads
start = time.monotonic()
train(folder + "/paced", 60)
pace = time.monotonic() - start
chance, killed = random.Random(0), 0
for i in range(kills):  # a new process each time; what is left of it is the file
    child = os.fork()
    if child == 0:
        train(folder + "/state")
        os._exit(0)
    time.sleep(chance.uniform(0.1, 1) * pace)
    os.kill(child, signal.SIGKILL)
    killed += os.waitpid(child, 0)[1] == signal.SIGKILL
assert os.path.exists(folder + "/state")
assert torch.equal(train(folder + "/state"), whole)

short = train(None, 40)
for place in ("fsync", "replace"):  # and for sure in the middle of a write, with three before it
    child = os.fork()
    if child == 0:
        calls, real = [], getattr(os, place)

        def fatal(*args):
            calls.append(1)
            if len(calls) == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        setattr(os, place, fatal)
        train(folder + "/" + place, 40)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert os.path.exists(folder + f"/.{place}.draft"), "the kill did not meet a write"
    assert torch.equal(train(folder + "/" + place, 40), short)
print(killed)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_five_kills_at_random_moments_and_two_while_it_writes_change_no_bit(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), "5"],
        capture_output=True, text=True, timeout=240,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3  # they were killed at work, not after it


def test_ctrl_c_leaves_a_checkpoint_from_which_the_run_goes_on(tmp_path, monkeypatch, often):
    whole, network, steps, loss = points_network(), points_network(), [], du.Denoiser.loss
    fit(whole, POINTS, sigma=0.1, steps=9)

    def interrupting(self, *args):
        steps.append(1)
        if len(steps) == 7:
            signal.raise_signal(signal.SIGINT)
        return loss(self, *args)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(du.Denoiser, "loss", interrupting)
        fit(network, POINTS, sigma=0.1, steps=9, checkpoint=tmp_path / "state")
    again = points_network()
    fit(again, POINTS, sigma=0.1, steps=9, checkpoint=tmp_path / "state")
    assert equal(again, whole) and not equal(network, whole)


# Whose file it is. Each row is a first and a second training, as functions that make their arguments.


class Bytes:
    """The stream of chapter A1: bytes in memory, floats in a batch."""

    def __init__(self, images):
        self.images = images

    def sample(self, n, generator):
        index = torch.randint(len(self.images), (n,), generator=generator)
        return self.images[index].float() / 255


class Turning:
    """The same points in its first draws, others later."""

    def __init__(self, later: float):
        self.calls, self.later = 0, later

    def sample(self, n, generator):
        self.calls += 1
        x = torch.rand(n, 2, generator=generator)
        return x if self.calls < 3 else x * self.later


def scaled(factor):
    return lambda s: factor * s


def level_of(number):
    return lambda n, generator: torch.full((n,), number)


def zeros_and_ones(value):
    return Bytes(torch.full((20, 1, 8, 8), value, dtype=torch.uint8))


def of(make=points_network, source=POINTS, **how):
    return lambda: (make(), source() if callable(source) else source, {"sigma": 0.1, "steps": 3} | how)


def many_levels(**kwargs):
    return points_network(noise_levels=True, **kwargs)


def trained_before():
    network = points_network()
    fit(network, POINTS, sigma=0.1, steps=1)
    return network


DIFFERENT = {
    "steps": (of(), of(steps=4), "steps is 4, there 3"),
    "seed": (of(), of(seed=1), "seed is 1, there 0"),
    "lr": (of(), of(lr=0.5), r"lr is 0\.5, there 0\.02"),
    "objective": (of(), of(objective="mse"), "objective is 'mse', there 'bce'"),
    "batch size": (of(), of(batch_size=7), "batch_size is 7, there 1024"),
    "optimiser": (of(), of(optimiser="adam", lr=2e-2), "optimiser is 'adam', there 'muon'"),
    "average": (of(), of(average=0.9), r"average is 0\.9, there 0\.99"),
    "sigma": (of(), of(sigma=0.2), ""),
    "sigma of numpy": (of(sigma=np.float32(0.1)), of(sigma=np.float32(0.3)), ""),
    "order of the data": (of(), of(source=POINTS.flip(0).roll(1, 1)), "first loss|the data"),
    "one point in the data": (of(), of(source=torch.cat([POINTS[:-1], POINTS[:1]])), "the data|first"),
    "two mixtures": (of(source=lambda: du.ring(std=0.04)), of(source=lambda: du.ring(std=0.05)), ""),
    "streams with other contents": (
        of(image_network, lambda: zeros_and_ones(0)), of(image_network, lambda: zeros_and_ones(255)), "",
    ),
    "streams that differ later": (of(source=lambda: Turning(1)), of(source=lambda: Turning(0.5)), "data"),
    "distributions of the noise level": (
        of(many_levels, sigma=du.corruption.log_normal(-1.0)),
        of(many_levels, sigma=du.corruption.log_normal(-2.0)), "first loss",
    ),
    "weights by one name": (of(many_levels, weight=scaled(2)), of(many_levels, weight=scaled(3)), ""),
    "width": (of(), of(lambda: du.MLPDenoiser(2, hidden=9, depth=1)), "network is"),
    "initial weights": (of(), of(lambda: points_network(seed=1)), "weights at the start"),
    "slope of an activation": (
        of(lambda: Own(nn.LeakyReLU(0.1))), of(lambda: Own(nn.LeakyReLU(0.2))), "network is",
    ),
    "what a network does": (of(), of(lambda: Louder(points_network())), ""),
    "output": (of(objective="mse"), of(lambda: points_network(output="linear"), objective="mse"), ""),
    "training since": (of(), of(trained_before), "weights at the start"),
}  # fmt: skip


def Louder(network):  # the same layers and weights by the same name, another function
    cls = type("MLPDenoiser", (du.MLPDenoiser,), {
        "logits": lambda self, x, sigma=None: 2 * du.MLPDenoiser.logits(self, x, sigma)})  # fmt: skip
    network.__class__ = cls
    return network


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_checkpoint_of_another_training_is_refused(name, tmp_path):
    first, second, text = DIFFERENT[name]
    file = tmp_path / "state"
    network, source, how = first()
    fit(network, source, checkpoint=file, **how)
    stored = file.read_bytes()
    network, source, how = second()
    before = [value.clone() for value in network.state_dict().values()]
    with pytest.raises(ValueError, match=f"belongs to another training .*({text}).*name another file"):
        fit(network, source, checkpoint=file, **how)
    assert file.read_bytes() == stored and [path.name for path in tmp_path.iterdir()] == ["state"]
    assert all(map(torch.equal, before, network.state_dict().values()))


SAME = {
    "as it was": (of(), of()),
    "data in other memory": (of(), of(source=POINTS.double().float().T.contiguous().T)),
    "numbers of numpy": (of(), of(steps=np.int64(3), seed=np.int64(0), sigma=np.float64(0.1))),
    "a function written again": (
        of(many_levels, sigma=level_of(0.1)), of(many_levels, sigma=lambda n, g: torch.ones(n) * 0.1),
    ),
    "another stream of the same points": (of(source=du.ring), of(source=lambda: du.ring(modes=8))),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_same_training_in_other_words_goes_on(name, tmp_path, monkeypatch, often):
    first, second = SAME[name]
    whole, source, how = first()
    fit(whole, source, **how)
    _, source, how = first()
    cut_short(1, lambda: first()[0], source, tmp_path / "state", monkeypatch, **how)
    network, source, how = second()
    fit(network, source, checkpoint=tmp_path / "state", **how)
    assert equal(network, whole)


# Files that are none, and places where none can be


@pytest.fixture
def stored(tmp_path):
    file = tmp_path / "state"
    fit(points_network(), POINTS, sigma=0.1, steps=3, checkpoint=file)
    return file


DAMAGE = {
    "cut short": lambda file: file.write_bytes(file.read_bytes()[:-50]),
    "empty": lambda file: file.write_bytes(b""),
    "weights": lambda file: save_file({"weight": torch.zeros(3)}, file),
    "a text": lambda file: file.write_text("steps: 3", encoding="utf-8"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_or_foreign_file_is_refused_and_left(stored, damage):
    DAMAGE[damage](stored)
    before = stored.read_bytes()
    network = points_network()
    with pytest.raises(ValueError, match=r"no checkpoint of this book, or a damaged one.*remove it"):
        fit(network, POINTS, sigma=0.1, steps=3, checkpoint=stored)
    assert stored.read_bytes() == before and equal(network, points_network())


def test_no_bit_of_a_checkpoint_can_flip_unnoticed(stored):
    good = stored.read_bytes()
    for i in range(0, len(good), len(good) // 60):
        stored.write_bytes(good[:i] + bytes([good[i] ^ 1 << i % 8]) + good[i + 1 :])
        with pytest.raises(ValueError, match="a damaged one"):
            fit(points_network(), POINTS, sigma=0.1, steps=3, checkpoint=stored)


def test_a_folder_is_no_checkpoint_and_nobody_is_told_to_remove_it(tmp_path):
    with pytest.raises(ValueError, match="is a folder; expected the name of a file") as error:
        fit(points_network(), POINTS, sigma=0.1, steps=3, checkpoint=tmp_path)
    assert "remove" not in str(error.value)


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    fit(points_network(), POINTS, sigma=0.1, steps=1, checkpoint="~/runs/state")
    assert (tmp_path / "home/runs/state").exists() and not (tmp_path / "~").exists()


def test_a_folder_that_cannot_be_written_is_known_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("in the way")
    network = points_network()
    with pytest.raises(OSError, match=r"could not be written .*name another"):
        fit(network, POINTS, sigma=0.1, steps=3, checkpoint=tmp_path / "file" / "state")
    assert equal(network, points_network())


def test_a_full_disk_leaves_the_last_good_checkpoint(stored, monkeypatch):
    before = stored.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*The last one is kept"):
        fit(points_network(), POINTS, sigma=0.1, steps=3, checkpoint=stored)
    assert stored.read_bytes() == before
    assert [path.name for path in stored.parent.iterdir()] == ["state"]  # no draft is left
