"""Masks written by this program are shown as labels, even if napari opened them as images.

napari asks a plugin by the file's name alone, and a pattern such as ``*.png`` would make it ask the user
about every PNG file. The mark inside the file identifies masks whatever their names.
"""

import weakref
from typing import TYPE_CHECKING
from weakref import WeakSet

from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.files import is_own_mask, read_spacing
from napari_saunetv2.plugin.common.class_colours import read_label_layer
from napari_saunetv2.plugin.common.layers import file_of, placed

if TYPE_CHECKING:
    import napari


def watch(viewer: "napari.viewer.Viewer") -> None:
    """Show masks of this program as labels, including open ones; once per viewer."""
    itself = getattr(viewer, "__wrapped__", viewer)  # a widget gets a proxy of the viewer
    if itself in _WATCHED:
        return
    _WATCHED.add(itself)
    held = weakref.ref(itself)  # a closed viewer must be freed
    for layer in list(itself.layers):
        _look_at(held, layer)
    itself.layers.events.inserted.connect(lambda event: _look_at(held, event.value))


def _look_at(viewer: "weakref.ref[napari.viewer.Viewer]", layer: Layer) -> None:
    path = file_of(layer) if isinstance(layer, Image) and layer.ndim == 2 else None
    if path is not None and is_own_mask(path):
        # Later, because other listeners of this event must still find the layer.
        QTimer.singleShot(0, lambda: _show_as_labels(viewer(), layer))


def _show_as_labels(viewer: "napari.viewer.Viewer | None", layer: Image) -> None:
    path = file_of(layer)
    if viewer is None or layer not in viewer.layers or path is None:
        return
    try:
        mask, look = read_label_layer(path)
        spacing = read_spacing(path)
    except SaunetError:  # it stays an image
        return
    name = layer.name
    labels = Labels(mask, name=name, opacity=0.7, **look, **placed(spacing))
    viewer.layers.insert(viewer.layers.index(layer) + 1, labels)
    viewer.layers.remove(layer)
    labels.name = name  # next to the image it had to have another name
    viewer.layers.selection.active = labels
    show_info(f"{path.name} is a vessel mask and is shown as labels.")


_WATCHED: "WeakSet[napari.viewer.Viewer]" = WeakSet()
