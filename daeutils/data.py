"""Images as float tensors (N, C, H, W) in [0, 1], with labels (N,) and a train/test split."""

from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

TRAIN_DIGITS = 8000  # of the 10,000 embedded ones; the rest is the test split


def _require_split(split: str) -> None:
    if split not in ("train", "test"):
        raise ValueError(f"split is {split!r}; expected 'train' or 'test'.")


def digits(split: str = "train") -> tuple[Tensor, Tensor]:
    """Real MNIST digits that ship with the package: 8,000 to train on, 2,000 to test on.

    Returns:
        images (N, 1, 28, 28) float32 in [0, 1], labels (N,) int64.

    Raises:
        ValueError: a split other than "train" and "test".
    """
    _require_split(split)
    with (
        (files("daeutils") / "assets" / "digits-10k.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        images, labels = stored["images"], stored["labels"]
    part = slice(None, TRAIN_DIGITS) if split == "train" else slice(TRAIN_DIGITS, None)
    images = torch.from_numpy(images[part]).float().div_(255)[:, None]
    return images, torch.from_numpy(labels[part]).long()


def _torchvision(name: str, split: str, root: str) -> tuple[Tensor, Tensor]:
    _require_split(split)
    import torchvision  # slow to import, and only needed on request

    try:
        stored = getattr(torchvision.datasets, name)(root, train=split == "train", download=True)
    except (RuntimeError, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RuntimeError(
            f"{name} could not be downloaded to {root!r} ({reason}); daeutils.digits() needs no network."
        ) from error
    return stored.data.float().div_(255)[:, None], stored.targets.long()


def mnist(split: str = "train", root: str = "data") -> tuple[Tensor, Tensor]:
    """The 60,000 + 10,000 digits of MNIST through torchvision, downloaded to root once.

    Returns images (N, 1, 28, 28) in [0, 1] and labels (N,); raises RuntimeError with the offline
    default in its message when the download fails, ValueError for an unknown split.
    """
    return _torchvision("MNIST", split, root)


def fashion_mnist(split: str = "train", root: str = "data") -> tuple[Tensor, Tensor]:
    """FashionMNIST through torchvision; returns and raises as `mnist` does."""
    return _torchvision("FashionMNIST", split, root)
