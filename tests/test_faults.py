"""Broken machines: nothing is lost, nothing hangs past its limit, and the message says what to do.

no network                    test_the_first_chapter_runs_in_a_fresh_environment_without_a_network,
                              test_data::test_without_a_network_the_offline_default_is_named
a proxy that hangs            test_a_server_that_never_answers_is_given_up
a home that cannot be written test_a_chapter_runs_without_a_home_under_a_path_with_umlauts
no room in /dev/shm           test_nothing_needs_shared_memory
two books on one cache        test_two_books_at_once_share_a_cache
two runs in one checkout      test_a_run_that_is_killed_leaves_the_stored_book_whole
weights or their card damaged test_evaluation::test_damaged_weights_are_not_used,
                              test_a_damaged_card_is_refused
the digits damaged            test_damaged_digits_are_refused
downloaded data damaged       test_damaged_downloads_are_named
a checkpoint damaged          test_checkpoint::test_a_damaged_or_foreign_file_is_refused_and_left
a bit of a checkpoint flipped test_checkpoint::test_no_bit_of_a_checkpoint_can_flip_unnoticed
a checkpoint forged           test_checkpoint::test_a_checkpoint_without_the_tensors_is_refused
a folder for a checkpoint     test_checkpoint::
                              test_a_folder_is_no_checkpoint_and_nobody_is_told_to_remove_it
a full disk                   test_checkpoint::test_a_disk_that_is_really_full
a tiny disk, a read-only one  test_checkpoint::
                              test_a_full_disk_and_a_read_only_one_leave_the_last_good_checkpoint
a training killed             test_checkpoint::
                              test_twenty_kills_at_random_moments_and_two_while_it_writes_change_no_bit
one of two processes killed   test_processes::test_a_killed_process_ends_the_run_soon_and_says_so,
                              test_after_the_kill_the_same_call_ends_with_the_bits_of_the_whole_run
a notebook killed             test_a_run_that_is_killed_leaves_the_stored_book_whole
a clock that jumps            test_a_clock_that_jumps_changes_nothing
a locale without UTF-8        test_a_locale_without_utf8_stops_nothing
spaces and umlauts in paths   test_a_chapter_runs_without_a_home_under_a_path_with_umlauts,
                              test_files_may_lie_under_any_name, test_wheel
little memory                 test_evaluation_and_sampling_fit_in_little_memory
"""

import gzip
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import book
import nbformat
import numpy as np
import psutil
import pytest
import requests
import torch
import torchvision
from fresh import ROOT, run
from jupytext import write as write_twin
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from oracles import seeded
from PIL import Image
from serving import Quiet, served

import daeutils as du
from daeutils import data, zoo

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
HERE = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


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


# Two at once

# A process for each: one that is killed in the middle of its download, then two at the same time;
# and two trainings that keep the same checkpoint.
TWO = """
import os, signal, sys, time
from pathlib import Path
import torch, torchvision
import daeutils as du
from daeutils import training

address, root, *sums = sys.argv[1:]
mnist = torchvision.datasets.MNIST
mnist.mirrors = [address]
mnist.resources = [(name, sum) for (name, _), sum in zip(mnist.resources, sums)]
root = Path(root)
training.EVERY = 0.01

def child(work):
    if (process := os.fork()) == 0:
        os.write(1, f"{work()}\\n".encode())  # in one piece: the other writes too
        os._exit(0)
    return process

def load():
    images, labels = du.mnist(root=root / "data")
    return f"data {images.sum():.0f} {labels.tolist()}"

def train(file=root / "kept" / "state"):
    network = du.MLPDenoiser(2, hidden=8, depth=1)
    points = torch.rand(300, 2, generator=torch.Generator().manual_seed(0))
    du.fit(network, points, sigma=0.1, steps=300, batch_size=16, progress=False, checkpoint=file)
    return f"weights {sum(p.double().sum() for p in network.parameters()).item():.17g}"

killed = child(load)
end = time.monotonic() + 60
while not list(root.glob("data/**/raw/train-images*")):
    assert time.monotonic() < end
    time.sleep(0.01)
os.kill(killed, signal.SIGKILL)
os.waitpid(killed, 0)
(root / "go").touch()
for work in (load, train):
    for process in [child(work), child(work)]:
        assert os.waitpid(process, 0)[1] == 0
print(train(None))
"""


@LINUX
def test_two_books_at_once_share_a_cache(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, 200, dtype=np.uint8)
    shelf, sums = tmp_path / "shelf", []
    shelf.mkdir()
    for part in ("train", "t10k"):
        for name, array in [("images-idx3", images), ("labels-idx1", labels)]:
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            packed = gzip.compress(header + array.tobytes(), mtime=0)
            (shelf / f"{part}-{name}-ubyte.gz").write_bytes(packed)
            sums.append(hashlib.md5(packed).hexdigest())
    both = threading.Barrier(2)

    class Slow(Quiet):
        def do_GET(self):
            if not (tmp_path / "go").exists():  # half a file, and then nothing
                content = Path(self.translate_path(self.path)).read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                while not (tmp_path / "go").exists():
                    time.sleep(0.01)
                return
            both.wait(60)  # in step: each asks for as many files as the other
            super().do_GET()

    with served(shelf, Slow) as address:
        said = run(sys.executable, "-c", TWO, address, tmp_path, *sums, env=HERE | {"no_proxy": "*"})
    answer = f"data {images.sum() / 255:.0f} {labels.tolist()}"
    loaded, trained = said.splitlines()[:2], said.splitlines()[2:]
    assert loaded == [answer, answer]
    assert len(trained) == 3 and len(set(trained)) == 1  # the third kept no checkpoint
    names = {path.name for path in (tmp_path / "data").iterdir()}
    assert len(names) == 2 and "MNIST" in names, "the killed one may leave its draft, the others nothing"
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["state"]


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
    with pytest.raises(ValueError, match=r"MNIST' is damaged or incomplete.*remove that folder"):
        du.mnist(root=tmp_path)


# Memory


@LINUX
def test_evaluation_and_sampling_fit_in_little_memory():
    """2,000 digits at once, in half a GB beside what the imports take: on the whole less than 3 GB."""
    code = """
import re, resource
import torch
import daeutils as du
digits, _ = du.digits("test")
du.frechet_distance(digits[:100], digits[100:200])  # imports what it needs
taken = 1024 * int(re.search(r"VmData:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
limit = taken + 2**29
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    torch.zeros(2**28)
except RuntimeError:
    print("limited", limit < 3 * 2**30)
made = du.load("digits-vae", device="cpu").sample(2000).clamp(0, 1)
found = [du.evaluation.features(x) for x in (made, digits)]
du.frechet_distance(made, digits), du.evaluation.density_coverage(*found)
du.evaluation.nearest(made, digits)
noise = torch.randn(2000, 1, 28, 28)
print(du.iterate(du.load("digits-unet-bce", device="cpu"), noise, 1, sigma=1.0).shape)
"""
    said = run(sys.executable, "-c", code, env=HERE | {"CUDA_VISIBLE_DEVICES": ""})
    assert said == "limited True\ntorch.Size([2000, 1, 28, 28])\n"


@LINUX
def test_nothing_needs_shared_memory():
    """/dev/shm has room for 4 kB: a training, a sample and a figure do without it."""
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    full = 'mount -t tmpfs -o size=4k none /dev/shm && exec "$@"'
    permitted = (
        shutil.which("unshare")
        and not subprocess.run([*alone, full, "sh", "true"], stderr=subprocess.DEVNULL).returncode
    )
    if not permitted:
        pytest.skip("this machine does not permit another /dev/shm: `unshare --mount` was refused")
    code = """
from pathlib import Path
import daeutils as du
try:
    Path("/dev/shm/probe").write_bytes(bytes(8192))
except OSError as error:
    print(error.strerror)
images, _ = du.digits()
network = du.UNetDenoiser(width=4, dense=8)
du.fit(network, images[:64], sigma=0.3, steps=2, progress=False)
du.plotting.show_images([du.iterate(network, images[:5], 1)])
print("done")
"""
    said = run(*alone, full, "sh", sys.executable, "-c", code, env=HERE)
    assert said == "No space left on device\ndone\n"


# Clock, locale, paths


def test_a_clock_that_jumps_changes_nothing(monkeypatch, capsys):
    """With a bar, which shows the hour: the loss, the budget of seconds and their account stay."""
    points = torch.rand(100, 2, generator=seeded())

    def fit(**until):
        network = du.MLPDenoiser(2, hidden=8, depth=1)
        return du.fit(network, points, sigma=0.1, batch_size=32, device="cpu", **until)

    calm = fit(steps=50).loss
    hours = itertools.cycle([2e9, 0.0, 4e9, 1e9])
    monkeypatch.setattr(time, "time", lambda: next(hours))
    monkeypatch.setattr("tqdm.std.time", lambda: next(hours))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    history = fit(steps=50)
    assert history.loss == calm and 0 < history.seconds < 60
    assert 0.2 < fit(seconds=0.2).seconds < 60
    assert "bce denoiser" in capsys.readouterr().err


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of what the first chapter needs, where nobody would put it."""
    place = tmp_path_factory.mktemp("x") / "Bücher, die man öffnet"
    machinery = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("daeutils", "docs"):
        shutil.copytree(ROOT / name, place / name, ignore=machinery)
    for path in [*book.NOTEBOOKS.glob("00-*.ipynb"), *book.TWINS.glob("00-*.py")]:
        target = place / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, place)
    return place


def test_a_chapter_runs_without_a_home_under_a_path_with_umlauts(checkout):
    """A home that is a file: not even root writes below it. IPython and matplotlib look elsewhere."""
    (checkout / "home").touch()
    env = {"HOME": str(checkout / "home"), "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
    env |= dict.fromkeys(["XDG_CACHE_HOME", "XDG_CONFIG_HOME"], str(checkout / "home" / "x"))
    said = run(sys.executable, "docs/book.py", "run", "00", cwd=checkout, env=env)
    assert re.search(r"00-start-here +\d+\.\d\d minutes", said)
    (path,) = (checkout / "_build" / "chapters").iterdir()
    assert all(cell.execution_count for cell in book.read(path).cells if cell.cell_type == "code")
    claims = book.read_claims(checkout / "_build" / "claims.jsonl")
    assert len(claims) >= 2 and all(claim["holds"] for claim in claims)


def test_a_locale_without_utf8_stops_nothing(checkout, tmp_path):
    """A chapter as a script, a letter that the terminal lacks, and an edit of the twin by make.

    The environment lies under a plain path: there are compiled libraries that do not load from another
    one in such a locale (rpds, with Python 3.13).
    """
    env = HERE | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    env |= {"PYTHONPATH": str(checkout)}
    (twin,) = (checkout / "notebooks" / "scripts").glob("*.py")
    code = "import runpy, sys; runpy.run_path(sys.argv[1])['du'].claim('\\u03c3 is known', True)"
    said = run(sys.executable, "-c", code, twin.relative_to(checkout), cwd=checkout, env=env)
    assert said.count("holds: ") >= 3 and r"holds: \u03c3 is known" in said

    twin.write_text(twin.read_text("utf-8") + "\n# %% [markdown]\n# Größer als σ\n", encoding="utf-8")
    folder = tmp_path / "a venv"  # that of this Python, as make looks for it
    folder.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        if (Path(sys.prefix) / name).exists():
            (folder / name).symlink_to(Path(sys.prefix) / name)
    (folder / ".installed").touch()
    if (folder / "pyvenv.cfg").exists():
        installed = ["-o", f"{folder}/.installed"]  # whatever its date: no test installs
        said = run("make", *installed, "notebooks", f"VENV={folder}", cwd=checkout, env=env)
    else:
        said = run(sys.executable, "docs/book.py", "notebooks", cwd=checkout, env=env)
    assert "updated notebooks/00-start-here.ipynb" in said
    assert book.read(checkout / "notebooks" / "00-start-here.ipynb").cells[-1].source == "Größer als σ"


def test_files_may_lie_under_any_name(tmp_path):
    top = tmp_path / "Bilder & Töne #1"
    for label in ("Käfer", "Öl 100%"):
        (top / label).mkdir(parents=True)
        for i in range(3):
            Image.new("L", (8, 8), i).save(top / label / f"größer {i}.png")
    images, labels = du.folder(top, side=8, held_out=0)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    network = du.UNetDenoiser(side=8, width=4, dense=8)
    file = tmp_path / "süßer Ordner" / "mein Stand"
    for steps in (2, 2):  # the second finds all done
        du.fit(network, images, sigma=0.3, steps=steps, progress=False, checkpoint=file, device="cpu")
    assert [path.name for path in file.parent.iterdir()] == ["mein Stand"]


# A notebook that is killed


@LINUX
def test_a_run_that_is_killed_leaves_the_stored_book_whole(tmp_path, monkeypatch):
    """SIGKILL within a cell of `refresh`: no file has changed, no kernel stays, the next run may begin.

    Until then a second run in the same checkout is refused.
    """
    notebooks, alive = tmp_path / "notebooks", tmp_path / "notebooks" / "alive"
    (notebooks / "scripts").mkdir(parents=True)
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("node_modules"))
    cells = [new_markdown_cell("# 00 · Title\n\n**Question.** Why?")]
    cells += [new_code_cell("import os, time\nopen('alive', 'w').write(f'{os.getpid()}\\n')")]
    cells += [new_code_cell("time.sleep(600)")]
    nb = book.tidy(new_notebook(cells=cells))
    nbformat.write(nb, notebooks / "00-start-here.ipynb")
    write_twin(nb, notebooks / "scripts" / "00-start-here.py", fmt="py:percent")

    def stored():
        files = (path for path in tmp_path.rglob("*") if path.is_file() and path != alive)
        skip = {"_build", "__pycache__"}
        return {path: path.read_bytes() for path in files if not skip & set(path.parts)}

    before = stored()
    command = [sys.executable, str(tmp_path / "docs" / "book.py")]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    first = subprocess.Popen([*command, "refresh"], env=env, **quiet)
    try:
        wait(lambda: alive.exists() and alive.read_text().endswith("\n"), 60)
        second = subprocess.run([*command, "run"], env=env, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1 and "another run is at work" in second.stderr
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    kernel = int(alive.read_text())
    assert stored() == before
    wait(lambda: not running(kernel), 30)
    monkeypatch.setattr(book, "BUILD", tmp_path / "_build")
    with book.alone():
        pass


def wait(until, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.05)


def running(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_is_noted_of_a_chapter_replaces_what_was(tmp_path):
    """Claims in reading order; other chapters keep theirs; the minutes go with the machine."""
    for name, value in [("02-b", 1), ("01-a", 2), ("02-b", 3)]:
        book.note(tmp_path, name, value / 10, [{"chapter": name, "value": value}])
    claims = [json.loads(line) for line in (tmp_path / "claims.jsonl").read_text().splitlines()]
    assert [claim["value"] for claim in claims] == [2, 3]
    times = book.read_times(tmp_path)
    assert list(times["chapters"].items()) == [("01-a", 0.2), ("02-b", 0.3)] and times["machine"]
    book.note(tmp_path, "01-a", None, [])
    assert list(book.read_times(tmp_path)["chapters"]) == ["02-b"]
    assert [claim["chapter"] for claim in book.read_claims(tmp_path / "claims.jsonl")] == ["02-b"]
    assert not list(tmp_path.glob("*.part"))
