"""Tortuosity of curves: how much longer and more bent than a straight line."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.centreline import Floats, Lines, curvature

TURN = 0.025
"""A turn that leaves its chord by less than this share of the chord is no turn, but the hand that drew it
(Grisan's hysteresis, free of scale)."""


@dataclass(frozen=True)
class Tortuosity:
    """Measures of curves; arrays of one entry a curve, NaN for one that is too short.

    Attributes
    ----------
    length, chord : array
        Pixels.
    arc_over_chord : array
        1 for a straight line; NaN for a closed loop.
    total_curvature : array
        Integral of the curvature's absolute value along the curve, radians.
    total_squared_curvature : array
        Integral of the squared curvature, 1/pixel.
    squared_curvature_per_length, squared_curvature_per_chord : array
        The same over length and over chord, 1/pixel^2 (Hart et al., 1999).
    inflections : array
        Changes of the sense of turning.
    density : array
        Tortuosity density, 1/pixel (Grisan et al., 2008, equation 6).
    graded : array
        Total curvature times the root of the turns' summed excess of arc over chord: of this program, the
        measure that follows an expert's ranking of RET-TORT best.
    """

    length: Floats
    chord: Floats
    arc_over_chord: Floats
    total_curvature: Floats
    total_squared_curvature: Floats
    squared_curvature_per_length: Floats
    squared_curvature_per_chord: Floats
    inflections: Floats
    density: Floats
    graded: Floats


def tortuosity(lines: Lines) -> Tortuosity:
    """Measure the tortuosity of smooth curves with points at equal distances."""
    count = len(lines.starts) - 1
    length = lines.lengths()
    first, last = lines.points[lines.starts[:-1]], lines.points[lines.starts[1:] - 1]
    chord = np.hypot(*(last - first).T)
    closed = chord < length / (2 * np.pi)  # no vessel between two nodes bends further than a circle
    chord_or_nan = np.where(closed | (chord <= 0), np.nan, chord)
    bend = curvature(lines)
    # Half a step at either end of a curve belongs to its first and last point.
    step = lines.steps()
    ahead = np.append(step[1:], 0)
    weight = (step + ahead) / 2
    total = np.bincount(lines.curve, np.abs(bend) * weight, minlength=count).astype(float)
    squared = np.bincount(lines.curve, bend**2 * weight, minlength=count).astype(float)
    turns = [
        turns_of(lines.points[a:b], bend[a:b])
        for a, b in zip(lines.starts[:-1], lines.starts[1:], strict=True)
    ]
    excess = np.array([sum(ratio - 1 for _, ratio in cuts) for cuts in turns], float)
    inflections = np.array([len(cuts) - 1 for cuts in turns], float)
    return Tortuosity(
        length,
        chord,
        length / chord_or_nan,
        total,
        squared,
        squared / np.maximum(length, 1e-12),
        squared / chord_or_nan,
        inflections,
        inflections / np.maximum(length, 1e-12) * excess,
        total * np.sqrt(np.maximum(excess, 0)),
    )


def turns_of(points: Floats, bend: Floats, least: float = TURN) -> list[tuple[int, float]]:
    """Split a curve where it changes its sense of turning.

    Parameters
    ----------
    points : array, shape (n, 2)
    bend : array, shape (n,)
        Signed curvature.
    least : float
        A turn whose greatest distance from its own chord is a smaller share of that chord does not count: it
        is joined to its neighbours.

    Returns
    -------
    list of (int, float)
        For each turn the index of its last point, and its length over its chord; at least one.
    """
    n = len(points)
    sense = np.sign(bend)
    changes = np.flatnonzero(sense[1:] * sense[:-1] < 0) + 1
    cuts = [0, *changes.tolist(), n - 1]
    sag = [_sag(points[a : b + 1]) for a, b in pairwise(cuts)] if len(cuts) > 2 else []
    while len(cuts) > 2:
        weakest = sag.index(min(sag))
        if sag[weakest] >= least:
            break
        # A weak turn between two of one sense makes them one; at an end it joins its neighbour.
        first, last = max(weakest - 1, 0), min(weakest + 1, len(sag) - 1)
        del cuts[first + 1 : last + 1]
        sag[first : last + 1] = [_sag(points[cuts[first] : cuts[first + 1] + 1])]
    return [(b, _ratio(points[a : b + 1])) for a, b in pairwise(cuts)]


def _sag(points: Floats) -> float:
    """Greatest distance of a curve from its chord, as a share of the chord."""
    chord = points[-1] - points[0]
    size = float(np.hypot(*chord))
    if size <= 0:
        return np.inf
    away = points - points[0]
    return float(np.abs(away[:, 0] * chord[1] - away[:, 1] * chord[0]).max() / size**2)


def _ratio(points: Floats) -> float:
    chord = float(np.hypot(*(points[-1] - points[0])))
    steps: NDArray[np.float64] = np.hypot(*np.diff(points, axis=0).T)
    return float(steps.sum()) / chord if chord > 0 else 1.0
