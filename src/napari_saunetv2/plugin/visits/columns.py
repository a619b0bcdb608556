"""Columns of the table of segments as the window shows them: their order, titles and meanings."""

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_saunetv2.plugin.common.segments_view import Columns
from napari_saunetv2.visits.segments import SEGMENT_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

TITLES = {
    "label": "label",
    "change": "change",
    "width_change": "width, px",
    "width_uncertainty": "±",
    "length_change": "length, px",
    "length_uncertainty": "±",
    "width_change_um": "width, µm",
    "width_uncertainty_um": "±",
    "length_change_um": "length, µm",
    "length_uncertainty_um": "±",
    "width_earlier": "width before",
    "width_later": "after",
    "length_earlier": "length before",
    "length_later": "after",
    "found": "found at",
    "note": "note",
}

MEANINGS = {
    **SEGMENT_COLUMNS,
    "width_change": "change of width: later - earlier, px",
    "length_change": "change of length: later - earlier, px",
    "change": "a change beyond its uncertainty, or the only visit that shows the vessel; such rows are "
    "coloured",
}


def text(value: Any) -> str:
    """Show a value of a table: two decimals of a number, nothing of one that is not known."""
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.2f}"
    return str(value)


def columns(table: "pd.DataFrame") -> list[str]:
    """List the columns to show, without those that say nothing."""
    return [key for key in TITLES if (table[key].notna() & table[key].ne("")).any()]


LOOK = Columns(TITLES, MEANINGS, columns, lambda table: table["change"].ne("").to_numpy(bool), text)
"""How the table of segments is shown; those that changed are marked."""
