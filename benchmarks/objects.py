"""Which denoiser makes digits out of noise, and which refines other models' samples?

Each run trains one denoiser at one noise level, iterates it from noise, and refines samples with it, on
digits or on clothes. Settings are chosen with half of the test images and the first set of samples; what
the page shows is measured with the other half and other sets.
"""

import csv
import io
import math
from functools import cache, partial
from itertools import product
from typing import NamedTuple

import measure
import pandas as pd
import report
import torch
from store import Store
from torch import nn

import daeutils as du

DATA = {"digits": du.digits, "clothes": du.fashion}
SHIPPED = {"digits": "digits", "clothes": "fashion"}  # the first word of a shipped network's name
WAYS = ("plain", "noise put back")
SOURCES = ("VAE", "GAN", "Gaussian")
REFINE = ("plain DAE", "plain DAE, MSE", "U-Net")


class Sizes(NamedTuple):
    """How much of everything: the real thing, or enough to see that it runs."""

    n: int = 2000  # images in each set made from noise
    refined: int = 1000  # samples in each set that is refined
    sets: int = 5  # of samples: the first chooses, the others are reported
    seeds: int = 5  # trainings of the main line; the other lines have two
    plain: int = 3000  # steps of training, 64 images each
    unet: int = 500
    counts: tuple = (1, 3, 10, 30)  # applications of the denoiser
    few: tuple = (1, 3, 10)  # of refinement
    slow: tuple = (1, 5)  # of U-Nets and of the memoriser


QUICK = Sizes(20, 20, 2, 1, 4, 2, (1, 2), (1,), (1,))


class NoSkips(du.UNetDenoiser):
    """The U-Net without the connections that lead round its code. All else is the same."""

    def _layers(self, x, sigma):
        fine = self.fine_down(self.enter(x), None)
        coarse = self.coarse_down(self.shrink2(self.half_down(self.shrink1(fine), None)), None)
        code = self.dense_out(nn.functional.silu(self.dense_in(coarse.flatten(1))))
        half = self.grow2(self.coarse_up(code.unflatten(1, self.coarse), None))
        fine = self.grow1(self.half_up(nn.functional.interpolate(half, scale_factor=2), None))
        fine = self.fine_up(nn.functional.interpolate(fine, scale_factor=2), None)
        return self.leave(nn.functional.silu(fine))


class Kind(NamedTuple):
    """A denoiser before its training: make(seed), the loss, and which number of steps it gets."""

    make: object
    loss: str = "bce"
    steps: str = "plain"  # a field of Sizes, or "" for one that is not trained
    all_levels: bool = False


KINDS = {
    "plain DAE": Kind(lambda seed: du.PlainDAE(seed=seed)),
    "plain DAE, MSE": Kind(lambda seed: du.PlainDAE(seed=seed), "mse"),
    "plain DAE, code 16": Kind(lambda seed: du.PlainDAE(code=16, seed=seed)),
    "plain DAE, code 512": Kind(lambda seed: du.PlainDAE(code=512, seed=seed)),
    "U-Net": Kind(lambda seed: du.UNetDenoiser(seed=seed), steps="unet"),
    "U-Net, no skips": Kind(lambda seed: NoSkips(seed=seed), steps="unet"),
    "U-Net, all levels": Kind(
        lambda seed: du.UNetDenoiser(noise_levels=True, seed=seed), steps="unet", all_levels=True
    ),
    "memoriser": Kind(None, steps=""),
    "untrained": Kind(lambda seed: du.PlainDAE(seed=seed), steps=""),
}


def chance(seed: int) -> torch.Generator:
    """A generator on the device where the work is done."""
    return torch.Generator(du.pick_device()).manual_seed(seed)


# --- What is compared with what -----------------------------------------------------------------------


@cache
def judge(data: str):
    """The shipped classifier of these data."""
    return du.load(f"{SHIPPED[data]}-classifier")


@cache
def real(data: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Real images and their features. split: "train"; "choose" or "report", a half of the test images."""
    images = measure.images_of(DATA[data], split).to(du.pick_device())
    return images, du.evaluation.features(images, judge(data))


@cache
def neutral(data: str) -> float:
    """The brightness at which noise votes for no amount of ink (chapter 06), from the training images."""
    x = real(data, "train")[0].flatten(1)
    ink, square = x.sum(1), x.square().sum(1)
    return ((ink * square).sum() / (ink * ink).sum() / 2).item()


@cache
def model(data: str, source: str):
    """Another model of these data, which samples."""
    if source == "Gaussian":
        return du.PCAGaussian(real(data, "train")[0], 50)
    return du.load(f"{SHIPPED[data]}-{source.lower()}")


@cache
def samples(data: str, source: str, number: int, n: int) -> torch.Tensor:
    """The n samples of a set, from another model."""
    draws = torch.Generator().manual_seed(number)
    return model(data, source).sample(n, draws).to(du.pick_device())


def seen(x: torch.Tensor, data: str) -> torch.Tensor:
    """The classifier's features of images."""
    return du.evaluation.features(x.clamp(0, 1), judge(data))


def classes(found: torch.Tensor, data: str) -> torch.Tensor:
    """What the classifier takes each image for, from its features."""
    return judge(data).head(found).argmax(1)


def distances(found: torch.Tensor, data: str) -> dict:
    """Frechet distances to the two halves of the test images, from the features, rounded."""
    return {
        split: round(du.evaluation.frechet_between(found, real(data, split)[1]), 2)
        for split in ("choose", "report")
    }


@cache
def copied_below(data: str) -> float:
    """The distance to a training image below which an image counts as its copy: 1 % of test images do."""
    test, train = real(data, "report")[0], real(data, "train")[0]
    return du.evaluation.nearest(test, train)[0].quantile(0.01).item()


def others(x: torch.Tensor, found: torch.Tensor, data: str) -> dict:
    """What a distance does not say: coverage, copies, how many differ, the commonest class."""
    x, train = x.clamp(0, 1), real(data, "train")[0]
    apart = torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(torch.inf).amin(1)
    values = {
        "coverage": du.evaluation.density_coverage(found, real(data, "report")[1])[1],
        "copies": (du.evaluation.nearest(x, train)[0] < copied_below(data)).double().mean().item(),
        "alone": (apart > 1.5).double().mean().item(),
        "commonest": classes(found, data).bincount(minlength=10).max().item() / len(x),
    }
    return {name: round(value, 4) for name, value in values.items()}


# --- One run ------------------------------------------------------------------------------------------


def trained(kind: str, data: str, sigma: float, seed: int, sizes: Sizes, images=None):
    """A denoiser of this kind, ready to be iterated."""
    what = KINDS[kind]
    images = real(data, "train")[0] if images is None else images
    if kind == "memoriser":
        return du.Memoriser(images)
    network = what.make(seed).to(du.pick_device())
    if what.steps:
        steps = getattr(sizes, what.steps)
        level = du.corruption.log_normal() if what.all_levels else sigma
        done = du.fit(network, images, sigma=level, objective=what.loss, steps=steps, batch_size=64,
                      seed=seed, progress=False)  # fmt: skip
        if done.steps < steps:  # `fit` keeps a network cut short
            raise KeyboardInterrupt
    else:
        network.level.fill_(sigma)
    return network.requires_grad_(False).eval()


def walk(denoiser, x, sigma: float, way: str, steps: int, seed: int) -> torch.Tensor:
    """The images after 0 to `steps` steps."""
    if way == "plain":
        return du.iterate(denoiser, x, steps, sigma, return_path=True)
    return du.walkback(denoiser, x, steps, sigma, chance(seed), return_path=True)


def one(kind: str, data: str, sigma: float, seed: int, sizes: Sizes) -> list[dict]:
    """Train, iterate from noise, refine: a row for each start, way and number of steps."""
    denoiser = trained(kind, data, sigma, seed, sizes)
    slow = kind == "memoriser" or kind.startswith("U-Net")
    counts = sizes.slow if slow else sizes.counts
    rows = []

    def follow(x, start, way, counts, number, labels=None):
        path = walk(denoiser, x, sigma, way, max(counts), number + 100)
        for k in counts:
            found = seen(path[k], data)
            row = {"start": start, "way": way, "k": k, "set": number} | distances(found, data)
            if labels is not None:
                row["kept"] = round((classes(found, data) == labels).double().mean().item(), 4)
            rows.append(row)
        if labels is None or number == 1:
            rows[-1] |= others(path[counts[-1]], found, data)

    draws, shape = chance(seed), (sizes.n, 1, 28, 28)
    eps = torch.randn(shape, generator=draws, device=draws.device)
    starts = {"mean 1/2": 0.5 + eps, "neutral": neutral(data) + eps, "mean 0": eps}
    if not slow:
        starts["uniform"] = torch.rand(shape, generator=draws, device=draws.device)
    for start, x in starts.items():
        for way in WAYS if start in ("mean 1/2", "neutral") else WAYS[:1]:
            follow(x, start, way, counts, seed)
    main = (kind, sigma) == ("plain DAE", 0.5)
    for source in SOURCES if kind in REFINE else ():
        for number in range(sizes.sets if main else 2):
            x = samples(data, source, number, sizes.refined)
            for way in WAYS:
                counts = sizes.slow if slow else sizes.few
                follow(x, source, way, counts, number, classes(seen(x, data), data))
    return rows


def before(data: str, sizes: Sizes) -> list[dict]:
    """Sets that no denoiser has touched: real images, other models' samples, and their nearest images."""
    train, rows = real(data, "train")[0], []

    def add(start, x, number):
        found = seen(x, data)
        rows.append({"start": start, "set": number} | distances(found, data) | others(x, found, data))

    for number in range(sizes.sets):
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(number)).to(
            train.device
        )
        add("real images", train[order[: sizes.n]], number)
        add("real images, refined", train[order[: sizes.refined]], number)
        for source in SOURCES:
            x = samples(data, source, number, sizes.refined)
            add(source, x, number)
            add(f"{source}, nearest image", train[du.evaluation.nearest(x, train)[1]], number)
    return rows


def halves(size: int, seed: int, sizes: Sizes) -> list[dict]:
    """Two networks that share no training image: how much do their images from one noise agree?"""
    order = torch.randperm(8000, generator=torch.Generator().manual_seed(seed))
    images = real("digits", "train")[0]
    parts = [images[order[i : i + size].to(images.device)] for i in (0, 4000)]
    nets = [trained("plain DAE", "digits", 0.5, seed, sizes, part) for part in parts]
    draws = chance(seed)
    x = 0.5 + torch.randn(400, 1, 28, 28, generator=draws, device=draws.device)
    rows = []
    for way in WAYS:
        first, second = (walk(net, x, 0.5, way, 10, seed)[-1] for net in nets)
        a, b = ((y - images.mean(0)).flatten(1) for y in (first, second))
        row = {
            "agree": torch.cosine_similarity(a, b).median().item(),
            "other noise": torch.cosine_similarity(a, b.roll(1, 0)).median().item(),
            "own image": du.evaluation.nearest(first, parts[0])[0].median().item(),
            "test digit": du.evaluation.nearest(real("digits", "report")[0], parts[0])[0].median().item(),
        }
        rows.append({"way": way, "k": 10} | {name: round(value, 4) for name, value in row.items()})
    return rows


# --- Measuring ----------------------------------------------------------------------------------------


def plan(sizes: Sizes) -> list[tuple]:
    """(kind, data, noise level, seed) of every run, the main line first, then one change at a time."""
    change = [("plain DAE, MSE", "digits", 0.5), ("plain DAE", "digits", 1.0)]
    change += [("plain DAE", "digits", 0.25), ("U-Net", "digits", 0.5), ("U-Net", "digits", 1.0)]
    change += [(kind, "digits", 0.5) for kind in KINDS if kind not in ("memoriser", *REFINE)]
    change += [("plain DAE", "clothes", 0.25), ("U-Net", "clothes", 0.5)]
    change += [("plain DAE", "digits", 0.1), ("plain DAE", "clothes", 1.0)]
    runs = [("plain DAE", data, 0.5, seed) for data in DATA for seed in range(sizes.seeds)]
    runs += [("memoriser", data, 0.5, 0) for data in DATA]
    runs += [(*run, seed) for run in change for seed in range(min(2, sizes.seeds))]
    return runs + [("memoriser", data, 1.0, 0) for data in DATA]


def run(store: Store, sizes: Sizes) -> None:
    """Measure everything."""
    for data in DATA:
        store.measure(partial(before, data, sizes), kind="none", data=data, n=sizes.n)
    for number, (kind, data, sigma, seed) in enumerate(plan(sizes)):
        store.measure(
            partial(one, kind, data, sigma, seed, sizes),
            kind=kind, data=data, sigma=sigma, seed=seed, n=sizes.n,
        )  # fmt: skip
        if number == sizes.seeds:  # after the main line of digits
            for again, size in product(range(min(2, sizes.seeds)), (50, 500, 4000)):
                work = partial(halves, size, again, sizes)
                store.measure(work, kind="halves", data="digits", size=size, seed=again)


# --- Reporting ----------------------------------------------------------------------------------------

RUN, CHAIN = ["kind", "data", "sigma"], ["start", "way"]


def reported(frame: pd.DataFrame) -> pd.DataFrame:
    """For each denoiser and start the rows at the number of steps that was best on the choosing half.

    Samples are chosen for with set 0, which is then left out.
    """
    rows = frame[frame.kind.isin(KINDS)]
    refined = rows.start.isin(SOURCES)
    first = rows[~refined | (rows.set == 0)].groupby([*RUN, *CHAIN, "k"]).choose.mean().reset_index()
    best = first.sort_values("choose").drop_duplicates([*RUN, *CHAIN])[[*RUN, *CHAIN, "k"]]
    return rows[~refined | (rows.set > 0)].merge(best, on=[*RUN, *CHAIN, "k"])


def untreated(frame: pd.DataFrame, data: str, start: str) -> pd.DataFrame:
    rows = frame[(frame.kind == "none") & (frame.data == data) & (frame.start == start)]
    return rows[rows.set > 0] if (rows.set > 0).any() else rows


def each_training(rows: pd.DataFrame) -> pd.DataFrame:
    """The mean over the sets of each training."""
    return rows.groupby([*RUN, *CHAIN, "k", "seed"], as_index=False)[["report"]].mean()


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line for each denoiser; a column for each start, at the better of the two ways."""
    rows = each_training(reported(frame))
    words = rows.groupby([*RUN, *CHAIN, "k"]).report.agg(report.spread("{:.0f}")).reset_index()
    words["cell"] = [f"{value}, k = {k:.0f}" for value, k in zip(words.report, words.k, strict=True)]
    found = words.pivot_table(index=[*RUN, "way"], columns="start", values="cell", aggfunc="first")
    found = found.reindex(columns=[c for c in STARTS if c in found.columns]).fillna("").reset_index()
    order = {name: i for i, name in enumerate([*DATA, *KINDS, *WAYS])}
    found = found.sort_values(["data", "kind", "sigma", "way"], key=lambda c: c.map(order).fillna(c))
    found["sigma"] = found.sigma.map("{:g}".format)
    return found[["data", "kind", "sigma", "way", *found.columns[4:]]].rename(columns={"sigma": "σ"})


STARTS = ("mean 1/2", "neutral", "mean 0", "uniform", *SOURCES)


def words_for(frame: pd.DataFrame, kind: str, data: str, sigma: float, start: str, way: str) -> str:
    """The distance of a denoiser's images, over its trainings; "not measured" where there is none."""
    rows = reported(frame)
    rows = rows[(rows.kind == kind) & (rows.data == data) & (rows.sigma == sigma)]
    rows = each_training(rows[(rows.start == start) & (rows.way == way)])
    return report.spread("{:.0f}")(rows.report) if len(rows) else "not measured"


def conclusion(frame: pd.DataFrame) -> str:
    """Two sentences, made from the rows."""
    made = {way: words_for(frame, "plain DAE", "digits", 0.5, "neutral", way) for way in WAYS}
    dark = words_for(frame, "plain DAE", "digits", 0.5, "mean 0", "plain")
    refined = words_for(frame, "plain DAE", "digits", 0.5, "VAE", WAYS[1])
    vae, floor = (untreated(frame, "digits", name).report.mean() for name in ("VAE", "real images"))
    return (
        f"A plain DAE, trained for {Sizes().plain:,} steps at σ = 0.5, makes digits out of noise of "
        f"neutral brightness: their Frechet distance is {made['plain']} by plain steps and "
        f"{made[WAYS[1]]} with the noise put back, that of real digits {floor:.0f}, and out of noise "
        f"with mean 0 it is {dark}. With the noise put back the same networks take a VAE's samples "
        f"from {vae:.0f} to {refined}."
    )


def figure(frame: pd.DataFrame):
    """Frechet distance against steps of the plain DAE: from noise, and from other models' samples."""
    rows = frame[(frame.kind == "plain DAE") & (frame.data == "digits") & (frame.sigma == 0.5)]
    left, right = axes = report.axes(2)
    for way, style in zip(WAYS, ("-", "--"), strict=True):
        for ax, starts in ((left, STARTS[:4]), (right, SOURCES)):
            for colour, start in enumerate(starts):
                found = rows[(rows.start == start) & (rows.way == way)].groupby("k").report
                if len(found):
                    label = start if way == "plain" else None
                    ax.plot(found.mean(), style, color=f"C{colour + 2}", label=label)
    left.set(title="From noise (dashed: noise put back)", ylabel="Frechet distance to real digits")
    right.set(title="From samples")
    for ax, floor in zip(axes, ("real images", "real images, refined"), strict=True):
        ax.axhline(
            untreated(frame, "digits", floor).report.mean(), color="gray", ls=":", label="real digits"
        )
        ax.set(xlabel="steps", yscale="log")
        ax.set_yticks([50, 100, 200, 500, 1000, 2000], [50, 100, 200, 500, 1000, 2000])
        ax.minorticks_off()
    left.legend(fontsize=7, loc="center right")
    right.legend(fontsize=7, loc="center left")
    return left.figure


def summary(frame: pd.DataFrame) -> str:
    """The table that chapter 06 shows, as CSV: distances from three starts, and of refined samples."""
    rows, shown = reported(frame), ["mean 1/2", "neutral", "mean 0", "VAE"]
    values = each_training(rows).pivot_table(index=[*RUN, "way"], columns="start", values="report")
    order = {name: place for place, name in enumerate([*DATA, *KINDS, *WAYS])}
    rank = [[order.get(part, part) for part in key] for key in values.index]
    values = values[shown].iloc[
        sorted(range(len(rank)), key=lambda row: [rank[row][i] for i in (1, 0, 2, 3)])
    ]
    lines = [["data", "network", "sigma", "steps", *shown]]
    for data, block in values.groupby(level="data", sort=False):
        # Refined sets have half as many images, and so a floor of their own.
        floor, floor_of_refined, vae = (
            f"{untreated(frame, data, it).report.mean():.0f}"
            for it in ("real images", "real images, refined", "VAE")
        )
        lines += [
            [data, "real images", "", "", *[floor] * 3, floor_of_refined],
            [data, "untouched", "", "", "", "", "", vae],
        ]
        for (kind, _, sigma, way), row in block.iterrows():
            cells = ["" if math.isnan(value) else f"{value:.0f}" for value in row]
            lines.append([data, kind, f"{sigma:g}", way, *cells])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
