"""Whether a progress bar has somewhere to go."""

import os
import sys


def shown(progress: bool) -> bool:
    """If wanted: in a terminal or a notebook, unless TQDM_DISABLE is set."""
    unwanted = os.environ.get("TQDM_DISABLE", "0") not in ("", "0")  # tqdm's notebook bar ignores it
    return progress and not unwanted and ("ipykernel" in sys.modules or sys.stderr.isatty())
