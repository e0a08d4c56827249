"""Measurements that need PyTorch and daeutils alone, so that a machine with a GPU can make them, too.

Three sets of data are kept apart: networks are trained on "train", learning rates are chosen on "choose",
and what a page shows is measured on "report".
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

import torch
from torch import Tensor, nn

import daeutils as du

SIGMA = 0.1  # of both tasks
BATCH = {"points": 1024, "images": 64}
SEEDS = {"train": 1, "report": 2, "choose": 3}  # of the generator that draws each set


def points(distribution: du.GaussianMixture, split: str, n: int) -> tuple[Tensor, torch.Generator]:
    """n points of a set, (n, d), and the generator that drew them, for the noise."""
    generator = torch.Generator().manual_seed(SEEDS[split])
    return distribution.sample(n, generator), generator


def images_of(load: Callable, split: str) -> Tensor:
    """The training images of a set; or half of its test images, one to choose and the other to report."""
    if split == "train":
        return load("train")[0]
    return dict(zip(("choose", "report"), load("test")[0].chunk(2), strict=True))[split]


def digits(split: str) -> Tensor:
    """The training digits; or half of the test digits, one half to choose and the other to report."""
    return images_of(du.digits, split)


def training_set(task: str, n: int = 100_000) -> Tensor:
    """The data of a task: n points of the ring, or the training digits."""
    return points(du.ring(), "train", n)[0].clamp(0, 1) if task == "points" else digits("train")


def network_of(task: str, seed: int, device=None) -> nn.Module:
    """The book's network for a task, with the weights that the seed draws."""
    network = du.MLPDenoiser(2, seed=seed) if task == "points" else du.UNetDenoiser(seed=seed)
    return network.to(du.pick_device(device))


# --- Errors -------------------------------------------------------------------------------------------


def score_error(
    score: Callable, distribution: du.GaussianMixture, sigma: float, split="report", n=200_000, use=None
) -> float:
    """The relative error of score(x_noisy, sigma) on n fresh noisy points, or on the first `use` of them.

    This is sqrt(E|s - s_sigma|^2 / E|s_sigma|^2): 0 for the exact score, 1 for the answer 0.
    """
    x, generator = points(distribution, split, n)
    x_noisy = du.corruption.gaussian(x, sigma, generator)[:use]
    return du.relative_error(score(x_noisy, sigma), distribution.smooth(sigma).score(x_noisy.double()))


@torch.no_grad()
def error_of(network: nn.Module, task: str, split: str) -> float:
    """What a training is judged by: the error of the score for points, the BCE per pixel for images."""
    device = next(network.parameters()).device
    if task == "points":

        def score(x_noisy, sigma):
            return du.score_from_denoiser(network, x_noisy.to(device), sigma).cpu()

        return score_error(score, du.ring(), SIGMA, split, n=20_000)
    x = digits(split)
    x_noisy = du.corruption.gaussian(x, SIGMA, torch.Generator().manual_seed(SEEDS[split]))
    parts = zip(x_noisy.to(device).split(200), x.to(device).split(200), strict=True)
    losses = [du.objectives.bce(network.logits(noisy, SIGMA), clean) for noisy, clean in parts]
    return torch.cat(losses).mean().item() / x[0].numel()


# --- Ways to train ------------------------------------------------------------------------------------


def shuffled(x: Tensor, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches from memory, epoch after epoch: a DataLoader would only be slower."""
    while True:
        for index in torch.randperm(len(x), generator=generator).split(batch):
            yield x[index.to(x.device)]


def tutorial_loop(
    network: nn.Module,
    x: Tensor,
    *,
    batch: int,
    steps: int,
    lr: float = 1e-3,
    seed: int = 0,
    cosine: bool = False,
    average: float = 0.0,
) -> Iterator[tuple[int, nn.Module]]:
    """Train as tutorials do, with Adam, and yield (steps taken, the network to judge) after each step.

    Args:
        network: trained in place, on its device.
        cosine: let the learning rate fall to 0 along a cosine; otherwise it is constant.
        average: the weight of the past in a running average of the weights, which is then the network
            to judge; 0 for none.
    """
    device = next(network.parameters()).device
    order, noise = torch.Generator().manual_seed(seed), torch.Generator(device).manual_seed(seed)
    optimiser, total = torch.optim.Adam(network.parameters(), lr=lr), 0.0
    judged = copy.deepcopy(network) if average else network
    for taken, clean in enumerate(islice(shuffled(x.to(device), batch, order), steps)):
        if cosine:
            optimiser.param_groups[0]["lr"] = lr * (1 + math.cos(math.pi * taken / steps)) / 2
        noisy = clean + SIGMA * torch.randn(clean.shape, generator=noise, device=device)
        loss = du.objectives.bce(network.logits(noisy, SIGMA), clean).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item()  # tutorials print the mean loss of an epoch
        if average:
            average_in(judged, network, average, taken)
        yield taken + 1, judged


@torch.no_grad()
def average_in(averaged: nn.Module, network: nn.Module, most: float, before: int) -> None:
    """Take the network's weights into their running average, which had taken in so many before.

    The average keeps `most` of the past, less at the start, and nothing of the initial weights.
    """
    share = 1 - (min(most, (1 + before) / (10 + before)) if before else 0)
    for mean, weight in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, share)


def by_hand(network, x, *, steps, batch, seed, lr=1e-3, **options) -> nn.Module:
    """The tutorial's loop, run to its end: the network to judge."""
    *_, (_, judged) = tutorial_loop(network, x, batch=batch, steps=steps, lr=lr, seed=seed, **options)
    return judged  # fmt: skip


def by_fit(network, x, *, steps, batch, seed, lr=None, optimiser=None) -> nn.Module:
    """The book's `fit`: the network to judge."""
    device = next(network.parameters()).device
    du.fit(network, x, sigma=SIGMA, steps=steps, batch_size=batch, lr=lr, optimiser=optimiser, seed=seed,
           device=device, progress=False)  # fmt: skip
    return network


def bare(network, x, *, steps, batch, seed, lr=None) -> nn.Module:
    """Forward and backward on one batch, and nothing else: what no loop can be faster than."""
    clean = x[:batch].to(next(network.parameters()).device)
    for _ in range(steps):
        network.zero_grad()
        du.objectives.bce(network.logits(clean, SIGMA), clean).mean().backward()
    return network


TUTORIAL, IMPROVED = "tutorial", "tutorial + cosine + averaging"
WAYS: dict[str, Callable[..., nn.Module]] = {
    TUTORIAL: by_hand,
    IMPROVED: partial(by_hand, cosine=True, average=0.99),
    "fit, Adam": partial(by_fit, optimiser="adam"),
    "fit, Muon": partial(by_fit, optimiser="muon"),
}
BARE = "forward and backward alone"


# --- Time to the same accuracy ------------------------------------------------------------------------


def clock(device: torch.device) -> float:
    """Seconds: of a GPU when it has finished its work; on a CPU those of this process.

    On one thread they are what a clock on the wall shows where nothing else runs.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def curve(
    task: str, way: str, *, seed: int, split: str, marks: Sequence[int], lr: float | None = None,
    enough: float = 0.0, device=None, n: int = 100_000,
) -> list[dict]:  # fmt: skip
    """Steps, seconds of training and error, at each mark until the error is `enough` or less.

    The tutorial's loop is judged on its way. A rate that falls has its end in view, so the other ways are
    trained anew for each mark.
    """
    x, device, rows = training_set(task, n), du.pick_device(device), []
    if way == TUTORIAL:
        states = along_the_way(network_of(task, seed, device), x, BATCH[task], seed, lr, marks)
    else:
        states = whole_trainings(task, WAYS[way], x, seed, lr, marks, device)
    for steps, seconds, network in states:
        error = error_of(network, task, split)
        rows.append({"steps": steps, "seconds": round(seconds, 4), "error": round(error, 6)})
        if error <= enough:
            break
    return rows


def along_the_way(network, x, batch, seed, lr, marks) -> Iterator[tuple[int, float, nn.Module]]:
    """One training, stopped at each mark. Its clock stands still while it is judged."""
    device = next(network.parameters()).device
    spent, start = 0.0, clock(device)
    loop = tutorial_loop(network, x, batch=batch, steps=max(marks), lr=lr, seed=seed)
    for taken, judged in loop:
        if taken in marks:
            spent += clock(device) - start
            yield taken, spent, judged
            start = clock(device)


def whole_trainings(task, train, x, seed, lr, marks, device) -> Iterator[tuple[int, float, nn.Module]]:
    """A training of its own for each mark, with its preparation on the clock."""
    for steps in marks:
        network, start = network_of(task, seed, device), clock(device)
        judged = train(network, x, steps=steps, batch=BATCH[task], seed=seed, lr=lr)
        yield steps, clock(device) - start, judged


def first_passage(rows: Sequence[dict], target: float) -> dict | None:
    """The first row, by steps, whose error is at most the target; None if there is none."""
    reached = (row for row in sorted(rows, key=lambda row: row["steps"]) if row["error"] <= target)
    return next(reached, None)


def best_rate(cost_of: Callable[[float], float], rates: Sequence[float], most: int = 8) -> float:
    """The rate with the least cost. The grid grows by its own factor until the best lies inside it.

    Raises:
        RuntimeError: after `most` rates the best is still at an edge.
    """
    factor = rates[1] / rates[0]
    costs = {rate: cost_of(rate) for rate in rates}
    while True:
        best = min(costs, key=costs.__getitem__)
        if min(costs) < best < max(costs):
            return best
        if len(costs) >= most:
            raise RuntimeError(f"the best rate, {best:g}, is still at an edge of {sorted(costs)}.")
        beyond = float(f"{best * factor if best == max(costs) else best / factor:.3g}")
        costs[beyond] = cost_of(beyond)


# --- Steps per second, growth -------------------------------------------------------------------------


def steps_per_second(task: str, way: str, *, short: int, long: int, device=None, n=100_000) -> float:
    """From two trainings, a short and a long one: preparation, which both need, falls out."""
    train = bare if way == BARE else WAYS[way]
    x, device, seconds = training_set(task, n), du.pick_device(device), []
    for steps in (short, long):
        network, start = network_of(task, 0, device), clock(device)
        train(network, x, steps=steps, batch=BATCH[task], seed=0)
        seconds.append(clock(device) - start)
    return (long - short) / max(seconds[1] - seconds[0], 1e-9)


GROWTH: dict[str, Callable[[int], tuple]] = {  # at a value: network, data, options of `fit`
    "steps": lambda at: (du.MLPDenoiser(2), training_set("points"), {"steps": at}),
    "width": lambda at: (du.MLPDenoiser(2, hidden=at), training_set("points"), {"steps": 20}),
    "pixels a side": lambda at: (
        du.UNetDenoiser(side=at, width=8, dense=32),
        torch.rand(64, 1, at, at, generator=torch.Generator().manual_seed(0)),
        {"steps": 5, "batch_size": 16},
    ),
    "points in the data": lambda at: (du.MLPDenoiser(2), training_set("points", at), {"steps": 100}),
}


def seconds_of_fit(what: str, at: int, device=None) -> float:
    """Seconds of a training with `fit`, preparation included, where one thing has the size `at`."""
    network, x, options = GROWTH[what](at)
    device = du.pick_device(device)
    start = clock(device)
    du.fit(network, x, sigma=SIGMA, device=device, progress=False, **options)
    return clock(device) - start
