"""A folder to hand out: chapters, exercises, and daeutils with its data and weights as a wheel.

Nothing in it names this machine, and after one installation nothing in it needs a network.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import nbformat
from packaging.requirements import Requirement

# Of the extra `book`, what a reader needs; the rest of it runs and builds the book.
READ = ["jupyterlab", "ipykernel", "scipy", "scikit-learn", "sympy"]
COLAB = re.compile(r"^\[Open in Colab\].*\n+", re.MULTILINE)  # this folder needs no network

README = """# Denoising autoencoders and the score: the course

All that the course needs is in this folder, {megabytes:.0f} MB: the chapters, {exercises}the Python
package `daeutils` with its digits and its trained networks, and the list of other packages.

## Once, with a network

You need Python 3.11 or newer. The installation takes about 5 GB on the disk, most of it PyTorch, and
some minutes on a fast line; do it before the first lesson. In a terminal, in this folder:

    python3 -m venv .venv
    . .venv/bin/activate
    pip install -r requirements.txt
    pip install --no-index {wheel}

On Windows the second line is `.venv\\Scripts\\activate`. Where the packages of `requirements.txt` are
there already, the last line is enough, and needs no network.

## From then on, without one

    . .venv/bin/activate
    jupyter lab notebooks

Open `00-start-here.ipynb` and choose *Run > Run All Cells*: it says whether all is there. Each chapter
runs alone, in any order. On {cores} CPU cores all of them together take about {minutes:.0f} minutes, and
the longest {longest:.1f}; no GPU is needed, and one is used where there is one.
{how}
## Licences

Code: MIT (`LICENSE`). Text and figures: CC BY 4.0 (`LICENSE-TEXT`). The digits have their own licence,
inside the package: `daeutils/assets/LICENSE-DIGITS`.
"""

HOW = """
In `notebooks/exercises`, write in the cells that say so, and run the check below each. A check that
passes says so; one that fails says where to look.
"""


def requirements(root: Path) -> list[str]:
    """What the notebooks import and what shows them, with the bounds of pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    book = project["optional-dependencies"]["book"]
    return [*project["dependencies"], *(line for line in book if Requirement(line).name in READ)]


def build_wheel(root: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder.resolve())]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"the wheel was not built:\n{done.stdout}{done.stderr}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def course(out: Path, root: Path, notebooks: Iterable[Path], times: dict) -> Path:
    """Write the folder `out` from the repository at `root`; `times`: minutes of each chapter.

    Raises:
        ValueError: there is something at `out` already, or the wheel cannot be built.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already, and not an empty folder: name another one")
    out.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(root, out)
    needed = "".join(f"{line}\n" for line in requirements(root))
    (out / "requirements.txt").write_text(needed, encoding="utf-8")
    for name in ("LICENSE", "LICENSE-TEXT"):
        shutil.copy(root / name, out)

    (out / "notebooks").mkdir()
    for path in notebooks:
        nb = nbformat.read(path, as_version=4)
        nb.cells[0].source = COLAB.sub("", nb.cells[0].source)
        nbformat.write(nb, out / "notebooks" / path.name)
    exercises = sorted((root / "notebooks" / "exercises").glob("*.ipynb"))
    if exercises:
        (out / "notebooks" / "exercises").mkdir()
    for path in exercises:
        shutil.copy(path, out / "notebooks" / "exercises")

    minutes = times["chapters"].values()
    text = README.format(
        megabytes=sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6,
        exercises="the exercises, " if exercises else "",
        wheel=wheel.name,
        cores=times["machine"]["cores"],
        minutes=sum(minutes),
        longest=max(minutes),
        how=HOW if exercises else "",
    )
    (out / "README.md").write_text(text, encoding="utf-8")
    return out
