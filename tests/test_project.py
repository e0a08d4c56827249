"""The files around the book agree with one another, and README keeps its promises."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Repository"]

# Environments


def requirements(*extras: str) -> dict[str, str]:
    """name -> version range of what pyproject.toml asks for, with these extras or with all of them"""
    lines = list(PROJECT["dependencies"])
    for extra in extras or PROJECT["optional-dependencies"]:
        lines += PROJECT["optional-dependencies"][extra]
    parsed = map(Requirement, lines)
    return {canonicalize_name(entry.name): str(entry.specifier) for entry in parsed}


def test_the_conda_environment_has_the_python_and_the_packages_of_pyproject():
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    assert wanted == [f"python{PROJECT['requires-python']}", "pip", {"pip": ["-e .[book]"]}]


def test_binder_gets_pytorch_for_cpus_and_then_the_book():
    wanted = yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text("utf-8"))["dependencies"]
    assert wanted[0] == f"python{PROJECT['requires-python']}"
    assert wanted[-1]["pip"][0].endswith("/whl/cpu") and wanted[-1]["pip"][1:] == ["torch", "torchvision"]
    after = ROOT / ".binder" / "postBuild"
    assert '-e ".[book]"' in after.read_text("utf-8") and os.access(after, os.X_OK)


def test_at_most_forty_packages_are_asked_for_and_each_says_why():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    lines = [line for line in text.splitlines() if re.match(r'  "[\w-]+>=', line)]
    assert len(lines) == len(requirements()) <= 40
    assert all("#" in line for line in lines), lines


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


# What README promises


README = (ROOT / "README.md").read_text("utf-8")


def test_readme_and_make_name_the_same_goals():
    """Each `make goal` of README, guide and workflow exists, and `make` alone lists every goal."""
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "teaching").glob("*.md")]
    texts = [README, *(path.read_text("utf-8") for path in pages)]
    texts += [path.read_text("utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")]
    named = {
        goal for text in texts for goal in re.findall(r"(?:`|run: |^)make ([a-z][a-z-]*)", text, re.M)
    }
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    goals = set(re.search(r"\.PHONY: (.*)", makefile)[1].split())
    assert named and named <= goals, named - goals
    listed = set(re.findall(r"(?:echo \"|, )make ([a-z-]+)", make("help")))
    assert listed == goals - {"help", "suite"}


def test_readme_links_lead_to_files():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links and all((ROOT / link).exists() for link in links), links


def test_the_example_of_readme_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    assert 0 < float(capsys.readouterr().out.split()[-1]) < 0.05


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
