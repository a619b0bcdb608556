"""Show the user a place in a layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Layer

if TYPE_CHECKING:
    from napari.components import ViewerModel


def look_at(viewer: "ViewerModel", layer: Layer, place: Sequence[float]) -> float:
    """Bring a place of a layer into the middle of the canvas, on the plane that it lies in.

    Parameters
    ----------
    viewer : ViewerModel
    layer : Layer
    place : sequence of float
        In pixels of the layer, one for each of its axes.

    Returns
    -------
    float
        Width of a pixel there, in the canvas's coordinates: what a zoom is divided by.
    """
    dims = viewer.dims
    world = layer.data_to_world(place)
    where = [*dims.point[: dims.ndim - layer.ndim], *world]
    for axis in dims.not_displayed:
        dims.set_point(axis, where[axis])
    viewer.camera.center = (0.0, *(where[axis] for axis in dims.displayed[-2:]))
    beside = layer.data_to_world((*place[:-1], place[-1] + 1))
    return float(np.linalg.norm(np.subtract(beside, world)))


def look_closely_at(viewer: "ViewerModel", layer: Layer, place: Sequence[float], close: float) -> None:
    """Look at a place, and so near that a pixel there is at least ``close`` pixels of the screen wide."""
    pixel = look_at(viewer, layer, place)
    viewer.camera.zoom = max(viewer.camera.zoom, close / pixel)
