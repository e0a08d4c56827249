"""The stored chapters are what their twins say, the build runs what changed, and both can fail."""

import base64
import copy
import io
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import book
import jupytext
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from sklearn.datasets import load_sample_image
from sphinx.application import Sphinx
from test_nbval import said_of_cells

import exercises
import notebooks
from notebooks import NOTEBOOKS, ROOT, TWINS, BookError, problems, read, write

CHAPTERS = notebooks.chapters()

# The book as it is


def test_every_chapter_has_a_twin_and_every_twin_a_chapter():
    assert CHAPTERS and [p.stem for p in CHAPTERS] == [p.stem for p in sorted(TWINS.glob("*.py"))]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_is_fit_to_be_read(path):
    assert problems(path, TWINS / f"{path.stem}.py") == []
    assert notebooks.card(read(path))


def test_readme_lists_the_chapters_as_measured():
    readme = notebooks.README.read_text("utf-8")
    assert notebooks.with_table(readme) == readme, "run `make refresh`"


@pytest.mark.parametrize(
    ("path", "tag", "kind"),
    [
        (notebooks.PICTURE, "landing-picture", "image/png"),
        (notebooks.ANIMATION, "animation", "image/gif"),
    ],
)
def test_pictures_of_the_readme_are_those_of_the_chapters(path, tag, kind):
    assert path.read_bytes() == notebooks.stored_picture(tag, kind), "run `make refresh`"
    assert path.stat().st_size < 1_500_000


# `problems` sees what it is there for


def small_chapter(folder: Path) -> tuple[Path, Path]:
    """A faultless notebook and its twin."""
    figure = new_output("display_data", {"image/png": "AAAA/tmp/AAAA", "text/plain": "<Figure>"})
    cells = [
        new_markdown_cell("# 00 · Title\n\n**Question.** Why\nso?\n\n| a | b |\n|---|---|"),
        new_code_cell(
            "print(1)", execution_count=1, outputs=[new_output("stream", name="stdout", text="1\n")]
        ),
        new_code_cell(
            "draw()",
            execution_count=2,
            outputs=[figure],
            metadata={"mystnb": {"image": {"alt": "A line"}}},
        ),
    ]
    notebook, twin = folder / "00-small.ipynb", folder / "00-small.py"
    write(notebooks.tidy(new_notebook(cells=cells)), notebook)
    jupytext.write(new_notebook(cells=copy.deepcopy(cells)), twin, fmt="py:percent")
    return notebook, twin


SPOILED = {
    "text differs": lambda nb: nb.cells[1].update(source="print(2)"),
    "tags differs": lambda nb: nb.cells[1].metadata.update(tags=["nbval-ignore-output"]),
    "mystnb differs": lambda nb: nb.cells[2].metadata.mystnb.image.update(alt="A circle"),
    "nbgrader differs": lambda nb: nb.cells[1].metadata.update(nbgrader={"points": 2}),
    "2 cells in the notebook, 3": lambda nb: nb.cells.pop(),
    "without an execution count": lambda nb: nb.cells[1].update(execution_count=None),
    "execution count 7, expected 2": lambda nb: nb.cells[2].update(execution_count=7),
    "an error is stored as its output": lambda nb: nb.cells[1].update(
        outputs=[new_output("error", ename="ValueError", evalue="", traceback=[])]
    ),
    "a widget is stored": lambda nb: nb.cells[2].outputs.append(
        new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})
    ),
    "a path of this machine": lambda nb: nb.cells[1].outputs[0].update(text="/home/me/x.py:1"),
    "without a description": lambda nb: nb.cells[2].metadata.pop("mystnb"),
    "MB on disk": lambda nb: nb.cells[1].outputs[0].update(text="1" * 1_100_000),
}


def test_problems_finds_none_in_a_faultless_chapter(tmp_path):
    assert problems(*small_chapter(tmp_path)) == []


@pytest.mark.parametrize("reason", SPOILED)
def test_problems_names_what_is_wrong(tmp_path, reason):
    notebook, twin = small_chapter(tmp_path)
    nb = read(notebook)
    SPOILED[reason](nb)
    nbformat.write(nb, notebook)
    assert any(reason in line for line in problems(notebook, twin))


def test_an_edit_of_the_twin_arrives_without_the_old_output(tmp_path):
    notebook, twin = small_chapter(tmp_path)
    twin.write_text(twin.read_text("utf-8").replace("print(1)", "print(2)"), encoding="utf-8")
    before, nb = read(notebook), notebooks.from_twin(twin, notebook)
    assert nb.cells[1].source == "print(2)"
    assert nb.cells[1].outputs == [] and nb.cells[1].execution_count is None
    assert nb.cells[2] == before.cells[2]


def test_card_reads_title_and_question(tmp_path):
    notebook, _ = small_chapter(tmp_path)
    assert notebooks.card(read(notebook)) == ("00 · Title", "Why so?")
    with pytest.raises(BookError, match="Question"):
        notebooks.card(new_notebook(cells=[new_markdown_cell("# 00 · Title")]))


# nbval can fail. Other ways: test_nbval

DOWNHILL = """
import daeutils as du
score = du.GaussianMixture.score
du.GaussianMixture.score = lambda law, x: -score(law, x)
"""


def test_nbval_rejects_a_chapter_whose_scores_point_downhill(tmp_path):
    nb = read(NOTEBOOKS / "02-the-score-inside-bce.ipynb")
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    first = next(i for i, cell in enumerate(code) if "du.fit(" in cell.source)
    nb.cells = [new_code_cell(DOWNHILL), *code[:first]]  # `make test` executes the whole chapter
    nbformat.write(nb, tmp_path / "spoiled.ipynb")
    said = said_of_cells(tmp_path / "spoiled.ipynb")
    assert len(said) == 1 + first and said[0] == ""
    assert any("ClaimError" in words for words in said)


@pytest.mark.parametrize("where", [".", "notebooks"])
def test_nbval_collects_chapters_and_solutions_and_no_unsolved_exercise(where):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--collect-only",
        "-q",
        f"--ignore={ROOT}/tests",
    ]
    done = subprocess.run(command, cwd=ROOT / where, capture_output=True, text=True, timeout=300)
    files = {line.split("::")[0] for line in done.stdout.splitlines() if ".ipynb::" in line}
    expected = [*CHAPTERS, *(NOTEBOOKS / "solutions").glob("*.ipynb")]
    assert files == {path.relative_to(ROOT).as_posix() for path in expected}


# The build


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A function that builds a book of one chapter with these cells, and returns its page of claims."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "conf.py").write_text(
        f"extensions = ['book', 'myst_nb']\nnb_execution_cache_path = {str(tmp_path / 'cache')!r}\n"
        "nb_execution_raise_on_error = True\nroot_doc = 'claims'\n",
        encoding="utf-8",
    )
    (docs / "claims.md").write_text("# Claims\n\n<!-- claims -->\n", encoding="utf-8")
    chapter = tmp_path / "00-small.ipynb"
    monkeypatch.setattr(book, "chapters", lambda *names: [chapter])
    monkeypatch.setattr(book, "bring_scripts", lambda app: None)
    monkeypatch.setattr(book.exercises, "SOLUTIONS", tmp_path / "none")

    def build(*cells, mode="cache") -> str:
        nb = new_notebook(cells=[new_markdown_cell("# 00 · Small\n\n**Question.** Why?"), *cells])
        write(notebooks.tidy(nb), chapter)
        out = tmp_path / "html"
        with warnings.catch_warnings(action="ignore"):  # Sphinx's, about its extensions
            settings = {"nb_execution_mode": mode}
            Sphinx(docs, docs, out, tmp_path / "doctrees", "html", settings, status=None).build()
        return (out / "claims.html").read_text("utf-8")

    return build


@pytest.mark.parametrize("answers", ["yes", "no"])
def test_labs_have_no_answers_on_the_site_and_on_request_nothing_has(tmp_path, monkeypatch, answers):
    monkeypatch.setenv("ANSWERS", answers)
    book.copy_chapters(SimpleNamespace(srcdir=tmp_path, config=SimpleNamespace(nb_execution_mode="off")))
    found = sorted((tmp_path / "chapters" / "exercises").glob("*.ipynb"))
    assert [path.stem for path in found] == sorted([*(path.stem for path in CHAPTERS), *exercises.labs()])
    for path in found:
        shown = read(path).cells
        student = exercises.student(read(exercises.SOLUTIONS / path.name))
        bare = {cell.id: cell.source for cell in student.cells}
        with_answer = [cell.id for cell in shown if cell.id not in bare]
        if answers == "no" or path.stem in exercises.labs():
            assert not with_answer and not any(cell.get("outputs") for cell in shown), path.stem
            code = [cell for cell in shown if cell.cell_type == "code"]
            assert all(cell.source == bare[cell.id] for cell in code), path.stem
        else:
            assert with_answer, path.stem


CLAIM = """import os
from IPython.display import display
claim = {"text": "it falls", "value": 0.25, "at_most": 0.5, "at_least": None, "tolerance": None}
display({"text/plain": "\\u2713 It falls to 0.25 (at most 0.5)"}, raw=True, metadata={"claim": claim})
print(os.environ["TQDM_DISABLE"])"""


def test_a_chapter_is_executed_once_and_again_after_an_edit(build, capsys, monkeypatch):
    page = build(new_code_cell(CLAIM))
    assert "It falls to 0.25 (at most 0.5)" in page and "at most 0.5</p>" in page
    assert 'id="claims-00"' in page
    assert "00-small" in capsys.readouterr().out
    assert "It falls to 0.25" in build(new_code_cell(CLAIM))
    assert "00-small" not in capsys.readouterr().out
    build(new_code_cell(CLAIM, metadata={"tags": ["hide-input"]}))
    assert "00-small" in capsys.readouterr().out, "a tag changed"
    monkeypatch.setattr(book, "of_package", lambda: b"another package")
    build(new_code_cell(CLAIM))
    assert "00-small" in capsys.readouterr().out, "the package changed"
    build(new_code_cell("1 + 1"), mode="off")
    assert "00-small" not in capsys.readouterr().out


def test_a_chapter_without_claims_says_so(build):
    assert "No claim of this chapter carries its value" in build(new_code_cell("1 + 1"))


def test_a_chapter_that_fails_stops_the_build(build):
    for _ in range(2):  # a failure is not kept
        with pytest.raises(
            SystemExit, match=r"chapter 00-small, cell 2 of 2 failed(?s:.*)ZeroDivisionError"
        ):
            build(new_code_cell("1 / 0"))


def test_the_pictures_under_sliders_get_the_description_of_their_cell():
    page = '<div class="dae-slide" id="x"><img alt="" src="a"></div>'
    cell = new_code_cell("x", metadata={"mystnb": {"image": {"alt": 'A "line"'}}})
    cell.outputs = [new_output("display_data", {"text/html": page})]
    nb = new_notebook(cells=[cell])
    book.describe_sliders(nb)
    assert '<img alt="A &quot;line&quot;" src="a">' in nb.cells[0].outputs[0].data["text/html"]


def as_png(picture: Image.Image) -> str:
    data = io.BytesIO()
    picture.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def test_a_figure_is_stored_with_few_colours_and_a_photograph_as_it_is():
    hill = np.exp(-(np.linspace(-2, 2, 300) ** 2))
    figure, ax = plt.subplots()
    ax.imshow(hill * hill[:, None], cmap="Blues")
    data = io.BytesIO()
    figure.savefig(data)
    plt.close(figure)
    small = notebooks.with_palette(base64.b64encode(data.getvalue()).decode())
    assert len(small) < len(data.getvalue())  # in base64, a picture as large would be longer by a third
    with Image.open(io.BytesIO(base64.b64decode(small))) as found, Image.open(data) as before:
        apart = [np.asarray(picture.convert("RGB"), float) for picture in (found, before)]
    assert 0 < abs(apart[0] - apart[1]).mean() < 2
    photograph = as_png(Image.fromarray(load_sample_image("flower.jpg")))
    assert notebooks.with_palette(photograph) == photograph
