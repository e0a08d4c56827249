"""The surroundings of every test: no window, no open figure, the same examples on every run."""

import matplotlib
import matplotlib.pyplot as plt
import pytest
from hypothesis import settings

matplotlib.use("Agg")
# Derandomised: a failure here fails for everyone. No deadline: machines differ.
settings.register_profile("book", derandomize=True, deadline=None, max_examples=25)
settings.load_profile("book")


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")
