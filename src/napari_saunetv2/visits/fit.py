"""Bring the centre lines of two photographs together: a similarity first, then a smooth deformation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.visits.transform import Grid, Transform

ALIKE = 0.9
"""Cosine of the angle up to which two centre lines count as one vessel's: 26 degrees."""

ALONG = 0.02
"""Weight of a difference along a vessel, where only its ends and branchings say something, to one across."""

LEAST = 20
"""Counterparts that are needed to go on."""

_STEADY = 1e-6


@dataclass(frozen=True)
class Centrelines:
    """Points along the vessels of a photograph.

    Attributes
    ----------
    points, directions : array, shape (n, 2)
        Rows and columns, and unit vectors along the vessels.
    nearest : cKDTree
        Of the points.
    """

    points: Floats
    directions: Floats
    nearest: cKDTree

    @classmethod
    def of(cls, points: Floats, directions: Floats, most: int) -> "Centrelines":
        """Make it, of every n-th point so that there are at most so many."""
        step = max(1, -(-len(points) // most))
        return cls(points[::step], directions[::step], cKDTree(points[::step]))


@dataclass(frozen=True)
class Matches:
    """Counterparts of points.

    Attributes
    ----------
    own : array of int
        Points that have one.
    other : array of int
        The counterpart of each.
    distance : array
        Between them, in the other photograph's pixels.
    """

    own: NDArray[np.intp]
    other: NDArray[np.intp]
    distance: Floats


def matches(points: Floats, directions: Floats, among: Centrelines, reach: float) -> Matches:
    """Find the nearest point of a vessel of the same direction within ``reach``."""
    distance, other = among.nearest.query(points, k=4, distance_upper_bound=reach)
    there = np.isfinite(distance)
    other = np.where(there, other, 0)
    cosine = np.abs(np.einsum("nd,nkd->nk", directions, among.directions[other]))
    fits = there & (cosine > ALIKE)
    first = fits.argmax(axis=1)
    own = np.flatnonzero(fits.any(axis=1))
    return Matches(own, other[own, first[own]], distance[own, first[own]])


def fit_similarity(matrix: Floats, fixed: Centrelines, moving: Centrelines, reaches: Floats) -> Floats:
    """Improve a similarity, shape (2, 3), by the counterparts within ever smaller distances."""
    for reach in reaches:
        at = fixed.points @ matrix[:, :2].T + matrix[:, 2]
        ahead = fixed.directions @ (matrix[:, :2].T / np.hypot(*matrix[:, 0]))
        found = matches(at, ahead, moving, reach)
        if len(found.own) < LEAST:
            return matrix
        rows, columns = fixed.points[found.own].T
        one, none = np.ones(len(rows)), np.zeros(len(rows))
        # By a and b it turns and stretches; the shift follows.
        design = np.array([[rows, -columns, one, none], [columns, rows, none, one]])
        weights = _weights(found, moving, reach)
        left = np.einsum("ipn,nij,jqn->pq", design, weights, design, optimize=True)
        right = np.einsum("ipn,nij,nj->p", design, weights, moving.points[found.other], optimize=True)
        a, b, down, across = np.linalg.solve(left, right)
        matrix = np.array([[a, -b, down], [b, a, across]])
    return matrix


def fit_deformation(
    matrix: Floats,
    grid: Grid,
    fixed: Centrelines,
    moving: Centrelines,
    steps: Sequence[tuple[float, float]],
) -> Transform:
    """Add a smooth deformation to a similarity.

    Parameters
    ----------
    matrix : array, shape (2, 3)
    grid : Grid
    fixed, moving : Centrelines
    steps : sequence of (reach, stiffness)
        Distance within which counterparts are looked for, pixels, and what it costs to bend, as a multiple of
        what it costs to miss a vessel.
    """
    basis = csr_array(grid.basis(fixed.points))
    bending = grid.bending() * len(fixed.points) / basis.shape[1]
    penalty = np.kron(np.eye(2), bending)
    straight = fixed.points @ matrix[:, :2].T + matrix[:, 2]
    transform = Transform(matrix, grid, np.zeros((2, *grid.shape)))
    for reach, stiffness in steps:
        at = straight + basis @ transform.coefficients.reshape(2, -1).T
        ahead = np.einsum("nij,nj->ni", transform.jacobian(fixed.points), fixed.directions)
        ahead /= np.maximum(np.hypot(*ahead.T), 1e-12)[:, None]
        found = matches(at, ahead, moving, reach)
        if len(found.own) < LEAST:
            break
        own = basis[found.own]
        weights = _weights(found, moving, reach)
        aim = np.einsum("nij,nj->ni", weights, moving.points[found.other] - straight[found.own])
        left = np.block(
            [[(own.T @ (own * weights[:, i, j, None])).toarray() for j in (0, 1)] for i in (0, 1)]
        )
        left += stiffness * penalty
        left += _STEADY * np.trace(left) / len(left) * np.eye(len(left))  # where no vessel is near
        solution = np.linalg.solve(left, np.concatenate([own.T @ aim[:, 0], own.T @ aim[:, 1]]))
        transform = Transform(matrix, grid, solution.reshape(2, *grid.shape))
    return transform


def _weights(found: Matches, moving: Centrelines, reach: float) -> Floats:
    """What a distance costs in each direction, shape (n, 2, 2): far counterparts count less (Tukey)."""
    along = moving.directions[found.other]
    trust = (1 - np.minimum(found.distance / reach, 1) ** 2) ** 2
    tensor = (ALONG - 1) * along[:, :, None] * along[:, None, :] + np.eye(2)
    return np.asarray(tensor * trust[:, None, None], float)
