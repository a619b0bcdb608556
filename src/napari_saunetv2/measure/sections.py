"""Smooth centre lines and the cross-sections of vessels along them."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.measure.centreline import Floats, Lines, join, resample, smooth
from napari_saunetv2.measure.graph import Depth, Graph, widened

SMOOTHED = 3.0
"""Ripples of a centre line shorter than this many widths are of the mask's outline, not of the vessel."""

STAIRCASE = 14.0
"""Pixels: the steps that the pixel grid itself puts into a line are no bends, whatever the width."""

SAMPLES = 24
"""Samples of the profile on either side of the centre line."""

DOUBTED = 0.02
"""Weight of a point of the centre line inside a branching, where it belongs to several vessels."""

AT_NODE = 0.3
"""Weight of the node itself, which holds the line where nothing else does."""

EDGE = 0.5
WINDOW = 0.75
"""Pixels on either side of an edge over which the area of the map places it."""

BESIDE = 4
"""Pixels around a mask within which its edges are looked for: they lie within one pixel of it."""

REACH = 1.6
"""How far a profile goes, in the distance from the centre line to the nearest edge, plus two pixels."""


@dataclass(frozen=True)
class Sections:
    """Cross-sections, one at each point of the centre lines.

    Attributes
    ----------
    lines : Lines
        Smooth centre lines, points at equal distances of about one pixel.
    left, right : array, shape (n,)
        Distance from the centre line to either edge, smoothed along the vessel, pixels; NaN where the section
        does not count.
    clear : array, shape (n,), bool
        Whether the section counts: it has two edges and lies away from the nodes.
    radius : array, shape (n,)
        Half width, roughly, pixels.
    inside : array, shape (n,), bool
        Whether the centre line lies in the vessel that was traced, and not in a gap that it bridges.
    present : array, shape (n,), bool
        Whether the centre line lies in a vessel; all do but under a raised threshold.
    """

    lines: Lines
    left: Floats
    right: Floats
    clear: NDArray[np.bool_]
    radius: Floats
    inside: NDArray[np.bool_]
    present: NDArray[np.bool_]

    @property
    def width(self) -> Floats:
        """Width at each point, pixels; NaN where the section does not count."""
        return np.where(self.clear, self.left + self.right, np.nan)


def edge_map(
    mask: NDArray[np.bool_], probability: NDArray[np.float32] | None, threshold: float
) -> NDArray[np.float32]:
    """Probability with its threshold moved to one half, above it inside the mask alone.

    Where a mask that was painted disagrees with the probability, the odds are turned round.

    Parameters
    ----------
    mask : array, shape (H, W), bool
    probability : array, shape (H, W), range [0, 1], optional
        Without it, an edge lies halfway between two pixels.
    threshold : float, between 0 and 1

    Returns
    -------
    array, shape (H, W), float32, range [0, 1]
        Its odds are the probability's over the threshold's: a network's logit moves by a constant. 0 further
        than ``BESIDE`` pixels from the mask.
    """
    if probability is None:
        return mask.astype(np.float32)
    # No profile looks further past an edge, and vessels are a tenth of a photograph.
    near = np.flatnonzero(widened(mask, BESIDE))
    chance, inside = probability.ravel()[near].astype(np.float32), mask.ravel()[near]
    vessel = chance * np.float32(1 - threshold)
    share = vessel / (vessel + (1 - chance) * np.float32(threshold))
    result = np.zeros(mask.shape, np.float32)
    result.ravel()[near] = np.where(inside, np.maximum(share, 1 - share), np.minimum(share, 1 - share))
    return result


def measure_sections(graph: Graph, depth: Depth, soft: NDArray[np.float32]) -> Sections:
    """Smooth the centre lines of a graph, and cut vessels across.

    Parameters
    ----------
    graph : Graph
    depth : Depth
        Of the graph's mask.
    soft : array, shape (H, W)
        One half at the edge of a vessel: see :func:`edge_map`.
    """
    free = graph.degrees[graph.nodes] == 1
    paths = [
        _cut(path, *(graph.radii[nodes] * ends))
        for path, nodes, ends in zip(graph.paths, graph.nodes, free, strict=True)
    ]
    lines = join(paths)
    # At the very tip of a vessel, a section has its edges at the end.
    at_node = graph.radii[graph.nodes] * np.where(free, 0.5, 1.0)
    trust = _trust(lines, _away(lines, at_node), free)
    lines = resample(
        Lines(smooth(lines.points, lines.starts, _wavelength(_radius(lines, depth)), trust), lines.starts)
    )
    radius = _radius(lines, depth)
    lines = _centred(lines, radius, *_edges(lines, radius, soft), at_node, free)
    # An end is carried on along a straight line, which is centred in its turn.
    lines = _extended(lines, free, radius, soft)
    radius = _radius(lines, depth)
    left, right = _edges(lines, radius, soft)
    lines = _centred(lines, radius, left, right, at_node, free)
    clear = np.isfinite(left) & np.isfinite(right) & _away(lines, 2 * graph.radii[graph.nodes])
    half = _half(lines, radius, left + right, clear)
    inside = sampled(soft, lines.points) >= EDGE
    return Sections(lines, half, half, clear, radius, inside, np.ones(len(half), bool))


def sections_of(lines: Lines, half: Floats) -> Sections:
    """Sections that were not cut, but are known to reach as far to either side: all of them count."""
    all_of = np.ones(len(half), bool)
    return Sections(lines, half, half, all_of, half, all_of, all_of)


def moved_edges(sections: Sections, soft: NDArray[np.float32]) -> Sections:
    """Cut vessels across on the same centre lines in another map, in which edges lie elsewhere.

    Parameters
    ----------
    sections : Sections
    soft : array, shape (H, W)
        As of :func:`measure_sections`.
    """
    lines, radius = sections.lines, sections.radius
    left, right = _edges(lines, radius + 1, soft)
    present = sampled(soft, lines.points) >= EDGE
    clear = sections.clear & present & np.isfinite(left) & np.isfinite(right)
    half = _half(lines, radius, left + right, clear)
    # Across a gap no map holds a vessel, and its centre line was joined all the same.
    return replace(sections, left=half, right=half, clear=clear, present=present | ~sections.inside)


def _half(lines: Lines, radius: Floats, width: Floats, clear: NDArray[np.bool_]) -> Floats:
    """Half of the width, smoothed along the vessel; NaN where it does not count."""
    trust = np.where(clear, 1.0, DOUBTED)
    half = smooth(_filled(width, clear), lines.starts, _wavelength(radius), trust) / 2
    return np.where(clear, half, np.nan)


def _centred(
    lines: Lines, radius: Floats, left: Floats, right: Floats, at_node: Floats, free: NDArray[np.bool_]
) -> Lines:
    """Move centre lines to the middle between their edges, and smooth them."""
    known = np.isfinite(left) & np.isfinite(right) & _away(lines, at_node)
    shift = np.clip(np.where(known, (right - left) / 2, 0.0), -radius, radius)
    normals = lines.tangents()[:, ::-1] * (-1, 1)
    points = lines.points + shift[:, None] * normals
    trust = _trust(lines, known, free)
    return Lines(smooth(points, lines.starts, _wavelength(radius), trust), lines.starts)


def _trust(lines: Lines, known: NDArray[np.bool_], free: NDArray[np.bool_]) -> Floats:
    """Weight of each point: a vessel is led to its node, but need not pass through it."""
    trust = np.where(known, 1.0, DOUBTED)
    ends = np.column_stack([lines.starts[:-1], lines.starts[1:] - 1])[~free]
    trust[ends] = np.maximum(trust[ends], AT_NODE)
    return trust


def _away(lines: Lines, distances: Floats) -> NDArray[np.bool_]:
    """Whether points lie at least so far, shape (curves, 2), from the ends of their curves."""
    along, total = lines.arc(), np.repeat(lines.lengths(), np.diff(lines.starts))
    first, last = distances[lines.curve].T
    return np.asarray((along >= first) & (total - along >= last))


def _filled(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """Values with straight lines across what is not known."""
    if not known.any():
        return np.zeros_like(values)
    at = np.arange(len(values))
    return np.where(known, values, np.interp(at, at[known], values[known]))


def _radius(lines: Lines, depth: Depth) -> Floats:
    """Half width at each point, roughly: at least half of a pixel and, near an end, the curve's median."""
    distances = depth(lines.points)
    typical = [np.median(distances[a:b]) for a, b in pairwise(lines.starts)]
    return np.asarray(np.maximum(np.maximum(distances, np.array(typical, float)[lines.curve]), 0.5))


def _wavelength(radius: Floats) -> Floats:
    return np.hypot(SMOOTHED * 2 * radius, STAIRCASE)


def _cut(path: Floats, first: float, last: float) -> Floats:
    """Leave out the ends of a path, where a skeleton turns into a corner; a short path keeps its middle."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    kept = (along >= min(first, along[-1] / 3)) & (along <= along[-1] - min(last, along[-1] / 3))
    return path[kept] if kept.sum() > 1 else path


def _edges(lines: Lines, radius: Floats, soft: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Distances from the centre line to the first point on either side where the map falls to one half."""
    normals = lines.tangents()[:, ::-1] * (-1, 1)
    offsets = (REACH * radius + 2)[:, None] * np.linspace(0, 1, SAMPLES + 1)
    sides = []
    for side in (-1, 1):
        outward = side * normals
        profile = _across(soft, lines.points, outward, offsets)
        sides.append(_refined(_crossing(profile, offsets), lines.points, outward, soft))
    return sides[0], sides[1]


def _refined(distance: Floats, points: Floats, outward: Floats, soft: NDArray[np.float32]) -> Floats:
    """Place edges by the area under the map within ``WINDOW`` of them: whatever their place in a pixel.

    A map of hard steps lets the linear crossing err by a tenth of a pixel.
    """
    for _ in range(2):  # the window moves with the edge
        half = np.minimum(WINDOW, np.nan_to_num(distance))
        offsets = np.nan_to_num(distance)[:, None] + half[:, None] * np.linspace(-1, 1, 9)
        inside = _across(soft, points, outward, offsets, "nearest")
        area = inside.sum(axis=1) - (inside[:, 0] + inside[:, -1]) / 2  # trapezoids
        distance = distance - half + area * half / 4
    return distance


def _across(
    image: NDArray[np.float32], points: Floats, ways: Floats, offsets: Floats, mode: str = "constant"
) -> NDArray[np.float32]:
    """Values at so many offsets, shape (n, k), from points in directions, both of shape (n, 2): (n, k).

    NaN outside the frame, unless by ``mode``: how wide a vessel is that its border cuts, nobody knows.
    """
    at = points.T[..., None] + offsets * ways.T[..., None]
    return np.asarray(ndimage.map_coordinates(image, at, order=1, mode=mode, cval=np.nan))


def sampled(image: NDArray[np.float32], points: Floats, mode: str = "constant") -> NDArray[np.float32]:
    """Values between pixels, linear, 0 outside the frame unless by ``mode``; points of shape (..., 2)."""
    return np.asarray(ndimage.map_coordinates(image, np.moveaxis(points, -1, 0), order=1, mode=mode))


def _crossing(profile: NDArray[np.float32], offsets: Floats) -> Floats:
    """Offset at which each row falls below one half for the first time; NaN where it does not."""
    below = profile < EDGE
    first = below.argmax(axis=1)
    rows = np.arange(len(profile))
    found = below.any(axis=1) & (first > 0)
    inner = np.maximum(first - 1, 0)
    high, low = profile[rows, inner].astype(float), profile[rows, first].astype(float)
    share = (high - EDGE) / np.where(high > low, high - low, 1)
    distance = offsets[rows, inner] + share * (offsets[rows, first] - offsets[rows, inner])
    return np.where(found, distance, np.nan)


def _extended(lines: Lines, free: NDArray[np.bool_], radius: Floats, soft: NDArray[np.float32]) -> Lines:
    """Carry free ends straight on to the edge of the vessel."""
    paths = [lines.points[a:b] for a, b in zip(lines.starts[:-1], lines.starts[1:], strict=True)]
    for end, at, sign in ((0, lines.starts[:-1], -1), (1, lines.starts[1:] - 1, 1)):
        curves = np.flatnonzero(free[:, end])
        here = at[curves]
        # The direction of the last two widths: that of the last pixels alone would shake.
        inward = np.minimum(np.ceil(4 * radius[here]).astype(np.intp), np.diff(lines.starts)[curves] - 1)
        directions = lines.points[here] - lines.points[here + sign * -inward]
        directions /= np.maximum(np.hypot(*directions.T), 1e-12)[:, None]
        reach = (8 * radius[here] + 4)[:, None] * np.linspace(0, 1, 4 * SAMPLES + 1)
        rays = lines.points[here][:, None] + reach[..., None] * directions[:, None]
        to_edge = _crossing(sampled(soft, rays), reach)
        for curve, point, direction, distance in zip(
            curves, lines.points[here], directions, to_edge, strict=True
        ):
            if np.isfinite(distance):
                tip = (point + distance * direction)[None]
                paths[curve] = np.vstack([tip, paths[curve]] if end == 0 else [paths[curve], tip])
    return resample(join(paths))
