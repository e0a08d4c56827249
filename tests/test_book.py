"""The stored chapters are what their twins say, and the checks that say so can fail."""

import asyncio
import copy
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from queue import Empty

import book
import jupytext
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = sorted(book.NOTEBOOKS.glob("*.ipynb"))


# The book as it is


def test_every_chapter_has_a_twin_and_every_twin_a_chapter():
    assert NOTEBOOKS, "no chapter was found"
    assert [path.stem for path in NOTEBOOKS] == sorted(p.stem for p in book.TWINS.glob("*.py"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_chapter_is_fit_to_be_read(path):
    assert book.problems(path, book.TWINS / f"{path.stem}.py") == []
    assert book.card(book.read(path))


def test_readme_lists_the_chapters_as_measured():
    readme = book.README.read_text("utf-8")
    assert book.with_table(readme) == readme, "run `make refresh`"
    assert book.read_times(book.STORED)["chapters"].keys() == {path.stem for path in NOTEBOOKS}


def test_landing_picture_is_the_stored_one_and_is_described():
    png, alt = book.landing_picture(map(book.read, NOTEBOOKS))
    assert alt
    assert (book.DOCS / "picture.png").read_bytes() == png, "run `make refresh`"


FIRST = re.compile(r"(?ms)^try:\n    import daeutils as du\nexcept .+?\n    import daeutils as du$")


def test_every_chapter_begins_alike_and_says_how_to_get_what_is_missing(tmp_path):
    (cell,) = {FIRST.search(path.read_text("utf-8"))[0] for path in book.TWINS.glob("*.py")}
    absent = "import sys; sys.modules['daeutils'] = None\n"  # as in a kernel of another environment
    done = subprocess.run([sys.executable, "-c", absent + cell], capture_output=True, text=True)
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("ImportError: daeutils is missing") and "make lab" in said


def test_a_message_whose_coming_was_missed_is_still_found():
    asked = []

    async def deaf(timeout):
        """Sees what is there when it is asked, and never what comes later."""
        asked.append(timeout)
        if len(asked) < 4:
            raise Empty
        return {"msg": 1}

    assert asyncio.run(book.patient(deaf)(timeout=600)) == {"msg": 1}
    assert asyncio.run(book.patient(deaf)()) == {"msg": 1}
    assert max(asked) <= 2

    async def nothing(timeout):
        raise Empty

    with pytest.raises(Empty):
        asyncio.run(book.patient(nothing)(timeout=0.1))


# `problems` sees what it is there for


def small_chapter(folder: Path) -> tuple[Path, Path]:
    """A faultless notebook and its twin."""
    figure = new_output("display_data", {"image/png": "AAAA/tmp/AAAA", "text/plain": "<Figure>"})
    described = {"tags": ["landing-picture"], "mystnb": {"image": {"alt": "A line"}}}
    cells = [
        new_markdown_cell("# 00 · Title\n\n**Question.** Why\nso?\n\n| a | b |\n|---|---|"),
        new_code_cell(
            "print(1)",
            execution_count=1,
            outputs=[new_output("stream", name="stdout", text="1\n")],
        ),
        new_code_cell("draw()", execution_count=2, outputs=[figure], metadata=described),
    ]
    notebook, twin = folder / "00-small.ipynb", folder / "00-small.py"
    book.write(book.tidy(new_notebook(cells=cells)), notebook)
    jupytext.write(new_notebook(cells=copy.deepcopy(cells)), twin, fmt="py:percent")
    return notebook, twin


def error_in_widget(nb):
    output = new_output("error", ename="ValueError", evalue="", traceback=[])
    model = {"model_name": "OutputModel", "state": {"outputs": [output]}}
    views = {"application/vnd.jupyter.widget-state+json": {"state": {"1": model}}}
    nb.metadata["widgets"] = views


def error_output(nb):
    nb.cells[1].outputs = [new_output("error", ename="ValueError", evalue="", traceback=[])]


SPOILED = {
    "text differs": lambda nb: nb.cells[1].update(source="print(2)"),
    "type differs": lambda nb: nb.cells.__setitem__(0, new_code_cell("1", execution_count=1)),
    "tags differs": lambda nb: nb.cells[1].metadata.update(tags=["nbval-ignore-output"]),
    "mystnb differs": lambda nb: nb.cells[2].metadata.mystnb.image.update(alt="A circle"),
    "2 cells in the notebook, 3": lambda nb: nb.cells.pop(),
    "nbgrader differs": lambda nb: nb.cells[1].metadata.update(nbgrader={"points": 2}),
    "without an execution count": lambda nb: nb.cells[1].update(execution_count=None),
    "execution count 7, expected 2": lambda nb: nb.cells[2].update(execution_count=7),
    "an error is stored as its output": error_output,
    "an error is stored inside a widget": error_in_widget,
    "a path of this machine": lambda nb: nb.cells[1].outputs[0].update(text="/home/me/x.py:1"),
    "timing metadata": lambda nb: nb.cells[1].metadata.update(execution={"iopub.status.idle": ""}),
    "without a description": lambda nb: nb.cells[2].metadata.pop("mystnb"),
    "MB on disk": lambda nb: nb.cells[1].outputs[0].update(text="1" * 1_100_000),
}


def test_problems_finds_none_in_a_faultless_chapter(tmp_path):
    assert book.problems(*small_chapter(tmp_path)) == []


@pytest.mark.parametrize("reason", SPOILED)
def test_problems_names_what_is_wrong(tmp_path, reason):
    notebook, twin = small_chapter(tmp_path)
    nb = book.read(notebook)
    SPOILED[reason](nb)
    nbformat.write(nb, notebook)
    assert any(reason in line for line in book.problems(notebook, twin))


def test_an_edit_of_the_twin_arrives_without_the_old_output(tmp_path):
    notebook, twin = small_chapter(tmp_path)
    twin.write_text(twin.read_text("utf-8").replace("print(1)", "print(2)"), encoding="utf-8")
    assert any("text differs" in line for line in book.problems(notebook, twin))
    before, nb = book.read(notebook), book.from_twin(twin, notebook)
    assert nb.cells[1].source == "print(2)"
    assert nb.cells[1].outputs == [] and nb.cells[1].execution_count is None
    assert nb.cells[2] == before.cells[2]


def test_card_reads_title_and_question(tmp_path):
    notebook, _ = small_chapter(tmp_path)
    assert book.card(book.read(notebook)) == ("00 · Title", "Why so?")
    with pytest.raises(book.BookError, match="Question"):
        book.card(new_notebook(cells=[new_markdown_cell("# 00 · Title")]))


# The suite can fail: copies of a real chapter, each spoiled in one way

CHAPTER = "02-the-score-inside-bce"
STEP = ("moved = point + step", "moved = point - step")
CALLBACK = ("def draw(sigma, point):\n", 'def draw(sigma, point):\n    raise RuntimeError("broken")\n')


def with_source(nb, old: str, new: str):
    """A copy with one place in its code replaced."""
    nb = copy.deepcopy(nb)
    (cell,) = (cell for cell in nb.cells if cell.cell_type == "code" and old in cell.source)
    cell.source = cell.source.replace(old, new)
    assert cell.source.count(new) == 1
    return nb


def with_stale_number(nb):
    """A copy in whose stored output the bound of the first claim that has one is another."""
    nb = copy.deepcopy(nb)
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and (digit := re.search(r"(?<=[<>]= )\d", output.text)):
                changed = str((int(digit[0]) + 1) % 10)
                output.text = output.text[: digit.start()] + changed + output.text[digit.end() :]
                return nb
    raise AssertionError(f"{CHAPTER} prints no bound")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> dict[str, list[str]]:
    """copy -> the failures that nbval, called as `make test` calls it, finds in it"""
    folder = tmp_path_factory.mktemp("copies")
    nb = book.read(book.NOTEBOOKS / f"{CHAPTER}.ipynb")
    # What follows the widget only takes time here; `make test` compares the whole chapter.
    del nb.cells[1 + next(i for i, cell in enumerate(nb.cells) if CALLBACK[0] in cell.source) :]
    copies = {
        "sound": nb,
        "step": with_source(nb, *STEP),
        "callback": with_source(nb, *CALLBACK),
        "stale": with_stale_number(nb),
    }
    for name, spoiled in copies.items():
        nbformat.write(spoiled, folder / f"{name}.ipynb")
    (folder / "conftest.py").write_bytes((book.NOTEBOOKS / "conftest.py").read_bytes())

    flags = re.findall(r"--nbval\S*", (book.ROOT / "Makefile").read_text("utf-8"))
    assert "--nbval" in flags
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "--rootdir", folder]
    command += ["-p", "no:cacheprovider", f"--junitxml={report}", *flags]
    command += [folder / f"{name}.ipynb" for name in copies]
    env = os.environ | {"PYTHONPATH": str(book.ROOT)}
    done = subprocess.run(
        list(map(str, command)), cwd=book.ROOT, env=env, capture_output=True, text=True, timeout=900
    )
    assert report.exists(), done.stdout + done.stderr

    found = {name: [] for name in copies}
    cells = dict.fromkeys(copies, 0)
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("classname").removesuffix(".ipynb")
        cells[name] += 1
        found[name] += [kind.text for kind in case if kind.tag in ("failure", "error")]
    expected = sum(cell.cell_type == "code" for cell in nb.cells)
    assert set(cells.values()) == {expected}, "nbval did not check every cell"
    return found


def test_nbval_accepts_the_chapter_itself(verdicts):
    assert verdicts["sound"] == []


def test_nbval_rejects_a_reversed_step(verdicts):
    assert any("ClaimError" in failure for failure in verdicts["step"])


def test_nbval_rejects_a_callback_that_raises(verdicts):
    assert any("RuntimeError" in failure for failure in verdicts["callback"])


def test_nbval_rejects_a_stale_number(verdicts):
    (failure,) = verdicts["stale"]
    assert "mismatch 'stdout'" in failure


def test_make_book_rejects_a_callback_that_raises(tmp_path):
    """nbclient counts such a cell as done; the book's runner does not."""
    nb = with_source(book.read(book.NOTEBOOKS / f"{CHAPTER}.ipynb"), *CALLBACK)
    number = 1 + next(i for i, cell in enumerate(nb.cells) if CALLBACK[1] in cell.source)
    with pytest.raises(book.BookError) as caught:
        book.execute(nb, CHAPTER, ledger=tmp_path / "claims.jsonl")
    message = str(caught.value)
    assert f"chapter {CHAPTER}, cell {number} of {len(nb.cells)} failed" in message
    assert "RuntimeError: broken" in message


def test_pair_test_rejects_a_twin_edited_alone(tmp_path):
    twin = tmp_path / "twin.py"
    text = (book.TWINS / f"{CHAPTER}.py").read_text("utf-8")
    assert STEP[0] in text
    twin.write_text(text.replace(*STEP), encoding="utf-8")
    (problem,) = book.problems(book.NOTEBOOKS / f"{CHAPTER}.ipynb", twin)
    assert "text differs from the twin" in problem


def test_pair_test_rejects_a_cell_stored_without_execution_count(tmp_path):
    nb = book.read(book.NOTEBOOKS / f"{CHAPTER}.ipynb")
    next(cell for cell in nb.cells if cell.cell_type == "code").execution_count = None
    nbformat.write(nb, tmp_path / "copy.ipynb")
    (problem,) = book.problems(tmp_path / "copy.ipynb", book.TWINS / f"{CHAPTER}.py")
    assert "without an execution count" in problem


def test_the_page_of_claims_shows_what_other_seeds_gave():
    """Beside the claim they belong to, in bold where it failed; a claim changed since has none."""
    claims = [
        {"chapter": CHAPTER, "claim": "it | falls", "value": 0.5, "bound": "<= 1", "holds": True},
        {"chapter": CHAPTER, "claim": "it is even", "value": 1.0, "bound": "true", "holds": True},
        {"chapter": CHAPTER, "claim": "a new one", "value": 3.0, "bound": ">= 2", "holds": True},
    ]
    seeds = [
        claims[0] | {"value": 0.75, "shift": 1000},
        claims[0] | {"value": 1.25, "shift": 2000, "holds": False},
        claims[1] | {"shift": 1000},
        claims[2] | {"bound": ">= 1", "shift": 1000},
    ]
    lines = book.claims_table(claims, seeds).splitlines()
    assert "| with other seeds |" in lines[0]
    assert r"it \| falls | 0.5 | 0.75, **1.25: does not hold** | `<= 1` |" in lines[2]
    assert "it is even | true | true | `true` |" in lines[3]
    assert "a new one | 3 |  | `>= 2` |" in lines[4]
    assert "with other seeds" not in book.claims_table(claims)
