"""The graph of a mask's centre lines: paths of pixels between nodes, without spurs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from napari_saunetv2.imaging.skeleton import skeleton
from napari_saunetv2.measure.gaps import bridged

SPUR = 1.0
"""A branch with a free end that is shorter than this many local widths, counted from the centre line of the
vessel it leaves, hardly leaves that vessel: it is a bump of the mask's outline."""

_SIDES = ((-1, 0), (0, 1), (1, 0), (0, -1))
_CORNERS = ((-1, 1), (1, 1), (1, -1), (-1, -1))


def beside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pixels share a side with a pixel of the mask, shape (H, W), or are one."""
    result = mask.copy()
    result[1:] |= mask[:-1]
    result[:-1] |= mask[1:]
    result[:, 1:] |= mask[:, :-1]
    result[:, :-1] |= mask[:, 1:]
    return result


def widened(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Give a mask, shape (H, W), with all pixels at most so many rows and columns away from it."""
    for axis in (0, 1):
        lines = np.moveaxis(mask.copy(), axis, 0)
        whole = np.moveaxis(mask, axis, 0)
        for k in range(1, by + 1):
            lines[k:] |= whole[:-k]
            lines[:-k] |= whole[k:]
        mask = np.moveaxis(lines, 0, axis)
    return mask


def pixels_of(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows and columns of a mask's pixels, shape (n, 2): as ``np.argwhere`` gives them, and faster."""
    return np.column_stack(np.divmod(np.flatnonzero(mask), mask.shape[1]))


@dataclass(frozen=True)
class Graph:
    """Paths of pixels and the nodes they join.

    Attributes
    ----------
    paths : list of array, shape (n, 2)
        Rows and columns along each path, pixels, with the positions of its nodes first and last.
    nodes : array, shape (paths, 2), int
        Numbers of the nodes at either end; the same number twice for a closed loop.
    positions : array, shape (nodes, 2)
        Row and column of each node, pixels.
    radii : array, shape (nodes,)
        Distance from each node to the nearest pixel outside the mask, pixels.
    degrees : array, shape (nodes,), int
        Ends of paths that meet there: 1 is a free end.
    """

    paths: list[NDArray[np.float64]]
    nodes: NDArray[np.intp]
    positions: NDArray[np.float64]
    radii: NDArray[np.float64]
    degrees: NDArray[np.intp]


class Depth:
    """Distance from points to the edge of a mask, pixels.

    A tree of the pixels just outside the mask answers for the few points on centre lines in a fraction of
    the time that a distance transform of a whole large photograph takes.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        padded = np.pad(mask, 1)
        outside = beside(padded) & ~padded
        # Half a pixel less: the edge runs between the last pixel inside and the first outside.
        self._tree = cKDTree(pixels_of(outside) - 1.0) if outside.any() else None

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distances, shape (n,), from points, shape (n, 2)."""
        if self._tree is None or not len(points):
            return np.zeros(len(points))
        distances: NDArray[np.float64] = self._tree.query(points)[0] - 0.5
        return distances


def trace(mask: NDArray[np.bool_], depth: Depth) -> Graph:
    """Trace the centre lines of a mask from node to node, across gaps, and prune spurs.

    Parameters
    ----------
    mask : array, shape (H, W), bool
    depth : Depth
        Of the same mask.
    """
    lines = skeleton(mask)
    lines = np.pad(bridged(lines, depth(pixels_of(lines).astype(float))), 1)
    while True:
        graph, pixels = _traced(lines, depth)
        spurs = _spurs(graph)
        if not spurs:
            return _contracted(_without_specks(graph))
        for number in spurs:
            lines.ravel()[pixels[number]] = False


def _spurs(graph: Graph) -> list[int]:
    """Paths to delete: short ones between a free end and a branching."""
    degrees = graph.degrees[graph.nodes]
    found = []
    for number in np.flatnonzero((degrees.min(axis=1) == 1) & (degrees.max(axis=1) > 2)):
        node = graph.nodes[number][degrees[number].argmax()]
        if _length(graph.paths[number]) < SPUR * 2 * graph.radii[node]:
            found.append(int(number))
    return found


def _without_specks(graph: Graph) -> Graph:
    """Leave out what stands alone and is hardly longer than wide: no vessel can be told from a dot."""
    isolated = (graph.degrees[graph.nodes] == 1).all(axis=1)
    short = np.array([_length(p) for p in graph.paths]) < graph.radii[graph.nodes].max(axis=1, initial=0)
    kept = np.flatnonzero(~(isolated & short))
    nodes = graph.nodes[kept]
    degrees = np.bincount(nodes.ravel(), minlength=len(graph.positions))
    return Graph([graph.paths[n] for n in kept], nodes, graph.positions, graph.radii, degrees)


def _contracted(graph: Graph) -> Graph:
    """Make one node of those whose discs reach each other: vessels that meet within a width meet once."""
    lengths = np.array([_length(path) for path in graph.paths])
    inner = (graph.degrees[graph.nodes] > 2).all(axis=1) & (
        lengths < 2 * graph.radii[graph.nodes].max(axis=1, initial=0)
    )
    if not inner.any():
        return graph
    count = len(graph.positions)
    links = coo_array((np.ones(inner.sum(), bool), tuple(graph.nodes[inner].T)), shape=(count, count))
    groups, label = connected_components(links, directed=False)
    sizes = np.bincount(label, minlength=groups)
    positions = np.column_stack([np.bincount(label, part, minlength=groups) for part in graph.positions.T])
    centres = np.asarray(positions / sizes[:, None], float)
    radii = np.zeros(groups)
    np.maximum.at(radii, label, graph.radii)
    nodes = label[graph.nodes]
    paths = []
    for number in np.flatnonzero(~inner):
        path = graph.paths[number].copy()
        path[0], path[-1] = centres[nodes[number]]
        paths.append(path)
    nodes = nodes[~inner]
    return Graph(paths, nodes, centres, radii, np.bincount(nodes.ravel(), minlength=groups))


def _length(path: NDArray[np.float64]) -> float:
    """Length of a path of pixels through every second one, which halves the error of its staircase."""
    few = np.vstack([path[:-1:2], path[-1:]])
    return float(np.hypot(*np.diff(few, axis=0).T).sum())


def _traced(lines: NDArray[np.bool_], depth: Depth) -> tuple[Graph, list[list[int]]]:
    """Graph of a skeleton with a margin of one pixel, and the flat indices of each path's own pixels."""
    flat = np.flatnonzero(lines)
    neighbours = _neighbours(lines, flat)
    degree = (neighbours >= 0).sum(axis=1)
    node_of, count = _clusters(neighbours, degree)
    rows, columns = (part - 1.0 for part in np.unravel_index(flat, lines.shape))
    places = np.column_stack([rows, columns])

    following = np.where(neighbours >= 0, neighbours, -1)
    following.sort(axis=1)
    one, two = following[:, -1].tolist(), following[:, -2].tolist()
    node = node_of.tolist()
    seen = np.zeros(len(flat), bool)
    chains: list[list[int]] = []  # positions in flat: a node's pixel, the path's own, a node's pixel

    def walk(start: int, step: int) -> None:
        chain = [start, step]
        before, here = start, step
        while node[here] < 0:
            seen[here] = True
            before, here = here, one[here] if one[here] != before else two[here]
            chain.append(here)
        chains.append(chain)

    for start in np.flatnonzero(node_of >= 0).tolist():
        for step in neighbours[start].tolist():
            if step < 0 or node[step] == node[start] or seen[step]:
                continue
            if node[step] < 0 or step > start:  # two nodes side by side are joined once
                walk(start, step)
    for start in np.flatnonzero((node_of < 0) & ~seen).tolist():
        if not seen[start]:  # a closed loop: any of its pixels becomes its node
            node[start] = node_of[start] = count
            count += 1
            walk(start, one[start])
            seen[start] = True

    members = node_of >= 0
    sizes = np.bincount(node_of[members], minlength=count)
    positions = (
        np.column_stack([np.bincount(node_of[members], part[members], minlength=count) for part in places.T])
        / np.maximum(sizes, 1)[:, None]
    )
    nodes = np.array([(node[c[0]], node[c[-1]]) for c in chains], np.intp).reshape(-1, 2)
    paths = [np.vstack([positions[node[c[0]]], places[c[1:-1]], positions[node[c[-1]]]]) for c in chains]
    pixels = [
        [int(flat[p]) for p in c if node[p] < 0 or degree[p] < 2] for c in chains
    ]  # with a free end's own pixel
    degrees = np.bincount(nodes.ravel(), minlength=count)
    return Graph(paths, nodes, positions, depth(positions) if count else np.empty(0), degrees), pixels


def _neighbours(lines: NDArray[np.bool_], flat: NDArray[np.intp]) -> NDArray[np.intp]:
    """Positions in ``flat`` of each pixel's neighbours, shape (n, 8), -1 for none.

    Pixels that touch at a corner are no neighbours where a pixel beside both joins them already.
    """
    width = lines.shape[1]
    on = lines.ravel()
    number = np.empty(on.size, np.int32)  # only where there is a line: to fill it all would take longer
    number[flat] = np.arange(len(flat))
    columns = []
    for row, column in _SIDES + _CORNERS:
        other = flat + row * width + column
        joined = on[other]
        if row and column:
            joined = joined & ~(on[flat + row * width] | on[flat + column])
        columns.append(np.where(joined, number[other], -1))
    return np.column_stack(columns)


def _clusters(neighbours: NDArray[np.intp], degree: NDArray[np.intp]) -> tuple[NDArray[np.intp], int]:
    """Node of each pixel, -1 on a path, and how many there are; pixels of one branching are one node."""
    is_node = degree != 2
    branching = degree > 2
    pixel, slot = np.nonzero((neighbours >= 0) & branching[:, None])
    other = neighbours[pixel, slot]
    joined = branching[other]
    links = coo_array(
        (np.ones(joined.sum(), bool), (pixel[joined], other[joined])), shape=(len(degree), len(degree))
    )
    _, label = connected_components(links, directed=False)
    numbers, node = np.unique(label[is_node], return_inverse=True)
    result = np.full(len(degree), -1, np.intp)
    result[is_node] = node
    return result, len(numbers)


def without_pinholes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill holes smaller than half a vessel's width squared: a missing pixel would make a loop of its vessel.

    Where two outlines meet at a small angle, pixels that touch at their corners enclose such holes too.
    """
    around = sum(int(np.count_nonzero(np.diff(mask, axis=axis))) for axis in (0, 1))
    if not around:
        return mask
    width = (
        2 * np.count_nonzero(mask) / around * 4 / np.pi
    )  # a slanted outline has 4/pi sides a pixel of length
    labels, count = ndimage.label(~mask)
    labels = labels.ravel()
    sizes = np.bincount(labels, minlength=count + 1)
    sizes[0] = 0
    small = (sizes > 0) & (sizes <= max(1, (width / 2) ** 2))
    if not small.any():
        return mask
    largest = sizes.argmax()  # most of the photograph: to look at the others alone is far faster
    holes = np.flatnonzero(labels if small[largest] else (labels != 0) & (labels != largest))
    result = mask.copy()
    result.ravel()[holes[small[labels[holes]]]] = True
    return result
