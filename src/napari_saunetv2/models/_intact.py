"""Whether a model file holds the weights that its header was written for, without torch."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.models.header import Header, read

_TYPES = {
    "F64": ("float64", np.float64),
    "F32": ("float32", np.float32),
    "F16": ("float16", np.float16),
    "I64": ("int64", np.int64),
    "I32": ("int32", np.int32),
}
"""Types of weights: torch's name of each, which is in the hash, and NumPy's; others are left to torch."""


def intact(path: Path) -> Header | None:
    """Header of a model file with the weights it was written for, all of them finite; None for any other."""
    try:
        claims = read(path)
        weights = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except (CheckpointError, safetensors.SafetensorError, OSError):
        return None
    if any(about["dtype"] not in _TYPES for _, about in weights):
        return None
    named = [(n, _TYPES[w["dtype"]][0], tuple(w["shape"]), bytes(w["data"])) for n, w in weights]
    values = (np.frombuffer(w["data"], _TYPES[w["dtype"]][1]) for _, w in weights)
    sound = digest(claims.plain, named) == claims.header.sha256 and all(np.isfinite(v).all() for v in values)
    return claims.header if sound else None


def digest(header: Mapping[str, Any], weights: Iterable[tuple[str, str, tuple[int, ...], bytes]]) -> str:
    """Hash of a header as stored (a later version may have more fields) and of the weights.

    Parameters
    ----------
    header : mapping
    weights : iterable of (str, str, tuple of int, bytes)
        Name, type ("float32"), shape and values of each.
    """
    plain = {k: v for k, v in header.items() if k != "sha256"}
    made = hashlib.sha256(json.dumps({**plain, "sha256": ""}, sort_keys=True).encode())
    for name, kind, shape, values in sorted(weights):
        made.update(f"{name} torch.{kind} {shape}".encode() + values)
    return made.hexdigest()
