"""Read and write labels of arteries and veins, in every form in which they are shared.

RITE and the data sets after it paint arteries red, veins blue, crossings green and vessels of unknown class
white. Others write numbers: 1 artery, 2 vein, and 3 for a crossing or, in HRF, for what takes no part.
Others again give two masks.
"""

import logging
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError, ImageError
from napari_saunetv2.files import _labels
from napari_saunetv2.files._av_colours import by_colour
from napari_saunetv2.files._contents import contents
from napari_saunetv2.files._decoded import Decoded, Pixels
from napari_saunetv2.files._decoding import decode
from napari_saunetv2.files._size import Spacing
from napari_saunetv2.files.reading import load_labels
from napari_saunetv2.files.writing import write_marked
from napari_saunetv2.imaging.classes import ARTERY, BOTH, UNKNOWN, VEIN, coloured, merged
from napari_saunetv2.imaging.ignored import not_judged, remark

Three = Literal["auto", "both", "ignored"]
"""Meaning of the value 3 in a file of numbers: a crossing, or pixels that take no part. "auto" goes by the
file's name: ``_AVmanual``, as in HRF, has pixels that take no part."""

_TAKES_NO_PART = re.compile(r"[-_ .]av_?manual$", re.IGNORECASE)


_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArteryVein:
    """Arteries and veins of a label file.

    Attributes
    ----------
    labels : array, shape (H, W), uint8
        0 background, 1 artery, 2 vein, 3 both, 4 vessel of unknown class.
    ignored : array, shape (H, W), bool, or None
        Pixels that nobody judged; their label is 0. None where all were.
    remarks : tuple of str
        Sentences on anything assumed or converted.
    """

    labels: NDArray[np.uint8]
    ignored: NDArray[np.bool_] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def artery(self) -> NDArray[np.bool_]:
        """Shape (H, W): arteries, with crossings."""
        return np.asarray((self.labels == ARTERY) | (self.labels == BOTH))

    @property
    def vein(self) -> NDArray[np.bool_]:
        """Shape (H, W): veins, with crossings."""
        return np.asarray((self.labels == VEIN) | (self.labels == BOTH))

    @property
    def vessel(self) -> NDArray[np.bool_]:
        """Shape (H, W): vessels of any class, also of unknown class."""
        return np.asarray(self.labels != 0)

    @property
    def without_class(self) -> NDArray[np.bool_]:
        """Shape (H, W): pixels that say nothing about the class; not judged, or of unknown class."""
        unknown = self.labels == UNKNOWN
        return np.asarray(unknown if self.ignored is None else unknown | self.ignored)


def load_artery_vein(
    path: str | os.PathLike[str],
    veins: str | os.PathLike[str] | None = None,
    *,
    three: Three = "auto",
) -> ArteryVein:
    """Read labels of arteries and veins.

    Parameters
    ----------
    path : path
        Labels in RITE's colours, or of the numbers 1 artery, 2 vein, 3 (see ``three``) and 4 unknown; 255
        beside them is not judged. With ``veins``, a mask of the arteries.
    veins : path, optional
        A mask of the veins: pixels of both masks are crossings.
    three : "auto", "both" or "ignored"
        Meaning of the number 3.

    Raises
    ------
    FileFormatError
        If the file cannot be read, tells no arteries from veins, or has other colours or numbers.
    """
    if veins is not None:
        return _of_two(Path(path), Path(veins))
    place = Path(path)
    found = decode(contents(place), place.name)
    return _interpreted(found, place, three)


def read_artery_vein(
    path: str | os.PathLike[str],
    veins: str | os.PathLike[str] | None = None,
    *,
    three: Three = "auto",
) -> ArteryVein:
    """Return the result of :func:`load_artery_vein`; its remarks are logged."""
    labels = load_artery_vein(path, veins, three=three)
    for one in labels.remarks:
        _LOG.warning("%s: %s", Path(path).name, one)
    return labels


def _interpreted(found: Decoded, place: Path, three: Three) -> ArteryVein:
    grey = found.pixels if found.pixels.ndim == 2 else _labels.as_grey(found.pixels[..., :3])
    if grey is None:
        numbered = found.index is not None and int(found.index.max(initial=0)) <= UNKNOWN
        try:
            labels, remarks = by_colour(found, place.name)
        except FileFormatError:
            if not numbered:  # a palette in other colours may still number its classes
                raise
        else:
            return ArteryVein(labels, None, found.remarks + remarks)
        grey = found.index
    elif found.index is not None and 0 < int(found.index.max(initial=0)) <= UNKNOWN:
        grey = found.index
    assert grey is not None
    if three == "auto":
        three = "ignored" if takes_no_part(place) else "both"
    read = _by_number(grey, place.name, three)
    return replace(read, remarks=found.remarks + read.remarks)


def takes_no_part(path: Path) -> bool:
    """Whether the value 3 of a label file of numbers takes no part, by the file's name."""
    return _TAKES_NO_PART.search(path.name.split(".")[0]) is not None


def _by_number(values: Pixels, name: str, three: Three) -> ArteryVein:
    ignored, what = not_judged(values)
    said = [] if ignored is None else [remark(int(np.count_nonzero(ignored)), what)]
    numbers = values if ignored is None else np.where(ignored, 0, values)
    shades = np.unique(numbers[numbers > 0])
    if len(shades) in (2, 3) and shades[0] > UNKNOWN and _are_classes(numbers):
        # RAVIR writes 128 for arteries and 255 for veins.
        meant = " and ".join(("artery", "vein", "crossing")[: len(shades)])
        said.append(f"The shades {_listed(shades)} are read as {meant}, the darkest first: check that.")
        numbers = np.where(numbers > 0, np.searchsorted(shades, numbers) + 1, 0)
    present = np.unique(numbers)
    odd = present[~np.isin(present, range(UNKNOWN + 1))]
    if len(odd) and len(present) > 2:
        count = int(np.count_nonzero(np.isin(numbers, odd)))
        raise FileFormatError(
            f"'{name}' holds other values, such as {odd[0]:g}, in {count:,} pixels: artery/vein labels "
            "hold 1 artery, 2 vein, 3 both, 4 unknown, or RITE's colours (red, blue, green, white); "
            "convert it."
        )
    if len({ARTERY, VEIN, BOTH} & set(present.tolist())) < 2 and present.any():
        raise FileFormatError(
            f"'{name}' tells no arteries from veins, its values are "
            f"{_listed(present)}: give labels with 1 artery and 2 vein, RITE's "
            "colours, or two masks."
        )
    labels = numbers.astype(np.uint8)
    if threes := int(np.count_nonzero(labels == BOTH)):
        if three == "ignored":
            ignored = (labels == BOTH) if ignored is None else ignored | (labels == BOTH)
            labels[labels == BOTH] = 0
            said.append(f"{threes:,} pixels of value 3 are no class here and take no part.")
        else:
            said.append(f"{threes:,} pixels of value 3 are read as crossings, artery and vein at once.")
    return ArteryVein(labels, ignored, tuple(said))


def _listed(values: Pixels) -> str:
    return " and ".join(f"{one:g}" for one in values)


def _are_classes(numbers: Pixels) -> bool:
    """Whether shades are classes, not the soft edges of a mask."""
    return _labels.find(Decoded(numbers)).classes is not None


def _of_two(arteries: Path, veins: Path) -> ArteryVein:
    first, second = load_labels(arteries), load_labels(veins)
    if first.pixels.shape != second.pixels.shape:
        raise FileFormatError(
            f"'{arteries.name}' has {first.pixels.shape} pixels but '{veins.name}' {second.pixels.shape}: "
            "give two masks of one photograph."
        )
    parts = [part for part in (first.ignored, second.ignored) if part is not None]
    ignored = np.logical_or.reduce(parts) if parts else None
    labels = merged(np.stack([first.pixels, second.pixels]))
    if ignored is not None:
        labels[ignored] = 0
    return ArteryVein(labels, ignored, first.remarks + second.remarks)


def write_artery_vein(
    path: str | os.PathLike[str],
    labels: NDArray[np.integer],
    *,
    overwrite: bool = False,
    spacing: Spacing | None = None,
) -> Path:
    """Write artery/vein labels in RITE's colours, for :func:`load_artery_vein` to read, as PNG, TIFF or GIF.

    Parameters
    ----------
    path : path
    labels : array, shape (H, W)
        0 to 4, as of :class:`ArteryVein`.
    overwrite : bool
        Whether an existing file may be replaced.
    spacing : Spacing, optional
        Size of a pixel.

    Raises
    ------
    FileFormatError, OverwriteError, ImageError
        As :func:`napari_saunetv2.files.write_mask`.
    """
    pixels = np.asarray(labels)
    if pixels.ndim != 2 or not pixels.size:
        raise ImageError(f"Labels of shape {pixels.shape} cannot be written: give one of shape (H, W).")
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > UNKNOWN:
        raise ImageError(
            f"The labels hold {low if low < 0 else high}: artery/vein labels hold 0 to {UNKNOWN}; paint with "
            "these."
        )
    return write_marked(path, coloured(pixels), overwrite=overwrite, spacing=spacing)
