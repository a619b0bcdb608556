"""Bit depth: scale integers that use only part of their type to its full range."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

USUAL = (8, 10, 12, 14)
"""Bit depths of cameras and scanners that store their values in 16-bit files."""


def full_scale(pixels: NDArray[Any], bits: int | None = None) -> tuple[NDArray[Any], str]:
    """Scale integers to the full range of uint8 or uint16.

    Parameters
    ----------
    pixels : array
        Of any type; floats and bool are returned unchanged.
    bits : int, optional
        Bit depth stated in the file. By default the smallest of 8, 10, 12 and 14 bits that holds the
        brightest value.

    Returns
    -------
    pixels : array
        uint16 where 16-bit values used fewer bits, scaled so that the largest value of the depth is 65,535.
    remark : str
        The assumption made, or "".
    """
    if pixels.dtype.kind not in "iu" or pixels.size == 0:
        return pixels, ""
    if bits is not None:
        return stretched(pixels, bits), ""
    low, top = int(pixels.min()), int(pixels.max())
    if pixels.dtype == np.uint8 or low < 0 or top > 65535:
        return pixels, ""
    said = remark(top, int(np.iinfo(pixels.dtype).max))
    wide = pixels if pixels.dtype == np.uint16 else pixels.astype(np.uint16)
    return stretched(wide, recognised(top)), said


def remark(top: int, full: int = 65535) -> str:
    """Describe the assumed depth of an image with that brightest value; "" if it is that of its type."""
    found = recognised(top)
    shown = f"The brightest value is {top:,} of {full:,}"
    if found < 16:
        return f"{shown}: the image is treated as {found}-bit."
    if full != 65535:
        return f"{shown}: the image is treated as 16-bit."
    dark = f"{shown}: less than half of the range is used, and it is not stretched."
    return dark if 0 < top < 2**15 else ""


def recognised(top: int) -> int:
    """Bit depth of an image with that brightest value: 16 if no usual depth holds it, or for 0."""
    return next((bits for bits in USUAL if 0 < top < 2**bits), 16)


def stretched(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Scale values below ``2**bits`` to the full range of uint8 (up to 8 bits in one byte) or uint16."""
    kind: type[np.unsignedinteger[Any]] = np.uint8 if pixels.dtype.itemsize == 1 else np.uint16
    if not 0 < bits < 8 * np.dtype(kind).itemsize:
        return pixels
    table = np.round(np.arange(2**bits) * (np.iinfo(kind).max / (2**bits - 1))).astype(kind)
    scaled: NDArray[Any] = np.take(table, pixels, mode="clip")
    return scaled
