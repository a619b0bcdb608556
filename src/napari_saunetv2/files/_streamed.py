"""TIFF files that are read part by part: only the plain ones, of which nothing has to be converted."""

import logging
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import _directories
from napari_saunetv2.files._tiff import MAX_SAMPLE_VALUES, photograph, plane, tag
from napari_saunetv2.files._upright import TAG as ORIENTATION
from napari_saunetv2.imaging.depth import recognised, remark, stretched

_PLAIN = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)
_ROWS = 1024
_LOG = logging.getLogger(__name__)


class Deep:
    """A 16-bit image that is brought to its full range as it is read, as :mod:`imaging.depth` does.

    The brightest value is looked for once, when the first part is read.
    """

    dtype = np.dtype(np.uint16)

    def __init__(self, image: Any, name: str) -> None:
        self._image, self._name = image, name
        self.shape: tuple[int, ...] = tuple(image.shape)
        self.ndim = len(self.shape)
        self.chunks = getattr(image, "chunks", ())

    @cached_property
    def bits(self) -> int:
        """Depth that the brightest value of the whole image shows."""
        rows = range(0, self.shape[0], _ROWS)
        top = max(int(np.max(self._image[start : start + _ROWS])) for start in rows)
        if said := remark(top):
            _LOG.warning("%s: %s", self._name, said)
        return recognised(top)

    def __getitem__(self, where: Any) -> NDArray[Any]:
        return stretched(np.asarray(self._image[where]), self.bits)


def opened_tiff(path: Path) -> Any:
    """Open a plain TIFF file without reading it; None for one that has to be read whole.

    Plain is one picture in grey or RGB, colours last, with all bits of uint8, uint16 or float, upright.

    Raises
    ------
    FileFormatError
        When the file is cut short or claims more than it holds.
    """
    with path.open("rb") as file:
        if file.read(4) not in _directories.SIGNATURES:
            return None
        _directories.check(file, path.name)
    size = path.stat().st_size
    with tifffile.TiffFile(path) as tiff:
        series, remarks = photograph(tiff, path.name)
        page = series.keyframe
        if remarks or not _plain(series, page, tiff):
            return None
        # What is missing would be read as black, which must not pass for a photograph.
        if any(o + n > size for o, n in zip(page.dataoffsets, page.databytecounts, strict=True)):
            raise FileFormatError(f"'{path.name}' is cut short: copy it again from where it came.")
        number = tiff.series.index(series)
    found = _mapped(path, number)
    return Deep(found, path.name) if found is not None and found.dtype == np.uint16 else found


def _plain(series: Any, page: Any, tiff: tifffile.TiffFile) -> bool:
    axes, kept = plane(series.axes, series.shape)
    return (
        page.photometric in _PLAIN
        and axes in ("YX", "YXS")
        and kept == tuple(series.shape)
        and kept[2:] in ((), (3,), (4,))
        and series.dtype in (np.uint8, np.uint16, np.float32, np.float64)
        and page.bitspersample == 8 * series.dtype.itemsize
        and tag(page, ORIENTATION) in (None, 1)
        and all(tag(page, code) is None for code in MAX_SAMPLE_VALUES)
        and not (tiff.is_ome and "SignificantBits" in (tiff.ome_metadata or ""))
    )


def _mapped(path: Path, number: int) -> Any:
    """Map a series of pages to memory, or let zarr read its tiles; None without zarr."""
    try:
        return tifffile.memmap(path, mode="r", series=number)
    except ValueError:  # compressed or in tiles
        pass
    try:
        import zarr
    except ImportError:
        return None
    group: Any = zarr.open(tifffile.imread(path, aszarr=True, series=number), mode="r")
    return group if hasattr(group, "shape") else group["0"]  # the finest level of a pyramid
