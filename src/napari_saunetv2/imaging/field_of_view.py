"""The field of view: the lit disc of a fundus photograph."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import _lit
from napari_saunetv2.imaging.intensity import floats

FILLING = 0.97
"""A lit area above this share of the frame, or of its bounding box, is not a disc: a crop, or not a fundus
photograph."""

BLACK = 4 / 255
"""Rows and columns at the edge without a pixel above this share of the maximum show nothing."""

ROUND = 0.8
"""Minimum overlap (intersection over union) of a field of view with its disc."""

_SURE = 0.9
"""A result less round than this is compared with those of the other methods."""

_BETTER = 0.03
"""Another result is used only if it is rounder by this much."""

_SMALLEST = 0.25
"""Another result narrower than this share of the longer side is something round in the picture."""

_ROUND_SIDE = 150
"""Shorter side in pixels at which a mask's shape is examined."""

_WORK_SIDE = 800
"""Longer side in pixels to which a large image is reduced for the search."""


def detect(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Detect the field of view: the largest lit area, closed, with filled holes.

    If that is not round, or there is a bright banner or paper at the frame's edge, the disc is also searched
    below the brightness of a burnt-in label, and by the colours of the edge; the roundest result is used.

    Parameters
    ----------
    image : array, shape (H, W, 3)
        In [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it.

    Returns
    -------
    array, shape (H, W), bool
        All True for a dark image, in which the field of view cannot be detected. :func:`roundness` tells
        whether it is a disc.
    """
    whole = np.ones(image.shape[:2], bool)
    # Black around everything says nothing, and must not move the grid on which the disc is searched.
    box = _without_black(image)
    if box is None:
        return whole
    image = image[box]
    height, width = image.shape[:2]
    step = step_for(height, width)
    fov = search(image[::step, ::step])
    if fov is None:
        return whole
    whole[:] = False
    whole[box] = np.repeat(np.repeat(fov, step, 0), step, 1)[:height, :width]
    return whole


def step_for(height: int, width: int) -> int:
    """Pixels of a photograph without black around it that one of the search stands for, along each side."""
    return max(1, round(max(height, width) / _WORK_SIDE))


def search(picture: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Do what :func:`detect` does, on a picture without black around it; None where nothing is lit."""
    red = floats(_median_of_nine(np.ascontiguousarray(picture[..., 0])))
    fov = _lit.above_threshold(red, float(red.max()))
    if fov is None:
        return None
    best = roundness(fov)
    if best < _SURE or _lit.edge_is_lit(picture):
        for other in _lit.other_ways(floats(picture), red):
            rounder = roundness(other) if (diameter(other) or 0) >= _SMALLEST * max(other.shape) else 0.0
            if rounder >= _SURE and rounder > best + _BETTER:
                fov, best = other, rounder
    return fov


def shown(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels that are not black in an image as of :func:`detect`, shape (H, W, 3) -> (H, W)."""
    brightest = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    return np.asarray(floats(brightest) > BLACK * floats(image.max(initial=0)))


def _without_black(image: NDArray[Any]) -> tuple[slice, slice] | None:
    """Rows and columns of the bounding box of what :func:`shown` finds, searched from the edges: quickly."""
    level, (height, width) = BLACK * floats(image.max(initial=0)), image.shape[:2]

    def lit(line: NDArray[Any]) -> bool:
        return bool(floats(line.max()) > level)

    top = next((n for n in range(height) if lit(image[n])), None)
    if top is None:
        return None
    bottom = next(n for n in range(height, 0, -1) if lit(image[n - 1]))
    image = image[top:bottom]
    left = next(n for n in range(width) if lit(image[:, n]))
    right = next(n for n in range(width, 0, -1) if lit(image[:, n - 1]))
    return slice(top, bottom), slice(left, right)


def extent(mask: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Rows and columns of the bounding box of a mask, shape (H, W); None if it is empty."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def roundness(fov: NDArray[np.bool_]) -> float:
    """Overlap of a mask with a disc of the same width, where the frame or a banner may cut both.

    Parameters
    ----------
    fov : array, shape (H, W), bool

    Returns
    -------
    float, range [0, 1]
        Intersection over union; 0 for an empty mask, one that fills the frame, one that is less than half as
        high as wide (or the reverse), and one that fills the corners beside the disc: a rectangle.
    """
    inside = extent(fov)
    if inside is None or diameter(fov) is None:
        return 0.0
    box = fov[inside]
    step = apart(*box.shape)
    return overlap_with_disc(box[::step, ::step])


def apart(height: int, width: int) -> int:
    """Pixels between those of a bounding box that :func:`roundness` looks at."""
    return max(1, min(height, width) // _ROUND_SIDE)


def overlap_with_disc(box: NDArray[np.bool_]) -> float:
    """Give the :func:`roundness` of what fills its bounding box, shape (h, w), from side to side."""
    if box.shape[0] > box.shape[1]:
        box = box.T
    short, long = box.shape
    if short < long / 2:
        return 0.0
    y, x = np.ogrid[:short, :long]
    across = (x - (long - 1) / 2) ** 2
    found = 0.0
    slack = (long - short) / 2
    for shift in np.linspace(-slack, slack, 9):  # a disc may be cut on only one side
        disc = (y - (short - 1) / 2 - shift) ** 2 + across <= (long / 2) ** 2
        beside = ~disc
        if np.count_nonzero(box & beside) > np.count_nonzero(beside) / 2:
            continue
        found = max(found, np.count_nonzero(disc & box) / np.count_nonzero(disc | box))
    return float(found)


def _median_of_nine(plane: NDArray[Any]) -> NDArray[Any]:
    """Median over 3 x 3 pixels, mirrored at the border; a quarter of the time of a filter for any size.

    Of bytes it takes a tenth of the time again.

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
    a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Lowest, middle and highest of three arrays, pixel by pixel."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    middle = np.minimum(high, c)
    return np.minimum(low, middle), np.maximum(low, middle), np.maximum(high, c)


def diameter(fov: NDArray[np.bool_] | NDArray[np.uint8]) -> float | None:
    """Diameter in pixels of a field of view, shape (H, W); None if the mask fills the frame or is empty.

    It is the diameter of a disc with the same area: a stray bright column, or a disc cut at the top and
    bottom, changes it little.
    """
    return diameter_of(int(np.count_nonzero(fov)), np.size(fov))


def diameter_of(area: int, frame: int) -> float | None:
    """Give the :func:`diameter` of so many pixels in a frame of so many."""
    return math.sqrt(4 / math.pi * area) if 0 < area <= FILLING * frame else None


def is_rectangle(fov: NDArray[np.bool_]) -> bool:
    """Whether a field of view, shape (H, W), fills its bounding box: a crop, with or without black around."""
    box = extent(fov)
    return box is not None and bool(np.count_nonzero(fov) > FILLING * np.size(fov[box]))


def outline(fov: NDArray[np.bool_] | NDArray[np.uint8]) -> NDArray[np.float64]:
    """Outline of a field of view: its longest border as a polygon.

    Parameters
    ----------
    fov : array, shape (H, W)
        Inside where not 0.

    Returns
    -------
    array, shape (N, 2)
        Row and column of each corner, pixels; N is 0 for an empty mask. It runs along the pixels' outer
        edges, and is drawn within a quarter of a pixel, or a two-thousandth of the longer side.
    """
    from skimage.measure import approximate_polygon, find_contours

    # The margin closes the outline where the frame cuts the field of view.
    borders = find_contours(  # type: ignore[no-untyped-call]
        np.pad(np.asarray(fov) != 0, 1).astype(np.float32), 0.5
    )
    if not borders:
        return np.empty((0, 2))
    longest = max(borders, key=len) - 1
    tolerance = max(0.25, max(fov.shape) / 2000)
    corners: NDArray[np.float64] = approximate_polygon(longest, tolerance)  # type: ignore[no-untyped-call]
    return corners[:-1]
