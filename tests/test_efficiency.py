"""What the package costs: imports, memory, and values that Python reads while a GPU waits."""

import resource
import subprocess
import sys

import pytest
import torch
from oracles import seeded
from torch.utils._python_dispatch import TorchDispatchMode

import daeutils as du


def test_import_loads_nothing_slow():
    """Each of these takes longer to import than all of daeutils may, beyond torch: 0.3 seconds."""
    slow = "torchvision torchmetrics matplotlib ipywidgets IPython scipy sklearn sympy torch._dynamo"
    code = (
        "import sys, torch; before = set(sys.modules); import daeutils; print(*set(sys.modules) - before)"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "daeutils.evaluation" in out.split() and not set(out.split()) & set(slow.split())


def held() -> float:
    """Bytes that this process has held at most. Linux counts in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def test_ten_thousand_digits_fit_in_two_gigabytes():
    """A chain, and the features, take so little for each digit more; passes add nothing."""
    network, x = du.load("digits-unet-bce", "cpu"), torch.rand(1200, 1, 28, 28, generator=seeded())
    for n in (200, 1200):
        du.iterate(network, x[:n], 1, 0.4)
        du.evaluation.features(x[:n])
        if n == 200:
            before = held()
    assert (held() - before) * 10_000 / 1000 < 1.2e9


class Reads(TorchDispatchMode):
    """Counts the values that Python reads out of tensors: for each a GPU would finish its work first."""

    count = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*arguments, **(keywords or {}))


def reads(work, steps: int) -> int:
    with Reads() as found:
        work(steps)
    return found.count


GREY = torch.rand(4, 2, generator=seeded())
WORK = {
    "training": lambda n: du.fit(
        du.MLPDenoiser(2), GREY, sigma=0.1, steps=n, progress=False, device="cpu"
    ),
    "iterate": lambda n: du.iterate(lambda x, sigma: x / 2, GREY, n, 0.3),
    "walkback": lambda n: du.walkback(lambda x, sigma: x / 2, GREY, n, 0.3),
    "ancestral": lambda n: du.ancestral(
        lambda x, sigma: x / 2, GREY, du.noise_schedule(n + 2), generator=seeded()
    ),
    "langevin": lambda n: du.langevin(lambda x, sigma: x / 2, GREY, n, 0.3),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_a_loop_reads_no_value_at_each_step(work):
    """Now and then, by the clock, a training looks whether its loss is finite."""
    first = reads(work, 3)
    assert 0 < first and reads(work, 43) - first < 20
