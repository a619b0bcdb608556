"""The pixel size stated in a file."""

import os
from pathlib import Path

import tifffile

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import _directories, _marks, dicom
from napari_saunetv2.files._size import Spacing
from napari_saunetv2.files._upright import TAG as ORIENTATION

_UNREADABLE = (
    *(FileFormatError, OSError, ValueError, KeyError, ZeroDivisionError, TypeError),
    tifffile.TiffFileError,
)
_ON_ITS_SIDE = (5, 6, 7, 8)  # orientations that swap height and width


def read_spacing(path: str | os.PathLike[str]) -> Spacing | None:
    """Pixel size stated in a TIFF or DICOM file or in a PNG mask of this program; None if there is none.

    Of a DICOM file only the size on the retina counts, not that on the camera's sensor.
    """
    if dicom.begins_as_dicom(Path(path)):
        try:
            found = dicom.read_acquisition(path)
        except FileFormatError:
            return None
        return found.spacing if found is not None and found.on_retina else None
    in_png = _marks.png_spacing(path)
    return _tiff_spacing(path) if in_png is None else Spacing(*in_png)


def _tiff_spacing(path: str | os.PathLike[str]) -> Spacing | None:
    try:
        with _directories.opened(Path(path)) as file:
            if file is None:
                return None
            tags = file.pages.first.tags
            across, down = (
                number / divisor
                for number, divisor in (tags[name].value for name in ("XResolution", "YResolution"))
            )
            unit = int(tags["ResolutionUnit"].value)
            orientation = tags[ORIENTATION].value if ORIENTATION in tags else 1
    except _UNREADABLE:
        return None
    if not (across > 0 and down > 0):
        return None
    whole = {1: 1.0, 2: 25.4, 3: 10.0}.get(unit)
    if whole is None or (
        unit == 1 and across == down == 1
    ):  # default of programs that do not know the resolution
        return None
    height, width = (across, down) if orientation in _ON_ITS_SIDE else (down, across)
    return Spacing(whole / height, whole / width, unit != 1)
