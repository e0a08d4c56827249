"""The folder to hand out works in a fresh environment without a network, and names no machine."""

import ast
import re
import sys

import course
import pytest
from fresh import environment, offline, run

import notebooks
from notebooks import HOME_PATH, NOTEBOOKS, BookError, read

# What a module is called where it is installed.
PACKAGE = {"IPython": "jupyterlab", "sklearn": "scikit-learn", "PIL": "pillow"}

# A socket in a file: in a network of its own not even 127.0.0.1 answers.
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

path, cells = sys.argv[1], int(sys.argv[2])
nb = nbformat.read(path, as_version=4)
code = [cell for cell in nb.cells if cell.cell_type == "code"]
nb.cells = code[:cells] if cells else code
config = Config({"KernelManager": {"transport": "ipc"}})
NotebookClient(nb, timeout=120, kernel_name="python3", config=config).execute()
print(len(nb.cells), "cells")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The course, as `make course OUT=...` writes it."""
    out = tmp_path_factory.mktemp("somewhere") / "course"
    course.course(out)
    return out


@pytest.fixture(scope="module")
def python(folder, tmp_path_factory):
    (wheel,) = folder.glob("*.whl")
    return environment(tmp_path_factory.mktemp("student") / "env", wheel)


def test_the_course_holds_what_it_says(folder):
    (wheel,) = folder.glob("daeutils-*.whl")
    top = {path.name for path in folder.iterdir()}
    assert top == {"README.md", "requirements.txt", "LICENSE", "LICENSE-TEXT", "notebooks", wheel.name}
    for part in (".", "exercises"):
        given = {path.name for path in (NOTEBOOKS / part).glob("*.ipynb")}
        assert {path.name for path in (folder / "notebooks" / part).glob("*.ipynb")} == given
    readme = (folder / "README.md").read_text("utf-8")
    assert wheel.name in readme and "about 6 GB" in readme


def test_nothing_in_the_course_names_this_machine_or_leads_to_another(folder):
    for path in folder.rglob("*"):
        if path.suffix in {".md", ".txt", ".py", ".cfg"}:
            assert not HOME_PATH.search(path.read_text("utf-8")), path.name
        if path.suffix == ".ipynb":
            for cell in read(path).cells:
                assert not any(map(HOME_PATH.search, notebooks.texts(cell.get("outputs", [])))), path.name
                assert not re.search(r"!\[[^\]]*\]\(https?:|Open in Colab", cell.source), path.name


def test_requirements_name_every_package_that_a_notebook_imports(folder):
    lines = (folder / "requirements.txt").read_text("utf-8").splitlines()
    names = {re.match(r"[\w.-]+", line)[0] for line in lines}
    assert names > {"torch", "jupyterlab"}
    for path in (folder / "notebooks").rglob("*.ipynb"):
        code = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "code")
        for node in ast.walk(ast.parse(code)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            for module in {name.split(".")[0] for name in modules} - {"daeutils"}:
                known = module in sys.stdlib_module_names or PACKAGE.get(module, module) in names
                assert known, f"{path.name} imports {module}"


@pytest.mark.parametrize("part, cells", [("00-*.ipynb", 0), ("exercises/00-*.ipynb", 1)])
def test_a_chapter_and_an_exercise_run_in_a_fresh_environment_offline(folder, python, part, cells):
    home = run(python, "-c", "import daeutils; print(daeutils.__file__)", cwd=folder).strip()
    assert home.startswith(str(python.parent.parent)), "that is not the daeutils of the wheel"
    (path,) = (folder / "notebooks").glob(part)
    expected = cells or sum(cell.cell_type == "code" for cell in read(path).cells)
    assert f"{expected} cells" in offline(python, "-c", EXECUTE, path.name, str(cells), cwd=path.parent)


def test_nbval_finds_its_settings_in_the_course_and_leaves_the_exercises_out(folder):
    said = run(sys.executable, "-m", "pytest", "--nbval", "--collect-only", "-q", cwd=folder)
    found = {line.split("::")[0] for line in said.splitlines() if "::" in line}
    assert found == {f"notebooks/{path.name}" for path in notebooks.chapters()}
    quick = ["-k", "00-start-here"]
    assert "passed" in run(sys.executable, "-m", "pytest", "--nbval", "-q", *quick, cwd=folder)


def test_the_wheel_alone_satisfies_pip_without_an_index(folder, python):
    """The last line of the installation, with the packages of requirements.txt in place."""
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    said = offline(*pip, "install", "--no-index", "--dry-run", wheel, cwd=folder)
    assert "Requirement already satisfied: torch>=" in said


@pytest.mark.parametrize("kind", ["a full folder", "a file"])
def test_nothing_is_overwritten(tmp_path, kind):
    out = tmp_path / "course"
    if kind == "a file":
        out.write_text("mine", encoding="utf-8")
    else:
        out.mkdir()
        (out / "mine").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BookError, match=r"course is there already, and not an empty folder"):
        course.course(out)
    assert sorted(tmp_path.rglob("*")) == before


def test_make_course_without_a_place_says_how():
    with pytest.raises(AssertionError, match="make course OUT=dir"):
        run(sys.executable, notebooks.ROOT / "tools" / "course.py", "")
