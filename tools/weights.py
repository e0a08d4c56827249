"""Train the networks that ship with the package again: python tools/weights.py [name ...]

Every recipe sees the training split only; each card's metric is measured on the test split, and on the
spiral on fresh points, beside the exact score. The same command goes on where it was ended: a network
that takes long keeps a checkpoint until it is written. On several GPUs of one machine:

    accelerate launch --multi_gpu tools/weights.py [name ...]

Given --num_processes, that flag starts several processes on the CPU of a machine without a GPU, too.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

import daeutils as du
from daeutils import _check, _engine, data, evaluation, zoo
from daeutils.baselines import GAN, VAE
from daeutils.features import FeatureClassifier

SEED = 0


def _samples() -> torch.Generator:
    return torch.Generator().manual_seed(SEED + 1)


def _set(images: str, split: str = "train"):
    """The images and labels of one of the two sets that ship: "digits" or "fashion"."""
    return getattr(data, images)(split)


def classifier(images: str, checkpoint=None, steps=4000):
    """The feature network of a set of images. Metric: accuracy on its test split."""
    network = FeatureClassifier(seed=SEED)
    history = network.fit(*_set(images), steps=steps, seed=SEED)

    def metric(net):
        return {"test_accuracy": evaluation.accuracy(*_set(images, "test"), net)}

    return network, history, metric


def source(model: type, images: str, checkpoint=None, steps=8000):
    """A model whose samples chapter 07 refines. Metric: Frechet distance to the test split."""
    network = model(seed=SEED)
    history = network.fit(_set(images)[0], steps=steps, seed=SEED)

    def metric(net):
        made, test = net.sample(2000, _samples()), _set(images, "test")[0]
        judge = zoo.load_network(f"{images}-classifier")
        return {"frechet_to_test": evaluation.frechet_distance(made, test, judge)}

    return network, history, metric


def plain(images: str, checkpoint=None, steps=3000):
    """The plain DAE of chapter 06. Metric: Frechet distance of what it makes of noise."""
    network = du.PlainDAE(seed=SEED)
    history = du.fit(network, _set(images)[0], sigma=0.5, steps=steps, batch_size=64, seed=SEED)

    def metric(net):
        noise = torch.Generator(du.pick_device()).manual_seed(SEED + 1)
        start = 0.5 + torch.randn(2000, 1, 28, 28, generator=noise, device=noise.device)
        made = du.walkback(net, start, 30, 0.5, noise).clamp(0, 1)
        judge = zoo.load_network(f"{images}-classifier")
        return {"frechet_from_noise": evaluation.frechet_distance(made, _set(images, "test")[0], judge)}

    return network, history, metric


def even(sigma: torch.Tensor) -> torch.Tensor:
    """The root of EDM's weight: with it a step hears of low noise levels too, where BCE is small."""
    return 2 * (sigma**2 + 0.25).sqrt() / sigma


def unet(objective: str, output: str, weight=None, checkpoint=None, steps=15_000):
    """One noise-conditional U-Net. Metric: Frechet distance of its probability flow from noise."""
    network = du.UNetDenoiser(noise_levels=True, output=output, seed=SEED)
    history = du.fit(
        network,
        data.digits()[0],
        sigma=du.corruption.log_normal(),
        objective=objective,
        steps=steps,
        weight=weight,
        seed=SEED,
        checkpoint=checkpoint,
    )

    def metric(net):
        sigmas = du.noise_schedule()
        noise = sigmas[0].float() * torch.randn(2000, 1, 28, 28, generator=_samples())
        start = data.digits()[0].mean(0) + noise  # p_sigma at the first level, nearly
        images = du.probability_flow(net, start.to(du.pick_device()), sigmas)
        test = data.digits("test")[0]
        return {"frechet_from_noise": evaluation.frechet_distance(images.clamp(0, 1), test)}

    return network, history, metric


def spiral(checkpoint=None, steps=8000):
    """The points of the site's live page, many noise levels. Metrics: relative errors of the score."""
    network, law = du.MLPDenoiser(2, noise_levels=True, seed=SEED), du.spiral()
    history = du.fit(
        network,
        law.sample(100_000, _samples()),
        sigma=du.corruption.log_normal(mean=-2.6, std=0.9, low=0.02, high=0.4),
        steps=steps,
        seed=SEED,
        checkpoint=checkpoint,
    )

    def error(net, sigma):
        fresh = torch.Generator().manual_seed(SEED + 2)
        x_noisy = du.corruption.gaussian(law.sample(20_000, fresh), sigma, fresh)
        learned = du.score_from_denoiser(net, x_noisy.to(du.pick_device()), sigma)
        return du.relative_error(learned.cpu(), law.smooth(sigma).score(x_noisy))

    def metric(net):
        return {f"score_error_{sigma}": error(net, sigma) for sigma in (0.02, 0.05, 0.1, 0.2)}

    return network, history, metric


RECIPES: dict[str, Callable] = {
    "digits-classifier": partial(classifier, "digits"),  # first: the others are measured in its features
    "fashion-classifier": partial(classifier, "fashion"),
    "digits-vae": partial(source, VAE, "digits"),
    "fashion-vae": partial(source, VAE, "fashion"),
    "digits-gan": partial(source, GAN, "digits", steps=3000),
    "fashion-gan": partial(source, GAN, "fashion", steps=3000),
    "digits-plain-dae": partial(plain, "digits"),
    "fashion-plain-dae": partial(plain, "fashion"),
    "digits-unet-bce": partial(unet, "bce", "sigmoid", even),
    "digits-unet-edm": partial(unet, "mse", "edm"),  # the same layers, data, seed and steps
    "spiral-mlp-bce": spiral,
}


def main(arguments=None) -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python tools/weights.py", description=__doc__, formatter_class=raw
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RECIPES)}; all by default")
    parser.add_argument("--steps", type=int, help="fewer than the recipe has, to try the command")
    parser.add_argument("--out", type=_check.path, default=Path(du.__file__).parent / "assets")
    parser.add_argument("--checkpoints", type=_check.path, default=Path("_build/weights"))
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(RECIPES)
    if unknown:
        parser.error(f"no recipe is called {sorted(unknown)}; expected {list(RECIPES)}")
    how = {} if options.steps is None else {"steps": options.steps}
    for name in options.names or RECIPES:
        checkpoint = options.checkpoints / f"{name}.checkpoint"
        try:
            network, history, metric = RECIPES[name](checkpoint=checkpoint, **how)
        except KeyboardInterrupt:
            sys.exit(f"{name}: interrupted; the same command goes on from its last checkpoint, if any")
        if (peers := _engine.accelerator()) is not None and not peers.is_main_process:
            continue
        zoo.save_network(network, name, options.out)
        stored = zoo.load_network(name, folder=options.out)  # measured as it will be loaded: in half
        about = zoo.save_network(
            network,
            name,
            options.out,
            command=" ".join(["python tools/weights.py", name, *(f"--{k} {v}" for k, v in how.items())]),
            seed=SEED,
            steps=history.steps,
            device=history.device,
            data="spiral, 100,000 points"
            if name.startswith("spiral")
            else f"{name.split('-')[0]}, training split",
            metrics={key: round(value, 4) for key, value in metric(stored).items()},
        )
        checkpoint.unlink(missing_ok=True)
        print(name, about["metrics"])


if __name__ == "__main__":
    main()
