"""Tables of segments and of junctions."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_saunetv2.measure.branching import junction_exponent
from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.tree import Tree
from napari_saunetv2.measure.units import Unit

if TYPE_CHECKING:
    import pandas as pd

SEGMENT_COLUMNS: dict[str, str] = {
    "label": "number of the segment, its value in the label image",
    "vessels": "all, arteries or veins",
    "vessel": "number of the vessel: segments that go on through branchings and crossings share it",
    "row": "row of its middle, px",
    "column": "column of its middle, px",
    "length": "length of the smooth centre line, px",
    "chord": "distance of its ends, px",
    "width_median": "median over cross-sections, px",
    "width_mean": "mean over cross-sections, px",
    "width_sd": "standard deviation over cross-sections, px",
    "sections": "number of cross-sections",
    "width_photograph": "median width at half height of the photograph's profile, px",
    "arc_over_chord": "length / chord",
    "total_curvature": "integral of |curvature|, radians",
    "total_squared_curvature": "integral of curvature^2, 1/px",
    "squared_curvature_per_length": "integral of curvature^2 / length, 1/px^2",
    "squared_curvature_per_chord": "integral of curvature^2 / chord, 1/px^2",
    "inflections": "changes of the sense of turning",
    "tortuosity_density": "(n - 1) / length * sum(arc_i / chord_i - 1), 1/px",
    "graded_tortuosity": "total curvature * sqrt(sum(arc_i / chord_i - 1))",
    "length_um": "length, micrometres",
    "width_median_um": "median width, micrometres",
    "scale_source": "where micrometres come from",
    "note": "why a value is empty",
}
"""Columns of the table of segments and what they mean."""

JUNCTION_COLUMNS: dict[str, str] = {
    "kind": "bifurcation, crossing or end",
    "vessels": "all, arteries or veins",
    "row": "row, px",
    "column": "column, px",
    "degree": "vessels that meet",
    "angle": "between daughters, or between vessels that cross, degrees",
    "parent_width": "width of the parent, px",
    "wide_width": "width of the wider daughter, px",
    "narrow_width": "width of the narrower daughter, px",
    "asymmetry": "(narrow / wide)^2",
    "area_ratio": "(wide^2 + narrow^2) / parent^2",
    "junction_exponent": "x with parent^x = wide^x + narrow^x",
    "labels": "segments that meet there; at a bifurcation of three the parent first, then the wider daughter",
}
"""Columns of the table of junctions and what they mean."""


def segment_rows(trees: Sequence[Tree], numbers: Sequence[Any], units: Sequence[Unit]) -> "pd.DataFrame":
    """Table of segments; ``numbers`` holds for each tree the label of each of its segments, 0 for none."""
    import pandas as pd

    scale = next((unit for unit in units if unit.name == "µm"), None)
    frames = [_segments(tree, number, scale) for tree, number in zip(trees, numbers, strict=True)]
    table = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    table = table[list(SEGMENT_COLUMNS)]
    return table.set_index(pd.Index(table["label"].to_numpy()))


def _segments(tree: Tree, numbers: Any, scale: Unit | None) -> "pd.DataFrame":
    import pandas as pd

    lines, bends = tree.sections.lines, tree.bends
    starts = lines.starts
    spans = list(pairwise(starts))
    width = tree.sections.width
    middle = lines.points[(starts[:-1] + starts[1:]) // 2] if len(spans) else np.empty((0, 2))
    sections = [width[a:b][np.isfinite(width[a:b])] for a, b in spans]
    photograph = [tree.photograph[a:b][np.isfinite(tree.photograph[a:b])] for a, b in spans]
    to_um = np.nan if scale is None else scale.per_pixel
    median = _each(sections, np.median)
    data = {
        "label": numbers,
        "vessels": tree.kind,
        "vessel": tree.junctions.vessel + 1,
        "row": middle[:, 0],
        "column": middle[:, 1],
        "length": bends.length,
        "chord": bends.chord,
        "width_median": median,
        "width_mean": _each(sections, np.mean),
        "width_sd": _each(sections, np.std),
        "sections": np.array([len(s) for s in sections], int),
        "width_photograph": _each(photograph, np.median),
        "arc_over_chord": bends.arc_over_chord,
        "total_curvature": bends.total_curvature,
        "total_squared_curvature": bends.total_squared_curvature,
        "squared_curvature_per_length": bends.squared_curvature_per_length,
        "squared_curvature_per_chord": bends.squared_curvature_per_chord,
        "inflections": bends.inflections,
        "tortuosity_density": bends.density,
        "graded_tortuosity": bends.graded,
        "length_um": bends.length * to_um,
        "width_median_um": median * to_um,
        "scale_source": "" if scale is None else scale.source,
        "note": np.where(np.isnan(median), "too short for a cross-section away from its ends", ""),
    }
    return pd.DataFrame(data)[~tree.junctions.inside]


def _each(groups: list[Floats], function: Any) -> Floats:
    return np.array([function(group) if group.size else np.nan for group in groups], float)


def junction_rows(trees: Sequence[Tree], numbers: Sequence[Any]) -> "pd.DataFrame":
    """Table of junctions; ``numbers`` as of :func:`segment_rows`."""
    import pandas as pd

    frames = []
    for tree, number in zip(trees, numbers, strict=True):
        found = tree.junctions
        frames.append(
            pd.DataFrame(
                {
                    "kind": found.kind,
                    "vessels": tree.kind,
                    "row": found.position[:, 0],
                    "column": found.position[:, 1],
                    "degree": found.degree,
                    "angle": found.angle,
                    "parent_width": found.parent,
                    "wide_width": found.wide,
                    "narrow_width": found.narrow,
                    "asymmetry": (found.narrow / found.wide) ** 2,
                    "area_ratio": (found.wide**2 + found.narrow**2) / found.parent**2,
                    "junction_exponent": junction_exponent(found.parent, found.wide, found.narrow),
                    "labels": [
                        " ".join(str(number[s]) for s in members if number[s]) for members in found.segments
                    ],
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
