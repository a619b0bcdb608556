"""Missed vessels: their positions and lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_saunetv2.imaging import branches

LEAST_LENGTH = 10
"""Pixels; shorter pieces are skeleton spurs or disagreements about where a vessel ends."""

LEAST_RECALL = 0.5
"""A vessel counts as missed if a smaller share of its length is found."""


@dataclass(frozen=True)
class Miss:
    """A vessel that was missed.

    Attributes
    ----------
    row, column : int
        Pixel in the middle of the missed piece.
    length : int, pixels
        Length along its centre line, between two branch points.
    recall : float, [0, 1]
        Share of that length that was found.
    """

    row: int
    column: int
    length: int
    recall: float


def misses(truth: ArrayLike, vessels: ArrayLike, inside: ArrayLike | None = None) -> list[Miss]:
    """List the missed vessels, the longest missed length first.

    A vessel is a piece of the reference skeleton between two branch points: the whole tree is one connected
    component and is never missed.

    Parameters
    ----------
    truth, vessels : array, shape (H, W)
        A vessel where not 0: the reference and the prediction.
    inside : array, shape (H, W), optional
        Only pixels where it is not 0 count.
    """
    true = np.asarray(truth) != 0
    pieces, lengths = branches.cut(true if inside is None else true & (np.asarray(inside) != 0))
    found = np.asarray(vessels) != 0
    recalls = ndimage.mean(found, pieces, np.arange(len(lengths)))
    missed = [
        Miss(*_middle(box, (pieces[box] == n) & ~found[box]), int(lengths[n]), float(recalls[n]))
        for n, box in enumerate(ndimage.find_objects(pieces), start=1)
        if lengths[n] >= LEAST_LENGTH and recalls[n] < LEAST_RECALL
    ]
    return sorted(missed, key=lambda m: m.length * (m.recall - 1))


def _middle(place: Sequence[slice], part: NDArray[Any]) -> tuple[int, int]:
    """Pixel of a part, in a box of the image, that is nearest to the part's mean."""
    pixels = np.argwhere(part)
    row, column = pixels[np.argmin(((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1))]
    return int(row + place[0].start), int(column + place[1].start)
