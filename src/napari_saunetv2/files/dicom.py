"""What a DICOM file says of its photograph: eye, date and pixel size, each with its source.

Names and birth dates are never read; the patient's number is, where it is asked for, by ``read_patient``.
"""

import gzip
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files._contents import contents
from napari_saunetv2.files._dicom import SEGMENTATION, VOLUMES, decode_frames
from napari_saunetv2.files._dicom_dataset import dataset, is_dicom
from napari_saunetv2.files._size import Spacing

if TYPE_CHECKING:
    from pydicom import Dataset

_EYES = {"R": "right", "L": "left", "B": "both"}
_DATES = ("AcquisitionDateTime", "AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate")
_ELSEWHERE = {"ImagerPixelSpacing": "at the sensor", "NominalScannedPixelSpacing": "on the scanned film"}
"""Elements whose millimetres are not those of the eye, and where they are."""

Content = Literal["photograph", "mask", "other"]
_HEAD = 2**20

_GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
MAX_GROUPS = 4 * 2**20
"""Maximum size of the functional groups that are looked into, bytes."""


@dataclass(frozen=True)
class Acquisition:
    """How a photograph was taken, as far as its file says so.

    Attributes
    ----------
    eye : "right", "left", "both" or ""
    eye_source : str
        Element of the file that says so.
    date : str
        ISO 8601, such as "2024-05-31", or "".
    date_source : str
    spacing : Spacing or None
        Size of a pixel.
    spacing_source : str
    on_retina : bool
        Whether it is that on the retina, not on the camera's sensor or on a film.
    frames : int
    """

    eye: str = ""
    eye_source: str = ""
    date: str = ""
    date_source: str = ""
    spacing: Spacing | None = None
    spacing_source: str = ""
    on_retina: bool = False
    frames: int = 1


def read_acquisition(path: str | os.PathLike[str]) -> Acquisition | None:
    """Read how a photograph was taken; None for a file that is not DICOM.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or pydicom is missing.
    """
    place = Path(path)
    if not begins_as_dicom(place):
        return None
    found = dataset(contents(place), place.name, pixels=False)
    try:
        groups = _groups(found)
        eye, eye_source = _eye(found, groups)
        date, date_source = _date(found)
        frames = int(found.get("NumberOfFrames") or 1)
        return Acquisition(eye, eye_source, date, date_source, *_spacing(found, groups), frames)
    except Exception as error:  # pydicom raises almost anything for damaged values
        raise FileFormatError(
            f"'{place.name}' is a damaged DICOM file: export it again from its source."
        ) from error


def read_patient(path: str | os.PathLike[str]) -> str:
    """Read the number (PatientID) of the patient, to put a pseudonym in its place; "" where there is none.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or pydicom is missing.
    """
    place = Path(path)
    found = dataset(contents(place), place.name, pixels=False, more=("PatientID",))
    try:
        return str(found.get("PatientID") or "").strip()
    except Exception as error:  # pydicom raises almost anything for damaged values
        raise FileFormatError(
            f"'{place.name}' is a damaged DICOM file: export it again from its source."
        ) from error


def read_frames(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read all frames of a DICOM file: shape (N, H, W) or (N, H, W, 3), uint8 or uint16.

    Raises
    ------
    FileFormatError
        As :func:`napari_saunetv2.files.load_image`.
    """
    place = Path(path)
    data = contents(place)
    try:
        return decode_frames(data, place.name)
    except FileFormatError:
        raise
    except Exception as error:  # decoders raise almost anything for damaged files
        raise FileFormatError(
            f"'{place.name}' is a damaged DICOM file: export it again from its source."
        ) from error


def content(path: Path) -> Content:
    """Tell what a DICOM file holds, from its first megabyte; "photograph" where that cannot be told."""
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            found = dataset(file.read(_HEAD), path.name, pixels=False)
        if str(found.get("SOPClassUID")) in VOLUMES or not found.get("Rows"):
            return "other"
        return "mask" if found.get("SOPClassUID") == SEGMENTATION else "photograph"
    except Exception:  # noqa: BLE001 - it stays in the list, so that its failure is reported
        return "photograph"


def begins_as_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does, packed or not; False where it cannot be read."""
    try:
        if not path.is_file():  # a pipe would wait for ever
            return False
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            return is_dicom(file.read(256))
    except (OSError, EOFError, zlib.error, ValueError):
        return False


def _groups(found: "Dataset") -> "list[Dataset]":
    """Functional groups of the first frame, then those that all frames share."""
    items = []
    for keyword in _GROUPS:
        if keyword not in found:
            continue
        raw = found.get_item(keyword)
        if isinstance(getattr(raw, "value", None), bytes) and len(raw.value) > MAX_GROUPS:
            continue
        items += list(found[keyword].value)[:1]
    return items


def _eye(found: "Dataset", groups: "list[Dataset]") -> tuple[str, str]:
    for item in groups:
        for anatomy in item.get("FrameAnatomySequence", [])[:1]:
            if (eye := _EYES.get(str(anatomy.get("FrameLaterality", "")))) is not None:
                return eye, "FrameLaterality"
    for keyword in ("ImageLaterality", "Laterality"):
        if (eye := _EYES.get(str(found.get(keyword, "")))) is not None:
            return eye, keyword
    return "", ""


def _date(found: "Dataset") -> tuple[str, str]:
    for keyword in _DATES:
        text = str(found.get(keyword) or "")[:8]
        if len(text) == 8 and text.isdigit():
            return f"{text[:4]}-{text[4:6]}-{text[6:]}", keyword
    return "", ""


def _spacing(found: "Dataset", groups: "list[Dataset]") -> tuple[Spacing | None, str, bool]:
    """Pixel size of the first frame, its source, and whether it is that on the retina.

    PixelSpacing is (DICOM PS3.3, C.8.17.2), unless it repeats the size at the sensor: then it was not
    corrected for the magnification (PS3.3, 10.7.1.3).
    """
    for item in groups:
        for measures in item.get("PixelMeasuresSequence", [])[:1]:
            if (size := _millimetres(measures.get("PixelSpacing"))) is not None:
                return Spacing(*size, True), "PixelSpacing of the frame", True
    sensor = _millimetres(found.get("ImagerPixelSpacing"))
    size = _millimetres(found.get("PixelSpacing"))
    if size is not None and size != sensor:
        return Spacing(*size, True), "PixelSpacing", True
    for keyword, where in _ELSEWHERE.items():
        if (size := _millimetres(found.get(keyword))) is not None:
            return Spacing(*size, True), f"{keyword}, {where}", False
    return None, "", False


def _millimetres(value: Any) -> tuple[float, float] | None:
    """Height and width of a pixel; None unless there are two numbers above 0."""
    try:
        down, across = (float(one) for one in value)
    except (TypeError, ValueError):
        return None
    return (down, across) if 0 < down < 1e3 and 0 < across < 1e3 else None
