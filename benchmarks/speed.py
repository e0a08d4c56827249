"""How fast is the book on one machine, beside other loops and beside what the hardware allows?

    python benchmarks/speed.py [training] [older] [accuracy] [profile] [limits] [sampling] [startup]
                               [growth]

Speeds are compared as ratios within one run: the contestants take turns, several rounds of them. Each
finished run is kept at once, in docs/measured/speed/<section>.json, and is not repeated.
"""

import importlib.util
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple
from unittest import mock

import chains
import contestants
import peers
import running
import speed_report
import torch
from chains import device, wait
from contestants import ADAM, BARE, CONTESTANTS, FIT, GRAPH, LOADED, SIGMA, TORCH, TUTORIAL, Task, fit
from torch.profiler import ProfilerActivity, profile, record_function

import daeutils as du
from daeutils import training
from daeutils._recording import WARM, Recorded

ROOT = running.ROOT


class Sizes(NamedTuple):
    """How much of everything: the real thing, or enough to see that it runs."""

    rounds: int = 7
    rounds_gpu: int = 5
    steps: tuple = (200, 15)  # timed in each round: points, images
    steps_gpu: tuple = (320, 160)
    loaded_gpu: tuple = (30, 60)  # where a loader feeds a GPU: it waits long
    warm: int = 5  # steps before the clock starts; by then a GPU has recorded one
    tutorial: tuple = (4000, 1000)  # steps whose accuracy the others are to reach: points, images
    rates: tuple = (3e-4, 1e-3, 3e-3)  # the tutorial's loop takes the best one, chosen on seed 0
    fresh: tuple = (1, 2, 3)  # seeds that are compared
    points: int = 100_000
    images: tuple = (1000, 10_000)  # that a chain holds
    passes: int = 3
    starts: int = 7  # processes that import
    repeats: int = 3
    counts: tuple = (100, 200, 400, 800, 1600)
    widths: tuple = (64, 128, 256, 512, 1024)
    sides: tuple = (16, 32, 64, 128)
    sizes: tuple = (1000, 10_000, 100_000, 1_000_000)


QUICK = Sizes(
    2, 2, (6, 2), (6, 6), (6, 6), 1, (60, 4), (1e-3,), (1,), 3000, (30,), 1, 1, 1, (2, 4), (8, 16),
    (8, 16), (200, 400),
)  # fmt: skip

Runs = Iterator[tuple[dict, Callable[[], list[dict]]]]


def devices() -> list[str]:
    """The CPU, and the GPU where there is one."""
    return ["CPU", *(["GPU"] if torch.cuda.is_available() else [])]


def words(on: str) -> dict:
    """What a row says of its device: a CPU is a CPU also where there is a GPU."""
    return {} if on == "GPU" else {"device": running.cpu_words()}


# --- Training -----------------------------------------------------------------------------------------

TASKS = {  # name: (network, batch size)
    "MLP, batch 1024": (partial(du.MLPDenoiser, 2), 1024),
    "MLP, batch 2048": (partial(du.MLPDenoiser, 2), 2048),
    "U-Net, batch 64": (du.UNetDenoiser, 64),
}


def task_of(
    name: str, on: str, sizes: Sizes, tick: Callable[[], None] = lambda: None, seed: int = 0
) -> Task:
    """A fresh network with its data; tick is called before each forward pass."""
    make, batch = TASKS[name]
    network = make(seed=seed)
    x = du.digits()[0] if name.startswith("U-Net") else points(sizes.points)
    logits = network.logits

    def ticking(*arguments):
        tick()
        return logits(*arguments)

    network.logits = ticking
    return Task(network, x, batch, device(on), tick, seed)


def timed(name: str, on: str, sizes: Sizes, way: str = FIT) -> int:
    """Steps on the clock in each round."""
    on_gpu = sizes.loaded_gpu if way in LOADED else sizes.steps_gpu
    return (on_gpu if on == "GPU" else sizes.steps)[name.startswith("U-Net")]


def points(n: int) -> torch.Tensor:
    """Of the ring, in the unit square."""
    return du.ring().sample(n, torch.Generator().manual_seed(1)).clamp(0, 1)


def rate(way: str, name: str, on: str, steps: int, sizes: Sizes) -> float:
    """Steps per second, from one forward pass to another: what comes before the first is not counted."""
    first, times, passes = sizes.warm, [], count()

    def tick():
        if next(passes) in (first, first + steps):
            wait(device(on))
            times.append(time.perf_counter())

    CONTESTANTS[way](task_of(name, on, sizes, tick), first + steps + 1)
    return steps / (times[1] - times[0])


def race(name: str, on: str, sizes: Sizes, ways: Sequence[str] = tuple(CONTESTANTS)) -> list[dict]:
    """Contestants in turn, several rounds: the median, and how many times as fast `fit` is."""
    absent = [p for p in ("lightning", "smalldiffusion") if importlib.util.find_spec(p) is None]
    if absent:
        print(f"Left out, because not installed: {', '.join(absent)}. Use: {peers.INSTALL}")
    ways = [way for way in ways if way.split(",")[0] not in absent]
    ways = [way for way in ways if way != (GRAPH if on == "CPU" else TORCH)]  # on a GPU `fit` takes it
    steps = {way: timed(name, on, sizes, way) for way in ways}
    times = sizes.rounds_gpu if on == "GPU" else sizes.rounds
    rounds = [{way: rate(way, name, on, steps[way], sizes) for way in ways} for _ in range(times)]
    rows = []
    for way in ways:
        ratios = [r[FIT] / r[way] for r in rounds]
        found = {"rate": median(r[way] for r in rounds), "ratio": median(ratios), "low": min(ratios),
                 "high": max(ratios)}  # fmt: skip
        rows.append({"way": way, **{k: round(v, 4) for k, v in found.items()}, **words(on)})
    return rows


def race_all(sizes: Sizes, rows) -> Runs:
    """Training steps per second."""
    for on in devices():
        for name in TASKS:
            yield {"task": name, "on": on}, partial(race, name, on, sizes)


AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def older(name: str, sizes: Sizes) -> list[dict]:
    """The race in a process that PyTorch and its libraries take for one on an older CPU."""
    ways = (FIT, ADAM, TORCH, BARE)
    code = f"import json, speed; print(json.dumps(speed.race({name!r}, 'CPU', speed.{sizes}, {ways})))"
    return json.loads(running.python(code, env=AVX2).splitlines()[-1])


def older_all(sizes: Sizes, rows) -> Runs:
    """Training steps per second without AVX-512, as on many laptops."""
    for name in TASKS:
        yield {"task": name, "instructions": "AVX2"}, partial(older, name, sizes)


# --- Time to the same accuracy ------------------------------------------------------------------------


def error_of(task: Task) -> float:
    """Points: the relative error of the score on fresh ones. Images: the loss on the test digits."""
    chance, network = torch.Generator().manual_seed(2), task.network.requires_grad_(False)
    images = task.x.ndim == 4
    x = du.digits("test")[0] if images else du.ring().sample(20_000, chance)
    x_noisy = du.corruption.gaussian(x, SIGMA, chance)
    if images:
        logits = network.logits(x_noisy.to(task.device), SIGMA)
        return du.objectives.bce(logits, x.to(task.device)).mean().item() / x[0].numel()
    learned = du.score_from_denoiser(network, x_noisy.to(task.device), SIGMA).cpu()
    return du.relative_error(learned, du.ring().smooth(SIGMA).score(x_noisy))


def trained(way: Callable, name: str, on: str, seed: int, steps: int, sizes: Sizes) -> dict:
    """One whole training: its seconds, preparation included, and its error."""
    task = task_of(name, on, sizes, seed=seed)
    start = time.perf_counter()
    way(task, steps)
    wait(device(on))
    seconds = time.perf_counter() - start
    return {"steps": steps, "seconds": round(seconds, 4), "error": round(error_of(task), 6), **words(on)}


def reached(name: str, on: str, seed: int, lr: float, ways: tuple, sizes: Sizes) -> list[dict]:
    """The tutorial's loop, and with how few steps (25, 50, 100 ...) each way does as well."""
    most = sizes.tutorial[name.startswith("U-Net")]
    goal = trained(partial(CONTESTANTS[TUTORIAL], lr=lr), name, on, seed, most, sizes)
    rows = [{"way": TUTORIAL, "times": 1.0, **goal}]
    for way in ways:
        for steps in (25 * 2**k for k in count()):
            found = trained(CONTESTANTS[way], name, on, seed, steps, sizes)
            if found["error"] <= goal["error"] or steps >= 2 * most:
                break
        as_good = found["error"] <= goal["error"]
        times = round(goal["seconds"] / found["seconds"], 3) if as_good else None
        rows.append({"way": way, "times": times, **found})
    return rows


def accuracy_all(sizes: Sizes, rows) -> Runs:
    """How much sooner `fit` is as accurate as the loop that tutorials show."""
    for on in devices():
        for name in ("MLP, batch 1024", "U-Net, batch 64"):

            def one(seed, lr, ways, on=on, name=name):
                settings = {"task": name, "on": on, "seed": seed, "lr": lr}
                return settings, partial(reached, name, on, seed, lr, ways, sizes)

            yield from (one(0, lr, ()) for lr in sizes.rates if on == "CPU")
            mine = {"task": name, "on": "CPU", "seed": 0}.items()  # on a GPU it is the same training
            best = min((row for row in rows() if mine <= row.items()), key=lambda row: row["error"])
            ways = (FIT, ADAM, TORCH) if on == "CPU" else (FIT, ADAM)
            yield from (one(seed, best["lr"], ways) for seed in sizes.fresh)


# --- Where the time goes ------------------------------------------------------------------------------

PARTS = ("forward", "backward", "Muon", "Adam", "batches", "averaging")
# The book's on a CPU, PyTorch's on a GPU.
OPTIMISERS = [("Muon", du.Muon), ("Muon", torch.optim.Muon), ("Adam", torch.optim.Adam)]


def shares(name: str, on: str, sizes: Sizes) -> list[dict]:
    """Milliseconds of a step in each of its parts, by torch.profiler; on a GPU each is waited for."""
    where, steps = device(on), timed(name, on, sizes)

    def named(part, function):
        def call(*arguments, **keywords):
            with record_function(f"part: {part}"):
                out = function(*arguments, **keywords)
                wait(where)
            return out

        return call

    def optimise(module, loss, *, batch, **keywords):
        keywords |= {"batch": named("batches", batch), "record": False}  # a recording has no parts
        with record_function("part: all"):
            return whole(module, named("forward", loss), **keywords)

    whole = training.optimise
    replaced = [
        (training, "optimise", optimise),
        (torch.Tensor, "backward", named("backward", torch.Tensor.backward)),
        *[(optimiser, "step", named(part, optimiser.step)) for part, optimiser in OPTIMISERS],
        (torch, "_foreach_lerp_", named("averaging", torch._foreach_lerp_)),
    ]
    fit(task_of(name, on, sizes), sizes.warm)
    task = task_of(name, on, sizes)
    patches = [mock.patch.object(*each) for each in replaced]
    for patch in patches:
        patch.start()
    try:
        with profile(activities=[ProfilerActivity.CPU], acc_events=True) as found:
            fit(task, steps)
    finally:
        for patch in patches:
            patch.stop()
    spent = Counter()
    for event in found.key_averages():
        if event.key.startswith("part: "):
            spent[event.key.removeprefix("part: ")] += event.cpu_time_total / 1000 / steps
    spent["rest"] = spent["all"] - sum(spent[part] for part in PARTS)
    return [
        {"part": part, "ms": round(spent[part], 4), "share": round(spent[part] / spent["all"], 4),
         **words(on)}
        for part in (*PARTS, "rest")
    ]  # fmt: skip


def profile_all(sizes: Sizes, rows) -> Runs:
    """Which part of a step takes how long."""
    for on in devices():
        for name in TASKS:
            yield {"task": name, "on": on}, partial(shares, name, on, sizes)


# --- What a GPU allows --------------------------------------------------------------------------------


def seconds(work: Callable[[], object], repeats: int = 7) -> float:
    """On the GPU's own clock; the median."""
    found = []
    for _ in range(repeats + 1):  # the first sets up
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        end.synchronize()
        found.append(start.elapsed_time(end) / 1000)
    return median(found[1:])


def limits(on: str, sizes: Sizes) -> list[dict]:
    """The peak of matrix products, and what a kernel costs that does nothing, launched or replayed."""
    where, side, times = device(on), 8192, 1000
    one = torch.zeros(1, device=where)
    found = []
    for dtype, words_ in ((torch.bfloat16, "bfloat16"), (torch.float32, "float32")):
        a, b = (torch.randn(side, side, device=where, dtype=dtype) for _ in range(2))
        rate_ = 2 * side**3 / seconds(partial(torch.mm, a, b)) / 1e12
        found.append((f"matrix product in {words_}, {side:,} wide, TFLOP/s", rate_))

    def launch():
        for _ in range(times):
            one.add_(1)
        return one

    recorded = Recorded(launch, where)
    for _ in range(WARM + 1):
        recorded()
    for how, work in (("launched", launch), ("replayed", recorded)):
        found.append((f"a small kernel, {how}, microseconds", seconds(work) / times * 1e6))
    return [{"what": what, "value": float(f"{value:.4g}"), **words(on)} for what, value in found]


def limits_all(sizes: Sizes, rows) -> Runs:
    """Nothing without a GPU."""
    for on in devices()[1:]:
        yield {"on": on}, partial(limits, on, sizes)


# --- Sampling, in a process of its own: its peak of memory is then the chain's -------------------------


def chain(name: str, on: str, n: int, passes: int) -> list[dict]:
    """Samples per second, counted once for each pass, and the peak of memory."""
    code = f"import chains; chains.measure({name!r}, {on!r}, {n}, {passes})"
    found = json.loads(running.python(code).splitlines()[-1])
    evaluated = n * (1 if name == "features" else passes)
    return [{"rate": round(evaluated / found["seconds"], 1), "peak_mb": round(found["peak"] / 1e6),
             **words(on)}]  # fmt: skip


def chain_all(sizes: Sizes, rows) -> Runs:
    """Chains of many digits; passes do not add memory, so a few will do."""
    for on in devices():
        for name in chains.CHAINS:
            for n in sizes.images:
                settings = {"chain": name, "on": on, "n": n, "passes": sizes.passes}
                yield settings, partial(chain, name, on, n, sizes.passes)


# --- Start --------------------------------------------------------------------------------------------

IMPORT = """import time
start = time.perf_counter()
import torch
between = time.perf_counter()
import daeutils
print(between - start, time.perf_counter() - between)"""


def imports(sizes: Sizes) -> list[dict]:
    """Seconds to import torch, and daeutils after it: the median of fresh processes."""
    times = [map(float, running.python(IMPORT).split()) for _ in range(sizes.starts)]
    torchs, ours = zip(*times, strict=True)
    return [
        {"what": what, "seconds": round(median(each), 3), "low": round(min(each), 3),
         "high": round(max(each), 3)}
        for what, each in (("import torch", torchs), ("import daeutils, after torch", ours))
    ]  # fmt: skip


def first_figure(sizes: Sizes) -> list[dict]:
    """Seconds from the start of a kernel to chapter 00's first figure."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "notebooks" / "00-start-here.ipynb", 4)
    last = next(i for i, cell in enumerate(notebook.cells) if "plt.show()" in cell.source)
    notebook.cells = notebook.cells[: last + 1]
    where, times = {"metadata": {"path": ROOT / "notebooks"}}, []
    for _ in range(sizes.repeats):
        start = time.perf_counter()
        NotebookClient(notebook, timeout=300, resources=where).execute()
        times.append(time.perf_counter() - start)
    return [{"what": "chapter 00, to its first figure", "seconds": round(median(times), 2),
             "low": round(min(times), 2), "high": round(max(times), 2)}]  # fmt: skip


def start_all(sizes: Sizes, rows) -> Runs:
    """What a reader waits for."""
    yield {"start": "imports", "times": sizes.starts}, partial(imports, sizes)
    yield {"start": "chapter 00", "times": sizes.repeats}, partial(first_figure, sizes)


# --- Growth -------------------------------------------------------------------------------------------

GROWTH = {  # what grows: at(value) -> (network, data, options of fit)
    "steps": lambda at, x: (du.MLPDenoiser(2), x, {"steps": at}),
    "width": lambda at, x: (du.MLPDenoiser(2, hidden=at), x, {"steps": 20}),
    "side": lambda at, x: (
        du.UNetDenoiser(side=at, width=8, dense=32),
        torch.rand(64, 1, at, at, generator=torch.Generator().manual_seed(0)),
        {"steps": 5, "batch_size": 16},
    ),
    "data": lambda at, x: (du.MLPDenoiser(2), points(at), {"steps": 100}),
}
WIDER = "width, PyTorch's Muon"  # on a CPU; a GPU has no other
GROWTH[WIDER] = GROWTH["width"]


def cost(what: str, at: int, on: str, sizes: Sizes) -> list[dict]:
    """Seconds of `fit`, the preparation of the data included; the median of a few."""
    times = []
    for _ in range(sizes.repeats):
        network, x, options = GROWTH[what](at, points(sizes.points))
        start = time.perf_counter()
        with contestants.muon_of_pytorch() if what == WIDER else nullcontext():
            du.fit(network, x, sigma=SIGMA, device=device(on), progress=False, **options)
        wait(device(on))
        times.append(time.perf_counter() - start)
    return [{"seconds": round(median(times), 4), **words(on)}]


def growth_all(sizes: Sizes, rows) -> Runs:
    """How cost grows with steps, width, side and data, one at a time."""
    du.fit(du.MLPDenoiser(2), points(100), sigma=SIGMA, steps=2, progress=False)  # first calls are slow
    values = (sizes.counts, sizes.widths, sizes.sides, sizes.sizes, sizes.widths)
    for on in devices():
        for what, each in zip(GROWTH, values, strict=True):
            for at in each if (what, on) != (WIDER, "GPU") else ():
                yield {"of": what, "at": at, "on": on}, partial(cost, what, at, on, sizes)


SECTIONS = {
    "training": race_all, "older": older_all, "accuracy": accuracy_all, "profile": profile_all,
    "limits": limits_all, "sampling": chain_all, "startup": start_all, "growth": growth_all,
}  # fmt: skip


def run(section: str, folder: Path, sizes: Sizes, again: bool = False, only: str = "") -> None:
    """Measure what is not there yet."""
    running.run(SECTIONS[section], folder / "speed" / f"{section}.json", sizes, again, only)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    running.main(__doc__, SECTIONS, run, (Sizes(), QUICK), speed_report.publish, arguments)


if __name__ == "__main__":
    main()
