"""Columns of the table of segments as the window shows them: their order, titles and meanings."""

from typing import TYPE_CHECKING, Any

from napari_saunetv2.measure import SEGMENT_COLUMNS
from napari_saunetv2.plugin.common.segments_view import Columns

if TYPE_CHECKING:
    import pandas as pd

TITLES = {
    "width_median": "width, px",
    "width_median_um": "width, µm",
    "width_photograph": "width in photograph, px",
    "width_sd": "width SD, px",
    "length": "length, px",
    "length_um": "length, µm",
    "arc_over_chord": "arc / chord",
    "graded_tortuosity": "graded tortuosity",
    "tortuosity_density": "tortuosity density, 1/px",
    "total_curvature": "total curvature, rad",
    "inflections": "inflections",
}
"""Measures of a segment by which it can be coloured, and their titles."""

MEANINGS = {
    **SEGMENT_COLUMNS,
    "frame": "number of the plane in the stack",
    "changed": "whether the segment was changed with the brush since Measure was pressed",
}

FIRST = ("label", "frame", "vessels", "changed", *TITLES)
HIDDEN = ("row", "column", "vessel", "scale_source")


def measures(table: "pd.DataFrame") -> list[str]:
    """List the measures that the table has values of."""
    return [key for key in TITLES if table[key].notna().any()]


def columns(table: "pd.DataFrame") -> list[str]:
    """List the columns to show, the most wanted first, without those that say nothing."""
    rest = [key for key in table.columns if key not in FIRST and key not in HIDDEN]
    nothing: dict[str, Any] = {"vessels": "all", "changed": False}
    return [
        key
        for key in (*FIRST, *rest)
        if key in table and (table[key].notna() & table[key].ne(nothing.get(key, ""))).any()
    ]


LOOK = Columns(TITLES, MEANINGS, columns, lambda table: table["changed"].to_numpy(bool))
"""How the table of segments is shown; those that were changed are marked."""
