"""What the site adds to Sphinx and myst-nb: its chapters, and the pages that are read from them.

Chapters are copied to docs/chapters. With `nb_execution_mode = "cache"` myst-nb executes them there and
keeps what came of it; otherwise, and for those not named in the environment variable CHAPTERS, the
stored outputs are shown.
"""

import base64
import hashlib
import html
import io
import json
import os
import re
import shutil
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import links
import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from jupyter_cache.executors.utils import ExecutionResult
from myst_nb.core.execute import cache as myst_cache
from myst_nb.sphinx_ import NbMetadataCollector
from nbformat.v4 import new_markdown_cell
from PIL import Image, ImageOps

import exercises
import npm
import slides
from notebooks import (
    ANIMATION,
    NOTEBOOKS,
    ROOT,
    BookError,
    alt_text,
    card,
    chapters,
    content,
    execute,
    machine,
    read,
)

SCRIPTS = {
    "mathjax/es5/output/chtml/fonts": "mathjax/output/chtml/fonts",
    "mathjax/es5/a11y": "mathjax/a11y",
    "mathjax/es5/sre": "mathjax/sre",
    "mathjax/es5/tex-chtml-full.js": "mathjax/tex-chtml-full.js",
    "onnxruntime-web/dist/ort.wasm.bundle.min.mjs": "onnxruntime/ort.wasm.bundle.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm": "onnxruntime/ort-wasm-simd-threaded.wasm",
}
READING = re.compile(r"\*\*Time\.\*\* ([^.;]*?) to read")


# Before Sphinx reads the pages


def copy_chapters(app) -> None:
    """Put chapters and exercises where Sphinx looks; those to be executed without outputs."""
    folder, pictures = Path(app.srcdir) / "chapters", Path(app.srcdir) / "generated"
    pictures.mkdir(exist_ok=True)
    for path in chapters():
        nb = read(path)
        thumbnail(nb).save(pictures / f"{path.stem}.png", optimize=True)
        if is_executed(app, path.stem):
            for cell in nb.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            # The cache compares the code and this. Descriptions and tags come from it, too.
            nb.metadata["kernelspec"]["made_from"] = digest(json.dumps(list(map(content, nb.cells))))
        else:
            describe_sliders(nb)
        links.linked(nb, path.stem)
        more = []
        if (exercises.SOLUTIONS / path.name).exists():
            more = [f"[Exercises](/chapters/exercises/{path.name})"]
            nested = f"```{{toctree}}\n:hidden:\nexercises/{path.stem}\n```"
            nb.cells.append(new_markdown_cell(nested, id="exercises"))
        links.bar(nb, path.name, *more, f'<a href="../slides/{path.stem}.html">Slides</a>')
        put(folder / path.name, nbformat.writes(nb) + "\n")
    for path in exercises.SOLUTIONS.glob("*.ipynb"):
        # Labs are set for credit: their answers are on no page.
        is_lab = path.stem in exercises.labs()
        is_bare = is_lab or os.environ.get("ANSWERS") == "no"
        nb = (exercises.student if is_bare else exercises.page)(read(path))
        links.linked(nb, path.stem)
        more = "[Both labs](/labs.md)" if is_lab else f"[Chapter](/chapters/{path.name})"
        links.bar(nb, f"exercises/{path.name}", more)
        put(folder / "exercises" / path.name, nbformat.writes(nb) + "\n")


def bring_scripts(app) -> None:
    """Put what pages load, and the live page's networks, where Sphinx looks for them."""
    vendor, generated = ROOT / "_build" / "vendor", Path(app.srcdir) / "generated"
    npm.copy(SCRIPTS, vendor)
    shutil.copy(ANIMATION, vendor)  # for the first page, with its last image for those who want no motion
    with Image.open(ANIMATION) as film:
        film.seek(film.n_frames - 1)
        film.convert("RGB").save(vendor / f"{ANIMATION.stem}.png", optimize=True)
    stamp = generated / "live-made-from"
    made_from = digest((ROOT / "tools" / "live_models.py").read_text("utf-8"))
    if not stamp.exists() or stamp.read_text("utf-8") != made_from:
        import live_models  # with PyTorch, which the other pages do without

        live_models.write(vendor / "live", generated)
        put(stamp, made_from)


def thumbnail(nb) -> Image.Image:
    """The picture on a chapter's card: its first stored figure, or a blank."""
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                with Image.open(io.BytesIO(base64.b64decode(png))) as figure:
                    return ImageOps.pad(figure.convert("RGB"), (480, 220), color="white")
    return Image.new("RGB", (480, 220), "white")


def put(path: Path, text: str) -> None:
    """Write a file unless it says so already: Sphinx reads again what has changed."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def is_executed(app, name: str) -> bool:
    config = app.config
    return config.nb_execution_mode == "cache" and (
        f"chapters/{name}.ipynb" not in config.nb_execution_excludepatterns
    )


@cache
def of_package() -> bytes:
    """What every chapter's output depends on: the package with its data, the versions, the budget."""
    found = hashlib.sha256(os.environ.get("DAE_BUDGET", "quick").encode())
    found.update((ROOT / "constraints.txt").read_bytes())
    for path in sorted((ROOT / "daeutils").rglob("*.*")):
        if path.suffix in {".py", ".json", ".csv", ".npz", ".safetensors", ".mplstyle"}:
            found.update(path.read_bytes())
    return found.digest()


def digest(text: str = "") -> str:
    return hashlib.sha256(of_package() + text.encode()).hexdigest()[:16]


def describe_sliders(nb) -> None:
    """Give the pictures under sliders the description of their cell, as myst-nb gives it to a figure."""
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            page = output.get("data", {}).get("text/html", "")
            if 'class="dae-slide"' in page:
                page = page.replace('alt=""', f'alt="{html.escape(alt_text(cell))}"', 1)
                output["data"]["text/html"] = page


# While Sphinx reads them


def run(nb, cwd: str, **options) -> ExecutionResult:
    """Execute a chapter for myst-nb, which calls this in place of jupyter-cache's function."""
    chapter = current[0].rsplit("/", 1)[-1]
    print(f"  {chapter:<32}", end="", flush=True)
    start = time.monotonic()
    execute(nb, chapter, Path(cwd))
    describe_sliders(nb)
    seconds = time.monotonic() - start
    print(f" {seconds / 60:6.2f} minutes", flush=True)
    return ExecutionResult(nb, cwd, seconds)


current = [""]  # the page that is being read


def order(app, env, docnames: list[str]) -> None:
    """Chapters first: other pages are made from them, and may have changed with them."""
    print(f"Reading {len(docnames)} pages ...", flush=True)
    docnames.sort(key=lambda name: (not name.startswith("chapters/"), name))


def made_from_chapters(app, env, added, changed, removed) -> list[str]:
    return list(PAGES)


def as_shown(app) -> dict:
    """Each chapter's name and its notebook with the outputs that the site shows, and with its minutes."""
    results, found = get_cache(app.env.mystnb_config.execution_cache_path), {}
    for path in chapters():
        nb = read(Path(app.srcdir) / "chapters" / path.name)
        with suppress(KeyError):  # those that were not executed are not in the cache
            _, nb = results.merge_match_into_notebook(nb)
        if run := NbMetadataCollector.get_exec_data(app.env, f"chapters/{path.stem}"):
            nb.metadata["measured"] = {"minutes": run["runtime"] / 60, **machine()}
        found[path.stem] = nb
    return found


def fill(app, docname: str, source: list[str]) -> None:
    """Put into a page what is read from the chapters."""
    current[0] = docname
    if docname in PAGES:
        name, function = PAGES[docname]
        source[0] = source[0].replace(f"<!-- {name} -->", function(as_shown(app)))


def cards(books: dict) -> str:
    """A card for each chapter: its picture, its question, how long it takes to read and to run."""
    text = "::::{grid} 1 2 2 3\n:gutter: 3\n"
    for name, nb in books.items():
        title, question = card(read(NOTEBOOKS / f"{name}.ipynb"))  # without links
        minutes = nb.metadata.get("measured", {}).get("minutes")
        reading = READING.search("\n".join(cell.source for cell in nb.cells))
        taken = [f"{reading[1]} to read"] if reading else []
        taken += [] if minutes is None else [f"{minutes:.1f} minutes to run"]
        text += (
            f"\n:::{{grid-item-card}} {title}\n:link: /chapters/{name}\n:link-type: doc\n"
            f":img-top: /generated/{name}.png\n:img-alt: A figure of chapter {name[:2]}\n\n"
            f"{question}\n\n*{' · '.join(taken)}*\n:::\n"
        )
    return text + "::::\n"


def claims(books: dict) -> str:
    """The page of claims: a section for each chapter, a row for each claim that its outputs carry."""
    text = ""
    for name, nb in books.items():
        title = nb.cells[0].source.partition("\n")[0].removeprefix("# ")
        text += f"\n(claims-{name[:2].lower()})=\n## [{title}](/chapters/{name}.ipynb)\n\n"
        found = [
            (output.data["text/plain"], output.metadata["claim"])
            for cell in nb.cells
            for output in cell.get("outputs", [])
            if "claim" in output.get("metadata", {})
        ]
        if not found:
            text += "No claim of this chapter carries its value; `make refresh` records them.\n"
            continue
        text += "| claim | value | bound |\n|---|---:|---:|\n"
        for sentence, claim in found:
            text += f"| {cell_text(sentence)} | {value(claim['value'])} | {bound(claim)} |\n"
    return text


def cell_text(text: str) -> str:
    """Text that stays inside one cell of a Markdown table, and is no markup there."""
    text = " ".join(text.removeprefix("✓").split())
    return "".join("\\" + letter if letter in "\\|*_`$<[" else letter for letter in text)


def value(number: float | bool) -> str:
    return str(number).lower() if isinstance(number, bool) else f"{number:.3g}"


def bound(claim: dict) -> str:
    limits = [("at least", claim.get("at_least")), ("at most", claim.get("at_most"))]
    return ", ".join(f"{words} {limit:g}" for words, limit in limits if limit is not None)


def times(books: dict) -> str:
    """A row for each chapter: its minutes and where they were measured."""
    rows = [
        "| chapter | minutes | CPU cores | GPU | Python | PyTorch | date |",
        "|---|---:|---:|---|---|---|---|",
    ]
    for name, nb in books.items():
        link, it = f"[{name}](/chapters/{name}.ipynb)", nb.metadata.get("measured")
        if it is None:
            rows.append(f"| {link} | not measured | | | | | |")
        else:
            found = [it[key] for key in ("cores", "gpu", "python", "torch", "date")]
            found = [f"{it['minutes']:.2f}", *(each or "none" for each in found)]
            rows.append(f"| {link} | {' | '.join(map(str, found))} |")
    return "\n".join(rows) + "\n"


def gpu(_) -> str:
    """What `make gpu` measured, in tables; plainly that nothing was, if so."""
    path = ROOT / "docs" / "measured" / "gpu.json"
    if not path.exists():
        return "Nothing has been measured on a GPU with this version yet: `make gpu` measures it.\n"
    found = json.loads(path.read_text("utf-8"))
    lines = [f"Measured on {found['device']} with PyTorch {found['torch']}, {found['date']}.\n"]
    for name, part in found.items():
        if name not in ("device", "torch", "date") and not name.startswith("chapter"):
            rows = part if isinstance(part, list) else [part]
            lines.append(f"\n## {name[0].upper()}{name[1:]}\n\n{table(rows)}")
    rows = [
        {"chapter": name[8:]} | (part if isinstance(part, dict) else {"result": part})
        for name, part in found.items()
        if name.startswith("chapter")
    ]
    return "".join([*lines, f"\n## Chapters\n\n{table(rows)}"])


def table(rows: list) -> str:
    """Rows (dicts, or texts that say why there is none) as a Markdown table."""
    if not all(isinstance(row, dict) for row in rows):
        return "".join(f"{cell_text(str(row))}\n" for row in rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n"
    for row in rows:
        text += f"| {' | '.join(cell_text(str(row.get(name, ''))) for name in names)} |\n"
    return text


PAGES = {
    "gpu": ("gpu", gpu),
    "index": ("chapters", cards),
    "claims": ("claims", claims),
    "times": ("times", times),
}


def keep_one_caption(app, doctree) -> None:
    """Leave a caption to the picture of its cell: myst-nb gives it to a table of that cell as well."""
    for figure in list(doctree.findall(nodes.figure)):
        beside = [other for other in figure.parent if isinstance(other, nodes.figure)]
        if any(other.next_node(nodes.image) for other in beside) and not figure.next_node(nodes.image):
            figure.replace_self([part for part in figure if not isinstance(part, nodes.caption)])


def say_so(app, env) -> None:
    print("Writing the pages ...", flush=True)


def decks(app, exception) -> None:
    """The slides of the stored notebooks, where the bar under a title links to them."""
    if exception is None and app.builder.name == "html":
        try:
            slides.write(Path(app.outdir) / "slides")
        except BookError as error:  # a chapter was edited, and not executed yet
            print(f"Not all slides were written: {error}", flush=True)


def say_where(app, exception) -> None:
    if exception is None:
        print(f"The book is at {(Path(app.outdir) / 'index.html').as_uri()}")


def setup(app) -> dict:
    myst_cache.single_nb_execution = run
    app.connect("builder-inited", lambda app: copy_chapters(app) or bring_scripts(app))
    app.connect("env-get-outdated", made_from_chapters)
    app.connect("env-before-read-docs", order)
    app.connect("source-read", fill)
    app.connect("doctree-read", keep_one_caption)
    app.connect("env-updated", say_so)
    app.connect("build-finished", decks)
    app.connect("build-finished", say_where)
    return {"parallel_read_safe": False}
