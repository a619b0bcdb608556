"""The single vessels of a mask: pieces of its skeleton between two branch points."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_saunetv2.imaging.skeleton import skeleton

SHORTEST = 5
"""Minimum pixels of a centre line; shorter ones are skeleton spurs."""

_TOUCHING = np.ones((3, 3), bool)


class Branch(NamedTuple):
    """A piece of a vessel.

    Attributes
    ----------
    centre : (float, float)
        Row and column in the middle of its bounding box, pixels.
    size : (int, int)
        Height and width of that box, pixels.
    value : float
        Mean of the map along its centre line.
    """

    centre: tuple[float, float]
    size: tuple[int, int]
    value: float


def cut(mask: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut the centre lines of a mask where three or more meet.

    Parameters
    ----------
    mask : array, shape (H, W)
        A vessel where not 0.

    Returns
    -------
    pieces : array, shape (H, W), int
        0, or the number of the piece that a centre-line pixel belongs to. Branch points belong to none.
    lengths : array, shape (number of pieces + 1,), int, pixels
        Of each piece by its number; the first counts the other pixels.
    """
    lines = skeleton(mask)
    neighbours = ndimage.convolve(lines.astype(np.uint8), _TOUCHING.astype(np.uint8), mode="constant") - lines
    pieces, count = ndimage.label(lines & (neighbours <= 2), _TOUCHING)
    return pieces, np.bincount(pieces.ravel(), minlength=count + 1)


def ranked(mask: NDArray[np.uint8], values: NDArray[np.float32]) -> list[Branch]:
    """List the vessels of a mask by the mean of a map along their centre lines, the highest first.

    Parameters
    ----------
    mask : array, shape (H, W)
        A vessel where not 0.
    values : array, shape (H, W)
        For example the variance of the probability.
    """
    pieces, lengths = cut(mask)
    means = ndimage.mean(values, pieces, np.arange(len(lengths)))
    found = [
        Branch(
            ((rows.start + rows.stop - 1) / 2, (columns.start + columns.stop - 1) / 2),
            (rows.stop - rows.start, columns.stop - columns.start),
            float(means[number]),
        )
        for number, (rows, columns) in enumerate(ndimage.find_objects(pieces), start=1)
        if lengths[number] >= SHORTEST
    ]
    return sorted(found, key=lambda branch: -branch.value)
