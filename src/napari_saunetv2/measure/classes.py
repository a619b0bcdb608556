"""One vessel, one class: artery or vein is voted along the centre lines, not pixel by pixel.

A network looks at a pixel and its surroundings, and may change its mind along a vessel. A vessel does not: it
is artery or vein from one branching to the next, and beyond a crossing it goes on straight. So the centre
lines are cut into short pieces, each with the evidence of the maps along it, and joined to their neighbours;
what costs the least evidence and the fewest changes is found exactly, as a minimum cut.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from scipy.spatial import cKDTree

from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging.classes import ARTERY, VEIN, merged
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.measure.branching import Junctions, find_junctions
from napari_saunetv2.measure.centreline import Lines, join
from napari_saunetv2.measure.class_pixels import draw_crossings, draw_overlap, nearer_end, paint
from napari_saunetv2.measure.graph import Depth, Graph, trace, without_pinholes
from napari_saunetv2.measure.sections import sections_of

PIECE = 8
"""Pixels of centre line in a piece."""

ALONG = 15.0
"""Cost of a change of class along a vessel between two nodes, in pixels of certain evidence."""

ACROSS = 15.0
"""The same for a vessel that goes straight on through a crossing."""

FORKING = (8.0, 5.0)
"""The same at a branching, from the parent to its wider daughter and to its narrower one. Less, because what
looks like a branching is often an artery that touches a vein."""

_FAINT = 0.2  # of a probability: below, the maps hardly see a vessel, and their ratio says less
_UNIT = 1000  # of the integer capacities for one pixel of certain evidence


def by_pixel(maps: ArrayLike, vessels: ArrayLike, *, threshold: float = 0.5) -> NDArray[np.uint8]:
    """Give every vessel pixel the more probable class, or both where both reach the threshold.

    Parameters and errors are those of :func:`vote`.

    Returns
    -------
    array, shape (H, W), uint8
        0 background, 1 artery, 2 vein, 3 both.
    """
    probability, mask = _checked(maps, vessels)
    better = probability == probability.max(axis=0)
    better[1] &= ~better[0]
    return np.where(mask, merged(better | (probability >= threshold)), 0).astype(np.uint8)


def vote(maps: ArrayLike, vessels: ArrayLike, *, threshold: float = 0.5) -> NDArray[np.uint8]:
    """Give every vessel one class along its length.

    Parameters
    ----------
    maps : array, shape (2, H, W), range [0, 1]
        Probability of an artery and of a vein.
    vessels : array, shape (H, W)
        Mask of all vessels; not 0 there.
    threshold : float
        A pixel beside an artery and a vein is both if both maps reach this threshold.

    Returns
    -------
    array, shape (H, W), uint8
        0 background, 1 artery, 2 vein, 3 both, at crossings.

    Raises
    ------
    ImageError
        If the maps are not two, or their shape is not the mask's.

    References
    ----------
    Dashtbozorg, Mendonca and Campilho, IEEE Transactions on Image Processing 23(3):1073, 2014, for classes on
    the graph of vessels; Greig, Porteous and Seheult, Journal of the Royal Statistical Society B 51:271,
    1989, for the exact minimum of two classes as a cut.
    """
    probability, mask = _checked(maps, vessels)
    evidence = _evidence(probability)
    whole = without_pinholes(mask)
    depth = Depth(whole)
    graph = trace(whole, depth)
    lines = join(graph.paths)
    reach = depth(lines.points)
    junctions = find_junctions(graph, sections_of(lines, reach))
    piece, ends = _cut(lines)
    at = tuple(np.round(lines.points).astype(np.intp).T)
    votes = np.asarray(np.bincount(piece, evidence[at]), np.float64)
    of_piece = _decided(votes, *_couplings(graph, junctions, ends))
    seen = ~junctions.inside[lines.curve]
    points, classes, reach = lines.points[seen], of_piece[piece][seen], reach[seen]
    labels = paint(mask, evidence, points, classes)
    draw_crossings(labels, lines, junctions, of_piece[ends], depth)
    draw_overlap(labels, mask & (probability >= threshold).all(axis=0), points, classes, reach)
    return labels


def segments(vessels: ArrayLike) -> NDArray[np.int32]:
    """Number the pixels of each segment of the centre-line graph, from 1; 0 outside the vessels.

    Parameters
    ----------
    vessels : array, shape (H, W)
        Mask of all vessels; not 0 there.

    Returns
    -------
    array, shape (H, W), int32
        A pixel has the number of the nearest centre line; specks without a line have one number each.
    """
    mask = np.asarray(vessels) != 0
    parts, _ = ndimage.label(mask, np.ones((3, 3), bool))
    whole = without_pinholes(mask)
    lines = join(trace(whole, Depth(whole)).paths)
    pixels = np.argwhere(mask)
    numbers = np.zeros(mask.shape, np.int32)
    count = len(lines.starts) - 1
    if count:
        numbers[mask] = lines.curve[cKDTree(lines.points).query(pixels)[1]] + 1
    at = tuple(np.round(lines.points).astype(np.intp).T)
    bare = mask & ~np.isin(parts, np.unique(parts[at]))
    numbers[bare] = parts[bare] + count
    return numbers


def find_classes(
    maps: NDArray[np.float32], vessels: NDArray[np.uint8], post: PostProcessing
) -> NDArray[np.uint8]:
    """Give vessels their classes as the settings say: :func:`vote`, or :func:`by_pixel`."""
    return (vote if post.voted else by_pixel)(maps, vessels, threshold=post.threshold)


def _checked(maps: ArrayLike, vessels: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    probability, mask = np.asarray(maps, np.float32), np.asarray(vessels) != 0
    if mask.ndim != 2 or probability.shape != (2, *mask.shape):
        raise ImageError(
            f"The maps have the shape {probability.shape}, the vessels {mask.shape}: give maps (2, H, W) of "
            "arteries and veins, and one mask (H, W)."
        )
    return probability, mask


def _evidence(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Evidence of each pixel, from -1 for a certain vein to 1 for a certain artery, shape (H, W)."""
    artery, vein = (ndimage.uniform_filter(one, 3) for one in probability)
    return np.asarray((artery - vein) / (artery + vein + _FAINT), np.float32)


def _cut(lines: Lines) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut lines: piece of each point, shape (n,), and first and last piece of each line, (lines, 2)."""
    counts = np.diff(lines.starts)
    pieces = np.maximum(1, np.round(counts / PIECE)).astype(np.intp)
    first = np.concatenate([[0], np.cumsum(pieces)])
    along = np.arange(len(lines.points)) - lines.starts[lines.curve]
    piece = first[lines.curve] + along * pieces[lines.curve] // np.maximum(counts[lines.curve], 1)
    return piece.astype(np.intp), np.column_stack([first[:-1], first[1:] - 1]).astype(np.intp)


def _couplings(
    graph: Graph, junctions: Junctions, ends: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Pairs of pieces that should be of one class, shape (n, 2), and what it costs if they are not, (n,)."""
    inner = np.setdiff1d(np.arange(int(ends.max(initial=-1)) + 1), ends[:, 1])
    pairs = [np.column_stack([inner, inner + 1])]
    costs = [np.full(len(inner), ALONG)]
    for one, other, cost in _continuations(graph, junctions, ends):
        pairs.append(np.array([[one, other]], np.intp))
        costs.append(np.array([cost]))
    return np.concatenate(pairs), np.concatenate(costs)


def _continuations(
    graph: Graph, junctions: Junctions, ends: NDArray[np.intp]
) -> Iterator[tuple[int, int, float]]:
    """Pieces that meet at a node and belong together, and how much."""
    for kind, position, segments in zip(junctions.kind, junctions.position, junctions.segments, strict=True):
        near = [int(ends[n, nearer_end(graph.paths[n], position)]) for n in segments]
        if kind == "crossing":
            yield near[0], near[1], ACROSS
            yield near[2], near[3], ACROSS
        elif len(near) == 3:
            yield near[0], near[1], FORKING[0]
            yield near[0], near[2], FORKING[1]
    for node in np.flatnonzero(graph.degrees == 2):
        (one, first), (other, last) = np.argwhere(graph.nodes == node).tolist()
        yield int(ends[one, first]), int(ends[other, last]), ALONG


def _decided(
    evidence: NDArray[np.float64], pairs: NDArray[np.intp], costs: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Class of each piece with the least total cost, as a minimum cut between artery and vein.

    Parameters
    ----------
    evidence : array, shape (n,)
        Above 0 for an artery.
    pairs : array, shape (m, 2), int
    costs : array, shape (m,)
        For each pair, if its two are not of one class.
    """
    count = len(evidence)
    artery, vein = count, count + 1
    pieces, sure = np.arange(count), np.abs(evidence)
    starts = np.where(evidence > 0, artery, pieces)
    stops = np.where(evidence > 0, pieces, vein)
    rows = np.concatenate([starts, pairs[:, 0], pairs[:, 1]])
    columns = np.concatenate([stops, pairs[:, 1], pairs[:, 0]])
    capacity = np.round(_UNIT * np.concatenate([sure, costs, costs])).astype(np.int32)
    kept = (capacity > 0) & (rows != columns)
    network = coo_array((capacity[kept], (rows[kept], columns[kept])), shape=(count + 2,) * 2).tocsr()
    left = network - maximum_flow(network, artery, vein).flow
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    reached = breadth_first_order(left, artery, return_predecessors=False)
    found = np.full(count, VEIN, np.uint8)
    found[reached[reached < count]] = ARTERY
    return found
