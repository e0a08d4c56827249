"""The batches that `fit` trains on: clean data, the noise to add, and its level.

A source is a tensor of data, or has `sample(n, generator)`, which returns n of them drawn by that
generator, as the mixtures of `densities` have it.
"""

import inspect
import os
from collections.abc import Iterator

import torch
from PIL.Image import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from daeutils import _check

FEW = 6  # dimensions, up to which batches are spread evenly; tried in two, where it gains much
TAIL = 1e-3  # the share of a stream's numbers that may lie outside [0, 1], where a mixture has tails


class Batches:
    """Endless batches (x, eps) from a source, in the dtype of the network that will see them.

    Points of a tensor in at most six dimensions are spread evenly over data and noise together; other
    tensors are drawn at random; a stream is drawn fresh each time, and its few numbers outside [0, 1] are
    put on the nearest face, where BCE is defined.

    Args:
        source: a tensor (N, d) or (N, C, H, W) of data in [0, 1], or anything with `sample(n, generator)`
            or `sample(n)`.
        size: of a batch; 1024 points or 64 images where it is None.
        generator: decides on all that is drawn, and on the device.

    Raises:
        ValueError: not such a source, data outside [0, 1] or with NaN, or a size below 1.
    """

    def __init__(self, source, size: int | None, generator: torch.Generator, dtype=torch.float32):
        self.generator, self.dtype = generator, dtype
        self.seen = 0  # numbers drawn from a stream
        self.wrong = torch.zeros(2, dtype=torch.long, device=generator.device)  # outside [0, 1]; NaN
        if isinstance(source, Tensor):
            _check.unit_interval(source, "source")
            self.example = source
            data = source.detach().to(generator.device, dtype)  # resident: no copy later
            if data.min() < 0 or data.max() > 1:
                data = data.clamp(0, 1)  # rounding
            self.size = _check.count((1024, 64)[data.ndim == 4] if size is None else size, "batch_size")
            even = data.ndim == 2 and data.shape[1] <= FEW
            self.pairs = _evenly(data, self.size, generator) if even else self._at_random(data)
        else:
            draw = _sampler(source, generator)
            some = draw(1000)
            _check.float_tensor(some, "a sample of the source", finite=False)
            self.example = some
            self.size = _check.count(1024 if size is None else size, "batch_size")
            self._clamped(some)
            self.check()
            self.pairs = self._stream(draw)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(self.pairs)

    def _noise(self, x: Tensor) -> Tensor:
        return torch.randn(x.shape, generator=self.generator, device=x.device, dtype=self.dtype)

    def _at_random(self, data: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            index = torch.randint(len(data), (self.size,), generator=self.generator, device=data.device)
            x = data[index]
            yield x, self._noise(x)

    def _stream(self, draw) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            x = self._clamped(draw(self.size))
            yield x, self._noise(x)

    def _clamped(self, x: Tensor) -> Tensor:
        """x in [0, 1]; what had to be changed is counted on the device, which does not wait for it."""
        x = x.detach().to(self.generator.device, self.dtype)
        outside = (x < -_check.SLACK) | (x > 1 + _check.SLACK)
        self.wrong += torch.stack([outside.sum(), x.isnan().sum()])
        self.seen += x.numel()
        return x.clamp(0, 1)

    def check(self) -> None:
        """Raise ValueError if the source gave NaN, or more outside [0, 1] than the tail of a mixture."""
        outside, nans = self.wrong.tolist()
        if nans:
            raise ValueError(
                f"the source gave NaN in {nans} of {self.seen} numbers; expected finite data in [0, 1]: "
                "look at what its sample(n) returns."
            )
        if outside > TAIL * self.seen + 10:
            raise ValueError(
                f"the source gave {outside} of {self.seen} numbers outside [0, 1]; expected at most one "
                "in a thousand, because outside it binary cross-entropy is unbounded below: rescale the "
                "data, do not clamp it."
            )


def _sampler(source, generator: torch.Generator):
    """A function n -> (n, ...) that draws from the source, whatever of three ways it has to be asked."""
    if not callable(getattr(source, "sample", None)) or hasattr(source, "to_numpy"):
        raise ValueError(
            f"source is a {type(source).__name__}; expected a tensor of data in [0, 1], or an object "
            f"with sample(n, generator), such as a GaussianMixture: {_tensor_of(source)}."
        )
    if isinstance(source, torch.distributions.Distribution):  # it takes a shape
        return lambda n: _drawn(source, source.sample((n,)), n)
    if "generator" in inspect.signature(source.sample).parameters:
        return lambda n: _drawn(source, source.sample(n, generator=generator), n)
    return lambda n: _drawn(source, source.sample(n), n)


def _tensor_of(source) -> str:
    """How to get the data of a source as a tensor: as code, where it is of a kind that is known."""
    if isinstance(source, str | os.PathLike):
        return "du.folder(source)[0] reads the images of a folder"
    if isinstance(source, DataLoader | Dataset):
        items = source.dataset if isinstance(source, DataLoader) else source
        first, each = next(iter(items), None), "each"
        if isinstance(first, tuple | list):
            first, each = first[0], "each[0]"
        elif isinstance(first, dict):
            key = next((key for key, value in first.items() if hasattr(value, "size")), None)
            first, each = first.get(key), f"each[{key!r}]"
        if isinstance(first, Image):
            each = f"torchvision.transforms.functional.to_tensor({each})"
        join = "cat" if isinstance(source, DataLoader) else "stack"
        return f"use torch.{join}([{each} for each in source])"
    if isinstance(source, tuple | list) and source and all(hasattr(each, "ndim") for each in source):
        if len(source) == 2 and source[0].ndim != source[1].ndim:
            return "use source[0], the images without their labels"
        return "use torch.stack([torch.as_tensor(each) for each in source])"
    if hasattr(source, "to_numpy"):
        return "use torch.as_tensor(source.to_numpy())"
    if isinstance(source, tuple | list) or hasattr(source, "__array__"):
        return "use torch.as_tensor(source)"
    return "make a tensor of it"


def _drawn(source, drawn, n: int) -> Tensor:
    """What a source gave, as a tensor; scikit-learn's mixtures give points and labels, both numpy's."""
    if isinstance(drawn, tuple) and drawn:
        drawn = drawn[0]
    if not isinstance(drawn, Tensor):
        try:
            drawn = torch.as_tensor(drawn)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"sample({n}) of the source, a {type(source).__name__}, gave a {type(drawn).__name__}; "
                "expected a tensor with n rows."
            ) from error
    if drawn.ndim < 2 or len(drawn) != n:
        way = ", and for numbers ({n}, 1): let it return x[:, None] instead of x"
        if isinstance(source, torch.distributions.Distribution):
            way = ", and for numbers ({n}, 1): use source.expand([1])"
        way = way.format(n=n) if drawn.shape == (n,) else ""
        raise ValueError(
            f"sample({n}) of the source, a {type(source).__name__}, gave shape {tuple(drawn.shape)}; "
            f"expected ({n}, d) or ({n}, C, H, W){way}."
        )
    return drawn


def _evenly(points: Tensor, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """(x, eps) spread more evenly than chance does it, over the data and over the noise together.

    A scrambled Sobol sequence gives points u in the unit cube: its first coordinate picks x along a
    curve through the data, the others become Gaussian by the inverse of the distribution function.
    Each pair alone is distributed as a random one; a batch of them averages to less noise.
    """
    points = points[_along_a_curve(points)]
    n, d = points.shape
    block = size * max(1, 2**16 // size)  # drawn on the CPU, many batches at a time
    restart = 2**30 - block  # where the sequence ends
    seed = generator.initial_seed()
    sobol = torch.quasirandom.SobolEngine(d + 1, scramble=True, seed=seed)
    while True:
        if sobol.num_generated >= restart:
            seed += 1
            sobol = torch.quasirandom.SobolEngine(d + 1, scramble=True, seed=seed)
        u = sobol.draw(block, dtype=torch.float32).to(points.device)  # (block, 1 + d)
        x = points[(u[:, 0] * n).long().clamp(max=n - 1)]
        eps = torch.special.ndtri(u[:, 1:].clamp(2**-26, 1 - 2**-24)).to(points.dtype)
        yield from zip(x.split(size), eps.split(size), strict=True)


def _along_a_curve(points: Tensor) -> Tensor:
    """An order in which neighbours are near in space (Morton's: the bits of the coordinates in turn)."""
    bits = min(20, 62 // points.shape[1])
    cells = (points.double() * (2**bits - 1)).long()  # (N, d)
    place = torch.zeros(len(points), dtype=torch.long, device=points.device)
    for bit in reversed(range(bits)):
        for coordinate in cells.unbind(1):
            place = 2 * place + ((coordinate >> bit) & 1)
    return place.argsort(stable=True)
