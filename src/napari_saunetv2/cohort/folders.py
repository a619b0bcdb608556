"""What the folders above a photograph, and words in its name, say where no pattern or sheet is given."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from napari_saunetv2.cohort.fields import EYES, date_of
from napari_saunetv2.datasets.partners import folded, stem
from napari_saunetv2.errors import SettingsError

NO_PATIENT = {
    "image", "images", "img", "imgs", "photo", "photos", "photograph", "photographs", "picture",
    "pictures", "pics", "dcim", "fundus", "retina", "export", "exports", "raw", "data", "originals",
    "test", "train", "training", "validation", "val", "color", "colour", "dicom", "jpg", "jpeg", "png",
    "tif", "tiff",
}  # fmt: skip
"""Names of folders that say neither who nor when."""

FIELDS = ("patient", "visit", "date", "eye")

_EYE_FOLDERS = {"od", "os", "right", "left", "r", "l", "re", "le"}  # not "la": it may be a patient's initials
_EYE_WORDS = re.compile(r"(?<![a-z0-9])(od|os|r|l|right|left)(?![a-z0-9])", re.IGNORECASE)
_EYE_AFTER_NUMBER = re.compile(r"(?<=\d)(R|L|OD|OS)(?![A-Za-z0-9])")
_VISIT = re.compile(
    r"(visit|visite|v|exam|examination|session|follow[-_ ]?up|month|year|week|day)[-_ ]?\d+"
    r"|\d+[-_ ]?(months?|m|years?|y|weeks?|w|days?|d)|baseline|screening|follow[-_ ]?up|pre|post",
    re.IGNORECASE,
)


def read_folders(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read what the folders and the names of photographs say.

    Of the folders above a photograph, one such as "OD" or "left" is the eye, one such as "visit 2" or
    "baseline" the visit. A date is the visit and its date; of numbers such as 20240531 only if all numbers of
    that depth are dates, for those of patients may look so. Of all others the first is the patient, and those
    below it are the visit. In the name of the file, a word such as "OD" or "L" is the eye, if there is only
    one.

    Parameters
    ----------
    names : sequence of str
        Files relative to one folder, with "/" between folders.

    Returns
    -------
    dict of str to dict of str to str
        For each name its "patient", "eye", "date" and "visit", as far as they are known.
    """
    levels: dict[int, set[str]] = {}
    for name in names:
        for depth, folder in enumerate(PurePosixPath(name).parts[:-1]):
            levels.setdefault(depth, set()).add(folder)
    dates = {}
    for depth, folders in levels.items():
        read = {folder: _date(folder) for folder in folders}
        numbers = [folder for folder in folders if folder.isdigit()]
        sure = all(read[number] for number in numbers)
        dates[depth] = {folder: day for folder, day in read.items() if sure or folder not in numbers}
    read_names = {name: _fields(name, dates) for name in names}
    return {name: {key: read[key] for key in FIELDS if key in read} for name, read in read_names.items()}


def _fields(name: str, dates: Mapping[int, Mapping[str, str]]) -> dict[str, str]:
    path = PurePosixPath(name)
    read: dict[str, str] = {}
    others = []
    for depth, folder in enumerate(path.parts[:-1]):
        word = folded(folder).strip()
        if word in _EYE_FOLDERS:
            read.setdefault("eye", EYES[word])
        elif date := dates[depth].get(folder):
            read.setdefault("date", date)
            read.setdefault("visit", folder)
        elif is_visit(folder):
            read.setdefault("visit", folder)
        elif word not in NO_PATIENT:
            others.append(folder)
    if others:
        read["patient"] = others[0]
    if others[1:]:
        read.setdefault("visit", "/".join(others[1:]))
    bare = stem(PurePosixPath(path.name))
    words = [*_EYE_WORDS.findall(bare), *_EYE_AFTER_NUMBER.findall(bare)]
    if len(eyes := {EYES[word.lower()] for word in words}) == 1:
        read.setdefault("eye", eyes.pop())
    return read


def is_visit(text: str) -> bool:
    """Whether a text says no more than which visit it was, such as "visit 2" or "baseline"."""
    return _VISIT.fullmatch(text) is not None


def says_nothing(folder: str) -> bool:
    """Whether the name of a folder is of no patient: that of an eye, of a visit, or such as "images"."""
    word = folded(folder).strip()
    return word in NO_PATIENT or word in EYES or is_visit(folder)


def _date(folder: str) -> str:
    try:
        return date_of(folder.replace("_", "-"))
    except SettingsError:
        return ""


def in_words(read: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say how folders were understood, by an example of each kind."""
    alike: Counter[tuple[str, ...]] = Counter()
    example: dict[tuple[str, ...], str] = {}
    for name, fields in read.items():
        folders = PurePosixPath(name).parent.as_posix()
        if folders == ".":
            continue
        kind = tuple(fields)
        what = " and ".join(f"{key} '{value}'" for key, value in fields.items()) or "no patient and no visit"
        alike[kind] += 1
        example.setdefault(kind, f"'{folders}' is read as {what}")
    return [
        f"The folders of {number} photograph{'s' * (number != 1)} tell {' and '.join(kind) or 'nothing'}: "
        f"for example, {example[kind]}. If that is wrong, give a pattern or a sheet."
        for kind, number in alike.most_common()
    ]
