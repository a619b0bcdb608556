"""The tables of a measurement as one Excel workbook, or as CSV files beside each other."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.exchange.results import write_excel
from napari_saunetv2.files import write_beside
from napari_saunetv2.measure.meanings import columns_table

if TYPE_CHECKING:
    import pandas as pd

MORE_COLUMNS = {
    "frame": "number of the plane in its stack",
    "changed": "whether the segment was changed with the brush after it was first measured",
}
"""Columns that only a viewer's tables have, and what they mean."""


def save_tables(path: Path, name: str, image: "pd.DataFrame", segments: "pd.DataFrame") -> list[Path]:
    """Write both tables and the meaning of their columns; existing files are replaced.

    Parameters
    ----------
    path : Path
        ``NAME.xlsx`` for a workbook with three sheets; ``NAME.csv`` for the table of the image, with
        ``NAME_segments.csv`` and ``NAME_columns.csv`` beside it.
    name : str
        Of the image, for the first column.
    image, segments : DataFrame

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    SettingsError, FileFormatError
        As :func:`write_tables`.
    """
    tables = {"image": _named(image, name), "segments": _named(segments, name), "columns": _meanings()}
    return write_tables(path, tables)


def write_tables(path: Path, tables: "Mapping[str, pd.DataFrame]") -> list[Path]:
    """Write tables as the sheets of a workbook, or as CSV files; existing files are replaced.

    Parameters
    ----------
    path : Path
        ``NAME.xlsx``, or ``NAME.csv`` for the first table, with ``NAME_KEY.csv`` for each other.
    tables : mapping of str to DataFrame

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    SettingsError
        For another suffix, or a workbook without the package openpyxl.
    FileFormatError
        When a file cannot be written, or a table has more rows than a sheet of Excel.
    """
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        write_excel(path, tables, overwrite=True)
        return [path]
    if suffix != ".csv":
        raise SettingsError(f"'{path.name}' is no table: end the name with .csv or .xlsx.")
    written = []
    for number, (key, table) in enumerate(tables.items()):
        target = path if number == 0 else path.with_name(f"{path.stem}_{key}.csv")
        text = table.to_csv(index=False, lineterminator="\n")
        write_beside(target, lambda file, text=text: file.write(text.encode()), overwrite=True)  # type: ignore[misc]
        written.append(target)
    return written


def _named(table: "pd.DataFrame", name: str) -> "pd.DataFrame":
    table = table.copy()
    table.insert(0, "file", name)
    return table


def _meanings() -> "pd.DataFrame":
    import pandas as pd

    more = [("column of a viewer's tables", key, text, "", "", "") for key, text in MORE_COLUMNS.items()]
    known = columns_table()
    return pd.concat([known, pd.DataFrame(more, columns=list(known.columns))], ignore_index=True)
