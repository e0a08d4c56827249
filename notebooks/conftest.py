"""The surroundings in which nbval compares the chapters: those in which they were stored."""

import os

# No progress bars among the outputs, and the budget of the stored ones.
os.environ |= {"TQDM_DISABLE": "1", "DAE_BUDGET": "quick"}
# The kernel draws inline whatever the shell asks for; claims are recorded by `make book` alone.
for name in ("MPLBACKEND", "DAE_LEDGER"):
    os.environ.pop(name, None)
