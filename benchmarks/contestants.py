"""Ways to train one denoiser, as others write the loop: each takes (task, steps) and trains.

All of them tick once a step, where they call `network.logits` or as their docstring says. Network,
data, noise level, batch size and loss are those of the task; a package keeps its own optimiser.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple
from unittest import mock

import peers
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor

import daeutils as du
from daeutils import training
from daeutils._recording import Recorded

SIGMA, LR, WORKERS = 0.1, 1e-3, 2


class Task(NamedTuple):
    """What is trained, on what, in which batches, where."""

    network: nn.Module
    x: Tensor  # (N, d) or (N, C, H, W), on the CPU
    batch: int
    device: torch.device
    tick: Callable[[], None]  # what network.logits calls first, for those who tick elsewhere
    seed: int = 0  # of batches and noise, where a contestant takes one


def loss_of(logits: Callable, x: Tensor, eps: Tensor) -> Tensor:
    """The mean BCE of the reconstruction of x from x + sigma eps."""
    return du.objectives.bce(logits(x + SIGMA * eps, SIGMA), x).mean()


class Images(Dataset):
    """As torchvision's MNIST does it: bytes, an image of PIL each time, and a transform."""

    def __init__(self, x: Tensor):
        self.data, self.transform = (x[:, 0] * 255).byte().numpy(), ToTensor()

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.data[index]))


class Points(Dataset):
    """A tensor, read point by point."""

    def __init__(self, x: Tensor):
        self.data = x

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.data[index]


def loader(task: Task) -> DataLoader:
    """The usual one: two workers, shuffled."""
    data = Images(task.x) if task.x.ndim == 4 else Points(task.x)
    return DataLoader(data, batch_size=task.batch, shuffle=True, num_workers=WORKERS, drop_last=True)


def endless(batches) -> Iterator[Tensor]:
    """Epoch after epoch."""
    while True:
        yield from batches


def without_clock(task: Task) -> nn.Module:
    """The network, whose logits tick no more."""
    vars(task.network).pop("logits", None)
    return task.network


def fit(task: Task, steps: int, optimiser: str = "muon") -> None:
    """The book's. It ticks where a batch is drawn: a recorded forward pass is Python's only once."""
    whole = training.optimise

    def optimise(*arguments, batch, **keywords):
        return whole(*arguments, batch=lambda: (task.tick(), batch())[1], **keywords)

    without_clock(task)
    with mock.patch.object(training, "optimise", optimise):
        du.fit(task.network, task.x, sigma=SIGMA, steps=steps, batch_size=task.batch, device=task.device,
               optimiser=optimiser, seed=task.seed, progress=False)  # fmt: skip


def fit_adam(task: Task, steps: int) -> None:
    """The book's, without orthogonal steps."""
    fit(task, steps, "adam")


def muon_of_pytorch():
    """Within it a CPU has the optimiser that `fit` takes on a GPU: it orthogonalises in bfloat16."""
    return mock.patch.object(training, "Muon", partial(torch.optim.Muon, weight_decay=0))


def fit_torch(task: Task, steps: int) -> None:
    """The book's with PyTorch's Muon."""
    with muon_of_pytorch():
        fit(task, steps)


def bare(task: Task, steps: int) -> None:
    """What the hardware allows: forward and backward on one batch, and nothing else."""
    x = task.x[: task.batch].to(task.device)
    eps, network = torch.randn_like(x), task.network.to(task.device)
    parameters = list(network.parameters())
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = None
        loss_of(network.logits, x, eps).backward()


def tutorial(task: Task, steps: int, lr: float = LR) -> None:
    """The loop that tutorials show: a loader, Adam, and the loss read at each step."""
    torch.manual_seed(task.seed)
    network = task.network.to(task.device)
    optimiser, total = torch.optim.Adam(network.parameters(), lr=lr), 0.0
    for x in islice(endless(loader(task)), steps):
        x = x.to(task.device)
        loss = loss_of(network.logits, x, torch.randn_like(x))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item()


def lightning(task: Task, steps: int) -> None:
    """lightning's Trainer on the tutorial's loader; no bar, no logs, no checkpoints."""
    import lightning as L

    class Module(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = task.network

        def training_step(self, x, index):
            return loss_of(self.network.logits, x, torch.randn_like(x))

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=LR)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = L.Trainer(
            max_steps=steps, accelerator="gpu" if task.device.type == "cuda" else "cpu", devices=1,
            logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Module(), loader(task))


def smalldiffusion(task: Task, steps: int, resident: bool = False) -> None:
    """Its training_loop, as in its README on a loader without workers; or on batches in memory."""
    import smalldiffusion as sd
    from accelerate import Accelerator

    class Model(nn.Module, sd.ModelMixin):
        def __init__(self):
            super().__init__()
            self.network = task.network

        def forward(self, x, sigma, cond=None):
            return self.network.logits(x, SIGMA)

    if resident:
        batches = peers.batches(task.x.to(task.device), steps, task.batch)
    else:
        data = Images(task.x) if task.x.ndim == 4 else Points(task.x)
        batches = DataLoader(data, batch_size=task.batch, shuffle=True, drop_last=True)
    schedule = sd.ScheduleLogLinear(N=200, sigma_min=0.005, sigma_max=10)
    here = Accelerator(cpu=task.device.type == "cpu")
    with contextlib.redirect_stderr(io.StringIO()):  # its own bar
        loop = sd.training_loop(batches, Model().to(task.device), schedule, accelerator=here)
        for _ in islice(loop, steps):
            pass


def smalldiffusion_resident(task: Task, steps: int) -> None:
    """Its network step: nothing is loaded."""
    smalldiffusion(task, steps, resident=True)


def graph(task: Task, steps: int) -> None:
    """The bare step, recorded once and replayed. It ticks before each."""
    x = task.x[: task.batch].to(task.device)
    eps, network = torch.randn_like(x), without_clock(task).to(task.device)

    def step():
        for parameter in network.parameters():
            parameter.grad = None
        loss = loss_of(network.logits, x, eps)
        loss.backward()
        return loss.detach()

    recorded = Recorded(step, task.device)
    for _ in range(steps):
        task.tick()
        recorded()


FIT, ADAM, TUTORIAL = "fit", "fit, Adam", "tutorial"
TORCH = "fit, PyTorch's Muon"
BARE, GRAPH = "bare forward and backward", "bare, as a CUDA graph"
LOADED = (TUTORIAL, "lightning", "smalldiffusion")  # through a DataLoader
CONTESTANTS: dict[str, Callable[[Task, int], None]] = {
    FIT: fit,
    ADAM: fit_adam,
    TORCH: fit_torch,
    BARE: bare,
    TUTORIAL: tutorial,
    "lightning": lightning,  # a name begins with the package that it asks for
    "smalldiffusion": smalldiffusion,
    "smalldiffusion, batches in memory": smalldiffusion_resident,
    GRAPH: graph,
}
