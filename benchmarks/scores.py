"""How near does a score that was learned from a sample come to the exact one?"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import measure
import pandas as pd
import peers
import report
import torch
from sklearn.cluster import kmeans_plusplus
from sklearn.mixture import GaussianMixture as FittedMixture
from store import Store

import daeutils as du

BATCH = 1024
MIXTURES = {f"mixture of {k}": du.random_mixture(k, seed=k) for k in (2, 4, 6, 9, 12)}
# Mixtures, too, but of many small bumps along a curve or over squares.
CURVES = {f.__name__: f() for f in (du.moons, du.spiral, du.pinwheel, du.checkerboard)}
DISTRIBUTIONS = {"ring": du.ring(8, 0.04), **MIXTURES, **CURVES}


class Task(NamedTuple):
    """One training: on what, at which noise levels, how long."""

    distribution: str
    n: int
    sigmas: tuple
    steps: int
    seed: int
    lr: float | None = None


# --- Estimators: each takes (points, task) and returns score(x_noisy, sigma) -> (N, d) ----------------


def trained(network, points, task: Task, sigma, objective="bce") -> Callable:
    """The score of a network after the steps of the task."""
    done = du.fit(network, points, sigma=sigma, objective=objective, steps=task.steps, batch_size=BATCH,
                  lr=task.lr, seed=task.seed, progress=False)  # fmt: skip
    if done.steps < task.steps:  # `fit` keeps a network cut short; its error is not that of these steps
        raise KeyboardInterrupt
    return torch.no_grad()(partial(du.score_from_denoiser, network.cpu()))


def dae(points, task, objective="bce", output="sigmoid", levels=None, **layers):
    """The book's denoiser, at one noise level, or at all between two."""
    network = du.MLPDenoiser(2, noise_levels=levels is not None, output=output, seed=task.seed, **layers)
    return trained(network, points, task, log_uniform(*levels) if levels else task.sigmas[0], objective)


def log_uniform(low: float, high: float) -> Callable:
    """Noise levels for `fit`, whose logarithms are uniform."""

    def draw(n, generator):
        u = torch.rand(n, generator=generator, device=generator.device)
        return low * (high / low) ** u

    return draw


def mean_of_three(points, task):
    """The mean score of three networks, with a third of the steps each."""
    parts = [task._replace(steps=task.steps // 3, seed=3 * task.seed + k) for k in range(3)]
    members = [dae(points, part) for part in parts]
    return lambda x_noisy, sigma: sum(score(x_noisy, sigma) for score in members) / 3


def learned_mixture(points, task, components=16, level=0.05):
    """A denoiser that is told that its data come in blobs, trained at one level and asked at all."""
    starts, _ = kmeans_plusplus(points[:10_000].numpy(), components, random_state=task.seed)
    return trained(du.MixtureDenoiser(torch.as_tensor(starts)), points, task, level or task.sigmas[0])


def kernel_density(points, task):
    """The smoothed sample itself (T8e), in float64, a few rows at a time."""
    atoms, rows = du.from_points(points), max(1, 1_000_000 // len(points))

    def score(x_noisy, sigma):
        smoothed = atoms.smooth(sigma)
        return torch.cat([smoothed.score(part.double()) for part in x_noisy.split(rows)])

    return score


def likelihood(points, task):
    """The maximum-likelihood mixture, which is told the number of components and their shape."""
    true = DISTRIBUTIONS[task.distribution]
    shape = "spherical" if task.distribution == "ring" else "full"
    em = FittedMixture(len(true.means), covariance_type=shape, tol=1e-6, max_iter=5000, n_init=3,
                       random_state=0)  # fmt: skip
    em.fit(points.double().numpy())
    found = du.GaussianMixture(em.means_, em.covariances_, em.weights_)
    return lambda x_noisy, sigma: found.smooth(sigma).score(x_noisy.double())


def smalldiffusion(points, task, **options):
    """The package's network and loop, on our sample, steps and batch size."""
    return peers.train_smalldiffusion(points, steps=task.steps, batch=BATCH, seed=task.seed, lr=task.lr,
                                      **options)  # fmt: skip


def zuko(points, task, **options):
    """The package's flow, for one noise level."""
    return peers.train_zuko(points, sigma=task.sigmas[0], steps=task.steps, batch=BATCH, seed=task.seed,
                            lr=task.lr, **options)  # fmt: skip


OURS, ALL, MIXTURE, KERNEL, ORACLE = (
    "BCE-DAE", "BCE-DAE, all levels", "BCE-DAE, learned mixture", "kernel density", "likelihood"
)  # fmt: skip
BETTER = " + cosine + averaging"
MIXTURES_OF = tuple(f"{MIXTURE} of {k}" for k in (4, 8, 12, 16, 32, 64, 256))
ESTIMATORS: dict[str, Callable] = {
    OURS: dae,
    "BCE-DAE, mean of three": mean_of_three,
    "BCE-DAE, two wide layers": partial(dae, hidden=256, depth=2),
    "MSE-DAE": partial(dae, objective="mse"),
    "MSE-DAE, linear": partial(dae, objective="mse", output="linear"),
    MIXTURE: partial(learned_mixture, level=None),
    f"{MIXTURE}, one training": learned_mixture,
    **{name: partial(learned_mixture, components=int(name.split()[-1])) for name in MIXTURES_OF},
    KERNEL: kernel_density,
    ORACLE: likelihood,
    ALL: partial(dae, levels=peers.LEVELS),
    "smalldiffusion": smalldiffusion,
    "smalldiffusion" + BETTER: partial(smalldiffusion, improved=True),
    "zuko": zuko,
    "zuko" + BETTER: partial(zuko, improved=True),
}
PEERS = ("smalldiffusion", "smalldiffusion" + BETTER, "zuko", "zuko" + BETTER)
AT_ALL_LEVELS = (f"{MIXTURE}, one training", *MIXTURES_OF, ALL, *PEERS[:2])  # after one training


# --- Measuring ----------------------------------------------------------------------------------------


class Sizes(NamedTuple):
    """How much of everything: the real thing, or enough to see that it runs."""

    sigmas: tuple = (0.025, 0.05, 0.1, 0.2)
    one_sigma: float = 0.05
    n: int = 100_000
    data: tuple = (1000, 10_000, 100_000, 1_000_000)
    steps: tuple = (500, 1000, 2000, 4000, 8000, 12_000)  # the last one wherever they do not vary
    test: int = 200_000
    test_kernel: int = 5000
    seeds: int = 3
    distributions: tuple = (*MIXTURES, *CURVES)
    mixtures_of: int = len(MIXTURES_OF)
    peer_steps: int = 2000
    peer_sigmas: tuple = (0.1,)  # of a peer that learns one level at a time
    rates: tuple = (1e-3, 3e-3, 9e-3)


QUICK = Sizes((0.1, 0.2), 0.2, 2000, (500, 2000), (10, 20), 2000, 500, 1, ("moons",), 1, 30, (0.2,),
              (1e-3, 1e-2))  # fmt: skip


def run(store: Store, sizes: Sizes) -> None:
    """Measure everything."""
    each = partial(errors, store, sizes)
    for name in (OURS, "BCE-DAE, mean of three", "BCE-DAE, two wide layers", MIXTURE,
                 f"{MIXTURE}, one training", "MSE-DAE", "MSE-DAE, linear", KERNEL, ORACLE):  # fmt: skip
        for seed in range(1 if name in (KERNEL, ORACLE) or name.startswith("MSE") else sizes.seeds):
            each("ring", name, sizes.sigmas, seed=seed)
    for name in (OURS, MIXTURE, KERNEL, ORACLE):
        for n in sizes.data:
            each("ring", name, [sizes.one_sigma], n=n)
    for name in (OURS, MIXTURE, "MSE-DAE"):
        for steps in sizes.steps:
            each("ring", name, [sizes.one_sigma], steps=steps)
    for distribution in sizes.distributions:
        for name in (OURS, MIXTURE, KERNEL):
            each(distribution, name, [sizes.one_sigma])
    for name in MIXTURES_OF[: sizes.mixtures_of]:
        each("ring", name, sizes.sigmas)
    beside_peers(store, sizes)


def beside_peers(store: Store, sizes: Sizes) -> None:
    """Ours and the public packages after as many steps; theirs at the rate that seed 0 chooses."""
    for name in (OURS, ALL, *PEERS):
        sigmas = sizes.peer_sigmas if name.startswith("zuko") else sizes.sigmas
        each = partial(errors, store, sizes, "ring", name, sigmas, steps=sizes.peer_steps)
        lr = None  # ours keeps its own
        if name in PEERS:

            def cost(lr, each=each):
                return sum(row["error"] for row in each(seed=0, lr=lr, split="choose"))

            lr = measure.best_rate(cost, sizes.rates)
        for seed in range(1, 1 + sizes.seeds):
            each(seed=seed, lr=lr)


def errors(
    store: Store, sizes: Sizes, distribution: str, name: str, sigmas, *, n: int | None = None,
    steps: int | None = None, seed: int = 0, lr: float | None = None, split: str = "report",
) -> list[dict]:  # fmt: skip
    """A row for each noise level, from one training where one answers for all levels."""
    n, steps = n or sizes.n, 0 if name in (KERNEL, ORACLE) else steps or sizes.steps[-1]
    rows = []
    for asked in [tuple(sigmas)] if name in AT_ALL_LEVELS else [(sigma,) for sigma in sigmas]:
        task = Task(distribution, n, asked, steps, seed, lr)
        rows += store.measure(
            partial(measure_errors, name, task, split, sizes), estimator=name, split=split,
            **task._asdict() | {"sigmas": list(asked)},
        )  # fmt: skip
    return rows


def measure_errors(name: str, task: Task, split: str, sizes: Sizes) -> list[dict]:
    """Train on one sample of the distribution, and judge on fresh noisy points."""
    distribution = DISTRIBUTIONS[task.distribution]
    sample = measure.points(distribution, "train", task.n)[0].clamp(0, 1)
    score = ESTIMATORS[name](sample, task)
    use = sizes.test_kernel if name == KERNEL else sizes.test
    return [
        {"sigma": sigma, "points": use,
         "error": measure.score_error(score, distribution, sigma, split, sizes.test, use)}
        for sigma in task.sigmas
    ]  # fmt: skip


# --- Reporting ----------------------------------------------------------------------------------------


def conclusion(frame: pd.DataFrame) -> str:
    """Two sentences, made from the rows."""
    rows, longest = frame[frame.split == "report"], frame.steps.max()
    long = rows[rows.steps.isin([longest, 0]) & (rows.n == rows.n.mode()[0]) & (rows.sigma == 0.05)]
    means = long.pivot_table(index="distribution", columns="estimator", values="error")
    ahead = 0 if means.empty else (means[OURS] < means[KERNEL]).sum()
    short = after_as_many_steps(rows)
    errors = short[short.sigma == 0.1].groupby("estimator", sort=False).error.agg(report.spread("{:.3f}"))
    beside = "; ".join(f"{name} {error}" for name, error in errors.items())
    return (
        f"After {longest:,} steps at σ = 0.05 the BCE-trained network has a smaller error than a kernel "
        f"density estimate on {ahead} of {len(means)} distributions in the plane. "
        f"Beside public packages, with as many steps for each and σ = 0.1, the errors are: "
        f"{beside or 'not measured yet'}."
    )


def after_as_many_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """Ours and the public packages, on the seeds that did not choose a rate."""
    steps = rows[rows.estimator.isin(PEERS)].steps.max()
    return rows[(rows.steps == steps) & (rows.seed > 0) & rows.estimator.isin([OURS, ALL, *PEERS])]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """The ring: a line for each estimator and number of steps, a column for each noise level."""
    rows = frame[
        (frame.split == "report") & (frame.distribution == "ring") & ~frame.estimator.isin(MIXTURES_OF)
    ]
    rows = rows[rows.n == rows.n.mode()[0]]
    shown = pd.concat([rows[rows.steps.isin([rows.steps.max(), 0])], after_as_many_steps(rows)])
    found = shown.pivot_table(index=["steps", "estimator"], columns="sigma", values="error",
                              aggfunc=report.spread("{:.4f}")).fillna("not measured")  # fmt: skip
    found = found.rename(columns="σ = {:g}".format).reset_index()
    order = {name: place for place, name in enumerate(ESTIMATORS)}
    return found.sort_values(
        ["steps", "estimator"], key=lambda column: column.replace(order), ascending=[False, True]
    )


PANELS = {"sigma": "noise level", "n": "points in the sample", "steps": "training steps"}
COLOURS = {
    OURS: "C1",
    "MSE-DAE": "C3",
    f"{MIXTURE}, one training": "C2",
    MIXTURE: "C2",
    KERNEL: "C0",
    ORACLE: "C6",
}


def figure(frame: pd.DataFrame):
    """The error on the ring against noise level, sample and steps; bands over the seeds."""
    rows = frame[(frame.split == "report") & (frame.distribution == "ring")]
    usual = {
        "sigma": rows.sigma == (0.05 if 0.05 in set(rows.sigma) else rows.sigma.max()),
        "n": rows.n == rows.n.mode()[0],
        "steps": rows.steps.isin([0, rows.steps.max()]),
    }
    axes = report.axes(len(PANELS))
    for ax, (what, title) in zip(axes, PANELS.items(), strict=True):
        mine = rows
        for other in usual.keys() - {what}:
            mine = mine[usual[other].reindex(mine.index)]
        mine = mine[mine[what] > 0]
        left_out = MIXTURE if what == "sigma" else f"{MIXTURE}, one training"
        colours = {name: colour for name, colour in COLOURS.items() if name != left_out}
        report.curves(ax, mine, what, "error", "estimator", colours)
        report.logarithmic(ax, sorted(mine[what].unique()))
        ax.set(xlabel=title, title=f"Against the {title}")
    axes[0].set_ylabel("relative error of the score")
    axes[0].legend(fontsize=7, loc="lower left")
    return axes[0].figure
