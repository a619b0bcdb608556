"""The one reader: every door of the program gets photographs, masks and probabilities from here."""

import logging
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files._contents import contents
from napari_saunetv2.files._decoding import Palette, Pixels, decode

READABLE = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm")
"""Suffixes of the files that can be read; each may be followed by ``.gz``."""

_GREY_TOLERANCE = 16  # of 255; the palettes of real label files are grey to within 2
_LOG = logging.getLogger(__name__)


class Reading(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    pixels : array, shape (H, W), (H, W, 3) or (H, W, 4)
    remarks : tuple of str
        Sentences about what was assumed, converted or left out; empty when there was nothing.
    """

    pixels: Pixels
    remarks: tuple[str, ...] = ()


class Labels(NamedTuple):
    """What a label file holds.

    Attributes
    ----------
    pixels : array, shape (H, W), uint8, 0 or 1
        1 where there is a vessel.
    ignored : array, shape (H, W), bool, or None
        True where the file says that nobody judged the pixel; None where it says so nowhere.
    remarks : tuple of str
    """

    pixels: NDArray[np.uint8]
    ignored: NDArray[np.bool_] | None = None
    remarks: tuple[str, ...] = ()


def readable(path: Path) -> bool:
    """Tell from its name whether a file can be an image; hidden files (``._x.tif``) are not."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(READABLE) and not name.startswith(".")


def load_image(path: str | os.PathLike[str]) -> Reading:
    """Read a photograph, with remarks on what was assumed.

    Raises
    ------
    FileFormatError
        When the file cannot be read as one two-dimensional image.
    """
    pixels, palette = _read(Path(path))
    return Reading(pixels if palette is None else palette[pixels])


def load_labels(path: str | os.PathLike[str]) -> Labels:
    """Read a label file, with the pixels that it marks as not judged; raises as :func:`load_image`."""
    pixels, palette = _read(Path(path))
    if palette is not None:
        mask = pixels != _background(pixels, palette)
    else:
        if pixels.ndim == 3:
            pixels = pixels[..., :3].max(axis=2)
        mask = pixels > pixels.max() / 2
    return Labels(np.asarray(mask, np.uint8))


def load_mask(path: str | os.PathLike[str]) -> Reading:
    """Read a mask, 0 or 1, with remarks; pixels that nobody judged are 0. Raises as :func:`load_image`."""
    labels = load_labels(path)
    return Reading(labels.pixels, labels.remarks)


def load_probability(path: str | os.PathLike[str]) -> Reading:
    """Read a probability map, float32 in [0, 1], with remarks; raises as :func:`load_image`."""
    pixels, remarks = load_image(path)
    if pixels.ndim == 3:
        pixels = pixels[..., 0]
    if pixels.dtype.kind != "f":
        pixels = pixels / np.float32(np.iinfo(pixels.dtype).max)
    if not (pixels.min() >= 0 and pixels.max() <= 1):
        raise FileFormatError(f"'{Path(path).name}' holds no probabilities: give values from 0 to 1.")
    return Reading(pixels.astype(np.float32), remarks)


def read_image(path: str | os.PathLike[str]) -> Pixels:
    """Give the pixels of :func:`load_image`; its remarks go to the log."""
    return _logged(path, load_image(path))


def read_mask(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Give the pixels of :func:`load_mask`; its remarks go to the log."""
    return _logged(path, load_mask(path))


def read_probability(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Give the pixels of :func:`load_probability`; its remarks go to the log."""
    return _logged(path, load_probability(path))


def _logged(path: str | os.PathLike[str], reading: Reading) -> Pixels:
    for remark in reading.remarks:
        _LOG.warning("%s: %s", Path(path).name, remark)
    return reading.pixels


def _read(path: Path) -> tuple[Pixels, Palette | None]:
    return decode(contents(path), path.name)


def _background(pixels: Pixels, palette: Palette) -> int:
    """Index of what is not set: 0, unless the file knows two greys only and 0 is the brighter."""
    first, second = palette[:2].astype(int)
    two_greys = pixels.max() <= 1 and max(np.ptp(first), np.ptp(second)) <= _GREY_TOLERANCE
    return 1 if two_greys and first.sum() > second.sum() else 0
