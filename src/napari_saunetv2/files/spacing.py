"""The size of a pixel that a file states."""

import os
from typing import NamedTuple

import tifffile


class Spacing(NamedTuple):
    """Size of a pixel: height and width, in millimetres or, where that is not known, in no unit."""

    height: float
    width: float
    millimetres: bool


def read_spacing(path: str | os.PathLike[str]) -> Spacing | None:
    """Size of a pixel that a TIFF file states; None for another file, or where it states none."""
    try:
        with tifffile.TiffFile(path) as file:
            tags = file.pages.first.tags
            across, down = (
                number / divisor
                for number, divisor in (tags[name].value for name in ("XResolution", "YResolution"))
            )
            unit = int(tags["ResolutionUnit"].value)
    except (OSError, ValueError, KeyError, ZeroDivisionError, TypeError, tifffile.TiffFileError):
        return None
    if not (across > 0 and down > 0):
        return None
    whole = {1: 1.0, 2: 25.4, 3: 10.0}.get(unit)
    if whole is None or (unit == 1 and across == down == 1):  # what every program writes that knows nothing
        return None
    return Spacing(whole / down, whole / across, unit != 1)
