"""All that shows a comparison: its layers, its tables, its warnings, and the segment that is chosen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from napari.layers import Labels, Layer

from napari_saunetv2.plugin.common.camera import look_closely_at
from napari_saunetv2.plugin.common.picking import Picking
from napari_saunetv2.plugin.visits.form import VisitsForm
from napari_saunetv2.plugin.visits.results import Results

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_saunetv2.plugin.visits.run import Compared

CLOSE = 4.0
"""Minimum zoom, in screen pixels per image pixel, when the camera goes to a vessel."""


class Views:
    """Shows one comparison at a time.

    Parameters
    ----------
    viewer : ViewerModel
    form : VisitsForm

    Attributes
    ----------
    compared : Compared or None
        What is shown.
    results : Results
    """

    def __init__(self, viewer: "ViewerModel", form: VisitsForm) -> None:
        self._viewer, self._form = viewer, form
        self.results = Results(viewer)
        self.compared: Compared | None = None
        self._picking = Picking(viewer, self._changes, self._pick)
        form.table.go = self.go_to
        form.native.destroyed.connect(self._picking.stop)

    def show(self, compared: "Compared", frame: Layer, hidden: list[Layer]) -> Iterator[None]:
        """Show a comparison in the place of a layer; yields between the steps that take a while.

        Parameters
        ----------
        compared : Compared
        frame : Layer
            The earlier photograph, or its vessels.
        hidden : list of Layer
            What lies in another frame, or would cover the difference.
        """
        self.compared = compared
        before = self.results.changes
        yield from self.results.show(compared, frame)
        changes = self.results.changes
        if changes is not None and changes is not before:
            changes.events.selected_label.connect(self._take_selected_label)
        selection = self._viewer.layers.selection
        if selection.active is frame or selection.active in hidden:  # its opacity fades one into the other
            selection.active = self.results.registered or changes
        for layer in hidden:
            layer.visible = False
        frame.visible = True
        yield
        form = self._form
        form.table.show_segments(compared.ranked, self.results.chosen)
        yield
        form.summary.show_summary(compared.found.summary)
        form.warnings.setText("\n".join(compared.found.warnings))
        form.warnings.setVisible(bool(compared.found.warnings))

    def clear(self) -> None:
        """Forget what was shown: it is not of the visits that are chosen now."""
        self.compared = None
        self.results.remove()
        form = self._form
        form.table.clear()
        form.summary.setRowCount(0)
        form.warnings.setVisible(False)

    def blink(self) -> None:
        """Show the other photograph in the same frame."""
        layer = self.results.registered
        if layer is not None:
            layer.visible = not layer.visible

    # The segment that is chosen

    def go_to(self, label: int) -> None:
        """Move the camera to a segment, and choose it."""
        layer, compared = self.results.changes, self.compared
        if layer is None or compared is None or label not in compared.found.segments.index:
            return
        row = compared.found.segments.loc[label]
        look_closely_at(self._viewer, layer, (row["row"], row["column"]), CLOSE)
        self.choose(label)

    def choose(self, label: int) -> None:
        """Mark a segment in the image and in the table."""
        self.results.choose(label)
        self._form.table.choose(label)
        layer = self.results.changes
        if layer is not None and layer.selected_label != label:
            layer.selected_label = label

    def _pick(self, label: int) -> None:
        """Choose the segment that was clicked in the image."""
        self.choose(label)
        self._form.views.setCurrentWidget(self._form.table)

    def _take_selected_label(self) -> None:
        """Follow napari's own features table, which chooses a label of the layer."""
        layer = self.results.changes
        if layer is not None and layer.selected_label not in (0, self.results.chosen):
            self.choose(int(layer.selected_label))

    def _changes(self) -> Labels | None:
        return self.results.changes
