"""What is written of a measured image for other programs, by the name of the format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.exchange.formats import FORMATS, Vessels, missing
from napari_saunetv2.files import Spacing, read_spacing
from napari_saunetv2.files.dicom import begins_as_dicom
from napari_saunetv2.measure import Measurements

Export = Literal["imagej", "geojson", "ome-tiff", "dicom-seg"]
NAMES: tuple[Export, ...] = get_args(Export)
"""Excel is none of them: a run has one workbook for all its images."""


def write_export(
    export: Export,
    path: Path,
    found: Measurements,
    file: Path,
    *,
    spacing: float | None = None,
    alone: bool = False,
) -> None:
    """Write what was measured in a file, a photograph or a mask.

    Parameters
    ----------
    export : "imagej", "geojson", "ome-tiff" or "dicom-seg"
    path : Path
    found : Measurements
    file : Path
        The photograph or mask.
    spacing : float, optional
        Micrometres a pixel, where something else than the file tells them.
    alone : bool
        Whether what is written must not refer to a DICOM file: its numbers tell whose it is.

    Raises
    ------
    SaunetError
        If it cannot be written.
    """
    photograph = file if begins_as_dicom(file) and not alone else None
    size = read_spacing(file) if spacing is None else Spacing(spacing / 1000, spacing / 1000, True)
    what = Vessels(file.name, found.labels, found.masks, found.segments, found.image, size, photograph)
    FORMATS[export].write(path, what)


def check(exports: Sequence[str], *, excel: bool = False) -> tuple[Export, ...]:
    """Check names of formats before the work starts.

    Raises
    ------
    SettingsError
        For an unknown one, or one whose package is missing.
    """
    known: list[Export] = []
    for export in exports:
        found = next((name for name in NAMES if name == export), None)
        if found is None:
            raise SettingsError(f"The format is '{export}': it must be one of {', '.join(NAMES)}.")
        known.append(found)
    for name in [*known, *(["excel"] if excel else [])]:
        if lacking := missing(FORMATS[name].needs):
            raise SettingsError(lacking)
    return tuple(known)
