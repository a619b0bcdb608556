"""The one reader of photographs, labels and probabilities for the whole program."""

import logging
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import _labels
from napari_saunetv2.files._av_colours import by_colour
from napari_saunetv2.files._contents import contents
from napari_saunetv2.files._decoded import Decoded, Pixels
from napari_saunetv2.files._decoding import decode
from napari_saunetv2.files._dicom_dataset import DICOM_SUFFIXES
from napari_saunetv2.files._pictures import picture_orientation
from napari_saunetv2.files._tiff import tiff_orientation
from napari_saunetv2.files._upright import turned
from napari_saunetv2.files.dicom import begins_as_dicom
from napari_saunetv2.imaging.classes import ARTERY, VEIN
from napari_saunetv2.imaging.depth import full_scale
from napari_saunetv2.imaging.ignored import BESIDE, VALUE

READABLE = (
    *(".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".jp2", ".j2k", ".jpf", ".jpx"),
    *(".webp", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    *DICOM_SUFFIXES,
)
"""Suffixes of readable files; each may be followed by ``.gz``."""

PROBABILITY_TOLERANCE = 1e-3
"""Tolerance of probabilities outside [0, 1], from 16-bit floats and resampling."""

_LOG = logging.getLogger(__name__)


class Reading(NamedTuple):
    """An image read from a file.

    Attributes
    ----------
    pixels : array, shape (H, W), (H, W, 3) or (H, W, 4)
    remarks : tuple of str
        Sentences on anything assumed, converted or left out.
    """

    pixels: Pixels
    remarks: tuple[str, ...] = ()


class Labels(NamedTuple):
    """Labels read from a file.

    Attributes
    ----------
    pixels : array, shape (H, W), uint8, 0 or 1
        1 where there is a vessel.
    ignored : array, shape (H, W), bool, or None
        True for unannotated pixels; None if the file marks none.
    remarks : tuple of str
        As in :class:`Reading`.
    classes : array, shape (H, W), int64, or None
        Number of each pixel's class, 0 for background, where the file tells arteries from veins, single
        vessels, or the like. Numbers are the file's; shades and colours count from 1, red first; arteries
        and veins in RITE's colours are 1 and 2, 3 where they cross, 4 of unknown class. Else None.
    artery_vein : bool
        Whether the classes are arteries and veins, by their colours.
    """

    pixels: NDArray[np.uint8]
    ignored: NDArray[np.bool_] | None = None
    remarks: tuple[str, ...] = ()
    classes: NDArray[np.int64] | None = None
    artery_vein: bool = False

    def numbers(self) -> NDArray[np.integer[Any]]:
        """Give labels for a viewer, shape (H, W): classes where there are some, and what was not judged.

        A pixel that was not judged is 255 beside labels up to 10, else -1.
        """
        labels: NDArray[Any] = self.pixels if self.classes is None else self.classes
        top = int(labels.max(initial=0))
        labels = labels.astype(np.uint8 if top <= 255 else np.int32)
        if self.ignored is None:
            return labels
        marked = 255 if 0 < top <= BESIDE else VALUE
        labels = labels.astype(np.uint8 if marked == 255 else np.int32)
        return np.where(self.ignored, marked, labels)


def readable(path: Path) -> bool:
    """Whether a file can be an image, by its name; hidden files (``._x.tif``) cannot.

    A file without a suffix, or with a number for one, is looked into: DICOM files are often named so.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.startswith("."):
        return False
    bare = path.suffix == "" or path.suffix[1:].isdigit()
    return name.endswith(READABLE) or (bare and begins_as_dicom(path))


def load_image(path: str | os.PathLike[str]) -> Reading:
    """Read a photograph, with remarks on what was assumed.

    Parameters
    ----------
    path : path
        TIFF, PNG, JPEG, MPO, JPEG 2000, WebP, GIF, BMP, PNM or DICOM, optionally gzipped; recognised by
        content. Of a DICOM file with several frames, the first.

    Returns
    -------
    Reading
        Pixels of shape (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float, in native byte order. They are
        turned upright by EXIF. Palettes and CMYK become RGB, one bit becomes 0 and 255, alpha of grey images
        is dropped. Values that use only part of 16 bits, by the file's metadata or its brightest value, are
        scaled to the full range.

    Raises
    ------
    FileFormatError
        If the file cannot be read as one two-dimensional image.
    """
    found = _decoded(path)
    pixels, remark = full_scale(found.pixels, found.bits)
    return Reading(pixels, found.remarks + ((remark,) if remark else ()))


def load_labels(path: str | os.PathLike[str]) -> Labels:
    """Read a label file: its vessels, unannotated pixels, and remarks.

    Parameters
    ----------
    path : path
        As for :func:`load_image`.

    Returns
    -------
    Labels
        A pixel is vessel if its colour is not that of the background; palettes are read by their colours. All
        labels above 0 are vessel. A mask with soft edges is thresholded at half of its range. If only alpha
        separates the vessels from the rest, it is the mask. 255 among labels up to 10 means "not annotated".

    Raises
    ------
    FileFormatError
        As :func:`load_image`.
    """
    found = _decoded(path)
    mask, ignored, remarks, classes = _labels.find(found)
    labels = Labels(np.asarray(mask, np.uint8), ignored, found.remarks + remarks, classes)
    return labels if classes is None or found.pixels.ndim == 2 else _of_colours(labels, found)


def _of_colours(labels: Labels, found: Decoded) -> Labels:
    """Number red and blue as arteries and veins, with green as both, where these are the colours."""
    try:
        classes, said = by_colour(found, "")
    except FileFormatError:
        return labels
    if (
        not {ARTERY, VEIN} <= set(np.unique(classes).tolist())
        or ((classes != 0) != (labels.pixels != 0)).any()
    ):
        return labels
    remarks = (*found.remarks, "The colours are read as arteries and veins; all are vessels.", *said)
    return labels._replace(classes=classes.astype(np.int64), remarks=remarks, artery_vein=True)


def load_mask(path: str | os.PathLike[str]) -> Reading:
    """Read a mask: shape (H, W), uint8, 0 or 1, with remarks, as :func:`load_labels`."""
    labels = load_labels(path)
    return Reading(labels.pixels, labels.remarks)


def load_probability(path: str | os.PathLike[str]) -> Reading:
    """Read a probability map: shape (H, W), float32, range [0, 1], with remarks.

    Parameters
    ----------
    path : path
        Grey: float from 0 to 1, or uint8 or uint16, where 255 and 65,535 mean 1.

    Raises
    ------
    FileFormatError
        If the file cannot be read, is coloured, or holds values outside [0, 1].
    """
    return _probability(_decoded(path), Path(path).name)


def load_prediction(path: str | os.PathLike[str]) -> Reading:
    """Read a prediction: a probability map, else a mask, with remarks.

    Returns
    -------
    Reading
        Shape (H, W): float32 in [0, 1] for floats and for grey images with shades, else uint8, 0 or 1, as
        :func:`load_mask`.

    Raises
    ------
    FileFormatError
        As :func:`load_probability`.
    """
    found = _decoded(path)
    if found.pixels.dtype.kind == "f" or (found.pixels.dtype.itemsize <= 2 and _labels.is_soft(found)):
        return _probability(found, Path(path).name)
    labels = _labels.find(found)
    return Reading(np.asarray(labels.mask, np.uint8), found.remarks + labels.remarks)


def load_values(path: str | os.PathLike[str]) -> Reading:
    """Read the numbers of a label file as they are stored, upright: shape (H, W) or (H, W, C), any type."""
    found = _decoded(path)
    return Reading(found.pixels, found.remarks)


def is_turned(path: str | os.PathLike[str]) -> bool:
    """Whether a file states that its pixels are not stored upright, so that the readers here rotate them."""
    return turned(tiff_orientation(Path(path))) or turned(picture_orientation(Path(path)))


def is_photograph(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds a photograph rather than a mask, by content; raises as :func:`load_image`."""
    return _labels.is_photograph(_decoded(path))


def read_image(path: str | os.PathLike[str]) -> Pixels:
    """Return the pixels of :func:`load_image`; its remarks are logged."""
    return _logged(path, load_image(path))


def read_mask(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Return the pixels of :func:`load_mask`; its remarks are logged."""
    return _logged(path, load_mask(path))


def read_labels(path: str | os.PathLike[str]) -> Labels:
    """Return the result of :func:`load_labels`; its remarks are logged."""
    labels = load_labels(path)
    _log(path, labels.remarks)
    return labels


def read_probability(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Return the pixels of :func:`load_probability`; its remarks are logged."""
    return _logged(path, load_probability(path))


def read_prediction(path: str | os.PathLike[str]) -> NDArray[np.float32] | NDArray[np.uint8]:
    """Return the pixels of :func:`load_prediction`; its remarks are logged."""
    return _logged(path, load_prediction(path))


def read_values(path: str | os.PathLike[str]) -> Pixels:
    """Return the pixels of :func:`load_values`; its remarks are logged."""
    return _logged(path, load_values(path))


def _decoded(path: str | os.PathLike[str]) -> Decoded:
    place = Path(path)
    return decode(contents(place), place.name)


def _logged(path: str | os.PathLike[str], reading: Reading) -> Pixels:
    _log(path, reading.remarks)
    return reading.pixels


def _log(path: str | os.PathLike[str], remarks: tuple[str, ...]) -> None:
    for remark in remarks:
        _LOG.warning("%s: %s", Path(path).name, remark)


def _probability(found: Decoded, name: str) -> Reading:
    pixels = found.pixels
    if pixels.ndim == 3 and (pixels[..., :3] == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    if pixels.ndim != 2 or pixels.dtype.kind not in "uf":
        raise FileFormatError(
            f"'{name}' holds no probabilities ({pixels.dtype}, shape {pixels.shape}): save them as a grey "
            "TIFF or PNG, float from 0 to 1 or whole numbers from 0 to 255."
        )
    if pixels.dtype.kind == "u":
        top = 2**found.bits - 1 if found.bits else np.iinfo(pixels.dtype).max
        return Reading((pixels / top).astype(np.float32), found.remarks)
    low, high = float(pixels.min()), float(pixels.max())
    if np.isnan(low):
        raise FileFormatError(
            f"'{name}' holds values that are no numbers: probabilities must be from 0 to 1."
        )
    if not (low >= -PROBABILITY_TOLERANCE and high <= 1 + PROBABILITY_TOLERANCE):
        raise FileFormatError(
            f"'{name}' holds values from {low:.9g} to {high:.9g}: probabilities must be from 0 to 1."
        )
    return Reading(np.clip(pixels, 0, 1).astype(np.float32), found.remarks)
