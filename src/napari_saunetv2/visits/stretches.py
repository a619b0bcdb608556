"""The same stretches of vessels in two photographs, point by point."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.sections import Sections
from napari_saunetv2.visits.agreement import TOLERANCE, carried
from napari_saunetv2.visits.fit import Centrelines, matches
from napari_saunetv2.visits.registration import Registration
from napari_saunetv2.visits.visit import Visit


@dataclass(frozen=True)
class Stretches:
    """Counterparts of the points on the fixed photograph's centre lines; arrays of one entry a point.

    Attributes
    ----------
    seen : array, bool
        Whether the moving photograph shows the place.
    other : array, int
        The counterpart among the points of the moving photograph; -1 where there is none.
    along : array
        Length along the counterpart's centre line up to it, pixels of the moving photograph.
    across_scale, along_scale : array
        Pixels of the moving photograph in one of the fixed one, across the vessel by the whole transform, and
        along it by its quadratic part: a deformation that follows a vessel would hide that it grew longer.
    apart : array
        Distance of the two centre lines, pixels of the fixed photograph.
    strain : float
        By how much the transform stretches vessels beyond its quadratic part, root mean square.
    """

    seen: NDArray[np.bool_]
    other: NDArray[np.intp]
    along: Floats
    across_scale: Floats
    along_scale: Floats
    apart: Floats
    strain: float


def stretches(found: Registration, fixed: Visit, moving: Visit) -> Stretches:
    """Find the counterpart of every point on the fixed photograph's centre lines."""
    lines, others = fixed.tree.sections.lines, moving.tree.sections.lines
    tangents = lines.tangents()
    at, ahead = carried(found.transform, lines.points, tangents)
    seen = moving.sees(at)
    among = Centrelines.of(others.points, others.tangents(), max(1, len(others.points)))
    met = matches(at, ahead, among, TOLERANCE * fixed.diameter * found.transform.scale)
    kept = seen[met.own]
    own, far = met.own[kept], met.other[kept]
    other = np.full(len(at), -1, np.intp)
    other[own] = far
    beside = at[own] - others.points[far]
    forward = (beside * among.directions[far]).sum(axis=1)
    along, apart = np.full(len(at), np.nan), np.full(len(at), np.nan)
    # Between two points of the other line: the counterpart lies where the perpendicular meets it.
    along[own] = others.arc()[far] + forward
    whole = found.transform.jacobian(lines.points)
    normals = tangents[:, ::-1] * (-1, 1)
    across_scale = np.hypot(*np.einsum("nij,nj->ni", whole, normals).T)
    stretched = np.hypot(*np.einsum("nij,nj->ni", whole, tangents).T)
    along_scale = np.hypot(*np.einsum("nij,nj->ni", found.quadratic.jacobian(lines.points), tangents).T)
    apart[own] = np.abs(beside[:, 0] * among.directions[far, 1] - beside[:, 1] * among.directions[far, 0])
    apart[own] /= found.transform.scale
    strain = float(np.sqrt(np.mean((stretched[own] / along_scale[own] - 1) ** 2)))
    return Stretches(seen, other, along, across_scale, along_scale, apart, strain)


def found_in_fixed(
    found: Registration, fixed: Visit, moving: Visit
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the fixed photograph shows each place of the moving one's vessels, and a vessel there.

    Returns
    -------
    seen, there : array, shape (n,), bool
        By point on the moving photograph's centre lines.
    """
    lines, others = moving.tree.sections.lines, fixed.tree.sections.lines
    at = found.transform.to_fixed(lines.points)
    back = np.linalg.solve(found.transform.jacobian(at), lines.tangents()[..., None])[..., 0]
    ahead = np.asarray(back / np.maximum(np.hypot(*back.T), 1e-12)[:, None], float)
    among = Centrelines.of(others.points, others.tangents(), max(1, len(others.points)))
    there = np.zeros(len(at), bool)
    there[matches(at, ahead, among, TOLERANCE * fixed.diameter).own] = True
    seen = fixed.sees(at)
    return seen, there & seen


def other_length(
    way: Stretches, run: NDArray[np.intp], fixed: Sections, moving: Sections
) -> tuple[float, float]:
    """Length of the moving photograph's vessel beside a run of points, and how far it is not known.

    Parameters
    ----------
    way : Stretches
    run : array of int
        Points of one segment of the fixed photograph in their order, each with a counterpart.
    fixed, moving : Sections

    Returns
    -------
    length, unknown : float
        Pixels of the fixed photograph. From one segment of the moving photograph's vessels to the next,
        across a branching or a gap, the centre line is not known: the vessel is taken to be as long there as
        in the fixed photograph. What the straight line from end to end would be longer or shorter is
        ``unknown``, root of the sum of squares.
    """
    far = way.other[run]
    curve = moving.lines.curve[far]
    breaks = np.flatnonzero(np.diff(curve))
    first, last = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(run) - 1]])
    scale = float(np.mean(way.along_scale[run]))
    within = float(np.abs(way.along[run[last]] - way.along[run[first]]).sum()) / scale
    across = np.hypot(*(moving.lines.points[far[first[1:]]] - moving.lines.points[far[last[:-1]]]).T) / scale
    own = fixed.lines.arc()[run[first[1:]]] - fixed.lines.arc()[run[last[:-1]]]
    return within + float(own.sum()), float(np.sqrt(((across - own) ** 2).sum()))
