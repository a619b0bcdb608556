"""The outline of the field of view, as a layer on request."""

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Shapes
from numpy.typing import NDArray

from napari_saunetv2.plugin.common.layers import Planes, add_beside, current_plane, put, spatial

if TYPE_CHECKING:
    from napari.components import ViewerModel


class Outline:
    """One Shapes layer that shows the field of view of the chosen image."""

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._layer: Shapes | None = None
        self._wanted = False
        self._last: tuple[Image | None, NDArray[np.float64] | None] = (None, None)

    def switch(self, wanted: bool) -> None:
        """Switch the outline on or off."""
        self._wanted = wanted
        self.show(*self._last)

    def show(self, image: Image | None, corners: NDArray[np.float64] | None) -> None:
        """Show the outline for the current plane of an image; corners are rows and columns."""
        self._last = (image, corners)
        if not self._wanted or image is None or corners is None or not len(corners):
            self._remove()
            return
        planes = Planes(image)
        index = planes.index(current_plane(image, planes, self._viewer))
        before = np.broadcast_to(np.asarray(index, float), (len(corners), len(index)))
        polygon, name = np.hstack([before, corners]), f"{image.name} FOV outline"
        if self._shows(polygon, name):  # removing and adding a layer would freeze the window
            put(self._layer, spatial(image))
            return
        self._remove()
        self._layer = Shapes(
            [polygon],
            shape_type="polygon",
            name=name,
            face_color="transparent",
            edge_color="yellow",
            edge_width=max(1.0, max(planes.shape[-2:]) / 300),
            **spatial(image),
        )
        add_beside(self._viewer, self._layer)

    def _shows(self, polygon: NDArray[np.float64], name: str) -> bool:
        layer = self._layer
        if layer is None or layer not in self._viewer.layers or layer.name != name or not len(layer.data):
            return False
        return np.array_equal(layer.data[0], polygon)

    def _remove(self) -> None:
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
        self._layer = None
