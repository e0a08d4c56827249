"""How good are the images? Synthesis, refinement and diffusion on real digits, with intervals and seeds.

    python benchmarks/images.py [ruler] [training] [longer] [weight] [aside] [flow] [synthesis]
                                [refinement] [repair]

Every set is compared with the 2,000 test digits, in the features of the shipped classifier. A finished
run is kept at once, in docs/measured/images/<section>.json, and is not repeated: Ctrl-C loses one run.
"""

import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import image_report
import running
import torch
from torchvision.transforms.functional import gaussian_blur

import daeutils as du
from daeutils.train import even

DEVICE = du.pick_device()


class Sizes(NamedTuple):
    """How much of everything: the real thing, or enough to see that it runs."""

    n: int = 1000  # images in each set
    n_flow: int = 2000
    seeds: tuple = (0, 1, 2)
    steps: int = 1000  # of a quick training
    longer: int = 5000  # of one that takes minutes
    fresh: tuple = (1, 2, 3)  # seeds of the trainings that are compared; seed 0 chose their rate
    rates: tuple = (5e-3, 1e-2, 2e-2, 4e-2)
    passes: tuple = (0, 1, 2, 3, 5, 8)
    chain: tuple = (0, 1, 2, 5, 10, 30)
    draws: int = 30


QUICK = Sizes(60, 60, (0,), 3, 5, (1,), (5e-3, 1e-2), (0, 1, 2), (0, 1, 2), 3)

# --- What is measured of a set of images --------------------------------------------------------------


@cache
def real(split: str) -> torch.Tensor:
    """The real digits of a split, on the device."""
    return du.digits(split)[0].to(DEVICE)


@cache
def real_features(split: str) -> torch.Tensor:
    """Their features."""
    return du.evaluation.features(real(split))


def medians(x: torch.Tensor, f: torch.Tensor) -> tuple[float, float]:
    """Median distance to the nearest training image, in pixels and in features."""
    pixels = du.evaluation.nearest(x, real("train"))[0].median().item()
    return pixels, du.evaluation.nearest(f, real_features("train"))[0].median().item()


@cache
def medians_of_test() -> tuple[float, float]:
    """The same for test digits, which are certainly no copies."""
    return medians(real("test"), real_features("test"))


def judge(x: torch.Tensor, sizes: Sizes, labels: torch.Tensor | None = None) -> dict:
    """Everything that is said of a set. labels: of the images before they were treated."""
    x = x.clamp(0, 1).to(DEVICE)
    f, chances, test = du.evaluation.features(x), du.evaluation.probabilities(x), real_features("test")
    low, high = du.evaluation.bootstrap(du.evaluation.frechet_between, f, test, draws=sizes.draws)
    density, coverage = du.evaluation.density_coverage(f, test)
    near, of_test = medians(x, f), medians_of_test()
    guess = chances.argmax(1)
    found = {
        "frechet": du.evaluation.frechet_between(f, test),
        "low": low,
        "high": high,
        "kernel": du.evaluation.kernel_between(f, test),
        "density": density,
        "coverage": coverage,
        "confidence": chances.max(1).values.mean().item(),
        "rarest_class": (guess.bincount(minlength=10).min() / len(x)).item(),
        "near_pixels": near[0] / of_test[0],
        "near_features": near[1] / of_test[1],
    }
    if labels is not None:
        found["labels_kept"] = (guess == labels).float().mean().item()
    return {name: round(value, 5) for name, value in found.items()}


# --- Sets ---------------------------------------------------------------------------------------------

MODELS = ("VAE", "PCA-Gaussian")


@cache
def model(name: str):
    """A model whose samples get refined."""
    return du.load("digits-vae") if name == "VAE" else du.PCAGaussian(du.digits()[0], 50)


@cache
def unet(name: str = "bce"):
    """A shipped network, or one that was never trained."""
    if name == "untrained":
        return du.UNetDenoiser(noise_levels=True).requires_grad_(False).to(DEVICE)
    return du.load(f"digits-unet-{name}")


def chance(seed: int) -> torch.Generator:
    """A generator on the CPU: the same numbers on every device."""
    return torch.Generator().manual_seed(seed)


def draw(name: str, n: int, seed: int) -> torch.Tensor:
    """n images of a kind."""
    if name == "training digits":
        return real("train")[torch.randperm(len(real("train")), generator=chance(seed))[:n]]
    if name == "uniform noise":
        return torch.rand(n, 1, 28, 28, generator=chance(seed)).to(DEVICE)
    if name == "Gaussian noise":
        return (0.13 + torch.randn(n, 1, 28, 28, generator=chance(seed))).to(DEVICE)
    return model(name).sample(n, chance(seed)).to(DEVICE)


WAYS = {"flow": (20, 0.0), "flow with noise": (40, 0.25)}  # levels, churn


def walk_down(x: torch.Tensor, levels: torch.Tensor, luck: torch.Generator) -> torch.Tensor:
    """Chapter 10's walkback: one step at each level."""
    for level in levels.tolist():
        x = du.walkback(unet(), x, 1, level, luck)
    return x


def from_noise(network, n: int, seed: int, way: str) -> torch.Tensor:
    """The probability flow from noise about the mean digit, from level 10 to 0.02."""
    (levels, churn), luck = WAYS[way], chance(seed)
    noise = 10 * torch.randn(n, 1, 28, 28, generator=luck).to(DEVICE)
    more = torch.Generator(DEVICE).manual_seed(seed + 100)
    return du.probability_flow(network, real("train").mean(0) + noise, du.noise_schedule(levels),
                               churn=churn, generator=more)  # fmt: skip


def along(path: torch.Tensor, counts, sizes: Sizes, labels=None) -> list[dict]:
    """A row for each count of passes."""
    return [{"passes": k, **judge(path[k], sizes, labels)} for k in counts]


# --- Sections: each gives (settings, function that returns rows) --------------------------------------

Runs = Iterator[tuple[dict, Callable[[], list[dict]]]]


def ruler(sizes: Sizes, rows) -> Runs:
    """Sets whose rank is known."""
    for name in ("training digits", *MODELS, "uniform noise"):
        for n in dict.fromkeys((sizes.n, sizes.n_flow)):
            for seed in sizes.seeds:
                yield (
                    {"set": name, "n": n, "seed": seed},
                    partial(lambda *what: [judge(draw(*what), sizes)], name, n, seed),
                )


LOSSES = {"BCE": ("bce", "sigmoid"), "MSE, EDM": ("mse", "edm")}


def fitted(loss: str, lr: float, seed: int, steps: int, weight=None, leave: int = 0) -> tuple:
    """A trained network, and the seconds that it took. leave: training digits that it does not see."""
    objective, output = LOSSES[loss]
    network = du.UNetDenoiser(noise_levels=True, output=output, seed=seed)
    start = time.monotonic()
    seen = real("train")[: len(real("train")) - leave]
    done = du.fit(network, seen, sigma=du.corruption.log_normal(), objective=objective,
                  steps=steps, lr=lr, weight=weight, seed=seed, progress=False)  # fmt: skip
    if done.interrupted:
        raise KeyboardInterrupt
    return network.requires_grad_(False), round(time.monotonic() - start)


def trained(loss, lr, seed, steps, ways, sizes: Sizes, how=None, also=lambda network: {}) -> list[dict]:
    """One training, judged by what it makes of noise, in each way.

    how: the weight of each noise level. also: what more is measured of the network.
    """
    network, seconds = fitted(loss, lr, seed, steps, how)
    more = {"seconds": seconds, **also(network)}
    made = {way: from_noise(network, sizes.n, seed, way) for way in ways}
    return [{"way": way, **more, **judge(x, sizes)} for way, x in made.items()]


def errors(network, x: torch.Tensor | None = None) -> dict:
    """Squared error per image, of the test digits unless others are given, at some noise levels."""
    x, found = real("test") if x is None else x, {}
    for name in image_report.ERRORS:
        sigma = float(name.removeprefix("error_"))
        x_noisy = x + sigma * torch.randn(x.shape, generator=chance(0)).to(x)
        found[name] = round(du.objectives.squared_error(network(x_noisy, sigma), x).mean().item(), 5)
    return found


def best_rate(loss: str, rows: list[dict]) -> float:
    """The learning rate with the smallest distance on seed 0."""
    tried = [row for row in rows if row["loss"] == loss and row["seed"] == 0]
    return min(tried, key=lambda row: row["frechet"])["lr"]


RECIPES = (("BCE", "none", None), ("BCE", "even", even), ("MSE, EDM", "EDM", None))  # in words, weight
BOTH = RECIPES[::2]  # the losses, BCE without a weight


def beside(
    steps: int, ways, sizes: Sizes, rate: Callable, *also, seeds=(), recipes=RECIPES, train=trained
) -> Runs:
    """Same layers, data, batches and steps. rate: of a loss. seeds: the fresh ones, if none is named.
    train: gives the rows of one training."""
    for seed in seeds or sizes.fresh:
        for loss, words, how in recipes:
            settings = {"loss": loss, "weight": words, "lr": rate(loss), "seed": seed, "steps": steps,
                        "n": sizes.n}  # fmt: skip
            yield settings, partial(train, loss, rate(loss), seed, steps, ways, sizes, how, *also)


def tuned(steps: int, ways, sizes: Sizes, rates, recipes, rows) -> Runs:
    """Each loss at its own best rate for so many steps, chosen on seed 0."""
    for lr in rates:
        yield from beside(steps, ["flow"], sizes, lambda loss, lr=lr: lr, seeds=(0,), recipes=BOTH)
    yield from beside(steps, ways, sizes, lambda loss: best_rate(loss, rows()), recipes=recipes)


def training(sizes: Sizes, rows) -> Runs:
    """The quick training."""
    return tuned(sizes.steps, ["flow"], sizes, sizes.rates, BOTH, rows)


def longer(sizes: Sizes, rows) -> Runs:
    """Five times the steps, with the weight, too. The highest rate makes way for a lower one."""
    return tuned(sizes.longer, WAYS, sizes, (sizes.rates[0] / 2, *sizes.rates[:-1]), RECIPES, rows)


def weight(sizes: Sizes, rows) -> Runs:
    """The quick training, and its errors at some noise levels."""
    return beside(sizes.steps, ["flow"], sizes, partial(best_rate, rows=rows("training")), errors)


def kept_aside(loss, lr, seed, steps, ways, sizes: Sizes, how) -> list[dict]:
    """One training without the last n training digits: its errors on them, instead of what it makes."""
    network, seconds = fitted(loss, lr, seed, steps, how, leave=sizes.n)
    return [{"seconds": seconds, **errors(network, real("train")[-sizes.n :])}]


def aside(sizes: Sizes, rows) -> Runs:
    """Does the weight commend itself also where no test digit is looked at?"""
    rate = partial(best_rate, rows=rows("training"))
    return beside(sizes.steps, (), sizes, rate, recipes=RECIPES[:2], train=kept_aside)


def flowed(name: str, way: str, seed: int, sizes: Sizes) -> list[dict]:
    """A shipped network's images from noise."""
    if way == "walkback":  # from plain grey, which its first noise hides
        grey = torch.full((sizes.n_flow, 1, 28, 28), 0.5, device=DEVICE)
        return [judge(walk_down(grey, du.noise_schedule(20, high=2.0), chance(seed)), sizes)]
    return [judge(from_noise(unet(name), sizes.n_flow, seed, way), sizes)]


def flow(sizes: Sizes, rows) -> Runs:
    """The shipped networks from pure noise."""
    for way in (*WAYS, "walkback"):
        for name in ("bce", "edm") if way in WAYS else ("bce",):
            for seed in sizes.seeds:
                yield (
                    {"network": f"digits-unet-{name}", "way": way, "n": sizes.n_flow, "seed": seed},
                    partial(flowed, name, way, seed, sizes),
                )


def reversed_step(x, sigma):
    """Down the learned gradient instead of up; bounded, or it would overflow."""
    return (2 * x - unet()(x, sigma)).clamp(-1, 2)


def chain(start: str, how: str, sigma: float, seed: int, sizes: Sizes) -> list[dict]:
    """One denoiser, iterated from noise."""
    x, passes = draw(start, sizes.n, seed), max(sizes.chain)
    if how == "walkback":
        path = du.walkback(unet(), x, passes, sigma, chance(seed), return_path=True)
    else:
        network = {"plain": unet(), "untrained": unet("untrained"), "MSE-trained": unet("edm"),
                   "reversed": reversed_step}[how]  # fmt: skip
        path = du.iterate(network, x, passes, sigma, return_path=True)
    return along(path, sizes.chain, sizes)


def synthesis(sizes: Sizes, rows) -> Runs:
    """The paper's first experiment."""
    plans = [("uniform noise", "plain", s) for s in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)]
    plans += [("Gaussian noise", "plain", s) for s in (0.2, 0.6, 1.0)]
    plans += [("uniform noise", how, 0.8) for how in ("walkback", "untrained", "MSE-trained", "reversed")]
    for start, how, sigma in plans:
        for seed in sizes.seeds if sigma in (0.2, 0.8) else sizes.seeds[:1]:
            settings = {"start": start, "how": how, "sigma": sigma, "n": sizes.n, "seed": seed}
            yield settings, partial(chain, start, how, sigma, seed, sizes)


def blur(x, sigma=None):
    """A Gaussian blur of half a pixel."""
    return gaussian_blur(x, [3, 3], [0.5, 0.5])


def sharpen(x, sigma=None):
    """An unsharp mask."""
    return (2 * x - gaussian_blur(x, [5, 5], [1.0, 1.0])).clamp(0, 1)


def refine(name: str, how: str, sigma: float, seed: int, sizes: Sizes) -> list[dict]:
    """Another model's samples, pass by pass."""
    x, passes, luck = draw(name, sizes.n, seed), max(sizes.passes), chance(seed + 100)

    def noise(x, sigma=None):
        return (x + 0.05 * torch.randn(x.shape, generator=luck).to(x)).clamp(0, 1)

    labels = du.evaluation.probabilities(x.clamp(0, 1)).argmax(1)
    if how == "with noise between":
        path = du.walkback(unet(), x, passes, sigma, luck, return_path=True)
    else:
        treatment = {"plain": unet(), "untrained": unet("untrained"), "blur": blur,
                     "unsharp mask": sharpen, "noise alone": noise}[how]  # fmt: skip
        path = du.iterate(treatment, x, passes, sigma, return_path=True)
    return along(path, sizes.passes, sizes, labels)


def refinement(sizes: Sizes, rows) -> Runs:
    """The paper's second experiment, with controls that take as many passes."""
    plans = [(how, s) for how in ("plain", "with noise between") for s in (0.1, 0.2, 0.3, 0.4, 0.6)]
    plans += [(how, 0.4) for how in ("untrained", "blur", "unsharp mask", "noise alone")]
    for name in MODELS:
        for how, sigma in plans:
            for seed in sizes.seeds:
                settings = {"set": name, "how": how, "sigma": sigma, "n": sizes.n, "seed": seed}
                yield settings, partial(refine, name, how, sigma, seed, sizes)


def mend(how: str, strength: float, seed: int, sizes: Sizes) -> list[dict]:
    """VAE samples: add noise of this level, and come down."""
    x, luck = draw("VAE", sizes.n, seed), torch.Generator(DEVICE).manual_seed(seed + 100)
    labels = du.evaluation.probabilities(x).argmax(1)
    if how == "walkback":
        x = walk_down(x, du.noise_schedule(5, high=strength, low=0.2), luck)
    else:
        levels, churn = REPAIRS[how]
        x = du.corruption.gaussian(x, strength, luck)
        schedule = du.noise_schedule(levels, high=strength)
        x = du.probability_flow(unet(), x, schedule, churn=churn, generator=luck)
    return [judge(x, sizes, labels)]


REPAIRS = {"flow": (8, 0.0), "flow with noise": (12, 0.25), "walkback": None}  # levels, churn


def repair(sizes: Sizes, rows) -> Runs:
    """Noise added, and removed level by level: by the flow, or by five passes of walkback."""
    for how in REPAIRS:
        for strength in (0.4, 0.6, 0.7, 1.0, 1.5):
            for seed in sizes.seeds:
                yield (
                    {"set": "VAE", "how": how, "strength": strength, "n": sizes.n, "seed": seed},
                    partial(mend, how, strength, seed, sizes),
                )


SECTIONS = {
    f.__name__: f for f in (ruler, training, longer, weight, aside, flow, synthesis, refinement, repair)
}

# --- Running ------------------------------------------------------------------------------------------


def run(section: str, folder: Path, sizes: Sizes, again: bool = False, only: str = "") -> None:
    """Measure what is not there yet."""
    running.run(SECTIONS[section], folder / "images" / f"{section}.json", sizes, again, only)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    running.main(__doc__, SECTIONS, run, (Sizes(), QUICK), image_report.publish, arguments)


if __name__ == "__main__":
    main()
