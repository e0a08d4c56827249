"""What a reader of a chapter relies on: numbered captions, short open cells, and what is needed."""

import importlib.metadata
import os
import re
import subprocess
import sys

import pytest

from notebooks import NOTEBOOKS, caption, chapters, read, with_captions

FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
FIGURE = re.compile(r"^\*\*Figure (\w+)\.(\d+)\. [^*]+\*\* .+", re.MULTILINE)


@pytest.fixture(params=chapters(), ids=lambda path: path.stem[:2])
def chapter(request):
    return request.param.stem[:2], read(request.param)


def prose(nb):
    return "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")


def test_every_picture_has_a_caption(chapter):
    for number, cell in enumerate(chapter[1].cells):
        kinds = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
        assert "image/png" not in kinds or caption(cell), f"cell {number} shows a picture"


def test_figures_are_numbered_in_order_and_named_in_the_text(chapter):
    name, nb = chapter
    text = prose(with_captions(nb))
    found = FIGURE.findall(text)
    own = name.lstrip("0") or "0"
    assert found == [(own, str(k)) for k in range(1, len(found) + 1)]
    rest = FIGURE.sub("", text)
    for _, k in found:
        assert re.search(rf"Figures? (?:[\w.]+ and )?{own}\.{k}\b", rest), (
            f"the text never names {own}.{k}"
        )


def test_an_open_cell_fits_beside_its_text(chapter):
    for number, cell in enumerate(chapter[1].cells):
        if cell.cell_type == "code" and not FOLDED & set(cell.metadata.get("tags", [])):
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 20, f"cell {number} has {len(lines)} lines"
            assert max(map(len, lines)) <= 86, f"cell {number} is too wide"


def test_a_chapter_says_what_it_asks_and_needs_and_what_stays(chapter):
    text = prose(chapter[1])
    parts = [
        "**Question.**",
        "**You will be able to**",
        "**You need**",
        "**Time.**",
        "## What to remember",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places and places == sorted(places)


def test_at_most_five_claims_are_visible(chapter):
    shown = [
        output
        for cell in chapter[1].cells
        if "hide-cell" not in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
        if "claim" in output.get("metadata", {})
    ]
    assert 1 <= len(shown) <= 5


EVERY = [path for name in (".", "solutions", "exercises") for path in chapters(folder=NOTEBOOKS / name)]


@pytest.mark.parametrize("path", EVERY, ids=lambda path: f"{path.parent.name}-{path.stem[:2]}")
def test_what_has_columns_is_a_table(path):
    """Printed columns would wrap on a phone; du.table scrolls. In prose nan says nothing to a reader."""
    for number, cell in enumerate(read(path).cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                for line in output.text.splitlines():
                    assert not re.search(r"\S {2,}\S|\bnan\b", line), f"cell {number} prints {line!r}"
            elif "text/html" in output.get("data", {}):
                assert ">nan<" not in output.data["text/html"], f"cell {number} shows nan"


def test_captions_stand_below_their_figures_in_a_copy():
    nb = read(next(path for path in chapters() if path.stem.startswith("01")))
    copied = with_captions(nb)
    for above, below in zip(copied.cells, copied.cells[1:], strict=False):
        if caption(above):
            assert below.cell_type == "markdown" and below.source == caption(above)
    assert len(copied.cells) == len(nb.cells) + sum(bool(caption(cell)) for cell in nb.cells)


# The first cell of code, on machines where the package is missing

HOSTS = {"Colab": (sys.modules, "google.colab"), "Kaggle": (os.environ, "KAGGLE_KERNEL_RUN_TYPE")}


def first_code(path) -> str:
    return next(cell.source for cell in read(path).cells if cell.cell_type == "code")


@pytest.fixture
def missing(monkeypatch):
    """What was asked of pip, on a machine that gets daeutils only by that."""
    asked = []

    def install(command):
        asked.append(command)
        monkeypatch.undo()

    monkeypatch.setattr(subprocess, "check_call", install)
    monkeypatch.setitem(sys.modules, "daeutils", None)
    for place, sign in HOSTS.values():
        monkeypatch.delitem(place, sign, raising=False)
    return asked


def test_every_notebook_begins_with_the_same_import():
    assert len({first_code(path) for path in EVERY}) == 1 and len(EVERY) > 30


def test_a_kernel_without_the_package_says_how_to_get_it(missing):
    with pytest.raises(ImportError, match=r"make lab.*\.venv.*\n.*%pip install git.*\n.*\.whl") as e:
        exec(first_code(EVERY[0]), {})
    assert missing == []
    wheel = re.search(r"daeutils-([\d.]+)-py3", str(e.value))[1]
    assert wheel == importlib.metadata.version("daeutils")


@pytest.mark.parametrize("host", HOSTS)
def test_a_hosted_notebook_installs_the_book_and_keeps_its_torch(host, missing, monkeypatch):
    place, sign = HOSTS[host]
    monkeypatch.setitem(place, sign, sys if place is sys.modules else "Interactive")
    names = {}
    exec(first_code(EVERY[0]), names)
    (command,) = missing
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    kept = {f"{name}=={importlib.metadata.version(name)}" for name in ("torch", "torchvision")}
    assert kept < set(command) and names["du"].ring
