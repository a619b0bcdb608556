"""All that shows a comparison: its layers, its tables, its warnings, and the segment that is chosen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from napari.layers import Layer

from napari_saunetv2.plugin.common.chosen import ChosenSegment
from napari_saunetv2.plugin.visits.form import VisitsForm
from napari_saunetv2.plugin.visits.results import Results

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_saunetv2.plugin.visits.run import Compared


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
    chosen : ChosenSegment
    """

    def __init__(self, viewer: "ViewerModel", form: VisitsForm) -> None:
        self._viewer, self._form = viewer, form
        self.results = Results(viewer)
        self.compared: Compared | None = None
        self.chosen = ChosenSegment(viewer, form, self.results, self._position)

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
        before = self.results.segments
        yield from self.results.show(compared, frame)
        self.chosen.watch(before)
        selection = self._viewer.layers.selection
        if selection.active is frame or selection.active in hidden:  # its opacity fades one into the other
            selection.active = self.results.registered or self.results.segments
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

    def _position(self, label: int) -> tuple[float, ...] | None:
        if self.compared is None or label not in self.compared.found.segments.index:
            return None
        row = self.compared.found.segments.loc[label]
        return row["row"], row["column"]
