"""Every door that takes a path takes it as a reader would write it, and leaves no litter."""

import os
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

import daeutils as du
from daeutils import zoo

ENDS = {"plain": "mine", "spaces": "my own data", "accents": "données", "deep": "a/b/c"}


def folder(path):
    return du.folder(path, side=4, held_out=0)[0]


def resume(path):
    network = du.MLPDenoiser(2, hidden=4, depth=1)
    return du.fit(network, torch.full((9, 2), 0.5), sigma=0.1, steps=1, checkpoint=path, progress=False)


def load(path):
    return zoo.load_network("mine", folder=path)


def fill(path: Path) -> None:
    """What each door asks for, in the folder at path."""
    (path / "pictures").mkdir(parents=True)
    Image.new("L", (4, 4)).save(path / "pictures" / "x.png")
    zoo.save_network(du.MLPDenoiser(2, hidden=4, depth=1), "mine", path)


# a door -> what it is given, below the folder
DOORS = {folder: "pictures", load: "", resume: "state"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, and another one to work in, which must stay empty."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", [str, Path, os.fsencode], ids=["text", "Path", "bytes"])
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_path_is_taken_as_it_is_written(door, kind, end, home):
    fill(home / ENDS[end])
    door(kind(f"~/{ENDS[end]}/{DOORS[door]}"))
    door(kind(f"../home/{ENDS[end]}/{DOORS[door]}"))
    assert list(Path.cwd().iterdir()) == []
    assert (home / ENDS[end] / "state").exists() == (door is resume)


@pytest.mark.parametrize("given", [3, None, "", " ", "~nobody-of-that-name/x", "a\0b"])
@pytest.mark.parametrize("door", [*DOORS, du.mnist, du.fashion_mnist, du.celeba])
def test_what_is_no_path_is_named(door, given, home):
    if given is None and door in (resume, load):
        return  # the default
    given = {"root": given} if door in (du.mnist, du.fashion_mnist, du.celeba) else given
    with pytest.raises(ValueError, match=r"^(path|root|folder|checkpoint) is .*; expected "):
        door(**given) if isinstance(given, dict) else door(given)
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("load", [du.mnist, du.fashion_mnist, du.celeba])
@pytest.mark.parametrize("root", ["data", "~/data", "deep/er"])
def test_a_download_that_fails_leaves_nothing(load, root, home, monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(torchvision.datasets.celeba, "download_file_from_google_drive", refuse)
    with pytest.raises(RuntimeError, match="could not be downloaded"):
        load(root=root)
    assert list(Path.cwd().iterdir()) == list(home.iterdir()) == []


def test_a_download_that_fails_keeps_what_was_there(home, monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    Path("data").mkdir()
    Path("data", "mine").write_text("kept", encoding="utf-8")
    with pytest.raises(RuntimeError, match="could not be downloaded"):
        du.mnist(root="data")
    assert [path.name for path in Path("data").rglob("*")] == ["mine"]
    assert np.all([path.is_file() for path in Path("data").iterdir()])
