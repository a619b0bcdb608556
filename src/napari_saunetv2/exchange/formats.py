"""Formats of other programs, by name: one table for the command line and for the windows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.exchange import dicom_seg, results, tables
from napari_saunetv2.files import Spacing

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Vessels:
    """The vessels of an image, as they are written for another program.

    Attributes
    ----------
    name : str
        Of the image, for the tables.
    labels : array, shape (H, W), integers
        Number of the segment of each pixel, 0 for background; any labels for a format that is not traced.
    masks : mapping of str to array, shape (H, W), bool
        "vessels", or "arteries" and "veins"; a crossing belongs to both.
    segments : DataFrame or None
        One row a segment, with its ``label`` and ``vessels``; None where they were not traced.
    image : DataFrame or None
        Tidy table of all measures.
    spacing : Spacing, optional
    photograph : Path, optional
        Its DICOM file.
    remarks : sequence of str
        What a user should know before trusting the numbers.
    """

    name: str
    labels: NDArray[np.integer]
    masks: Mapping[str, NDArray[np.bool_]]
    segments: "pd.DataFrame | None" = None
    image: "pd.DataFrame | None" = None
    spacing: Spacing | None = None
    photograph: Path | None = None
    remarks: Sequence[str] = ()

    def tables(self) -> "tuple[pd.DataFrame, pd.DataFrame]":
        """Give the tables of the image and of the segments.

        Raises
        ------
        SettingsError
            Where the segments were not traced.
        """
        if self.image is None or self.segments is None:
            raise SettingsError(
                f"'{self.name}' was not measured: this format needs the segments; measure first."
            )
        return self.image, self.segments


class Format(NamedTuple):
    """A format.

    Attributes
    ----------
    title : str
        In a menu.
    ending : str
        Of a file's name.
    write : callable
        Writes a file, and replaces one that exists.
    needs : str
        Package of the extra ``results``, or "".
    traced : bool
        Whether the segments belong to it; else masks or any labels do.
    """

    title: str
    ending: str
    write: Callable[[Path, Vessels], object]
    needs: str = ""
    traced: bool = True


FORMATS: Mapping[str, Format] = {
    "imagej": Format(
        "ImageJ regions (ZIP)",
        "segments.zip",
        lambda path, of: results.write_imagej(path, of.labels, of.tables()[1], overwrite=True),
        "roifile",
    ),
    "geojson": Format(
        "QuPath annotations (GeoJSON)",
        "segments.geojson",
        lambda path, of: results.write_geojson(path, of.labels, of.tables()[1], overwrite=True),
    ),
    "ome-tiff": Format(
        "Labels (OME-TIFF)",
        "segments.ome.tif",
        lambda path, of: results.write_ome(path, of.labels, of.spacing, overwrite=True),
        traced=False,
    ),
    "dicom-seg": Format(
        "DICOM Segmentation",
        "segments.dcm",
        lambda path, of: dicom_seg.write_dicom_seg(path, of.masks, of.photograph, of.spacing, overwrite=True),
        "highdicom",
        traced=False,
    ),
    "excel": Format(
        "Tables (Excel)",
        "measurements.xlsx",
        lambda path, of: tables.save_tables(path, of.name, *of.tables()),
        "openpyxl",
    ),
}


def missing(package: str) -> str:
    """Say that a format cannot be written without a package, and how to install it; "" where it is there."""
    if not package or find_spec(package) is not None:
        return ""
    return f"This format needs {package}: pip install 'napari-saunetv2[results]'."
