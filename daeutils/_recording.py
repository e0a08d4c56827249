"""A step that is recorded once, as a CUDA graph, and then replayed.

A step of a small network is hundreds of kernels of some microseconds each. To launch them one by one
takes a CPU longer than they take the GPU; a recorded step is launched whole.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

WARM = 3  # steps before it is recorded: what only the first ones set up must not be in it


class Recorded:
    """Calls step(*tensors) -> tensor, with floats or tensors; from its fourth call on it is a recording.

    What is given is copied to the same places each time, and what is returned is overwritten by the next
    call. So the step must be the same operations whatever the values, and must read none of them. On a
    CPU there is nothing to record, and it is only called.
    """

    def __init__(self, step, device: torch.device):
        self.step, self.device, self.calls = step, device, 0
        self.given: list[Tensor] = []
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *given) -> Tensor:
        if not self.given:
            self.given = [torch.as_tensor(new, device=self.device).clone() for new in given]
        for place, new in zip(self.given, given, strict=True):
            place.copy_(new) if isinstance(new, Tensor) else place.fill_(new)
        self.calls += 1
        if self.device.type == "cpu":
            return self.step(*self.given)
        if self.calls <= WARM:
            (value,) = abreast([lambda: self.step(*self.given)], self.device)
            return value
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
                self.value = self.step(*self.given)
        self.graph.replay()
        return self.value


def abreast(works: Iterable[Callable], device: torch.device) -> list:
    """What calls gave that need not wait for one another.

    Each has a stream of its own; in a recording they become branches, which a GPU runs side by side.
    """
    if device.type == "cpu":
        return [work() for work in works]
    here, given, streams = torch.cuda.current_stream(device), [], []
    for work in works:
        aside = torch.cuda.Stream(device)
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            given.append(work())
        streams.append(aside)
    for aside in streams:
        here.wait_stream(aside)
    return given
