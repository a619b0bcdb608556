"""Fractal dimensions and lacunarity of a mask, by counting boxes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FIELD_CELLS = 512
"""Cells across the field: finer detail would make the value depend on the camera."""

BOXES = 2.0 ** np.arange(2, 7.25, 0.5)
"""Sides of the boxes in cells: from a 128th to a quarter of the field."""

OFFSETS = 4
"""Offsets of the grid of boxes in either direction."""

TURNS = np.radians(np.arange(0, 90, 30))


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
    log s is the dimension.
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
    side = max(1.0, diameter / FIELD_CELLS)
    cells = ((pixels - pixels.min(axis=0)) / side).astype(np.intp) if len(pixels) else pixels
    if not len(cells) or np.ptp(cells, axis=0).max() < BOXES[1]:
        return NOTHING
    extent = float(np.hypot(*np.ptp(cells, axis=0)))
    boxes = BOXES[max(extent / 4, BOXES[4]) >= BOXES]
    sums = np.zeros((len(boxes), 4))
    for row, box in enumerate(boxes):
        coarse = max(1, int(box / 16))  # large boxes need no fine cells
        centres, mass = _merged(cells, coarse)
        for turn in TURNS:
            across = centres @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            held = _boxes((across - across.min(axis=0)) / box, mass)
            share = held / mass.sum()
            sums[row] += (
                len(held),
                -(share * np.log(share)).sum(),
                (share**2).sum(),
                (held**2).mean() / held.mean() ** 2,
            )
    sums /= len(TURNS)
    count, entropy, squared = sums[:, :3].T / OFFSETS**2
    d0, d1, d2 = (_dimension(boxes, logs, extent) for logs in (np.log(count), entropy, -np.log(squared)))
    return Fractal(d0, d1, d2, float(sums[:, 3].mean()))


def _boxes(across: NDArray[np.float64], mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixels in each box that holds any, for all offsets of the grid by a share of a box.

    They are sums of the same small boxes, which all points are sorted into once. No offset begins where the
    object does: a grid that is laid against it needs fewer boxes.
    """
    n = OFFSETS
    small = (across * n + 0.5).astype(np.intp) + n - 1
    rows, columns = small.max(axis=0) + n
    held = np.bincount(small[:, 0] * columns + small[:, 1], mass, rows * columns).reshape(rows, columns)
    held = np.sum([held[k : rows - n + 1 + k] for k in range(n)], axis=0)
    held = np.sum([held[:, k : columns - n + 1 + k] for k in range(n)], axis=0)
    return np.asarray(held[held > 0])


def _merged(cells: NDArray[np.intp], factor: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of the coarser cells that hold any pixel, and how many each holds."""
    rows, columns = (cells // factor).T
    width = columns.max() + 1
    mass = np.bincount(rows * width + columns)
    occupied = np.flatnonzero(mass)
    centres = (np.column_stack(np.divmod(occupied, width)) + 0.5) * factor
    return centres, mass[occupied].astype(float)


def _dimension(boxes: NDArray[np.float64], logs: NDArray[np.float64], extent: float) -> float:
    """Slope D of ``logs = a - D log(s / (1 + u s))``, with the u that fits best.

    A line of length L needs L / s + 1 boxes in the mean over offsets, a square (L / s + 1)^2, not (L / s)^2:
    u is about 1 / L, and 0 where boxes of all sides behave alike.
    """
    best = (np.inf, np.nan)
    for u in np.linspace(0, 2.5, 51) / extent:
        across = -np.log(boxes / (1 + u * boxes))
        slope, residual, *_ = np.polyfit(across, logs, 1, full=True)
        best = min(best, (float(residual[0]) if residual.size else 0.0, float(slope[0])))
    return best[1]
