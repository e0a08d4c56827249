"""The embedded digits against their licence file; the other loaders on files written here."""

import contextlib
import gzip
import hashlib
import io
import os
import re
import shutil
import struct
import sys
import unicodedata
import urllib.error
import urllib.request
import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import ExifTags, Image, ImageOps
from tqdm import tqdm

import daeutils as du

SPLITS = {"train": 8000, "test": 2000}
LOADERS = {"MNIST": du.mnist, "FashionMNIST": du.fashion_mnist}


def as_bytes(images: torch.Tensor) -> np.ndarray:
    scaled = images * 255
    assert torch.equal(scaled, scaled.round())
    return scaled.byte().numpy()


def test_digits_are_those_of_the_licence_file():
    parts = [du.digits(split) for split in SPLITS]
    content = b"".join(as_bytes(images).tobytes() for images, _ in parts)
    content += b"".join(labels.byte().numpy().tobytes() for _, labels in parts)
    licence = (files("daeutils") / "assets" / "LICENSE-DIGITS").read_text("utf-8")
    assert hashlib.sha256(content).hexdigest() in re.findall(r"\b[0-9a-f]{64}\b", licence)


def test_digits_differ_from_one_another_and_the_splits_are_disjoint():
    train, test = ({row.tobytes() for row in as_bytes(du.digits(split)[0])} for split in SPLITS)
    assert (len(train), len(test)) == tuple(SPLITS.values())
    assert not train & test


@pytest.mark.parametrize(("split", "size"), SPLITS.items())
def test_digits_are_images_with_labels(split, size):
    images, labels = du.digits(split)
    assert images.shape == (size, 1, 28, 28) and images.dtype == torch.float32
    assert labels.shape == (size,) and labels.dtype == torch.int64
    assert images.min() == 0 and images.max() == 1
    shares = labels.bincount(minlength=10) / size
    assert len(shares) == 10 and (shares - 0.1).abs().max() < 0.02


@pytest.mark.parametrize("load", [du.digits, du.mnist, du.fashion_mnist, du.celeba])
def test_unknown_split(load):
    with pytest.raises(ValueError, match=r"split is 'valid'; expected 'train' or 'test'"):
        load("valid")


def write_idx(path, array: np.ndarray) -> None:
    """The format of the real archives: magic number, big-endian sizes, bytes."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.tobytes())


@pytest.mark.parametrize(("name", "load"), LOADERS.items())
def test_archives_on_disk_are_read_without_a_network(name, load, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked for what lies on the disk")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    rng = np.random.default_rng(0)
    raw = tmp_path / name / "raw"
    raw.mkdir(parents=True)
    stored = {}
    for split, stem, n in [("train", "train", 6), ("test", "t10k", 4)]:
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, n, dtype=np.uint8)
        write_idx(raw / f"{stem}-images-idx3-ubyte", images)
        write_idx(raw / f"{stem}-labels-idx1-ubyte", labels)
        stored[split] = images, labels
    for split, (images, labels) in stored.items():
        found, answers = load(split, root=str(tmp_path))
        assert found.dtype == torch.float32 and answers.dtype == torch.int64
        assert found.shape == (len(images), 1, 28, 28)
        np.testing.assert_array_equal(as_bytes(found)[:, 0], images)
        np.testing.assert_array_equal(answers, labels)


# What lies in the folder before the call -> words of the error, or None where it is read
BY_HAND = {
    "packed": None,
    "packed in part": None,
    "beside old pickles": None,
    "another file": r"t10k-images-idx3-ubyte\.gz has another checksum than the original",
    "a file short": r"t10k-images-idx3-ubyte\.gz is missing",
    "an empty folder": r"train-images-idx3-ubyte\.gz is missing",
}


@pytest.mark.parametrize(("name", "load"), LOADERS.items())
@pytest.mark.parametrize("what", BY_HAND)
def test_archives_that_were_put_there_by_hand_are_read(what, name, load, tmp_path, monkeypatch):
    """Four small archives stand in for the real ones, whose checksums nothing small can have."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked for what lies on the disk")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    raw = tmp_path / name / "raw"
    raw.mkdir(parents=True)
    images, resources = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8), []
    for stem, array in [("images-idx3", images), ("labels-idx1", np.arange(5, dtype=np.uint8))]:
        for part in ("train", "t10k"):
            file = raw / f"{part}-{stem}-ubyte"
            write_idx(file, array)
            packed = gzip.compress(file.read_bytes())
            file.with_name(f"{file.name}.gz").write_bytes(packed)
            resources.append((f"{file.name}.gz", hashlib.md5(packed).hexdigest()))
            if what != "packed in part" or part == "train":
                file.unlink()
    monkeypatch.setattr(getattr(torchvision.datasets, name), "resources", resources)
    (raw.parent / "processed").mkdir()
    if what == "beside old pickles":
        for part in ("training.pt", "test.pt"):
            (raw.parent / "processed" / part).write_bytes(b"no pickle either")
    elif what == "another file":
        (raw / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"something"))
    elif what == "a file short":
        (raw / "t10k-images-idx3-ubyte.gz").unlink()
    elif what == "an empty folder":
        shutil.rmtree(raw)
    if BY_HAND[what]:
        with pytest.raises(
            ValueError, match=BY_HAND[what] + r".*put them there, or move that folder away"
        ):
            load(root=tmp_path)
        return
    for split in SPLITS:
        found, labels = load(split, root=tmp_path)
        np.testing.assert_array_equal(as_bytes(found)[:, 0], images)
        assert labels.tolist() == list(range(5))


@pytest.mark.parametrize(("name", "load"), LOADERS.items())
@pytest.mark.parametrize("error", [urllib.error.URLError("no route to host"), TimeoutError()])
def test_without_a_network_the_offline_default_is_named(name, load, error, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(
        RuntimeError, match=rf"{name} could not.*put train-images-idx3.*raw'.*digits\(\)"
    ) as caught:
        load(root=str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ended", ["whole", "cut", "another was first"])
def test_a_download_takes_its_place_whole_or_not_at_all(ended, tmp_path):
    place = tmp_path / "data" / "MNIST"

    def load(root, download):
        (Path(root) / "MNIST").mkdir()
        (Path(root) / "MNIST" / "file").touch()
        if ended == "cut":
            raise OSError("reset")
        if ended == "another was first":
            place.mkdir()
            (place / "theirs").touch()

    with pytest.raises(OSError, match="reset") if ended == "cut" else contextlib.nullcontext():
        du.data._download(load, place)
    found = [path.name for path in (tmp_path / "data").rglob("*")]
    expected = {"whole": ["MNIST", "file"], "cut": [], "another was first": ["MNIST", "theirs"]}
    assert found == expected[ended]


# CelebA, laid out as its archive is

SEEN = {"train": [1, 2, 4], "test": [5, 6]}  # the third image belongs to the validation part


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """Six faces: the n-th is 178 x 218 of grey 40 n, with a red band that the crop cuts off."""
    base = tmp_path / "celeba"
    (base / "img_align_celeba").mkdir(parents=True)
    names = [f"{n:06}.jpg" for n in range(1, 7)]
    for n, name in enumerate(names, 1):
        face = Image.new("RGB", (178, 218), (40 * n,) * 3)
        face.paste((255, 0, 0), (0, 0, 178, 12))
        face.save(base / "img_align_celeba" / name)
    parts = [0, 0, 1, 0, 2, 2]

    def write(name, lines, head=()):
        (base / name).write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")

    smiling = ["1", "-1", "1", "1", "-1", "1"]
    rows = [f"{name}  1 {s} -1" for name, s in zip(names, smiling, strict=True)]
    write("list_attr_celeba.txt", rows, ["6", "Bald Smiling Young "])
    write("identity_CelebA.txt", [f"{name} {70 + n}" for n, name in enumerate(names)])
    write("list_eval_partition.txt", [f"{name} {p}" for name, p in zip(names, parts, strict=True)])
    for name, columns in [("list_bbox_celeba.txt", 4), ("list_landmarks_align_celeba.txt", 10)]:
        heads = ["6", " ".join(f"c{i}" for i in range(columns)) + " "]
        write(name, [f"{face}  " + " ".join(["7"] * columns) for face in names], heads)
    # Only the sums of the real files cannot be met here.
    monkeypatch.setattr(torchvision.datasets.celeba, "check_integrity", lambda path, md5: True)
    return tmp_path


@pytest.mark.parametrize("split", SEEN)
def test_celeba_is_read_from_disk_cropped_and_resized(faces, split):
    images, labels = du.celeba(split, str(faces), side=16)
    assert images.shape == (len(SEEN[split]), 3, 16, 16) and images.dtype == torch.float32
    grey = torch.tensor(SEEN[split])[:, None, None, None] * 40 / 255
    assert (images - grey).abs().max() < 0.02  # jpeg; the red band is gone
    assert labels.tolist() == {"train": [1, 0, 1], "test": [0, 1]}[split]
    assert labels.dtype == torch.int64


def test_celeba_labels_and_limit(faces):
    images, labels = du.celeba(root=faces, side=8, limit=2, label="identity")
    assert images.shape == (2, 3, 8, 8) and labels.tolist() == [70, 71]
    assert du.celeba(root=faces, limit=1)[0].shape == (1, 3, 64, 64)
    assert du.celeba(root=faces, side=8, limit=99, label="Young")[1].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match=r"label is 'smile'; expected 'identity', .*Smiling, Young\."):
        du.celeba(root=faces, label="smile")
    with pytest.raises(ValueError, match=r"limit is 0; expected a whole number >= 1"):
        du.celeba(root=faces, limit=0)


@pytest.mark.parametrize("error", [RuntimeError("'gdown' is required."), ConnectionError("quota\nmore")])
def test_celeba_without_a_network_says_what_to_put_where(error, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(torchvision.datasets.celeba, "download_file_from_google_drive", refuse)
    with pytest.raises(RuntimeError, match=r"CelebA could not.*img_align_celeba\.zip.*unpack") as caught:
        du.celeba(root=tmp_path)
    assert "\n" not in str(caught.value) and str(error).splitlines()[0] in str(caught.value)


# A folder of images


def save(path, image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def flat(value, size=(9, 7), mode="L"):
    return Image.new(mode, size, value)


@pytest.fixture
def shelf(tmp_path):
    """Two labels, 20 and 10 images, the n-th of grey n."""
    for label, n in [("cats", 20), ("dogs", 10)]:
        for i in range(n):
            save(tmp_path / label / f"{i:02}.png", flat(i))
    return tmp_path


def greys(images) -> list[int]:
    return as_bytes(images)[:, 0, 0, 0].tolist()


def test_folder_takes_labels_from_subfolders_and_keeps_the_order_of_names(shelf):
    images, labels = du.folder(shelf, held_out=0)
    assert images.shape == (30, 1, 28, 28) and images.dtype == torch.float32
    assert greys(images) == [*range(20), *range(10)]
    assert labels.tolist() == [0] * 20 + [1] * 10 and labels.dtype == torch.int64


def test_folder_without_subfolders_has_one_label_and_takes_the_first_frame(tmp_path):
    for i, name in enumerate(["b.gif", "a.gif", "c.gif"]):
        flat(i).save(tmp_path / name, save_all=True, append_images=[flat(255)])
    images, labels = du.folder(tmp_path, held_out=0, side=4)
    assert greys(images) == [1, 0, 2] and labels.tolist() == [0, 0, 0]


def test_folder_split_is_balanced_disjoint_and_depends_on_names_alone(shelf, tmp_path_factory):
    parts = [du.folder(shelf, split, side=4) for split in SPLITS]
    assert [part[1].bincount().tolist() for part in parts] == [[16, 8], [4, 2]]
    pairs = [set(zip(labels.tolist(), greys(x), strict=True)) for x, labels in parts]
    assert not pairs[0] & pairs[1] and len(pairs[0] | pairs[1]) == 30
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(shelf, elsewhere)
    again = du.folder(elsewhere, "test", side=4)
    assert torch.equal(again[0], parts[1][0]) and torch.equal(again[1], parts[1][1])
    for share, counts in [(0.5, [10, 5]), (0.18, [4, 2])]:  # of 3.6 and 1.8
        assert du.folder(shelf, "test", side=4, held_out=share)[1].bincount().tolist() == counts


def test_folder_holds_out_the_names_with_the_smallest_hashes(shelf):
    images, labels = du.folder(shelf, "test", side=4)
    names = sorted(range(20), key=lambda n: hashlib.sha256(f"cats/{n:02}.png".encode()).digest())
    assert greys(images[labels == 0]) == sorted(names[:4])


def test_a_new_image_moves_at_most_one_other(shelf):
    before = set(greys(du.folder(shelf / "cats", "test", side=4)[0]))
    for n in range(20, 40):
        save(shelf / "cats" / f"{n}.png", flat(n))
        after = set(greys(du.folder(shelf / "cats", "test", side=4)[0]))
        assert len((before ^ after) - {n}) <= 1
        before = after


ENDINGS = "png jpg JPEG jpe bmp webp gif tif TIFF ppm jp2 tga qoi".split()
ENDINGS = [end for end in ENDINGS if Image.registered_extensions()[f".{end.lower()}"] in Image.SAVE]


@pytest.mark.parametrize("ending", ENDINGS)
def test_folder_reads_each_kind_in_grey_and_colour(ending, tmp_path):
    colour = (200, 100, 50)
    save(tmp_path / f"a.{ending}", Image.new("RGB", (31, 17), colour))
    red_green_blue, _ = du.folder(tmp_path, side=8, channels=3, held_out=0)
    grey, _ = du.folder(tmp_path, side=8, channels=1, held_out=0)
    expected = torch.tensor(colour)[:, None, None] / 255
    assert red_green_blue.shape == (1, 3, 8, 8)
    assert (red_green_blue[0] - expected).abs().max() < 0.03
    assert (grey - (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255).abs().max() < 0.03


@pytest.mark.parametrize("size", [(60, 20), (20, 60)])
def test_folder_crops_the_centre_square(size, tmp_path):
    image = flat(255, size)
    image.paste(51, (20, 0, 40, 20) if size[0] > size[1] else (0, 20, 20, 40))
    save(tmp_path / "a.png", image)
    images, _ = du.folder(tmp_path, side=10, held_out=0)
    assert torch.equal(images, torch.full((1, 1, 10, 10), 51 / 255))


@pytest.mark.parametrize("kind", ["png", "jpg"])  # a large jpg is decoded at a smaller scale
def test_folder_averages_what_it_shrinks(kind, tmp_path):
    quarters = np.array([[60, 100], [140, 180]]).repeat(256, 0).repeat(256, 1)
    stripes = 60 * (np.arange(512) % 2)[None] - 30  # finer than a pixel: must average out
    save(tmp_path / f"a.{kind}", Image.fromarray((quarters + stripes).astype(np.uint8)))
    images, _ = du.folder(tmp_path, side=8, held_out=0)
    away_from_edges = images[0, 0, [1, 1, 6, 6], [1, 6, 1, 6]] * 255
    assert (away_from_edges - torch.tensor([60, 100, 140, 180])).abs().max() < 2


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(10))  # 1 to 8 have a meaning
def test_folder_undoes_the_rotation_of_a_camera(tmp_path, orientation, kind):
    image = flat(0, (40, 40))
    image.paste(255, (0, 0, 20, 40))
    image.paste(128, (0, 0, 20, 20))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(tmp_path / f"a.{kind}", exif=exif, quality=95)
    with Image.open(tmp_path / f"a.{kind}") as stored:
        turned = np.asarray(ImageOps.exif_transpose(stored).convert("L")) / 255
    images, _ = du.folder(tmp_path, side=8, held_out=0)
    corners = images[0, 0, ::7, ::7].numpy()
    assert np.abs(corners - turned[::39, ::39]).max() < 0.03


def test_damaged_notes_of_a_camera_cost_no_pixels(tmp_path, monkeypatch):
    """Pillow 11.0 divided by zero when it wrote back the place that a phone had left empty."""

    def tobytes(self, offset=8):
        raise ZeroDivisionError

    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    flat(200, (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    monkeypatch.setattr(Image.Exif, "tobytes", tobytes)
    images, _ = du.folder(tmp_path, side=8, held_out=0)
    assert (images - 200 / 255).abs().max() < 0.02


@pytest.mark.parametrize(("background", "value"), [("white", 1.0), ("black", 0.0)])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_folder_shows_the_background_through_transparent_parts(background, value, mode, tmp_path):
    image = Image.new("RGBA", (8, 8), (100, 100, 100, 0))
    image.paste((100, 100, 100, 255), (0, 0, 4, 8))
    if mode == "P":
        image = image.quantize(4)
    save(tmp_path / "a.png", image if mode == "P" else image.convert(mode))
    chosen = {} if background == "white" else {"background": background}  # white is the default
    images, _ = du.folder(tmp_path, side=8, held_out=0, **chosen)
    assert (images[..., :4] - 100 / 255).abs().max() < 0.01
    assert (images[..., 4:] - value).abs().max() < 0.01


def test_folder_keeps_the_scale_of_sixteen_bits(tmp_path):
    for name, value in [("a", 0), ("b", 32768), ("c", 65535)]:
        save(tmp_path / f"{name}.png", Image.fromarray(np.full((8, 8), value, np.uint16)))
    images, _ = du.folder(tmp_path, side=8, held_out=0)
    assert (images[0] == 0).all() and (images[2] == 1).all()
    assert (images[1] - 0.5).abs().max() < 0.01


def wide_colours(path, clear):
    """A PNG of 16 bits a colour: half (1000, 2000, 3000), which may be clear, and half white."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + struct.pack(">12H", *(1000, 2000, 3000) * 2, *(65535,) * 6)
    parts = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0))
    if clear:
        parts += chunk(b"tRNS", struct.pack(">3H", 1000, 2000, 3000))
    parts += chunk(b"IDAT", zlib.compress(row * 4)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


@pytest.mark.parametrize("clear", [False, True])
def test_folder_reads_colours_of_sixteen_bits(clear, tmp_path):
    wide_colours(tmp_path / "a.png", clear)
    images, _ = du.folder(tmp_path, side=4, channels=3, held_out=0, background="black")
    assert (images[..., 2:] == 1).all()
    expected = torch.tensor([0, 0, 0] if clear else [3, 7, 11])[:, None, None] / 255
    assert torch.allclose(images[0, :, :, :2], expected.expand(3, 4, 2))


@pytest.mark.parametrize("clear", [None, 1000])
def test_folder_keeps_the_transparency_of_sixteen_bits(clear, tmp_path):
    values = np.full((8, 8), 65535, np.uint16)
    values[:, :4] = 1000
    Image.fromarray(values).save(tmp_path / "a.png", **({} if clear is None else {"transparency": clear}))
    images, _ = du.folder(tmp_path, side=8, held_out=0)
    assert (images[..., 4:] == 1).all()
    assert torch.allclose(images[..., :4], torch.tensor(1000 / 65535 if clear is None else 1.0))


def test_folder_warns_of_sixteen_bits_that_use_few_of_them(tmp_path):
    """As a scanner of 12 bits writes them; the advice makes white of its white."""
    for name, value in [("black", 0), ("white", 4095)]:
        save(tmp_path / f"{name}.png", Image.fromarray(np.full((8, 8), value, np.uint16)))
    with pytest.warns(
        UserWarning, match=r"only 6\.25% of their range .*Divide the images by ([\d.]+)\."
    ) as seen:
        images, _ = du.folder(tmp_path, held_out=0)
    factor = float(re.search(r"by ([\d.]+)\.", str(seen[0].message))[1])
    assert (images / factor).max().item() == pytest.approx(1, abs=0.001)


@pytest.mark.filterwarnings("error")
def test_folder_has_no_advice_for_images_that_are_black(tmp_path):
    save(tmp_path / "black.png", Image.fromarray(np.zeros((8, 8), np.uint16)))
    assert not du.folder(tmp_path, held_out=0)[0].any()


def test_folder_keeps_all_steps_of_sixteen_bits(tmp_path):
    values = np.linspace(0, 4095, 64 * 64).reshape(64, 64).round().astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "ramp.png")
    Image.fromarray(np.full((64, 64), 65535, np.uint16)).save(tmp_path / "white.png")
    images, _ = du.folder(tmp_path, side=64, held_out=0)
    np.testing.assert_allclose(images[0, 0], values / 65535, atol=1e-6)
    assert torch.equal(
        du.folder(tmp_path, side=64, channels=3, held_out=0)[0], images.expand(-1, 3, -1, -1)
    )


def test_folder_refuses_what_does_not_fit_sixteen_bits(tmp_path):
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(
        ValueError, match=r"a\.tif' cannot be read .*values from 0\.5 to 0\.5; convert it"
    ):
        du.folder(tmp_path, held_out=0)


# What is left out: the files of a class "dogs" beside 3 cats -> words of the warning, or of the error

png = flat(9)
LEFT_OUT = {
    "another kind": (["a.png", "b.heic", "c.heic"], r"\.heic: 2 \(dogs/b\.heic, \.\.\.\)"),
    "no ending": (["a.png", "b"], r"file without an ending: 1 \(dogs/b\)"),
    "hidden": (["a.png", ".b.png"], r"hidden file: 1 \(dogs/\.b\.png\)"),
    "in a hidden folder": (["a.png", ".old/b.png"], r"hidden folder: 1 \(dogs/\.old\)"),
    "text": (["a.png", "b.csv"], r"\.csv: 1"),
    "a broken link": (["a.png", "b.png -> nowhere"], r"broken link: 1 \(dogs/b\.png\)"),
    "a link to above": (["a.png", "b -> .."], r"link to a folder that is read already: 1 \(dogs/b\)"),
    "of the system": (["a.png", ".DS_Store", "Thumbs.db", "._a.png", "__MACOSX/._a.png"], None),
    "nothing": ([], r"empty folder: 1 \(dogs\)"),
    "notes alone": (["a.txt", "b.xml"], r"\.txt: 1 .*\.xml: 1"),
    "kinds that are not read": (["a.heic", "b.heic"], ValueError),
    "files without an ending": (["a", "b"], ValueError),
    "broken links": (["a.png -> nowhere"], ValueError),
    "a link to the cats": (["-> cats"], ValueError),
}


def lay_out(top, files):
    """Files, and links to others ("a -> b"), below top; "-> b" makes top itself a link."""
    for entry in files:
        name, arrow, goal = entry.partition("-> ")
        path = top / name.strip()
        if arrow:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(goal)
        elif path.suffix == ".png":
            save(path, png)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"something")
    if not files:
        top.mkdir()


@pytest.mark.parametrize("case", LEFT_OUT)
def test_folder_names_what_it_leaves_out_and_lets_no_label_vanish(case, tmp_path):
    files, expected = LEFT_OUT[case]
    for i in range(3):
        save(tmp_path / "cats" / f"{i}.png", flat(i))
    lay_out(tmp_path / "dogs", files)
    if expected is ValueError:
        with pytest.raises(
            ValueError, match=r"no image of 'dogs' .*its label would vanish.*convert them"
        ):
            du.folder(tmp_path, held_out=0, side=4)
        return
    with pytest.warns(UserWarning, match=expected) if expected else contextlib.nullcontext():
        images, labels = du.folder(tmp_path, held_out=0, side=4)
    assert greys(images) == [0, 1, 2, *([9] if "a.png" in files else [])]
    assert labels.tolist() == [0, 0, 0, *([1] if "a.png" in files else [])]


def test_folder_reads_through_links(tmp_path):
    """A subset of a data set is often a folder of links to images, or to folders of them."""
    save(tmp_path / "whole" / "x.png", flat(1))
    (tmp_path / "links" / "a").mkdir(parents=True)
    (tmp_path / "links" / "a" / "y.png").symlink_to(tmp_path / "whole" / "x.png")
    (tmp_path / "links" / "b").symlink_to(tmp_path / "whole", target_is_directory=True)
    images, labels = du.folder(tmp_path / "links", side=4, held_out=0)
    assert greys(images) == [1, 1] and labels.tolist() == [0, 1]


def test_folder_names_a_folder_that_cannot_be_opened(shelf, monkeypatch):
    scandir = os.scandir

    def closed(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    (shelf / "cats" / "locked").mkdir()
    monkeypatch.setattr(os, "scandir", closed)
    with pytest.warns(UserWarning, match=r"folder that cannot be opened: 1 \(cats/locked\)"):
        assert len(du.folder(shelf, held_out=0, side=4)[0]) == 30


SPLIT_FOLDERS = [
    ["train/a", "test/a"], ["train", "test"], ["Train", "Validation"], ["train/a"], ["val/a", "val/b"],
    ["seg_train/a", "seg_test/a", "seg_pred"], ["photos/train/a", "photos/test/a"], ["a/train", "a/test"],
]  # fmt: skip


@pytest.mark.parametrize("folders", SPLIT_FOLDERS, ids=str)
def test_folder_takes_no_split_for_a_label(folders, tmp_path):
    for name in folders:
        save(tmp_path / name / "x.png", flat(1))
    with pytest.raises(ValueError, match=r"look like the splits .*give the splits one by one") as caught:
        du.folder(tmp_path, held_out=0)
    advised = re.search(r"du\.folder\('(.*)', held_out=0\)", str(caught.value))[1]
    assert len(du.folder(advised, held_out=0)[0])


@pytest.mark.parametrize(
    "folders", [["train", "car", "bus"], ["test", "control"], ["testimony", "trains"]]
)
def test_folder_takes_a_label_for_a_label(folders, tmp_path):
    for name in folders:
        save(tmp_path / name / "x.png", flat(1))
    assert du.folder(tmp_path, held_out=0)[1].tolist() == list(range(len(folders)))


def test_folder_says_that_labels_may_lie_one_folder_below(tmp_path):
    for name in ("cats", "dogs"):
        save(tmp_path / "archive" / name / "x.png", flat(1))
    with pytest.warns(UserWarning, match=r"one label, 'archive': .*give du\.folder '.*archive'"):
        du.folder(tmp_path, held_out=0)


def test_folder_holds_out_the_same_however_a_system_writes_accents(tmp_path):
    """macOS hands out an accent as a letter of its own (NFD), Linux what was written."""
    found = []
    for form in ("NFC", "NFD"):
        for i in range(12):
            name = unicodedata.normalize(form, f"{'éàü'[i % 3]}{i % 4}")
            save(tmp_path / form / unicodedata.normalize(form, "été") / f"{name}.png", flat(i))
        found.append([greys(du.folder(tmp_path / form, split, side=4)[0]) for split in SPLITS])
    assert found[0] == found[1]


def test_folder_leaves_each_label_an_image_to_train_on(shelf):
    save(shelf / "emus" / "x.png", flat(1))
    with pytest.raises(
        ValueError, match=r"leaves none of 1 images of 'emus' for training, .*smaller share"
    ):
        du.folder(shelf, held_out=0.6)
    with pytest.warns(UserWarning, match=r"too small for a test image: 1 \(emus\)"):
        assert du.folder(shelf, "test")[1].unique().tolist() == [0, 1]


def truncated(path):
    rng = np.random.default_rng(0)
    save(path, Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)))
    path.write_bytes(path.read_bytes()[:900])


BROKEN = {
    "cut.png": truncated,
    "cut.jpg": truncated,
    "text.png": lambda path: path.write_text("no image", encoding="utf-8"),
    "empty.gif": lambda path: path.write_bytes(b""),
    "other.png": lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0"),  # a program for Ghostscript
}


@pytest.mark.parametrize("name", BROKEN)
def test_folder_names_a_file_that_it_cannot_read(name, tmp_path):
    save(tmp_path / "a.png", flat(0))
    BROKEN[name](tmp_path / name)
    with pytest.raises(ValueError, match=rf"{re.escape(name)}' cannot be read.*replace or remove them"):
        du.folder(tmp_path, held_out=0)


def test_folder_names_all_files_that_it_cannot_read(tmp_path):
    for i in range(25):
        save(tmp_path / f"{i:02}.png", flat(0))
        (tmp_path / f"bad{i:02}.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"bad00\.png.*bad19\.png.*and 5 more: 25 of 50 files") as caught:
        du.folder(tmp_path, held_out=0)
    assert "\n" not in str(caught.value)


def test_folder_says_what_is_wrong_with_a_folder(tmp_path):
    def refused(match, *args, **kwargs):
        with pytest.raises(ValueError, match=match):
            du.folder(*args, **kwargs)

    refused(r"nowhere' is no folder; expected one", tmp_path / "nowhere")
    refused(r"no image was found below .*no file at all", tmp_path)
    (tmp_path / "a.heic").write_bytes(b"x")
    refused(r"no image was found below .*only \.heic: 1 \(a\.heic\)", tmp_path)
    refused(r"a\.heic' is no folder", tmp_path / "a.heic")
    save(tmp_path / "a.png", flat(0))
    refused(r"no image is left for the test split .* it has 1, .* held_out=0\.2", tmp_path, "test")
    save(tmp_path / "cats" / "b.png", flat(0))
    refused(r"in subfolders, such as 'cats', and beside them, such as 'a\.png'", tmp_path)
    refused(r"split is 'valid'", tmp_path, "valid")
    refused(r"side is 0; expected a whole number", tmp_path, side=0)
    refused(r"channels is 4; expected 1 \(grey\) or 3", tmp_path, channels=4)
    refused(r"held_out is 1\.0; expected a share", tmp_path, held_out=1)
    refused(r"background is 'red'; expected 'white' or 'black'", tmp_path, background="red")


@pytest.mark.parametrize("terminal", [True, False])
def test_reading_shows_a_bar_in_a_terminal_alone(terminal, shelf, monkeypatch):
    made = []

    class Bar(tqdm):
        def __init__(self, iterable, **options):
            super().__init__(iterable, **options, file=io.StringIO())
            if not options["disable"]:
                made.append((self, options))

    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr("daeutils._engine.tqdm", Bar)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    images, _ = du.folder(shelf, side=4)
    du.folder(shelf, side=4, progress=False)
    assert len(made) == terminal
    for bar, options in made:
        assert bar.n == bar.total == len(images) and bar.disable  # closed: tqdm's word for it
        assert options["delay"] == 2
