"""The embedded digits against their licence file; torchvision's loaders on archives written here."""

import hashlib
import re
import struct
import urllib.error
import urllib.request
from importlib.resources import files

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

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


def test_labels_belong_to_the_images():
    (images, labels), (unseen, answers) = (du.digits(split) for split in SPLITS)
    small = [torch.nn.functional.avg_pool2d(x, 4).flatten(1).numpy() for x in (images, unseen)]
    model = LogisticRegression(max_iter=300).fit(small[0][:2000], labels[:2000])
    assert model.score(small[1], answers) > 0.75  # chance: 0.1


@pytest.mark.parametrize("load", [du.digits, du.mnist, du.fashion_mnist])
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


@pytest.mark.parametrize(("name", "load"), LOADERS.items())
@pytest.mark.parametrize("error", [urllib.error.URLError("no route to host"), TimeoutError()])
def test_without_a_network_the_offline_default_is_named(name, load, error, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(RuntimeError, match=rf"{name} could not.*daeutils\.digits\(\)") as caught:
        load(root=str(tmp_path))
    assert "\n" not in str(caught.value)
