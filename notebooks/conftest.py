"""What `pytest --nbval` needs here: which notebooks it compares, how, and in which surroundings."""

import os
from pathlib import Path

collect_ignore_glob = ["exercises/*"]  # unsolved, so their checks fail

# No progress bars among the outputs, and the budget of the stored ones.
os.environ |= {"TQDM_DISABLE": "1", "DAE_BUDGET": "quick"}
# The kernel draws inline whatever the shell asks for.
os.environ.pop("MPLBACKEND", None)


def pytest_configure(config):
    """Set nbval's options, so that they are the same wherever pytest is called."""
    if getattr(config.option, "nbval", False):
        config.option.nbval_sanitize_with = str(Path(__file__).with_name("nbval.cfg"))
        config.option.nbval_current_env = True
        config.option.nbval_cell_timeout = 600
        config.option.nbval_kernel_startup_timeout = 120
