"""TIFF files that can be read in parts: only plain ones, which need no conversion."""

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
    """A 16-bit image that is scaled to the full range as it is read, as in :mod:`imaging.depth`.

    The brightest value is determined once, when the first part is read.
    """

    dtype = np.dtype(np.uint16)

    def __init__(self, image: Any, name: str) -> None:
        self._image, self._name = image, name
        self.shape: tuple[int, ...] = tuple(image.shape)
        self.ndim = len(self.shape)
        self.chunks = getattr(image, "chunks", ())

    @cached_property
    def bits(self) -> int:
        """Bit depth, from the brightest value of the whole image."""
        rows = range(0, self.shape[0], _ROWS)
        top = max(int(np.max(self._image[start : start + _ROWS])) for start in rows)
        if said := remark(top):
            _LOG.warning("%s: %s", self._name, said)
        return recognised(top)

    def __getitem__(self, where: Any) -> NDArray[Any]:
        return stretched(np.asarray(self._image[where]), self.bits)


def opened_tiff(path: Path) -> Any:
    """Open a plain TIFF file without reading it; None if it must be read whole.

    Plain means one upright image in grey or RGB, colours last, using all bits of uint8, uint16 or float.

    Raises
    ------
    FileFormatError
        If the file is truncated or claims more than it holds.
    """
    with _directories.opened(path) as tiff:
        if tiff is None:
            return None
        size = path.stat().st_size
        series, remarks = photograph(tiff, path.name)
        page = series.keyframe
        if remarks or not _plain(series, page, tiff):
            return None
        # Missing parts would be read as black, which must not pass for a photograph.
        if any(o + n > size for o, n in zip(page.dataoffsets, page.databytecounts, strict=True)):
            raise FileFormatError(f"'{path.name}' is truncated: copy it again from its source.")
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
    """Memory-map a series of pages, or read its tiles with zarr; None without zarr."""
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
