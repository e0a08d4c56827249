"""What faces of 64 x 64 pixels would cost on eight GPUs: on paper, from what was counted and timed here.

    python benchmarks/cost.py      some minutes; writes docs/measured/cost.json and cost.md

A training step is counted by its multiplications and additions: some for each image, and some for the
step whatever the batch, which is the optimiser's work and is repeated on every GPU. There it is another
optimiser than on a CPU: `fit` has PyTorch's Muon do it.
"""

import json

import report
import speed_report
import torch
from contestants import FIT, muon_of_pytorch
from running import ROOT
from torch.utils.flop_counter import FlopCounterMode

import daeutils as du

STORED = ROOT / "docs" / "measured"
NETWORKS = {  # as chapters 10 and A1 make them, and the batch at which a step is timed
    "digits": (dict(), 64),
    "faces": (dict(channels=3, side=64, width=32), 8),
}
GPUS, BATCH, STEPS = 8, 512, 50_000
SUSTAINED = (2, 5, 20)  # operations a second on one GPU, in 10^12: assumed, beside what was measured
IMAGES = 162_770  # of CelebA's training split


def train(sizes: dict, batch_size: int, steps: int) -> float:
    """Seconds that a training of `fit` takes, on the CPU and random images."""
    network = du.UNetDenoiser(noise_levels=True, **sizes)
    images = torch.rand(64, *network.shape, generator=torch.Generator().manual_seed(0))
    how = dict(sigma=du.corruption.log_normal(), steps=steps, batch_size=batch_size)
    return du.fit(network, images, **how, device="cpu", progress=False).seconds


def operations(sizes: dict) -> dict:
    """Multiplications and additions of one training step: for each image, and for the step itself, on a
    CPU and on a GPU."""

    def count(batch_size):
        with FlopCounterMode(display=False) as counter:
            train(sizes, batch_size, 1)
        return counter.get_total_flops()

    one, two = count(1), count(2)
    with muon_of_pytorch():
        other = count(1)
    return {"image": two - one, "step": 2 * one - two, "gpu_step": one - two + other}


def measure(steps: int = 20) -> dict:
    """Operations, parameters and seconds a step of the two networks."""
    found = {"machine": {"threads": torch.get_num_threads(), "torch": torch.__version__.split("+")[0]}}
    for name, (sizes, batch_size) in NETWORKS.items():
        train(sizes, batch_size, 2)  # warm
        network = du.UNetDenoiser(noise_levels=True, **sizes)
        found[name] = operations(sizes) | {
            "parameters": sum(p.numel() for p in network.parameters()),
            "batch": batch_size,
            "seconds": train(sizes, batch_size, steps) / steps,
        }
    return found


def rate(one: dict) -> float:
    """Operations a second that were sustained here."""
    return (one["image"] * one["batch"] + one["step"]) / one["seconds"]


def on_gpu(digits: dict) -> dict[str, float]:
    """name -> operations a second that a GPU sustained on the digits' network, where one was measured."""
    rows = speed_report.read(STORED)["training"]
    mine = {"task": "U-Net, batch 64", "on": "GPU", "way": FIT}.items()
    each = 64 * digits["image"] + digits["gpu_step"]
    return {row["device"]: row["rate"] * each for row in rows if mine <= row.items()}


def hours(one: dict, sustained: float, gpus: int = GPUS, step: str = "gpu_step") -> float:
    """Of STEPS steps: each GPU has its share of the batch, and the whole of the optimiser."""
    return STEPS * (one["image"] * BATCH / gpus + one[step]) / sustained / 3600


def page(found: dict) -> str:
    """The page's tables."""
    it, faces = found["machine"], found["faces"]
    rows = [
        f"Timed on {it['threads']} thread{'s' * (it['threads'] > 1)} of a CPU, PyTorch {it['torch']}.\n",
        "| network | parameters | operations for an image | and for a step | for a step on a GPU "
        "| images a second here | operations a second here |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in NETWORKS:
        one = found[name]
        rows.append(
            f"| {name} | {one['parameters'] / 1e6:.1f} million | {one['image'] / 1e9:.2f} billion "
            f"| {one['step'] / 1e9:.0f} billion | {one['gpu_step'] / 1e9:.0f} billion "
            f"| {one['batch'] / one['seconds']:.1f} | {rate(one) / 1e9:.0f} billion |"
        )
    here = rate(faces)
    rows += [
        f"\nTraining on faces, {STEPS:,} steps of {BATCH} images, "
        f"{BATCH // GPUS} for each of {GPUS} GPUs:\n",
        "| machine | operations a second, each | hours | GPU hours |",
        "|---|---:|---:|---:|",
        f"| the CPU of the table above | {here / 1e12:.2g} trillion, measured "
        f"| {hours(faces, here, 1, 'step'):.0f} | |",
    ]
    sustained = [(x * 1e12, "assumed") for x in SUSTAINED]
    sustained += [(x, f"measured on digits, {name}") for name, x in on_gpu(found["digits"]).items()]
    for n in (1, GPUS):
        for speed, how in sorted(sustained):
            taken = hours(faces, speed, n)
            name = f"{n} GPU{'s' * (n > 1)}"
            rows.append(
                f"| {name} | {speed / 1e12:.2g} trillion, {how} | {taken:.2g} | {n * taken:.2g} |"
            )
    apart = hours(faces, 1, 1) / hours(faces, 1, GPUS)
    memory, gradients = 4 * IMAGES * 3 * 64**2 / 1e9, 4 * faces["parameters"] / 1e6
    rows += [
        f"\n{GPUS} GPUs are {apart:.1f} times as fast as one, not {GPUS}: the optimiser's part is not "
        f"shared. At each step every GPU sends and receives its {gradients:.0f} MB of "
        f"gradients about twice. The {IMAGES:,} faces take {memory:.1f} GB on each GPU as floats, and "
        f"{memory / 4:.1f} GB as bytes, drawn by `sample(n)`."
    ]
    return "\n".join(rows) + "\n"


def main() -> None:
    found = measure()
    report.write(STORED / "cost.json", json.dumps(found, indent=1) + "\n")
    report.write(STORED / "cost.md", page(found))
    print(page(found))


if __name__ == "__main__":
    main()
