"""Open the chapters in JupyterLab, on a copy in lab/, so that reading never changes the checkout."""

import subprocess
import sys
from pathlib import Path

from notebooks import NOTEBOOKS, ROOT, chapters, read, with_captions, write

FOLDER = ROOT / "lab"


def fill(folder: Path) -> int:
    """Copy the chapters and exercises that are missing in `folder`, and no others; their number."""
    new = 0
    for path in [*chapters(), *chapters(folder=NOTEBOOKS / "exercises")]:
        target = folder / path.relative_to(NOTEBOOKS)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            write(with_captions(read(path)), target)
            new += 1
    return new


def command(folder: Path) -> list[str]:
    """What starts JupyterLab on `folder`, at the first chapter."""
    start = "--LabApp.default_url=/lab/tree/00-start-here.ipynb"
    return [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", start]


if __name__ == "__main__":
    print(f"Copied {fill(FOLDER)} notebooks to {FOLDER}; those that were there are as you left them.")
    print("For a fresh copy of one, rename or delete yours and call `make lab` again.", flush=True)
    try:
        sys.exit(subprocess.run(command(FOLDER), cwd=ROOT).returncode)
    except KeyboardInterrupt:
        pass  # JupyterLab has had it, too
