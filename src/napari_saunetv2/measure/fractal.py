"""Fractal dimensions and lacunarity of a mask, by counting boxes."""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FIELD_CELLS = 512
"""Cells across the field: finer detail would make the value depend on the camera."""

BOXES = 2.0 ** np.arange(2.5, 7.25, 0.5)
"""Sides of the boxes in cells: from a 90th to a quarter of the field."""

OFFSETS = 4
"""Offsets of the grid of boxes in either direction."""

TURNS = np.radians(np.arange(7.5, 90, 30))
"""Of the grid; none of them lies along a line that was drawn at a round angle."""


class Fractal(NamedTuple):
    """Generalised dimensions D0 (capacity), D1 (information), D2 (correlation), and lacunarity."""

    d0: float
    d1: float
    d2: float
    lacunarity: float


NOTHING = Fractal(*[float("nan")] * 4)


def fractal(pixels: NDArray[np.intp], diameter: float) -> Fractal:
    """Measure how a mask fills the field.

    For boxes of growing side s, laid at three turns and sixteen offsets, the number of boxes that hold a
    vessel (D0), the sum of their squared shares of all vessel pixels (D2), and the entropy of these shares
    (D1), are each averaged over the grids, and the slope of their logarithms (of the entropy itself) against
    log s is the dimension. For small boxes, a line one pixel wide is the line through its pixels, not their
    staircase: see :func:`_lines`.
    Boxes that reach over the ends of an object make the line bend; the bend is fitted too, so that a square
    has two dimensions and not 1.9.

    Lacunarity is the mean over the boxes' sides of the variance of the pixels in a box over their squared
    mean, plus one, over the boxes that hold any (Karperien, 2013).

    Parameters
    ----------
    pixels : array, shape (n, 2)
        Rows and columns of the vessels.
    diameter : float
        Of the field of view, pixels.

    Returns
    -------
    Fractal
        NaN where there are too few pixels for the largest box to be one of several.
    """
    if not len(pixels):
        return NOTHING
    side = max(1.0, diameter / FIELD_CELLS)
    cells, pixels_in = _merged(*(((axis - axis.min()) / side).astype(np.intp) for axis in pixels.T))
    if np.ptp(cells, axis=0).max() < BOXES[0]:
        return NOTHING
    extent = float(np.hypot(*np.ptp(cells, axis=0)))
    boxes = BOXES[max(extent / 4, BOXES[3]) >= BOXES]
    factors = [max(1, int(box / 16)) for box in boxes]  # large boxes need no fine cells
    sums = np.zeros((len(boxes), 4))
    for factor in sorted(set(factors)):
        coarse = cells // factor
        whole, mass = _merged(coarse[:, 0], coarse[:, 1], pixels_in)
        centres = np.asarray((whole + 0.5) * factor, float)
        lines = _lines(centres) if factor == 1 else centres
        for turn in TURNS:
            way = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            across, filled = centres @ way, lines @ way
            least = np.minimum(across.min(axis=0), filled.min(axis=0))
            for row in np.flatnonzero(np.equal(factors, factor)):
                found = _boxes((across - least) / boxes[row], mass)
                sums[row] += _summed(found, len(pixels))
                if factor == 1:
                    sums[row, 0] += _boxes((filled - least) / boxes[row]).sum() - found.sum()
    sums /= len(TURNS)
    count, entropy, squared = sums[:, :3].T / OFFSETS**2
    d0, d1, d2 = (_dimension(boxes, logs, extent) for logs in (np.log(count), entropy, -np.log(squared)))
    return Fractal(d0, d1, d2, float(sums[:, 3].mean()))


def _summed(boxes: NDArray[np.intp], mass: int) -> tuple[float, float, float, float]:
    """Number of boxes, entropy, sum of squared shares, and mean square over squared mean.

    ``boxes`` holds how many boxes have as many pixels as its index: far fewer numbers than there are boxes.
    """
    held = np.flatnonzero(boxes)
    times = boxes[held]
    share = held / mass
    count = times.sum()
    squares = float((times * share**2).sum())
    mean = (times * share).sum() / count
    return float(count), float(-(times * share * np.log(share)).sum()), squares, squares / count / mean**2


def _boxes(across: NDArray[np.float64], mass: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Number of boxes that hold so many pixels, 0 for none, for all offsets of the grid by a share of a box.

    They are sums of the same small boxes, which all points are sorted into once. No offset begins where the
    object does: a grid that is laid against it needs fewer boxes.
    """
    n = OFFSETS
    small = (across * n + 0.5).astype(np.intp) + n - 1
    rows, columns = small.max(axis=0) + n
    where = small[:, 0] * columns + small[:, 1]
    held = np.bincount(where, mass, rows * columns).astype(np.int32).reshape(rows, columns)
    for _ in range(2):
        total = held[: 1 - n].copy()
        for k in range(1, n):
            total += held[k : len(total) + k]
        held = total.T  # the other way in its turn
    boxes = np.bincount(held.T.ravel())
    boxes[0] = 0
    return boxes


def _lines(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points along the lines that cells draw: cells of thin lines move to the mean of their neighbours.

    A staircase is up to a cell thicker than the straight line that it draws, and a small box that the line
    crosses near a corner may hold the centre of no cell. Both would bend the dimension of a straight line by
    some .05. Cells of a block of four, as in any wider vessel, stay where they are.

    Parameters
    ----------
    centres : array, shape (n, 2)
        Of occupied cells, half integers.

    Returns
    -------
    array, shape (m, 2)
        First the n moved centres, then the points halfway between neighbours.
    """
    at = centres.astype(np.intp) + 1
    number = np.full(at.max(axis=0) + 2, -1)
    number[tuple(at.T)] = np.arange(len(at))
    on = number >= 0
    block = on[1:, 1:] & on[:-1, 1:] & on[1:, :-1] & on[:-1, :-1]
    thick = np.zeros_like(on)
    for rows, columns in product((slice(1, None), slice(-1)), repeat=2):
        thick[rows, columns] |= block
    moved, count = centres.copy(), np.ones(len(at))
    halfway = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = number[at[:, 0] + down, at[:, 1] + right]
        near = np.flatnonzero(other >= 0)
        for own, its in ((near, other[near]), (other[near], near)):
            moved[own] += centres[its]  # no cell has the same neighbour twice
            count[own] += 1
        if down and right:  # no corner where a cell beside both joins them already
            row, column = at[near].T
            near = near[~(on[row + down, column] | on[row, column + right])]
        halfway.append((near, other[near]))
    moved = np.where(thick[tuple(at.T)][:, None], centres, moved / count[:, None])
    return np.concatenate([moved, *((moved[one] + moved[two]) / 2 for one, two in halfway)])


def _merged(
    rows: NDArray[np.intp], columns: NDArray[np.intp], mass: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cells that hold anything, shape (n, 2), and the number of pixels in each, or the sum of their mass."""
    width = columns.max() + 1
    held = np.bincount(rows * width + columns, mass)
    occupied = np.flatnonzero(held)
    return np.column_stack(np.divmod(occupied, width)), held[occupied].astype(np.intp)


def _dimension(boxes: NDArray[np.float64], logs: NDArray[np.float64], extent: float) -> float:
    """Slope D of ``logs = a - D log(s / (1 + u s))``, with the u that fits best.

    A line of length L needs L / s + 1 boxes in the mean over offsets, a square (L / s + 1)^2, not (L / s)^2:
    u is about 1 / L, and 0 where boxes of all sides behave alike.
    """
    u = np.linspace(0, 2.5, 51)[:, None] / extent
    across = -np.log(boxes / (1 + u * boxes))
    across -= across.mean(axis=1, keepdims=True)
    about = logs - logs.mean()
    slopes = across @ about / (across**2).sum(axis=1)
    residuals = ((about - slopes[:, None] * across) ** 2).sum(axis=1)
    return float(slopes[residuals.argmin()])
