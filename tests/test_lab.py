"""Chapters in JupyterLab, as `make lab` starts it: run all, move every slider by keyboard, save."""

import http.client
import json
import os
import subprocess
import time
from pathlib import Path

import book
import lab as program
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import TimeoutError as TookTooLong

import notebooks
from notebooks import NOTEBOOKS, ROOT, TWINS, read

CHAPTER = "02-the-score-inside-bce"  # it has sliders, and runs within a minute on one core
SECONDS = 600  # for one chapter's cells, and for one figure: far more than it takes

# What `slide` makes, and ways to go wrong.
SLIDER = """
import daeutils as du
import matplotlib.pyplot as plt

def draw(sigma):
    plt.figure(figsize=(2, 1))
    {body}

du.slide(draw, sigma=[1, 2, 3])
"""
SPOILED = {
    "an output is an error": SLIDER.format(body="plt.plot([0, 1 / (sigma - 2)])"),
    "stayed as it was": SLIDER.format(body="plt.plot([0, 1])"),
}


def test_the_copy_is_filled_once_and_never_overwritten(tmp_path):
    given = [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("exercises/*.ipynb")]
    assert program.fill(tmp_path) == len(given)
    mine, gone = tmp_path / "00-start-here.ipynb", tmp_path / "exercises" / "00-start-here.ipynb"
    mine.write_text("my work", encoding="utf-8")
    gone.unlink()
    assert program.fill(tmp_path) == 1
    assert gone.exists() and mine.read_text("utf-8") == "my work"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Address and folder of a JupyterLab as `make lab` starts it, on a copy of its own."""
    base = tmp_path_factory.mktemp("lab")
    root = base / "copy"
    program.fill(root)
    for number, source in enumerate(SPOILED.values()):
        nb = notebooks.tidy(new_notebook(cells=[new_code_cell(source)]))
        nbformat.write(nb, root / f"spoiled-{number}.ipynb")
    # Beside what `make lab` does: no window, the handle for this test, and root where a container is.
    command = [*program.command(root), "--no-browser", "--LabApp.expose_app_in_browser=True"]
    command += ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    env |= {f"JUPYTER_{name}_DIR": str(base / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    with open(base / "log.txt", "w", encoding="utf-8") as log:
        apart = {"stdout": log, "stderr": log, "start_new_session": True}  # Ctrl-C is for pytest
        server = subprocess.Popen(command, cwd=base, env=env, **apart)
    try:
        yield address(server, base), root
    finally:
        server.terminate()  # it ends its kernels; without it they end themselves
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(20)


def address(server: subprocess.Popen, base: Path) -> dict:
    """url and token that the server wrote down, once it has."""
    end = time.monotonic() + 90
    while time.monotonic() < end and server.poll() is None:
        for file in (base / "RUNTIME").glob("jpserver-*.json"):
            if text := file.read_text("utf-8"):
                return json.loads(text)
        time.sleep(0.2)
    raise AssertionError("JupyterLab did not start:\n" + (base / "log.txt").read_text("utf-8")[-3000:])


READY = """() => window.jupyterapp?.shell.currentWidget?.context?.isReady
  && jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === "idle" """

# Not awaited: a call into the page has no time limit, and waiting for its result has one.
RUN_ALL = """() => {
  jupyterapp.commands.execute("notebook:run-all-cells").then(() => {
    const {content} = jupyterapp.shell.currentWidget;
    const cells = [...content.model.cells].filter((cell) => cell.type === "code");
    const outputs = cells.flatMap((cell) => cell.outputs.toJSON());
    window.ran = {
      cells: cells.map((cell) => cell.executionCount),
      errors: outputs.filter((out) => out.output_type === "error").map((out) => out.ename),
    };
  });
}"""

# A long notebook draws only what is in view: go to the cell that shows the sliders.
TO_SLIDERS = r"""() => {
  const {content} = jupyterapp.shell.currentWidget;
  const place = [...content.model.cells].findIndex(
    (cell) => cell.type === "code" && /\bslide\(/.test(cell.sharedModel.source));
  if (place < 0) return false;
  content.activeCellIndex = place;
  return content.scrollToItem(place).then(() => true);
}"""

CELL = ".jp-Cell.jp-mod-active"
ERROR = f"{CELL} [data-mime-type$='jupyter.error'], {CELL} [data-mime-type$='jupyter.stderr']"
CHANGED = f"""(before) => document.querySelector("{ERROR}")
  || ![before, undefined].includes(document.querySelector("{CELL} .dae-slide img")?.src)"""


def problems(browser, server: dict, name: str, patience: float = SECONDS) -> list[str]:
    """What goes wrong when a reader opens the notebook, runs all cells, moves each slider and saves."""
    with browser.new_context(viewport={"width": 1400, "height": 1000}) as context:
        context.set_default_timeout(1000 * patience)
        page = context.new_page()
        page.goto(f"{server['url']}lab/tree/{name}.ipynb?token={server['token']}&reset")
        page.wait_for_function(READY, timeout=90_000)
        page.evaluate(RUN_ALL)
        ran = page.wait_for_function("window.ran", timeout=1000 * SECONDS).evaluate("() => window.ran")
        found = [f"an output is an error: {error}" for error in ran["errors"]]
        if ran["cells"] != list(range(1, 1 + len(ran["cells"]))):
            found.append(f"not every cell ran, and once: {ran['cells']}")
        if found or not page.evaluate(TO_SLIDERS):
            return found or ["no slider"]
        figure = page.locator(f"{CELL} .dae-slide img")
        handles = page.locator(f"{CELL} .dae-slide input")
        figure.wait_for(state="attached")
        for handle in handles.all():
            before = figure.get_attribute("src")
            at_end = handle.input_value() == handle.get_attribute("max")
            handle.focus()
            page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
            try:
                page.wait_for_function(CHANGED, arg=before)
            except TookTooLong:
                found.append("a slider moved, and the figure stayed as it was")
            found += [
                f"an error beside the figure: {line}" for line in page.locator(ERROR).all_inner_texts()
            ]
        page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")
        page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        return found


def test_lab_listens_on_this_machine_only_and_refuses_who_has_no_token(lab):
    """Neither reads a file nor starts a program; a page leads to the login; a wrong token is none."""
    server, root = lab
    assert server["hostname"] in ("localhost", "127.0.0.1")
    assert server["token"] and server["root_dir"] == str(root)

    def status(path, method="GET", token=None):
        connection = http.client.HTTPConnection("localhost", server["port"], timeout=30)
        connection.request(method, path, headers={"Authorization": f"token {token}"} if token else {})
        return connection.getresponse().status

    for path in ("/api/contents", "/api/kernels", "/api/terminals", "/files/x"):
        assert status(path) in (302, 403)
        assert status(path, token="wrong") in (302, 403)
    assert status("/api/kernels", "POST") == 403
    assert status("/api/contents", token=server["token"]) == 200  # so the others were refused for that


def test_lab_opens_on_the_first_chapter(browser, lab):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{lab[0]['url']}?token={lab[0]['token']}")
        page.wait_for_function(READY, timeout=90_000)
        assert page.evaluate("jupyterapp.shell.currentWidget.context.path") == "00-start-here.ipynb"
        menus = page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
        assert "Run" in menus and "Nbgrader" not in menus  # grading is for teachers
        page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")


def test_a_chapter_runs_its_sliders_move_the_figure_and_what_is_saved_can_be_built(browser, lab):
    assert problems(browser, lab[0], CHAPTER) == []
    saved = read(lab[1] / f"{CHAPTER}.ipynb")
    twin = notebooks.with_captions(notebooks.jupytext.read(TWINS / f"{CHAPTER}.py", fmt="py:percent"))
    assert [cell.source for cell in saved.cells] == [cell.source for cell in twin.cells]
    book.describe_sliders(saved)


@pytest.mark.parametrize("reason", SPOILED)
def test_a_spoiled_notebook_is_seen(browser, lab, reason):
    number = list(SPOILED).index(reason)
    found = problems(browser, lab[0], f"spoiled-{number}", patience=10)
    assert any(reason in line for line in found), found
