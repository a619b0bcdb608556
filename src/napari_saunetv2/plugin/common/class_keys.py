"""Correct arteries and veins by a key: the whole segment under the cursor gets a class.

:func:`watch` gives the keys to every layer of arteries and veins in a viewer, :func:`attach` to one.
"""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import show_info
from numpy.typing import NDArray

from napari_saunetv2.imaging.classes import ARTERY, BOTH, VEIN
from napari_saunetv2.plugin.common.class_colours import is_of_classes

if TYPE_CHECKING:
    from napari.components import ViewerModel

KEYS = {"A": (ARTERY, "artery"), "V": (VEIN, "vein"), "X": (BOTH, "crossing"), "N": (0, "no vessel")}
"""Label and name of the class that each key gives."""

NEAR = 3
"""Pixels around the cursor in which a segment is looked for: vessels are thin."""


class SegmentKeys:
    """Gives the segment under the cursor a class; the last plane's segments are kept.

    Parameters
    ----------
    layer : Labels
        Of arteries and veins.
    """

    def __init__(self, layer: Labels) -> None:
        self._layer = weakref.ref(layer)
        self._mask: NDArray[np.bool_] | None = None
        self._numbers: NDArray[np.int32] | None = None

    def give(self, position: Any, value: int) -> str:
        """Set the segment at a position, in world coordinates; returns what to tell the user, or "".

        A crossing at its ends stays, unless the cursor is on it. The layer's own undo takes it back.
        """
        layer = self._layer()
        if layer is None:
            return ""
        if not is_of_classes(layer):
            return f"'{layer.name}' has no arteries and veins: segment with a model of these."
        if layer.multiscale or not layer.editable:
            return f"'{layer.name}' cannot be edited: duplicate it, and change the copy."
        where = np.round(layer.world_to_data(position)).astype(int)
        plane = tuple(map(int, where[:-2]))
        labels = np.asarray(layer.data[plane])
        place = _nearest(labels != 0, where[-2:])
        if place is None:
            return "There is no vessel under the cursor."
        numbers = self._segments(labels != 0)
        chosen = numbers == numbers[place]
        if value in (ARTERY, VEIN) and labels[place] != BOTH:
            chosen &= labels != BOTH
        rows, columns = np.nonzero(chosen)
        index = (*(np.full(len(rows), at) for at in plane), rows, columns)
        layer.data_setitem(index, value)
        return ""

    def _segments(self, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
        from napari_saunetv2.measure.classes import segments

        if self._numbers is None or self._mask is None or not np.array_equal(mask, self._mask):
            self._mask, self._numbers = mask, segments(mask)
        return self._numbers


def watch(viewer: "ViewerModel") -> None:
    """Bind the keys to all layers of arteries and veins, now and later; once for each viewer."""
    itself = getattr(viewer, "__wrapped__", viewer)  # a widget gets a proxy of the viewer
    if itself in _WATCHED:
        return
    _WATCHED.add(itself)
    for layer in itself.layers:
        attach(itself, layer)
    found = weakref.ref(itself)  # a closed viewer must be freed
    itself.layers.events.inserted.connect(lambda event: attach(found(), event.value))


def attach(viewer: "ViewerModel | None", layer: Any) -> None:
    """Bind the keys A, V, X and N to a layer, if it is of arteries and veins; once for each layer."""
    if viewer is None or not isinstance(layer, Labels) or layer in _ATTACHED or not is_of_classes(layer):
        return
    keys = _ATTACHED[layer] = SegmentKeys(layer)
    for key, (value, _) in KEYS.items():
        layer.bind_key(key, _pressed(weakref.ref(viewer), keys, value), overwrite=True)


def _pressed(viewer: "weakref.ref[ViewerModel]", keys: SegmentKeys, value: int) -> Callable[[Labels], None]:
    def give(_layer: Labels) -> None:
        open_ = viewer()
        said = "" if open_ is None else keys.give(open_.cursor.position, value)
        if said:
            show_info(said)

    return give


def _nearest(mask: NDArray[np.bool_], at: NDArray[np.intp]) -> tuple[int, int] | None:
    """Vessel pixel nearest to a place, within ``NEAR`` pixels; None if there is none."""
    low = np.maximum(at - NEAR, 0)
    pixels = np.argwhere(mask[low[0] : at[0] + NEAR + 1, low[1] : at[1] + NEAR + 1]) + low
    if (at < -NEAR).any() or not len(pixels):
        return None
    distance = np.hypot(*(pixels - at).T)
    row, column = pixels[distance.argmin()]
    return (int(row), int(column)) if distance.min() <= NEAR + 0.5 else None


_ATTACHED: "WeakKeyDictionary[Labels, SegmentKeys]" = WeakKeyDictionary()
_WATCHED: "WeakSet[ViewerModel]" = WeakSet()
