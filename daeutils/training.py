"""`fit`: the training loop of chapter 01, for points and images, one noise level or many, CPU or GPU.

`optimise` adds four things to it: batches that are spread evenly (`batches`), orthogonalised steps
(`muon`), an average of the weights, and the bookkeeping of long runs (`_engine`).
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from daeutils import _check, _engine
from daeutils._engine import pick_device
from daeutils.batches import Batches
from daeutils.denoisers import Denoiser, require_answer, require_trainable
from daeutils.muon import Muon

EVERY, LOOK = 20, 1  # seconds between two checkpoints, and between two looks at the loss
RATES = {"muon": (2e-2, 1e-2), "adam": (1e-2, 2e-3)}  # learning rates: for points, for images


@dataclass
class History:
    """What a training run did. loss: mean over the batch at each step, a list of floats."""

    loss: list[float] = field(default_factory=list, repr=False)
    device: str = "cpu"

    @property
    def steps(self) -> int:
        """The number of steps taken."""
        return len(self.loss)

    def smoothed(self, window: int = 50) -> list[float]:
        """The running mean of the loss over `window` steps, for a curve that can be read."""
        window = _check.count(window, "window")
        loss = torch.tensor(self.loss, dtype=torch.float64, device="cpu")
        total = torch.cat([loss.new_zeros(1), loss.cumsum(0)])
        end = torch.arange(1, len(loss) + 1, device="cpu")
        start = (end - window).clamp(min=0)
        return ((total[end] - total[start]) / (end - start)).tolist()


def optimise(
    network: nn.Module,
    loss: Callable[..., Tensor],
    batches: Iterable[tuple[Tensor, ...]],
    *,
    steps: int,
    lr: float = 2e-3,
    orthogonal: bool = False,
    average: float = 0.99,
    record: bool = False,
    check: Callable[[], None] = lambda: None,
    checkpoint=None,
    settings: dict | None = None,
    progress: bool = True,
    name: str = "training",
) -> History:
    """Train a network in place; it ends with the running average of its weights.

    Ctrl-C ends it early, and the network keeps what it has learned; after an error it is as it was.

    Args:
        network: on the device where it is trained.
        loss: of a batch, a scalar.
        batches: endless; each is a tuple of tensors.
        lr: the learning rate at the start; it falls to 0 as a cosine.
        orthogonal: step along orthogonalised gradients (Muon) where a weight is a matrix, at rate lr;
            Adam then moves the rest at lr / 5.
        average: the share of the running average that each step keeps, less at the start.
        record: whether to record the step on a GPU and replay it: see `_engine.recorded`.
        check: raises ValueError if something was wrong with the batches so far; called now and then.
        checkpoint, settings: the file that keeps the training, and what else tells it from others.

    Raises:
        FloatingPointError: the loss is not finite. OSError: the checkpoint cannot be written.
    """
    steps, lr = _check.count(steps, "steps"), _check.number(lr, "lr", at_least=1e-30)
    average = _check.number(average, "average", at_least=0, at_most=1)
    settings = {**(settings or {}), "steps": steps, "lr": lr, "average": average}
    with _engine.training(network):
        optimisers = _optimisers(network, lr, orthogonal)
        step = _step(network, loss, optimisers, record)
        weights = [p.detach() for p in network.parameters()]  # the same memory
        means, losses = [w.clone() for w in weights], weights[0].new_zeros(steps)
        store = _engine.Checkpoint(checkpoint, settings, network, optimisers, means, losses)
        taken, batches = store.resume(iter(batches), loss)
        bar = _engine.bar(range(taken, steps), initial=taken, total=steps, desc=name, shown=progress)
        looked = kept = time.monotonic()
        try:
            for k in bar:
                _set_pace(optimisers, 0.5 * (1 + math.cos(math.pi * k / steps)))
                losses[k] = step(*next(batches))
                torch._foreach_lerp_(means, weights, 1 - _kept(average, k))
                taken, now = k + 1, time.monotonic()
                if taken == steps or now - looked > LOOK:
                    looked = now
                    check()
                    bar.set_postfix(loss=f"{finite(losses[k].item(), taken, lr):.4g}")
                    if taken == steps or now - kept > EVERY:
                        store.save(taken)
                        kept = now
        except KeyboardInterrupt:
            print(f"{name} interrupted after {taken} steps: the network keeps what it has learned.")
            raise
        finally:
            bar.close()
            if taken:
                torch._foreach_copy_(weights, means)
    return History(losses.tolist(), str(losses.device))


def _step(network, loss, optimisers, record: bool) -> Callable[..., Tensor]:
    """A function that takes one step on a batch and returns its loss, as in chapter 01."""
    model, backward, mean = _engine.Loss(network, loss), Tensor.backward, Tensor.detach
    if (peers := _engine.accelerator()) is not None:  # gradients are averaged over the processes
        model, *optimisers = peers.prepare(model, *optimisers)
        backward, mean = peers.backward, lambda value: peers.reduce(value.detach(), "mean")

    def step(*batch: Tensor) -> Tensor:
        value = model(*batch)
        for optimiser in optimisers:
            optimiser.zero_grad()
        backward(value)
        for optimiser in optimisers:
            optimiser.step()
        return mean(value)

    device = next(network.parameters()).device
    return _engine.recorded(step, device) if record and device.type == "cuda" and not peers else step


def _optimisers(network: nn.Module, lr: float, orthogonal: bool) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, if `orthogonal`, and Adam for the rest; `_set_pace` sets their rates."""
    trained = [p for p in network.parameters() if p.requires_grad]
    matrices = [p for p in trained if orthogonal and p.ndim > 1]
    others = [p for p in trained if not (orthogonal and p.ndim > 1)]
    device, found = trained[0].device, []
    if matrices:
        found.append(Muon(matrices, lr=torch.tensor(lr, dtype=torch.float32, device=device)))
    if others:
        rate = torch.tensor(lr / 5 if matrices else lr, dtype=torch.float32, device=device)
        found.append(torch.optim.Adam(others, rate, fused=True, capturable=device.type == "cuda"))
    for group in (group for optimiser in found for group in optimiser.param_groups):
        group["initial_lr"] = group["lr"].item()
    return found


def _set_pace(optimisers: list[torch.optim.Optimizer], pace: float) -> None:
    """Let every optimiser step at this share of the rate that it began with."""
    for group in (group for optimiser in optimisers for group in optimiser.param_groups):
        group["lr"].fill_(pace * group["initial_lr"])


def _kept(most: float, before: int) -> float:
    """Of the running average, after so many steps: less of the past while there is little of it, so that
    a run cut short is not held at its start; nothing before the first."""
    return min(most, (1 + before) / (10 + before)) if before else 0.0


def finite(loss: float, step: int, lr: float) -> float:
    """The loss of this step. Raise FloatingPointError unless it is a finite number."""
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss} at step {step}; expected a finite number: "
            f"try a learning rate below {lr:g}."
        )
    return loss


def fit(
    denoiser: Denoiser, source, *, sigma, objective: str = "bce", steps: int = 2000,
    batch_size: int | None = None, lr: float | None = None, optimiser: str | None = None,
    weight: Callable[[Tensor], Tensor] | None = None, average: float = 0.99, seed: int = 0,
    device=None, progress: bool = True, checkpoint=None,
) -> History:  # fmt: skip
    """Train a denoiser, in place, to reconstruct x from x~ = x + sigma eps (chapter 01; T1, T2).

    Points in at most six dimensions are drawn evenly (`batches`). Ctrl-C ends the training early, and the
    network keeps what it has learned; after an error it is as it was. A trained network is left in
    evaluation mode, as `load_network` gives it. In several processes, started by accelerate or torchrun,
    one network is trained on all their devices, with the steps of one process.

    Args:
        denoiser: one of the book's, or a `Denoiser` of your own; on a CUDA GPU where there is one.
        source: a tensor of data in [0, 1], (N, d) or (N, C, H, W); or has `sample(n, generator)`.
        sigma: a float, in units of the data's [0, 1], or a distribution of noise levels: a function
            (n, generator) -> (n,), such as `corruption.log_normal()`.
        objective: "bce" or "mse" of the sigmoid of the logits; "mse" also of another output.
        batch_size: 1024 points or 64 images by default.
        lr: the learning rate at the start; 2e-2 for points and 1e-2 for images by default, and for "adam"
            1e-2 and 2e-3.
        optimiser: "muon" (orthogonalised steps where a weight is a matrix) or "adam"; by default the one
            that the network names.
        weight: by what the loss at each noise level is multiplied, (n,) -> (n,); by default the network's
            `loss_weight`. No weight moves the minimum at any level.
        average: the share of the weights' running average that each step keeps. Running statistics, as
            of BatchNorm, are not averaged.
        seed: of batches and noise: the same one gives the same network on one machine.
        checkpoint: a file that keeps the state every 20 seconds and at the end. The same call, with a
            network made alike, goes on from there, on a CPU bit by bit. Another training's is refused.

    Raises:
        ValueError: an argument that is not as described. Nothing is changed then, and no file written.
        OSError: the checkpoint cannot be written. FloatingPointError: the loss is not finite.
    """
    require_trainable(denoiser, sigma, objective)
    optimiser = denoiser.optimiser if optimiser is None else optimiser
    if optimiser not in RATES:
        raise ValueError(f"optimiser is {optimiser!r}; expected 'adam' or 'muon'.")
    device, seed = pick_device(device), _check.seed(seed)
    generator = torch.Generator(device).manual_seed(seed)
    with torch.inference_mode(False):  # what is made there could not be trained with
        data = Batches(source, batch_size, generator, next(denoiser.parameters()).dtype)
    require_answer(denoiser, data.example, sigma, data.size)
    batches, loss = _task(denoiser, data, sigma, objective, weight)
    with _engine.training(denoiser):
        denoiser.to(device)
        if not denoiser.noise_levels:
            denoiser.level.fill_(float(sigma))
        history = optimise(
            denoiser, loss, batches, steps=steps, average=average, orthogonal=optimiser == "muon",
            lr=RATES[optimiser][data.example.ndim == 4] if lr is None else lr,
            record=denoiser.recordable, check=data.check, progress=progress, checkpoint=checkpoint,
            settings=dict(objective=objective, optimiser=optimiser, batch_size=data.size, seed=seed),
            name=f"{objective} denoiser",
        )  # fmt: skip
    denoiser.eval()
    return history


def _task(denoiser: Denoiser, data: Batches, sigma, objective: str, weight):
    """Endless batches (x, eps, noise level, its weight), and their loss: corrupt x, reconstruct it."""
    if weight is not None and not callable(weight):
        raise ValueError(f"weight is {weight!r}; expected a function of noise levels, (n,) -> (n,).")
    weigh = denoiser.loss_weight if weight is None else weight
    mine = _engine.share(data.size)
    generator, like = data.generator, dict(device=data.generator.device, dtype=data.dtype)

    def batches():
        for x, eps in data:
            level = sigma(len(x), generator) if callable(sigma) else float(sigma)
            level = torch.as_tensor(level, **like).expand(len(x))[mine]
            yield x[mine], eps[mine], level, torch.as_tensor(weigh(level), **like).flatten()

    def loss(x, eps, level, factor) -> Tensor:
        x_noisy = x + level.reshape(-1, *[1] * (x.ndim - 1)) * eps
        values = denoiser.loss(x, x_noisy, level if denoiser.noise_levels else None, objective)
        return (values * factor).mean() / x[0].numel()

    return batches(), loss
