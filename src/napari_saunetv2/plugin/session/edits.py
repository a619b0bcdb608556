"""What a user painted: told from what the program drew by a copy of that."""

import hashlib
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

_drawn: WeakKeyDictionary[Labels, NDArray[Any]] = WeakKeyDictionary()
_noted: set[bytes] = set()


def remember(layer: Labels, pixels: NDArray[Any] | None = None) -> None:
    """Note what a layer shows now, or showed before somebody painted on it, as not painted by anybody."""
    # The layer paints into its own array: only a copy tells later what was painted.
    _drawn[layer] = np.array(layer.data if pixels is None else pixels)


def drawn(layer: Labels) -> NDArray[Any] | None:
    """Give what a layer showed when it was remembered; None where it never was."""
    return _drawn.get(layer)


def painted(layer: Labels) -> bool:
    """Say whether a layer has changed since it was remembered; one that never was has not."""
    before = _drawn.get(layer)
    return before is not None and not np.array_equal(layer.data, before)


def unsaved(layer: Labels) -> bool:
    """Say whether a layer was painted on and not saved since, with Save or with our writer."""
    return painted(layer) and _digest(layer.name, layer.data) not in _noted


def note_saved(name: str, pixels: NDArray[Any]) -> None:
    """Note that these pixels of a layer of that name lie in a file."""
    _noted.add(_digest(name, pixels))


def _digest(name: str, pixels: NDArray[Any]) -> bytes:
    # The name too: labels of two eyes that were erased altogether are the same pixels.
    digest = hashlib.blake2b(f"{name} {pixels.dtype} {pixels.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()
