"""The field of view: the lit disc of a fundus photograph."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

THRESHOLD = 0.1
"""Share of its maximum above which the red channel counts as lit. (Otsu's threshold loses up to a quarter
of the vessel pixels of a STARE image.)"""

FRAME_FILLING = 0.97
"""A lit area above this share of the frame is no disc: a crop, or not a fundus photograph."""

_WORK_SIDE = 800
"""Longer side in pixels at which a large image is searched; the outline of a disc needs no more."""


def detect(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find the field of view: the largest lit area, closed, its holes filled.

    Parameters
    ----------
    image : array, shape (H, W, 3), range [0, 1]

    Returns
    -------
    array, shape (H, W), bool
        All True for a dark image, in which nothing tells the field of view from the rest.
    """
    height, width = image.shape[:2]
    step = max(1, round(max(height, width) / _WORK_SIDE))
    red = _median_of_nine(image[::step, ::step, 0])
    lit = red > THRESHOLD * red.max()
    if not lit.any():
        return np.ones((height, width), bool)
    reach = max(1, min(lit.shape) // 100)
    # Closing at a border eats what touches it, so it works on a frame with a margin.
    closed = ndimage.binary_closing(np.pad(lit, reach), iterations=reach)[reach:-reach, reach:-reach]
    outside, _ = ndimage.label(~np.pad(closed, 1))  # holes are dark areas that do not reach the frame
    areas, count = ndimage.label((outside != outside[0, 0])[1:-1, 1:-1])
    if count > 1:
        sizes = np.bincount(areas.ravel())
        sizes[0] = 0
        field = areas == sizes.argmax()
    else:
        field = areas == 1
    return np.repeat(np.repeat(field, step, 0), step, 1)[:height, :width]


def _median_of_nine(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median over 3 x 3 pixels, mirrored at the border; a quarter of the time of a filter for any size.

    With every column of three sorted, it is the median of the largest of the lowest, the median of the
    middle ones, and the lowest of the largest (Paeth, "Median finding on a 3 x 3 grid", 1990).
    """
    height, width = plane.shape
    padded = np.pad(plane, 1, mode="symmetric")
    low, middle, high = _sorted(*(padded[n : n + height] for n in range(3)))
    lows, middles, highs = ([rows[:, n : n + width] for n in range(3)] for rows in (low, middle, high))
    return _sorted(
        np.maximum(np.maximum(lows[0], lows[1]), lows[2]),
        _sorted(*middles)[1],
        np.minimum(np.minimum(highs[0], highs[1]), highs[2]),
    )[1]


def _sorted(
    a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Lowest, middle and highest of three arrays, pixel by pixel."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    middle = np.minimum(high, c)
    return np.minimum(low, middle), np.maximum(low, middle), np.maximum(high, c)


def diameter(field: NDArray[np.bool_] | NDArray[np.uint8]) -> float | None:
    """Diameter in pixels of a field of view, or None where the mask fills the frame or is empty.

    It is that of the disc with the same area: a stray bright column, or a disc cut at the top and bottom,
    moves it little.
    """
    if not 0 < float(np.mean(field)) <= FRAME_FILLING:
        return None
    return math.sqrt(4 / math.pi * np.count_nonzero(field))


def outline(field: NDArray[np.bool_] | NDArray[np.uint8]) -> NDArray[np.float64]:
    """Outline of a field of view: its longest border as a polygon.

    Parameters
    ----------
    field : array, shape (H, W)
        Inside where not 0.

    Returns
    -------
    array, shape (N, 2)
        Row and column of each corner, pixels; N is 0 for an empty mask. It runs along the pixels' outer
        edges, and is drawn within a quarter of a pixel, or a two-thousandth of the longer side.
    """
    from skimage.measure import approximate_polygon, find_contours

    # The margin closes the outline where the frame cuts the field.
    borders = find_contours(  # type: ignore[no-untyped-call]
        np.pad(np.asarray(field) != 0, 1).astype(np.float32), 0.5
    )
    if not borders:
        return np.empty((0, 2))
    longest = max(borders, key=len) - 1
    tolerance = max(0.25, max(field.shape) / 2000)
    corners: NDArray[np.float64] = approximate_polygon(longest, tolerance)  # type: ignore[no-untyped-call]
    return corners[:-1]
