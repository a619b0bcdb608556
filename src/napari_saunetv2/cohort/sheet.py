"""Read a sheet, CSV or Excel: rows of text under headings that the program knows."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from napari_saunetv2.cohort.fields import Day
from napari_saunetv2.errors import FileFormatError, SettingsError
from napari_saunetv2.files import reason

NAMES = {
    "file": (
        "file",
        "filename",
        "file name",
        "image",
        "image file",
        "photograph",
        "photo",
        "path",
        "file path",
    ),
    "patient": ("patient", "patient id", "patientid", "pid", "subject", "subject id", "participant", "id"),
    "eye": ("eye", "side", "laterality"),
    "date": ("date", "visit date", "exam date", "examination date", "acquisition date"),
    "visit": ("visit", "visit number", "time point", "timepoint", "session"),
    "spacing": ("pixel size", "spacing", "pixel spacing", "micrometres per pixel", "um per pixel"),
}
"""Headings of each column, in lower case, with spaces, without a unit in brackets."""

MAX_BYTES = 2**26
MAX_ROWS = 10**6

_UNIT = re.compile(r"[\[(]\s*([^\])]*)[\])]\s*$")
_EXCEL = (".xlsx", ".xlsm")
_OTHER = (".xls", ".ods", ".numbers", ".xlsb")


@dataclass(frozen=True)
class Sheet:
    """A sheet.

    Attributes
    ----------
    rows : tuple of (int, dict of str to str)
        Number of each row, as a spreadsheet counts them, and its texts by the keys of ``NAMES``.
    unused : tuple of str
        Headings that are none of them.
    millimetres : bool
        Whether the heading gives the pixel size in millimetres.
    """

    rows: tuple[tuple[int, dict[str, str]], ...]
    unused: tuple[str, ...] = ()
    millimetres: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns that it does not have."""
        there = self.rows[0][1].keys() if self.rows else {}
        return tuple(names[0] for key, names in NAMES.items() if key not in there)


def read_sheet(path: Path) -> Sheet:
    """Read a sheet: ``.xlsx``, its first sheet, or text with commas, semicolons or tabs.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    SettingsError
        If it has no column of files, two of a kind, or no rows; or without the package openpyxl.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FileFormatError(
                f"The sheet '{path.name}' is larger than {MAX_BYTES / 2**20:.0f} MB: keep one row for "
                "each photograph."
            )
        suffix = path.suffix.lower()
        if suffix in _OTHER:
            raise FileFormatError(f"The sheet '{path.name}' is {suffix}: save it as .xlsx or .csv.")
        lines = _excel(path) if suffix in _EXCEL else _text(path)
        table = [(n, cells) for n, cells in islice(lines, MAX_ROWS + 1) if any(cells)]
    except OSError as error:
        raise FileFormatError(
            f"The sheet '{path}' cannot be opened ({reason(error)}): give an .xlsx or .csv file."
        ) from error
    if len(table) < 2:
        raise SettingsError(
            f"The sheet '{path.name}' has no rows: write a row of headings, then one for each photograph."
        )
    (_, headings), *rows = table
    where, unused, millimetres = _columns(headings, path.name)
    return Sheet(
        tuple(
            (n, {key: cells[at] if at < len(cells) else "" for key, at in where.items()}) for n, cells in rows
        ),
        unused,
        millimetres,
    )


def _columns(headings: list[str], sheet: str) -> tuple[dict[str, int], tuple[str, ...], bool]:
    """Place of each known column, the headings that are not known, and whether pixels are in millimetres."""
    known = {name: key for key, names in NAMES.items() for name in names}
    where: dict[str, int] = {}
    unused, millimetres = [], False
    for at, heading in enumerate(headings):
        unit = _UNIT.search(heading)
        bare = " ".join(re.sub(r"[_\-.]+", " ", _UNIT.sub("", heading)).lower().split())
        key = known.get(bare)
        if key is None:
            unused += [heading] if heading else []
            continue
        if key in where:
            raise SettingsError(
                f"The sheet '{sheet}' has two columns for the {NAMES[key][0]}, '{headings[where[key]]}' and "
                f"'{heading}': rename the one that is not meant."
            )
        where[key] = at
        if key == "spacing" and unit is not None:
            millimetres = unit[1].strip().lower().startswith("mm")
    if "file" not in where:
        there = ", ".join(f"'{heading}'" for heading in headings if heading)
        raise SettingsError(
            f"The sheet '{sheet}' has no column 'file' (it has {there}): name the column with the names of "
            "the photographs 'file'; the others may be patient, eye, date, visit and pixel size."
        )
    return where, tuple(unused), millimetres


def _text(path: Path) -> Iterator[tuple[int, list[str]]]:
    data = path.read_bytes()
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileFormatError(f"The sheet '{path.name}' is no text: save it as .xlsx or .csv.")
    text = _decoded(data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    mark = max((",", ";", "\t"), key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=mark)
    try:
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise FileFormatError(
            f"The sheet '{path.name}' is damaged at line {reader.line_num} ({error}): save it again as .csv."
        ) from error


def _decoded(data: bytes) -> str:
    """Text of a CSV file: UTF-8 or UTF-16 with a mark, else what Excel writes on Windows."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _excel(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise SettingsError(
            "An Excel sheet needs openpyxl: pip install 'napari-saunetv2[results]', or save it as .csv."
        ) from error
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        for number, row in enumerate(book.worksheets[0].iter_rows(), start=1):
            yield number, [_shown(cell) for cell in row]
        book.close()
    except OSError:
        raise
    except Exception as error:  # openpyxl raises almost anything for damaged files
        raise FileFormatError(
            f"The sheet '{path.name}' is damaged: save it again as .xlsx or .csv."
        ) from error


def _shown(cell: Any) -> str:
    """Text of a cell, as the spreadsheet shows it: 7 in the format 000 is "007"."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return Day(value.date().isoformat())
    if isinstance(value, date):
        return Day(value.isoformat())
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        form = str(getattr(cell, "number_format", "") or "")
        return str(value).zfill(len(form)) if form and not form.strip("0") else str(value)
    return str(value).strip()
