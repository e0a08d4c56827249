"""The folder to hand out works in a fresh environment without a network, and names no machine."""

import ast
import re
import sys

import book
import pytest
from course import requirements
from fresh import ROOT, environment, offline, run
from packaging.requirements import Requirement

# What a module is called where it is installed.
PACKAGE = {"sklearn": "scikit-learn", "PIL": "pillow"}

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
print(*(output.get("text", "") for cell in nb.cells for output in cell.outputs))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The course, as `make course OUT=...` writes it."""
    out = tmp_path_factory.mktemp("somewhere") / "course"
    book.course(str(out))
    return out


@pytest.fixture(scope="module")
def python(folder, tmp_path_factory):
    (wheel,) = folder.glob("*.whl")
    return environment(tmp_path_factory.mktemp("student") / "env", wheel)


def execute(python, path, cells=0) -> str:
    return offline(python, "-c", EXECUTE, path.name, str(cells), cwd=path.parent)


def test_the_course_holds_what_it_says(folder):
    top = {path.name for path in folder.iterdir()}
    (wheel,) = folder.glob("daeutils-*.whl")
    assert top == {"README.md", "requirements.txt", "LICENSE", "LICENSE-TEXT", "notebooks", wheel.name}
    names = {path.name for path in (folder / "notebooks").glob("*.ipynb")}
    assert names == {path.name for path in book.chapters()}
    given = (ROOT / "notebooks" / "exercises").glob("*.ipynb")
    handed = (folder / "notebooks" / "exercises").glob("*.ipynb")
    assert {path.name for path in handed} == {path.name for path in given}
    readme = (folder / "README.md").read_text("utf-8")
    assert wheel.name in readme
    assert re.search(r"about 5 GB.*about \d+ minutes", readme, re.DOTALL)


def test_nothing_in_the_course_names_this_machine_or_leads_to_another(folder):
    for path in folder.rglob("*"):
        if path.suffix in {".md", ".txt"}:
            assert not book.HOME_PATH.search(path.read_text("utf-8")), path.name
        if path.suffix == ".ipynb":
            for cell in book.read(path).cells:
                assert not any(map(book.HOME_PATH.search, book.texts(cell.get("outputs", [])))), path.name
                assert not re.search(r"!\[[^\]]*\]\(https?:|Open in Colab", cell.source), path.name


def test_requirements_name_every_package_that_a_notebook_imports(folder):
    names = {Requirement(line).name for line in (folder / "requirements.txt").read_text().splitlines()}
    assert names == {Requirement(line).name for line in requirements(ROOT)} > {"torch", "jupyterlab"}
    for path in (folder / "notebooks").rglob("*.ipynb"):
        for cell in book.read(path).cells:
            if cell.cell_type != "code":
                continue
            for node in ast.walk(ast.parse(cell.source)):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                modules += [node.module] if isinstance(node, ast.ImportFrom) else []
                for module in {name.split(".")[0] for name in modules} - {"daeutils"}:
                    known = module in sys.stdlib_module_names or PACKAGE.get(module, module) in names
                    assert known, f"{path.name} imports {module}"


def test_the_first_chapter_runs_in_a_fresh_environment_without_a_network(folder, python):
    home = run(python, "-c", "import daeutils; print(daeutils.__file__)", cwd=folder).strip()
    assert home.startswith(str(python.parent.parent)), "that is not the daeutils of the wheel"
    (path,) = (folder / "notebooks").glob("00-*.ipynb")
    printed = execute(python, path)
    cells = sum(cell.cell_type == "code" for cell in book.read(path).cells)
    assert f"{cells} cells" in printed
    assert printed.count("holds:") >= 2


def test_the_wheel_alone_satisfies_pip_without_an_index(folder, python):
    """The last line of the installation, with the packages of requirements.txt in place."""
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    said = offline(*pip, "install", "--no-index", "--dry-run", wheel, cwd=folder)
    assert "Requirement already satisfied: torch>=" in said


def test_an_exercise_begins_without_a_network(folder, python):
    found = sorted((folder / "notebooks" / "exercises").glob("*.ipynb"))
    if not found:
        pytest.skip("no exercises yet: `make exercises` makes them")
    assert "1 cells" in execute(python, found[0], cells=1)


@pytest.mark.parametrize("kind", ["a full folder", "a file"])
def test_nothing_is_overwritten(tmp_path, kind):
    out = tmp_path / "course"
    if kind == "a file":
        out.write_text("mine", encoding="utf-8")
    else:
        out.mkdir()
        (out / "mine").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(book.BookError, match=r"course is there already, and not an empty folder"):
        book.course(str(out))
    assert sorted(tmp_path.rglob("*")) == before


def test_make_course_without_a_place_says_how():
    with pytest.raises(book.BookError, match="make course OUT=dir"):
        book.course("")
