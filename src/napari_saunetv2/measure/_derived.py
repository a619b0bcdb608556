"""What formulas of other programs look at: the vessels of one kind in an image that was measured."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_saunetv2.imaging.skeleton import skeleton
from napari_saunetv2.measure.measurements import Measurements

if TYPE_CHECKING:
    import pandas as pd

_SHORTEST = 10 / 912
"""AutoMorph leaves out segments of up to 10 pixels in its frame of 912 pixels."""


@dataclass(frozen=True)
class View:
    """The vessels of one kind in an image, for formulas that look at segments.

    Attributes
    ----------
    found : Measurements
    kind : "all", "arteries" or "veins"
    """

    found: Measurements
    kind: str

    @cached_property
    def segments(self) -> "pd.DataFrame":
        """Segments of the kind; all of them for "all"."""
        table = self.found.segments
        return table if self.kind == "all" else table[table.vessels == self.kind]

    @cached_property
    def junctions(self) -> "pd.DataFrame":
        """Bifurcations, crossings and ends of the kind."""
        table = self.found.junctions
        return table if self.kind == "all" else table[table.vessels == self.kind]

    def value(self, measure: str, region: str = "whole", unit: str = "", *, whole: bool = False) -> float:
        """A value of the image's table, in pixels unless another unit is named; NaN where it has none.

        With ``whole`` a value that lacks something, such as a sixth vessel, counts as none.
        """
        table = self.found.image
        rows = table[(table.measure == measure) & (table.region == region) & (table.vessels == self.kind)]
        rows = rows[rows.unit == unit] if unit else rows[~rows.unit.str.contains("µm|DD")]
        if not len(rows) or (whole and rows.note.iloc[0]):
            return np.nan
        return float(rows.value.iloc[0])

    @cached_property
    def in_view(self) -> float:
        """Pixels of the field of view."""
        density = View(self.found, "all").value("area_density")
        return np.count_nonzero(self.found.labels) / density if density > 0 else np.nan

    @property
    def area(self) -> float:
        """Pixels of vessels."""
        return self.value("area_density") * self.in_view

    @property
    def diameter(self) -> float:
        """Of a field of view that is a circle, pixels."""
        return float(np.sqrt(4 * self.in_view / np.pi))

    @cached_property
    def long(self) -> "pd.DataFrame":
        """Segments that AutoMorph would count."""
        return self.segments[self.segments.length > _SHORTEST * self.diameter]

    @property
    def centre_line(self) -> int:
        """Pixels of the centre lines."""
        return int(np.count_nonzero(skeleton(np.isin(self.found.labels, self.segments.label))))


@dataclass(frozen=True)
class Name:
    """A column under another program's name.

    Attributes
    ----------
    column : str
    formula : str
    differs : str
        How this program's own measure differs, and why.
    unit : str
    function : callable
        From the vessels of a kind to the value; NaN where it cannot be derived.
    kind : str
        Of the vessels.
    """

    column: str
    formula: str
    differs: str
    unit: str
    function: Callable[[View], float]
    kind: str = "all"
