"""Public packages that learn scores, asked for the score in our coordinates.

A package expects data about zero, so it sees y = scale (x - centre). Then y~ = scale (x~ - centre) =
y + (scale sigma) eps: the noise level is multiplied by `scale`, and eps is that of x~ = x + sigma eps.

Each `train_*` takes points in [0, 1]^d, (N, d), and returns score(x_noisy, sigma) -> (N, d). Network and
optimiser are those of the package's own example. `improved` adds what our `fit` has: a rate that falls
to 0 along a cosine, and averaged weights.
"""

import contextlib
import copy
import io
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from measure import average_in
from torch import Tensor, nn

import daeutils as du

Score = Callable[[Tensor, float], Tensor]
INSTALL = "pip install -e '.[bench]'"


class Units(NamedTuple):
    """y = scale (x - centre): a peer's coordinates."""

    centre: Tensor | float
    scale: float

    def enter(self, x: Tensor) -> Tensor:
        """x, or x~, in the peer's coordinates, (N, d)."""
        return (x - self.centre) * self.scale


def batches(points: Tensor, steps: int, size: int) -> Iterator[Tensor]:
    """Random batches, from a tensor in memory."""
    for _ in range(steps):
        yield points[torch.randint(len(points), (size,), device=points.device)]


class Additions:
    """A cosine and averaged weights, for the training loop of somebody else; nothing if not `wanted`."""

    def __init__(self, network: nn.Module, steps: int, lr: float, wanted: bool):
        self.network, self.steps, self.lr, self.wanted, self.taken = network, steps, lr, wanted, 0
        self.judged = copy.deepcopy(network) if wanted else network

    def before_step(self, optimiser: torch.optim.Optimizer) -> None:
        """Set the rate of the step that comes, and take the weights of the last one into the average."""
        if self.wanted:
            self.average()
            optimiser.param_groups[0]["lr"] = (
                self.lr * (1 + math.cos(math.pi * self.taken / self.steps)) / 2
            )
        self.taken += 1

    def average(self) -> nn.Module:
        """The network to judge, with the newest weights in its average."""
        if self.wanted and self.taken:
            average_in(self.judged, self.network, 0.99, self.taken - 1)
        return self.judged


# --- smalldiffusion: one network for all noise levels that predicts eps ------------------------------

SMALL = Units(0.5, 2.0)  # its toy data lie in [-1, 1]
LEVELS = (0.02, 0.25)  # smallest and largest noise level, just around those asked for


def eps_score(model, units: Units) -> Score:
    """From a prediction of eps. T2: sigma^2 s = E[x given x~] - x~ = -sigma E[eps given x~]."""

    @torch.no_grad()
    def score(x_noisy: Tensor, sigma: float) -> Tensor:
        level = torch.tensor(units.scale * sigma, dtype=x_noisy.dtype)
        return -model.predict_eps(units.enter(x_noisy), level) / sigma

    return score


def train_smalldiffusion(
    points: Tensor, *, steps, batch, seed, lr, improved=False, levels=LEVELS
) -> Score:
    """The network and the log-linear schedule of its README's example in the plane."""
    import smalldiffusion as sd
    from accelerate import Accelerator

    device = du.pick_device()
    low, high = (SMALL.scale * level for level in levels)
    with torch.random.fork_rng(), contextlib.redirect_stderr(io.StringIO()):  # its own bar
        torch.manual_seed(seed)
        model = sd.TimeInputMLP(hidden_dims=(16, 128, 128, 128, 128, 16)).to(device)
        schedule = sd.ScheduleLogLinear(N=200, sigma_min=low, sigma_max=high)
        loader = batches(SMALL.enter(points).to(device), steps, batch)
        more = Additions(model, steps, lr, improved)
        cpu = Accelerator(cpu=device.type == "cpu")
        for state in sd.training_loop(loader, model, schedule, accelerator=cpu, epochs=1, lr=lr):
            more.before_step(state.optimizer)
    return eps_score(more.average().cpu().eval(), SMALL)


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


def train_zuko(points: Tensor, *, sigma, steps, batch, seed, lr, improved=False) -> Score:
    """A neural spline flow with its README's transforms, widths and optimiser.

    It warns that its splines end at 5, so the noisy data get zero mean and unit variance.
    """
    import zuko

    units = Units(points.mean(0), 1 / (points.var(0).mean() + sigma**2).sqrt().item())
    device = du.pick_device()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        flow = zuko.flows.NSF(points.shape[1], transforms=3, hidden_features=[128] * 3).to(device)
        optimiser, more = torch.optim.Adam(flow.parameters(), lr=lr), Additions(flow, steps, lr, improved)
        for y in batches(units.enter(points).to(device), steps, batch):
            y_noisy = y + units.scale * sigma * torch.randn_like(y)
            loss = -flow().log_prob(y_noisy).mean()
            optimiser.zero_grad()
            loss.backward()
            more.before_step(optimiser)
            optimiser.step()
    judged = more.average().cpu()
    return density_score(lambda y: judged().log_prob(y), units)
