"""What the book costs: imports, memory, waiting; and the benchmark that measures speed."""

import json

import contestants
import pytest
import running
import speed
import speed_report
import torch
from oracles import seeded
from torch.utils._python_dispatch import TorchDispatchMode

import daeutils as du
from daeutils import training
from daeutils.training import optimise


def python(code: str) -> str:
    return running.python(code).strip()


def test_import_loads_nothing_slow():
    """Each of these takes longer to import than all of daeutils may, beyond torch: 0.3 seconds."""
    slow = "torchvision torchmetrics matplotlib ipywidgets IPython scipy sklearn sympy torch._dynamo"
    code = (
        "import sys, torch; before = set(sys.modules); import daeutils; print(*set(sys.modules) - before)"
    )
    loaded = set(python(code).split())
    assert "daeutils.evaluation" in loaded and not loaded & set(slow.split())


GROWTH = """
import chains, torch, daeutils as du
network = du.load("digits-unet-bce", "cpu")
x, held = torch.rand(600, 1, 28, 28), []
for n in (200, 600):
    for chain in chains.CHAINS.values():
        chain(network, x[:n], 1)
    held.append(chains.peak())
print(*held)
"""


def test_ten_thousand_digits_fit_in_two_gigabytes():
    """Each digit more takes so little in every chain that 10,000 stay below 2 GB; passes add nothing."""
    few, many = map(int, python(GROWTH).split())
    assert few + (10_000 - 200) * (many - few) / 400 < 2e9


def test_the_peak_is_that_of_the_process_and_not_of_the_one_that_started_it():
    large = torch.ones(2**28)  # a GB of this process
    peak = int(python("import chains; print(chains.peak())"))
    assert 2**26 < peak < large.nbytes


class Reads(TorchDispatchMode):
    """Counts the values that Python reads out of tensors: for each a GPU would finish its work first."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*arguments, **(keywords or {}))


def reads(work, steps: int) -> int:
    with Reads() as found:
        work(steps)
    return found.count


def train(steps):
    module = torch.nn.Linear(3, 3)
    optimise(module, lambda: module.weight.sum(), steps=steps, orthogonal=True, progress=False)


GREY = torch.rand(4, 2, generator=seeded())
WORK = {
    "training": train,
    "iterate": lambda n: du.iterate(lambda x, sigma: x / 2, GREY, n, 0.3),
    "walkback": lambda n: du.walkback(lambda x, sigma: x / 2, GREY, n, 0.3),
    "langevin": lambda n: du.langevin(lambda x, sigma: x / 2, GREY, n, 0.3),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_more_steps_read_no_more_values(work):
    assert 0 < reads(work, 3) == reads(work, 12)


def test_a_chain_that_diverges_says_so():
    with pytest.raises(ValueError, match=r"ended at NaN or infinity.*smaller steps"):
        du.langevin(lambda x, sigma: -x, GREY, 200, 0.1, step_size=1.0)


# The benchmark


@pytest.mark.parametrize(
    "way", ["fit", "fit, Adam", contestants.TORCH, contestants.BARE, contestants.GRAPH, "tutorial"]
)
def test_each_way_trains_the_network_that_it_is_given(way):
    """And ticks once a step: the clock counts what it says."""
    ticks = []
    task = speed.task_of("MLP, batch 1024", "CPU", speed.QUICK, lambda: ticks.append(0))
    before = [p.detach().clone() for p in task.network.parameters()]
    contestants.CONTESTANTS[way](task, 3)
    assert len(ticks) == 3
    changed = any(not torch.equal(a, b) for a, b in zip(before, task.network.parameters(), strict=True))
    assert changed == (way not in (contestants.BARE, contestants.GRAPH))
    assert all(p.grad is not None for p in task.network.parameters())


def test_the_parts_of_a_step_add_up_to_the_whole():
    rows = speed.shares("MLP, batch 1024", "CPU", speed.QUICK)
    assert sum(row["share"] for row in rows) == pytest.approx(1, abs=1e-3)
    assert all(row["ms"] > 0 for row in rows)
    assert {row["part"] for row in rows} == {*speed.PARTS, "rest"}


def test_each_way_takes_as_few_steps_as_reach_the_tutorials_error(monkeypatch):
    """A way that does not learn is given twice the tutorial's steps, and is then said not to reach it."""
    monkeypatch.setitem(contestants.CONTESTANTS, "idle", lambda task, steps: None)
    task, where = "MLP, batch 1024", "CPU"
    rows = speed.reached(task, where, 1, 1e-3, (contestants.FIT, "idle"), speed.QUICK)
    goal, found, idle = rows
    assert goal["steps"] == speed.QUICK.tutorial[0] and found["error"] <= goal["error"] < idle["error"]
    assert found["times"] == pytest.approx(goal["seconds"] / found["seconds"], rel=1e-2)
    assert idle["times"] is None and idle["steps"] >= 2 * goal["steps"] > idle["steps"] / 2
    about = {"task": task, "on": where, "seed": 1, "torch": "2.11", "date": "2026-01-01"}
    text = speed_report.page({"accuracy": [{**about, **row} for row in rows]})
    assert f"| fit | {found['steps']} | {found['error']:.3g} | {found['times']:.3g} |" in text
    assert "| idle | not reached |" in text


def test_a_slope_is_the_power():
    rows = [{"at": at, "seconds": 3 * at**1.5} for at in (1, 10, 50)]
    assert speed_report.slope(rows) == pytest.approx(1.5)


def test_the_width_grows_with_either_optimiser(monkeypatch):
    """On a CPU one Muon or the other takes the steps; where no GPU is there, both are measured."""
    taken = []

    class Counted(du.Muon):
        def step(self):
            taken.append(len(self.param_groups))
            return super().step()

    monkeypatch.setattr(training, "Muon", Counted)
    speed.cost("width", 8, "CPU", speed.QUICK)
    assert len(taken) == 20
    speed.cost(speed.WIDER, 8, "CPU", speed.QUICK)
    assert len(taken) == 20
    runs = [settings for settings, _ in speed.growth_all(speed.QUICK, None)]
    of_width = [(run["of"], run["on"]) for run in runs if run["of"].startswith("width")]
    assert set(of_width) - {("width", "GPU")} == {("width", "CPU"), (speed.WIDER, "CPU")}


def test_growth_is_kept_and_drawn(tmp_path):
    speed.main(["growth", "--quick", "--only", "of = steps", "--out", str(tmp_path)])
    rows = json.loads((tmp_path / "speed" / "growth.json").read_text("utf-8"))
    assert [row["at"] for row in rows] == list(speed.QUICK.counts) * len(speed.devices())
    text = (tmp_path / "speed.md").read_text("utf-8")
    assert f"| CPU | {rows[0]['seconds']:.3g} |" in text and "slope" in text
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


def test_a_column_without_a_gpu_is_empty():
    about = {"device": "CPU, 1 thread", "torch": "2.11", "date": "2026-01-01", "on": "CPU"}
    rows = [{**about, "task": "MLP", "way": way, "rate": 10.0, "ratio": 2.0, "low": 1.5, "high": 3.0}
            for way in ("fit", contestants.BARE)]  # fmt: skip
    text = speed_report.page({"training": rows})
    assert "| fit | 10 | 2.00 (1.50 to 3.00) |  |  |" in text
