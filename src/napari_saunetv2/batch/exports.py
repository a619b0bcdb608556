"""What is written of a measured image for other programs, by the name of the format."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.exchange import dicom_seg, results
from napari_saunetv2.files import read_spacing
from napari_saunetv2.files.dicom import begins_as_dicom
from napari_saunetv2.measure import Measurements

Export = Literal["imagej", "geojson", "ome-tiff", "dicom-seg"]
NAMES: tuple[Export, ...] = get_args(Export)


class Form(NamedTuple):
    """A format.

    Attributes
    ----------
    ending : str
        Of a file's name.
    write : callable
        Writes a file from the measurements and the image's own file.
    needs : str
        Package of the extra ``results``, or "".
    """

    ending: str
    write: Callable[[Path, Measurements, Path], None]
    needs: str = ""


def masks_of(found: Measurements) -> dict[str, NDArray[np.bool_]]:
    """Masks of arteries and veins where they are told apart, else of all vessels."""
    kinds = found.segments.groupby("vessels")["label"]
    masks = {str(kind): np.isin(found.labels, labels) for kind, labels in kinds if kind != "all"}
    return masks or {"vessels": found.labels > 0}


def _dicom_seg(path: Path, found: Measurements, file: Path) -> None:
    photograph = file if begins_as_dicom(file) else None
    dicom_seg.write_dicom_seg(path, masks_of(found), photograph, read_spacing(file), overwrite=True)


FORMS: dict[Export, Form] = {
    "imagej": Form(
        "segments.zip",
        lambda p, m, _: results.write_imagej(p, m.labels, m.segments, overwrite=True),
        "roifile",
    ),
    "geojson": Form(
        "segments.geojson", lambda p, m, _: results.write_geojson(p, m.labels, m.segments, overwrite=True)
    ),
    "ome-tiff": Form(
        "segments.ome.tif",
        lambda p, m, file: results.write_ome(p, m.labels, read_spacing(file), overwrite=True),
    ),
    "dicom-seg": Form("segments.dcm", _dicom_seg, "highdicom"),
}


def check(exports: Sequence[str], *, excel: bool = False) -> tuple[Export, ...]:
    """Check names of formats before the work starts.

    Raises
    ------
    SettingsError
        For an unknown one, or one whose package is missing.
    """
    known: list[Export] = []
    for export in exports:
        if export not in FORMS:
            raise SettingsError(f"The format is '{export}': it must be one of {', '.join(NAMES)}.")
        known.append(export)
    for package in [FORMS[one].needs for one in known] + (["openpyxl"] if excel else []):
        if package and find_spec(package) is None:
            raise SettingsError(f"This format needs {package}: pip install 'napari-saunetv2[results]'.")
    return tuple(known)
