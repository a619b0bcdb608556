"""All that is measured of one kind of vessel before regions and units: the tree."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_saunetv2.measure.branching import Junctions, find_junctions, still_there
from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.graph import Depth, Graph, trace, without_pinholes
from napari_saunetv2.measure.inputs import Inputs
from napari_saunetv2.measure.photograph import widths_at_half_height
from napari_saunetv2.measure.sections import Sections, edge_map, measure_sections, moved_edges
from napari_saunetv2.measure.tortuosity import Tortuosity, tortuosity

Item = TypeVar("Item")


@dataclass(frozen=True)
class Tree:
    """Vessels of one kind.

    Attributes
    ----------
    kind : str
        "all", "arteries" or "veins".
    mask : array, shape (H, W), bool
    graph, sections, junctions, bends
        Of its segments, in one order.
    photograph : array, shape (points,)
        Width at each point of the centre lines by the photograph's profile, pixels; NaN where there is none.
    """

    kind: str
    mask: NDArray[np.bool_]
    graph: Graph
    sections: Sections
    junctions: Junctions
    bends: Tortuosity
    photograph: Floats


def grow(
    kind: str,
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32] | None = None,
    threshold: float = 0.5,
    green: NDArray[np.float32] | None = None,
) -> Tree:
    """Trace and measure the vessels of a mask; parameters as of :func:`napari_saunetv2.measure.measure`."""
    whole = without_pinholes(mask)
    depth = Depth(whole)
    graph = trace(whole, depth)
    sections = measure_sections(graph, depth, edge_map(whole, probability, threshold))
    photograph = (
        np.full(len(sections.left), np.nan)
        if green is None
        else widths_at_half_height(green, sections.lines, sections.left, sections.right)
    )
    return Tree(
        kind, mask, graph, sections, find_junctions(graph, sections), tortuosity(sections.lines), photograph
    )


def shifted(
    tree: Tree,
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32],
    threshold: float,
    green: NDArray[np.float32] | None = None,
) -> Tree:
    """Measure a tree under another threshold: its centre lines stay, its edges move, and parts may go.

    Far faster than :func:`grow`. A vessel that the other threshold adds is not found.

    Parameters
    ----------
    tree : Tree
    mask, probability, threshold, green
        Of the other threshold, as of :func:`grow`.
    """
    sections = moved_edges(tree.sections, edge_map(mask, probability, threshold))
    photograph = tree.photograph
    if green is not None:
        photograph = widths_at_half_height(green, sections.lines, sections.left, sections.right)
    junctions = still_there(tree.junctions, tree.graph, sections)
    return replace(tree, mask=mask, sections=sections, junctions=junctions, photograph=photograph)


def grown(given: Inputs) -> list[Tree]:
    """Trees of arteries and of veins, or of all vessels where these are not told apart."""
    classes = given.classes or {"all": given.vessels}
    return _at_once(
        lambda kind: grow(kind, classes[kind], given.probability, given.threshold, given.green), classes
    )


def moved_trees(trees: Sequence[Tree], moved: Inputs, *, added: bool) -> list[Tree]:
    """Trees under another threshold; only a new trace finds the vessels that a lower one adds.

    A new vessel is neither an artery nor a vein, so that with these the centre lines can stay.

    Parameters
    ----------
    trees : sequence of Tree
    moved : Inputs
        With the other threshold.
    added : bool
        Whether it is lower.
    """
    if added and not moved.classes:
        return grown(moved)
    assert moved.probability is not None
    masks = moved.classes or {"all": moved.vessels}
    chances = moved.probability
    return _at_once(
        lambda tree: shifted(tree, masks[tree.kind], chances, moved.threshold, moved.green), trees
    )


def _at_once(function: Callable[[Item], Tree], items: Iterable[Item]) -> list[Tree]:
    """Results in their order; arteries and veins each keep a core busy, most of it outside of Python."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))


def number(trees: Sequence[Tree]) -> list[NDArray[np.intp]]:
    """Number the segments of all trees from 1 on; 0 for the piece that two crossing vessels share.

    Returns
    -------
    list of array, shape (segments,)
        One of each tree.
    """
    numbers, first = [], 1
    for tree in trees:
        counted = ~tree.junctions.inside
        numbers.append(np.where(counted, first - 1 + np.cumsum(counted), 0))
        first += int(counted.sum())
    return numbers


def paint(tree: Tree, numbers: NDArray[np.intp], labels: NDArray[np.int32]) -> None:
    """Give each pixel of the tree's mask without a label the number of its nearest segment, in place.

    Parameters
    ----------
    tree : Tree
    numbers : array, shape (segments,)
        As of :func:`number`.
    labels : array, shape (H, W), int32
        Is changed.
    """
    lines = tree.sections.lines
    number_of = numbers[lines.curve]
    use = number_of > 0
    pixels = np.flatnonzero(tree.mask & (labels == 0))
    if not use.any() or not len(pixels):
        return
    at = np.column_stack(np.unravel_index(pixels, labels.shape))
    nearest = cKDTree(lines.points[use]).query(at, workers=-1)[1]
    labels.ravel()[pixels] = number_of[use][nearest]
