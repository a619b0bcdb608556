"""A ring that marks a vessel."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Layer, Shapes
from numpy.typing import NDArray

from napari_saunetv2.plugin.common.layers import add_beside, put, spatial
from napari_saunetv2.plugin.common.roles import OF, ROLE

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_saunetv2.evaluation import Miss  # which loads torch

MARGIN = 6.0
"""Pixels between a vessel's box and the ring."""


class Marker:
    """One Shapes layer with a ring that moves from vessel to vessel.

    Parameters
    ----------
    viewer : ViewerModel
    name : str
        Name of the layer.
    """

    def __init__(self, viewer: "ViewerModel", name: str) -> None:
        self._viewer, self._name = viewer, name
        self._layer: Shapes | None = None

    def show(
        self, layer: Layer, index: Sequence[int], centre: tuple[float, float], size: tuple[float, float]
    ) -> None:
        """Put the ring around a vessel.

        Parameters
        ----------
        layer : Layer
            Layer of the vessel.
        index : sequence of int
            Index of its plane in the layer's stack.
        centre, size : (float, float)
            Centre and size of its bounding box, pixels of the layer.
        """
        box = _box(index, centre, size)
        ring = self._layer
        if ring is None or ring not in self._viewer.layers or ring.ndim != box.shape[1]:
            self.remove()
            ring = self._layer = Shapes(ndim=box.shape[1], name=self._name, **spatial(layer))
            add_beside(self._viewer, ring)
        put(ring, spatial(layer))
        # The image's name lets Browse remove the ring with its case.
        ring.metadata = {ROLE: "marker", OF: layer.metadata.get(OF, layer.name)}
        ring.selected_data = set()
        ring.data = []
        width = max(1.0, max(layer.data.shape[-2:]) / 400)
        ring.add([box], shape_type="ellipse", edge_color="white", face_color="transparent", edge_width=width)
        ring.selected_data = set()
        ring.visible = True

    def show_miss(self, layer: Layer, index: Sequence[int], miss: "Miss") -> None:
        """Put the ring around a missed vessel, as wide as its length."""
        self.show(layer, index, (miss.row, miss.column), (miss.length, miss.length))

    def remove(self) -> None:
        """Remove the ring."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
        self._layer = None


def _box(index: Sequence[int], centre: tuple[float, float], size: tuple[float, float]) -> NDArray[np.float64]:
    """Corners of the ring's bounding box, shape (4, ndim)."""
    half = np.asarray(size, float) / 2 + MARGIN
    corners = np.asarray(centre) + half * np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)])
    before = np.broadcast_to(np.asarray(index, float), (4, len(index)))
    return np.hstack([before, corners])
