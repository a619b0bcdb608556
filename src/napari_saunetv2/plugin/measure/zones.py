"""The zones about the disc, or the ETDRS grid about the fovea, drawn as a layer."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Shapes
from numpy.typing import NDArray

from napari_saunetv2.measure.outlines import Outline, grid_outlines, no_outlines, zone_outlines
from napari_saunetv2.measure.regions import Landmarks
from napari_saunetv2.plugin.common.layers import add_beside, put, spatial
from napari_saunetv2.plugin.common.part import frame_of
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.measure.choices import ZONES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel

Index = tuple[int, ...]

DRAWN = {"zones A, B, C": zone_outlines, "ETDRS grid": grid_outlines, "none": no_outlines}
"""What can be drawn, and the function that gives its outlines."""

COLOUR = "#ffffff"


class Zones:
    """One Shapes layer that follows the landmarks.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._layer: Shapes | None = None

    @property
    def layer(self) -> Shapes | None:
        """The layer, if it still exists."""
        return self._layer if self._layer in self._viewer.layers else None

    def show(self, what: str, vessels: Labels, landmarks: "Mapping[Index, Landmarks]") -> None:
        """Draw the zones of all planes; without any the layer goes.

        Parameters
        ----------
        what : str
            A key of ``DRAWN``.
        vessels : Labels
        landmarks : mapping of index to Landmarks
        """
        found = _outlines(what, landmarks)
        if not found:
            if self.layer is not None:
                self._viewer.layers.remove(self.layer)
            return
        layer = self._ready(vessels)
        put(layer, spatial(vessels))
        layer.editable = True
        layer.data = []
        layer.add(
            [_stacked(index, one.points) for index, one in found],
            shape_type=[one.kind for _, one in found],
            edge_color=COLOUR,
            face_color="transparent",
            edge_width=max(0.5, max(frame_of(vessels)[-2:]) / 600),
        )
        layer.selected_data = set()
        layer.editable = False

    def prepare(self, what: str, vessels: Labels, landmarks: "Mapping[Index, Landmarks]") -> None:
        """Add the layer without its zones, if :meth:`show` will need one: that takes napari a while."""
        if _outlines(what, landmarks):
            self._ready(vessels)

    def _ready(self, vessels: Labels) -> Shapes:
        layer = self.layer
        if layer is not None and layer.ndim == vessels.ndim:
            return layer
        if layer is not None:
            self._viewer.layers.remove(layer)
        of = vessels.metadata.get(OF, vessels.name)
        about = {ROLE: ZONES, OF: of}
        layer = self._layer = Shapes(
            ndim=vessels.ndim, name=f"{of} zones", metadata=about, opacity=0.6, **spatial(vessels)
        )
        add_beside(self._viewer, layer)
        return layer


def _outlines(what: str, landmarks: "Mapping[Index, Landmarks]") -> list[tuple[Index, Outline]]:
    return [(index, one) for index, known in landmarks.items() for one in DRAWN[what](known)]


def _stacked(index: Index, points: NDArray[np.float64]) -> NDArray[Any]:
    return np.hstack([np.broadcast_to(np.asarray(index, float), (len(points), len(index))), points])
