"""The exercises: solutions that run, the students' notebooks made from them, and their pages.

    python tools/exercises.py [CHAPTER ...]

notebooks/scripts/solutions holds the twins, which are edited; notebooks/solutions the same with
outputs; notebooks/exercises what a student gets, without answers, outputs and discussions. The program
makes the second and the third from the first. Each chapter has one; L1 and L2 are labs, set for credit.
"""

from __future__ import annotations

import copy
import re
import sys
import time
from collections.abc import Sequence

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

import notebooks

TWINS = notebooks.TWINS / "solutions"
SOLUTIONS = notebooks.NOTEBOOKS / "solutions"
STUDENTS = notebooks.NOTEBOOKS / "exercises"

TASK = re.compile(r"^## \((\w)\) · (.+)$", re.MULTILINE)
MARK = re.compile(r"^.*(?:BEGIN|END) SOLUTION.*\n?", re.MULTILINE)


def make(names: Sequence[str] = ()) -> None:
    """Execute the solutions from their twins, and make the students' notebooks from them."""
    for twin in notebooks.chapters(names, folder=TWINS, ext=".py"):
        path = SOLUTIONS / f"{twin.stem}.ipynb"
        path.parent.mkdir(exist_ok=True)
        start = time.monotonic()
        nb = notebooks.tidy(notebooks.execute(notebooks.from_twin(twin, path), twin.stem, SOLUTIONS))
        notebooks.write(nb, path)
        notebooks.write(student(nb), STUDENTS / path.name)
        print(f"  {twin.stem:<32} {time.monotonic() - start:4.0f} seconds", flush=True)
        if bad := notebooks.problems(path, twin):
            raise notebooks.BookError(f"{twin.stem}: not fit to be committed:\n  " + "\n  ".join(bad))


def labs() -> list[str]:
    """The names of those that belong to no chapter."""
    return sorted(path.stem for path in TWINS.glob("L*.py"))


def student(solution: NotebookNode) -> NotebookNode:
    """What a student gets: the steps of `nbgrader generate_assignment` that need no database."""
    nb = copy.deepcopy(solution)
    nb.cells = undiscussed(nb.cells)
    # No twin: jupytext would pair a student's work as it pairs the book's.
    nb.metadata["jupytext"] = {"formats": "ipynb"}
    steps = (LockCells, ClearSolutions, ClearHiddenTests, ClearOutput, ComputeChecksums)
    for step in (*steps, CheckCellMetadata):
        nb, _ = step().preprocess(nb, {})
    return nb


def undiscussed(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells without discussions, and without the descriptions of figures: both tell answers."""
    for cell in cells:
        cell.metadata.pop("mystnb", None)
    return [cell for cell in cells if "discussion" not in cell.metadata.get("tags", [])]


def page(solution: NotebookNode) -> NotebookNode:
    """The web page: tasks, stubs and checks in the open; answers and what follows folded."""
    nb = copy.deepcopy(solution)
    stubs = {cell.id: cell for cell in student(solution).cells}
    cells, folded, letter = [], [], ""

    def fold():
        if folded:
            summary = f"Answer and discussion of ({letter})"
            opening = f'<details class="solution">\n<summary>{summary}</summary>'
            cells.extend([new_markdown_cell(opening), *folded, new_markdown_cell("</details>")])
            folded.clear()

    for cell in nb.cells:
        graded = cell.metadata.get("nbgrader", {})
        if graded.get("grade_id", "").endswith("_conclusion"):
            continue  # a student's own words; the discussion has ours
        if cell.cell_type == "markdown" and (task := TASK.match(cell.source)):
            fold()
            letter = task[1]
        if graded.get("solution"):
            if cell.cell_type == "code":
                cells.append(stubs[cell.id])
                cell.id += "-answer"
            cell.source = MARK.sub("", cell.source).strip("\n")
            folded.append(cell)
        elif "discussion" in cell.metadata.get("tags", []):
            folded.append(cell)
        elif folded and cell.cell_type == "code" and not graded:
            folded.append(cell)  # what is computed or drawn with the answer
        else:
            cells.append(stubs[cell.id] if graded else cell)
    fold()
    nb.cells = cells
    return nb


if __name__ == "__main__":
    make(sys.argv[1:])
