"""Measured rows in one file a page: a run that is there already is read and not repeated."""

import datetime
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import torch

import daeutils as du

ROOT = Path(__file__).resolve().parent.parent


def circumstances() -> dict:
    """On what, with what and when something is measured."""
    threads = torch.get_num_threads()
    cpu = f"CPU, {threads} thread{'s' * (threads > 1)}"
    gpu = du.pick_device().type == "cuda"
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "device": torch.cuda.get_device_name() if gpu else cpu,
        "torch": torch.__version__.split("+")[0],
        "commit": commit or "unknown",
        "date": datetime.date.today().isoformat(),
    }


class Store:
    """The runs of one page, a line of JSON each: {"settings": {}, "about": {}, "rows": [{}]}.

    A line is written when its run is finished, so an interruption loses one run; a line that was cut off
    is measured again. To repeat a measurement, delete its lines.
    """

    def __init__(self, path: Path):
        self.path, self.runs = path, []
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            try:
                self.runs.append(json.loads(line))
            except json.JSONDecodeError:
                print(f"{path.name}: a line was cut off; its run is measured again.")

    def measure(self, work: Callable[[], list[dict]], **settings) -> list[dict]:
        """The rows of the run with these settings: the stored ones, or those that work() measures now."""
        for run in self.runs:
            if run["settings"] == settings:
                return run["rows"]
        print(f"{self.path.stem}: {', '.join(f'{name} {value}' for name, value in settings.items())}")
        run = {"settings": settings, "about": circumstances(), "rows": work()}
        self.runs.append(run)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * whole + json.dumps(run) + "\n")
        return run["rows"]

    def flat(self) -> list[dict]:
        """Every row, with the settings of its run and what it was measured on."""
        return [run["settings"] | run["about"] | row for run in self.runs for row in run["rows"]]
