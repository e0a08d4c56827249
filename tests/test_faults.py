"""Broken files and silent servers: what is damaged is refused by name, and no call waits for ever.

Checkpoints: test_checkpoint. Stored weights: test_evaluation. Hostile files: test_security.
"""

import shutil
import socket
import struct
import threading
import time
import urllib.request
from pathlib import Path

import pytest
import requests
import torchvision

import daeutils as du
from daeutils import data, zoo

# The network


def as_gdown_does(file_id, root, filename, md5=None):
    """Its first request, in place of the package: without a time limit."""
    requests.Session().get(f"https://drive.google.com/uc?id={file_id}", stream=True, verify=True)


@pytest.mark.parametrize("load", [du.mnist, du.fashion_mnist, du.celeba])
def test_a_server_that_never_answers_is_given_up(load, tmp_path, monkeypatch):
    """A proxy that accepts and then is silent, for each kind of address."""
    monkeypatch.setattr(torchvision.datasets.celeba, "download_file_from_google_drive", as_gdown_does)
    send = requests.adapters.HTTPAdapter.send
    monkeypatch.setattr(data, "PATIENCE", 0.3)
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first use
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{silent.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "")
        end = threading.Timer(20, silent.close)  # so that a failure is one, and not a test that hangs
        end.daemon = True
        end.start()
        start = time.monotonic()
        with pytest.raises(RuntimeError, match=r"could not be downloaded.*timed out.*daeutils\.digits"):
            load(root=str(tmp_path))
        assert 0.3 <= time.monotonic() - start < 10
        end.cancel()
    # For others nothing has changed.
    assert socket.getdefaulttimeout() is None and requests.adapters.HTTPAdapter.send is send
    assert not list(tmp_path.iterdir())


# Entries of a cache


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def replaced(file: Path) -> None:
    file.write_bytes(b'{"kind": "MLPDenoiser"}')


DAMAGE = pytest.mark.parametrize("damage", [cut, emptied, replaced])


@DAMAGE
def test_damaged_digits_are_refused(damage, tmp_path, monkeypatch):
    shutil.copytree(zoo.SHIPPED, tmp_path / "assets")
    monkeypatch.setattr(data, "files", lambda package: tmp_path)
    assert len(du.digits("test")[0]) == 2000
    damage(tmp_path / "assets" / "digits-10k.npz")
    with pytest.raises(ValueError, match=r"digits-10k\.npz .*damaged or foreign.*Install.*again"):
        du.digits()


@DAMAGE
def test_a_damaged_card_is_refused(damage, tmp_path):
    zoo.save_network(du.MLPDenoiser(2, hidden=8, depth=1), "mine", tmp_path)
    damage(tmp_path / "mine.json")
    with pytest.raises(ValueError, match=r"card of 'mine' is damaged or foreign.*make weights"):
        zoo.load_network("mine", folder=tmp_path)


def labels_of_another_size(file: Path) -> None:
    name = file.name.replace("images-idx3", "labels-idx1")
    file.with_name(name).write_bytes(struct.pack(">HBBI", 0, 8, 1, 2) + bytes(2))


def missing(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("damage", [cut, emptied, replaced, labels_of_another_size, missing])
def test_damaged_downloads_are_named(damage, tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">HBBIII", 0, 8, 3, 3, 28, 28) + bytes(3 * 784)
        )
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, 3) + bytes(3))
    assert du.mnist(root=tmp_path)[0].shape == (3, 1, 28, 28)
    damage(raw / "train-images-idx3-ubyte")
    with pytest.raises(ValueError, match=r"damaged or incomplete.*move that folder away"):
        du.mnist(root=tmp_path)
