"""How good are the images? Samples, refinement and training on real digits, over several seeds.

Settings are chosen with half of the test digits and seed 0. What the page shows is measured with the
other half and other seeds, in the features of the shipped classifier.
"""

from functools import cache, partial
from typing import NamedTuple

import measure
import pandas as pd
import report
import torch
from store import Store
from torchvision.transforms.functional import gaussian_blur

import daeutils as du

MEANS = {"noise, mean 0.5": 0.5, "noise, mean 0.13": 0.13}  # a digit's pixels have the mean 0.13
WAYS = {"flow": (20, 0.0), "flow with noise": (40, 0.25)}  # levels, churn
ETAS = {"DDIM": 0.0, "DDPM": None, "eta 0.85": 0.85, "fresh noise only": 1.0}  # at 40 levels


class Sizes(NamedTuple):
    """How much of everything: the real thing, or enough to see that it runs."""

    n: int = 1000  # images in each set
    seeds: tuple = (0, 1, 2)  # seed 0 chooses, the others are reported
    sigmas: tuple = (0.2, 0.6, 1.0)  # of synthesis
    chain: tuple = (1, 2, 5, 10)
    refine: tuple = (0.2, 0.4, 0.6)
    passes: tuple = (1, 2, 3, 5)
    rates: tuple = (5e-3, 1e-2, 2e-2)
    steps: int = 1000


QUICK = Sizes(16, (0, 1), (0.6,), (1, 2), (0.4,), (1,), (1e-4, 1e-2, 1), 4)

# --- Sets of images -----------------------------------------------------------------------------------


def chance(seed: int) -> torch.Generator:
    """A generator on the CPU, which draws the same numbers for every device."""
    return torch.Generator().manual_seed(seed)


@cache
def unet(name: str = "bce"):
    """A shipped network, or one that was never trained."""
    if name == "untrained":
        return du.UNetDenoiser(noise_levels=True).requires_grad_(False).to(du.pick_device())
    return du.load(f"digits-unet-{name}")


def draw(name: str, n: int, seed: int) -> torch.Tensor:
    """n images of a kind, (n, 1, 28, 28)."""
    luck, shape, train = chance(seed), (n, 1, 28, 28), measure.digits("train")
    if name == "training digits":
        x = train[torch.randperm(len(train), generator=luck)[:n]]
    elif name == "uniform noise":
        x = torch.rand(shape, generator=luck)
    elif name in MEANS:
        x = MEANS[name] + torch.randn(shape, generator=luck)
    elif name == "VAE":
        x = du.load("digits-vae").sample(n, luck)
    else:
        x = du.PCAGaussian(train, 50).sample(n, luck)
    return x.to(du.pick_device())


def from_noise(network, n: int, seed: int, way: str) -> torch.Tensor:
    """Down from noise of level 10 about the mean digit, by the probability flow or in 40 steps."""
    device = du.pick_device()
    noise = 10 * torch.randn(n, 1, 28, 28, generator=chance(seed)).to(device)
    start = measure.digits("train").mean(0).to(device) + noise
    more = torch.Generator(device).manual_seed(seed + 100)
    if way in ETAS:
        return du.ancestral(network, start, du.noise_schedule(40), ETAS[way], more)
    levels, churn = WAYS[way]
    return du.probability_flow(network, start, du.noise_schedule(levels), churn=churn, generator=more)


def treatment(how: str, seed: int):
    """What is applied at each pass: a denoiser, or a control without one."""
    luck = chance(seed + 100)
    return {
        "plain": unet(),
        "MSE-trained": unet("edm"),
        "untrained": unet("untrained"),
        "downhill": lambda x, sigma: (2 * x - unet()(x, sigma)).clamp(-1, 2),
        "blur": lambda x, sigma: gaussian_blur(x, [3, 3], [0.5, 0.5]),
        "unsharp mask": lambda x, sigma: (2 * x - gaussian_blur(x, [5, 5], [1.0, 1.0])).clamp(0, 1),
        "noise alone": lambda x, sigma: (x + 0.05 * torch.randn(x.shape, generator=luck).to(x)).clamp(
            0, 1
        ),
    }[how]


# --- What is measured of a set ------------------------------------------------------------------------


@cache
def features(split: str) -> torch.Tensor:
    """Of the real digits of a set."""
    return du.evaluation.features(measure.digits(split))


@cache
def nearness_of_test() -> float:
    """The median distance of test digits, which are no copies, to the nearest training digit."""
    return nearest(measure.digits("report"))


def nearest(x: torch.Tensor) -> float:
    """The median distance to the nearest training digit, in pixels."""
    return du.evaluation.nearest(x, measure.digits("train").to(x.device))[0].median().item()


def judge(x: torch.Tensor, labels: torch.Tensor | None = None) -> dict:
    """What is said of a set. labels: what the classifier saw in the images before they were treated."""
    x = x.clamp(0, 1)
    mine, classes = du.evaluation.features(x), du.evaluation.probabilities(x).argmax(1)
    found = {
        "choose": du.evaluation.frechet_between(mine, features("choose")),
        "frechet": du.evaluation.frechet_between(mine, features("report")),
        "coverage": du.evaluation.density_coverage(mine, features("report"))[1],
        "commonest": classes.bincount(minlength=10).max().item() / len(x),
        "near": nearest(x) / nearness_of_test(),
    }
    if labels is not None:
        found["labels kept"] = (classes == labels).double().mean().item()
    return {name: round(value, 5) for name, value in found.items()}


def judge_path(path: torch.Tensor, passes, labels=None) -> list[dict]:
    """A row for each number of passes."""
    return [{"passes": k, **judge(path[k], labels)} for k in passes]


def treat(start: str, how: str, sigma: float, passes, seed: int, n: int) -> list[dict]:
    """Start somewhere, and apply one thing again and again."""
    x = draw(start, n, seed)
    labels = None if "noise" in start else du.evaluation.probabilities(x.clamp(0, 1)).argmax(1)
    if how == "noise between":
        path = du.walkback(unet(), x, max(passes), sigma, chance(seed + 100), return_path=True)
    else:
        path = du.iterate(treatment(how, seed), x, max(passes), sigma, return_path=True)
    return judge_path(path, passes, labels)


LOSSES = {"BCE": ("bce", "sigmoid"), "MSE, EDM": ("mse", "edm")}


def trained(loss: str, lr: float, seed: int, steps: int, n: int) -> list[dict]:
    """One training, judged by what it makes of noise."""
    objective, output = LOSSES[loss]
    network = du.UNetDenoiser(noise_levels=True, output=output, seed=seed)
    done = du.fit(network, measure.digits("train"), sigma=du.corruption.log_normal(), objective=objective,
                  steps=steps, lr=lr, seed=seed, progress=False)  # fmt: skip
    if done.steps < steps:  # `fit` keeps a network cut short
        raise KeyboardInterrupt
    return [judge(from_noise(network.requires_grad_(False), n, seed, "flow"))]


# --- Measuring ----------------------------------------------------------------------------------------


def run(store: Store, sizes: Sizes) -> None:
    """Measure everything."""

    def each(work, *arguments, **settings):
        for seed in sizes.seeds:
            store.measure(
                partial(work, *arguments, seed=seed, n=sizes.n), **settings, seed=seed, n=sizes.n
            )

    for name in ("training digits", "VAE", "PCA-Gaussian", "uniform noise"):
        each(lambda name, seed, n: [judge(draw(name, n, seed))], name, part="sets", set=name)
    chains = [(s, "plain", sigma) for s in (*MEANS, "uniform noise") for sigma in sizes.sigmas]
    chains += [("noise, mean 0.5", how, sizes.sigmas[-1])
               for how in ("noise between", "MSE-trained", "untrained", "downhill")]  # fmt: skip
    for start, how, sigma in chains:
        each(treat, start, how, sigma, sizes.chain, part="synthesis", set=start, how=how, sigma=sigma)
    refined = [("VAE", how, s) for how in ("plain", "noise between") for s in sizes.refine]
    refined += [("VAE", how, 0.4) for how in ("untrained", "blur", "unsharp mask", "noise alone")]
    refined += [("PCA-Gaussian", "plain", sigma) for sigma in sizes.refine]
    for start, how, sigma in refined:
        each(treat, start, how, sigma, sizes.passes, part="refinement", set=start, how=how, sigma=sigma)
    for way in (*WAYS, *ETAS):
        for name in ("bce", "edm"):
            each(lambda name, way, seed, n: [judge(from_noise(unet(name), n, seed, way))], name, way,
                 part="flow", set=f"digits-unet-{name}", how=way)  # fmt: skip
    compare_losses(store, sizes)


def compare_losses(store: Store, sizes: Sizes) -> None:
    """Each loss at its own best rate, chosen on seed 0."""
    for loss in LOSSES:

        def one(lr, seed, loss=loss):
            work = partial(trained, loss, lr, seed, sizes.steps, sizes.n)
            return store.measure(
                work, part="training", set=loss, how=f"{sizes.steps} steps", lr=lr, seed=seed, n=sizes.n
            )

        lr = measure.best_rate(lambda lr, one=one: one(lr, 0)[0]["choose"], sizes.rates)
        for seed in sizes.seeds[1:]:
            one(lr, seed)


# --- Reporting ----------------------------------------------------------------------------------------

PARTS = ["sets", "synthesis", "refinement", "flow", "training"]
KINDS, SETTINGS = ["part", "set", "how"], ["sigma", "passes", "lr"]


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Every column that a table needs, without gaps: what does not apply is 0 or empty."""
    frame = frame.reindex(columns=list(dict.fromkeys([*frame.columns, *KINDS, *SETTINGS, "labels kept"])))
    return frame.fillna({"how": "", "sigma": 0.0, "passes": 0.0, "lr": 0.0})


def chosen(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the reported seeds, at the settings that were best on the choosing digits with seed 0."""
    first = frame[frame.seed == 0].sort_values("choose").drop_duplicates(KINDS)[KINDS + SETTINGS]
    return frame[frame.seed != 0].merge(first, on=KINDS + SETTINGS)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line for each kind of images, at its chosen setting."""
    rows = chosen(tidy(frame)).sort_values(
        "part", key=lambda parts: parts.map(PARTS.index), kind="stable"
    )
    words = {"frechet": "{:.0f}", "coverage": "{:.2f}", "commonest": "{:.2f}", "near": "{:.2f}",
             "labels kept": "{:.2f}"}  # fmt: skip
    found = rows.groupby(KINDS + SETTINGS, sort=False)[list(words)]
    found = found.agg({name: report.spread(how) for name, how in words.items()}).reset_index()
    for name in SETTINGS:
        found[name] = [f"{value:g}" if value else "" for value in found[name]]
    return found.replace("nan", "").rename(columns={"sigma": "σ", "frechet": "Frechet distance"})


def conclusion(frame: pd.DataFrame) -> str:
    """Two sentences, made from the rows."""
    rows = tidy(frame)
    rows = rows[rows.seed != 0]
    last = rows[
        (rows.part == "synthesis")
        & (rows.how == "plain")
        & (rows.sigma == rows[rows.part == "synthesis"].sigma.max())
    ]
    last = last[last.passes == last.passes.max()]
    bright, dark = (report.spread("{:.0f}")(last[last.set == name].frechet) for name in MEANS)
    best = chosen(tidy(frame)).set_index(KINDS).sort_index().frechet
    floor, vae, refined = (
        best.loc[key].mean()
        for key in [("sets", "training digits", ""), ("sets", "VAE", ""), ("refinement", "VAE", "plain")]
    )
    return (
        "The mean of the starting noise decides whether iteration makes digits: "
        f"after {last.passes.max():.0f} passes at σ = {last.sigma.max():g} the Frechet distance to real "
        f"digits is {bright} from noise with mean 0.5, and {dark} from noise with mean 0.13, that of "
        f"the digits. Refining a VAE's samples takes their distance from {vae:.0f} to "
        f"{refined:.0f}, where as many real digits have {floor:.0f}."
    )


def figure(frame: pd.DataFrame):
    """Frechet distance against passes: synthesis by its start, and refinement by its treatment."""
    rows = tidy(frame)
    rows = rows[rows.seed != 0]
    synthesis = rows[(rows.part == "synthesis") & (rows.how == "plain")]
    refinement = rows[(rows.part == "refinement") & (rows.set == "VAE") & (rows.sigma == 0.4)]
    left, right = axes = report.axes(2)
    report.curves(left, synthesis[synthesis.sigma == synthesis.sigma.max()], "passes", "frechet", "set")
    report.curves(right, refinement, "passes", "frechet", "how")
    left.set(title="Iterated from noise, largest σ", ylabel="Frechet distance to real digits")
    right.set(title="A VAE's samples, σ = 0.4")
    floor = rows[rows.set == "training digits"].frechet.mean()
    for ax in axes:
        ax.axhline(floor, color="gray", ls="--", lw=1, label="real digits")
        ax.set(xlabel="passes", yscale="log")
        ax.legend(fontsize=7)
    return left.figure
