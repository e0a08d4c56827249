"""Images from files: every one below a folder, with a word about all that was left out."""

import contextlib
import hashlib
import mimetypes
import os
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image
from torch import Tensor

from daeutils import _check, _engine

_WAY = Image.Transpose
TURNS = {  # the orientation that a camera notes: how the picture has to be turned
    2: _WAY.FLIP_LEFT_RIGHT, 3: _WAY.ROTATE_180, 4: _WAY.FLIP_TOP_BOTTOM, 5: _WAY.TRANSPOSE,
    6: _WAY.ROTATE_270, 7: _WAY.TRANSVERSE, 8: _WAY.ROTATE_90,
}  # fmt: skip
COMMON = (
    "PNG",
    "JPEG",
    "GIF",
    "BMP",
    "WEBP",
    "TIFF",
    "PPM",
)  # known by their first bytes, whatever the name
NOT_READ = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}  # need another program, or hold no pixels
LEFTOVERS = {
    ".ds_store",
    "thumbs.db",
    "desktop.ini",
    "__macosx",
    ".ipynb_checkpoints",
    ".git",
    ".gitkeep",
}
TRAINING = {"train", "training"}
HELD_OUT = {"test", "testing", "val", "valid", "validation", "eval", "dev", "holdout"}

Place = tuple[str, ...]  # of a file: the parts of its path below the folder


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

    Read are all kinds of files that Pillow decodes by itself, in order of their names; of an animation
    the first frame. Links are followed. What is left out (other files, hidden ones, broken links) is
    counted in a warning. A camera's rotation (EXIF) is undone, transparent parts show the background, and
    all 16 bits of a grey image count. An image takes 4 channels side^2 bytes: 60,000 in grey at side 28
    take 0.2 GB.

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
        ValueError: no such folder, no image in it or in the split; a subfolder of which no image can be
            read or is left for training, so that its label would vanish; subfolders that are the splits
            of a data set, not labels; images both in subfolders and beside them; files that cannot be
            read (the message names them); or an option out of range.

    Warns:
        UserWarning: something was left out, or images of 16 bits use less than an eighth of their range.
    """
    _check.split(split)
    side = _check.count(side, "side")
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels!r}; expected 1 (grey) or 3 (red, green, blue).")
    held_out = _check.number(held_out, "held_out", at_least=0)
    if not held_out < 1:
        raise ValueError(f"held_out is {held_out!r}; expected a share from 0 to below 1, 0.2 say.")
    if background not in ("white", "black"):
        raise ValueError(f"background is {background!r}; expected 'white' or 'black'.")
    top = _check.path(path)
    if not top.is_dir():
        raise ValueError(f"{str(path)!r} is no folder; expected one with images: check the path.")
    kept = _choose(top, split, held_out)
    files = [top.joinpath(*place) for place, _ in kept]
    images = read_all(files, side, channels, background=background, progress=progress)
    return images, torch.tensor([label for _, label in kept], device="cpu")


# What is below a folder


def _choose(top: Path, split: str, held_out: float) -> list[tuple[Place, int]]:
    """The places of a split, each with its label; a warning tells what was left out."""
    found, left_out = _find(top)
    _refuse_splits(top, found)
    classes = sorted({place[0] for place in found if len(place) > 1}, key=_normal)
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
        chosen = [(place, label) for place in group if (place in picked) == (split == "test")]
        if not chosen and split == "train" and len(classes) > 1:
            raise ValueError(
                f"held_out={held_out:g} leaves none of {len(group)} images of {name!r} for training, and "
                "its label would vanish; expected a smaller share, or more images."
            )
        if not chosen and len(classes) > 1:
            left_out.append(((name,), "label that is too small for a test image"))
        kept += chosen
    if not kept:
        raise ValueError(
            f"no image is left for the {split} split of {str(top)!r}: it has {len(found)}, of which "
            f"held_out={held_out:g} are for testing; expected more images, or another share."
        )
    if len(classes) == 1 and len({place[1] for place in found if len(place) > 2}) > 1:
        warnings.warn(
            f"all images below {str(top)!r} have one label, {classes[0]!r}: if its subfolders are the "
            f"labels, give du.folder {str(top / classes[0])!r}.",
            stacklevel=3,
        )
    if left_out:
        warnings.warn(f"du.folder left out {_listed(left_out)} below {str(top)!r}.", stacklevel=3)
    return kept


def _find(top: Path) -> tuple[list[Place], list[tuple[Place, str]]]:
    """The images below top, in order, and what else is there, each with the reason to leave it out."""
    kinds = readable()
    images, left_out, home = [], [], Path(os.path.realpath(top))
    walked = {str(each) for each in (home, *home.parents)}  # a link to these would never end

    def closed(error: OSError):
        left_out.append((Path(error.filename).relative_to(top).parts, "folder that cannot be opened"))

    for at, folders, names in os.walk(top, onerror=closed, followlinks=True):
        here = Path(at).relative_to(top).parts
        for name in sorted(folders):
            real, reason = os.path.realpath(Path(at, name)), None
            if not _shown(name):
                reason = None if name.lower() in LEFTOVERS else "hidden folder"
            elif real in walked:
                reason = "link to a folder that is read already"
            else:
                walked.add(real)
                continue
            folders.remove(name)
            left_out += [((*here, name), reason)] if reason else []
        for name in names:
            file, reason = Path(at, name), None
            if name.lower() in LEFTOVERS or name.startswith("._"):  # of the system, not of the user
                continue
            if not _shown(name):
                reason = "hidden file"
            elif not file.exists():
                reason = "broken link"
            elif not file.is_file():
                reason = "neither file nor folder"
            elif file.suffix.lower() not in kinds:
                reason = file.suffix.lower() or "file without an ending"
            if reason:
                left_out.append(((*here, name), reason))
            else:
                images.append((*here, name))
    if not images:
        seen = f"only {_listed(left_out)}" if left_out else "no file at all"
        raise ValueError(
            f"no image was found below {str(top)!r} ({seen}); expected files ending in "
            f"{', '.join(kinds)}: convert others first."
        )
    images.sort(key=lambda place: [_normal(part) for part in place])
    return images, left_out + _empty(top, images, left_out)


def _empty(top: Path, images: list[Place], left_out: list) -> list[tuple[Place, str]]:
    """Subfolders without a file; ValueError for one whose images are all left out."""
    labels = {place[0] for place in images if len(place) > 1}
    names = {name for name in os.listdir(top) if (top / name).is_dir() and _shown(name)}
    empty = []
    for name in sorted(names - labels) if labels else []:
        lost = [each for each in left_out if each[0][0] == name]
        if any(_may_be_image(*each) for each in lost):
            raise ValueError(
                f"no image of {name!r} in {str(top)!r} can be read ({_listed(lost)}), and its label "
                f"would vanish; expected files ending in {', '.join(readable())}: convert them, or move "
                "that folder away."
            )
        empty += [] if lost else [((name,), "empty folder")]
    return empty


def readable() -> dict[str, str]:
    """File ending -> the name of its decoder in Pillow."""
    known, kinds = Image.registered_extensions(), set(Image.OPEN) - NOT_READ
    return {ending: kind for ending, kind in known.items() if kind in kinds}


def _shown(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in LEFTOVERS


def _may_be_image(place: Place, reason: str) -> bool:
    """Whether what was left out may be an image: not where the ending speaks of text, sound and so on."""
    kind = mimetypes.guess_type(place[-1])[0]
    return not reason.startswith("hidden") and (kind is None or kind.startswith("image/"))


def _listed(left_out: list[tuple[Place, str]]) -> str:
    """.heic: 5 (cats/a.heic, ...); broken link: 1 (dogs/x.png)."""
    examples = {reason: "/".join(place) for place, reason in sorted(left_out, reverse=True)}
    counts = Counter(sorted(reason for _, reason in left_out)).most_common()
    return "; ".join(
        f"{reason}: {n} ({examples[reason]}{', ...' if n > 1 else ''})" for reason, n in counts
    )


def _refuse_splits(top: Path, found: list[Place]) -> None:
    """Raise ValueError where folders beside one another are the splits of a data set."""
    children: dict[Place, set[str]] = {}
    for place in found:
        for depth in range(len(place) - 1):
            children.setdefault(place[:depth], set()).add(place[depth])
    for place, names in children.items():
        words = {name: set(re.split(r"[^a-z]+", name.lower())) for name in names}
        training = sorted(name for name in names if words[name] & TRAINING)
        others = sorted(name for name in names if words[name] & HELD_OUT)
        if (training and others) or (not place and len(training + others) == len(names)):
            some = (training or others)[0]
            raise ValueError(
                f"{sorted(names)} in {str(top.joinpath(*place))!r} look like the splits of a data set; "
                "expected a subfolder for each label: give the splits one by one, as in "
                f"du.folder({str(top.joinpath(*place, some))!r}, held_out=0), or rename those folders."
            )


def _pick(places: list[Place], share: float) -> set[Place]:
    """That share of places: those whose names have the smallest hashes, which follow no pattern."""

    def hashed(place):
        return hashlib.sha256(_normal("/".join(place)).encode("utf-8", "surrogatepass")).digest()

    return set(sorted(places, key=hashed)[: round(share * len(places))])


def _normal(name: str) -> str:
    """A name as every system would write it: macOS takes an accent for a letter of its own."""
    return unicodedata.normalize("NFC", name)


# Reading


def read_all(
    paths: Sequence[Path], side: int, channels: int, *, background="white", progress=True
) -> Tensor:
    """The images of these files, (N, channels, side, side), one after the other into one tensor.

    Raises:
        ValueError: some cannot be read; all of them are named.
    """
    images = torch.empty(len(paths), channels, side, side, dtype=torch.float32, device="cpu")
    bar = _engine.bar(shown=progress, total=len(paths), desc="reading images", unit="image", delay=2)
    kinds, bad, peaks = readable(), [], []
    with contextlib.closing(bar):
        for image, path in zip(images, paths, strict=True):
            try:
                kind = kinds.get(path.suffix.lower(), "PNG")
                image.copy_(_read(path, kind, side, channels, background, peaks))
            except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
                reason = f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels: {first_line(error)}"
                bad.append(f"{str(path)!r} would unpack to an enormous image ({reason})")
            except Exception as error:  # the decoders raise many kinds
                bad.append(f"{str(path)!r} cannot be read as an image ({first_line(error)})")
            bar.update()
    if bad:
        more = f"; and {len(bad) - 20} more" if len(bad) > 20 else ""
        raise ValueError(
            f"{'; '.join(bad[:20])}{more}: {len(bad)} of {len(paths)} files; expected whole images of "
            "the kind that the ending says: replace or remove them."
        )
    if peaks and 0 < max(peaks) < 1 / 8:
        warnings.warn(
            f"the images of 16 bits use only {max(peaks):.2%} of their range and are nearly black: their "
            f"values may have fewer bits. Divide the images by {max(peaks):.4g}.",
            stacklevel=3,
        )
    return images


def _read(path: Path, kind: str, side: int, channels: int, background: str, peaks: list) -> Tensor:
    """One image file as (channels, side, side) in [0, 1]; to peaks goes the greatest value of 16 bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=list(dict.fromkeys([*COMMON, kind]))) as stored:
            deep = any(";16" in str(tile[3]) for tile in stored.tile)  # as a decoder calls 16 bits
            stored.draft(None, (2 * side, 2 * side))  # a large JPEG is decoded at a smaller scale
            stored.load()  # a TIFF turns itself then, and forgets that it had to
            # Of what a camera notes, the orientation alone is read: the rest may be damaged.
            turn = TURNS.get(stored.getexif().get(ExifTags.Base.Orientation))
            image = stored.copy() if turn is None else stored.transpose(turn)
    if image.mode.startswith(("I", "F")):
        image = _grey_of_sixteen_bits(image, background, peaks)
    else:
        image = _colours(image, deep, background, peaks)
    short = min(image.size)
    left, top = ((length - short) // 2 for length in image.size)
    square = image.crop((left, top, left + short, top + short))
    image = square.resize((side, side), Image.Resampling.BILINEAR)  # antialiased
    if image.mode == "RGB" and channels == 1:
        image = image.convert("L")
    pixels = torch.from_numpy(np.array(image)).reshape(side, side, -1).float()
    return pixels.movedim(-1, 0).div_(255).expand(channels, -1, -1)


def _grey_of_sixteen_bits(image: Image.Image, background: str, peaks: list[float]) -> Image.Image:
    """Grey from 0 to 255 with all its steps, as floats; Pillow's own conversion cuts at 255."""
    values, clear = np.asarray(image), image.info.get("transparency")
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError(f"it holds values from {values.min()} to {values.max()}; convert it to 8 bits")
    peaks.append(values.max() / 65535)
    grey = (values / 257).astype(np.float32)
    if clear is not None:  # the one value that is transparent
        grey[values == clear] = 255 if background == "white" else 0
    return Image.fromarray(grey)


def _colours(image: Image.Image, deep: bool, background: str, peaks: list[float]) -> Image.Image:
    """Red, green and blue from 0 to 255, over the background where the image is transparent."""
    if deep:  # of 16 bits Pillow keeps the upper eight
        peaks.append(np.asarray(image.convert("RGB")).max() / 255)
        if (clear := image.info.get("transparency")) is not None:
            image.info["transparency"] = tuple(value >> 8 for value in clear)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
    return image.convert("RGB")


def first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
