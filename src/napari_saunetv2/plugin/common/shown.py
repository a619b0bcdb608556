"""Files that napari's own reader shows otherwise than they are: CMYK as RGBA, a palette's numbers as grey."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from napari_builtins.io import imread  # type: ignore[import-untyped]
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError, SaunetError
from napari_saunetv2.files import load_image
from napari_saunetv2.imaging.intensity import to_unit

_ALIKE = 1.5 / 255
"""Difference, range [0, 1], that 16 bits cut to 8 leave."""

OTHERWISE = (
    "napari shows this file with other colours or values: it is segmented as the command line reads it."
)


def as_in_file(
    pixels: NDArray[Any], stored: NDArray[Any], path: Path
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Give the photograph in the file of a layer, with the reader's remarks.

    Parameters
    ----------
    pixels, stored : array, shape (H, W) or (H, W, C)
        Of the layer, with values brought to the range of their type, and as the layer holds them.
    path : Path
        From which napari read the layer.

    Returns
    -------
    pixels : array
        Those that were given where napari shows the file as it is, or somebody changed the layer since.
    remarks : tuple of str
        Also that napari shows the file otherwise, where it does.

    Raises
    ------
    ImageError
        When the layer is another image of the file, or its colours are not read.
    """
    true, remarks = _read(path, path.stat().st_mtime_ns)
    if true is not None and _alike(pixels, true):
        return pixels, remarks
    try:
        shown = np.asarray(imread(str(path)))
    except Exception:  # noqa: BLE001 - whatever napari's reader raises, these pixels are not of it
        return pixels, ()
    if shown.size == stored.size:
        shown = shown.reshape(shown.shape[-stored.ndim :])
    if not np.array_equal(shown, stored):
        return pixels, ()
    if true is None:
        raise ImageError(" ".join(remarks))
    if true.shape[:2] != pixels.shape[:2]:
        size, whole = (f"{one.shape[1]} x {one.shape[0]}" for one in (pixels, true))
        raise ImageError(
            f"napari shows an image of {size} pixels in '{path.name}', whose photograph is {whole}: save the "
            "photograph as its own file."
        )
    return true, (*remarks, OTHERWISE)


@lru_cache(maxsize=2)  # a photograph takes much memory; the widgets ask for one of them again and again
def _read(path: Path, _changed: int) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    """Give the pixels of a file with remarks; None with the reason where it is not read."""
    try:
        reading = load_image(path)
    except SaunetError as error:
        return None, (str(error),)
    return reading.pixels, reading.remarks


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.shape[:2] != other.shape[:2]:
        return False
    if one.dtype == other.dtype and np.array_equal(one, other):
        return True
    try:
        return bool(np.abs(to_unit(one) - to_unit(other)).max() <= _ALIKE)
    except ImageError:  # such as floats outside [0, 1], which are refused later, whoever read them
        return True
