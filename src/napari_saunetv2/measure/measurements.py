"""``measure``: from masks to a table of segments, a table of junctions and a table of the image."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.measure.inputs import Inputs, checked
from napari_saunetv2.measure.part import Part, Pool
from napari_saunetv2.measure.regions import LEAST_IN_VIEW, REGIONS, InView, Landmarks, Region, in_view
from napari_saunetv2.measure.remarks import remarks_on
from napari_saunetv2.measure.rows import junction_rows, segment_rows
from napari_saunetv2.measure.table import MEASURES, Measure
from napari_saunetv2.measure.tree import Tree, grown, moved_trees, number, paint
from napari_saunetv2.measure.units import Scale, Unit, units_of
from napari_saunetv2.progress import drain

if TYPE_CHECKING:
    import pandas as pd

THRESHOLD_ERROR = 0.2
"""By so much is the threshold moved either way for the interval of a value: the standard deviation of the
threshold with the best F1 over the photographs of a data set (benchmarks/measure_threshold.py)."""

IMAGE_COLUMNS: dict[str, str] = {
    "measure": "key of the measure",
    "region": "key of the region",
    "vessels": "all, arteries or veins",
    "value": "the value; empty where it could not be measured",
    "low": "lowest value while the threshold of the probability moves by its error; of counts and lengths, "
    "also by how much the grid of pixels changes them",
    "high": "highest value in the same way",
    "unit": "unit of value, low and high",
    "scale_source": "where the unit of length comes from",
    "in_view": "share of the region that is in view, 0 to 1",
    "note": "why a value is empty, or what it lacks",
}
"""Columns of the table of an image and what they mean."""


@dataclass(frozen=True)
class Measurements:
    """What was measured in an image.

    Attributes
    ----------
    labels : array, shape (H, W), int32
        Number of the segment of each vessel pixel, 0 for background.
    segments : DataFrame
        One row a segment, with its ``label``, also as index.
    junctions : DataFrame
        One row a bifurcation, crossing or end.
    image : DataFrame
        Tidy: measure, region, vessels, value, low, high, unit, scale_source, in_view, note. A value that
        could not be measured is empty (NaN), and ``note`` says why.
    remarks : list of str
        What a user should know before trusting the numbers.
    landmarks : Landmarks
    masks : dict of str to array, shape (H, W), bool
        What was measured: "arteries" and "veins", which share their crossings, or "vessels".
    """

    labels: NDArray[np.int32]
    segments: "pd.DataFrame"
    junctions: "pd.DataFrame"
    image: "pd.DataFrame"
    remarks: list[str] = field(default_factory=list)
    landmarks: Landmarks = field(default_factory=Landmarks)
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


def measure(
    vessels: ArrayLike,
    *,
    arteries: ArrayLike | None = None,
    veins: ArrayLike | None = None,
    probability: ArrayLike | None = None,
    fov: ArrayLike | None = None,
    disc: tuple[float, float, float] | None = None,
    fovea: tuple[float, float] | None = None,
    spacing: float | None = None,
    photograph: ArrayLike | None = None,
    threshold: float | None = None,
    disc_diameter: float = 1800.0,
) -> Measurements:
    """Measure the vessels of an image.

    Parameters
    ----------
    vessels : array, shape (H, W)
        A vessel where not 0.
    arteries, veins : array, shape (H, W), optional
        Masks of the two classes; give both or neither. A crossing belongs to both. With them, "all" means
        arteries and veins together. They are traced separately, so that a crossing is not a junction; only
        areas and dimensions are taken from ``vessels``.
    probability : array, shape (H, W), range [0, 1], optional
        Probability of a vessel, for edges between pixels and for ``low`` and ``high``. Its threshold is taken
        from the mask.
    fov : array, shape (H, W), optional
        In view where not 0; without it, all of the frame. Vessels outside are left out.
    disc : (x, y, r), optional
        Centre and radius of the optic disc, pixels.
    fovea : (x, y), optional
        Centre of the fovea, pixels.
    spacing : float, optional
        Micrometres per pixel. Without it, the disc is assumed to be ``disc_diameter`` wide.
    photograph : array, shape (H, W) or (H, W, 3), optional
        For widths by the profile of the photograph itself; of a colour picture, the green channel is used.
        Vessels may be dark or, as in an angiogram, bright.
    threshold : float, between 0 and 1, optional
        The threshold that made the mask from the probability.
    disc_diameter : float
        Micrometres.

    Returns
    -------
    Measurements

    Raises
    ------
    ImageError
        For arrays of another shape than the mask's, or a probability outside its range.
    SettingsError
        For a spacing, threshold, disc or fovea that cannot be.
    """
    given = checked(vessels, arteries, veins, probability, fov, disc, fovea, photograph, threshold)
    return drain(measure_steps(given, Scale(spacing, disc_diameter=disc_diameter)))


def measure_steps(
    given: Inputs, scale: Scale, *, intervals: bool = True
) -> Generator[float, None, Measurements]:
    """Do what :func:`measure` does, step by step.

    Parameters
    ----------
    given : Inputs
    scale : Scale
    intervals : bool
        Without them ``low`` and ``high`` stay empty where there is a probability; this takes a third of the
        time.

    Yields
    ------
    float, range [0, 1]
        Share of the work that is done.
    """
    landmarks = given.landmarks
    units = units_of(scale, landmarks.disc and landmarks.disc.r)
    moves = (-THRESHOLD_ERROR, THRESHOLD_ERROR) if given.probability is not None and intervals else ()
    count = 2 * (1 + len(moves))
    known = tuple(region for region in REGIONS if _missing(region, landmarks) == "")
    views = in_view(known, given.fov, landmarks)
    trees = grown(given)
    yield 1 / count
    cells = _cells(given, trees, units, views)
    yield 2 / count
    for step, by in enumerate(moves, start=1):
        moved = given.moved(by)
        others = moved_trees(trees, moved, added=by < 0)
        yield (2 * step + 1) / count
        for cell, other in zip(cells, _cells(moved, others, units, views), strict=True):
            cell.widen(other.value)
        yield (2 * step + 2) / count
    for cell in cells:
        if given.probability is None or intervals:
            cell.unsettle()
        else:
            cell.low = cell.high = np.nan
    labels = np.zeros(given.vessels.shape, np.int32)
    numbers = number(trees)
    for tree, own in zip(trees, numbers, strict=True):
        paint(tree, own, labels)
    return Measurements(
        labels,
        segment_rows(trees, numbers, units),
        junction_rows(trees, numbers),
        _image_rows(cells, units),
        remarks_on(given, scale, sum(int((~tree.junctions.inside).sum()) for tree in trees)),
        landmarks,
        given.classes or {"vessels": given.vessels},
    )


@dataclass
class _Cell:
    """One value of the image's table, in pixels."""

    measure: Measure
    region: Region
    kind: str
    in_view: float
    value: float = np.nan
    note: str = ""
    unsteady: float = 0.0
    low: float = np.nan
    high: float = np.nan

    def __post_init__(self) -> None:
        self.low = self.high = self.value

    def widen(self, other: float) -> None:
        """Take a value under another threshold into the interval."""
        if np.isfinite(other) and np.isfinite(self.value):
            self.low, self.high = min(self.low, other), max(self.high, other)

    def unsettle(self) -> None:
        """Add the error of the grid of pixels, which is independent of that of the threshold."""
        if self.unsteady:
            self.low = max(0.0, self.value - float(np.hypot(self.value - self.low, self.unsteady)))
            self.high = self.value + float(np.hypot(self.high - self.value, self.unsteady))


def _cells(given: Inputs, trees: list[Tree], units: list[Unit], views: dict[str, InView]) -> list[_Cell]:
    """Every measure in every region for every kind of vessel, in one order whatever could be measured."""
    landmarks = given.landmarks
    diameter = field_of_view.diameter(given.fov) or float(max(given.fov.shape))
    micrometres = next((unit.per_pixel for unit in units if unit.name == "µm"), np.nan)
    pools = {"all": Pool(trees, given.vessels, landmarks)}
    if given.classes:
        pools |= {tree.kind: Pool([tree], tree.mask, landmarks) for tree in trees}
    cells = []
    for region in REGIONS:
        reason = _missing(region, landmarks)
        view = views.get(region.key, InView(0.0, np.nan))
        if not reason and view.share < LEAST_IN_VIEW:
            reason = f"only {view.share:.0%} of the region is in view"
        parts: dict[str, Part] = {}
        for kind in sorted(pools, reverse=True):  # veins, arteries, all: the last needs both
            parts[kind] = Part(kind, region, pools[kind], view, diameter, micrometres, dict(parts))
        for kind in pools:
            for row in MEASURES:
                if kind in row.classes and (not row.regions or region.key in row.regions):
                    cell = _Cell(row, region, kind, view.share, note=reason)
                    if not reason:
                        value, note = _valued(row, parts[kind])
                        shaken = row.unsteady and np.isfinite(value) and row.unsteady(parts[kind], value)
                        cell = _Cell(row, region, kind, view.share, value, note, float(shaken or 0))
                    cells.append(cell)
    return cells


def _missing(region: Region, landmarks: Landmarks) -> str:
    """Why a region cannot be placed; "" where it can."""
    if region.needs and landmarks.disc is None:
        return "needs the optic disc"
    if region.needs == "fovea" and landmarks.fovea is None:
        return "needs the fovea"
    return ""


def _valued(row: Measure, part: Part) -> tuple[float, str]:
    found = row.function(part)
    value, note = found if isinstance(found, tuple) else (found, "")
    if np.isnan(value):
        return np.nan, note or "no vessel that can be measured"
    return float(value), note


def _image_rows(cells: list[_Cell], units: list[Unit]) -> "pd.DataFrame":
    """Tidy table: one row for each value and unit of length."""
    import pandas as pd

    rows = []
    for cell in cells:
        row = cell.measure
        if row.power == 0:
            shown = [(1.0, row.unit, "none needed")]
        elif row.micrometres_only:
            shown = [(1.0, u.label(row.power), u.source) for u in units if u.name == "µm"]
        else:
            shown = [(u.per_pixel**row.power, u.label(row.power), u.source) for u in units]
        rows += [
            (
                row.key,
                cell.region.key,
                cell.kind,
                cell.value * factor,
                cell.low * factor,
                cell.high * factor,
                unit,
                source,
                cell.in_view,
                cell.note,
            )
            for factor, unit, source in shown
        ]
    return pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
