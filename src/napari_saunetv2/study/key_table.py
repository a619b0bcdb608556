"""The key table: who is behind each pseudonym, for who must be able to find a patient again."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_saunetv2.cohort import Case
from napari_saunetv2.errors import OverwriteError, SettingsError
from napari_saunetv2.files import make_folder, write_beside
from napari_saunetv2.study.people import People

COLUMNS = ("what", "identifier", "pseudonym")
"""Of the table; ``what`` is file, patient or visit."""


def check_key_table(path: Path) -> None:
    """Refuse a file that exists and is no key table; raises OverwriteError."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            first = file.readline(200).strip()
    except FileNotFoundError:
        return
    except OSError:
        first = ""
    if first != ",".join(COLUMNS):
        raise OverwriteError(f"'{path}' exists and is no key table: choose another name.")


def write_key_table(path: Path, people: People, cases: Sequence[Case], left_out: Iterable[str]) -> None:
    """Write which pseudonym stands for which identifier, readable by its owner alone.

    Parameters
    ----------
    path : Path
        CSV; a key table that is there is replaced.
    people : People
        With pseudonyms.
    cases : sequence of Case
        With what their DICOM files add.
    left_out : iterable of str
        Names of files that are listed as left out.

    Raises
    ------
    SettingsError
        If all is in clear.
    OverwriteError, FileFormatError
        If it may not or cannot be written.
    """
    pseudonyms = people.pseudonyms
    if pseudonyms is None:
        raise SettingsError("A key table was asked for and there are no pseudonyms: leave it out.")
    check_key_table(path)
    found = {("file", name) for name in (*(case.name for case in cases), *left_out)}
    found |= {("patient", case.patient) for case in cases if case.patient}
    shown = people.rows(cases)
    replaced = zip(cases, shown, strict=True)
    found |= {("visit", case.visit) for case, row in replaced if row["visit"] != case.visit}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows((what, name, pseudonyms.of(what, name)) for what, name in sorted(found))
    make_folder(path.parent)
    write_beside(path, lambda out: out.write(text.getvalue().encode()), overwrite=True)
    path.chmod(0o600)
