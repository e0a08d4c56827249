"""Images as float tensors (N, C, H, W) in [0, 1], with labels (N,) and a train/test split."""

import contextlib
import hashlib
import io
import os
import socket
import tempfile
import warnings
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from daeutils import _check, _engine

TRAIN_IMAGES = 8000  # of the 10,000 embedded ones; the rest is the test split
SHA256 = {
    "digits": "d1bb0c20cf8c821b7fb109f6f8e3012432f6ec0179b8796f7987cfd51951d54f",
    "fashion": "57af483c83745add84bde0c48245f0f21fca84f751770e6e8a5b70767243a44b",
}
PATIENCE = 30  # seconds that a server may be silent during a download
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif")  # of the files that `folder` reads
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")  # what may be inside them: no other decoder is run


def _require_split(split: str) -> None:
    if split not in ("train", "test"):
        raise ValueError(f"split is {split!r}; expected 'train' or 'test'.")


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
    _require_split(split)
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


def _torchvision(name: str, split: str, root: str) -> tuple[Tensor, Tensor]:
    _require_split(split)
    import torchvision  # slow to import, and only needed on request

    kind, place = getattr(torchvision.datasets, name), Path(root, name)
    if pickles := sorted(place.rglob("*.pt")):
        raise ValueError(
            f"{str(pickles[0])!r} is a pickle, as torchvision wrote it long ago, and was not opened; "
            f"expected the four files of {name} in 'raw': remove it."
        )
    try:
        if not place.exists():
            _download(kind, place)
    except (RuntimeError, OSError) as error:
        raise RuntimeError(
            f"{name} could not be downloaded to {str(root)!r} ({_first_line(error)}); "
            "daeutils.digits() needs no network."
        ) from error
    try:
        stored = kind(root, train=split == "train")
        if stored.data.shape[1:] != (28, 28) or len(stored.data) != len(stored.targets):
            raise ValueError(f"images {tuple(stored.data.shape)}, labels {tuple(stored.targets.shape)}")
    except Exception as error:  # torchvision has many ways to say it, assert among them
        raise ValueError(
            f"{str(place)!r} is damaged or incomplete ({_first_line(error)}); expected the four files of "
            f"{name} in 'raw': remove that folder, and they are downloaded again."
        ) from error
    return stored.data.float().div_(255)[:, None], stored.targets.long()


def _download(kind, place: Path) -> None:
    """Into a folder of its own, which takes its place when it is whole: others may do the same."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as draft:
        with _silent_at_most(PATIENCE):
            kind(draft, download=True)
        try:
            Path(draft, place.name).rename(place)
        except OSError:
            if not place.exists():
                raise  # else another process was first


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

    Returns images (N, 1, 28, 28) in [0, 1] and labels (N,); raises RuntimeError with the offline
    default in its message when the download fails or a server is silent for PATIENCE seconds,
    ValueError for an unknown split or damaged files.
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
    _require_split(split)
    side = _check.count(side, "side")
    if limit is not None:
        limit = _check.count(limit, "limit")
    import torchvision

    try:
        with _silent_at_most(PATIENCE):
            stored = torchvision.datasets.CelebA(root, split=split, download=True)
    except Exception as error:  # gdown has kinds of its own
        names = ", ".join(name for _, _, name in torchvision.datasets.CelebA.file_list)
        raise RuntimeError(
            f"CelebA could not be downloaded to {str(root)!r} ({_first_line(error)}). With a browser, "
            f"put {names} into {str(Path(root, 'celeba'))!r}, unpack the archive there, and call again; "
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
    place = Path(root, stored.base_folder, "img_align_celeba")
    images = _read_all([place / name for name in names], side, 3, progress=progress)
    return images, labels[: len(names)].long()


def folder(
    path,
    split: str = "train",
    *,
    side: int = 28,
    channels: int = 1,
    held_out: float = 0.2,
    background: str = "white",
    progress: bool = True,
) -> tuple[Tensor, Tensor]:
    """Your own images: every one below a folder, centre-cropped to a square and resized.

        images, labels = du.folder("my-pictures", side=32, channels=3)
        test, test_labels = du.folder("my-pictures", "test", side=32, channels=3)

    Read are files that end in .png, .jpg, .jpeg, .bmp, .webp or .gif (of an animation the first frame),
    in order of their names; hidden ones and links are not. A camera's rotation (EXIF) is undone,
    transparent parts show the background, and 16 bits a pixel become 8. An image takes
    4 channels side^2 bytes: 60,000 in grey at side 28 take 0.2 GB.

    The split depends on names alone, so it is the same in every call and on every machine: a share
    `held_out` of each label's images, picked by a hash of their names, is the test split. A new image
    moves at most one other. Copies of one image under two names may land on both sides.

    Args:
        path: the folder. If it has subfolders with images, these are the labels, numbered in order of
            their names, as in torchvision's ImageFolder; otherwise all labels are 0.
        split: "train" or "test".
        side: height and width in pixels; a `UNetDenoiser` asks for a multiple of 4.
        channels: 1 for grey, 3 for red, green and blue.
        held_out: the share of the test split; 0 puts every image into "train".
        background: "white" or "black".
        progress: a bar, where reading takes more than two seconds.

    Returns:
        images (N, channels, side, side) float32 in [0, 1], labels (N,) int64.

    Raises:
        ValueError: no such folder, no image in it or in the split, images both in subfolders and beside
            them, a file that cannot be read (the message names it), or an option out of range.
    """
    _require_split(split)
    side = _check.count(side, "side")
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels!r}; expected 1 (grey) or 3 (red, green, blue).")
    if not 0 <= held_out < 1:
        raise ValueError(f"held_out is {held_out!r}; expected a share from 0 to below 1, 0.2 say.")
    if background not in ("white", "black"):
        raise ValueError(f"background is {background!r}; expected 'white' or 'black'.")
    top = Path(path)
    if not top.is_dir():
        raise ValueError(f"{str(path)!r} is no folder; expected one with images: check the path.")
    kept = _choose(top, split, held_out)
    files_kept = [top.joinpath(*place) for place, _ in kept]
    images = _read_all(files_kept, side, channels, background=background, progress=progress)
    return images, torch.tensor([label for _, label in kept])


def _choose(top: Path, split: str, held_out: float) -> list[tuple[tuple[str, ...], int]]:
    """The images of a split, as parts of their relative paths, each with its label."""
    found = _find_images(top)
    classes = sorted({place[0] for place in found if len(place) > 1})
    loose = [place[0] for place in found if len(place) == 1]
    if classes and loose:
        raise ValueError(
            f"{str(top)!r} holds images in subfolders, such as {classes[0]!r}, and beside them, such as "
            f"{loose[0]!r}; expected one or the other, as subfolders are labels: move those beside them."
        )
    kept = []
    for label, name in enumerate(classes or [None]):
        group = [place for place in found if name in (None, place[0])]
        picked = _pick(group, held_out)
        kept += [(place, label) for place in group if (place in picked) == (split == "test")]
    if not kept:
        raise ValueError(
            f"no image is left for the {split} split of {str(top)!r}: it has {len(found)}, of which "
            f"held_out={held_out:g} are for testing; expected more images, or another share."
        )
    return kept


def _find_images(top: Path) -> list[tuple[str, ...]]:
    """The images below top as parts of their relative paths, in order."""
    found, others = [], set()
    for place, folders, names in os.walk(top):  # goes into no link, which might lead out of top
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in (Path(place, name) for name in names if not name.startswith(".")):
            if file.suffix.lower() not in ENDINGS:
                others.add(file.suffix or file.name)
            elif file.is_file() and not file.is_symlink():
                found.append(file.relative_to(top).parts)
    if not found:
        seen = f"only files of kind {', '.join(sorted(others)[:5])}" if others else "no file at all"
        raise ValueError(
            f"no image was found below {str(top)!r} ({seen}); expected files ending in "
            f"{', '.join(ENDINGS)}: convert others first."
        )
    return sorted(found)


def _pick(places: list[tuple[str, ...]], share: float) -> set[tuple[str, ...]]:
    """That share of places: those whose names have the smallest hashes, which follow no pattern."""

    def hashed(place):
        return hashlib.sha256(os.fsencode("/".join(place))).digest()

    return set(sorted(places, key=hashed)[: round(share * len(places))])


def _read_all(
    paths: Sequence[Path], side: int, channels: int, *, background="white", progress=True
) -> Tensor:
    """The images of these files, (N, channels, side, side), one after the other into one tensor."""
    images = torch.empty(len(paths), channels, side, side, dtype=torch.float32, device="cpu")
    bar = _engine.bar(shown=progress, total=len(paths), desc="reading images", unit="image", delay=2)
    with contextlib.closing(bar):
        for image, path in zip(images, paths, strict=True):
            image.copy_(_read(path, side, channels, background))
            bar.update()
    return images


def _read(path: Path, side: int, channels: int, background: str) -> Tensor:
    """One image file as (channels, side, side) in [0, 1]."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as stored:
                stored.draft(None, (2 * side, 2 * side))  # a large JPEG is decoded at a smaller scale
                image = ImageOps.exif_transpose(stored)
        if image.mode.startswith("I"):  # 16 bits: PIL's own conversion cuts at 255
            image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
        short = min(image.size)
        left, top = ((length - short) // 2 for length in image.size)
        square = image.convert("RGB").crop((left, top, left + short, top + short))
        image = square.resize((side, side), Image.Resampling.BILINEAR)  # antialiased
        pixels = np.array(image if channels == 3 else image.convert("L")).reshape(side, side, channels)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{str(path)!r} would unpack to an enormous image ({_first_line(error)}); expected one of at "
            f"most {Image.MAX_IMAGE_PIXELS:,} pixels: make it smaller, or remove it."
        ) from error
    except Exception as error:  # the decoders raise many kinds
        raise ValueError(
            f"{str(path)!r} cannot be read as an image ({_first_line(error)}); expected a whole file of "
            f"one of the kinds {', '.join(FORMATS)}: replace or remove it."
        ) from error
    return torch.from_numpy(pixels).movedim(-1, 0).float().div_(255)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
