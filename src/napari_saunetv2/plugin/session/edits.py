"""Detect what a user painted, by comparison with a copy of the original labels."""

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
    # The layer paints into its own array, so only a copy shows later what was painted.
    _drawn[layer] = np.array(layer.data if pixels is None else pixels)


def drawn(layer: Labels) -> NDArray[Any] | None:
    """Return a layer's remembered labels; None if there are none."""
    return _drawn.get(layer)


def painted(layer: Labels) -> bool:
    """Whether a layer has changed since it was remembered; False if it never was."""
    before = _drawn.get(layer)
    return before is not None and not np.array_equal(layer.data, before)


def unsaved(layer: Labels) -> bool:
    """Whether a layer has painting not saved since with Save or the plugin's writer."""
    return painted(layer) and _digest(layer.name, layer.data) not in _noted


def note_saved(name: str, pixels: NDArray[Any]) -> None:
    """Note that these pixels of a layer of this name are saved."""
    _noted.add(_digest(name, pixels))


def _digest(name: str, pixels: NDArray[Any]) -> bytes:
    # With the name: completely erased labels of two images have the same pixels.
    digest = hashlib.blake2b(f"{name} {pixels.dtype} {pixels.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()
