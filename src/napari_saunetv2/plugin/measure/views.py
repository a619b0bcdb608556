"""All that shows a measurement: its layers, its tables, its histogram, and the segment that is chosen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import ref

from napari.layers import Labels

from napari_saunetv2.measure.regions import Landmarks
from napari_saunetv2.plugin.common.chosen import ChosenSegment
from napari_saunetv2.plugin.measure.columns import TITLES, measures
from napari_saunetv2.plugin.measure.form import MeasureForm
from napari_saunetv2.plugin.measure.landmarks import landmarks_of_all
from napari_saunetv2.plugin.measure.results import Results
from napari_saunetv2.plugin.measure.run import Measured
from napari_saunetv2.plugin.measure.source import Index
from napari_saunetv2.plugin.measure.zones import Zones

if TYPE_CHECKING:
    from napari.components import ViewerModel


class Views:
    """Shows one measurement at a time.

    Parameters
    ----------
    viewer : ViewerModel
    form : MeasureForm
        Its tables, histogram and bar of colours.

    Attributes
    ----------
    measured : Measured or None
        What is shown.
    chosen : ChosenSegment
    """

    def __init__(self, viewer: "ViewerModel", form: MeasureForm) -> None:
        self._viewer, self._form = viewer, form
        self._results, self._zones = Results(viewer), Zones(viewer)
        self._layer: ref[Labels] | None = None
        self._landmarks: Any = None
        self.measured: Measured | None = None
        self.chosen = ChosenSegment(viewer, form, self._results, self._position)
        form.measure.changed.connect(self._colour)
        form.drawn.changed.connect(self._draw_zones_anew)

    @property
    def layer(self) -> Labels | None:
        """The layer that was measured, if it still exists."""
        layer = None if self._layer is None else self._layer()
        return layer if layer is not None and layer in self._viewer.layers else None

    def show(self, measured: Measured, layer: Labels) -> Iterator[None]:
        """Show a measurement of a layer; yields between the steps that take a while."""
        form = self._form
        if self.layer is not layer:
            self._results.chosen = 0
        self._layer, self.measured = ref(layer), measured
        form.offer_measures(measures(measured.segments))
        before = self._results.segments
        yield from self._results.show(measured, layer, form.measure.value)
        self.chosen.watch(before)
        self._zones.prepare(form.drawn.value, layer, self._known(layer, measured))
        yield
        self.draw_zones(anew=True)
        yield
        form.summary.show_image(measured.image)
        yield
        form.table.show_segments(measured.segments, self._results.chosen)
        yield
        self._colour()

    def draw_zones(self, *, anew: bool = False) -> None:
        """Draw the zones where the landmarks are now, unless they are drawn there."""
        layer, measured = self.layer, self.measured
        if layer is None or measured is None:
            return
        known = self._known(layer, measured)
        if anew or known != self._landmarks:
            self._landmarks = known
            self._zones.show(self._form.drawn.value, layer, known)

    def _known(self, layer: Labels, measured: Measured) -> dict[Index, Landmarks]:
        disc, fovea = self._form.disc.value, self._form.fovea.value
        return landmarks_of_all(disc, fovea, layer, measured.source.indices)

    def _position(self, label: int) -> tuple[float, ...] | None:
        if self.measured is None or label not in self.measured.segments.index:
            return None
        row = self.measured.segments.loc[label]
        return (*self.measured.place_of(label), row["row"], row["column"])

    def _colour(self) -> None:
        key = self._form.measure.value
        if self.measured is None or key not in self.measured.segments:
            return
        colours = self._results.colour_by(key)
        self._form.bar.show_scale(colours)
        self._form.histogram.show_values(TITLES[key], self.measured.segments[key].to_numpy(float), colours)

    def _draw_zones_anew(self) -> None:
        self.draw_zones(anew=True)
