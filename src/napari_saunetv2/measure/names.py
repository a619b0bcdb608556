"""Measures under the names and by the formulas of AutoMorph, PVBM and VascX, so that a study can go on.

Only the formulas are theirs: centre lines, widths and junctions are those of this program.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, get_args

import numpy as np

from napari_saunetv2.measure._derived import Name, View
from napari_saunetv2.measure.measurements import Measurements

Peer = Literal["automorph", "pvbm", "vascx"]
PEERS: tuple[Peer, ...] = get_args(Peer)


def under_names(found: Measurements, peer: Peer) -> dict[str, float]:
    """Values of an image under another program's names; NaN where one could not be derived."""
    return {one.column: float(one.function(View(found, one.kind))) for one in names_of(peer)}


def names_of(peer: Peer) -> tuple[Name, ...]:
    """Columns of another program in its order."""
    return tuple(_TABLES[peer]())


def _mean(values: Any) -> float:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else np.nan


def _median(values: Any) -> float:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if known.size else np.nan


def _by_length(view: View, column: str) -> float:
    values, lengths = (np.asarray(view.segments[name], float) for name in (column, "length"))
    known = np.isfinite(values)
    return float(np.average(values[known], weights=lengths[known])) if known.any() else np.nan


def _spread(values: Any) -> float:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(known.std()) if known.size else np.nan


def _grisan_added(view: View) -> float:
    """(n - 1) / n + (1 / length) * sum(arc / chord - 1) with n inflections; 0 without one."""
    n = np.asarray(view.long.inflections, float)
    # Our density is n / length * sum(...), over n + 1 turns.
    density = np.asarray(view.long.tortuosity_density, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _mean(np.where(n > 0, (n - 1) / n + density / n, 0.0))


def _summed(view: View) -> float:
    """Sum of the arcs over the sum of the chords of all segments."""
    lengths = np.asarray(view.segments.length, float)
    chords = lengths / np.asarray(view.segments.arc_over_chord, float)
    known = np.isfinite(chords)
    return float(lengths[known].sum() / chords[known].sum()) if known.any() else np.nan


def _of_six(view: View) -> float:
    return view.value("central_equivalent", "zone_b", "µm", whole=True)


def _angles(view: View) -> Any:
    return view.junctions[view.junctions.kind == "bifurcation"].angle


def _count(view: View, kind: str) -> float:
    return float((view.junctions.kind == kind).sum())


def _part(view: View, measure: str, region: str = "whole") -> float:
    return view.value(measure, region)


# fmt: off
def _automorph() -> Iterator[Name]:
    for before, kind in {"": "all", "Artery_": "arteries", "Vein_": "veins"}.items():
        yield Name(
            f"{before}Vessel_density", "vessel pixels / pixels of the square around the field",
            "this program divides by the field of view; the black corners lower AutoMorph's value by a "
            "fifth or more",
            "", lambda v: v.area / v.diameter**2, kind)
        yield Name(
            f"{before}Average_width", "vessel pixels / pixels of the centre line",
            "this program measures across the vessel; AutoMorph counts a diagonal step as 1, so oblique "
            "vessels are up to 41 % too wide",
            "px", lambda v: v.area / v.centre_line if v.centre_line else np.nan, kind)
        yield Name(
            f"{before}Distance_tortuosity", "mean of arc / chord over segments longer than 10 px in a frame "
            "of 912 px",
            "this program takes the median by length; a few segments that nearly close dominate a mean",
            "", lambda v: _mean(v.long.arc_over_chord), kind)
        yield Name(
            f"{before}Tortuosity_density",
            "mean over segments of (n - 1) / n + sum(arc_i / chord_i - 1) / length, n inflections",
            "this program multiplies the two terms, as equation 6 of Grisan et al. does; if they are added, "
            "the number of inflections alone gives up to 1",
            "", _grisan_added, kind)
    for letter, kind in (("A", "arteries"), ("V", "veins")):
        yield Name(
            f"CR{letter}E_Knudtson", "Knudtson, six widest vessels in zone B",
            "the same formula; with fewer than six vessels AutoMorph gives -1, this program uses those and "
            "adds a note",
            "µm", _of_six, kind)
    yield Name(
        "AVR_Knudtson", "CRAE_Knudtson / CRVE_Knudtson", "the same if there are six of each",
        "", lambda v: _of_six(View(v.found, "arteries")) / _of_six(View(v.found, "veins")))


def _pvbm() -> Iterator[Name]:
    for kind in ("arteries", "veins"):
        yield Name(
            f"area_{kind}", "vessel pixels", "this program gives the share of the field of view",
            "px^2", lambda v: v.area, kind)
        yield Name(
            f"TI_{kind}", "sum of arcs / sum of chords",
            "this program takes the median by length; PVBM's arcs are chains of pixels, so a straight "
            "vessel has up "
            "to 1.08",
            "", _summed, kind)
        yield Name(
            f"medTor_{kind}", "median of arc / chord over segments",
            "this program weighs segments by their length",
            "", lambda v: _median(v.segments.arc_over_chord), kind)
        yield Name(
            f"ovlen_{kind}", "sum of arcs", "the same; PVBM counts only trees that reach the disc",
            "px", lambda v: float(v.segments.length.sum()), kind)
        yield Name(
            f"medianba_{kind}", "median angle between daughters",
            "this program takes the mean, 1 to 3 widths from the node; PVBM measures at the 30th pixel of a "
            "vessel",
            "degrees", lambda v: _median(_angles(v)), kind)
        yield Name(f"endp_{kind}", "ends", "the same, without spurs", "", lambda v: _count(v, "end"), kind)
        yield Name(
            f"interp_{kind}", "nodes where vessels part or cross",
            "this program counts crossings and bifurcations separately",
            "", lambda v: _count(v, "bifurcation") + _count(v, "crossing"), kind)
        for order in range(3):
            yield Name(
                f"D{order}_{kind}", f"generalised dimension of order {order}",
                "the same definition; the range of box sizes differs",
                "", partial(_part, measure=f"fractal_d{order}"), kind)
        yield Name(
            f"cr{kind[0]}ek", "Knudtson, up to six widest vessels from 2 to 3 disc radii",
            "the same formula; without a vessel PVBM gives -1",
            "px", partial(_part, measure="central_equivalent", region="zone_b"), kind)


def _vascx() -> Iterator[Name]:
    for kind in ("arteries", "veins"):
        yield Name(
            f"lw_diam_{kind}", "mean over segments of their median width, by length",
            "this program weighs every cross-section", "px", lambda v: _by_length(v, "width_median"), kind)
        yield Name(
            f"md_diam_{kind}", "median over segments of their median width",
            "this program weighs by length; a fragmented mask has more short, thin segments",
            "px", lambda v: _median(v.segments.width_median), kind)
        yield Name(
            f"std_diam_{kind}", "standard deviation over segments of their median width",
            "this program takes it over cross-sections",
            "px", lambda v: _spread(v.segments.width_median), kind)
        yield Name(
            f"lw_tort_dist_{kind}", "mean of arc / chord over segments, by length",
            "this program takes the median by length", "", lambda v: _by_length(v, "arc_over_chord"), kind)
        yield Name(
            f"md_tort_dist_{kind}", "median of arc / chord over segments",
            "this program weighs segments by their length",
            "", lambda v: _median(v.segments.arc_over_chord), kind)
        yield Name(
            f"mn_bifangle_{kind}", "mean angle between daughters",
            "the same; VascX's is about 10 degrees larger, because it is measured at the node",
            "degrees", lambda v: _mean(_angles(v)), kind)
        yield Name(
            f"md_bifangle_{kind}", "median angle between daughters", "this program takes the mean",
            "degrees", lambda v: _median(_angles(v)), kind)
        yield Name(
            f"bifurcation_count_{kind}", "number of bifurcations",
            "this program counts a node of four vessels twice",
            "", lambda v: _count(v, "bifurcation"), kind)
        yield Name(
            f"vd_{kind}", "vessel pixels / pixels of the field", "the same",
            "", partial(_part, measure="area_density"), kind)
        for side in ("superior", "inferior"):
            yield Name(
                f"vd_hf_{side}_{kind}", f"vessel pixels / pixels of the field, {side} half", "the same",
                "", partial(_part, measure="area_density", region=side), kind)
# fmt: on


_TABLES: dict[Peer, Callable[[], Iterator[Name]]] = {"automorph": _automorph, "pvbm": _pvbm, "vascx": _vascx}
