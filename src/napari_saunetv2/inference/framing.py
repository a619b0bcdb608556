"""A photograph as the network of landmarks takes it: its field at one size in the middle of a square."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import resize

SPAN = 56
"""The longer side of what is looked at is brought to so many pixels: a disc is 3 to 14 of them in radius."""

SIDE = 64
"""Side of the square: a disc that the field of view cuts still fits."""

FINER = 4
"""Large photographs are thinned to so many times the size before they are resampled, which takes time."""

BRIGHT = 0.99
"""Quantile of the brightest channel that becomes 1: dark photographs look like others."""

DARKEST = 0.02
"""No photograph is brightened beyond this level: what is darker shows nothing but noise."""


class Framed(NamedTuple):
    """A square picture, and where it lies: native = origin + pixel * scale, for pixel centres.

    Attributes
    ----------
    picture : array, shape (side, side, 3), float32, range [0, 1]
        Black outside the field of view.
    inside : array, shape (side, side), float32, range [0, 1]
        Share of a pixel that is in view.
    x, y : float
        Native column and row of the middle of its first pixel.
    scale : float
        Native pixels of one of its own.
    """

    picture: NDArray[np.float32]
    inside: NDArray[np.float32]
    x: float
    y: float
    scale: float


def framed(image: NDArray[Any], fov: NDArray[np.bool_], finer: int = 1) -> Framed:
    """Frame a photograph.

    Parameters
    ----------
    image : array, shape (H, W, 3)
        In [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it.
    fov : array, shape (H, W), bool
        Not empty.
    finer : int
        So many times the size that the network takes, for training.
    """
    rows, columns = (np.flatnonzero(fov.any(axis=axis)) for axis in (1, 0))
    top, left, height, width = rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1
    longer = int(max(height, width))
    step = max(1, longer // (FINER * finer * SPAN))
    cut = np.s_[top : top + height : step, left : left + width : step]
    seen = fov[cut].astype(np.float32)[..., None]
    few = np.concatenate([to_unit(image[cut]), seen], axis=2)
    few[..., :3] *= seen
    side = -(-longer // step)
    square = round(side * SIDE / SPAN)
    canvas = np.zeros((square, square, 4), np.float32)
    above, beside = (square - few.shape[0]) // 2, (square - few.shape[1]) // 2
    canvas[above : above + few.shape[0], beside : beside + few.shape[1]] = few
    small = resize(canvas, SIDE * finer, SIDE * finer)
    colours = few[..., :3].max(axis=2)[seen[..., 0] > 0]
    bright = max(float(np.quantile(colours, BRIGHT)), DARKEST)
    scale = square * step / (SIDE * finer)
    # Middles of pixels: the first of the canvas, half a pixel in, is this far from the first of the cut.
    first = (square / (SIDE * finer) - 1) / 2
    return Framed(
        np.clip(small[..., :3] / bright, 0, 1),
        np.clip(small[..., 3], 0, 1),
        left + (first - beside) * step,
        top + (first - above) * step,
        scale,
    )


def closer(image: NDArray[Any], fov: NDArray[np.bool_], x: float, y: float, r: float) -> Framed | None:
    """Frame what is in view within ``r`` native pixels of a place; None where nothing is.

    Parameters are otherwise those of :func:`framed`.
    """
    height, width = fov.shape
    top, left = max(0, int(y - r)), max(0, int(x - r))
    bottom, right = min(height, int(y + r) + 2), min(width, int(x + r) + 2)
    if top >= bottom or left >= right:
        return None
    rows, columns = np.ogrid[top:bottom, left:right]
    near = fov[top:bottom, left:right] & ((rows - y) ** 2 + (columns - x) ** 2 <= r * r)
    if not near.any():
        return None
    frame = framed(image[top:bottom, left:right], near)
    return frame._replace(x=frame.x + left, y=frame.y + top)
