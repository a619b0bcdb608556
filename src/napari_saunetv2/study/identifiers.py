"""The table that tells who is behind each pseudonym; written only when it is asked for."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from napari_saunetv2.cohort import Case
from napari_saunetv2.errors import FileFormatError, OverwriteError
from napari_saunetv2.files import reason, write_beside
from napari_saunetv2.study.people import People

COLUMNS = ("what", "identifier", "pseudonym")
_HEAD = ",".join(COLUMNS)


def refuse_other_table(path: Path) -> None:
    """Refuse to replace a file that is no such table.

    Raises
    ------
    OverwriteError
        If it is something else.
    FileFormatError
        If it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            head = lines.readline(len(_HEAD) + 2).strip()
    except FileNotFoundError:
        return
    except OSError as error:
        raise FileFormatError(
            f"'{path}' cannot be read ({reason(error)}): choose another file for the table of pseudonyms."
        ) from error
    if head != _HEAD:
        raise OverwriteError(
            f"'{path}' exists and is no table of pseudonyms: choose another name for the table."
        )


def write_identifiers(path: Path, people: People, cases: Sequence[Case], left_out: Sequence[Case]) -> None:
    """Write each identifier with its pseudonym, readable by its owner alone.

    Parameters
    ----------
    path : Path
        CSV; a table that is there is replaced.
    people : People
        With pseudonyms.
    cases : sequence of Case
        Photographs, with what their DICOM files say.
    left_out : sequence of Case
        Files that are not part of the study, which ``failures.csv`` names too.

    Raises
    ------
    FileFormatError
        If it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(set(_rows(people, cases, left_out))))
    write_beside(path, lambda out: out.write(text.getvalue().encode()), overwrite=True, private=True)


def _rows(people: People, cases: Sequence[Case], left_out: Sequence[Case]) -> Iterator[tuple[str, str, str]]:
    for case, row in zip(cases, people.rows(cases), strict=True):
        yield "file", case.name, row["file"]
        for what, identifier in (("patient", case.patient), ("visit", case.visit)):
            if identifier and row[what] != identifier:
                yield what, identifier, row[what]
    for case in left_out:
        yield "file", case.name, people.file(case)
