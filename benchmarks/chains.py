"""Chains of digits, each measured in a process of its own, which imports no more than the book does."""

import json
import re
import resource
import sys
import time
from pathlib import Path

import torch

import daeutils as du

CHAINS = {  # name: (network, x, passes) -> anything
    "iterate": lambda f, x, n: du.iterate(f, x, n, 0.4),
    "walkback": lambda f, x, n: du.walkback(f, x, n, 0.4),
    "langevin": lambda f, x, n: du.langevin(f, x, n, 0.4),
    "probability flow": lambda f, x, n: du.probability_flow(f, x, du.noise_schedule(n + 1, 10, 0.1)),
    "features": lambda f, x, n: du.evaluation.features(x),
}


def device(on: str) -> torch.device:
    """By the name that the tables use."""
    return torch.device("cuda" if on == "GPU" else "cpu")


def wait(where: torch.device) -> None:
    """Until a GPU has done what it was told."""
    if where.type == "cuda":
        torch.cuda.synchronize(where)


def peak() -> int:
    """Bytes that this process has held at most. On Linux getrusage would count its parent's too."""
    if sys.platform == "linux":
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(name: str, on: str, n: int, passes: int) -> None:
    """Print seconds and the peak of memory in bytes, as JSON: of the process, or of the GPU's tensors."""
    where = device(on)
    network = du.load("digits-unet-bce", where)
    x = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(where)
    CHAINS[name](network, x[:2], 1)  # what is set up at the first call
    wait(where)
    start = time.perf_counter()
    CHAINS[name](network, x, passes)
    wait(where)
    seconds = time.perf_counter() - start
    held = torch.cuda.max_memory_allocated() if on == "GPU" else peak()
    print(json.dumps({"seconds": seconds, "peak": held}))
