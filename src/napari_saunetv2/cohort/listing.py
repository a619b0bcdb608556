"""List the photographs of a study: from a folder, with a pattern of names or a sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_saunetv2.cohort import folders
from napari_saunetv2.cohort.case import Case, Cohort
from napari_saunetv2.cohort.fields import date_of, eye_of, spacing_of
from napari_saunetv2.cohort.pattern import Pattern
from napari_saunetv2.cohort.rows import Found, found_rows
from napari_saunetv2.cohort.sheet import NAMES, Sheet, read_sheet
from napari_saunetv2.datasets import inputs
from napari_saunetv2.errors import LayoutError, SettingsError
from napari_saunetv2.files.dicom import begins_as_dicom


def read(
    folder: Path,
    *,
    sheet: Path | None = None,
    pattern: str | None = None,
    date_format: str | None = None,
    output: Path | None = None,
) -> Cohort:
    """List the photographs of a folder and its subfolders, with what is said of each.

    A sheet names the photographs of the study; what it leaves empty is read by the pattern, if there is one.
    Without either, subfolders are read as patients and visits. A photograph whose eye, date or pixel size
    cannot be read is left out, with the reason, as are files outside the sheet.

    Parameters
    ----------
    folder : Path
    sheet : Path, optional
        CSV or Excel, with a column of files, and any of patient, eye, date, visit and pixel size.
    pattern : str, optional
        Of names, as :class:`napari_saunetv2.cohort.pattern.Pattern`.
    date_format : str, optional
        How dates are written, as of ``datetime.strptime``: "%d.%m.%y".
    output : Path, optional
        Folder for results, which is not searched.

    Returns
    -------
    Cohort

    Raises
    ------
    LayoutError
        If the folder does not exist or holds no photograph of the study.
    SettingsError
        For a pattern or a sheet that cannot be used.
    FileFormatError
        If the sheet cannot be read.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise LayoutError(f"The folder '{folder}' {what}: choose a folder with photographs.")
    by = None if pattern is None else Pattern(pattern, date_format)
    listed = None if sheet is None else read_sheet(sheet)
    try:
        there = inputs.gather([str(folder)], recursive=True, output=output)
    except SettingsError as error:
        raise LayoutError(
            f"No photograph was found in '{folder}': choose the folder that holds them."
        ) from error
    own = None if sheet is None else sheet.resolve()
    reasons = {path: why for path, why in there.reasons.items() if path.resolve() != own}
    out = [Case(path, _name(path, folder), left_out=why) for path, why in reasons.items()]
    photographs = {_name(path, folder): path for path in there.files}
    remarks: list[str] = []
    if listed is None:
        read_names = {} if by else folders.read_folders(list(photographs))
        cases = [_case(path, name, read_names.get(name, {}), by) for name, path in photographs.items()]
        remarks += folders.in_words(read_names)
    else:
        assert sheet is not None
        # A file that the sheet names is taken even if its name looks like that of a mask.
        everything = photographs | {case.name: case.file for case in out}
        rows = found_rows(listed, everything, folder, sheet.parent)
        cases = [_of_row(row, listed, by, date_format) for row in rows]
        named = {row.name for row in rows}
        out = [case for case in out if case.name not in named]
        cases += [
            Case(path, name, left_out="not in the sheet")
            for name, path in photographs.items()
            if name not in named
        ]
        remarks += _of_sheet(listed)
    out += [case for case in cases if case.left_out]
    kept = sorted((case for case in cases if not case.left_out), key=lambda case: case.name)
    if not kept:
        said = Cohort((), tuple(out)).left_out_in_words()
        raise LayoutError(f"No photograph of '{folder}' can be used ({said}): mend the sheet or the pattern.")
    remarks += _doubts(kept)
    return Cohort(tuple(kept), tuple(sorted(out, key=lambda case: case.name)), tuple(remarks))


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _case(path: Path, name: str, read_names: Mapping[str, str], by: Pattern | None) -> Case:
    try:
        fields = by.fields(name) if by else read_names
        return _filled(Case(path, name), fields)
    except SettingsError as error:
        return Case(path, name, left_out=str(error))


def _of_row(row: Found, sheet: Sheet, by: Pattern | None, date_format: str | None) -> Case:
    """What a row of the sheet says; the pattern says what it leaves empty."""
    case = Case(row.path, row.name, left_out=row.left_out)
    if case.left_out:
        return case
    try:
        fields = {
            "patient": row.texts.get("patient", ""),
            "eye": eye_of(row.texts.get("eye", "")) or "",
            "date": date_of(row.texts.get("date", ""), date_format),
            "visit": row.texts.get("visit", ""),
        }
        spacing = spacing_of(row.texts.get("spacing", ""), millimetres=sheet.millimetres)
        if by is not None and not all(fields.values()):
            fields = by.fields(row.name) | {key: text for key, text in fields.items() if text}
    except SettingsError as error:
        return replace(case, left_out=f"row {row.number} of the sheet: {error}")
    return replace(_filled(case, fields), spacing=spacing)


def _filled(case: Case, fields: Mapping[str, str]) -> Case:
    return replace(
        case,
        patient=fields.get("patient", ""),
        eye=eye_of(fields.get("eye", "")),
        date=fields.get("date", ""),
        visit=fields.get("visit", ""),
    )


def _of_sheet(sheet: Sheet) -> list[str]:
    remarks = []
    if missing := [name for name in sheet.missing if name != NAMES["visit"][0]]:
        remarks.append(f"The sheet has no column for the {', '.join(missing)}.")
    if sheet.unused:
        remarks.append(f"Columns of the sheet that are not used: {', '.join(sheet.unused)}.")
    return remarks


def _doubts(cases: Sequence[Case]) -> list[str]:
    """What is not known of some of the photographs, before DICOM files are asked."""
    asked = [case for case in cases if not (case.eye and case.date) and begins_as_dicom(case.file)]
    of_files = {case.file for case in asked}
    silent = [case for case in cases if case.file not in of_files]
    unknown = {
        "patient": sum(not case.patient for case in cases),
        "eye": sum(case.eye is None for case in silent),
        "date": sum(not case.date for case in silent),
    }
    found = {what: number for what, number in unknown.items() if number}
    remarks = []
    if found and len(cases) == 1:
        remarks = [f"Not known of the photograph: {', '.join(f'the {what}' for what in found)}."]
    elif found:
        words = ", ".join(f"the {what} of {number}" for what, number in found.items())
        remarks = [f"Not known of {len(cases)} photographs: {words}."]
    if asked:
        remarks.append(
            f"Eyes or dates that folders, names and sheet do not give are looked for in {len(asked)} DICOM "
            f"file{'s' * (len(asked) > 1)}."
        )
    return remarks
