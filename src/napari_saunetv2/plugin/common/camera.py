"""Move the camera to a position in a layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Layer

if TYPE_CHECKING:
    from napari.components import ViewerModel


def look_at(viewer: "ViewerModel", layer: Layer, position: Sequence[float]) -> float:
    """Centre the canvas on a position in a layer, on the right plane.

    Parameters
    ----------
    viewer : ViewerModel
    layer : Layer
    position : sequence of float
        In pixels of the layer, one for each of its axes.

    Returns
    -------
    float
        Width of a pixel there in world units, to divide a zoom by.
    """
    dims = viewer.dims
    world = layer.data_to_world(position)
    where = [*dims.point[: dims.ndim - layer.ndim], *world]
    for axis in dims.not_displayed:
        dims.set_point(axis, where[axis])
    viewer.camera.center = (0.0, *(where[axis] for axis in dims.displayed[-2:]))
    beside = layer.data_to_world((*position[:-1], position[-1] + 1))
    return float(np.linalg.norm(np.subtract(beside, world)))


def look_closely_at(viewer: "ViewerModel", layer: Layer, position: Sequence[float], close: float) -> None:
    """Look at a place, and so near that a pixel there is at least ``close`` pixels of the screen wide."""
    pixel = look_at(viewer, layer, position)
    viewer.camera.zoom = max(viewer.camera.zoom, close / pixel)
