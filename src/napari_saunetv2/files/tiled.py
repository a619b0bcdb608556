"""Images larger than memory: TIFF and OME-Zarr files read and written in parts."""

import math
import os
import reprlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError, OverwriteError, SettingsError
from napari_saunetv2.files import read_image, unwritten, write_beside, zarrs
from napari_saunetv2.files._streamed import opened_tiff
from napari_saunetv2.files.parts import part_beside
from napari_saunetv2.files.writing import exists

Array: TypeAlias = Any
"""Anything with shape, dtype and slices: NumPy, dask, zarr, a memory map."""


CHUNK = 256
"""Side in pixels of the tiles in written files."""


MAX_CHUNK = zarrs.MAX_PIECE
"""Maximum bytes in one chunk of a file, which is always read whole: 1 GiB."""


MAX_SIDE = 2**19
"""Maximum pixels of a side: 524,288; files that claim more are malformed or malicious."""


_TIFF, _ZARR = (".tif", ".tiff"), ".zarr"


def opened(source: str | os.PathLike[str]) -> Array:
    """Open an image, a plain TIFF or a zarr without reading it; any other file is read whole.

    Parameters
    ----------
    source : path
        An image file, as for :func:`napari_saunetv2.files.load_image`; zarr array; OME-Zarr group, of which
        the finest level is taken. Plain is a TIFF of one upright picture, grey or RGB, with the full depth
        of uint8, uint16 or float; in tiles or compressed it needs zarr.

    Returns
    -------
    array-like, shape (H, W) or (H, W, C)
        The pixels that :func:`napari_saunetv2.files.read_image` gives.

    Raises
    ------
    FileFormatError
        If it is none of these, or its chunks are too large.
    """
    path = Path(source)
    try:
        found = _opened(path)
        shape, piece = tuple(found.shape), tuple(getattr(found, "chunks", ()))
    except (SettingsError, FileFormatError):
        raise
    except Exception as error:  # an untrusted file can make its reader raise anything
        raise FileFormatError(
            f"'{path}' is neither an image nor a zarr that can be opened: convert it to TIFF."
        ) from error
    claimed = reprlib.repr(shape)  # it may be of any length
    if len(shape) not in (2, 3) or 0 in shape or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        raise FileFormatError(f"'{path}' has shape {claimed}: give one of (H, W), (H, W, 3) or (H, W, 4).")
    if max(shape) > MAX_SIDE:
        raise FileFormatError(f"'{path}' claims {claimed} pixels, more than {MAX_SIDE:,} in a row: crop it.")
    if found.dtype.kind not in "biuf":
        raise FileFormatError(
            f"'{path}' holds {found.dtype}, which are not pixel values: rewrite it as numbers."
        )
    if math.prod(piece) * found.dtype.itemsize > MAX_CHUNK:
        raise FileFormatError(
            f"'{path}' has chunks of {piece}, each larger than 1 GiB: rewrite it with smaller chunks."
        )
    return found


def read(image: Array, rows: slice = slice(None), columns: slice = slice(None)) -> NDArray[Any]:
    """Read a part of an image; raises FileFormatError if it is damaged."""
    try:
        return np.asarray(image[rows, columns])
    except (MemoryError, FileFormatError):
        raise
    except Exception as error:  # as above
        raise FileFormatError(
            f"A part of the image cannot be read ({type(error).__name__}): it is damaged; get a new copy."
        ) from error


def _opened(path: Path) -> Array:
    if path.suffix.lower() == _ZARR or path.is_dir():
        return zarrs.opened(path)
    streamed = opened_tiff(path) if path.is_file() else None
    return read_image(path) if streamed is None else streamed


def write(target: str | os.PathLike[str], values: NDArray[Any], *, overwrite: bool = False) -> Path:
    """Write an array, shape (H, W), as :func:`segment` writes its result; errors as there."""
    path = free(target, overwrite=overwrite)
    height, width = values.shape
    write_bands(path, iter([values]), (height, width), values.dtype, overwrite=overwrite)
    return path


def free(target: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Check that a large image may be written here; raises FileFormatError or OverwriteError."""
    path = Path(target)
    if path.suffix.lower() not in (*_TIFF, _ZARR):
        raise FileFormatError(f"'{path.name}' cannot hold a large image: name it .tif or .zarr.")
    if path.exists() and not overwrite:
        raise exists(path)
    if path.suffix.lower() == _ZARR and path.exists() and not zarrs.is_zarr(path):
        raise OverwriteError(f"'{path}' is not a zarr, so it is not replaced by one: choose another name.")
    return path


def write_bands(
    path: Path,
    bands: Iterator[NDArray[Any]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    *,
    overwrite: bool,
) -> None:
    """Write bands of full width, top to bottom, into a file that is new or may be overwritten."""
    if path.suffix.lower() == _ZARR:
        _write_zarr(path, bands, shape, dtype, overwrite=overwrite)
    else:
        write_beside(path, lambda out: _write_tiff(out, bands, shape, dtype), overwrite=overwrite)


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise SettingsError("zarr files need zarr: pip install 'napari-saunetv2[large]'.") from error
    return zarr


def _write_tiff(
    out: Any, bands: Iterator[NDArray[Any]], shape: tuple[int, int], dtype: np.dtype[Any]
) -> None:
    tifffile.imwrite(
        out,
        _tiles(bands),
        shape=shape,
        dtype=dtype,
        tile=(CHUNK, CHUNK),
        compression="zlib",
        photometric="minisblack",
        bigtiff=math.prod(shape) * dtype.itemsize > 2**31,
    )


def _tiles(bands: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    for band in bands:
        for top in range(0, band.shape[0], CHUNK):
            for left in range(0, band.shape[1], CHUNK):
                part = band[top : top + CHUNK, left : left + CHUNK]
                yield np.pad(part, [(0, CHUNK - n) for n in part.shape])


def _write_zarr(
    path: Path,
    bands: Iterator[NDArray[Any]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    *,
    overwrite: bool,
) -> None:
    """Write an OME-Zarr (0.5) of one level to a temporary folder and move it when complete."""
    beside = part_beside(path)
    try:
        group = _zarr().open_group(beside, mode="w", zarr_format=3)
        array = group.create_array("0", shape=shape, chunks=(CHUNK, CHUNK), dtype=dtype)
        group.attrs["ome"] = {
            "version": "0.5",
            "multiscales": [
                {
                    "name": path.stem,
                    "axes": [{"name": axis, "type": "space"} for axis in "yx"],
                    "datasets": [
                        {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}
                    ],
                }
            ],
        }
        top = 0
        for band in bands:
            array[top : top + len(band)] = band
            top += len(band)
        _move_folder(beside, path, overwrite=overwrite)
    except OverwriteError:
        raise
    except OSError as error:
        raise unwritten(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _move_folder(beside: Path, path: Path, *, overwrite: bool) -> None:
    """Move a zarr to its final name; an older one stays complete until then."""
    if not path.exists():
        beside.rename(path)
        return
    if not overwrite:  # it was created in the meantime
        raise exists(path)
    older = part_beside(path)
    path.rename(older)
    try:
        beside.rename(path)
    except OSError:
        older.rename(path)
        raise
    shutil.rmtree(older, ignore_errors=True)
