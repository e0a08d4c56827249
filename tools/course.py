"""A folder to hand out: chapters, exercises, and daeutils with its data and weights as a wheel.

    python tools/course.py DIR

Nothing in it names this machine, and after one installation nothing in it needs a network.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from notebooks import NOTEBOOKS, ROOT, BookError, chapters, read, with_captions, write

# Of the extra `book`, what a reader needs; the rest of it runs and builds the book.
READ = ["jupyterlab", "ipykernel", "scipy", "scikit-learn", "sympy"]
COLAB = re.compile(r"\n*^\[Open in Colab\].*$", re.MULTILINE)  # this folder needs no network


def requirements() -> list[str]:
    """What the notebooks import and what shows them, with the bounds of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    book = project["optional-dependencies"]["book"]
    return [*project["dependencies"], *(line for line in book if re.match(r"[\w.-]+", line)[0] in READ)]


def build_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder.resolve())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise BookError(f"the wheel was not built:\n{done.stdout}{done.stderr}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def course(out: Path) -> None:
    """Write the folder `out`; BookError where there is something already."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BookError(f"{out} is there already, and not an empty folder: name another one")
    students = out / "notebooks" / "exercises"
    students.mkdir(parents=True)
    wheel = build_wheel(out)
    (out / "requirements.txt").write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    for name in ("LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, out)
    for path in chapters():
        nb = with_captions(read(path))
        for cell in nb.cells:
            cell.source = COLAB.sub("", cell.source)
        write(nb, out / "notebooks" / path.name)
    for path in chapters(folder=NOTEBOOKS / "exercises"):
        shutil.copy(path, students)
    for name in ("conftest.py", "nbval.cfg"):  # what `pytest --nbval` needs
        shutil.copy(NOTEBOOKS / name, out / "notebooks")
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    readme = (ROOT / "docs" / "templates" / "course.md").read_text("utf-8")
    text = readme.format(megabytes=size / 1e6, wheel=wheel.name)
    (out / "README.md").write_text(text, encoding="utf-8")
    print(f"The course is in {out.resolve()}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        raise BookError("say where the course is to be written: make course OUT=dir")
    course(Path(sys.argv[1]).expanduser())
