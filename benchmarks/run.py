"""Measure what the benchmark pages show, and write their tables and figures.

    python benchmarks/run.py [scores] [images] [objects] [seeds] [speed]

Everything takes hours. A finished run is kept at once in docs/measured/<page>.jsonl and is not repeated,
so the command can be stopped and given again.
"""

import argparse
import importlib

from report import publish
from store import ROOT, Store

from daeutils import _check

PAGES = ("scores", "images", "objects", "seeds", "speed")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pages", nargs="*", help="all by default")
    parser.add_argument("--quick", action="store_true", help="a few steps, kept in _build: does it run?")
    parser.add_argument(
        "--report", action="store_true", help="only write tables and figures from the rows"
    )
    parser.add_argument("--out", type=_check.path, help="folder of the results (docs/measured)")
    given = parser.parse_args(arguments)
    if unknown := set(given.pages) - set(PAGES):
        parser.error(f"unknown page: {', '.join(sorted(unknown))}; expected {', '.join(PAGES)}.")
    folder = given.out or ROOT / ("_build/benchmarks" if given.quick else "docs/measured")
    for name in given.pages or PAGES:
        page = importlib.import_module(name)
        try:
            if not given.report:
                page.run(Store(folder / f"{name}.jsonl"), page.QUICK if given.quick else page.Sizes())
        except KeyboardInterrupt:
            print("\nStopped. Every finished run is kept and is not repeated next time.")
            return
        publish(page, folder)


if __name__ == "__main__":
    main()
