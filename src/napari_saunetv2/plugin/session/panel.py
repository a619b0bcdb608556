"""What every widget of the plugin does when it opens."""

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container

from napari_saunetv2.plugin.common.windows import lie_together, tab_as_seen
from napari_saunetv2.plugin.session import autosave, reopened

if TYPE_CHECKING:
    import napari


def set_up(panel: Container[Any], viewer: "napari.viewer.Viewer") -> None:
    """Copy what is painted in the viewer, show saved masks as labels, and put the panel in its place.

    Each widget calls it once, when all its fields are there.
    """
    autosave.watch(viewer)
    reopened.watch(viewer)
    tab_as_seen(panel.native)
    lie_together(panel.native)
