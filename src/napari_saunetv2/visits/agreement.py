"""How well the vessels of two photographs lie on each other, and where they do not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.visits.fit import Centrelines, Matches, matches
from napari_saunetv2.visits.transform import Transform
from napari_saunetv2.visits.visit import Visit

TOLERANCE = 2.5 / 565
"""Distance within which two centre lines are one vessel's, in diameters of the field of view."""

AWAY = (6, 10)
"""Tolerances by which a photograph is shifted to see how much fits by chance."""

LEAST_POINTS = 60
"""Points on centre lines that a part of the field must have to be judged."""

FITS = 0.4
"""Share of the vessels of a part below which it is called poor."""

_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "middle", "right")


@dataclass(frozen=True)
class Agreement:
    """How well vessels fit.

    Attributes
    ----------
    residuals : array, shape (n,)
        Distances of those that fit, pixels of the fixed photograph.
    overlap : float, range [0, 1]
        Share of the fixed photograph's field of view that the moving one shows.
    matched : float, range [0, 1]
        Share of the vessels in the overlap that fit, of the photograph that shows fewer.
    chance : float, range [0, 1]
        Share that fits where the photographs are shifted against each other.
    seen, fits : array, shape (points,), bool
        Whether each point of the fixed photograph's centre lines is in the overlap, and fits.
    """

    residuals: Floats
    overlap: float
    matched: float
    chance: float
    seen: NDArray[np.bool_]
    fits: NDArray[np.bool_]

    @property
    def confidence(self) -> float:
        """Share that fits beyond chance: 0 chance, 1 all."""
        return float(np.clip((self.matched - self.chance) / (1 - self.chance), 0, 1))


def agreement(
    transform: Transform,
    fixed: Visit,
    moving: Visit,
    lines: tuple[Floats, Floats],
    among: tuple[Floats, Floats],
) -> Agreement:
    """Lay the vessels of two photographs over each other, and see what fits.

    Parameters
    ----------
    transform : Transform
    fixed, moving : Visit
    lines, among : (points, directions), shapes (n, 2)
        Centre lines of the fixed and of the moving photograph.
    """
    at, ahead = carried(transform, *lines)
    reach = TOLERANCE * fixed.diameter * transform.scale
    seen = moving.sees(at)
    others = Centrelines.of(*among, len(among[0]))
    found = matches(at[seen], ahead[seen], others, reach)
    fits = np.zeros(len(at), bool)
    fits[np.flatnonzero(seen)[found.own]] = True
    back = fixed.sees(transform.to_fixed(among[0]))
    own = Centrelines.of(at, ahead, len(at))
    reverse = matches(among[0][back], among[1][back], own, reach)
    # Of the photograph that shows fewer vessels: a blurred one lacks the fine ones.
    share = max(len(found.own) / max(1, seen.sum()), len(reverse.own) / max(1, back.sum()))
    return Agreement(
        _across(found, at[seen], others) / transform.scale,
        _overlap(transform, fixed, moving),
        share if min(seen.sum(), back.sum()) >= LEAST_POINTS else 0.0,
        _chance(at[seen], ahead[seen], others, reach),
        seen,
        fits,
    )


def carried(transform: Transform, points: Floats, directions: Floats) -> tuple[Floats, Floats]:
    """Points of the fixed photograph and their directions in the moving one."""
    ahead = np.einsum("nij,nj->ni", transform.jacobian(points), directions)
    return transform.to_moving(points), ahead / np.maximum(np.hypot(*ahead.T), 1e-12)[:, None]


def _across(found: Matches, at: Floats, others: Centrelines) -> Floats:
    """Distances across the vessels: those along them come from the points' spacing."""
    apart = others.points[found.other] - at[found.own]
    ahead = others.directions[found.other]
    return np.asarray(np.abs(apart[:, 0] * ahead[:, 1] - apart[:, 1] * ahead[:, 0]))


def _chance(at: Floats, ahead: Floats, others: Centrelines, reach: float) -> float:
    turns = np.arange(8) * np.pi / 4
    shifts = [far * reach * np.array([np.sin(turn), np.cos(turn)]) for far in AWAY for turn in turns]
    step = max(1, len(at) // 1000)
    counts = [len(matches(at[::step] + shift, ahead[::step], others, reach).own) for shift in shifts]
    return float(np.mean(counts)) / max(1, len(at[::step]))


def _overlap(transform: Transform, fixed: Visit, moving: Visit) -> float:
    step = max(1, round(fixed.diameter / 100))
    lattice = np.argwhere(fixed.inputs.fov[::step, ::step]).astype(float) * step
    return float(moving.sees(transform.to_moving(lattice)).mean())


def poor_parts(found: Agreement, fixed: Visit, points: Floats) -> list[str]:
    """Name the ninths of the field of view in which the vessels do not fit."""
    third = np.clip((points - fixed.centre) / fixed.diameter + 0.5, 0, 0.999) * 3
    place = third[:, 0].astype(int) * 3 + third[:, 1].astype(int)
    named = []
    for number in range(9):
        here = found.seen & (place == number)
        if here.sum() >= LEAST_POINTS * fixed.diameter / 565 and found.fits[here].mean() < FITS:
            row, column = _ROWS[number // 3], _COLUMNS[number % 3]
            named.append("middle" if row == column == "middle" else f"{row} {column}")
    return named
