"""Circles as the corners of a box, in which viewers draw ellipses, and back."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.measure.regions import Circle


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
