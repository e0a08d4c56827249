"""The surroundings of every test: no window, no open figure, the same examples on every run."""

import os
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest
from hypothesis import settings

from notebooks import NOTEBOOKS, ROOT

matplotlib.use("Agg")
# Derandomised: a failure here fails for everyone. No deadline: machines differ.
settings.register_profile("book", derandomize=True, deadline=None, max_examples=20)
# Many more of them: HYPOTHESIS_PROFILE=long, or pytest --hypothesis-profile=long.
settings.register_profile("long", settings.get_profile("book"), max_examples=80)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "book"))

# Chromium looks for no update, shows no first-run page, and knows no name but this machine's.
CHROMIUM = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
  --disable-component-update --disable-sync""".split()
CHROMIUM.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost")


@pytest.fixture(autouse=True)
def figures_of_its_own():
    """No open figure and no style is left to the next test."""
    with matplotlib.rc_context():
        yield
    plt.close("all")


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the web book, as `make site` or `make book` built it; `make test` does so first."""
    index = ROOT / "_build" / "html" / "index.html"
    sources = [
        *NOTEBOOKS.glob("*.ipynb"),
        *(ROOT / "docs").glob("*.*"),
        *(ROOT / "docs/static").glob("*"),
    ]
    newest = max(path.stat().st_mtime for path in sources)
    if not index.exists() or index.stat().st_mtime < newest:
        pytest.fail("the web book is older than its sources: run `make site`")
    return index.parent


# Of a module, not of the session: playwright's event loop would stop others from running theirs.
@pytest.fixture(scope="module")
def browser():
    """Chromium without a window; the tests that need it are skipped where there is none."""
    from playwright.sync_api import sync_playwright

    import pdf

    with sync_playwright() as playwright:
        if not (found := pdf.chromium(playwright)):
            pytest.skip(pdf.NO_CHROMIUM)
        chromium = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        yield chromium
        chromium.close()
