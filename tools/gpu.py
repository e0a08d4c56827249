"""Measure on a GPU, within eight minutes, what the book says of one: make gpu, or python tools/gpu.py.

Needs PyTorch, torchvision, matplotlib, tqdm, safetensors and torchmetrics; no Jupyter, no make. What else
a part needs (pytest, SciPy for some chapters) is named in the results where it is missing. Writes
docs/measured/gpu.json, which the page *A GPU* shows; --out writes another file, --minutes sets the limit
and --quick tries everything in a minute. Without a GPU it ends with a sentence.
"""

import argparse
import contextlib
import datetime
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import daeutils as du  # noqa: E402
from daeutils import _check  # noqa: E402

LEVELS = (0.025, 0.05, 0.1, 0.2)  # at which the score of the ring is learned


def tests() -> dict:
    """Whether the tests that need a GPU pass: pytest's last line, or what is missing."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default"]
    command += ["tests/test_recording.py", "tests/test_properties.py", "-k", "recording or cuda"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    last = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]
    return {"passed": done.returncode == 0 and " passed" in last, "summary": last}


def ring(steps: int, seeds, device: str) -> list[dict]:
    """The error of the score on the ring, trained as chapter 03 does it."""
    from measure import score_error

    rows = []
    for sigma in LEVELS:
        for seed in seeds:
            points = du.ring().sample(100_000, torch.Generator().manual_seed(1)).clamp(0, 1)
            network = du.MLPDenoiser(2, seed=seed)
            start = time.perf_counter()
            du.fit(network, points, sigma=sigma, steps=steps, seed=seed, device=device, progress=False)
            seconds = time.perf_counter() - start
            network.requires_grad_(False).cpu()

            def score(x_noisy, level, network=network):
                return du.score_from_denoiser(network, x_noisy, level)

            error = score_error(score, du.ring(), sigma, n=50_000)
            rows.append(
                {"sigma": sigma, "seed": seed, "error": round(error, 5), "seconds": round(seconds, 2)}
            )
    return rows


def digits(steps: int, device: str) -> dict:
    """The loss on the test digits of a U-Net for one level, and of one for many at three of them."""
    images, held_out = du.digits()[0], du.digits("test")[0]
    found = {}
    for name, sigma in {"one level": 0.3, "many levels": du.corruption.log_normal()}.items():
        network = du.UNetDenoiser(noise_levels=callable(sigma))
        start = time.perf_counter()
        du.fit(network, images, sigma=sigma, steps=steps, device=device, progress=False)
        seconds, losses = time.perf_counter() - start, {}
        for level in (0.1, 0.3, 1.0) if callable(sigma) else (sigma,):
            noisy = du.corruption.gaussian(held_out, level, torch.Generator().manual_seed(0))
            with torch.no_grad():
                parts = zip(noisy.to(device).split(500), held_out.to(device).split(500), strict=True)
                loss = torch.cat([du.objectives.bce(network.logits(a, level), b) for a, b in parts])
            losses[str(level)] = round(loss.mean().item() / 784, 5)
        found[name] = {"loss": losses, "seconds": round(seconds, 2)}
    return found


def speed(quick: bool, device: str) -> list[dict]:
    """Steps per second of each way to train, and its first passage below one error."""
    import measure

    rows = []
    for task, target, short, long in [("points", 0.09, 50, 1050), ("images", 0.066, 20, 220)]:
        for way in (*measure.WAYS, measure.BARE):
            if quick:
                short, long = 2, 6
            rate = measure.steps_per_second(task, way, short=short, long=long, device=device)
            row = {"task": task, "way": way, "steps per second": round(rate, 1)}
            if way != measure.BARE and not quick:
                marks = range(50, 2001, 50) if way == measure.TUTORIAL else (50, 100, 200, 300, 400, 600)
                lr = 3e-3 if way in (measure.TUTORIAL, measure.IMPROVED) else None
                curve = measure.curve(
                    task, way, seed=1, split="report", marks=marks, lr=lr, enough=target, device=device
                )
                row |= {"target": target, "reached": measure.first_passage(curve, target)}
            rows.append(row)
    return rows


def chapter(path: Path, seconds: float) -> dict:
    """A chapter executed as a script: its minutes, how many claims held, and what stopped it."""
    env = os.environ | {"MPLBACKEND": "Agg", "TQDM_DISABLE": "1", "PYTHONPATH": str(ROOT)}
    env |= {"PYTHONIOENCODING": "utf-8"}
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, path], cwd=ROOT / "notebooks", env=env, capture_output=True, text=True,
            timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"result": f"not finished in {seconds:.0f} seconds"}
    minutes = round((time.perf_counter() - start) / 60, 2)
    claims = len(re.findall("^✓", done.stdout, re.MULTILINE))
    if done.returncode == 0:
        return {"result": "ran", "claims": claims, "minutes": minutes}
    last = done.stderr.strip().splitlines()[-1]
    missing = re.search(r"ModuleNotFoundError.*|.* is missing in", last)
    return {"result": "not run" if missing else "failed", "claims": claims, "because": last[:300]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--out",
        type=_check.path,
        default=ROOT / "docs" / "measured" / "gpu.json",
    )
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--quick", action="store_true", help="try everything, also on a CPU")
    options = parser.parse_args()
    if not torch.cuda.is_available() and not options.quick:
        sys.exit("no CUDA GPU was found; expected one: nothing was measured and nothing changed.")
    end = time.monotonic() + 60 * options.minutes
    gpu, quick = str(du.pick_device()), options.quick
    steps, seeds = (5, (0,)) if quick else (1000, (0, 1, 2))
    result = {
        "device": torch.cuda.get_device_name() if gpu != "cpu" else "CPU",
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
    }
    parts = {
        "tests": tests,
        "ring": lambda: ring(steps, seeds, gpu),
        "ring on the CPU": lambda: ring(steps, (0,), "cpu"),
        "digits": lambda: digits(steps, gpu),
        "speed": lambda: speed(quick, gpu),
        "digits on the CPU": lambda: digits(min(steps, 300), "cpu"),
    }
    twins = sorted((ROOT / "notebooks" / "scripts").glob("*.py"))[: 1 if quick else None]
    for twin in twins:
        parts[f"chapter {twin.stem}"] = lambda twin=twin: chapter(twin, max(5, end - time.monotonic()))
    for name, measured in parts.items():
        if time.monotonic() > end:
            result[name] = "not measured: the time was up"
            continue
        start = time.monotonic()
        try:
            result[name] = measured()
        except Exception as error:  # one part must not lose the others
            result[name] = f"failed: {type(error).__name__}: {error}"[:300]
        print(f"{name:40} {time.monotonic() - start:6.1f} s", flush=True)
        with contextlib.suppress(OSError):
            options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
