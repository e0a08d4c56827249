"""Runs of a benchmark, kept as they finish, and on what: what the benchmarks share.

A section gives (settings, function that returns rows) for each run. Its rows lie in one file.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from report import write
from tqdm.auto import tqdm

import daeutils as du

ROOT = Path(__file__).resolve().parent.parent


def cpu_words() -> str:
    """The threads of the CPU."""
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' * (threads > 1)}"


def device_words() -> str:
    """The GPU's name, or the threads of the CPU."""
    return torch.cuda.get_device_name() if du.pick_device().type == "cuda" else cpu_words()


def python(code: str, *arguments, **options) -> str:
    """What a fresh Python printed, which finds the package and the benchmarks.

    options: of subprocess.run; `env` is added to the environment.
    """
    paths = [str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")]
    path = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True,
        **options | {"env": os.environ | path | options.get("env", {})},
    )  # fmt: skip
    return done.stdout


def words_of(settings: dict) -> str:
    """The settings of a run on one line, for its bar and for --only."""
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


def run(runs: Callable, path: Path, sizes, again: bool = False, only: str = "") -> None:
    """Measure what is not there yet. Each row: the settings of its run, what was found, on what, when.

    Args:
        runs: (sizes, rows) -> the runs, where rows(section) reads what was measured so far.
        path: of the section's rows.
        again: measure also what is there.
        only: runs whose settings contain this text.
    """

    def rows(name: str = path.stem) -> list[dict]:
        file = path.with_stem(name)
        return json.loads(file.read_text("utf-8")) if file.exists() else []

    bar = tqdm(desc=path.stem, unit="run")
    for settings, work in runs(sizes, rows):
        words = words_of(settings)
        bar.set_postfix_str(words)

        def others(settings=settings) -> list[dict]:
            return [row for row in rows() if settings.items() - row.items()]

        if only in words and (again or len(others()) == len(rows())):
            about = {"device": device_words(), "torch": torch.__version__.split("+")[0],
                     "date": datetime.date.today().isoformat()}  # fmt: skip
            new = [{**settings, **about, **row} for row in work()]
            lines = ",\n".join(json.dumps(row) for row in [*others(), *new])  # another may have written
            write(path, f"[\n{lines}\n]\n")
        bar.update()
    bar.close()


def main(
    about: str, sections: dict, run: Callable, sizes: tuple, publish: Callable, arguments=None
) -> None:
    """The command line of a benchmark.

    Args:
        about: its docstring.
        sections: by name.
        run: (section, folder, sizes, again, only), measures one section.
        sizes: the real ones, and the quick ones.
        publish: of a folder, draws and writes from what is there.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(sections)}; all by default")
    parser.add_argument("--again", action="store_true", help="measure again what is there already")
    parser.add_argument("--quick", action="store_true", help="a few steps: does it run? Kept in _build")
    parser.add_argument("--only", default="", help="runs whose settings contain this text, 'seed = 1'")
    parser.add_argument("--figure", action="store_true", help="only draw and write from what is there")
    parser.add_argument("--out", type=Path, help="folder of the results (docs/measured)")
    given = parser.parse_args(arguments)
    unknown = set(given.sections) - set(sections)
    if unknown:
        parser.error(f"unknown section: {', '.join(unknown)}; expected of {', '.join(sections)}.")
    folder = given.out or ROOT / ("_build/benchmarks" if given.quick else "docs/measured")
    try:
        for section in [] if given.figure else given.sections or list(sections):
            run(section, folder, sizes[given.quick], given.again, given.only)
    except KeyboardInterrupt:
        print("\nStopped. Every finished run is kept, and is not repeated next time.")
    publish(folder)
