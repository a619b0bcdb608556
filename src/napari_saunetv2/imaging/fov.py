"""The field of view: the lit disc of a fundus photograph."""

import math

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import _lit

FRAME_FILLING = 0.97
"""A lit area above this share of the frame is no disc: a crop, or not a fundus photograph."""

ROUND = 0.8
"""Least overlap (intersection over union) of a field of view with the disc about it."""

_SURE = 0.9
"""A field that is less round than this is compared with what other ways find."""

_BETTER = 0.03
"""By so much another field must be rounder to be taken."""

_ROUND_SIDE = 150
"""Shorter side in pixels at which a mask's shape is looked at."""

_WORK_SIDE = 800
"""Longer side in pixels at which a large image is searched; the outline of a disc needs no more."""


def detect(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find the field of view: the largest lit area, closed, its holes filled.

    Where that is not round, or a bright banner or paper lies at the frame's edge, the disc is also sought
    below the brightness of a burnt-in label, and by the colours of the edge; the roundest is taken.

    Parameters
    ----------
    image : array, shape (H, W, 3), range [0, 1]

    Returns
    -------
    array, shape (H, W), bool
        All True for a dark image, in which nothing tells the field of view from the rest. Whether it is a
        disc says :func:`roundness`.
    """
    height, width = image.shape[:2]
    step = max(1, round(max(height, width) / _WORK_SIDE))
    picture = image[::step, ::step]
    red = _median_of_nine(picture[..., 0])
    field = _lit.above_threshold(red, float(red.max()))
    if field is None:
        return np.ones((height, width), bool)
    best = roundness(field)
    if best < _SURE or _lit.edge_is_lit(picture):
        for other in _lit.other_ways(picture, red):
            rounder = roundness(other)
            if rounder >= _SURE and rounder > best + _BETTER:
                field, best = other, rounder
    return np.repeat(np.repeat(field, step, 0), step, 1)[:height, :width]


def roundness(field: NDArray[np.bool_]) -> float:
    """Overlap of a mask with the disc that is as wide as the mask, where the frame or a banner may cut both.

    Parameters
    ----------
    field : array, shape (H, W), bool

    Returns
    -------
    float, range [0, 1]
        Intersection over union; 0 for an empty mask, one that fills the frame, one that is less than half as
        high as wide (or the reverse), and one that fills the corners beside the disc: a rectangle.
    """
    if diameter(field) is None:
        return 0.0
    step = max(1, min(field.shape) // _ROUND_SIDE)
    field = np.pad(field[::step, ::step], 1)
    rows, columns = (np.flatnonzero(field.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return 0.0
    box = field[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if box.shape[0] > box.shape[1]:
        box = box.T
    short, long = box.shape
    if short < long / 2:
        return 0.0
    y, x = np.ogrid[:short, :long]
    across = (x - (long - 1) / 2) ** 2
    found = 0.0
    slack = (long - short) / 2
    for shift in np.linspace(-slack, slack, 9):  # a disc may be cut on one side only
        disc = (y - (short - 1) / 2 - shift) ** 2 + across <= (long / 2) ** 2
        beside = ~disc
        if np.count_nonzero(box & beside) > np.count_nonzero(beside) / 2:
            continue
        found = max(found, np.count_nonzero(disc & box) / np.count_nonzero(disc | box))
    return float(found)


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
