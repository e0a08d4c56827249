"""The folder to hand out works in a fresh environment without a network, and names no machine."""

import ast
import re
import sys
from pathlib import Path

import course
import pytest
from bs4 import BeautifulSoup
from fresh import environment, offline, run

from daeutils import teaching

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
    course.course(out, teacher=True)
    return out


@pytest.fixture(scope="module")
def python(folder, tmp_path_factory):
    (wheel,) = folder.glob("*.whl")
    return environment(tmp_path_factory.mktemp("student") / "env", wheel)


def test_the_course_holds_what_it_says(folder):
    (wheel,) = folder.glob("daeutils-*.whl")
    top = {path.name for path in folder.iterdir()}
    assert top == {
        *("README.md", "requirements.txt", "constraints.txt", "LICENSE", "LICENSE-TEXT"),
        *("notebooks", "teacher", wheel.name),
    }
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
    found = {Path(line.split("::")[0]) for line in said.splitlines() if "::" in line}
    # The names begin where pytest takes the root to be.
    assert {(path.parent.name, path.name) for path in found} == {
        ("notebooks", path.name) for path in notebooks.chapters()
    }
    assert len({path.parent for path in found}) == 1
    quick = ["-k", "00-start-here"]
    assert "passed" in run(sys.executable, "-m", "pytest", "--nbval", "-q", *quick, cwd=folder)


def test_the_wheel_alone_satisfies_pip_without_an_index(folder, python):
    """The last line of the installation, with the packages of requirements.txt in place."""
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    said = offline(*pip, "install", "--no-index", "--dry-run", wheel, cwd=folder)
    assert "Requirement already satisfied: torch>=" in said


def test_a_corrected_wheel_installs_over_an_older_one(folder, python):
    """By the last line of the installation, although the version is the same."""
    (wheel,) = folder.glob("*.whl")
    (line,) = re.findall(
        r"^    pip (install --no-index .*)$", (folder / "README.md").read_text("utf-8"), re.M
    )
    old = Path(
        run(python, "-c", "import daeutils.corruption as it; print(it.__file__)", cwd=folder).strip()
    )
    right = old.read_text("utf-8")
    old.write_text("raise SystemExit('the old one')", "utf-8")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "-q"]
    offline(*pip, *line.split(), cwd=folder)
    assert line.endswith(wheel.name) and old.read_text("utf-8") == right


# The teacher's half


def test_the_teacher_gets_solutions_slides_a_guide_and_a_folder_for_nbgrader(folder):
    teacher = folder / "teacher"
    names = {path.stem for path in notebooks.chapters()}
    solutions = {path.stem for path in (NOTEBOOKS / "solutions").glob("*.ipynb")}
    assert {path.stem for path in (teacher / "solutions").glob("*.ipynb")} == solutions >= names
    assert {path.stem for path in (teacher / "grading" / "source").glob("*/*.ipynb")} == solutions
    assert {path.stem for path in (teacher / "slides").glob("*.html")} > names


def test_the_guide_has_all_its_pages_and_their_links_lead_into_the_course(folder):
    docs, guide = notebooks.ROOT / "docs", folder / "teacher" / "guide"
    names = {"instructors.md", "exam.md"} | {f"teaching/{each.name}" for each in docs.glob("teaching/*")}
    assert {path.relative_to(guide).as_posix() for path in guide.rglob("*.*")} == names
    linked = {guide / "instructors.md"}
    for path in guide.rglob("*.md"):
        text = path.read_text("utf-8")
        targets = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'href="([^"]+)"', text)
        targets = [target.partition("#")[0] for target in targets if not target.startswith("https://")]
        missing = [target for target in targets if not (path.parent / target).is_file()]
        assert targets and not missing, f"{path.name}: {missing}"
        assert "toctree" not in text
        linked |= {(path.parent / target).resolve() for target in targets}
    assert linked >= set(guide.rglob("*.md")), "a page to which no link leads"


def test_without_being_asked_the_answers_stay_here(tmp_path):
    course.course(tmp_path / "course")
    assert not (tmp_path / "course" / "teacher").exists()
    for path in (tmp_path / "course").rglob("*.ipynb"):
        assert "BEGIN SOLUTION" not in path.read_text("utf-8")


def test_every_question_can_be_read_back_from_gift(folder):
    """As Moodle reads it: blocks between empty lines, marks unless escaped, HTML."""
    text = (folder / "teacher" / "questions.gift").read_text("utf-8")
    blocks = [block for block in text.split("\n\n") if block.strip()]
    stored = [
        (path.stem[:2], question)
        for path in notebooks.chapters()
        for question in teaching.quiz(path.stem[:2]).questions
    ]
    assert len(blocks) == len(stored)
    for block, (number, question) in zip(blocks, stored, strict=True):
        name, said, choices = re.fullmatch(
            r"::(.+?)::\[html\](.*?)(?<!\\)\{\n(.*)\n\}\n?", block, re.DOTALL
        ).groups()
        assert name.startswith(f"{number}-")
        assert plain(said) == shown(question["question"])
        found = re.findall(r"^([=~])(.*?)(?<!\\)#(.*)$", choices, re.MULTILINE)
        assert [(mark == "=", plain(choice), plain(why)) for mark, choice, why in found] == [
            (choice["right"], shown(choice["text"]), shown(choice["why"]))
            for choice in question["choices"]
        ]
        assert not re.search(r"(?<!\\)[~={}:]", re.sub(r"^[=~]", "", choices, flags=re.MULTILINE))


def plain(gift: str) -> str:
    return BeautifulSoup(re.sub(r"\\(.)", r"\1", gift), "html.parser").get_text().strip()


def shown(text: str) -> str:
    return BeautifulSoup(teaching.marked_up(text), "html.parser").get_text().strip()


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
