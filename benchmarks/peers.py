"""Public packages that learn scores, trained their own way and asked for the score in our coordinates.

A package expects data about zero, so it sees y = scale (x - centre). Then y~ = scale (x~ - centre) =
y + (scale sigma) eps: the noise level is multiplied by `scale`, and eps is that of x~ = x + sigma eps.
`eps_score` and `density_score` turn an answer about y~ into s_sigma(x~); tests/test_benchmarks.py feeds
them exact answers.

Each `train_*` takes points in [0, 1]^d, (N, d), and returns score(x_noisy, sigma) -> (N, d).
"""

import contextlib
import importlib.util
import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

import daeutils as du

PACKAGES = ("smalldiffusion", "zuko")
INSTALL = "pip install -e '.[bench]'"

Score = Callable[[Tensor, float], Tensor]


class Units(NamedTuple):
    """y = scale (x - centre): a peer's coordinates."""

    centre: Tensor | float
    scale: float

    def enter(self, x: Tensor) -> Tensor:
        """x, or x~, in the peer's coordinates, (N, d)."""
        return (x - self.centre) * self.scale


def missing() -> list[str]:
    """The packages of this file that are not installed."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def batches(points: Tensor, steps: int, size: int) -> Iterator[Tensor]:
    """Random ones, from a tensor in memory."""
    for _ in range(steps):
        yield points[torch.randint(len(points), (size,), device=points.device)]


# --- smalldiffusion: one network for all noise levels that predicts eps ------------------------------

SMALL = Units(0.5, 2.0)  # its toy data lie in [-1, 1]
SMALL_LEVELS = (0.005 / SMALL.scale, 10 / SMALL.scale)  # of its README, in units of x


def eps_score(model, units: Units) -> Score:
    """From a prediction of eps. T2: sigma^2 s = E[x given x~] - x~ = -sigma E[eps given x~]."""

    @torch.no_grad()
    def score(x_noisy: Tensor, sigma: float) -> Tensor:
        level = torch.tensor(units.scale * sigma, dtype=x_noisy.dtype)
        return -model.predict_eps(units.enter(x_noisy), level) / sigma

    return score


def train_smalldiffusion(points: Tensor, *, steps, batch, seed, levels=SMALL_LEVELS) -> Score:
    """The network, the schedule and the learning rate of its README's example in the plane.

    levels: smallest and largest sigma of its log-linear schedule, in units of x.
    """
    import smalldiffusion as sd
    from accelerate import Accelerator

    device = du.pick_device()
    low, high = (SMALL.scale * level for level in levels)
    with torch.random.fork_rng(), contextlib.redirect_stderr(io.StringIO()):  # its own bar
        torch.manual_seed(seed)
        model = sd.TimeInputMLP(hidden_dims=(16, 128, 128, 128, 128, 16))
        schedule = sd.ScheduleLogLinear(N=200, sigma_min=low, sigma_max=high)
        loader = batches(SMALL.enter(points).to(device), steps, batch)
        here = Accelerator(cpu=device.type == "cpu")
        for _ in sd.training_loop(loader, model, schedule, accelerator=here, epochs=1):
            pass
    return eps_score(model.cpu().eval(), SMALL)


# --- zuko: a normalising flow fitted to the noisy data of one noise level, by likelihood -------------


def density_score(log_prob: Callable[[Tensor], Tensor], units: Units) -> Score:
    """From a log-density of y~. By the chain rule grad_x log p(x~) = scale grad_y log q(y~)."""

    def score(x_noisy: Tensor, sigma: float) -> Tensor:
        parts = []
        for part in x_noisy.split(20_000):  # the graph of a flow is large
            y = units.enter(part).detach().requires_grad_()
            parts.append(torch.autograd.grad(log_prob(y).sum(), y)[0])
        return units.scale * torch.cat(parts)

    return score


def train_zuko(points: Tensor, *, sigma, steps, batch, seed) -> Score:
    """A neural spline flow with its README's transforms, widths, optimiser and learning rate.

    It warns that its splines end at 5: so the noisy data get zero mean and unit variance.
    """
    import zuko

    units = Units(points.mean(0), 1 / (points.var(0).mean() + sigma**2).sqrt().item())
    device = du.pick_device()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        flow = zuko.flows.NSF(points.shape[1], transforms=3, hidden_features=[128] * 3).to(device)
        optimiser = torch.optim.Adam(flow.parameters(), lr=1e-3)
        for y in batches(units.enter(points).to(device), steps, batch):
            y_noisy = y + units.scale * sigma * torch.randn_like(y)
            loss = -flow().log_prob(y_noisy).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    flow.cpu()
    return density_score(lambda y: flow().log_prob(y), units)
