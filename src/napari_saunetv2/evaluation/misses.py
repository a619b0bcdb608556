"""Which vessels were missed, where they lie and how long they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_saunetv2.imaging.skeleton import skeleton

LEAST_LENGTH = 10
"""Pixels; shorter pieces are spurs of the skeleton and disagreements about where a vessel ends."""

LEAST_RECALL = 0.5
"""A vessel is missed where less of its length is found."""

_AROUND = np.ones((3, 3))


@dataclass(frozen=True)
class Miss:
    """A vessel that was missed.

    Attributes
    ----------
    row, column : int
        Of the pixel in the middle of what is missed.
    length : int, pixels
        Along its centre line, between two branchings.
    recall : float, [0, 1]
        Share of that length that was found all the same.
    """

    row: int
    column: int
    length: int
    recall: float


def misses(truth: ArrayLike, vessels: ArrayLike, inside: ArrayLike | None = None) -> list[Miss]:
    """List the vessels that were missed, the most missed length first.

    A vessel is a piece of the truth's skeleton between two branchings: the tree as a whole is one connected
    component, and never missed.

    Parameters
    ----------
    truth, vessels : array, shape (H, W)
        A vessel where not 0: what should have been found, and what was.
    inside : array, shape (H, W), optional
        Only pixels where it is not 0 count.
    """
    true = np.asarray(truth) != 0
    pieces, count = ndimage.label(
        _unbranched(true if inside is None else true & (np.asarray(inside) != 0)), _AROUND
    )
    if not count:
        return []
    numbers = np.arange(1, count + 1)
    found = np.asarray(vessels) != 0
    lengths = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    recalls = ndimage.mean(found, pieces, numbers)
    places = ndimage.find_objects(pieces)
    missed = [
        Miss(
            *_middle(places[n], (pieces[places[n]] == n + 1) & ~found[places[n]]),
            int(lengths[n]),
            float(recalls[n]),
        )
        for n in np.flatnonzero((lengths >= LEAST_LENGTH) & (recalls < LEAST_RECALL))
    ]
    return sorted(missed, key=lambda m: m.length * (m.recall - 1))


def _unbranched(vessels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Skeleton without the pixels at which it branches: those with more than two neighbours."""
    lines = skeleton(vessels)
    neighbours = ndimage.convolve(lines.astype(np.uint8), _AROUND.astype(np.uint8), mode="constant") - lines
    return np.asarray(lines & (neighbours <= 2), bool)


def _middle(place: Sequence[slice], part: NDArray[Any]) -> tuple[int, int]:
    """Pixel of a part, in a box of the image, that is nearest to the part's mean."""
    pixels = np.argwhere(part)
    row, column = pixels[np.argmin(((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1))]
    return int(row + place[0].start), int(column + place[1].start)
