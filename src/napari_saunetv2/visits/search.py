"""Find roughly where one photograph lies in another: their vessels, drawn small, are laid over each other.

Every turn and scale is tried at every shift at once, by the Fourier transform. Vessels count by their
direction: those that cross cancel those that run alike, so a wrong place scores no more than chance.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_saunetv2.measure.centreline import Floats

TURNS = np.arange(0.0, 360.0, 4.0)
SCALES = np.exp(np.arange(-7, 8) * 0.08)
"""Turns, degrees, and scales that are tried: 0.57 to 1.75, relative to the fields of view."""

UPRIGHT, ALIKE = np.arange(-20.0, 21.0, 4.0), np.exp(np.arange(-2, 3) * 0.08)
"""Those of photographs that are taken alike, which are tried first."""

CELLS = 48
"""Cells across the field of view of the drawings."""

SIDE = 144
"""Cells of a drawing with the margin that the largest scale and shift need."""

SOFT = 1.4
"""Cells by which lines are smoothed: half a step of turn or scale at the rim of the field."""


@dataclass(frozen=True)
class Pose:
    """A rough place of the fixed photograph in the moving one.

    Attributes
    ----------
    matrix : array, shape (2, 3)
        Similarity from the fixed photograph to the moving one, both with the middle of their field of view
        as origin and its diameter as unit.
    score : float
        Correlation.
    """

    matrix: Floats
    score: float


def poses(
    fixed: tuple[Floats, Floats], moving: tuple[Floats, Floats], count: int, turns: Floats, scales: Floats
) -> list[Pose]:
    """Find the best places, the best first.

    Parameters
    ----------
    fixed, moving : (points, directions), shapes (n, 2)
        Points on centre lines and the unit vectors along them, rows and columns; the origin is the middle of
        the field of view and the unit its diameter.
    count : int
        Number of places.
    turns, scales : array
        To try: degrees, and relative to the fields of view.
    """
    other = np.conj(fft.fft2(_drawn(*moving))) * _smoothing()
    found = []
    for angle, scale in product(turns, scales):
        turn = _turn(angle)
        picture = fft.fft2(_drawn(fixed[0] @ turn.T * scale, fixed[1] @ turn.T))
        match = fft.ifft2(picture * other).real
        best = int(match.argmax())
        shift = -(((np.array(divmod(best, SIDE)) + SIDE // 2) % SIDE) - SIDE // 2) / CELLS
        found.append((float(match.ravel()[best]), scale * turn, shift))
    found.sort(key=lambda one: -one[0])
    kept: list[Pose] = []
    for score, linear, shift in found:
        matrix = np.column_stack([linear, shift])
        if all(_apart(matrix, one.matrix) for one in kept):
            kept.append(Pose(matrix, score))
            if len(kept) == count:
                break
    return kept


def _turn(degrees: float) -> Floats:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine], [sine, cosine]])


_CORNERS = np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)])


def _apart(one: Floats, other: Floats) -> bool:
    """Whether two places differ by more than their neighbours among the turns and scales do."""
    moved = _CORNERS @ (one - other)[:, :2].T + (one - other)[:, 2]
    return bool(np.hypot(*moved.T).max() > 0.1)


def _drawn(points: Floats, directions: Floats) -> NDArray[np.complex64]:
    """Draw lines: complex numbers whose angle is twice that of the line, so that it has no sense."""
    at = np.rint(points * CELLS).astype(np.intp) + SIDE // 2
    inside = ((at >= 0) & (at < SIDE)).all(axis=1)
    place = at[inside, 0] * SIDE + at[inside, 1]
    down, across = directions[inside].T
    parts = (across**2 - down**2, 2 * across * down)
    planes = [np.bincount(place, part, minlength=SIDE**2).reshape(SIDE, SIDE) for part in parts]
    return np.asarray(planes[0] + 1j * planes[1], np.complex64)


def _smoothing() -> NDArray[np.float32]:
    """Fourier transform of a Gaussian that smooths both drawings by ``SOFT``."""
    waves = fft.fftfreq(SIDE)
    one = np.exp(-2 * (np.pi * waves) ** 2 * 2 * SOFT**2)
    return np.asarray(one[:, None] * one, np.float32)
