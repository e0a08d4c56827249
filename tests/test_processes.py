"""One training in two processes, on the CPU: that of one up to rounding. How it ends when one dies."""

import json
import re
import sys
from pathlib import Path

import fresh
import nbformat
import pytest
import torch
from fresh import ROOT
from oracles import seeded
from safetensors.torch import load_file, load_model

import daeutils as du
from daeutils import train, zoo

POINTS = torch.rand(300, 2, generator=seeded())
IMAGES = torch.rand(20, 1, 8, 8, generator=seeded())


def run(*command, **keywords) -> str:
    env = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}
    return fresh.run(*command, env=env, timeout=180, **keywords)


def mlp(seed=0):
    return du.MLPDenoiser(2, hidden=16, depth=1, seed=seed)


def unet():
    return du.UNetDenoiser(side=8, width=4, dense=8, noise_levels=True)


LAW = du.corruption.log_normal()
CASES = {
    "points": (mlp, POINTS, {"sigma": 0.1}),
    "a law, Adam": (mlp, du.ring(), {"sigma": 0.1, "optimiser": "adam"}),
    "images, many levels": (unet, IMAGES, {"sigma": LAW, "batch_size": 6}),
    "images, Adam": (unet, IMAGES, {"sigma": LAW, "batch_size": 6, "optimiser": "adam"}),
}

# Two processes that do the cases above, and what only several can do wrong. Each writes what it saw.
DRIVER = """
import functools, json, os, random, signal, socket, sys, threading, time, types
from datetime import timedelta
from pathlib import Path
import torch
from accelerate import notebook_launcher
from safetensors.torch import save_model
from test_processes import CASES, POINTS, mlp
import daeutils as du
from daeutils import _processes, training

_processes.PATIENCE = timedelta(seconds=20)  # whatever goes wrong, the test comes to an end
folder, chance = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
fit = functools.partial(du.fit, progress=False)

def told(rank, **what):
    with open(folder / f"told-{rank}", "a") as file:
        file.write(json.dumps(what) + "\\n")

def refusal(call):
    try:
        call()
    except (RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"

def same():
    rank = os.environ["RANK"]
    for name, (make, source, how) in CASES.items():
        network = make()
        told(rank, case=name, losses=fit(network, source, steps=25, **how).loss)
        save_model(network, folder / f"{name}-{rank}")
    apart = mlp(seed=int(rank))  # becomes that of the first
    fit(apart, POINTS, sigma=0.1, steps=25)
    save_model(apart, folder / f"apart-{rank}")
    shared, rows = mlp(), []
    shared.logits = lambda x, sigma: rows.append(len(x)) or du.MLPDenoiser.logits(shared, x, sigma)
    fit(shared, POINTS, sigma=0.1, steps=2, batch_size=16)
    told(rank, case="share", rows=rows)
    hurried, begun = mlp(), time.monotonic()
    pace = 1 + int(rank)  # the clock of the second goes twice as fast
    training.time = types.SimpleNamespace(monotonic=lambda: begun + pace * (time.monotonic() - begun))
    told(rank, case="seconds", losses=fit(hurried, POINTS, sigma=0.1, seconds=0.8).loss)
    save_model(hurried, folder / f"seconds-{rank}")
    training.time = time
    told(rank, case="odd", error=refusal(lambda: fit(mlp(), POINTS, sigma=0.1, steps=1, batch_size=7)))
    own = dict(sigma=0.1, steps=3, checkpoint=folder / f"own-{rank}")  # not where all can read it
    fit(mlp(), POINTS, **own)
    told(rank, case="own", error=refusal(lambda: fit(mlp(), POINTS, **own)))

def long(file, seconds):
    rank = os.environ["RANK"]
    training.EVERY = 0.02
    if rank == "1" and seconds:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
    network = mlp()
    fit(network, POINTS, sigma=0.1, steps=400, batch_size=16, checkpoint=file)
    save_model(network, f"{file}-{rank}")

def interrupted():
    rank = os.environ["RANK"]
    Path(folder, f"ready-{rank}").touch()
    history = fit(mlp(), POINTS, sigma=0.1, seconds=100)
    told(rank, case="interrupt", stopped=history.interrupted, losses=history.loss)
    sys.stdout.flush()
    os._exit(0)  # to return, a process waits for its launcher, which waits 30 s for the process

def launch(function, *args):
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    error = None
    try:
        notebook_launcher(function, args, num_processes=2, use_port=port)
    except BaseException as caught:
        error = f"{type(caught).__name__}: {caught}"
    told("all", case=function.__name__, error=error, seconds=time.monotonic() - start)

def ctrl_c():
    while len(list(folder.glob("ready-*"))) < 2:
        time.sleep(0.02)
    time.sleep(1)
    os.killpg(0, signal.SIGINT)  # as a terminal sends it: to the launcher and to every process

launch(same)
launch(long, folder / "whole", 0)
launch(long, folder / "cut", chance.uniform(0.05, 1))
launch(long, folder / "cut", 0)
threading.Thread(target=ctrl_c, daemon=True).start()
launch(interrupted)
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Folder; what each process told: rank -> records, "all" is the launcher's; what was printed."""
    folder = tmp_path_factory.mktemp("two")
    start = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n{DRIVER}"]
    said = run(*start, folder, 0, cwd=folder, start_new_session=True)
    records = {
        rank: [json.loads(line) for line in (folder / f"told-{rank}").read_text("utf-8").splitlines()]
        for rank in ("0", "1", "all")
    }
    return folder, records, said


def of(records, case) -> list[dict]:
    """What the two processes told of one case."""
    return [next(r for r in records[rank] if r["case"] == case) for rank in "01"]


def tensors(file: Path) -> torch.Tensor:
    return torch.cat([value.flatten() for value in load_file(file).values()])


@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_steps_of_one(two, name):
    """Each works on half of the same batch. They differ by rounding, which Muon does to 16 bits."""
    folder, records, _ = two
    make, source, how = CASES[name]
    network = make()
    losses = du.fit(network, source, steps=25, device="cpu", progress=False, **how).loss
    for told in of(records, name):
        assert told["losses"][0] == pytest.approx(losses[0], rel=1e-6)
        assert told["losses"] == pytest.approx(losses, rel=1e-5 if "Adam" in name else 0.02)
    if "Adam" not in name:
        return
    other = make()
    load_model(other, folder / f"{name}-0")
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", [*CASES, "apart", "seconds", "cut"])
def test_every_process_ends_with_the_same_bits(two, name):
    a, b = (tensors(two[0] / f"{name}-{rank}") for rank in "01")
    assert torch.equal(a, b)


def test_networks_that_began_apart_begin_as_the_first(two):
    assert torch.equal(tensors(two[0] / "apart-1"), tensors(two[0] / "points-0"))


def test_each_process_works_on_its_share_of_the_batch(two):
    assert [told["rows"] for told in of(two[1], "share")] == [[8, 8], [8, 8]]


def test_a_limit_in_seconds_ends_all_at_one_step_by_the_fastest_clock(two):
    a, b = of(two[1], "seconds")
    assert a["losses"] == b["losses"] and len(a["losses"]) > 1


def test_a_batch_that_cannot_be_shared_is_refused(two):
    for told in of(two[1], "odd"):
        assert re.search("ValueError: batch_size is 7 for 2 processes.*multiple of 2", told["error"])


def test_a_checkpoint_that_one_process_cannot_read_is_noticed(two):
    """The first alone writes, so the second finds nothing under a name of its own."""
    assert (two[0] / "own-0").exists() and not (two[0] / "own-1").exists()
    for told in of(two[1], "own"):
        assert "RuntimeError: the processes of this training are at steps 0 to 3" in told["error"]


def test_a_killed_process_ends_the_run_soon_and_says_so(two):
    whole, cut, again = [r for r in two[1]["all"] if r["case"] == "long"]
    assert whole["error"] is None and again["error"] is None
    assert "ChildFailedError" in cut["error"] and cut["seconds"] < 60
    assert "SIGKILL" in cut["error"] or "another process of this training has ended" in cut["error"]


def test_after_the_kill_the_same_call_ends_with_the_bits_of_the_whole_run(two):
    assert torch.equal(tensors(two[0] / "cut-0"), tensors(two[0] / "whole-0"))


def test_ctrl_c_ends_all_after_the_same_step(two):
    _, records, printed = two
    a, b = of(records, "interrupt")
    assert a["stopped"] and b["stopped"] and a["losses"] == b["losses"] and len(a["losses"]) > 1
    said = re.findall(r"interrupted after (\d+) steps", printed)
    assert said == [str(len(a["losses"]))]  # by one of them


def test_the_recipes_run_under_accelerate_launch(tmp_path, capsys):
    """python -m daeutils.train, as `make weights` calls it: two processes, one file, the same network."""
    quick = ["spiral-mlp-bce", "--steps", "20", "--checkpoints", str(tmp_path / "kept")]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launch += ["--main_process_port", "0", "-m", "daeutils.train", *quick, "--out", tmp_path / "two"]
    (tmp_path / "two").mkdir(), (tmp_path / "one").mkdir()
    said = run(*launch, cwd=tmp_path)
    assert len(re.findall("spiral-mlp-bce {", said)) == 1  # one of them measured and wrote
    train.main([*quick, "--out", str(tmp_path / "one")])
    two, one = (zoo.card("spiral-mlp-bce", tmp_path / name) for name in ("two", "one"))
    assert two["metrics"] == pytest.approx(one["metrics"], rel=0.02)
    assert two["command"] == "python -m daeutils.train spiral-mlp-bce --steps 20" == one["command"]


def test_the_listing_of_chapter_a1_runs_as_a_notebook_of_its_own(tmp_path):
    cells = nbformat.read(ROOT / "notebooks" / "A1-your-own-data.ipynb", as_version=4).cells
    blocks = re.findall(r"```python\n(.*?)```", "\n".join(c.source for c in cells), re.DOTALL)
    (listing,) = [block for block in blocks if "notebook_launcher" in block]
    assert "(10_000,)" in listing
    shown = listing.replace("(10_000,)", "(2,)") + "\nprint(sum(p.numel() for p in network.parameters()))"
    said = run(sys.executable, "-c", shown, cwd=tmp_path)
    made = load_file(tmp_path / "digits.safetensors")
    assert int(said.split()[-1]) == sum(value.numel() for value in made.values())
    fresh = du.UNetDenoiser(noise_levels=True).state_dict()
    assert any(not torch.equal(fresh[name], value) for name, value in made.items())


ALONE = """
import sys
import torch
import daeutils as du
du.fit(du.MLPDenoiser(2, hidden=4, depth=1), torch.rand(9, 2), sigma=0.1, steps=2, progress=False)
print("accelerate" in sys.modules, torch.distributed.is_initialized())
"""


def test_a_process_alone_does_not_import_accelerate(tmp_path):
    assert run(sys.executable, "-c", ALONE, cwd=tmp_path).split() == ["False", "False"]
