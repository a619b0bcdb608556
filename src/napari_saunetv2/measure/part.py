"""What the measures look at: the vessels of one kind inside one region."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.fractal import NOTHING, Fractal, fractal
from napari_saunetv2.measure.graph import pixels_of
from napari_saunetv2.measure.middle import equal_parts
from napari_saunetv2.measure.regions import InView, Landmarks, Places, Region, places
from napari_saunetv2.measure.sections import Sections
from napari_saunetv2.measure.tree import Tree

CIRCLES = 32
"""Circles within a zone on which the vessels that cross it are looked up."""


class Pool:
    """The trees of one kind of vessel in a row: artery and vein are pooled for all vessels."""

    def __init__(self, trees: Sequence[Tree], mask: NDArray[np.bool_], landmarks: Landmarks) -> None:
        self.trees = trees
        self.mask = mask
        lines = [tree.sections.lines for tree in trees]
        counts = [len(line.starts) - 1 for line in lines]
        before = np.concatenate([[0], np.cumsum(counts)]).astype(int)
        self.count = int(before[-1])
        self.points = np.concatenate([line.points for line in lines])
        self.segment = np.concatenate([line.curve + b for line, b in zip(lines, before[:-1], strict=True)])
        self.length = np.concatenate([_cells(tree) for tree in trees])
        self.width = np.concatenate([tree.sections.width for tree in trees])
        self.carried = np.concatenate([_carried(tree.sections) for tree in trees])
        self.photograph = np.concatenate([tree.photograph for tree in trees])
        self.counted = ~np.concatenate([tree.junctions.inside for tree in trees])
        self.pixels = pixels_of(mask)
        self.point_places = places(self.points, landmarks)
        self.pixel_places = places(self.pixels.astype(float), landmarks)
        self.nodes = np.concatenate([tree.junctions.position for tree in trees])
        self.node_places = places(self.nodes, landmarks)

    def bends(self, name: str) -> Floats:
        """A measure of tortuosity of every segment."""
        return np.concatenate([getattr(tree.bends, name) for tree in self.trees])

    def nodes_of(self, name: str) -> NDArray[np.generic]:
        """A column of the junctions."""
        return np.concatenate([getattr(tree.junctions, name) for tree in self.trees])


def _carried(sections: Sections) -> Floats:
    """Width at each point; near nodes and ends, where none is measured, that of the nearest section.

    Without it, a segment would weigh by its length less the ends: the finer a vessel is broken into pieces,
    the less it would count.
    """
    result = sections.width
    starts = sections.lines.starts
    known = np.flatnonzero(np.isfinite(result))
    if not known.size:
        return result
    at = np.arange(len(result))
    after = np.minimum(np.searchsorted(known, at), known.size - 1)
    before = np.maximum(np.searchsorted(known, at, "right") - 1, 0)
    curve = sections.lines.curve
    far = starts[-1]  # more than any distance
    distances = [np.where(curve[known[n]] == curve, np.abs(known[n] - at), far) for n in (before, after)]
    nearest = known[np.where(distances[0] <= distances[1], before, after)]
    return np.where((np.minimum(*distances) < far) & sections.present, result[nearest], np.nan)


def _cells(tree: Tree) -> Floats:
    """Length of vessel that belongs to each point: half of the way to either neighbour, or none."""
    steps = tree.sections.lines.steps()
    return np.asarray((steps + np.append(steps[1:], 0)) / 2 * tree.sections.present)


@dataclass(frozen=True)
class Part:
    """Vessels of one kind in one region.

    Attributes
    ----------
    kind : "all", "arteries" or "veins"
    region : Region
    pool : Pool
    view : InView
    diameter : float
        Of the field of view, pixels.
    micrometres : float
        In a pixel; NaN where the scale is unknown.
    others : dict
        The parts of arteries and of veins in the same region, for what needs both.
    """

    kind: str
    region: Region
    pool: Pool
    view: InView
    diameter: float
    micrometres: float
    others: dict[str, "Part"] = field(default_factory=dict)

    def _held(self, where: Places) -> NDArray[np.bool_]:
        return self.region.holds(where)

    @cached_property
    def points(self) -> NDArray[np.bool_]:
        """Which points of the centre lines lie in the region."""
        return self._held(self.pool.point_places)

    @cached_property
    def nodes(self) -> NDArray[np.bool_]:
        """Which junctions lie in the region."""
        return self._held(self.pool.node_places)

    @cached_property
    def area(self) -> float:
        """Pixels of vessels in the region."""
        return float(np.count_nonzero(self._held(self.pool.pixel_places)))

    @cached_property
    def lengths(self) -> Floats:
        """Length of every segment inside the region, pixels; 0 for the piece shared at a crossing."""
        inside = np.bincount(self.pool.segment, self.pool.length * self.points, minlength=self.pool.count)
        return np.asarray(inside * self.pool.counted)

    @cached_property
    def independent(self) -> float:
        """How many segments of equal length in the region would tell as much: widths along one are alike."""
        return equal_parts(self.lengths)

    @cached_property
    def boxes(self) -> Fractal:
        """Dimensions of the mask in the region."""
        held = self._held(self.pool.pixel_places)
        return fractal(self.pool.pixels[held], self.diameter) if held.any() else NOTHING

    @cached_property
    def sections(self) -> int:
        """Number of cross-sections in the region."""
        return int(np.count_nonzero(self.points & np.isfinite(self.pool.width)))

    def widths(self) -> tuple[Floats, Floats]:
        """Widths along the centre lines in the region, and the length that each stands for."""
        use = self.points & np.isfinite(self.pool.carried)
        return self.pool.carried[use], self.pool.length[use]

    def photograph_widths(self) -> tuple[Floats, Floats]:
        """The same by the photograph's profiles."""
        use = self.points & np.isfinite(self.pool.photograph)
        return self.pool.photograph[use], self.pool.length[use]

    def bends(self, name: str) -> tuple[Floats, Floats]:
        """A measure of tortuosity of the segments, and their lengths in the region."""
        values = self.pool.bends(name)
        use = np.isfinite(values) & (self.lengths > 0)
        return values[use], self.lengths[use]

    def junctions(self, name: str, kind: str = "bifurcation") -> NDArray[np.generic]:
        """A column of the junctions of a kind in the region."""
        use = self.nodes & (self.pool.nodes_of("kind") == kind)
        return np.asarray(self.pool.nodes_of(name)[use])

    @cached_property
    def crossings(self) -> list[Floats]:
        """Widths of the vessels on each of ``CIRCLES`` circles of a zone, pixels, the widest first.

        A vessel's width is the mean over its segment's part in the zone. Where it branches within the zone,
        its parent counts on the inner circles and its daughters on the outer ones, so that no node that moves
        across a circle by a pixel changes the result by a whole vessel.
        """
        assert self.region.ring is not None
        inner, outer = self.region.ring
        pool, seen = self.pool, self.pool.point_places.disc_radii
        use = self.points & np.isfinite(pool.carried)
        weight = np.bincount(pool.segment[use], pool.length[use], minlength=pool.count)
        total = np.bincount(pool.segment[use], (pool.length * pool.carried)[use], minlength=pool.count)
        mean = total / np.where((weight > 0) & pool.counted, weight, np.nan)
        step = np.flatnonzero(pool.segment[1:] == pool.segment[:-1])
        near, far = np.sort([seen[step], seen[step + 1]], axis=0)
        circles = inner + (outer - inner) * (np.arange(CIRCLES) + 0.5) / CIRCLES
        found = []
        for radius in circles:
            here = mean[np.unique(pool.segment[step[(near <= radius) & (far > radius)]])]
            found.append(np.sort(here[np.isfinite(here)])[::-1])
        return found
