"""All tables of a study in one Excel workbook."""

from pathlib import Path

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.exchange.results import MOST_ROWS, write_excel
from napari_saunetv2.study.columns import FAILURES, WHO
from napari_saunetv2.study.layout import TABLES, WORKBOOK, Layout

_NUMBERS = ("day",)
"""Of the columns that tell whose a row is; the others stay as they are written: patient 007."""

_TEXTS = ("note", "remarks", "quality_note", "edited", "model", "review", "reviewed", "reviewer")


def write_workbook(layout: Layout) -> Path:
    """Write the tables of a study, as they lie there in CSV, into a workbook; returns its file.

    Raises
    ------
    SettingsError
        Without the package openpyxl.
    FileFormatError
        If a table has more rows than a sheet, or the file cannot be written.
    """
    import pandas as pd

    for table in TABLES:
        if (rows := _rows(layout.folder / table)) > MOST_ROWS:
            raise FileFormatError(
                f"'{table}' has {rows:,} rows, a sheet of Excel only {MOST_ROWS:,}: use the CSV files, which "
                "are written, and leave out --excel."
            )
    texts = dict.fromkeys((*({*WHO} - {*_NUMBERS}), *FAILURES, *_TEXTS), str)
    tables = {
        table.removesuffix(".csv"): pd.read_csv(
            layout.folder / table, dtype=texts, keep_default_na=False, na_values=[""]
        )
        for table in TABLES
    }
    path = layout.folder / WORKBOOK
    write_excel(path, tables, overwrite=True)
    return path


def _rows(path: Path) -> int:
    """Rows of a table, at most: a cell may hold several lines."""
    with path.open("rb") as lines:
        return sum(block.count(b"\n") for block in iter(lambda: lines.read(2**20), b"")) - 1
