"""Disc and zones as outlines to draw: a circle is the corners of a box, as viewers draw ellipses."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.measure.regions import ETDRS_RINGS, ZONES, Circle, Landmarks


def circle_of(corners: ArrayLike) -> Circle:
    """Give the circle that stands for an ellipse: about its middle, with the mean of its half axes.

    Parameters
    ----------
    corners : array, shape (4, 2) or (N, 2)
        Row and column of the corners of the ellipse's box, in their order around it, which may be turned; of
        any other number of points their bounding box counts.
    """
    points = np.asarray(corners, float)
    if len(points) != 4:
        low, high = points.min(axis=0), points.max(axis=0)
        points = np.array([low, (low[0], high[1]), high, (high[0], low[1])])
    middle = points.mean(axis=0)
    sides = np.linalg.norm(points[1:3] - points[:2], axis=1)
    return Circle(float(middle[1]), float(middle[0]), float(sides.mean() / 2))


def box_of(circle: Circle, radii: float = 1.0) -> NDArray[np.float64]:
    """Give the corners of the box around a circle, shape (4, 2), row and column.

    Parameters
    ----------
    circle : Circle
    radii : float
        Of a circle about the same middle, in radii of the first.
    """
    around = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)], float)
    return np.asarray((circle.y, circle.x) + around * circle.r * radii)


class Outline(NamedTuple):
    """A line to draw: an ellipse by the corners of its box, or a path.

    Attributes
    ----------
    kind : "ellipse" or "path"
    points : array, shape (4, 2) or (N, 2)
        Row and column.
    """

    kind: str
    points: NDArray[np.float64]


def zone_outlines(landmarks: Landmarks) -> list[Outline]:
    """Give the circles that bound the zones about the disc; none without a disc."""
    if landmarks.disc is None:
        return []
    radii = sorted({radius for bounds in ZONES.values() for radius in bounds} - {1.0})
    return [Outline("ellipse", box_of(landmarks.disc, radius)) for radius in radii]


def no_outlines(_landmarks: Landmarks) -> list[Outline]:
    """Give none."""
    return []


def grid_outlines(landmarks: Landmarks) -> list[Outline]:
    """Give the circles and lines of the ETDRS grid about the fovea; none without the fovea and the disc."""
    disc, fovea = landmarks.disc, landmarks.fovea
    if disc is None or fovea is None:
        return []
    centre = Circle(fovea.x, fovea.y, disc.r)
    circles = [Outline("ellipse", box_of(centre, radius)) for radius in ETDRS_RINGS]
    # Sectors meet at 45 degrees to the line from the disc to the fovea.
    slope = np.arctan2(fovea.y - disc.y, fovea.x - disc.x)
    ends = np.array([ETDRS_RINGS[0], ETDRS_RINGS[-1]]) * disc.r
    lines = []
    for angle in slope + np.pi / 4 * np.array([1, 3, 5, 7]):
        points = (fovea.y, fovea.x) + ends[:, None] * (np.sin(angle), np.cos(angle))
        lines.append(Outline("path", np.asarray(points)))
    return circles + lines
