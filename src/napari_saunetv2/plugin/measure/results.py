"""The layers of a measurement: segments in the colours of a measure, and marks around some of them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_saunetv2.plugin.common.layers import add_beside, put, spatial
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.measure.choices import MARKS, SEGMENTS
from napari_saunetv2.plugin.measure.colours import ColourScale
from napari_saunetv2.plugin.session import edits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel

    from napari_saunetv2.plugin.measure.run import Measured

CHANGED, CHOSEN = 1, 2
"""Values of the marks: a segment that was changed with the brush, and the one that is chosen."""

_MARK_COLOURS = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0), CHANGED: (1, 0.83, 0.23, 1), CHOSEN: (1, 1, 1, 1)}


class Results:
    """Two layers over the vessels; measuring again updates them.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._layers: dict[str, Labels] = {}
        self._measured: Measured | None = None
        self.chosen = 0

    @property
    def segments(self) -> Labels | None:
        """The layer of segments, if it still exists."""
        return self._there(SEGMENTS)

    def show(self, measured: "Measured", vessels: Labels, measure: str) -> "Iterator[None]":
        """Show a measurement of a layer; yields between the steps that take napari a while."""
        self._measured = measured
        layer = self._renew(SEGMENTS, measured.labels, vessels)
        layer.features = measured.features
        self._colour(layer, measure)
        yield
        self._renew(MARKS, measured.marks.copy(), vessels)
        yield
        self._mark_chosen(self.chosen)

    def colour_by(self, measure: str) -> ColourScale:
        """Colour the segments by a column of their table, and give the scale of colours."""
        layer = self.segments
        if layer is None or self._measured is None:
            return ColourScale(np.nan, np.nan)
        return self._colour(layer, measure)

    def choose(self, label: int) -> None:
        """Mark a segment as the chosen one, 0 for none."""
        self._mark_chosen(0)
        self._mark_chosen(label)
        self.chosen = label

    def _mark_chosen(self, label: int) -> None:
        marks, measured = self._there(MARKS), self._measured
        before = label or self.chosen
        if marks is None or measured is None or not before or before not in measured.segments.index:
            return
        where = measured.place_of(before)
        own = measured.labels[where] == before
        marks.data[where][own] = CHOSEN if label else measured.marks[where][own]
        marks.refresh()

    def _colour(self, layer: Labels, measure: str) -> ColourScale:
        assert self._measured is not None
        table = self._measured.segments
        values = table[measure].to_numpy(float)
        scale = ColourScale.of(values)
        layer.colormap = scale.colormap(table["label"].to_numpy(), values)
        return scale

    def _renew(self, role: str, data: Any, vessels: Labels) -> Labels:
        layer = self._there(role)
        if layer is not None and layer.ndim == data.ndim:
            layer.data = data
            put(layer, spatial(vessels))
        else:
            layer = self._layers[role] = self._new(role, data, vessels)
            add_beside(self._viewer, layer)
            layer.editable = False
        edits.remember(layer)
        return layer

    def _new(self, role: str, data: Any, vessels: Labels) -> Labels:
        of = vessels.metadata.get(OF, vessels.name)
        about = {ROLE: role, OF: of}
        layer = Labels(data, name=f"{of} {role}", metadata=about, opacity=1.0, **spatial(vessels))
        layer.selected_label = 0
        if role == MARKS:
            layer.colormap = DirectLabelColormap(color_dict=_MARK_COLOURS)
            layer.contour = 2
        return layer

    def _there(self, role: str) -> Labels | None:
        layer = self._layers.get(role)
        return layer if layer is not None and layer in self._viewer.layers else None
