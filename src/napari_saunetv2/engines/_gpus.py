"""Whether torch could use a GPU here, found out without torch, which takes seconds to import."""

import ctypes
import re
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

_DRIVERS = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
"""NVIDIA's driver: without it torch finds no GPU."""


@lru_cache(maxsize=1)
def perhaps() -> bool:
    """Whether there may be a GPU; False only where torch would certainly find none."""
    if "torch" in sys.modules or sys.platform not in _DRIVERS:
        return True
    built_for = _built_for()
    if built_for is None or built_for["hip"] != "None":
        return True
    return built_for["cuda"] != "None" and _has_driver()


def _built_for() -> dict[str, str] | None:
    """What torch's own file says it was built for; None if it does not say."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    found = dict(re.findall(r"(?m)^(cuda|hip)\b[^=\n]*= *(\S+)", text))
    return found if found.keys() == {"cuda", "hip"} else None


def _has_driver() -> bool:
    try:
        ctypes.CDLL(_DRIVERS[sys.platform])
    except OSError:
        return False
    return True
