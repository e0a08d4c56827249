"""The wheel is enough: outside the repository, in an environment that does not know it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SCRIPT = """
import pathlib, sys
import matplotlib.pyplot as plt
import daeutils
import daeutils.zoo
from daeutils.data import digits

home = pathlib.Path(daeutils.__file__).resolve().parent
assert home.is_relative_to(pathlib.Path(sys.prefix).resolve()), home
images, labels = digits()
assert images.shape == (8000, 1, 28, 28) and labels.shape == (8000,)
plt.style.use(home / "assets" / "book.mplstyle")
weights = list((home / "assets").glob("*.safetensors"))
assert weights, "no weights in the wheel"
for path in weights:
    assert path.with_suffix(".json").exists(), path.name
print("all there")
"""


def run(*command, **keywords) -> str:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=300, env=env, **keywords
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_carries_package_and_licences_only(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"daeutils"}
    assert "daeutils/assets/digits-10k.npz" in names
    licences = {name.rsplit("/", 1)[1] for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "LICENSE-TEXT", "LICENSE-DIGITS"}


def test_wheel_works_outside_the_repository(wheel, tmp_path):
    home = tmp_path / "env"
    run(sys.executable, "-m", "venv", "--without-pip", home)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    # The dependencies of this environment, but not its editable daeutils: that lies elsewhere.
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    borrowed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    Path(packages, "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    assert "all there" in run(python, "-c", SCRIPT, cwd=tmp_path)
