"""Hostile input: nothing is run that was only to be read."""

import hashlib
import io
import json
import pickle
import re
import struct
import zlib

import numpy as np
import pytest
import torch
import yaml
from fresh import ROOT
from oracles import Trap
from PIL import Image

import daeutils as du
from daeutils import data, zoo

# Pickles in place of data: each would leave a file behind


@pytest.fixture
def trace(tmp_path):
    """Where a trap leaves a file when it is opened: it does, or these tests would prove nothing."""
    path = tmp_path / "opened"
    pickle.loads(pickle.dumps(Trap(path))).close()
    assert path.exists()
    path.unlink()
    return path


def pickles(trace) -> list[bytes]:
    """As the pickle module, as torch.save, and as numpy writes them."""
    buffers = [io.BytesIO() for _ in range(3)]
    torch.save({"weight": Trap(trace)}, buffers[0])
    np.save(buffers[1], np.array([Trap(trace)], dtype=object), allow_pickle=True)
    trap = np.array([Trap(trace)], dtype=object)
    np.savez(buffers[2], images=trap, labels=trap, allow_pickle=True)
    return [pickle.dumps(Trap(trace)), *(buffer.getvalue() for buffer in buffers)]


@pytest.mark.parametrize("vouched", [False, True])
def test_a_pickle_for_a_checkpoint_is_refused_unread(vouched, trace, tmp_path):
    """Also where the sum that it begins with is right."""
    for content in pickles(trace):
        digest = hashlib.sha256(content).digest() if vouched else b""
        (tmp_path / "state").write_bytes(digest + content)
        with pytest.raises(ValueError, match=r"no checkpoint of this book.*remove it"):
            network = du.MLPDenoiser(2, hidden=8, depth=1)
            du.fit(network, torch.rand(9, 2), sigma=0.1, steps=1, checkpoint=tmp_path / "state")
        assert not trace.exists()


def test_no_weights_are_read_from_another_kind_of_file(trace, tmp_path):
    """Under a card that vouches for them: pickles, no file at all, headers of an enormous size."""
    zoo.save_network(du.MLPDenoiser(2, hidden=8, depth=1), "mine", tmp_path)
    sizes = [length.to_bytes(8, "little") + bytes(100) for length in (2**62, 2**27 + 1)]
    for content in [*pickles(trace), b"", b"short", bytes(64), *sizes]:
        (tmp_path / "mine.safetensors").write_bytes(content)
        card = json.loads((tmp_path / "mine.json").read_text("utf-8"))
        card["sha256"] = hashlib.sha256(content).hexdigest()
        (tmp_path / "mine.json").write_text(json.dumps(card), encoding="utf-8")
        with pytest.raises(ValueError, match="'mine' cannot be read"):
            zoo.load_network("mine", folder=tmp_path)
        assert not trace.exists()


@pytest.mark.parametrize("vouched", [False, True])
def test_a_pickle_for_the_digits_is_refused_unread(vouched, trace, tmp_path, monkeypatch):
    """Also where the sum is made to fit: numpy is told to open none, and finds no images."""
    monkeypatch.setattr(data, "files", lambda package: tmp_path)
    (tmp_path / "assets").mkdir()
    for content in pickles(trace):
        (tmp_path / "assets" / "digits-10k.npz").write_bytes(content)
        if vouched:
            monkeypatch.setitem(data.SHA256, "digits", hashlib.sha256(content).hexdigest())
        kind = (ValueError, KeyError) if vouched else ValueError
        with pytest.raises(kind, match=None if vouched else "was not read"):
            du.digits()
        assert not trace.exists()


@pytest.mark.parametrize("load", [du.mnist, du.fashion_mnist])
def test_a_pickle_for_downloaded_data_is_left_alone(load, trace, tmp_path):
    """torchvision still opens processed/training.pt, which it wrote long ago, where there is one."""
    name = {du.mnist: "MNIST", du.fashion_mnist: "FashionMNIST"}[load]
    folder = tmp_path / name / "processed"
    folder.mkdir(parents=True)
    for content in pickles(trace):
        for part in ("training.pt", "test.pt"):
            (folder / part).write_bytes(content)
        with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz is missing.*put them there"):
            load(root=tmp_path)
        assert not trace.exists()


# Sizes and places


def png(side: int) -> bytes:
    """The header of a square grey PNG of that many pixels a side, and nothing of its pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return head + bytes(4) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.parametrize("side", [12_000, 2**31 - 1])
def test_a_header_alone_does_not_take_memory(side, tmp_path):
    """By PIL's own limit: 45 bytes that speak of up to 4e18 pixels."""
    (tmp_path / "bomb.png").write_bytes(png(side))
    assert Image.MAX_IMAGE_PIXELS < 12_000**2
    with pytest.raises(ValueError, match=r"bomb\.png' would unpack to an enormous image"):
        du.folder(tmp_path, held_out=0)


# The workflows on GitHub

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_only_read_and_run_what_was_looked_at(path):
    """No right but to read, no token on the disk, actions by commit, no stranger's text in a shell.

    One job may publish: it runs nothing but the action that takes what another job has built.
    """
    text = path.read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert not {"pull_request_target", "workflow_run"} & set(workflow[True])  # YAML reads `on` as true
    uses = re.findall(r"^ +- uses: *(.*)", text, re.MULTILINE)
    assert uses
    for line in uses:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        if "permissions" in job:
            assert job["permissions"] == {"pages": "write", "id-token": "write"}
            assert [step["uses"].partition("@")[0] for step in job["steps"]] == ["actions/deploy-pages"]
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", "")


def test_workflows_audit_the_versions_that_are_installed():
    runs = yaml.safe_load((ROOT / ".github" / "workflows" / "audit.yml").read_text("utf-8"))
    commands = [step.get("run", "") for step in runs["jobs"]["audit"]["steps"]]
    assert any(re.match(r"pip-audit --strict --requirement constraints\.txt", line) for line in commands)
    assert any(line.startswith("npm audit") for line in commands)
