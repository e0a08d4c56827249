"""A training that was ended goes on as if it had not been: killed, out of room, or met by strangers."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from oracles import seeded
from safetensors import safe_open
from safetensors.torch import save_file

import daeutils as du
from daeutils import training
from daeutils.checkpoint import KEY, Checkpoint, _digest

POINTS = torch.rand(300, 2, generator=seeded())
IMAGES = torch.rand(20, 1, 8, 8, generator=seeded())
LAW = du.corruption.log_normal()

fit = partial(du.fit, device="cpu", progress=False)


def points_network():
    return du.MLPDenoiser(2, hidden=8, depth=1)


def image_network():
    return du.UNetDenoiser(side=8, width=4, dense=8, noise_levels=True)


CASES = {
    "points": (points_network, POINTS, {"sigma": 0.1}),
    "points, Adam": (points_network, POINTS, {"sigma": 0.1, "optimiser": "adam"}),
    "images, many levels": (image_network, IMAGES, {"sigma": LAW, "batch_size": 5}),
    "a law": (points_network, du.ring(), {"sigma": 0.1}),
}


def equal(a, b) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


class Stop(Exception):
    """Stands for whatever ends a process between two steps."""


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("after", [1, 7])
def test_a_run_cut_in_two_is_the_run(name, after, tmp_path, monkeypatch):
    make, source, how = CASES[name]
    whole = make()
    losses = fit(whole, source, steps=12, **how).loss
    monkeypatch.setattr(training, "EVERY", -1)  # after each step

    cut, file, logits = make(), tmp_path / "state", type(make()).logits
    seen = []

    def stopping(self, *args):
        seen.append(1)
        if len(seen) == after + 1:
            raise Stop
        return logits(self, *args)

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(type(cut), "logits", stopping)
        fit(cut, source, steps=12, checkpoint=file, **how)
    again = make()
    history = fit(again, source, steps=12, checkpoint=file, **how)
    assert equal(again, whole) and history.loss == losses
    finished = make()
    assert fit(finished, source, steps=12, checkpoint=file, **how).loss == losses
    assert equal(finished, whole)  # nothing is left to do
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_checkpoint_changes_nothing(tmp_path, monkeypatch):
    a, b = points_network(), points_network()
    fit(a, POINTS, sigma=0.1, steps=5)
    monkeypatch.setattr(training, "EVERY", -1)
    fit(b, POINTS, sigma=0.1, steps=5, checkpoint=str(tmp_path / "a new folder" / "state"))
    assert equal(a, b)


def test_a_budget_of_seconds_is_spent_once(tmp_path):
    """What was spent before the run was ended counts: the same call again has nothing left to do."""
    first, again = (
        fit(points_network(), POINTS, sigma=0.1, seconds=0.2, checkpoint=tmp_path / "state")
        for _ in range(2)
    )
    assert again.loss == first.loss and again.seconds >= 0.2


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from safetensors import safe_open
import daeutils as du
from daeutils import training

torch.set_num_threads(1)
training.EVERY = 0.004
folder, kills = sys.argv[1], int(sys.argv[2])
points = torch.rand(300, 2, generator=torch.Generator().manual_seed(0))

def train(file, steps=1200):
    network = du.MLPDenoiser(2, hidden=8, depth=1)
    du.fit(network, points, sigma=0.1, steps=steps, batch_size=16, device="cpu", progress=False,
           checkpoint=file)
    return torch.cat([p.detach().flatten() for p in network.parameters()])

whole = train(None)  # what a first call loads is loaded here and for "warm", not in each child again
for _ in range(2):
    train(folder + "/warm", 5)
start = time.monotonic()
train(folder + "/paced", 60)
pace = time.monotonic() - start
chance, survived = random.Random(0), 0
for i in range(kills):  # a new process each time; what is left of it is the file
    child = os.fork()
    if child == 0:
        train(folder + "/state")
        os._exit(0)
    time.sleep(chance.uniform(0.0, pace))
    os.kill(child, signal.SIGKILL)
    survived += os.waitpid(child, 0)[1] == signal.SIGKILL
with safe_open(folder + "/state", "pt") as file:
    taken = len(file.get_tensor("losses"))
assert torch.equal(train(folder + "/state"), whole)

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
        train(folder + "/" + place, 100)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert list(Path(folder).glob(f".{place}.*")), "the kill did not meet a write"
    assert torch.equal(train(folder + "/" + place, 100), train(None, 100))
print(taken, survived)
"""


def test_twenty_kills_at_random_moments_and_two_while_it_writes_change_no_bit(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), "20"],
        capture_output=True, text=True, timeout=240,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    taken, killed = map(int, done.stdout.split())
    assert killed >= 10 and taken >= 20  # they were killed at work: not after it, and not before it


# What it refuses


@pytest.fixture
def stored(tmp_path):
    file = tmp_path / "state"
    fit(points_network(), POINTS, sigma=0.1, steps=3, checkpoint=file)
    return file


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"steps": 4}, "steps is 4, there 3"),
        ({"sigma": 0.2}, r"sigma is 'float 0\.2', there 'float 0\.1'"),
        ({"seed": 1}, "seed is 1, there 0"),
        ({"lr": 0.5}, r"lr is 0\.5, there 0\.02"),
        ({"objective": "mse"}, "objective is 'mse', there 'bce'"),
        ({"batch_size": 7}, "batch_size is 7, there 1024"),
        ({"weight": torch.square}, "weight is .*square.*, there None"),
    ],
)
def test_the_checkpoint_of_other_arguments_is_refused(stored, change, text):
    before = stored.read_bytes()
    with pytest.raises(ValueError, match=f"another training.*{text}.*name another file"):
        fit(points_network(), POINTS, **({"sigma": 0.1, "steps": 3} | change), checkpoint=stored)
    assert stored.read_bytes() == before


def test_the_checkpoint_of_other_data_or_another_network_is_refused(stored):
    for network, source in [
        (points_network(), POINTS.flip(0)),
        (points_network(), du.ring()),
        (du.MLPDenoiser(2, hidden=9, depth=1), POINTS),
    ]:
        with pytest.raises(ValueError, match="belongs to another training"):
            fit(network, source, sigma=0.1, steps=3, checkpoint=stored)


def test_a_law_of_levels_is_known_by_its_numbers(tmp_path):
    how = {"steps": 2, "batch_size": 5, "checkpoint": tmp_path / "state"}
    fit(image_network(), IMAGES, sigma=du.corruption.log_normal(mean=-1.0), **how)
    with pytest.raises(ValueError, match=r"sigma is .*-2\.0.*there .*-1\.0"):
        fit(image_network(), IMAGES, sigma=du.corruption.log_normal(mean=-2.0), **how)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-50])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def a_bit_flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)


def weights_of_another_tool(file: Path) -> None:
    save_file({"weight": torch.zeros(3)}, file)


def a_text(file: Path) -> None:
    file.write_text(json.dumps({"steps": 3}), encoding="utf-8")


def a_header_without_a_training(file: Path) -> None:
    tensors = {"losses": torch.zeros(3)}
    save_file(tensors, file, metadata={KEY: "[]", "sha256": _digest("[]", tensors)})


def a_header_larger_than_any_memory(file: Path) -> None:
    file.write_bytes((2**62).to_bytes(8, "little") + file.read_bytes()[8:])


DAMAGE = [
    *[cut_short, emptied, a_bit_flipped, weights_of_another_tool, a_text],
    *[a_header_without_a_training, a_header_larger_than_any_memory],
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_or_foreign_file_is_refused_and_left(stored, damage):
    damage(stored)
    before = stored.read_bytes()
    network, fresh = points_network(), points_network()
    network.level.fill_(0.1), fresh.level.fill_(0.1)
    with pytest.raises(ValueError, match=r"no checkpoint of this book, or a damaged one.*remove it"):
        fit(network, POINTS, sigma=0.1, steps=3, checkpoint=stored)
    assert stored.read_bytes() == before and equal(network, fresh)


@pytest.mark.parametrize(
    "change", ["no losses", "losses of another shape", "a weight less", "a wider one"]
)
def test_a_checkpoint_without_the_tensors_is_refused(stored, change):
    """Its header is right, so that only the tensors tell; the network stays as it was."""
    with safe_open(stored, framework="pt") as file:
        about, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    name = next(name for name in tensors if name.startswith("module."))
    if change == "no losses":
        del tensors["losses"]
    elif change == "losses of another shape":
        tensors["losses"] = torch.zeros(3, 3)
    elif change == "a weight less":
        del tensors[name]
    else:
        tensors[name] = torch.zeros(7, 7)
    save_file(tensors, stored, about | {"sha256": _digest(about[KEY], tensors)})
    network, fresh = points_network(), points_network()
    network.level.fill_(0.1), fresh.level.fill_(0.1)
    with pytest.raises(ValueError, match=r"does not hold the tensors of this training.*remove it"):
        fit(network, POINTS, sigma=0.1, steps=3, checkpoint=stored)
    assert equal(network, fresh)


def test_no_bit_of_a_checkpoint_can_flip_unnoticed(stored):
    """One bit of every third byte, in turn: of the header, losses, weights, and optimisers' states."""
    good = stored.read_bytes()
    about = dict.fromkeys(["objective", "optimiser", "batch_size", "seed", "steps", "seconds", "lr"])
    empty = Checkpoint(stored, about, {}, [])
    with pytest.raises(ValueError, match="another training"):
        empty.load()  # so the file as it was written is read, and known
    for i in range(0, len(good), 3):
        stored.write_bytes(good[:i] + bytes([good[i] ^ 1 << i % 8]) + good[i + 1 :])
        with pytest.raises(ValueError, match="a damaged one"):
            empty.load()


def test_a_folder_is_no_checkpoint_and_nobody_is_told_to_remove_it(tmp_path):
    with pytest.raises(ValueError, match="is a folder; expected the name of a file") as error:
        fit(points_network(), POINTS, sigma=0.1, steps=3, checkpoint=tmp_path)
    assert "remove" not in str(error.value)


def test_what_was_read_is_no_longer_bound_to_the_file(tmp_path):
    """Somebody copies another file over it while the training goes on: weights and momentum stay."""
    network, file = points_network(), tmp_path / "state"
    adam = torch.optim.Adam(network.parameters())
    network(POINTS).sum().backward()
    adam.step()
    store = Checkpoint(file, {}, {"module": network}, [adam])
    store.save(torch.ones(2), 0.0)
    losses, _ = store.load()
    momentum = [value for each in adam.state.values() for value in each.values()]
    tensors = [losses, *network.parameters(), *momentum]
    before = [tensor.clone() for tensor in tensors]
    file.write_bytes(file.read_bytes()[::-1])
    assert all(torch.equal(a, b) for a, b in zip(tensors, before, strict=True))


def test_the_draft_of_a_process_that_was_killed_is_removed_in_time(stored):
    drafts = [stored.with_name(".state.1"), stored.with_name(".state.2"), stored.with_name(".statement")]
    for draft in drafts:
        draft.touch()
        os.utime(draft, (0, 0))
    os.utime(drafts[1])  # somebody may be at it
    fit(points_network(), POINTS, sigma=0.1, steps=3, checkpoint=stored)
    assert [draft.exists() for draft in drafts] == [False, True, True]


def test_a_folder_that_cannot_be_written_is_known_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("in the way")
    network, steps = points_network(), []
    network.register_forward_pre_hook(lambda *_: steps.append(1))
    with pytest.raises(OSError, match=r"could not be written .*name another"):
        fit(network, POINTS, sigma=0.1, steps=3, checkpoint=tmp_path / "file" / "state")
    assert not steps


def test_a_full_disk_leaves_the_last_good_checkpoint(stored, monkeypatch):
    before = stored.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*The last one is kept"):
        fit(points_network(), POINTS, sigma=0.1, steps=3, checkpoint=stored)
    assert stored.read_bytes() == before
    assert [path.name for path in stored.parent.iterdir()] == ["state"]  # no draft is left


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file size limit")
def test_a_disk_that_is_really_full(tmp_path):
    """A limit on the size of files, as a quota has it: the write fails half-way."""
    code = f"""
import resource, signal, torch, daeutils as du
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
points, file = torch.rand(50, 2, generator=torch.Generator().manual_seed(0)), {str(tmp_path / "state")!r}
how = dict(sigma=0.1, steps=2, device="cpu", progress=False, checkpoint=file)
du.fit(du.MLPDenoiser(2), points, **how)
good = open(file, "rb").read()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    du.fit(du.MLPDenoiser(2), points, **how)
except OSError as error:
    print(error)
assert open(file, "rb").read() == good
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "could not be written (File too large)" in done.stdout


MOUNTED = """
import subprocess, sys
from pathlib import Path
import torch, daeutils as du

home = Path(sys.argv[1])
small, fixed = home / "small", home / "fixed"
small.mkdir(), fixed.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", small], check=True)
points = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))

def train(file):
    network = du.MLPDenoiser(2, hidden=8, depth=1)
    du.fit(network, points, sigma=0.1, steps=2, device="cpu", checkpoint=file)

def refused(file):
    before, names = file.read_bytes(), sorted(file.parent.iterdir())
    try:
        train(file)
    except OSError as error:
        print(error)
    assert file.read_bytes() == before and sorted(file.parent.iterdir()) == names

train(small / "state"), train(fixed / "state")
try:
    (small / "others").write_bytes(bytes(10**6))
except OSError:
    pass  # now it is full
refused(small / "state")
(small / "others").unlink()
train(small / "state")
subprocess.run(["mount", "--bind", fixed, fixed], check=True)
subprocess.run(["mount", "-o", "remount,ro,bind", fixed], check=True)
refused(fixed / "state")
"""


def test_a_full_disk_and_a_read_only_one_leave_the_last_good_checkpoint(tmp_path):
    """Real ones: a tiny file system in memory, a folder mounted read-only; only this test sees them."""
    alone = ["unshare", "--map-root-user", "--mount"]
    try:
        permitted = subprocess.run([*alone, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        permitted = False
    if not permitted:
        pytest.skip("mounting a small disk is not permitted here (unshare --map-root-user --mount)")
    command = [*alone, sys.executable, "-c", MOUNTED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    full, fixed = done.stdout.splitlines()
    assert "could not be written (No space left on device)" in full and "The last one is kept" in full
    assert "could not be written (Read-only file system)" in fixed


def test_ctrl_c_leaves_a_checkpoint_from_which_the_run_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "EVERY", -1)
    whole = points_network()
    fit(whole, POINTS, sigma=0.1, steps=9)
    network, steps, logits = points_network(), [], du.MLPDenoiser.logits

    def interrupting(self, *args):
        steps.append(1)
        if len(steps) == 5:
            signal.raise_signal(signal.SIGINT)
        return logits(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(du.MLPDenoiser, "logits", interrupting)
        assert fit(network, POINTS, sigma=0.1, steps=9, checkpoint=tmp_path / "state").interrupted
    assert not fit(network, POINTS, sigma=0.1, steps=9, checkpoint=tmp_path / "state").interrupted
    assert equal(network, whole) and "interrupted after 4 steps" in capsys.readouterr().out
