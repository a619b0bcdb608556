"""Every measure of an image: one function and one row each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_saunetv2.measure.branching import junction_exponent
from napari_saunetv2.measure.calibers import WANTED, Kind, hubbard, knudtson
from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.middle import median
from napari_saunetv2.measure.part import Part
from napari_saunetv2.measure.steadiness import of_count, of_length

Value = float | tuple[float, str]
"""A value in pixels, with a note where there is something to say; NaN where there is none."""

ALL, EACH = ("all", "arteries", "veins"), ("arteries", "veins")


@dataclass(frozen=True)
class Measure:
    """A measure of the vessels in a region.

    Attributes
    ----------
    key, title : str
    power : int
        Of the unit of length: 1 for a width, -1 for a curvature, 0 where the value has none.
    unit : str
        Of a value without a unit of length: "", "degrees", "radians".
    formula, source : str
    function : callable
        Takes the vessels of a region and returns the value, in pixels to that power.
    classes : tuple of str
        Vessels that it is defined for.
    regions : tuple of str
        Keys of regions that it is defined for; all where it is empty.
    micrometres_only : bool
        Whether the formula holds in micrometres alone: the function gives these, and NaN without a scale.
    unsteady : callable, optional
        Takes the vessels and the value, and returns by how much the grid of pixels changes it (a standard
        deviation, in the same unit); without it, that is not counted into ``low`` and ``high``.
    """

    key: str
    title: str
    power: int
    unit: str
    formula: str
    source: str
    function: Callable[[Part], Value]
    classes: tuple[str, ...] = ALL
    regions: tuple[str, ...] = ()
    micrometres_only: bool = False
    unsteady: Callable[[Part, float], float] | None = None


def _mean(values: tuple[Floats, Floats]) -> Value:
    across, along = values
    return float(np.average(across, weights=along)) if across.size else (np.nan, "no cross-section")


def _median(values: tuple[Floats, Floats]) -> Value:
    across, along = values
    if not across.size:
        return np.nan, "no cross-section"
    order = np.argsort(across)
    reached = np.cumsum(along[order])
    return float(np.interp(reached[-1] / 2, reached - along[order] / 2, across[order]))


def _steady_median(values: tuple[Floats, Floats], number: float) -> Value:
    return median(*values, number) if values[1].any() else (np.nan, "no cross-section")


def _spread(values: tuple[Floats, Floats]) -> Value:
    across, along = values
    if not across.size:
        return np.nan, "no cross-section"
    mean = np.average(across, weights=along)
    return float(np.sqrt(np.average((across - mean) ** 2, weights=along)))


def _of_junctions(values: Floats, average: Callable[[Floats], float] = np.median) -> Value:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(average(known)) if known.size else (np.nan, "no bifurcation that can be measured")


def _area_ratio(parent: Floats, wide: Floats, narrow: Floats) -> Floats:
    return (wide**2 + narrow**2) / parent**2


def _columns(part: Part) -> tuple[Floats, Floats, Floats]:
    return tuple(np.asarray(part.junctions(n), float) for n in ("parent", "wide", "narrow"))  # type: ignore[return-value]


def _equivalent(part: Part, formula: Callable[[list[float], Kind], float], per_pixel: float = 1.0) -> Value:
    if not np.isfinite(per_pixel):
        return np.nan, "needs micrometres: give the spacing or the disc"
    kind: Kind = "arteries" if part.kind == "arteries" else "veins"
    used = [(widths[:WANTED] * per_pixel).tolist() for widths in part.crossings]
    values = [formula(widths, kind) for widths in used if widths]
    if not values:
        return np.nan, f"no {kind} cross the zone"
    if np.isnan(values).any():
        return np.nan, f"{kind} too thin for the formula"
    counts = sorted({len(widths) for widths in used})
    number = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    note = "" if counts == [WANTED] else f"from {number} {kind} instead of {WANTED}"
    return float(np.mean(values)), note


def _ratio(part: Part) -> Value:
    values = [_equivalent(part.others[k], knudtson) for k in EACH if k in part.others]
    if len(values) < 2:
        return np.nan, "needs arteries and veins"
    (artery, note), (vein, other) = (v if isinstance(v, tuple) else (v, "") for v in values)
    return artery / vein, "; ".join(n for n in (note, other) if n)


_KNUDTSON = "Knudtson et al., Curr Eye Res 27:143, 2003"
_ZONES = ("zone_b", "zone_c")

MEASURES: tuple[Measure, ...] = (
    Measure("width_median", "median width", 1, "",
            "median over cross-sections, by length, by Harrell and Davis with segments as observations",
            "Harrell and Davis, Biometrika 69:635, 1982",
            lambda p: _steady_median(p.widths(), p.independent)),
    Measure("width_mean", "mean width", 1, "", "mean over cross-sections, by length", "this program",
            lambda p: _mean(p.widths())),
    Measure("width_sd", "standard deviation of the width", 1, "", "over cross-sections, by length",
            "this program", lambda p: _spread(p.widths())),
    Measure("width_sections", "number of cross-sections", 0, "", "count", "this program",
            lambda p: float(p.sections)),
    Measure("width_photograph", "median width by the photograph's profile", 1, "",
            "median of the width at half of the profile's depth, by length, as of width_median",
            "Brinchmann-Hansen and Heier, Acta Ophthalmol Suppl 179, 1986",
            lambda p: _steady_median(p.photograph_widths(), p.independent)),
    Measure("length", "length of vessels", 1, "", "sum of smooth centre lines", "this program",
            lambda p: float(p.lengths.sum()), unsteady=lambda p, _: of_length(p)),
    Measure("area_density", "vessel density", 0, "", "area of vessels / area in view", "this program",
            lambda p: p.area / p.view.area if p.view.area else np.nan),
    Measure("length_density", "vessel length density", -1, "", "length of vessels / area in view",
            "this program", lambda p: float(p.lengths.sum()) / p.view.area if p.view.area else np.nan,
            unsteady=lambda p, _: of_length(p) / p.view.area),
    Measure("segments", "number of segments", 0, "", "count of those with any length in the region",
            "this program", lambda p: float(np.count_nonzero(p.lengths)),
            unsteady=partial(of_count, "segments")),
    Measure("arc_over_chord", "arc over chord", 0, "", "length / distance between ends; median by length",
            "Hart et al., Int J Med Inform 53:239, 1999", lambda p: _median(p.bends("arc_over_chord"))),
    Measure("total_curvature", "total curvature", 0, "radians", "integral of |curvature|; mean by length",
            "Hart et al., 1999", lambda p: _mean(p.bends("total_curvature"))),
    Measure("total_squared_curvature", "total squared curvature", -1, "",
            "integral of curvature^2; mean by length", "Hart et al., 1999",
            lambda p: _mean(p.bends("total_squared_curvature"))),
    Measure("squared_curvature_per_length", "squared curvature over arc length", -2, "",
            "integral of curvature^2 / length; mean by length", "Hart et al., 1999",
            lambda p: _mean(p.bends("squared_curvature_per_length"))),
    Measure("squared_curvature_per_chord", "squared curvature over chord", -2, "",
            "integral of curvature^2 / chord; mean by length", "Hart et al., 1999",
            lambda p: _mean(p.bends("squared_curvature_per_chord"))),
    Measure("inflections", "inflections", 0, "", "changes of the sense of turning; mean by length",
            "Smedby et al., 1993", lambda p: _mean(p.bends("inflections"))),
    Measure("tortuosity_density", "tortuosity density", -1, "",
            "(n - 1) / length * sum(arc_i / chord_i - 1) over n turns; mean by length",
            "Grisan et al., IEEE TMI 27:310, 2008, equation 6", lambda p: _mean(p.bends("density"))),
    Measure("graded_tortuosity", "graded tortuosity", 0, "",
            "total curvature * sqrt(sum(arc_i / chord_i - 1)) over turns; mean by length", "this program",
            lambda p: _mean(p.bends("graded"))),
    Measure("bifurcations", "number of bifurcations", 0, "", "sum of (vessels that meet - 2)", "this program",
            lambda p: float((np.asarray(p.junctions("degree"), float) - 2).sum()),
            unsteady=partial(of_count, "bifurcations")),
    Measure("crossings", "number of crossings", 0, "", "count", "this program",
            lambda p: float(len(p.junctions("degree", "crossing"))), unsteady=partial(of_count, "crossings")),
    Measure("ends", "number of ends", 0, "", "count", "this program",
            lambda p: float(len(p.junctions("degree", "end"))), unsteady=partial(of_count, "ends")),
    Measure("branching_angle", "branching angle", 0, "degrees",
            "angle between daughters, 1 to 3 widths from the node; mean", "Zamir, 1976",
            lambda p: _of_junctions(np.asarray(p.junctions("angle"), float), np.mean)),
    Measure("asymmetry", "asymmetry of daughters", 0, "", "(narrow / wide)^2; median", "Zamir, 1976",
            lambda p: _of_junctions((_columns(p)[2] / _columns(p)[1]) ** 2)),
    Measure("area_ratio", "branching coefficient", 0, "", "(wide^2 + narrow^2) / parent^2; median",
            "Patton et al., IOVS 47:1329, 2006", lambda p: _of_junctions(_area_ratio(*_columns(p)))),
    Measure("junction_exponent", "junction exponent", 0, "", "x with parent^x = wide^x + narrow^x; median",
            "Murray, PNAS 12:207, 1926", lambda p: _of_junctions(junction_exponent(*_columns(p)))),
    Measure("fractal_d0", "capacity dimension", 0, "", "slope of log(boxes) against -log(side)",
            "Mainster, Eye 4:235, 1990", lambda p: p.boxes.d0, regions=("whole",)),
    Measure("fractal_d1", "information dimension", 0, "", "slope of the entropy against -log(side)",
            "Stosic and Stosic, IEEE TMI 25:1101, 2006", lambda p: p.boxes.d1, regions=("whole",)),
    Measure("fractal_d2", "correlation dimension", 0, "", "slope of -log(sum of squared shares)",
            "Stosic and Stosic, 2006", lambda p: p.boxes.d2, regions=("whole",)),
    Measure("lacunarity", "lacunarity", 0, "", "mean over sides of 1 + variance / mean^2 of filled boxes",
            "Karperien, FracLac, 2013", lambda p: p.boxes.lacunarity, regions=("whole",)),
    Measure("central_equivalent", "central equivalent (CRAE, CRVE)", 1, "",
            "six widest vessels, paired: 0.88 (arteries) or 0.95 (veins) * sqrt(w1^2 + w2^2); "
            "mean over circles of the zone", _KNUDTSON,
            lambda p: _equivalent(p, knudtson), classes=EACH, regions=_ZONES),
    Measure("central_equivalent_hubbard", "central equivalent by Hubbard", 1, "",
            "arteries sqrt(0.87 a^2 + 1.01 b^2 - 0.22 a b - 10.76), "
            "veins sqrt(0.72 a^2 + 0.91 b^2 + 450.05), a the wider, micrometres",
            "Hubbard et al., Ophthalmology 106:2269, 1999",
            lambda p: _equivalent(p, hubbard, p.micrometres), classes=EACH, regions=_ZONES,
            micrometres_only=True),
    Measure("avr", "arteriovenous ratio", 0, "", "CRAE / CRVE", _KNUDTSON, _ratio, classes=("all",),
            regions=_ZONES),
)  # fmt: skip
"""Measures of an image in the order of its table. Adding one is adding a row here."""
