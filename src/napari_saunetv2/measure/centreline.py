"""Smooth curves through many points: all segments of a graph at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Floats = NDArray[np.float64]

_THIRD_DIFFERENCE = (-1.0, 3.0, -3.0, 1.0)


@dataclass(frozen=True)
class Lines:
    """Curves as rows of points, one after another in the same arrays.

    Attributes
    ----------
    points : array, shape (n, 2)
        Rows and columns, pixels.
    starts : array, shape (curves + 1,), int
        Where each curve begins; the last entry is n.
    """

    points: Floats
    starts: NDArray[np.intp]

    @property
    def curve(self) -> NDArray[np.intp]:
        """Number of the curve of each point, shape (n,)."""
        return np.asarray(np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts)), np.intp)

    def steps(self) -> Floats:
        """Distance of each point from the one before it on its curve, 0 at its first: shape (n,)."""
        steps = np.zeros(len(self.points))
        steps[1:] = np.hypot(*np.diff(self.points, axis=0).T)
        steps[self.starts[:-1]] = 0
        return steps

    def arc(self) -> Floats:
        """Length along its curve up to each point, pixels: shape (n,)."""
        along = np.cumsum(self.steps())
        return along - np.repeat(along[self.starts[:-1]], np.diff(self.starts))

    def lengths(self) -> Floats:
        """Length of each curve, pixels: shape (curves,)."""
        return np.asarray(np.bincount(self.curve, self.steps(), minlength=len(self.starts) - 1), float)

    def tangents(self) -> Floats:
        """Unit tangent at each point, shape (n, 2)."""
        ahead = np.minimum(
            np.arange(len(self.points)) + 1, np.repeat(self.starts[1:], np.diff(self.starts)) - 1
        )
        behind = np.maximum(
            np.arange(len(self.points)) - 1, np.repeat(self.starts[:-1], np.diff(self.starts))
        )
        chords = self.points[ahead] - self.points[behind]
        return np.asarray(chords / np.maximum(np.hypot(*chords.T), 1e-12)[:, None])


def join(paths: list[Floats]) -> Lines:
    """Put paths one after another."""
    starts = np.concatenate([[0], np.cumsum([len(p) for p in paths])]).astype(np.intp)
    return Lines(np.concatenate(paths) if paths else np.empty((0, 2)), starts)


def resample(lines: Lines, step: float = 1.0) -> Lines:
    """Place points at equal distances, as near to ``step`` pixels as divides each curve, ends included."""
    if not len(lines.points):
        return lines
    lengths = lines.lengths()
    counts = np.maximum(np.ceil(lengths / step).astype(np.intp), 1) + 1
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    curve = np.repeat(np.arange(len(counts)), counts)
    share = (np.arange(starts[-1]) - starts[curve]) / (counts[curve] - 1)
    # One curve after another on one axis, with a gap between them so that none runs into the next.
    gap = 1.0
    offset = np.concatenate([[0], np.cumsum(lengths + gap)])[:-1]
    at = lines.arc() + np.repeat(offset, np.diff(lines.starts))
    wanted = share * lengths[curve] + offset[curve]
    points = np.column_stack([np.interp(wanted, at, part) for part in lines.points.T])
    return Lines(points, starts)


def smooth(
    values: Floats, starts: NDArray[np.intp], wavelength: Floats, weights: Floats | None = None
) -> Floats:
    """Smooth values along curves by penalised least squares on third differences (Eilers, 2003).

    What repeats within ``wavelength`` points loses half of its amplitude, a sixth power of the ratio decides
    the rest: a ripple of half that length keeps 1.5 %, a bend of twice that length 98.5 %. A parabola is left
    as it is, so that neither a straight nor a bent vessel shrinks.

    Parameters
    ----------
    values : array, shape (n,) or (n, k)
    starts : array, shape (curves + 1,), int
        As of :class:`Lines`.
    wavelength : array, shape (n,)
        In points.
    weights : array, shape (n,), optional
        How far each value is to be trusted, above 0.
    """
    n = len(values)
    if n < 4:
        return values
    weights = np.ones(n) if weights is None else weights
    inner = np.ones(n - 3, bool)  # third differences within one curve only
    for back in range(1, 4):
        edges = starts[1:-1] - back
        inner[edges[(edges >= 0) & (edges < n - 3)]] = False
    half = np.maximum(wavelength[:-3], 4.0)
    strength = np.where(inner, (2 * np.sin(np.pi / half)) ** -6.0, 0.0)
    bands = np.zeros((4, n))
    bands[3] = weights
    for j, a in enumerate(_THIRD_DIFFERENCE):
        for k, b in enumerate(_THIRD_DIFFERENCE[j:], start=j):
            bands[3 - (k - j), k : k + n - 3] += a * b * strength
    right = values * (weights if values.ndim == 1 else weights[:, None])
    result: Floats = solveh_banded(bands, right, check_finite=False)
    return result


def curvature(lines: Lines) -> Floats:
    """Signed curvature at each point, 1/pixel, positive where the curve turns from rows to columns: (n,).

    Needs points at equal distances; the first and last of a curve take their neighbour's.
    """
    steps = np.maximum(lines.steps(), 1e-12)
    n = len(steps)
    result = np.zeros(n)
    if n < 3:
        return result
    before, after = np.diff(lines.points, axis=0)[:-1], np.diff(lines.points, axis=0)[1:]
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    turn = np.arctan2(cross, (before * after).sum(axis=1))
    result[1:-1] = turn / ((steps[1:-1] + steps[2:]) / 2)
    first, last = lines.starts[:-1], lines.starts[1:] - 1
    long = last - first >= 2
    result[first], result[last] = 0, 0
    result[first[long]], result[last[long]] = result[first[long] + 1], result[last[long] - 1]
    return result
