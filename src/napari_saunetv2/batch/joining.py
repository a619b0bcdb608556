"""The tables of many measured images, joined from the parts of each."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import IO

from napari_saunetv2.batch.measuring import Measured, MeasureOutputs, below
from napari_saunetv2.datasets.inputs import result_names
from napari_saunetv2.exchange.results import write_excel
from napari_saunetv2.files import write_beside
from napari_saunetv2.measure import IMAGE_COLUMNS, SEGMENT_COLUMNS
from napari_saunetv2.measure.meanings import FAILURE_COLUMNS, columns_table
from napari_saunetv2.measure.names import names_of


def write_tables(
    rows: Sequence[Measured],
    files: Mapping[Path, PurePath],
    outputs: MeasureOutputs,
    table: Path,
    segments: Path,
    *,
    excel: bool = False,
    overwrite: bool = False,
) -> None:
    """Join the tables of all images, in the order of the files, and write what could not be measured.

    Beside ``table`` lie ``columns.csv``, with the meaning of every column, ``failures.csv``, the table under
    the names of another program and, with ``excel``, a workbook of all of them.

    Raises
    ------
    OverwriteError
        If one exists and may not be replaced.
    FileFormatError
        If one cannot be written.
    """
    failed = {row.file: row.error for row in rows if row.status == "failed"}
    names = result_names(dict(files))
    blank = [""] * (len(IMAGE_COLUMNS) - 1)
    joined: list[tuple[Path, str, Sequence[str]]] = [
        (table, "measurements", list(IMAGE_COLUMNS)),
        (segments, "segments", list(SEGMENT_COLUMNS)),
    ]
    peer = outputs.peer
    if peer is not None:
        joined.append((table.with_name(f"{peer}.csv"), peer, [one.column for one in names_of(peer)]))
    for target, what, columns in joined:

        def write(out: IO[bytes], what: str = what, columns: Sequence[str] = columns) -> None:
            out.write(_line("file", *columns))
            for file, name in names.items():
                if str(file) not in failed:
                    with outputs.paths(name)[what].open("rb") as one:
                        one.readline()
                        out.writelines(one)
                elif what == "measurements":
                    out.write(_line(below(file, name), *blank, f"failed: {failed[str(file)]}"))

        write_beside(target, write, overwrite=overwrite)
    lines = [_line(*FAILURE_COLUMNS)]
    lines += [
        _line(below(file, name), failed[str(file)]) for file, name in names.items() if str(file) in failed
    ]
    for name, data in (
        ("failures.csv", b"".join(lines)),
        ("columns.csv", columns_table(peer).to_csv(index=False, lineterminator="\n").encode()),
    ):
        write_beside(table.with_name(name), lambda out, data=data: out.write(data), overwrite=overwrite)  # type: ignore[misc]
    if excel:
        sheets = {what: target for target, what, _ in joined}
        sheets |= {name: table.with_name(f"{name}.csv") for name in ("failures", "columns")}
        _write_workbook(table.with_suffix(".xlsx"), sheets, overwrite=overwrite)


def _write_workbook(path: Path, sheets: Mapping[str, Path], *, overwrite: bool) -> None:
    """Write tables into one workbook: the numbers that stand in the CSV files."""
    import pandas as pd

    tables = {name: pd.read_csv(file, dtype={"file": str, "note": str}) for name, file in sheets.items()}
    write_excel(path, tables, overwrite=overwrite)


def _line(*values: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()
