"""One training in two processes, on the CPU: that of one up to rounding. How it ends when one dies."""

import json
import re
import sys
from pathlib import Path

import fresh
import nbformat
import pytest
import torch
import weights as recipes
from fresh import ROOT
from oracles import seeded
from PIL import Image
from safetensors.torch import load_file

import daeutils as du
from daeutils import zoo

POINTS = torch.rand(300, 2, generator=seeded())
IMAGES = torch.rand(20, 1, 8, 8, generator=seeded())


def run(*command, **keywords) -> str:
    env = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}
    return fresh.run(*command, env=env, timeout=180, **keywords)


def mlp(seed=0):
    return du.MLPDenoiser(2, hidden=16, depth=1, seed=seed)


def unet():
    return du.UNetDenoiser(side=8, width=4, dense=8, noise_levels=True)


LEVELS = du.corruption.log_normal()
CASES = {
    "points": (mlp, POINTS, {"sigma": 0.1}),
    "a stream, Adam": (mlp, du.ring(), {"sigma": 0.1, "optimiser": "adam"}),
    "images, many levels": (unet, IMAGES, {"sigma": LEVELS, "batch_size": 6}),
}

# Two processes that do the cases above, and what only several can do wrong. Each writes what it saw.
DRIVER = """
import functools, json, os, signal, socket, sys
from pathlib import Path
from accelerate import notebook_launcher
from safetensors.torch import save_model
from test_processes import CASES, POINTS, mlp
import daeutils as du
from daeutils import training

folder = Path(sys.argv[1])
fit = functools.partial(du.fit, progress=False)

def report(rank, **what):
    with open(folder / f"report-{rank}", "a") as file:
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
        report(rank, case=name, losses=fit(network, source, steps=25, **how).loss)
        save_model(network, folder / f"{name}-{rank}")
    apart = mlp(seed=int(rank))  # becomes that of the first
    fit(apart, POINTS, sigma=0.1, steps=25)
    save_model(apart, folder / f"apart-{rank}")
    shared, rows = mlp(), []
    logits = shared.logits
    shared.logits = lambda x, sigma=None: rows.append(len(x)) or logits(x, sigma)
    fit(shared, POINTS, sigma=0.1, steps=2, batch_size=16)
    report(rank, case="share", rows=rows[1:])  # the first is a trial
    report(rank, case="odd", error=refusal(lambda: fit(mlp(), POINTS, sigma=0.1, steps=1, batch_size=7)))
    own = dict(sigma=0.1, steps=3, checkpoint=folder / f"own-{rank}")  # not where all can read it
    fit(mlp(), POINTS, **own)
    report(rank, case="own", error=refusal(lambda: fit(mlp(), POINTS, **own)))

def long(file, killed):
    rank = os.environ["RANK"]
    training.EVERY = training.LOOK = 0.02
    loss, calls = du.Denoiser.loss, []

    def fatal(self, *args):
        calls.append(1)
        if len(calls) == 90:
            os.kill(os.getpid(), signal.SIGKILL)
        return loss(self, *args)

    if rank == "1" and killed:
        du.Denoiser.loss = fatal
    network = mlp()
    fit(network, POINTS, sigma=0.1, steps=120, batch_size=16, checkpoint=file)
    save_model(network, f"{file}-{rank}")

def launch(function, *args):
    error = None
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    try:
        notebook_launcher(function, args, num_processes=2, use_port=port)
    except BaseException as caught:
        error = f"{type(caught).__name__}: {caught}"
    report("all", case=function.__name__, error=error)

launch(same)
launch(long, folder / "whole", False)
launch(long, folder / "cut", True)
launch(long, folder / "cut", False)
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder, and what each process reported: rank -> records; "all" is the launcher's."""
    folder = tmp_path_factory.mktemp("two")
    paths = f"import sys; sys.path[:0] = [{str(ROOT / 'tests')!r}, {str(ROOT / 'tools')!r}]"
    run(sys.executable, "-c", f"{paths}\n{DRIVER}", folder, cwd=folder, start_new_session=True)
    records = {
        rank: [json.loads(line) for line in (folder / f"report-{rank}").read_text("utf-8").splitlines()]
        for rank in ("0", "1", "all")
    }
    return folder, records


def of(records, case) -> list[dict]:
    """What the two processes reported of one case."""
    return [next(r for r in records[rank] if r["case"] == case) for rank in "01"]


def tensors(file: Path) -> torch.Tensor:
    return torch.cat([value.flatten() for value in load_file(file).values()])


@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_steps_of_one(two, name):
    """Each works on half of the same batch. They differ by rounding."""
    make, source, how = CASES[name]
    losses = du.fit(make(), source, steps=25, device="cpu", progress=False, **how).loss
    for record in of(two[1], name):
        assert record["losses"][0] == pytest.approx(losses[0], rel=1e-6)
        assert record["losses"] == pytest.approx(losses, rel=1e-3)


# Each process compares the file, which the first one wrote, with its own share of the batches.


@pytest.mark.parametrize("name", [*CASES, "apart", "cut"])
def test_every_process_ends_with_the_same_bits(two, name):
    a, b = (tensors(two[0] / f"{name}-{rank}") for rank in "01")
    assert torch.equal(a, b)


def test_networks_that_began_apart_begin_as_the_first(two):
    assert torch.equal(tensors(two[0] / "apart-1"), tensors(two[0] / "points-0"))


def test_each_process_works_on_its_share_of_the_batch(two):
    assert [record["rows"] for record in of(two[1], "share")] == [[8, 8], [8, 8]]


def test_a_batch_that_cannot_be_shared_is_refused(two):
    for record in of(two[1], "odd"):
        assert re.search("ValueError: batch_size is 7 for 2 processes.*multiple of 2", record["error"])


def test_a_checkpoint_that_one_process_cannot_read_is_noticed(two):
    """The first alone writes, so the second finds nothing under a name of its own."""
    assert (two[0] / "own-0").exists() and not (two[0] / "own-1").exists()
    for record in of(two[1], "own"):
        assert "RuntimeError: the processes of this training are at steps [0, 3]" in record["error"]


def test_after_a_kill_the_same_call_ends_with_the_bits_of_the_whole_run(two):
    whole, cut, again = [r for r in two[1]["all"] if r["case"] == "long"]
    assert whole["error"] is None and again["error"] is None and cut["error"] is not None
    assert torch.equal(tensors(two[0] / "cut-0"), tensors(two[0] / "whole-0"))


LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
LAUNCH += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
LAUNCH += ["--main_process_port", "0"]


def test_the_recipes_run_under_accelerate_launch(tmp_path):
    """tools/weights.py, as `make weights` calls it: two processes, one file, the same network."""
    quick = ["spiral-mlp-bce", "--steps", "20", "--checkpoints", str(tmp_path / "kept")]
    launch = [*LAUNCH, ROOT / "tools" / "weights.py", *quick, "--out"]
    (tmp_path / "two").mkdir(), (tmp_path / "one").mkdir()
    printed = run(*launch, tmp_path / "two", cwd=tmp_path)
    assert len(re.findall("spiral-mlp-bce {", printed)) == 1  # one of them measured and wrote
    recipes.main([*quick, "--out", str(tmp_path / "one")])
    two, one = (zoo.card("spiral-mlp-bce", tmp_path / name) for name in ("two", "one"))
    assert two["metrics"] == pytest.approx(one["metrics"], rel=0.02)
    assert two["command"] == "python tools/weights.py spiral-mlp-bce --steps 20" == one["command"]


def test_the_listing_of_chapter_a1_runs_as_a_file_of_its_own(tmp_path):
    """In two processes, with small pictures and few steps in place of its own."""
    cells = nbformat.read(ROOT / "notebooks" / "A1-your-own-data.ipynb", as_version=4).cells
    blocks = re.findall(r"```python\n(.*?)```", "\n".join(c.source for c in cells), re.DOTALL)
    (listing,) = [block for block in blocks if "PartialState" in block]
    less = {"side=64": "side=8", "steps=10_000": "steps=2", "batch_size=256": "batch_size=4"}
    for given, small in less.items():
        assert given in listing
        listing = listing.replace(given, small)
    (tmp_path / "pictures" / "all").mkdir(parents=True)
    for number, grey in enumerate(torch.rand(20, 8, 8, 3).mul(255).byte().numpy()):
        Image.fromarray(grey).save(tmp_path / "pictures" / "all" / f"{number}.png")
    (tmp_path / "train.py").write_text(listing)
    run(*LAUNCH, tmp_path / "train.py", cwd=tmp_path)
    made = load_file(tmp_path / "pictures.safetensors")
    assert made and all(torch.isfinite(value).all() for value in made.values())


ALONE = """
import os, sys
import torch
import daeutils as du
for left_over in ({}, {"WORLD_SIZE": "2"}, {"WORLD_SIZE": "", "LOCAL_RANK": "0"}):
    os.environ |= left_over
    du.fit(du.MLPDenoiser(2, hidden=4, depth=1), torch.rand(9, 2), sigma=0.1, steps=2, progress=False)
    print("accelerate" in sys.modules, torch.distributed.is_initialized())
"""


def test_a_process_alone_does_not_import_accelerate(tmp_path):
    """Nor where something that ran before has left variables behind."""
    assert run(sys.executable, "-c", ALONE, cwd=tmp_path).split() == ["False"] * 6
