"""A progress bar where it has somewhere to go, and what stands for it where it has not."""

import os
import sys

from tqdm.auto import tqdm


def bar(wanted: bool, **options) -> "tqdm | Silent":
    """tqdm's, if wanted, in a terminal or a notebook, unless TQDM_DISABLE is set; gone when closed."""
    unwanted = os.environ.get("TQDM_DISABLE", "0") not in ("", "0")  # tqdm's notebook bar ignores it
    if wanted and not unwanted and ("ipykernel" in sys.modules or sys.stderr.isatty()):
        # disable: left out, tqdm goes by TQDM_DISABLE as it was at its import
        return tqdm(leave=False, disable=False, **options)
    return Silent()


class Silent:
    """In the place of a bar that is not shown. A disabled one of tqdm would still take tqdm's lock, which
    is shared with forked processes: one that is killed while it holds it stops the others."""

    def update(self, n: int = 1) -> None:
        """Nothing."""

    def set_postfix(self, **values) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
