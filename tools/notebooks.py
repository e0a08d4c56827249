"""Keep the chapters and their twins together, and execute them.

    python tools/notebooks.py update               bring edits of the twins into the notebooks
    python tools/notebooks.py refresh [CHAPTER ..] execute the notebooks in place, from their twins

A chapter is notebooks/NN-name.ipynb; its twin, notebooks/scripts/NN-name.py, is where it is edited.
CHAPTER is a name or its beginning (02). Updates go one way, from twin to notebook, because tools that
go by time stamps can silently undo an edit.
"""

from __future__ import annotations

import base64
import datetime
import io
import math
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from PIL import Image, ImageChops, ImageStat

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
TWINS = NOTEBOOKS / "scripts"
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "picture.png"
ANIMATION = ROOT / "docs" / "noise-to-digits.gif"

CELL_SECONDS = {"quick": 600, "full": 7200}
MAX_BYTES = 1_000_000
HOME_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users)/|[A-Z]:\\+Users")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
QUESTION = re.compile(r"^\*\*Question\.\*\*\s+(.+?)(?=\n\s*\n|\n[*|>#-]|\Z)", re.DOTALL | re.MULTILINE)
README_TABLE = re.compile(r"(<!-- chapters:begin -->\n).*?(<!-- chapters:end -->)", re.DOTALL)


class BookError(SystemExit):
    """Ends the program; its text is all that the reader needs to put things right."""


# Chapters and twins


def chapters(names: Sequence[str] = (), folder: Path = NOTEBOOKS, ext: str = ".ipynb") -> list[Path]:
    """The chapters' files in reading order; all of them, or those whose name begins as given."""
    found = sorted(folder.glob(f"*{ext}"))
    for name in names:
        if not any(path.stem.startswith(name) for path in found):
            known = ", ".join(path.stem for path in found)
            raise BookError(f"no chapter begins with {name!r}; there are {known}")
    return [path for path in found if not names or path.stem.startswith(tuple(names))]


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def write(nb: NotebookNode, path: Path) -> None:
    """Write through a neighbour, so that an interruption cannot leave half a file."""
    nbformat.validate(nb)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(nbformat.writes(nb) + "\n", encoding="utf-8")
    part.replace(path)


def content(cell: NotebookNode) -> dict:
    """What a notebook's cell and its twin's must agree on."""
    meta = cell.metadata
    found = {"type": cell.cell_type, "text": cell.source, "tags": meta.get("tags", [])}
    return found | {key: meta.get(key, {}) for key in ("mystnb", "nbgrader", "jupyter")}


def tidy(nb: NotebookNode) -> NotebookNode:
    """Drop what tells of the machine and the hour, so that a diff shows what changed."""
    kept = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    kept["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    if "measured" in nb.metadata:
        kept["measured"] = nb.metadata["measured"]
    nb.metadata = nbformat.from_dict(kept)
    for cell in nb.cells:
        for key in ("execution", "ExecuteTime", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
    return nb


def from_twin(twin: Path, notebook: Path) -> NotebookNode:
    """The twin's text with the notebook's outputs.

    A cell whose code changed loses its outputs, because an old result under new code would be a lie.
    """
    nb = jupytext.read(twin, fmt="py:percent")
    before = {}
    if notebook.exists():
        old = read(notebook)
        before = {cell.id: cell.source for cell in old.cells}
        nb = combine_inputs_with_outputs(nb, old, fmt="py:percent")
    for cell in nb.cells:
        if cell.cell_type == "code" and before.get(cell.id) != cell.source:
            cell.outputs, cell.execution_count = [], None
    nb.nbformat_minor = 5
    return tidy(nb)


def card(nb: NotebookNode) -> tuple[str, str]:
    """Title and question of a chapter."""
    title = re.search(r"^# (.+)$", nb.cells[0].source, re.MULTILINE)
    question = QUESTION.search("\n\n".join(cell.source for cell in nb.cells))
    if not title or not question:
        raise BookError("the first cell lacks '# NN · Title', or no paragraph begins '**Question.** ...'")
    return title[1].strip(), " ".join(question[1].split())


def alt_text(cell: NotebookNode) -> str:
    """The description of a cell's figures."""
    return " ".join(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").split())


def caption(cell: NotebookNode) -> str:
    """What stands below the cell's figure, as Markdown."""
    return cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")


def with_captions(nb: NotebookNode) -> NotebookNode:
    """A copy with each figure's caption in a cell below it: only the site reads those of the metadata."""
    cells = []
    for cell in nb.cells:
        cells.append(cell)
        if text := caption(cell):
            cells.append(new_markdown_cell(text, id=f"{cell.id}-caption"))
    return nbformat.from_dict({**nb, "cells": cells})


# What is wrong with a stored chapter


def texts(node) -> Iterator[str]:
    """Every string in an output except picture data, where letters fall by chance."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            if not key.startswith("image/") and key != "buffers":
                yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


def problems(notebook: Path, twin: Path) -> list[str]:
    """What is wrong with a stored chapter, as sentences; an empty list when nothing is."""
    nb, wanted = read(notebook), jupytext.read(twin, fmt="py:percent")
    found = []
    if len(nb.cells) != len(wanted.cells):
        found.append(f"{len(nb.cells)} cells in the notebook, {len(wanted.cells)} in the twin")
    count = 0
    for number, (have, want) in enumerate(zip(nb.cells, wanted.cells, strict=False), start=1):
        a, b = content(have), content(want)
        wrong = [f"{key} differs from the twin: {b[key]!r:.80}" for key in a if a[key] != b[key]]
        if have.cell_type == "code" and have.source.strip():
            count += 1
            wrong += of_output(have, count)
        found += [f"cell {number}: {each}" for each in wrong]
    if (size := notebook.stat().st_size) > MAX_BYTES:
        found.append(f"{size / 1e6:.1f} MB on disk, more than {MAX_BYTES / 1e6:.0f}")
    return found


def of_output(cell: NotebookNode, count: int) -> Iterator[str]:
    """What is wrong with the stored output of the code cell that should have this execution count."""
    if cell.execution_count is None:
        yield "stored without an execution count, so nbval would not compare it"
    elif cell.execution_count != count:
        yield f"execution count {cell.execution_count}, expected {count}"
    if any(output.output_type == "error" for output in cell.outputs):
        yield "an error is stored as its output"
    kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
    if any("widget-view" in kind for kind in kinds):
        yield "a widget is stored, which shows nothing without its kernel"
    if any(kind.startswith("image/") for kind in kinds) and not alt_text(cell):
        yield "a figure without a description (mystnb.image.alt)"
    if any(map(HOME_PATH.search, texts(cell.outputs))):
        yield "an output names a path of this machine"


# Execution


def patient(get_msg: Callable, seconds: float = 2) -> Callable:
    """A channel's get_msg that looks again every few seconds.

    On a busy machine pyzmq can miss the moment when a message comes, and would see it only when the
    time limit of the cell is up.
    """

    async def get(timeout: float | None = None) -> dict:
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            try:
                return await get_msg(timeout=max(0, min(seconds, left)))
            except Empty:
                if left <= seconds:
                    raise

    return get


def execute(nb: NotebookNode, chapter: str, cwd: Path = NOTEBOOKS) -> NotebookNode:
    """Execute all cells of `nb` in place; BookError names chapter, cell and traceback."""
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    env |= {"TQDM_DISABLE": "1"}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        nb,
        timeout=CELL_SECONDS.get(os.environ.get("DAE_BUDGET", "quick"), 600),
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # ipykernel warns about local sockets at every start
    )
    with client.setup_kernel(env=env, cwd=str(cwd)):
        for channel in (client.kc.shell_channel, client.kc.iopub_channel):
            channel.get_msg = patient(channel.get_msg)
        for number, cell in enumerate(nb.cells):
            reason = ""
            try:
                client.execute_cell(cell, number)
            except (CellExecutionError, CellTimeoutError) as error:
                reason = str(error)
            except DeadKernelError:
                reason = "The kernel died; the usual reason is that memory ran out."
            if reason:
                head = "\n".join("    " + line for line in cell.source.splitlines()[:8])
                where = f"chapter {chapter}, cell {number + 1} of {len(nb.cells)} failed"
                raise BookError(f"\n{where}:\n\n{head}\n\n{ANSI.sub('', reason)}")
    return nb


def shrink(nb: NotebookNode) -> NotebookNode:
    """Store figures with few colours, where nobody can see that: they take less than half the room."""
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                output["data"]["image/png"] = with_palette(png)
    return nb


def with_palette(png: str) -> str:
    """A picture in base64 with few colours; unchanged if that shows, as in a photograph."""
    whole = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")

    def apart(other: Image.Image) -> float:  # root mean square, of 255
        return max(ImageStat.Stat(ImageChops.difference(whole, other.convert("RGB"))).rms)

    is_grey = apart(whole.convert("L")) < 1
    # With 32 colours a shade that is not grey shows steps.
    for colours, most in ((32, 1.5 if is_grey else 0), (64, 1), (256, 2)):
        few = whole.quantize(colours, dither=Image.Dither.NONE)
        if apart(few) <= most:
            break
    else:
        return png
    data = io.BytesIO()
    few.save(data, "PNG", optimize=True)
    return base64.b64encode(data.getvalue()).decode() if len(data.getvalue()) < len(png) * 3 / 4 else png


def machine() -> dict:
    """What the minutes depend on; nothing that identifies the computer."""
    import torch

    return {
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
    }


# What is committed


def new_folder(path: Path) -> None:
    """Make the folder `path`; BookError where there is something already."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise BookError(f"{path} is there already, and not an empty folder: name another one")
    path.mkdir(parents=True, exist_ok=True)


def update() -> None:
    """Bring every edit of a twin into its notebook, without executing anything."""
    for twin in chapters(folder=TWINS, ext=".py"):
        path = NOTEBOOKS / f"{twin.stem}.ipynb"
        nb = from_twin(twin, path)
        if not path.exists() or list(map(content, read(path).cells)) != list(map(content, nb.cells)):
            write(nb, path)
            print(f"updated {path.relative_to(ROOT)}; `make refresh` executes it")


def refresh(names: Sequence[str] = ()) -> None:
    """Execute the chapters in place, from their twins: what readers will find stored."""
    if os.environ.get("DAE_BUDGET", "quick") != "quick":
        raise BookError("the stored outputs are those of DAE_BUDGET=quick: unset it to refresh")
    bad = []
    for twin in chapters(names, folder=TWINS, ext=".py"):
        print(f"  {twin.stem:<32}", end="", flush=True)
        start, path = time.monotonic(), NOTEBOOKS / f"{twin.stem}.ipynb"
        nb = shrink(execute(from_twin(twin, path), twin.stem))
        minutes = (time.monotonic() - start) / 60
        nb.metadata["measured"] = {"minutes": round(minutes, 2), **machine()}
        write(tidy(nb), path)
        print(f" {minutes:6.2f} minutes", flush=True)
        bad += [f"{twin.stem}: {line}" for line in problems(path, twin)]
    PICTURE.write_bytes(stored_picture("landing-picture", "image/png"))
    ANIMATION.write_bytes(stored_picture("animation", "image/gif"))
    README.write_text(with_table(README.read_text("utf-8")), encoding="utf-8")
    if bad:
        raise BookError("refreshed, but not fit to be committed:\n  " + "\n  ".join(bad))


def stored_picture(tag: str, kind: str) -> bytes:
    """The picture in the output of the cell with this tag; it may stand inside a piece of HTML."""
    inside = re.compile(f'data:{kind};base64,([^"]+)')
    for path in chapters():
        for cell in read(path).cells:
            if tag in cell.metadata.get("tags", []):
                for output in cell.outputs:
                    data = output.get("data", {})
                    found = inside.search(data.get("text/html", ""))
                    if picture := found[1] if found else data.get(kind):
                        return base64.b64decode(picture)
    raise BookError(f"no chapter has a picture in a cell tagged `{tag}`")


def chapter_table(books: dict[str, NotebookNode], link: str) -> str:
    """The chapters as a Markdown table; `link` makes an address from {name}."""
    rows = ["| chapter | question | minutes |", "|---|---|---:|"]
    for name, nb in books.items():
        title, question = card(nb)
        minutes = nb.metadata.get("measured", {}).get("minutes")
        taken = "not measured" if minutes is None else f"{minutes:.1f}"
        rows.append(f"| [{title}]({link.format(name=name)}) | {question} | {taken} |")
    return "\n".join(rows) + "\n"


def with_table(readme: str) -> str:
    """README's text with the chapter table between its two markers."""
    books = {path.stem: read(path) for path in chapters()}
    table = chapter_table(books, "notebooks/{name}.ipynb")
    return README_TABLE.sub(lambda match: match[1] + table + match[2], readme)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["update"]:
            update()
        case ["refresh", *names]:
            refresh(names)
        case _:
            raise SystemExit(__doc__)
