"""Branchings and crossings: what meets at each node, at which angles, and how wide."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.graph import Graph
from napari_saunetv2.measure.sections import Sections

NEAR, FAR = 1.0, 3.0
"""Between these distances from a node, in local widths, lies the piece of a branch that gives its direction.
Nearer, the branches are still one blob, and its centre line bends."""

CROSSING_LENGTH = 3.0
"""Two nodes at most this many local widths apart may be one crossing: vessels that cross at a small angle
share a piece."""

CROSSING_BEND = np.cos(np.radians(150))
"""A vessel that passes a crossing goes on within 30 degrees of straight."""

PARENT_ANGLE = 2.0
"""Weight of the angle against the logarithm of the width when the parent is told from its daughters."""

THINNEST = 0.5
"""Pixels: less is no width of a vessel, but a centre line that leaves its mask."""


@dataclass(frozen=True)
class Junctions:
    """Nodes of a graph as people know them; arrays of one entry a junction.

    Attributes
    ----------
    kind : array of str
        "bifurcation", "crossing" or "end".
    position : array, shape (n, 2)
        Row and column, pixels.
    degree : array of int
        Vessels that meet there.
    angle : array
        Between the two daughters, degrees; at a crossing the smaller angle between its two vessels.
    parent, wide, narrow : array
        Width of the parent and of the two daughters, pixels.
    segments : list of tuple of int
        Segments that meet there; at a bifurcation of three the parent first, then the wider daughter; at a
        crossing the two of one vessel, then the two of the other.
    vessel : array, shape (segments,), int
        Segments that are one vessel have one number: a parent goes on in its wider daughter, and straight on
        through a crossing.
    inside : array, shape (segments,), bool
        Segments that are only the piece shared by two crossing vessels.
    """

    kind: NDArray[np.str_]
    position: Floats
    degree: NDArray[np.intp]
    angle: Floats
    parent: Floats
    wide: Floats
    narrow: Floats
    segments: list[tuple[int, ...]]
    vessel: NDArray[np.intp]
    inside: NDArray[np.bool_]


def find_junctions(graph: Graph, sections: Sections) -> Junctions:
    """Tell bifurcations, crossings and ends apart, and measure them."""
    directions, widths = _arms(graph, sections)
    arms: list[list[tuple[int, int]]] = [[] for _ in graph.positions]
    for segment, (first, last) in enumerate(graph.nodes.tolist()):
        arms[first].append((segment, 0))
        arms[last].append((segment, 1))
    count = len(graph.paths)
    inside = np.zeros(count, bool)
    vessel = _Groups(count)
    rows: list[tuple[str, Floats, int, float, float, float, float, tuple[int, ...]]] = []
    done: set[int] = set()

    def cross(around: list[tuple[int, int]], position: Floats) -> bool:
        pairs = _straight_pairs(around, directions)
        if pairs is None:
            return False
        (a, b), (c, d) = pairs
        vessel.join(a[0], b[0])
        vessel.join(c[0], d[0])
        angle = _angle(directions[a] - directions[b], directions[c] - directions[d])
        angle = min(angle, 180 - angle)
        four = (a[0], b[0], c[0], d[0])
        rows.append(("crossing", position, 4, angle, np.nan, np.nan, np.nan, four))
        return True

    lengths = sections.lines.lengths()
    local = 2 * graph.radii[graph.nodes].max(axis=1) if count else np.empty(0)
    shared = np.flatnonzero(
        (graph.degrees[graph.nodes] == 3).all(axis=1)
        & (graph.nodes[:, 0] != graph.nodes[:, 1])
        & (lengths < CROSSING_LENGTH * local)
    )
    for segment in shared[np.argsort(lengths[shared])].tolist():
        first, last = graph.nodes[segment].tolist()
        if first in done or last in done:
            continue
        around = [arm for node in (first, last) for arm in arms[node] if arm[0] != segment]
        if cross(around, graph.positions[[first, last]].mean(axis=0)):
            done.update((first, last))
            inside[segment] = True
    for node, around in enumerate(arms):
        position, degree = graph.positions[node], len(around)
        if node in done or degree == 2 or (degree == 4 and cross(around, position)):
            continue
        members = tuple(s for s, _ in around)
        if degree == 1:
            rows.append(("end", position, 1, np.nan, np.nan, np.nan, np.nan, members))
        elif degree == 3:
            parent, wide, narrow, angle = _fork(around, directions, widths)
            vessel.join(parent[0], wide[0])
            order = (parent[0], wide[0], narrow[0])
            three = (float(widths[parent]), float(widths[wide]), float(widths[narrow]))
            rows.append(("bifurcation", position, 3, angle, *three, order))
        elif degree > 3:
            rows.append(("bifurcation", position, degree, np.nan, np.nan, np.nan, np.nan, members))
    kinds, positions, degrees, angles, parents, wides, narrows, segments = (
        [row[n] for row in rows] for n in range(8)
    )
    return Junctions(
        np.array(kinds, dtype=np.str_),
        np.array(positions, float).reshape(-1, 2),
        np.array(degrees, np.intp),
        np.array(angles, float),
        np.array(parents, float),
        np.array(wides, float),
        np.array(narrows, float),
        segments,  # type: ignore[arg-type]
        vessel.numbers(),
        inside,
    )


def still_there(junctions: Junctions, graph: Graph, sections: Sections) -> Junctions:
    """Junctions whose vessels are all there under another threshold, with the widths that these have then.

    Parameters
    ----------
    junctions : Junctions
    graph : Graph
    sections : Sections
        On the same centre lines: see :func:`napari_saunetv2.measure.sections.moved_edges`.
    """
    if not len(junctions.kind):
        return junctions
    lines = sections.lines
    counts = [len(members) for members in junctions.segments]
    first = np.concatenate([[0], np.cumsum(counts)])[:-1]
    junction = np.repeat(np.arange(len(counts)), counts)
    segment = np.concatenate([np.array(members, np.intp) for members in junctions.segments])
    starts, stops = lines.starts[segment], lines.starts[segment + 1]
    ends = lines.points[np.column_stack([starts, stops - 1])]
    away = np.hypot(*np.moveaxis(ends - junctions.position[junction][:, None], -1, 0))
    end = away.argmin(axis=1)
    # A vessel reaches its junction if any of the half of it that is nearer is there.
    middle = (starts + stops + 1) // 2
    before = np.concatenate([[0], np.cumsum(sections.present)])
    low, high = np.where(end == 0, starts, middle - 1), np.where(end == 0, middle, stops)
    there = before[high] > before[low]
    degree = np.bincount(junction, there, minlength=len(counts)).astype(np.intp)
    kept = np.where(junctions.kind == "bifurcation", degree >= 3, degree == counts)
    _, widths = _arms(graph, sections)
    across = widths[segment, end]
    three = np.isfinite(junctions.angle) & (junctions.kind == "bifurcation")
    parent, one, other = (np.where(three, across[first + np.where(three, n, 0)], np.nan) for n in range(3))
    return replace(
        junctions,
        kind=junctions.kind[kept],
        position=junctions.position[kept],
        degree=degree[kept],
        angle=junctions.angle[kept],
        parent=parent[kept],
        wide=np.fmax(one, other)[kept],
        narrow=np.fmin(one, other)[kept],
        segments=[members for members, keep in zip(junctions.segments, kept, strict=True) if keep],
    )


def _arms(graph: Graph, sections: Sections) -> tuple[Floats, Floats]:
    """Direction away from its node, shape (segments, 2, 2), and width, (segments, 2), of every end."""
    lines, width = sections.lines, sections.width
    lengths, counts = lines.lengths(), np.diff(lines.starts)
    step = lengths / np.maximum(counts - 1, 1)
    local = 2 * graph.radii[graph.nodes]
    directions = np.full((len(counts), 2, 2), np.nan)
    widths = np.full((len(counts), 2), np.nan)
    for segment, (start, stop) in enumerate(zip(lines.starts[:-1], lines.starts[1:], strict=True)):
        for end in (0, 1):
            points, across = lines.points[start:stop], width[start:stop]
            if end:
                points, across = points[::-1], across[::-1]
            near = min(NEAR * local[segment, end], lengths[segment] / 2)
            far = min(FAR * local[segment, end], lengths[segment])
            first, last = round(near / step[segment]), min(round(far / step[segment]), len(points) - 1)
            piece = points[first : last + 1]
            if len(piece) > 1:
                chord = piece[-1] - piece[0]
                directions[segment, end] = chord / max(np.hypot(*chord), 1e-12)
            near_node = across[first : 2 * last + 1]
            some = near_node[np.isfinite(near_node)]
            if not some.size:
                some = across[np.isfinite(across)]
            widths[segment, end] = some.mean() if some.size else np.nan
    return directions, widths


def _fork(
    arms: list[tuple[int, int]], directions: Floats, widths: Floats
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], float]:
    """Parent, wider and narrower daughter of three arms, and the angle between the daughters in degrees.

    The parent is wide, and the other two leave it on the same side: the logarithm of its width and the cosine
    of the angle between the others decide together, so that neither noise in equal widths nor a branch at a
    right angle upsets the choice.
    """
    scores = []
    for arm in range(3):
        a, b = (directions[arms[n]] for n in range(3) if n != arm)
        width = max(float(np.nan_to_num(widths[arms[arm]], nan=1.0)), THINNEST)
        scores.append(np.log(width) + PARENT_ANGLE * np.nan_to_num(_along(a, b)))
    parent = int(np.argmax(scores))
    one, two = (arms[n] for n in range(3) if n != parent)
    if np.nan_to_num(widths[one]) < np.nan_to_num(widths[two]):
        one, two = two, one
    return arms[parent], one, two, _angle(directions[one], directions[two])


def _straight_pairs(
    arms: list[tuple[int, int]], directions: Floats
) -> list[tuple[tuple[int, int], tuple[int, int]]] | None:
    """Split four arms into two vessels that go straight on, or None."""
    if len({segment for segment, _ in arms}) < 4:
        return None
    best = None
    for pairing in (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))):
        bends = [_along(directions[arms[a]], directions[arms[b]]) for a, b in pairing]
        if all(bend <= CROSSING_BEND for bend in bends) and (best is None or max(bends) < best[0]):
            best = max(bends), [(arms[a], arms[b]) for a, b in pairing]
    return best and best[1]


def _angle(a: Floats, b: Floats) -> float:
    """Angle between two vectors, degrees."""
    return float(np.degrees(np.arctan2(abs(a[0] * b[1] - a[1] * b[0]), _along(a, b))))


def _along(a: Floats, b: Floats) -> float:
    """Scalar product of two directions; NaN, and no warning of it, where a branch is too short for one."""
    return float(a[0] * b[0] + a[1] * b[1])


def junction_exponent(parent: Floats, wide: Floats, narrow: Floats) -> Floats:
    """Exponent x with parent^x = wide^x + narrow^x (Murray, 1926: 3 where flow costs least).

    NaN where a daughter is as wide as the parent, for then no exponent fits, and above 20.
    """
    low, high = np.full(parent.shape, 0.1), np.full(parent.shape, 20.0)
    fits = (wide < parent) & (narrow < parent)
    ratio = [np.where(fits, side / np.where(fits, parent, 1), 0.5) for side in (wide, narrow)]
    for _ in range(40):  # the sum of the powers falls as the exponent grows
        middle = (low + high) / 2
        above = ratio[0] ** middle + ratio[1] ** middle > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(fits & (low < 19.9), (low + high) / 2, np.nan)


class _Groups:
    """Things that are joined two by two into groups."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def _root(self, item: int) -> int:
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        self._parent[self._root(one)] = self._root(other)

    def numbers(self) -> NDArray[np.intp]:
        """Number of the group of each thing, from 0."""
        roots = [self._root(item) for item in range(len(self._parent))]
        return np.unique(np.array(roots, np.intp), return_inverse=True)[1]
