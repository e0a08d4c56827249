"""Hostile input: nothing is run that was only to be read, and nothing is written outside its place.

docs/testing.md lists every danger with its test, here or elsewhere.
"""

import ast
import hashlib
import io
import json
import pickle
import re
import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch
import torchvision
import yaml
from fresh import ROOT
from oracles import Trap
from PIL import Image

import daeutils as du
from daeutils import data, zoo

# What is read


SOURCES = [
    *(ROOT / "daeutils").rglob("*.py"),
    *(ROOT / "docs").glob("*.py"),
    *(ROOT / "benchmarks").glob("*.py"),
    *(ROOT / "notebooks" / "scripts").rglob("*.py"),  # the text of every chapter and solution
    ROOT / "notebooks" / "conftest.py",
]
MODULES = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "torch.load",
         "torch.save", "torch.jit.load", "torch.hub.load", "torch.export.load", "pandas.read_pickle",
         }  # fmt: skip


def dangers(source: str) -> list[str]:
    """What in a source would run code out of data. numpy.load(allow_pickle=False) would not."""
    found, names = [], {}

    def dotted(node) -> str:
        if isinstance(node, ast.Attribute):
            return f"{dotted(node.value)}.{node.attr}"
        return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""

    nodes = list(ast.walk(ast.parse(source)))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]  # `import a.b` gives the name a, `import a.b as c` c
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for name in names.values():
        if name.split(".")[0] in MODULES:
            found.append(f"imports {name}")
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute) and dotted(node) in CALLS:
            found.append(f"line {node.lineno}: {dotted(node)}")
        if isinstance(node, ast.Call):
            given = {key.arg: getattr(key.value, "value", None) for key in node.keywords}
            if dotted(node.func) == "numpy.load" and given.get("allow_pickle") is not False:
                found.append(f"line {node.lineno}: numpy.load without allow_pickle=False")
            if given.get("allow_pickle") or given.get("shell"):
                found.append(f"line {node.lineno}: {given}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_reads_pickles_or_runs_text(path):
    assert dangers(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "def f():\n    import marshal as m",
        "import torch\ntorch.load('x')",
        "import torch as t\nread = t.load",
        "from torch import load as read\nread('x')",
        "import torch.jit\ntorch.jit.load('x')",
        "import numpy as np\nnp.load('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "from numpy import load\nload('x', allow_pickle=some)",
        "eval('1')",
        "run = exec",
        "import subprocess\nsubprocess.run('x', shell=True)",
        "import os\nos.system('x')",
    ],
)
def test_a_source_that_does_is_seen(line):
    assert dangers(line)


def test_what_only_sounds_like_it_is_let_be():
    code = "import re, numpy as np\nnetwork.eval()\nre.compile('x')\nnp.load('x', allow_pickle=False)"
    assert dangers(code) == []


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


def test_a_pickle_for_a_checkpoint_is_refused_unread(trace, tmp_path):
    for content in pickles(trace):
        (tmp_path / "state").write_bytes(content)
        with pytest.raises(ValueError, match=r"no checkpoint of this book.*remove it"):
            network = du.MLPDenoiser(2, hidden=8, depth=1)
            du.fit(network, torch.rand(9, 2), sigma=0.1, steps=1, checkpoint=tmp_path / "state")
        assert not trace.exists()


@pytest.mark.parametrize("vouched", [False, True])
def test_a_pickle_for_the_digits_is_refused_unread(vouched, trace, tmp_path, monkeypatch):
    """Also where the sum is made to fit: numpy is told to open none, and finds no images."""
    monkeypatch.setattr(data, "files", lambda package: tmp_path)
    (tmp_path / "assets").mkdir()
    for content in pickles(trace):
        (tmp_path / "assets" / "digits-10k.npz").write_bytes(content)
        if vouched:
            monkeypatch.setattr(data, "DIGITS_SHA256", hashlib.sha256(content).hexdigest())
        kind = (ValueError, KeyError) if vouched else ValueError
        with pytest.raises(kind, match=None if vouched else "was not read"):
            du.digits()
        assert not trace.exists()


@pytest.mark.parametrize("load", [du.mnist, du.fashion_mnist])
def test_a_pickle_for_downloaded_data_is_refused_unread(load, trace, tmp_path):
    """torchvision still opens processed/training.pt, which it wrote long ago, where there is one."""
    name = {du.mnist: "MNIST", du.fashion_mnist: "FashionMNIST"}[load]
    folder = tmp_path / name / "processed"
    folder.mkdir(parents=True)
    for content in pickles(trace):
        for part in ("training.pt", "test.pt"):
            (folder / part).write_bytes(content)
        with pytest.raises(ValueError, match=r"\.pt' is a pickle.*was not opened.*remove it"):
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


def test_an_oversized_header_of_weights_is_refused(tmp_path):
    """Under a card that vouches for it."""
    zoo.save_network(du.MLPDenoiser(2, hidden=8, depth=1), "mine", tmp_path)
    for length in (2**62, 2**27 + 1):
        content = length.to_bytes(8, "little") + bytes(100)
        (tmp_path / "mine.safetensors").write_bytes(content)
        card = json.loads((tmp_path / "mine.json").read_text("utf-8"))
        card["sha256"] = hashlib.sha256(content).hexdigest()
        (tmp_path / "mine.json").write_text(json.dumps(card), encoding="utf-8")
        with pytest.raises(ValueError, match="'mine' cannot be read"):
            zoo.load_network("mine", folder=tmp_path)


@pytest.mark.parametrize("name", ["../../escaped.jpg", "{}/escaped.jpg", "x/../../../escaped.jpg"])
def test_an_archive_writes_nothing_outside_its_folder(name, tmp_path, monkeypatch):
    """CelebA's is the one archive that holds names; here its sum is made to fit."""
    base = tmp_path / "root" / "celeba"
    base.mkdir(parents=True)
    with zipfile.ZipFile(base / "img_align_celeba.zip", "w") as archive:
        archive.writestr(name.format(tmp_path), "x")
        archive.writestr("img_align_celeba/000001.jpg", "x")
    module = torchvision.datasets.celeba
    monkeypatch.setattr(module, "check_integrity", lambda path, md5: True)
    monkeypatch.setattr(module, "download_file_from_google_drive", lambda *args: None)
    with pytest.raises(RuntimeError, match="CelebA could not"):  # the lists are missing
        du.celeba(root=tmp_path / "root")
    assert (base / "img_align_celeba" / "000001.jpg").exists()
    for path in tmp_path.rglob("escaped.jpg"):
        assert path.is_relative_to(base)


# The workflows on GitHub

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_only_read_and_run_what_was_looked_at(path):
    """No right but to read, no token on the disk, actions by commit, no stranger's text in a shell."""
    text = path.read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert not {"pull_request_target", "workflow_run"} & set(workflow[True])  # YAML reads `on` as true
    uses = re.findall(r"uses: *(.*)", text)
    assert uses
    for line in uses:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    for job in workflow["jobs"].values():
        assert "permissions" not in job and job["timeout-minutes"]
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", "")


def test_workflows_audit_the_versions_that_are_installed():
    runs = yaml.safe_load((ROOT / ".github" / "workflows" / "audit.yml").read_text("utf-8"))
    commands = [step.get("run", "") for step in runs["jobs"]["audit"]["steps"]]
    assert any(re.match(r"pip-audit --strict --requirement constraints\.txt", line) for line in commands)
    assert any(line.startswith("npm audit") for line in commands)
