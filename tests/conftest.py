"""The surroundings of every test: no window, no open figure, the same examples on every run."""

import itertools
import os
import random
import shutil
from pathlib import Path

import book
import matplotlib
import matplotlib.pyplot as plt
import pytest
from filelock import FileLock
from hypothesis import Phase, settings

matplotlib.use("Agg")
# Derandomised: a failure here fails for everyone. No deadline: machines differ.
settings.register_profile("book", derandomize=True, deadline=None, max_examples=25)
# Many more of them: HYPOTHESIS_PROFILE=long, or pytest --hypothesis-profile=long.
settings.register_profile("long", settings.get_profile("book"), max_examples=100)
# For planted faults, where the first failure is all that counts.
settings.register_profile(
    "unshrunk", settings.get_profile("book"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "book"))

# Nothing of its own: no update, no first-run page, and no name but this machine's is looked up.
CHROMIUM = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
  --disable-component-update --disable-sync""".split()
CHROMIUM.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost")


def pytest_addoption(parser):
    """--shuffle=SEED: `make suite SHUFFLE=7`."""
    parser.addoption("--shuffle", type=int, help="another order: files, and within a .py file its tests")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """With --shuffle no test may rely on those before it, but a cell of a notebook must."""
    if (seed := config.getoption("shuffle")) is None:
        return
    dice = random.Random(seed)
    files = [list(group) for _, group in itertools.groupby(items, lambda item: item.path)]
    for tests in files:
        if tests[0].path.suffix == ".py":
            dice.shuffle(tests)
    dice.shuffle(files)
    items[:] = itertools.chain.from_iterable(files)


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id) -> Path:
    """The folder of the web book, built as `make site` builds it: once, however many test at a time."""
    base = tmp_path_factory.getbasetemp()
    together = base if worker_id == "master" else base.parent
    with FileLock(together / "site.lock"):
        if not (together / "site-is-built").exists():
            book.site()
            (together / "site-is-built").touch()
    return book.BUILD / "html"


# Of a module, not of the session: playwright's event loop would stop others from running theirs.
@pytest.fixture(scope="module")
def browser():
    """Chromium without a window; the tests that need it are skipped where there is none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        names = ["chromium", "chromium-browser", "google-chrome", playwright.chromium.executable_path]
        found = next(filter(None, map(shutil.which, names)), None)
        if not found:
            pytest.skip(
                "no Chromium: `apt-get install chromium`, or `python -m playwright install chromium`"
            )
        chromium = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        yield chromium
        chromium.close()
