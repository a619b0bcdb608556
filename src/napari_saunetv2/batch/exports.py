"""What is written of a measured image for other programs, by the name of the format."""

from collections.abc import Mapping, Sequence
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


def write_exports(
    exports: Sequence[Export],
    where: Mapping[Export, Path],
    found: Measurements,
    file: Path,
    *,
    width: float | None = None,
    name: str = "",
) -> None:
    """Write what was measured in a file in several formats.

    Parameters
    ----------
    exports : sequence of str
    where : mapping of str to Path
        The file of each format, which is replaced.
    found : Measurements
    file : Path
        A photograph or a mask.
    width : float, optional
        Of a pixel, micrometres, where it is known better than the file says.
    name : str
        What replaces the name of the file: then nothing refers to it either.

    Raises
    ------
    SaunetError
        If one cannot be written.
    """
    spacing = read_spacing(file) if width is None else Spacing(width / 1000, width / 1000, millimetres=True)
    dicom = file if not name and begins_as_dicom(file) else None
    what = Vessels(name or file.name, found.labels, found.masks, found.segments, found.image, spacing, dicom)
    for export in exports:
        FORMATS[export].write(where[export], what)


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
