"""The table of vessel segments at two visits."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.visits.registration import Registration
from napari_saunetv2.visits.stretches import Stretches, other_length, stretches
from napari_saunetv2.visits.visit import Visit
from napari_saunetv2.visits.widths import NORMAL, Edges, independent, of_blur

if TYPE_CHECKING:
    import pandas as pd

SEGMENT_COLUMNS: dict[str, str] = {
    "label": "number of the segment; in the label image of the earlier photograph, or, for one that only the "
    "later photograph shows, the numbers after these",
    "found": "both, earlier only, later only, or out of view: the other photograph does not show the place",
    "row": "row of its middle in the earlier photograph, px",
    "column": "column of its middle in the earlier photograph, px",
    "compared": "length of the stretch that is compared, px",
    "apart": "median distance of the two centre lines after registration, px",
    "width_earlier": "mean width over the stretch at the earlier visit, px",
    "width_later": "mean width over the same stretch at the later visit, px",
    "width_change": "later - earlier, px",
    "width_uncertainty": "half of the 95 % interval of the change, px",
    "width_low": "lower end of the 95 % interval of the change, px",
    "width_high": "upper end, px",
    "width_verdict": "wider or narrower if the interval leaves out 0, else within uncertainty",
    "length_earlier": "length of the stretch at the earlier visit, px",
    "length_later": "length of the same stretch at the later visit, px",
    "length_change": "later - earlier, px",
    "length_uncertainty": "half of the 95 % interval of the change, px",
    "length_low": "lower end of the 95 % interval of the change, px",
    "length_high": "upper end, px",
    "length_verdict": "longer or shorter if the interval leaves out 0, else within uncertainty",
    "width_change_um": "change of width, micrometres",
    "width_uncertainty_um": "half of its 95 % interval, micrometres",
    "length_change_um": "change of length, micrometres",
    "length_uncertainty_um": "half of its 95 % interval, micrometres",
    "note": "why a value is empty",
}
"""Columns of the table and what they mean; px are pixels of the earlier photograph."""

IN_VIEW = 0.5
"""Share of a segment that both photographs must show for it to be found, or missed."""

PRESENT = 0.3
"""Share of a segment in view that must have a counterpart for it to be there at both visits."""

LEAST_SECTIONS = 5
"""Cross-sections at which both widths are known that a change of width needs."""

LEAST_SEGMENTS = 10
"""Segments that are needed to tell how much the changes scatter."""

MEDIAN_OF_ALL = 0.6745 / NORMAL
"""Median of |change| over half of its 95 % interval where nothing but the uncertainty makes it."""

WITHIN = "within uncertainty"
VERDICTS = {"width": ("narrower", "wider"), "length": ("shorter", "longer")}


@dataclass(frozen=True)
class _Pair:
    """What all segments of two visits share."""

    registration: Registration
    earlier: Visit
    later: Visit
    way: Stretches
    edges: tuple[Edges, Edges]


def segment_rows(found: Registration, earlier: Visit, later: Visit, labels: Any, new: Any) -> "pd.DataFrame":
    """Table of the segments of the earlier visit, and of those that only the later one shows.

    Parameters
    ----------
    found : Registration
        Of the later visit's photograph on the earlier one's.
    earlier, later : Visit
    labels, new : array, shape (segments,), int
        Number of each segment of the earlier and of the later tree, 0 for none.
    """
    import pandas as pd

    pair = _Pair(
        found, earlier, later, stretches(found, earlier, later), (Edges.of(earlier), Edges.of(later))
    )
    differences = _differences(pair)
    spread = _typical(differences, earlier)
    rows = []
    for segment, (a, b) in enumerate(pairwise(earlier.tree.sections.lines.starts)):
        if labels[segment]:
            rows.append(
                {"label": int(labels[segment]), **_row(pair, np.arange(a, b), differences[a:b], spread)}
            )
    rows += _only_later(pair, new)
    table = pd.DataFrame(rows, columns=list(SEGMENT_COLUMNS))
    for name, words in VERDICTS.items():
        _settle(table, name, words)
    table[["found", "note"]] = table[["found", "note"]].fillna("")
    # Micrometres of the earlier visit: those of the later one come in by the registration.
    for name in ("width_change", "width_uncertainty", "length_change", "length_uncertainty"):
        table[f"{name}_um"] = table[name] * (np.nan if earlier.spacing is None else earlier.spacing)
    return table.set_index(pd.Index(table["label"].to_numpy()))


def _differences(pair: _Pair) -> Floats:
    """Later width - earlier width at each point, pixels of the earlier photograph; NaN without both."""
    there = pair.way.other >= 0
    later = np.where(there, pair.edges[1].width[pair.way.other], np.nan) / pair.way.across_scale
    return np.asarray(later - pair.edges[0].width)


def _typical(differences: Floats, earlier: Visit) -> float:
    """Standard deviation of a difference along a segment, the median over segments."""
    groups = [differences[a:b] for a, b in pairwise(earlier.tree.sections.lines.starts)]
    spreads = [np.nanstd(group) for group in groups if np.isfinite(group).sum() >= LEAST_SECTIONS]
    return float(np.median(spreads)) if spreads else 0.0


def _row(pair: _Pair, run: NDArray[np.intp], differences: Floats, spread: float) -> dict[str, Any]:
    """Columns of a segment of the earlier visit."""
    way, lines = pair.way, pair.earlier.tree.sections.lines
    seen, there = way.seen[run], way.other[run] >= 0
    middle = lines.points[run[len(run) // 2]]
    row: dict[str, Any] = {"row": middle[0], "column": middle[1]}
    if seen.mean() < IN_VIEW:
        return row | {"found": "out of view"}
    if there.sum() < PRESENT * seen.sum():
        return row | {"found": "earlier only"}
    met = run[there]
    whole = np.arange(met[0], met[-1] + 1)
    length = float(lines.steps()[whole[1:]].sum())
    row |= {"found": "both", "compared": length, "apart": float(np.median(way.apart[met]))}
    row |= _width(pair, run[np.isfinite(differences)], differences, length, spread)
    if there.sum() < 0.7 * len(whole) or len(met) < 2:
        return row | {"note": "the stretch has gaps: its length is not compared"}
    return row | _length(pair, met, length)


def _width(
    pair: _Pair, both: NDArray[np.intp], differences: Floats, length: float, spread: float
) -> dict[str, Any]:
    known = differences[np.isfinite(differences)]
    if len(both) < LEAST_SECTIONS:
        return {"note": "too short for cross-sections away from its ends"}
    earlier, later = pair.edges
    far, scale = pair.way.other[both], pair.way.across_scale[both]
    width = float(earlier.width[both].mean())
    change = float(known.mean())
    thresholds = [
        float((earlier.high - earlier.low)[both].mean()) / 2,
        float(((later.high - later.low)[far] / scale).mean()) / 2,
    ]
    sampling = NORMAL * max(spread, float(known.std())) / np.sqrt(independent(min(length, len(both)), width))
    placed = (
        NORMAL * width * float(np.median(pair.way.apart[both])) / pair.registration.transform.grid.spacing
    )
    one, other = pair.earlier.profile, pair.later.profile
    blur = of_blur(width, (one, None if other is None else other / pair.registration.transform.scale))
    doubt = float(np.sqrt(sum(part**2 for part in (*thresholds, sampling, placed, blur))))
    return {
        "width_earlier": width,
        "width_later": width + change,
        "width_change": change,
        "width_uncertainty": doubt,
    }


def _length(pair: _Pair, met: NDArray[np.intp], length: float) -> dict[str, Any]:
    trees = pair.earlier.tree.sections, pair.later.tree.sections
    other, unknown = other_length(pair.way, met, *trees)
    # Both ends of the stretch are placed to the residual. What the transform stretches beyond its quadratic
    # part may be the camera or the vessel, and averages out over the pieces of the deformation.
    ends = np.sqrt(2) * max(pair.registration.residual, 0.5)
    pieces = max(1.0, length / (2 * pair.registration.transform.grid.spacing))
    doubt = NORMAL * float(np.hypot(ends, length * pair.way.strain / np.sqrt(pieces)))
    doubt = float(np.hypot(doubt, unknown))
    return {
        "length_earlier": length,
        "length_later": other,
        "length_change": other - length,
        "length_uncertainty": doubt,
    }


def _settle(table: "pd.DataFrame", name: str, words: tuple[str, str]) -> None:
    """Widen uncertainties that are smaller than the changes scatter, and fill in intervals and verdicts.

    Most vessels do not change from one visit to the next, so the changes of all of them show what a change
    must exceed. The factor is that of Birge (1932), by medians: a few vessels that did change do not move it.
    """
    change, doubt = (table[f"{name}_{what}"].astype(float) for what in ("change", "uncertainty"))
    usual = (change.abs() / doubt).dropna()
    if len(usual) >= LEAST_SEGMENTS:
        doubt = doubt * max(1.0, float(usual.median()) / MEDIAN_OF_ALL)
    table[f"{name}_uncertainty"] = doubt
    table[f"{name}_low"], table[f"{name}_high"] = change - doubt, change + doubt
    verdict = np.where(change.abs() <= doubt, WITHIN, np.where(change > 0, words[1], words[0]))
    table[f"{name}_verdict"] = np.where(change.isna(), "", verdict)


def _only_later(pair: _Pair, labels: Any) -> list[dict[str, Any]]:
    """Rows of the segments of the later tree that have a number."""
    lines = pair.later.tree.sections.lines
    rows = []
    for segment, (a, b) in enumerate(pairwise(lines.starts)):
        if labels[segment]:
            middle = pair.registration.transform.to_fixed(lines.points[(a + b) // 2][None])[0]
            rows.append(
                {"label": int(labels[segment]), "found": "later only", "row": middle[0], "column": middle[1]}
            )
    return rows
