"""One training in several processes, each with a device of its own, started by accelerate or torchrun.

Every process draws the same batches, works on its share of each, and averages its gradients with the
others': together they take the steps that one process would take, up to rounding.
"""

import contextlib
import functools
import os
import signal
import threading
import time
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

PATIENCE = timedelta(minutes=10)  # how long a process waits for another: one may be measuring


def state():
    """accelerate's account of these processes; None where this one is alone, and nothing is imported."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or "LOCAL_RANK" not in os.environ:
        return None
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)


def first() -> bool:
    """Whether this process is the one that shows, prints and writes."""
    account = state()
    return account is None or account.is_main_process


def share(batch_size: int) -> slice:
    """The part of a batch that is this process's: all of it where it is alone.

    Raises:
        ValueError: the batch cannot be shared equally.
    """
    account = state()
    if account is None:
        return slice(None)
    number, n = account.process_index, account.num_processes
    if batch_size % n:
        raise ValueError(
            f"batch_size is {batch_size} for {n} processes; expected a multiple of {n}, because "
            "each works on an equal share of the batch."
        )
    return slice(batch_size // n * number, batch_size // n * (number + 1))


class Peers:
    """The processes that train `module`, which starts as the first one's. Alone, nothing is done.

    Ctrl-C reaches each process at a moment of its own: it is noted, and ends all after the same step.
    """

    def __init__(self, module: nn.Module):
        self.module, self.state, self.before = module, state(), None
        self.stop = self.stopped = False  # asked to, and agreed on
        if self.state is None:
            return
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, 0, group=self._group(tensor))

    def listen(self) -> None:
        """From now to `close`, note Ctrl-C."""
        if self.state is None:
            return
        if threading.current_thread() is threading.main_thread():  # Python allows it nowhere else
            self.before = signal.signal(signal.SIGINT, self._note)

    def _note(self, *_) -> None:
        self.stop = True

    def close(self) -> None:
        """Ctrl-C does again what it did before; at once, if it came too late for `agree`."""
        if self.before is None:
            return
        if self.stopped:
            time.sleep(1)  # the launcher hears Ctrl-C too, and passes it on: once is enough
        signal.signal(signal.SIGINT, self.before)
        if self.stop and not self.stopped:
            signal.raise_signal(signal.SIGINT)

    def agree(self, seconds: float, taken: int) -> float:
        """The longest of the seconds spent, the same in every process. Over the CPU: no GPU waits.

        Raises:
            KeyboardInterrupt: one was interrupted.
            RuntimeError: one has ended or does not answer, or they are not at the same step.
        """
        if self.state is None:
            return seconds
        told = torch.tensor([seconds, self.stop, taken, -taken], dtype=torch.float64)
        with _company():
            distributed.all_reduce(told, distributed.ReduceOp.MAX, group=_over_cpu())
        seconds, stop, most, least = told.tolist()
        if most != -least:
            raise RuntimeError(
                f"the processes of this training are at steps {int(-least)} to {int(most)}; expected one "
                "step: keep the checkpoint where all can read it, or remove it to begin again."
            )
        if stop:
            self.stopped = True
            raise KeyboardInterrupt
        return seconds

    def average(self, value: Tensor) -> Tensor:
        """The loss, and in place the gradients of the module, averaged over the processes."""
        value = value.detach()
        if self.state is None:
            return value
        slopes = [p.grad for p in self.module.parameters() if p.grad is not None]
        flat = torch.cat([x.reshape(-1) for x in (value, *slopes)])  # one message, not many
        with _company():
            distributed.all_reduce(flat, group=self._group(flat))
        value, *means = (flat / self.state.num_processes).split([1, *(x.numel() for x in slopes)])
        for slope, mean in zip(slopes, means, strict=True):
            slope.copy_(mean.view(slope.shape))
        return value[0]

    def _group(self, tensor: Tensor):
        return _over_cpu() if tensor.device.type == "cpu" else None


@functools.cache
def _over_cpu():
    return distributed.new_group(backend="gloo", timeout=PATIENCE)


@contextlib.contextmanager
def _company():
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            "another process of this training has ended or does not answer: its own message says why. "
            f"With a checkpoint the same command goes on from the last one. ({error})"
        ) from error
