"""Students' notebooks follow from the solutions, and each check tells a right answer from a wrong one."""

import ast
import copy
import hashlib
import json
import os
import pickle
import re
import runpy
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import jupytext
import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from nbgrader.apps import NbGraderAPI
from nbgrader.preprocessors import CheckCellMetadata
from traitlets.config import Config

import daeutils as du

import exercises
import grading
import notebooks

CHAPTERS = [path.stem for path in notebooks.chapters()]
SOLVED = sorted(path.stem for path in exercises.TWINS.glob("*.py"))
LABS = exercises.labs()
WRONG_ANSWERS = Path(__file__).parent / "wrong_answers"
RIGHT_ANSWERS = Path(__file__).parent / "right_answers"

by_chapter = pytest.mark.parametrize("name", SOLVED)


def solution(name: str):
    return notebooks.read(exercises.SOLUTIONS / f"{name}.ipynb")


def functions(name: str) -> dict[str, str]:
    """The functions of a solution as text, from which other answers are made; of two the first."""
    text, found = (exercises.TWINS / f"{name}.py").read_text("utf-8"), {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, f"\n{ast.get_source_segment(text, node)}\n")
    return found


def graded(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


# Notebooks


def test_every_chapter_has_exercises_and_there_are_two_labs():
    assert SOLVED == sorted(CHAPTERS + LABS) and [name[:2] for name in LABS] == ["L1", "L2"]
    for folder, ext in [
        (exercises.SOLUTIONS, "ipynb"),
        (exercises.STUDENTS, "ipynb"),
        (RIGHT_ANSWERS, "py"),
        (WRONG_ANSWERS, "py"),
    ]:
        assert sorted(path.stem for path in folder.glob(f"*.{ext}")) == SOLVED, folder


@by_chapter
def test_solution_is_its_twin_with_outputs(name):
    twin, path = exercises.TWINS / f"{name}.py", exercises.SOLUTIONS / f"{name}.ipynb"
    assert notebooks.problems(path, twin) == [], "run `make exercises`"


@by_chapter
def test_student_notebook_is_up_to_date(name):
    path = exercises.STUDENTS / f"{name}.ipynb"
    assert notebooks.read(path) == exercises.student(solution(name)), "run `make exercises`"
    assert "SOLUTION" not in path.read_text("utf-8")


@by_chapter
def test_nbgrader_accepts_both(name):
    """Schema, unique ids, points and kinds of cells: what autograding asks for first."""
    for nb in (solution(name), notebooks.read(exercises.STUDENTS / f"{name}.ipynb")):
        CheckCellMetadata().preprocess(nb, {})
    for cell in nb.cells:
        if graded(cell).get("grade"):
            assert graded(cell)["checksum"]


@by_chapter
def test_three_to_five_exercises_each_with_a_check(name):
    nb = solution(name)
    letters = [m[1] for cell in nb.cells if (m := exercises.TASK.match(cell.source))]
    assert 3 <= len(letters) <= 5 and letters == list("abcde")[: len(letters)]
    ids = [graded(cell)["grade_id"] for cell in nb.cells if graded(cell)]
    for letter in letters:
        ours = [i for i in ids if i.startswith(f"ex{name[:2]}_{letter}")]
        assert any(i.endswith("_check") for i in ours), f"({letter}) has no check"


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_chapter_lists_its_exercises(name):
    nb = solution(name)
    letters = [m[1] for cell in nb.cells if (m := exercises.TASK.match(cell.source))]
    chapter = jupytext.read(notebooks.TWINS / f"{name}.py").cells[-1].source
    listed = chapter.partition("**Exercises.**")[2].partition("**References.**")[0]
    assert re.findall(r"(?:^|\s)\((\w)\)", listed) == letters
    assert f"[exercises/{name}.ipynb](exercises/{name}.ipynb)" in listed


# Checks


def run(code: str, title: str, names: dict) -> None:
    with warnings.catch_warnings(action="ignore"):  # nbval compares what a kernel prints of them
        exec(compile(code, title, "exec"), names)


@dataclass
class Exercise:
    """One answer cell, what runs from there to its check, and the names defined before it."""

    stub: str
    rest: list[tuple[str, str]]  # (title, code); the check is the last
    before: dict

    def try_out(self, answer: str) -> Exception | None:
        """What the check says to another answer; an error before the check counts as well."""
        names = dict(self.before)
        torch.manual_seed(0)
        try:
            for title, code in [("answer", answer), *self.rest]:
                run(code, title, names)
        except Exception as error:
            return error
        return None


def remembering(fit):
    """`fit` that trains the same network in the same way once: many answers ask for the same."""
    known = {}

    def once(network, source, **how):
        try:
            weights = {name: weight.numpy() for name, weight in network.state_dict().items()}
            asked = hashlib.sha256(pickle.dumps((repr(network), weights, source, how))).digest()
        except (pickle.PicklingError, AttributeError):  # a class or a function of the notebook
            return fit(network, source, **how)
        if asked not in known:
            history = fit(network, source, **how)
            known[asked] = copy.deepcopy((network.state_dict(), history))
        state, history = known[asked]
        network.load_state_dict(state)
        network.eval()
        return copy.deepcopy(history)

    return once


@pytest.fixture(scope="module")
def played(request) -> dict[str, Exercise]:
    """The exercises of one notebook, which is executed once, in this process."""
    nb = solution(request.param)
    stubs = {cell.id: cell.source for cell in exercises.student(nb).cells}
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    ids = [graded(cell).get("grade_id", "") for cell in code]
    found, names = {}, {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch, matplotlib.rc_context():
        patch.setattr(plt, "show", lambda: plt.close("all"))
        patch.setattr(du, "fit", remembering(du.fit))
        for i, cell in enumerate(code):
            if graded(cell).get("solution"):
                end = ids.index(f"{ids[i]}_check")
                rest = [(ids[j] or f"code cell {j + 1}", code[j].source) for j in range(i + 1, end + 1)]
                found[ids[i]] = Exercise(stubs[cell.id], rest, dict(names))
            run(cell.source, ids[i] or f"code cell {i + 1}", names)
        yield found


by_notebook = pytest.mark.parametrize("played", SOLVED, indirect=True)


@by_notebook
def test_every_reference_passes_and_every_stub_is_one(played):
    """That a reference passes its check was seen while `played` was made."""
    for grade_id, exercise in played.items():
        assert isinstance(exercise.try_out(exercise.stub), NotImplementedError), grade_id


@by_notebook
def test_wrong_answers_fail_with_a_message_that_helps(played, request):
    name = request.node.callspec.params["played"]
    wrong = runpy.run_path(str(WRONG_ANSWERS / f"{name}.py"))["WRONG"]
    assert wrong.keys() == played.keys()
    for grade_id, answers in wrong.items():
        assert len(answers) >= 3, grade_id
        for answer, words in answers:
            error = played[grade_id].try_out(answer)
            assert isinstance(error, AssertionError), f"{grade_id}: {error!r} came of\n{answer}"
            assert words in str(error), f"{grade_id}: {str(error)!r} came of\n{answer}"


@by_notebook
def test_right_answers_written_otherwise_pass(played, request):
    name = request.node.callspec.params["played"]
    right = runpy.run_path(str(RIGHT_ANSWERS / f"{name}.py"))["RIGHT"]
    assert right.keys() == played.keys()
    for grade_id, answers in right.items():
        assert len(answers) >= 3, grade_id
        for answer in answers:
            error = played[grade_id].try_out(answer)
            assert error is None, f"{grade_id}: {error!r} came of\n{answer}"


# The machinery


@by_chapter
def test_page_shows_tasks_and_folds_what_gives_the_answer_away(name):
    nb = exercises.page(solution(name))
    depth, open_text = 0, ""
    for cell in nb.cells:
        opens, closes = "<details" in cell.source, "</details>" in cell.source
        depth += opens - closes
        assert depth in (0, 1)
        assert "BEGIN SOLUTION" not in cell.source
        if depth == 0 and not closes:
            open_text += cell.source
            assert not graded(cell) or cell.get("outputs", []) == []
    assert depth == 0
    everything = "".join(cell.source for cell in nb.cells)
    for cell in exercises.student(solution(name)).cells:
        measured = cell.cell_type == "code" and not graded(cell)  # with the answer: folded
        place = everything if measured else open_text
        assert cell.source in place or "YOUR ANSWER HERE" in cell.source
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)
    assert json.dumps(nb).count('"image/png"') == json.dumps(solution(name)).count('"image/png"')


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """nbgrader's folder, and nbgrader at work in it."""
    folder = tmp_path_factory.mktemp("grading") / "course"
    grading.grading(folder)
    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
    with pytest.MonkeyPatch.context() as patch:
        # nbgrader calls alembic, and its kernel the Python, that lie beside this one.
        beside = str(Path(sys.executable).parent)
        patch.setenv("PATH", os.pathsep.join([beside, os.environ["PATH"]]))
        patch.setenv("PYTHONPATH", str(notebooks.ROOT))
        yield folder, NbGraderAPI(config=config)


@pytest.mark.filterwarnings("ignore")  # nbgrader's own
@by_chapter
def test_nbgrader_releases_what_students_get(course, name):
    folder, api = course
    week = f"{'lab' if name in LABS else 'chapter'}-{name[:2]}"
    done = api.generate_assignment(week)
    assert done["success"], done["log"]
    released = notebooks.read(folder / "release" / week / f"{name}.ipynb")
    own = notebooks.read(exercises.STUDENTS / f"{name}.ipynb")
    assert [(cell.id, cell.source) for cell in released.cells] == [
        (cell.id, cell.source) for cell in own.cells
    ]
    for cell, mine in zip(released.cells, own.cells, strict=True):
        for key in ("grade", "points", "solution", "locked"):
            assert graded(cell).get(key) == graded(mine).get(key)


@pytest.mark.filterwarnings("ignore")
def test_nbgrader_gives_the_points_of_what_is_right(course):
    """The whole way, with its database: a release, three students, autograding."""
    folder, api = course
    name, week = "02-the-score-inside-bce", "chapter-02"
    nb = notebooks.read(folder / "source" / week / f"{name}.ipynb")
    third = next(i for i, cell in enumerate(nb.cells) if cell.source.startswith("## (c)"))
    nb.cells = nb.cells[:third]  # two exercises are enough
    half = copy.deepcopy(nb)
    (answer,) = [cell for cell in half.cells if "excess / sigma**4" in cell.source]
    answer.source = answer.source.replace("excess / sigma**4", "2 * excess / sigma**4")
    notebooks.write(nb, folder / "source" / week / f"{name}.ipynb")
    students = {"ada": nb, "eve": half, "bob": exercises.student(nb)}
    for who, version in students.items():
        notebooks.write(version, folder / "submitted" / who / week / f"{name}.ipynb")
    for done in (
        api.generate_assignment(week, force=True),
        *(api.autograde(week, who) for who in students),
    ):
        assert done["success"], done["log"]
    with api.gradebook as gradebook:
        scores = {who: gradebook.find_submission(week, who).score for who in students}
    # What is an answer and a grade at once is a proof, and graded by hand.
    points = {
        graded(cell)["grade_id"]: graded(cell)["points"]
        for cell in nb.cells
        if graded(cell).get("grade") and not graded(cell)["solution"]
    }
    everything = sum(points.values())
    assert scores == {"ada": everything, "eve": everything - points["ex02_b_check"], "bob": 0}


def test_a_folder_that_is_not_empty_is_left_alone(course):
    folder, _ = course
    with pytest.raises(notebooks.BookError, match="not an empty folder"):
        grading.grading(folder)
