"""Images as float tensors (N, C, H, W) in [0, 1], with labels (N,) and a train/test split."""

import contextlib
import gzip
import hashlib
import io
import socket
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from daeutils import _check
from daeutils.pictures import first_line, read_all

TRAIN_IMAGES = 8000  # of the 10,000 embedded ones; the rest is the test split
SHA256 = {
    "digits": "d1bb0c20cf8c821b7fb109f6f8e3012432f6ec0179b8796f7987cfd51951d54f",
    "fashion": "57af483c83745add84bde0c48245f0f21fca84f751770e6e8a5b70767243a44b",
}
PATIENCE = 30  # seconds that a server may be silent during a download


def digits(split: str = "train") -> tuple[Tensor, Tensor]:
    """Real MNIST digits that ship with the package: 8,000 to train on, 2,000 to test on.

    Returns:
        images (N, 1, 28, 28) float32 in [0, 1], labels (N,) int64.

    Raises:
        ValueError: a split other than "train" and "test", or a file that is not the one that shipped.
    """
    return _shipped("digits", split)


def fashion(split: str = "train") -> tuple[Tensor, Tensor]:
    """Images of clothes from Fashion-MNIST that ship with the package; half of their pixels are grey.

    Returns and raises as `digits` does. The labels 0 to 9 are T-shirt, trousers, pullover, dress,
    coat, sandal, shirt, sneaker, bag and ankle boot (Xiao, Rasul & Vollgraf 2017).
    """
    return _shipped("fashion", split)


def _shipped(name: str, split: str) -> tuple[Tensor, Tensor]:
    """The images and labels of assets/<name>-10k.npz."""
    _check.split(split)
    content = (files("daeutils") / "assets" / f"{name}-10k.npz").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[name]:
        raise ValueError(
            f"{name}-10k.npz of the package has sha256 {digest[:12]}...; expected {SHA256[name][:12]}"
            "...: the file is damaged or foreign, and was not read. Install the package again."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        images, labels = stored["images"], stored["labels"]
    part = slice(None, TRAIN_IMAGES) if split == "train" else slice(TRAIN_IMAGES, None)
    images = torch.from_numpy(images[part]).float().div_(255)[:, None]
    return images, torch.from_numpy(labels[part]).long()


def _torchvision(name: str, split: str, root) -> tuple[Tensor, Tensor]:
    _check.split(split)
    root = _check.path(root, "root")
    import torchvision  # slow to import, and only needed on request

    # Without the pickles (processed/*.pt) that torchvision wrote long ago, and still opens.
    without = {"_check_legacy_exist": lambda self: False}
    kind, place = type(name, (getattr(torchvision.datasets, name),), without), root / name
    archives = ", ".join(archive for archive, _ in kind.resources)
    try:
        if not place.exists():
            _download(kind, place)
    except (RuntimeError, OSError) as error:
        raise RuntimeError(
            f"{name} could not be downloaded to {str(root)!r} ({first_line(error)}). With a browser, put "
            f"{archives} into {str(place / 'raw')!r}, and call again; daeutils.digits() needs no network."
        ) from error
    try:
        _unpack(kind, place / "raw")
        stored = kind(root, train=split == "train")
        if stored.data.shape[1:] != (28, 28) or len(stored.data) != len(stored.targets):
            raise ValueError(f"images {tuple(stored.data.shape)}, labels {tuple(stored.targets.shape)}")
    except Exception as error:  # torchvision has many ways to say it, assert among them
        raise ValueError(
            f"{str(place)!r} is damaged or incomplete ({first_line(error)}); expected {archives} in "
            "'raw', packed or unpacked: put them there, or move that folder away to download again."
        ) from error
    return stored.data.float().div_(255)[:, None], stored.targets.long()


def _unpack(kind, raw: Path) -> None:
    """Unpack archives that were put there by hand, if they are the right ones."""
    for archive, md5 in kind.resources:
        packed, file = raw / archive, (raw / archive).with_suffix("")
        if file.exists():
            continue
        if not packed.exists():
            raise ValueError(f"{archive} is missing")
        content = packed.read_bytes()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise ValueError(f"{archive} has another checksum than the original")
        draft = file.with_suffix(".draft")
        draft.write_bytes(gzip.decompress(content))
        draft.replace(file)


def _download(kind, place: Path) -> None:
    """Into a folder of its own, which takes its place when it is whole: others may do the same."""
    with (
        _folder(place.parent),
        tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as draft,
    ):
        with _silent_at_most(PATIENCE):
            kind(draft, download=True)
        try:
            Path(draft, place.name).rename(place)
        except OSError:
            if not place.exists():
                raise  # else another process was first


@contextlib.contextmanager
def _folder(path: Path):
    """Make a folder and those above it; if what follows fails, those that were new and empty go."""
    new = [each for each in (path, *path.parents) if not each.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for each in new:
            with contextlib.suppress(OSError):
                each.rmdir()
        raise


@contextlib.contextmanager
def _silent_at_most(seconds: float):
    """A server that says nothing for so long has failed; urllib and requests wait for ever otherwise."""
    with contextlib.ExitStack() as stack:
        stack.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())
        socket.setdefaulttimeout(seconds)
        with contextlib.suppress(ImportError):  # without requests there is no gdown either
            from requests.adapters import HTTPAdapter

            send = HTTPAdapter.send
            stack.callback(setattr, HTTPAdapter, "send", send)
            HTTPAdapter.send = lambda *what, timeout=None, **how: send(
                *what, timeout=timeout or seconds, **how
            )
        yield


def mnist(split: str = "train", root: str = "data") -> tuple[Tensor, Tensor]:
    """The 60,000 + 10,000 digits of MNIST through torchvision, downloaded to root once.

    Returns images (N, 1, 28, 28) in [0, 1] and labels (N,); raises RuntimeError when the download fails
    or a server is silent for PATIENCE seconds, and its message says which four files to put where;
    ValueError for an unknown split, or files that are damaged or missing.
    """
    return _torchvision("MNIST", split, root)


def fashion_mnist(split: str = "train", root: str = "data") -> tuple[Tensor, Tensor]:
    """FashionMNIST through torchvision; returns and raises as `mnist` does."""
    return _torchvision("FashionMNIST", split, root)


def celeba(
    split: str = "train",
    root: str = "data",
    *,
    side: int = 64,
    limit: int | None = None,
    label: str = "Smiling",
    progress: bool = True,
) -> tuple[Tensor, Tensor]:
    """CelebA, aligned faces in colour, through torchvision: each centre-cropped and resized.

    An image takes 12 side^2 bytes: at side 64, 20,000 images take 1 GB, and all 162,770 of the training
    split 8 GB. Set `limit` to what fits. The download (1.4 GB) comes from Google Drive, asks for the
    package gdown, and is often refused there; the error then says which files to put where.

    Args:
        split: "train", or "test" (19,962 images of other people); the archive's third part is left out.
        root: the folder above celeba/.
        side: height and width of the images in pixels.
        limit: only the first so many images of the split; None for all.
        label: one of the 40 attributes, 1 where the face has it and 0 where not; or "identity", the
            number of the person.
        progress: a bar, where reading takes more than two seconds.

    Returns:
        images (N, 3, side, side) float32 in [0, 1], labels (N,) int64.

    Raises:
        RuntimeError: the archive is not in root and could not be downloaded, or the server is silent for
            PATIENCE seconds.
        ValueError: an unknown split or label, a side or limit below 1, or a file that is no image.
    """
    _check.split(split)
    side, root = _check.count(side, "side"), _check.path(root, "root")
    if limit is not None:
        limit = _check.count(limit, "limit")
    import torchvision

    try:
        with _folder(root / "celeba"), _silent_at_most(PATIENCE):
            stored = torchvision.datasets.CelebA(root, split=split, download=True)
    except Exception as error:  # gdown has kinds of its own
        names = ", ".join(name for _, _, name in torchvision.datasets.CelebA.file_list)
        raise RuntimeError(
            f"CelebA could not be downloaded to {str(root)!r} ({first_line(error)}). With a browser, "
            f"put {names} into {str(root / 'celeba')!r}, unpack the archive there, and call again; "
            "daeutils.digits() needs no network."
        ) from error
    attributes = [name for name in stored.attr_names if name]  # the header ends in a space
    if label == "identity":
        labels = stored.identity[:, 0]
    elif label in attributes:
        labels = stored.attr[:, attributes.index(label)]
    else:
        raise ValueError(
            f"label is {label!r}; expected 'identity', or one of the attributes {', '.join(attributes)}."
        )
    names = stored.filename[:limit]
    place = root / stored.base_folder / "img_align_celeba"
    images = read_all([place / name for name in names], side, 3, progress=progress)
    return images, labels[: len(names)].long()
