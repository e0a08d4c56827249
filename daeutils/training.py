"""`fit`: one loop for points and images, for one noise level or many, on a CPU or a GPU."""

import copy
import hashlib
import inspect
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from daeutils import _check, _processes, _progress
from daeutils._recording import Recorded, abreast
from daeutils.checkpoint import Checkpoint
from daeutils.muon import Muon
from daeutils.objectives import OBJECTIVES, squared_error

EVERY = 20  # seconds between two checkpoints


def pick_device(device=None) -> torch.device:
    """The device asked for, else accelerate's for this process, else a CUDA GPU, else the CPU."""
    if device is not None:
        return torch.device(device)
    if (account := _processes.state()) is not None:
        return account.device
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class History:
    """What a training run did. loss: mean over the batch at each step, a list of floats; recorded:
    whether a GPU was given each step whole, as a CUDA graph, rather than kernel by kernel."""

    loss: list[float] = field(default_factory=list, repr=False)
    seconds: float = 0.0
    device: str = "cpu"
    interrupted: bool = False
    recorded: bool = False

    @property
    def steps(self) -> int:
        """The number of steps taken."""
        return len(self.loss)

    def smoothed(self, window: int = 50) -> list[float]:
        """The running mean of the loss over `window` steps, for a curve that can be read."""
        loss = torch.tensor(self.loss, dtype=torch.float64)
        total = torch.cat([loss.new_zeros(1), loss.cumsum(0)])
        end = torch.arange(1, len(loss) + 1)
        start = (end - window).clamp(min=0)
        return ((total[end] - total[start]) / (end - start)).tolist()


def optimise(
    module: nn.Module,
    loss: Callable[..., Tensor],
    *,
    batch: Callable[[], tuple] = tuple,
    steps: int | None = None,
    seconds: float | None = None,
    lr: float = 2e-3,
    orthogonal: bool = False,
    average: float = 0.99,
    record: bool = False,
    progress: bool = True,
    name: str = "training",
    save_to: str | os.PathLike | None = None,
    about: dict | None = None,
) -> History:
    """Adam with a cosine to 0 on loss(*batch()), then the running average of the weights.

    Stops after `steps` or `seconds`, whichever comes first. Ctrl-C ends it early and keeps the network
    trained so far. With `save_to` a run that was ended goes on from its last checkpoint: the batches
    that it had used are drawn again and passed over, so that all is as if it had never stopped.

    In several processes (`fit` says how) loss and gradients are averaged over them at each step.

    Args:
        module: what is trained, in place, already on its device.
        loss: of a batch, a scalar; called once a step.
        batch: draws one; nothing by default.
        lr: the learning rate at the start.
        orthogonal: step along orthogonalised gradients (Muon) where a weight is a matrix, at rate lr;
            Adam then moves the rest at lr / 5. The weight of a convolution is a matrix with a row for
            each output channel.
        average: the weight that the running average keeps at each step, less at the start.
        record: on a GPU, record the step once and replay it. The loss must then be the same operations
            at each step, on what `batch` draws, and read no value.
        save_to: file of the checkpoint, written every EVERY seconds and at the end.
        about: whose it is; another training's checkpoint is refused.

    Raises:
        ValueError: neither steps nor seconds, or one that is not positive.
        FloatingPointError: the loss is not finite. OSError: the checkpoint cannot be written.
        RuntimeError: another process of this training has ended, or does not answer.
    """
    if steps is None and seconds is None:
        raise ValueError("neither steps nor seconds was given; expected one: steps=2000, say.")
    if steps is not None:
        _check.count(steps, "steps")
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds is {seconds!r}; expected a number > 0.")
    if not lr > 0:
        raise ValueError(f"lr is {lr!r}; expected a learning rate > 0, 2e-3 say.")
    device = next(module.parameters()).device
    weights = [p for p in module.parameters() if orthogonal and p.ndim > 1]
    others = [p for p in module.parameters() if not (orthogonal and p.ndim > 1)]
    matrices = [p.detach().view(len(p), -1) for p in weights]  # the same memory: a step moves both
    optimisers: list[torch.optim.Optimizer] = []
    recording = record and device.type == "cuda"
    # On a GPU PyTorch's own: its bfloat16 is fast there.
    muon = partial(torch.optim.Muon, weight_decay=0) if device.type == "cuda" else Muon
    apart = [[matrix] for matrix in matrices] if recording else [matrices]  # to work side by side
    optimisers += [muon(each, lr=lr) for each in apart if each]
    if others:
        rate = lr / 5 if matrices else lr
        optimisers.append(torch.optim.Adam(others, lr=rate, fused=True, capturable=recording))
    groups = [(group, group["lr"]) for optimiser in optimisers for group in optimiser.param_groups]
    peers = _processes.Peers(module)
    averaged = copy.deepcopy(module)
    # Flat lists: to walk through the modules at each step takes longer than to move small weights.
    parameters, present = list(module.parameters()), [p.detach() for p in module.parameters()]
    means = [p.detach() for p in averaged.parameters()]
    about = {**(about or {}), "steps": steps, "seconds": seconds, "lr": lr}
    networks = {"module": module, "averaged": averaged}
    store = Checkpoint(save_to, about, networks, optimisers, writes=_processes.first())
    before, spent = store.load()
    taken = len(before)
    # Room for many, and on the device: to read a loss would make a GPU wait, and a small tensor for each
    # step would leave holes in the memory of a CPU.
    losses = torch.zeros(max(taken, steps or 1024), device=device)
    losses[:taken] = before
    for _ in range(taken):
        batch()
    history = History(device=str(device), recorded=recording)

    def step(*drawn) -> Tensor:
        for parameter in parameters:
            parameter.grad = None
        value = loss(*drawn)
        value.backward()
        value = peers.average(value)
        for matrix, weight in zip(matrices, weights, strict=True):
            matrix.grad = None if weight.grad is None else weight.grad.reshape(matrix.shape)
        abreast([optimiser.step for optimiser in optimisers], device)
        return value

    def paced_step(pace: Tensor, share: Tensor, *drawn) -> Tensor:
        """With the numbers that change from step to step as tensors: a recording would keep a float."""
        before = [p.clone() for p in present]
        value = step(*drawn)  # a whole one, of which all but `pace` is taken back
        _approach(present, before, 1 - pace)
        _approach(means, present, share)
        return value

    recorded = Recorded(paced_step, device)
    bar = _progress.bar(progress and _processes.first(), total=steps, desc=name, unit="step")
    bar.update(taken)
    checked = kept = time.monotonic()
    start = kept - spent
    was_training = module.training
    module.train()
    try:
        peers.listen()
        peers.agree(spent, taken)  # all have read the checkpoint before the first one writes
        store.save(losses[:taken], spent)  # a folder that cannot be written is known at once
        while steps is None or taken < steps:
            now = time.monotonic()
            done = 0.0 if steps is None else taken / steps
            passed = peers.agree(now - start, taken)
            if seconds is not None:
                done = max(done, passed / seconds)
                if done >= 1:
                    break
            pace, share = 0.5 * (1 + math.cos(math.pi * done)), 1 - _kept(average, taken)
            if record:
                value = recorded(pace, share, *batch())
            else:
                for group, first in groups:
                    group["lr"] = first * pace
                value = step(*batch())
                torch._foreach_lerp_(means, present, share)
            if taken == len(losses):
                losses = torch.cat([losses, torch.zeros_like(losses)])
            losses[taken] = value
            taken += 1
            bar.update()
            if now - checked > 1:  # rarely: reading the loss waits for the device
                checked = now
                _require_finite(value, taken, lr)
                bar.set_postfix(loss=f"{value.item():.4g}")
            if now - kept > EVERY:
                store.save(losses[:taken], now - start)
                kept = time.monotonic()
        store.save(losses[:taken], time.monotonic() - start)
    except KeyboardInterrupt:
        history.interrupted = True
        if _processes.first():
            print(f"{name} interrupted after {taken} steps: the network keeps what it has learned.")
    finally:
        peers.close()
        bar.close()
        module.train(was_training)
    if taken:
        _require_finite(losses[taken - 1], taken, lr)
        history.loss = losses[:taken].tolist()
        torch._foreach_copy_(present, means)
    history.seconds = time.monotonic() - start
    return history


def _kept(most: float, before: int) -> float:
    """Of the running average, after so many steps: less of the past while there is little of it, so that
    a run cut short is not held at its start; nothing before the first."""
    return min(most, (1 + before) / (10 + before)) if before else 0.0


def _approach(places: list[Tensor], goals: list[Tensor], share: Tensor) -> None:
    """Move the places that share of the way: torch._foreach_lerp_ takes only a float."""
    way = torch._foreach_sub(goals, places)
    torch._foreach_mul_(way, share)
    torch._foreach_add_(places, way)


def _require_finite(value: Tensor, step: int, lr: float) -> None:
    if not torch.isfinite(value):
        raise FloatingPointError(
            f"the loss is {value.item()} at step {step}; expected a finite number: "
            f"try a learning rate below {lr:g}."
        )


def _pairs(source, batch_size: int, generator: torch.Generator) -> Iterable[tuple[Tensor, Tensor]]:
    """Endless (x, eps), x drawn from a resident tensor, or fresh from anything with .sample(n)."""
    device = generator.device

    def noise(x):
        return torch.randn(x.shape, generator=generator, device=device)

    if isinstance(source, Tensor):
        _check.unit_interval(source, "source")
        source = source.to(device, torch.float32)  # resident: no copy in the loop
        if source.ndim == 2 and source.shape[1] <= FEW:
            yield from _even_pairs(source, batch_size, generator)
        while True:
            index = torch.randint(len(source), (batch_size,), generator=generator, device=device)
            x = source[index]
            yield x, noise(x)
    if not hasattr(source, "sample"):
        raise ValueError(
            f"source is a {type(source).__name__}; expected a tensor of data in [0, 1], "
            "or an object with .sample(n), such as a GaussianMixture."
        )
    takes_generator = "generator" in inspect.signature(source.sample).parameters
    chance = {"generator": generator} if takes_generator else {}
    _check.unit_interval(source.sample(1000, **chance), "a sample of the source")
    while True:
        # A mixture has tails: the few points outside the cube go to its face, where BCE is defined.
        x = source.sample(batch_size, **chance).to(device, torch.float32).clamp(0, 1)
        yield x, noise(x)


FEW = 6  # dimensions, up to which batches are spread evenly; tried in two, where it gains much


def _even_pairs(points: Tensor, batch_size: int, generator: torch.Generator):
    """(x, eps) spread more evenly than chance does it, over the data and over the noise together.

    A scrambled Sobol sequence gives points u in the unit cube: its first coordinate picks x along a
    curve through the data, the others become Gaussian by the inverse of the distribution function.
    Each pair alone has the law that a random one has; a batch of them averages to less noise.
    """
    points = points[_along_a_curve(points)]
    n, d = points.shape
    block = batch_size * max(1, 2**16 // batch_size)  # drawn on the CPU, many batches at a time
    restart = 2**30 - block  # where the sequence ends
    seed = generator.initial_seed()
    sobol = torch.quasirandom.SobolEngine(d + 1, scramble=True, seed=seed)
    while True:
        if sobol.num_generated >= restart:
            seed += 1
            sobol = torch.quasirandom.SobolEngine(d + 1, scramble=True, seed=seed)
        u = sobol.draw(block).to(points.device)  # (block, 1 + d)
        x = points[(u[:, 0] * n).long().clamp(max=n - 1)]
        eps = torch.special.ndtri(u[:, 1:].clamp(2**-26, 1 - 2**-24))
        yield from zip(x.split(batch_size), eps.split(batch_size), strict=True)


def _along_a_curve(points: Tensor) -> Tensor:
    """An order in which neighbours are near in space (Morton's: the bits of the coordinates in turn)."""
    bits = min(20, 62 // points.shape[1])
    cells = (points.double() * (2**bits - 1)).long()  # (N, d)
    place = torch.zeros(len(points), dtype=torch.long, device=points.device)
    for bit in reversed(range(bits)):
        for coordinate in cells.unbind(1):
            place = 2 * place + ((coordinate >> bit) & 1)
    return place.argsort(stable=True)


def fit(
    denoiser: nn.Module,
    source,
    *,
    sigma,
    objective: str = "bce",
    steps: int | None = None,
    seconds: float | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    optimiser: str | None = None,
    weight: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
    device=None,
    progress: bool = True,
    checkpoint=None,
) -> History:
    """Train a denoiser, in place, to reconstruct x from x~ = x + sigma eps (chapter 01; T1, T2).

    For a tensor of points in at most six dimensions, batches are spread evenly over data and noise, by a
    scrambled Sobol sequence. Chapter 03 shows what that is worth, and the optimiser.

    Started in several processes by accelerate (`notebook_launcher`, `accelerate launch`) or torchrun, it
    trains one network on all their devices. Each process draws the whole batch from the same seed and
    works on its share, so the training is that of one process up to rounding, and every process ends
    with the same weights. A tensor lies whole on each device; what does not fit is streamed by
    `.sample(n)`. The first process alone shows the bar, prints and writes; all read the checkpoint.

    Args:
        denoiser: `MLPDenoiser`, `MixtureDenoiser`, `UNetDenoiser`, or any module with
            `logits(x_noisy, sigma)`.
        source: a tensor of data in [0, 1], (N, d) or (N, C, H, W), or anything with `.sample(n)`.
        sigma: a float, in units of the data's [0, 1], or a law over noise levels: a function
            (n, generator) -> (n,), such as `corruption.log_normal()`.
        objective: "bce" or "mse", both of the sigmoid of the logits; "mse" also of another output.
        steps, seconds: when to stop, whichever comes first; 2,000 steps if neither is given.
        batch_size: 1024 points or 64 images by default; of all processes together.
        lr: learning rate at the start of the cosine; by default 2e-2 for points and 1e-2 for images, and
            for "adam" 1e-2 and 2e-3.
        optimiser: "muon" steps along orthogonalised gradients wherever a weight is a matrix; or "adam".
            By default the one that the network names, else "muon".
        weight: by what the loss of each noise level is multiplied, a function (n,) -> (n,); 1 by default,
            and for the output "edm" the network's own. No weight moves the minimum at any level.
        seed: of batches and noise. The same seed gives the same network on one machine.
        device: a GPU where there is one, by default. There the step of a network that says `recordable`,
            as the MLP and the U-Net do, is recorded once and replayed.
        checkpoint: a file that keeps the state every 20 seconds and at the end. The same call goes on
            from there after the process was ended, on a CPU to the same weights, bit by bit.

    Returns:
        a `History`. The denoiser stays on the device it was trained on.

    Raises:
        ValueError: data outside [0, 1] or with NaN, sigma <= 0, an unknown objective or optimiser, no
            data, BCE for an output without a sigmoid, the checkpoint of another training, or a batch
            that the processes cannot share equally.
        OSError: the checkpoint cannot be written.
        RuntimeError: another process of this training has ended, or does not answer.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective is {objective!r}; expected one of {sorted(OBJECTIVES)}.")
    optimiser = getattr(denoiser, "optimiser", "muon") if optimiser is None else optimiser
    if optimiser not in ("adam", "muon"):
        raise ValueError(f"optimiser is {optimiser!r}; expected 'adam' or 'muon'.")
    if weight is not None and not callable(weight):
        raise ValueError(f"weight is {weight!r}; expected a function of noise levels, (n,) -> (n,).")
    output = getattr(denoiser, "output", "sigmoid")
    if output != "sigmoid" and objective == "bce":
        raise ValueError(
            f"this denoiser has the output {output!r}, whose reconstructions may leave (0, 1), where BCE "
            'is not defined; expected output="sigmoid", or objective="mse".'
        )
    if not callable(sigma):
        _check.noise_level(sigma)
    elif not getattr(denoiser, "noise_levels", True):
        raise ValueError(
            "sigma is a law over noise levels, but this denoiser takes a single one; "
            "expected a network made with noise_levels=True."
        )
    if steps is None and seconds is None:
        steps = 2000
    device = pick_device(device)
    denoiser.to(device)
    generator = torch.Generator(device).manual_seed(seed)
    if isinstance(getattr(denoiser, "level", None), Tensor):
        denoiser.level.fill_(sigma)
    images = isinstance(source, Tensor) and source.ndim == 4
    batch_size = (64 if images else 1024) if batch_size is None else batch_size
    _check.count(batch_size, "batch_size")
    mine = _processes.share(batch_size)
    recordable = getattr(denoiser, "recordable", False)
    pairs = iter(_pairs(source, batch_size, generator))
    if lr is None:
        lr = {"muon": (2e-2, 1e-2), "adam": (1e-2, 2e-3)}[optimiser][images]
    risk = OBJECTIVES[objective] if output == "sigmoid" else squared_error
    balance = denoiser.weight if weight is None and output == "edm" else weight

    def batch() -> tuple:
        x, eps = next(pairs)
        level = sigma(len(x), generator)[mine] if callable(sigma) else sigma
        factor = 1.0 if balance is None else balance(torch.as_tensor(level, device=device)).flatten()
        return x[mine], eps[mine], level, factor

    def loss(x, eps, level, factor) -> Tensor:
        # corruption.gaussian without its checks, each of which would make a GPU wait
        shaped = level.reshape(-1, *[1] * (x.ndim - 1)) if callable(sigma) else level
        values = risk(denoiser.logits(x + shaped * eps, level), x)
        return (values * factor).mean() / x[0].numel()

    about = {"objective": objective, "optimiser": optimiser, "batch_size": batch_size, "seed": seed}
    if checkpoint is not None:  # the data are read through only where somebody will compare
        things = {"network": denoiser, "source": source, "sigma": sigma}
        things |= {} if weight is None else {"weight": weight}
        about |= {name: _words(thing) for name, thing in things.items()}
    return optimise(
        denoiser,
        loss,
        batch=batch,
        steps=steps,
        seconds=seconds,
        lr=lr,
        orthogonal=optimiser == "muon",
        record=device.type == "cuda" and recordable and _processes.state() is None,
        progress=progress,
        name=f"{objective} denoiser",
        save_to=checkpoint,
        about=about,
    )


def _words(thing) -> str:
    """Tells one thing from another in a checkpoint: data and networks by their contents or shapes."""
    if isinstance(thing, Tensor):
        content = thing.detach().cpu().contiguous().numpy().tobytes()
        return f"{tuple(thing.shape)} {hashlib.sha256(content).hexdigest()[:12]}"
    if isinstance(thing, nn.Module):
        shapes = [tuple(p.shape) for p in thing.parameters()]
        return f"{type(thing).__name__} {getattr(thing, 'config', shapes)}"
    inside = [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]
    numbers = [thing, *inside] if isinstance(thing, int | float) else inside
    name = getattr(thing, "__qualname__", type(thing).__name__)
    return " ".join([name, *(repr(n) for n in numbers if isinstance(n, int | float))])
