"""The meaning of every column, measure and region: the table that lies beside the others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from napari_saunetv2.measure.measurements import IMAGE_COLUMNS
from napari_saunetv2.measure.names import Peer, names_of
from napari_saunetv2.measure.regions import REGIONS
from napari_saunetv2.measure.rows import SEGMENT_COLUMNS
from napari_saunetv2.measure.table import MEASURES

if TYPE_CHECKING:
    import pandas as pd

FILE = {"file": "name of the file, with its subfolder"}

FAILURE_COLUMNS = {"file": "name of the file, with its subfolder", "reason": "why it could not be measured"}
"""Columns of the table of what failed and what they mean."""

TABLES: dict[str, Mapping[str, str]] = {
    "images'": {**FILE, **IMAGE_COLUMNS},
    "segments'": {**FILE, **SEGMENT_COLUMNS},
    "failures'": FAILURE_COLUMNS,
}
"""Columns of each table and what they mean."""


def columns_table(
    peer: Peer | None = None, tables: Mapping[str, Mapping[str, str]] = TABLES
) -> "pd.DataFrame":
    """What every column, measure and region means: its unit, formula and source."""
    import pandas as pd

    rows = [
        (f"column of the {table} table", key, text, "", "", "")
        for table, columns in tables.items()
        for key, text in columns.items()
    ]
    rows += [
        ("measure", m.key, m.title, f"length^{m.power}" if m.power else m.unit, m.formula, m.source)
        for m in MEASURES
    ]
    rows += [
        (
            f"column of the table under {peer}'s names",
            one.column,
            one.differs,
            one.unit,
            one.formula,
            f"{peer}",
        )
        for one in (() if peer is None else names_of(peer))
    ]
    rows += [("region", r.key, r.title, "", "", "") for r in REGIONS]
    return pd.DataFrame(rows, columns=["what", "key", "meaning", "unit", "formula", "source"])
