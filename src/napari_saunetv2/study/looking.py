"""Look at every photograph before the work: whether it has changed, and what its DICOM file says."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from napari_saunetv2.cohort import Case, Cohort
from napari_saunetv2.datasets import Eye
from napari_saunetv2.datasets.partners import numbered, stem
from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import read_acquisition
from napari_saunetv2.files.dicom import begins_as_dicom, read_patient
from napari_saunetv2.study.pseudonyms import Pseudonyms
from napari_saunetv2.study.record import Record, digest

_EYES: dict[str, Eye] = {"right": "right", "left": "left"}
_RECENT = 2_000_000_000  # nanoseconds: a file may change twice within what its time can tell


@dataclass(frozen=True)
class Looked:
    """A photograph that was looked at.

    Attributes
    ----------
    case : Case
        With what its DICOM file adds.
    name : str
        Of its results.
    image : str
        SHA-256 of its file; "" where it cannot be read.
    stamp : str
        Size and times of the file, or "".
    remarks : tuple of str
    """

    case: Case
    name: str
    image: str
    stamp: str
    remarks: tuple[str, ...] = ()


def result_names(
    cohort: Cohort, recorded: Mapping[str, str], pseudonyms: Pseudonyms | None
) -> dict[str, str]:
    """Name the results of each photograph, by its name in the cohort.

    A name is the photograph's without suffix, with a number where it is taken; a photograph that has results
    keeps their name whatever else is added to the folder. Under pseudonyms it is one.

    Parameters
    ----------
    cohort : Cohort
    recorded : mapping of str to str
        Names of results that are there, by photograph.
    pseudonyms : Pseudonyms or None
    """
    if pseudonyms is not None:
        return {case.name: pseudonyms.of("file", case.name) for case in cohort.cases}
    taken = {name.lower() for name in recorded.values()}
    names = {}
    for case in cohort.cases:
        path = PurePosixPath(case.name)
        wanted = (path.parent / stem(path)).as_posix()
        name = recorded.get(case.name) or numbered(wanted, lambda one: one.lower() in taken)
        taken.add(name.lower())
        names[case.name] = name
    return names


def look(case: Case, name: str, record: Record | None, pseudonyms: Pseudonyms | None) -> Looked:
    """Look at a photograph; its file is read only if its size or times are new.

    Under pseudonyms no times are kept, for they may tell the day: every file is read.
    """
    stamp = "" if pseudonyms is not None else _stamp(case)
    known = record is not None and stamp and record.stamp == stamp
    image = record.image if record is not None and known else digest(case.file)
    case, remarks = _with_dicom(case, pseudonyms)
    return Looked(case, name, image, stamp, remarks)


def twice(photographs: Sequence[Looked], shown: Mapping[str, str]) -> dict[str, str]:
    """Remarks on photographs whose files are equal, by name; ``shown`` is how tables name them."""
    alike = Counter(one.image for one in photographs if one.image)
    files = {image: [one for one in photographs if one.image == image] for image, n in alike.items() if n > 1}
    return {
        one.name: f"The file is equal to that of {', '.join(shown[o.name] for o in same if o is not one)}."
        for same in files.values()
        for one in same
    }


def _stamp(case: Case) -> str:
    try:
        told = case.file.stat()
    except OSError:
        return ""
    if time.time_ns() - max(told.st_mtime_ns, told.st_ctime_ns) < _RECENT:
        return ""
    return f"{told.st_size} {told.st_mtime_ns} {told.st_ctime_ns} {told.st_ino}"


def _with_dicom(case: Case, pseudonyms: Pseudonyms | None) -> tuple[Case, tuple[str, ...]]:
    """Add what a DICOM file says, where nothing else says it, and remark on what disagrees."""
    if not begins_as_dicom(case.file):
        return case, ()
    try:
        said = read_acquisition(case.file)
        patient = read_patient(case.file) if pseudonyms is not None and not case.patient else ""
    except FileFormatError:  # it fails when it is segmented, with the reason
        return case, ()
    if said is None:
        return case, ()
    remarks = []
    eye = _EYES.get(said.eye)
    if case.eye and eye and case.eye != eye:
        remarks.append("The DICOM file says another eye than is stated: check it.")
    if case.date and said.date and case.date != said.date:
        remarks.append("The DICOM file has another date than is stated: check it.")
    filled = replace(
        case,
        eye=case.eye or eye,
        date=case.date or said.date,
        patient=case.patient or patient,
    )
    return filled, tuple(remarks)
