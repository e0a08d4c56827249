"""nbval, as `make test` calls it, rejects changed claims and accepts the noise of another machine."""

import copy
import importlib.util
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parent.parent
CONFTEST = ROOT / "notebooks" / "conftest.py"


def claimed(text: str, value="0.351", more="at_most=0.6") -> str:
    return f"du.claim({text!r}, {value}, {more})"


def value(number):
    """The stored cell has another value: in the metadata and, rounded otherwise, in the sentence."""

    def spoil(cell):
        (output,) = cell.outputs
        output.metadata["claim"]["value"] = number
        sentence = output.data["text/plain"]
        output.data["text/plain"] = re.sub(r"(-?\d[\d.e-]*|inf)(?=\D* \()", "0.777", sentence)

    return spoil


def text(old: str, new: str):
    """The stored cell has another sentence."""

    def spoil(cell):
        output = cell.outputs[-1]
        if output.output_type == "stream":
            assert old in output.text
            output.text = output.text.replace(old, new)
        else:
            assert old in output.data["text/plain"]
            output.data["text/plain"] = output.data["text/plain"].replace(old, new)

    return spoil


def source(new: str):
    """The cell claims something else than when it was stored."""
    return lambda cell: cell.update(source=new)


def claim_entry(**changes):
    return lambda cell: cell.outputs[0].metadata["claim"].update(changes)


SLIDER = "import matplotlib.pyplot as p\ndu.slide(lambda x: p.figure(figsize=(x + 1, 1)), x=[1, 2])"
ERROR = "The error is {} of the mean image's"
# what is changed -> the source, how its stored cell is spoiled, words of the failure (None: passes)
CELLS = {
    "nothing": (claimed(ERROR), lambda cell: None, None),
    "value by a fifth": (claimed(ERROR), value(0.43), None),
    "value by two thirds": (claimed(ERROR), value(0.21), "a change by 30% is accepted"),
    "count by three eighths": (claimed("modes", "11", "at_least=1"), value(8), "'modes'"),
    "value within its own tolerance": (claimed("a", more="at_most=1, tolerance=0.9"), value(0.2), None),
    "value beyond its own tolerance": (claimed("a", more="at_most=1, tolerance=0.1"), value(0.4), "10%"),
    "rounding": (claimed("exact", "4e-14", "at_most=1e-9"), value(1.1e-16), None),
    "negative value": (claimed("a", "-2.5e-7", "at_least=-1"), value(3e-9), None),
    "infinite value": (claimed("a", "float('inf')", "at_least=1"), lambda cell: None, None),
    "value that is infinite now": (claimed("a", "float('inf')", "at_least=1"), value(3.0), "inf"),
    "bound": (claimed(ERROR), text("at most 0.6", "at most 0.7"), "mismatch 'text/plain'"),
    "kind of bound": (claimed(ERROR), text("at most", "at least"), "mismatch 'text/plain'"),
    "word": (claimed(ERROR), text("mean", "median"), "mismatch 'text/plain'"),
    "word before the value": (claimed(ERROR), text("error", "gain"), "mismatch 'text/plain'"),
    "digit of the words": (claimed("after 120 steps"), text("120", "140"), "mismatch 'text/plain'"),
    "digit before {}": (claimed("8 of 9: {} lost"), text("9:", "7:"), "mismatch 'text/plain'"),
    "word of a truth": ("du.claim('it is so', True)", text("is", "was"), "mismatch 'text/plain'"),
    "printed number": ("print('the 0.35 (of 1)')", text("0.35", "0.36"), "mismatch 'stdout'"),
    "claim removed": (claimed(ERROR), source("pass"), "Missing output fields"),
    "second claim": (claimed("a") + "\n" + claimed("b"), source(claimed("a")), "dissimilar number"),
    "claim added": ("pass", source(claimed(ERROR)), "Unexpected output fields"),
    "claim that fails": (claimed(ERROR), source(claimed(ERROR, "0.61")), "ClaimError"),
    "tolerance": (claimed("a"), claim_entry(tolerance=9.0), "Other claims than the stored"),
    "value where the output is ignored": (claimed("a"), value(0.2), "a change by 30%"),
    "claim where the output is ignored": (claimed("a"), source("1"), "Other claims than the stored"),
    "callback that raises, output ignored": (
        SLIDER,
        source(SLIDER.replace("x + 1", "1 / 0")),
        "Division",
    ),
    "stored without metadata": (claimed("a"), lambda c: c.outputs[0].update(metadata={}), "Other claims"),
}


@pytest.fixture(scope="module")
def stored():
    """A notebook with these cells, executed."""
    cells = [new_code_cell("import daeutils as du")]
    for name, (code, _, _) in CELLS.items():
        tags = ["nbval-ignore-output"] if "ignored" in name else []
        cells.append(new_code_cell(code, metadata={"tags": tags}))
    nb = new_notebook(cells=cells)
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    NotebookClient(nb, timeout=120, kernel_name="python3").execute(env=env)
    return nb


def said_of_cells(notebook: Path) -> list[str]:
    """What `pytest --nbval`, with the book's settings, says of each code cell; empty: it passes."""
    folder, report = notebook.parent, notebook.parent / "report.xml"
    for name in ("conftest.py", "nbval.cfg"):
        (folder / name).write_bytes(CONFTEST.with_name(name).read_bytes())
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider"]
    command += [f"--rootdir={folder}", f"--junitxml={report}", notebook]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
    assert report.exists(), done.stdout + done.stderr
    return [
        "".join(part.text or "" for part in case if part.tag in ("failure", "error"))
        for case in ElementTree.parse(report).iter("testcase")
    ]


@pytest.fixture(scope="module")
def verdicts(stored, tmp_path_factory) -> dict[str, str]:
    """what was changed -> what nbval says of the cell, empty if it passes"""
    folder = tmp_path_factory.mktemp("chapters")
    nb = copy.deepcopy(stored)
    for cell, (_, spoil, _) in zip(nb.cells[1:], CELLS.values(), strict=True):
        spoil(cell)
    nbformat.write(nb, folder / "small.ipynb")
    said = said_of_cells(folder / "small.ipynb")
    return dict(zip(CELLS, said[1:], strict=True))


@pytest.mark.parametrize("change", CELLS)
def test_nbval_accepts_or_rejects_a_change_of(change, verdicts):
    words = CELLS[change][2]
    if words is None:
        assert verdicts[change] == ""
    else:
        assert words in verdicts[change]


def test_notebook_stores_the_exact_value_of_a_claim_as_strict_json(stored):
    by_name = dict(zip(CELLS, stored.cells[1:], strict=True))
    (output,) = by_name["nothing"].outputs
    assert output.output_type == "display_data"
    assert output.data == {"text/plain": "✓ The error is 0.35 of the mean image's (at most 0.6)"}
    assert output.metadata == {
        "claim": dict(text=ERROR, value=0.351, at_least=None, at_most=0.6, tolerance=None)
    }
    assert by_name["infinite value"].outputs[0].metadata["claim"]["value"] == "inf"
    assert by_name["word of a truth"].outputs[0].metadata["claim"]["value"] is True
    json.dumps(stored, allow_nan=False)


def load_conftest():
    spec = importlib.util.spec_from_file_location("notebooks_conftest", CONFTEST)
    module = importlib.util.module_from_spec(spec)
    before = dict(os.environ)
    try:
        spec.loader.exec_module(module)
    finally:  # it prepares the environment of nbval's kernels, not ours
        os.environ.clear()
        os.environ.update(before)
    return module


@pytest.mark.parametrize(
    ("before", "after", "bounds", "tolerance", "named"),
    [
        (0.02, 0.0259, {"at_most": 0.05}, None, False),
        (0.02, 0.0261, {"at_most": 0.05}, None, True),
        (0.02, 0.0139, {"at_most": 0.05}, None, True),
        (0.001, 0.0024, {"at_most": 0.05}, None, False),  # both far below the bound: rounding
        (0.001, 0.0026, {"at_most": 0.05}, None, True),
        (-5.0, -6.4, {"at_least": -30}, None, False),
        (-5.0, -6.6, {"at_least": -30}, None, True),
        (100, 131, {"at_least": 0}, None, True),
        (0.0, 0.0, {"at_most": 0}, None, False),
        (0.0, 1.0, {"at_least": 0}, None, True),
        (1.0, 1.9, {"at_least": 0.5, "at_most": 100.0}, None, True),  # the nearest bound counts
        (1.0, 1.9, {"at_least": 0.5, "at_most": 100.0}, 1.0, False),
        (1.0, 1.0001, {"at_least": 0.5}, 0.0, True),
        ("inf", "inf", {"at_least": 0.5}, None, False),
        (5.0, "inf", {"at_least": 0.5}, None, True),
        (True, True, {}, None, False),
    ],
)
def test_change_of_a_value_is_named_beyond_its_tolerance(before, after, bounds, tolerance, named):
    entry = dict(text="it", at_least=None, at_most=None, tolerance=tolerance) | bounds
    said = load_conftest().moved(entry | {"value": before}, entry | {"value": after})
    assert bool(said) == named
    if named:
        assert "'it'" in said and f"{float(before):g}" in said
