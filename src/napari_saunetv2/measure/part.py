"""What the measures look at: the vessels of one kind inside one region."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.fractal import NOTHING, Fractal, fractal
from napari_saunetv2.measure.regions import InView, Landmarks, Places, Region, places
from napari_saunetv2.measure.tree import Tree

SPANNED = 0.5
"""A vessel crosses a zone that shows it over at least half of the way from circle to circle."""


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
        self.photograph = np.concatenate([tree.photograph for tree in trees])
        chains = [tree.junctions.vessel for tree in trees]
        offsets = np.concatenate([[0], np.cumsum([c.max(initial=-1) + 1 for c in chains])])
        self.vessel = np.concatenate([c + o for c, o in zip(chains, offsets[:-1], strict=True)])
        self.counted = ~np.concatenate([tree.junctions.inside for tree in trees])
        self.pixels = np.argwhere(mask)
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


def _cells(tree: Tree) -> Floats:
    """Length of centre line that belongs to each point: half of the way to either neighbour."""
    steps = tree.sections.lines.steps()
    return np.asarray((steps + np.append(steps[1:], 0)) / 2)


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
    def boxes(self) -> Fractal:
        """Dimensions of the mask in the region."""
        held = self._held(self.pool.pixel_places)
        return fractal(self.pool.pixels[held], self.diameter) if held.any() else NOTHING

    def widths(self) -> tuple[Floats, Floats]:
        """Widths of the cross-sections in the region, and the length that each stands for."""
        use = self.points & np.isfinite(self.pool.width)
        return self.pool.width[use], self.pool.length[use]

    def photograph_widths(self) -> tuple[Floats, Floats]:
        """The same by the photograph's profiles."""
        use = self.points & np.isfinite(self.pool.photograph)
        return self.pool.photograph[use], self.pool.length[use]

    def by_length(self, name: str) -> float:
        """Mean of a measure of tortuosity over the segments, by their length in the region."""
        values = self.pool.bends(name)
        use = np.isfinite(values) & (self.lengths > 0)
        return float(np.average(values[use], weights=self.lengths[use])) if use.any() else np.nan

    def arc_over_chord(self) -> float:
        """Length over chord, both summed over the segments as far as they lie in the region.

        A mean of ratios would hang on the few segments that nearly close.
        """
        length, chord = self.pool.bends("length"), self.pool.bends("chord")
        chords = float((self.lengths * chord / np.maximum(length, 1e-12)).sum())
        return float(self.lengths.sum()) / chords if chords > 0 else np.nan

    def junctions(self, name: str, kind: str = "bifurcation") -> NDArray[np.generic]:
        """A column of the junctions of a kind in the region."""
        use = self.nodes & (self.pool.nodes_of("kind") == kind)
        return np.asarray(self.pool.nodes_of(name)[use])

    def crossing_widths(self) -> Floats:
        """Mean width in the region of each vessel that crosses it, pixels, the widest first."""
        use = self.points & np.isfinite(self.pool.width)
        vessel = self.pool.vessel[self.pool.segment]
        seen = self.pool.point_places.disc_radii
        if not use.any():
            return np.empty(0)
        count = int(vessel.max()) + 1
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(low, vessel[self.points], seen[self.points])
        np.maximum.at(high, vessel[self.points], seen[self.points])
        inside = seen[self.points]
        # The region's own circles, as far as any vessel shows them.
        spans = (high - low) >= SPANNED * (inside.max() - inside.min())
        weight = np.bincount(vessel[use], self.pool.length[use], minlength=count)
        total = np.bincount(vessel[use], self.pool.length[use] * self.pool.width[use], minlength=count)
        kept = spans & (weight > 0)
        return np.sort(total[kept] / weight[kept])[::-1]
