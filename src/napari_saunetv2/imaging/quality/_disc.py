"""The whole disc of a field of view of which a dark part was not detected."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_SIDE = 200
"""Longer side in pixels at which the circle is fitted."""

_TRIPLES = 80
"""Circles that are tried, each through three points of the border (RANSAC, Fischler and Bolles, 1981)."""

_NEAR = 0.02
"""Distance from the circle, as a share of its radius, of what belongs to it."""

_LEAST = 30
"""Points of a border that a circle can be fitted to."""

_ENOUGH = 0.4
"""A circle is used if at least this share of the border belongs to it,"""

_HOLDS = 0.97
"""and if it holds at least this share of the field."""


def completed(fov: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add what is missing to a disc, shape (H, W), bool; the same field where no circle fits its border.

    Detection takes what is lit for the field of view. Where a third of the eye is black, that third is
    missing from it, and would not be judged.
    """
    step = max(1, round(max(fov.shape) / _SIDE))
    small = fov[::step, ::step]
    if small.all() or not small.any():
        return fov
    rows, columns = np.nonzero(small & ~ndimage.binary_erosion(small, border_value=1))
    border = np.stack([rows, columns], 1).astype(np.float64)
    if len(border) < _LEAST:
        return fov
    circles = _circles(border[np.random.default_rng(0).integers(0, len(border), (_TRIPLES, 3))])
    distance = np.hypot(border[:, 0] - circles[:, :1], border[:, 1] - circles[:, 1:2])
    on = np.abs(distance - circles[:, 2:]) <= _NEAR * circles[:, 2:]
    on &= circles[:, 2:] < max(small.shape)
    best = int(on.sum(axis=1).argmax())
    if on[best].mean() < _ENOUGH:
        return fov
    (row, column, radius), (down, across) = circles[best], np.ogrid[: small.shape[0], : small.shape[1]]
    disc = (down - row) ** 2 + (across - column) ** 2 <= radius**2
    missing = np.count_nonzero(disc & ~small) > (1 - _HOLDS) * np.count_nonzero(small)
    holds = np.count_nonzero(disc & small) >= _HOLDS * np.count_nonzero(small)
    if not (missing and holds):
        return fov
    whole: NDArray[np.bool_] = np.repeat(np.repeat(disc, step, 0), step, 1)
    return np.asarray(fov | whole[: fov.shape[0], : fov.shape[1]], bool)


def _circles(triples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row, column and radius of the circles through three points each: shape (N, 3, 2) to (M, 3)."""
    first = triples[:, 0]
    (by, bx), (cy, cx) = (triples[:, 1] - first).T, (triples[:, 2] - first).T
    twice = 2 * (by * cx - bx * cy)
    known = np.abs(twice) > 1
    b, c, twice = (by**2 + bx**2)[known], (cy**2 + cx**2)[known], twice[known]
    down = (cx[known] * b - bx[known] * c) / twice
    across = (by[known] * c - cy[known] * b) / twice
    return np.stack([first[known, 0] + down, first[known, 1] + across, np.hypot(down, across)], 1)
