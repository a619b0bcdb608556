"""How many threads an engine uses: as many as torch would."""

import os
import sys

_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables that torch heeds."""


def threads() -> int:
    """Number of threads; 0, the engine's own choice, until torch is loaded or where nothing is asked for."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        return int(torch.get_num_threads())
    asked = next((os.environ[name] for name in _LIMITS if os.environ.get(name, "").isdigit()), "0")
    return int(asked)
