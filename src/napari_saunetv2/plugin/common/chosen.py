"""The segment that is chosen: one and the same in the image and in the table, by a click on either."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from napari.layers import Labels
from qtpy.QtWidgets import QTabWidget, QWidget

from napari_saunetv2.plugin.common.camera import look_closely_at
from napari_saunetv2.plugin.common.picking import Picking
from napari_saunetv2.plugin.common.segments_view import SegmentsView

if TYPE_CHECKING:
    from napari.components import ViewerModel

CLOSE = 4.0
"""Minimum zoom, in screen pixels per image pixel, when the camera goes to a vessel."""


class Form(Protocol):
    """What a window needs: a table of segments on one of its tabs."""

    table: SegmentsView
    views: QTabWidget

    @property
    def native(self) -> QWidget:
        """The window itself."""


class Layers(Protocol):
    """The layers that show a result."""

    chosen: int

    @property
    def segments(self) -> Labels | None:
        """The layer of segments, if it still exists."""

    def choose(self, label: int) -> None:
        """Mark a segment as the chosen one, 0 for none."""


class ChosenSegment:
    """Chooses a segment in the layers and in the table at once.

    Parameters
    ----------
    viewer : ViewerModel
    form : Form
    layers : Layers
    position : callable
        Where a segment of a number lies in the data of the layer of segments; None where there is none.
    """

    def __init__(
        self,
        viewer: "ViewerModel",
        form: Form,
        layers: Layers,
        position: Callable[[int], tuple[float, ...] | None],
    ) -> None:
        self._viewer, self._form, self._layers, self._position = viewer, form, layers, position
        self._picking = Picking(viewer, self._segments, self._pick)
        form.table.go = self.go_to
        form.native.destroyed.connect(self._picking.stop)

    def watch(self, before: Labels | None) -> None:
        """Follow napari's own features table of the layer of segments, if it is another one than before."""
        layer = self._layers.segments
        if layer is not None and layer is not before:
            layer.events.selected_label.connect(self._take_selected_label)

    def go_to(self, label: int) -> None:
        """Move the camera to a segment, and choose it."""
        layer, position = self._layers.segments, self._position(label)
        if layer is not None and position is not None:
            look_closely_at(self._viewer, layer, position, CLOSE)
            self.choose(label)

    def choose(self, label: int) -> None:
        """Mark a segment in the image and in the table."""
        self._layers.choose(label)
        self._form.table.choose(label)
        layer = self._layers.segments
        if layer is not None and layer.selected_label != label:
            layer.selected_label = label

    def _pick(self, label: int) -> None:
        """Choose the segment that was clicked in the image."""
        self.choose(label)
        self._form.views.setCurrentWidget(self._form.table)

    def _take_selected_label(self) -> None:
        """Follow napari's own features table, which chooses a label of the layer."""
        layer = self._layers.segments
        if layer is not None and layer.selected_label not in (0, self._layers.chosen):
            self.choose(int(layer.selected_label))

    def _segments(self) -> Labels | None:
        return self._layers.segments
