"""What a training needs besides its loop: a device, other processes, a recording, a checkpoint."""

import contextlib
import copy
import hashlib
import io
import itertools
import math
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from daeutils import _check

WARM = 3  # steps before one is recorded: lazy set-up must not be captured


def pick_device(device=None) -> torch.device:
    """The device asked for, else accelerate's for this process, else a CUDA GPU, else the CPU."""
    if device is not None:
        try:
            return torch.device(device)
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                f"device is {device!r}; expected 'cpu', 'cuda', 'cuda:0' or None."
            ) from error
    if (peers := accelerator()) is not None:
        return peers.device
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextlib.contextmanager
def training(network: nn.Module):
    """The surroundings of a training: gradients on, training mode; after an error all is as before."""
    device, mode = next(network.parameters()).device, network.training
    before = copy.deepcopy(network.state_dict())
    network.train()
    try:
        with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
            yield
    except Exception:
        network.to(device).load_state_dict(before)
        raise
    finally:
        network.train(mode)
        for parameter in network.parameters():
            parameter.grad = None


def bar(iterable=None, *, shown: bool = True, **options) -> tqdm:
    """tqdm's progress bar: in a terminal or a notebook, unless TQDM_DISABLE is set; gone when it ends."""
    off = os.environ.get("TQDM_DISABLE", "0") not in ("", "0")  # tqdm's notebook bar ignores it
    place = "ipykernel" in sys.modules or sys.stderr.isatty()
    return tqdm(iterable, leave=False, disable=off or not shown or not place, **options)


# Several processes. Each draws the whole batch from the same seed and works on its share of it, so they
# take the steps that one would take, up to rounding. A tensor of data lies whole on each device.


def accelerator():
    """accelerate's Accelerator where it or torchrun started several processes; else None."""
    several = int(os.environ.get("WORLD_SIZE") or 1) > 1
    if not several or not {"LOCAL_RANK", "MASTER_ADDR"} <= os.environ.keys():  # or an old session's rest
        return None  # and accelerate is not imported
    from accelerate import Accelerator

    return Accelerator(cpu=not torch.cuda.is_available())


def share(batch_size: int) -> slice:
    """The part of a batch that this process works on: all of it where it is alone."""
    if (peers := accelerator()) is None:
        return slice(None)
    part, rest = divmod(batch_size, peers.num_processes)
    if rest:
        raise ValueError(
            f"batch_size is {batch_size} for {peers.num_processes} processes; expected a multiple of "
            f"{peers.num_processes}, because each works on an equal share of the batch."
        )
    return slice(part * peers.process_index, part * (peers.process_index + 1))


class Loss(nn.Module):
    """A network with its loss as one module, whose gradients accelerate can average over processes."""

    def __init__(self, network: nn.Module, loss: Callable[..., Tensor]):
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, *batch: Tensor) -> Tensor:
        """The loss of a batch, a scalar."""
        return self.loss(*batch)


# A recorded step


def recorded(step: Callable[..., Tensor], device: torch.device) -> Callable[..., Tensor]:
    """The same step, recorded at its fourth call as a CUDA graph and replayed from then on.

    A step of a small network is hundreds of kernels of some microseconds each. To launch them one by one
    takes a CPU longer than they take the GPU; a recorded step is launched whole. Each call copies its
    tensors to the same places, so the step must be the same operations whatever the values, and must read
    none of them; what it returns is overwritten by the next call.
    """
    given: list[Tensor] = []
    calls, graph, value = 0, None, None

    def call(*tensors: Tensor) -> Tensor:
        nonlocal calls, graph, value
        if not given:
            given.extend(tensor.clone() for tensor in tensors)
        for place, new in zip(given, tensors, strict=True):
            place.copy_(new)
        calls += 1
        if calls <= WARM:
            aside = torch.cuda.Stream(device)
            aside.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(aside):
                value = step(*given)
            torch.cuda.current_stream(device).wait_stream(aside)
            return value
        if graph is None:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                value = step(*given)
        graph.replay()
        return value

    return call


# Checkpoints


class Checkpoint:
    """The file that keeps a training, so that the same call goes on from there after its process ended.

    It is known by what the training does, not by names: by its settings, the weights it began with, their
    loss on the first batch, and every batch drawn so far. So a file is accepted only where the same call,
    begun anew, would come to the very state that it holds.

    Args:
        path: of the file, or None to keep nothing.
        settings: numbers and texts that the training depends on.
        network, optimisers, means, losses: what is kept, and restored in place.
    """

    def __init__(self, path, settings: dict, network, optimisers, means, losses):
        self.path = None if path is None else _check.path(path, "checkpoint")
        self.network, self.optimisers, self.means, self.losses = network, optimisers, means, losses
        self.known = settings
        peers = accelerator()
        self.main = peers is None or peers.is_main_process  # whose share of the batches the file knows
        self.drawn = torch.zeros((), dtype=torch.long, device=losses.device)

    def resume(self, batches: Iterator, loss: Callable[..., Tensor]) -> tuple[int, Iterator]:
        """The number of steps in the file, whose state is restored, and the batches from there on.

        Raises:
            ValueError: the file is damaged, or another training's; or this training cannot be repeated.
            OSError: no file can be written there.
        """
        if self.path is None:
            return 0, batches
        batch = next(batches)
        self.known = self.known | {
            "network": str(self.network),
            "weights at the start": _number(self.network.state_dict().values()).item(),
            "first loss": self._first_loss(batch, loss),
        }
        batches = self._counted(itertools.chain([batch], batches))
        stored, taken = self._read(), 0
        if stored:
            taken = len(stored["losses"])
            for _ in range(taken):
                next(batches)
            if self.main and stored["drawn"] != self.drawn.cpu():
                self._refuse("the data, the noise or its levels, or their weights are others")
            self._restore(stored)
        if (peers := accelerator()) is not None:
            found = peers.gather(torch.tensor([taken], device=peers.device)).unique()
            if len(found) > 1:
                raise RuntimeError(
                    f"the processes of this training are at steps {found.tolist()}; expected one step: "
                    f"keep {self.path} where all of them can read it."
                )
        self._replace(None)  # a folder that cannot be written is known at once
        return taken, batches

    def save(self, taken: int) -> None:
        """Replace the file by the state after so many steps; if that fails (OSError), it stays."""
        if self.path is None:
            return
        content = io.BytesIO()
        torch.save({
            "known": self.known, "drawn": self.drawn.cpu(), "losses": self.losses[:taken].cpu(),
            "network": self.network.state_dict(), "means": self.means,
            "optimisers": [optimiser.state_dict()["state"] for optimiser in self.optimisers],
        }, content)  # fmt: skip
        self._replace(content.getvalue())

    def _restore(self, stored: dict) -> None:
        self.network.load_state_dict(stored["network"])
        torch._foreach_copy_(self.means, [mean.to(self.losses.device) for mean in stored["means"]])
        for optimiser, state in zip(self.optimisers, stored["optimisers"], strict=True):
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.losses[: len(stored["losses"])] = stored["losses"]

    def _counted(self, batches: Iterator) -> Iterator:
        for batch in batches:
            self.drawn.mul_(31).add_(_number(batch))
            yield batch

    def _first_loss(self, batch, loss) -> float:
        """The loss of the first batch, twice: another one shows that the network draws random numbers."""
        before, device = copy.deepcopy(self.network.state_dict()), self.losses.device
        with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
            first, again = loss(*batch).item(), loss(*batch).item()
        self.network.load_state_dict(before)  # running statistics
        if abs(first - again) > 1e-6 * abs(first):
            raise ValueError(
                "the network draws random numbers (dropout, say) that no seed repeats, so a checkpoint "
                "cannot be told from another's: leave checkpoint out, or take those layers out."
            )
        return first

    def _read(self) -> dict | None:
        """What the file holds, if it is this training's; None where there is no file yet."""
        if self.path.is_dir():
            raise ValueError(f"the checkpoint {self.path} is a folder; expected the name of a file.")
        if not self.path.exists():
            return None
        content = self.path.read_bytes()
        try:
            if hashlib.sha256(content[32:]).digest() != content[:32]:
                raise ValueError("its contents are not those that were written")
            with warnings.catch_warnings(action="ignore"):  # of a foreign file, which is refused
                stored = torch.load(io.BytesIO(content[32:]), map_location="cpu", weights_only=True)
            here, there = self.known, stored["known"]
        except (ValueError, KeyError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
            raise ValueError(
                f"{self.path} is no checkpoint of this book, or a damaged one; expected the file of an "
                "earlier run: remove it to begin again, or name another."
            ) from error
        for name in here if self.main else []:
            close = isinstance(here[name], float) and math.isclose(here[name], there[name], rel_tol=1e-4)
            if here[name] != there[name] and not close:
                others = f"{name} are others: another seed, or another kind of processor"
                given = f"{name} is {here[name]!r}, there {there[name]!r}"
                self._refuse(others if name == "weights at the start" else given)
        return stored

    def _refuse(self, reason: str):
        raise ValueError(
            f"the checkpoint {self.path} belongs to another training ({reason}); expected the same "
            "network, data and arguments as at first: make them again, or name another file."
        )

    def _replace(self, content: bytes | None) -> None:
        """Put these bytes in the place of the file; without any, find out whether that is possible."""
        if (peers := accelerator()) is not None and not peers.is_main_process:
            return
        draft = self.path.with_name(f".{self.path.name}.draft")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(draft, "wb") as file:
                file.write(b"" if content is None else hashlib.sha256(content).digest() + content)
                file.flush()
                os.fsync(file.fileno())  # on the disk before it takes the old one's place
            if content is not None:
                os.replace(draft, self.path)
        except OSError as error:
            raise OSError(
                f"the checkpoint {self.path} could not be written ({error.strerror or error}); expected "
                "a writable folder with room: free some, or name another. The last one is kept."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)


def _number(tensors: Iterable[Tensor]) -> Tensor:
    """A whole number that depends on every bit of these tensors; to compute it waits for no GPU."""
    total = torch.zeros((), dtype=torch.long, device="cpu")
    for tensor in tensors:
        bits = tensor.detach().contiguous().flatten().view(torch.uint8)
        places = torch.arange(len(bits), device=bits.device) % 8191 + 1
        total = total.to(bits.device) * 31 + (bits * places).sum()
    return total
