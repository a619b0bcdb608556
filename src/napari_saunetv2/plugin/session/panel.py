"""Set-up shared by all widgets of the plugin."""

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container

from napari_saunetv2.plugin.common import class_keys
from napari_saunetv2.plugin.common.windows import lie_together, tab_as_seen
from napari_saunetv2.plugin.session import autosave, reopened

if TYPE_CHECKING:
    import napari


def set_up(panel: Container[Any], viewer: "napari.viewer.Viewer") -> None:
    """Start autosave, show saved masks as labels, bind the keys of classes, and dock the panel.

    Each widget calls it once, after creating its fields.
    """
    autosave.watch(viewer)
    reopened.watch(viewer)
    class_keys.watch(viewer)
    tab_as_seen(panel.native)
    lie_together(panel.native)
