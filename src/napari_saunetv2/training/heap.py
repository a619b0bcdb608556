"""Where the C library takes memory from during a training."""

import ctypes
import sys

_ARENA_MAX = -8
"""Number of the setting in glibc's ``malloc.h``."""


def share() -> bool:
    """Let all threads take memory from one heap; returns whether the C library has that setting.

    A training goes forward in one thread and back in another. glibc gives each a heap of its own, so that
    what one has freed is of no use to the other: a step takes some 70 MB more. Allocations are few and large,
    so threads do not wait for each other.
    """
    if not sys.platform.startswith("linux"):
        return False
    setting = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries of Linux have none
    return setting is not None and bool(setting(_ARENA_MAX, 1))
