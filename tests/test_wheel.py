"""The wheel is enough: outside the repository, in an environment that does not know it."""

import zipfile
from pathlib import Path

import pytest
from course import build_wheel
from fresh import environment, run

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_wheel_carries_package_and_licences_only(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"daeutils"}
    assert {"daeutils/assets/digits-10k.npz", "daeutils/assets/fashion-10k.npz"} <= set(names)
    licences = {name.rsplit("/", 1)[1] for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "LICENSE-TEXT", "LICENSE-DIGITS", "LICENSE-FASHION"}


def test_wheel_works_outside_the_repository(wheel, tmp_path):
    python = environment(tmp_path / "ein Ordner für alles", wheel)
    assert "all there" in run(python, "-c", SCRIPT, cwd=tmp_path)
