"""A folder for nbgrader: one assignment for each chapter's exercises and each lab, ready to be released.

    python tools/grading.py DIR

nbgrader releases from it what notebooks/exercises holds, and grades with the hidden tests. The
discussions are left out, because nbgrader would release them, and they tell the answers.
"""

import copy
import sys
from pathlib import Path

from nbformat import NotebookNode

import exercises
from notebooks import ROOT, BookError, chapters, new_folder, read, write

TEXT = ROOT / "docs" / "templates" / "grading"


def source(solution: NotebookNode) -> NotebookNode:
    """A solution as nbgrader wants it: answers between their marks, no discussion, no outputs."""
    nb = copy.deepcopy(solution)
    nb.cells = exercises.undiscussed(nb.cells)
    nb.metadata["jupytext"] = {"formats": "ipynb"}
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nb


def grading(out: Path) -> None:
    """Write the folder `out`; BookError where there is something already."""
    new_folder(out)
    for path in chapters(folder=exercises.SOLUTIONS):
        kind = "lab" if path.stem in exercises.labs() else "chapter"
        folder = out / "source" / f"{kind}-{path.stem[:2]}"
        folder.mkdir(parents=True)
        write(source(read(path)), folder / path.name)
    for path in TEXT.iterdir():
        (out / path.name).write_text(path.read_text("utf-8"), encoding="utf-8")
    print(f"nbgrader's folder is {out.resolve()}; its README.md has the three commands")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        raise BookError("say where nbgrader's folder is to be written: make grading OUT=dir")
    grading(Path(sys.argv[1]).expanduser())
