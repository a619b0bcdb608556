"""Disc and fovea as layers that can be dragged: an ellipse in a Shapes layer, a point in a Points layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer, Points, Shapes
from numpy.typing import NDArray

from napari_saunetv2.measure import Circle, Point
from napari_saunetv2.measure.outlines import box_of, circle_of
from napari_saunetv2.measure.regions import Landmarks
from napari_saunetv2.plugin.common.layers import add_beside, put, spatial
from napari_saunetv2.plugin.common.part import frame_of
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.measure.choices import DISC, FOVEA

if TYPE_CHECKING:
    from napari.components import ViewerModel

COLOUR = "#ffd43b"
"""Of disc and fovea: a yellow that stands out from the retina and from the colours of measures."""

Index = tuple[int, ...]


def landmarks_of(disc: Any, fovea: Any, vessels: Labels, index: Index) -> Landmarks:
    """Read the disc and the fovea of a plane of the vessels, in its pixels.

    Parameters
    ----------
    disc : Shapes or str
    fovea : Points or str
    vessels : Labels
    index : tuple of int
        Of the plane in its stack. A layer without the stack's axes holds for all planes.
    """
    circle = point = None
    if isinstance(disc, Shapes):
        boxes = [_placed(corners, disc, vessels, index) for corners in disc.data]
        circle = next((circle_of(box) for box in reversed(boxes) if box is not None), None)
    if isinstance(fovea, Points):
        places = [_placed(place[None], fovea, vessels, index) for place in fovea.data]
        point = next((Point(*map(float, one[0, ::-1])) for one in reversed(places) if one is not None), None)
    return Landmarks(circle if circle and circle.r > 0 else None, point)


def landmarks_of_all(
    disc: Any, fovea: Any, vessels: Labels, indices: Sequence[Index]
) -> dict[Index, Landmarks]:
    """Read the disc and the fovea of every plane, as :func:`landmarks_of` does of one."""
    return {index: landmarks_of(disc, fovea, vessels, index) for index in indices}


def show_disc(
    viewer: "ViewerModel", vessels: Labels, found: Sequence[tuple[Index, Circle]], layer: Any = None
) -> Shapes:
    """Show discs as ellipses, in the layer that is given or in a new one."""
    if not (isinstance(layer, Shapes) and layer in viewer.layers and layer.ndim == vessels.ndim):
        layer = new_disc(vessels)
        add_beside(viewer, layer)
    put(layer, spatial(vessels))
    layer.selected_data = set()
    layer.data = []
    layer.add_ellipses([_stacked(index, box_of(circle)) for index, circle in found], **_look(vessels))
    layer.selected_data = set()
    layer.mode = "select"  # so that it can be dragged as soon as it is the active layer
    return layer


def show_fovea(
    viewer: "ViewerModel", vessels: Labels, found: Sequence[tuple[Index, Point]], layer: Any = None
) -> Points:
    """Show foveas as points, in the layer that is given or in a new one."""
    if not (isinstance(layer, Points) and layer in viewer.layers and layer.ndim == vessels.ndim):
        layer = new_fovea(vessels)
        add_beside(viewer, layer)
    put(layer, spatial(vessels))
    layer.data = np.concatenate([_stacked(index, np.array([(p.y, p.x)])) for index, p in found])
    layer.selected_data = set()
    layer.mode = "select"
    return layer


def new_disc(vessels: Labels) -> Shapes:
    """Make an empty layer to draw a disc in."""
    layer = Shapes(
        ndim=vessels.ndim, name=_name(vessels, "disc"), metadata=_about(vessels, DISC), **spatial(vessels)
    )
    look = _look(vessels)
    layer.current_edge_color, layer.current_face_color = look["edge_color"], look["face_color"]
    layer.current_edge_width = look["edge_width"]
    return layer


def new_fovea(vessels: Labels) -> Points:
    """Make an empty layer to put a fovea in."""
    return Points(
        ndim=vessels.ndim,
        name=_name(vessels, "fovea"),
        size=max(4, max(frame_of(vessels)[-2:]) / 40),
        symbol="cross",
        face_color=COLOUR,
        border_color="black",
        metadata=_about(vessels, FOVEA),
        **spatial(vessels),
    )


def _placed(points: NDArray[Any], layer: Layer, vessels: Labels, index: Index) -> NDArray[np.float64] | None:
    """Rows and columns of points of a layer in the pixels of the vessels; None where on another plane."""
    here = np.array([vessels.world_to_data(_filled(layer.data_to_world(p), vessels.ndim)) for p in points])
    planes = min(layer.ndim, vessels.ndim) - 2
    own = here[:, len(index) - planes : len(index)] if planes > 0 else here[:, :0]
    if not np.array_equal(np.round(own[0]), index[len(index) - planes :] if planes > 0 else ()):
        return None
    return here[:, -2:]


def _filled(world: Sequence[float], ndim: int) -> list[float]:
    return [0.0] * (ndim - len(world)) + list(world)[-ndim:]


def _stacked(index: Index, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([np.broadcast_to(np.asarray(index, float), (len(points), len(index))), points])


def _look(vessels: Labels) -> dict[str, Any]:
    width = max(1.0, max(frame_of(vessels)[-2:]) / 250)
    return {"edge_color": COLOUR, "face_color": "#ffffff00", "edge_width": width}


def _name(vessels: Labels, what: str) -> str:
    return f"{vessels.metadata.get(OF, vessels.name)} {what}"


def _about(vessels: Labels, role: str) -> dict[str, Any]:
    return {ROLE: role, OF: vessels.metadata.get(OF, vessels.name)}
