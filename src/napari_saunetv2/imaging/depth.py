"""Bit depth: whole numbers that use a part of their type are brought to its full range."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

USUAL = (8, 10, 12, 14)
"""Depths in bits of the cameras and scanners whose values lie in 16-bit files."""


def full_scale(pixels: NDArray[Any], bits: int | None = None) -> tuple[NDArray[Any], str]:
    """Bring whole numbers to the full range of uint8 or uint16.

    Parameters
    ----------
    pixels : array
        Of any type; floats and bool are given back as they are.
    bits : int, optional
        Depth that the file states. Without one it is recognised: the smallest of 8, 10, 12 and 14 bits that
        holds the brightest value.

    Returns
    -------
    pixels : array
        uint16 where 16-bit values used fewer bits, scaled so that the largest value of the depth is 65,535.
    remark : str
        What was assumed; "" when nothing was.
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
    """Say what an image with that brightest value is taken as; "" where it is what its type says."""
    found = recognised(top)
    shown = f"The brightest value is {top:,} of {full:,}"
    if found < 16:
        return f"{shown}: the image is taken as {found}-bit."
    if full != 65535:
        return f"{shown}: the image is taken as 16-bit."
    dark = f"{shown}: less than half of the range is used, and it is not stretched."
    return dark if 0 < top < 2**15 else ""


def recognised(top: int) -> int:
    """Depth in bits of an image with that brightest value: 16 where no usual depth holds it, or for 0."""
    return next((bits for bits in USUAL if 0 < top < 2**bits), 16)


def stretched(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Bring values below ``2**bits`` to the full range of uint8 (up to 8 bits in one byte) or uint16."""
    kind: type[np.unsignedinteger[Any]] = np.uint8 if pixels.dtype.itemsize == 1 else np.uint16
    if not 0 < bits < 8 * np.dtype(kind).itemsize:
        return pixels
    table = np.round(np.arange(2**bits) * (np.iinfo(kind).max / (2**bits - 1))).astype(kind)
    scaled: NDArray[Any] = np.take(table, pixels, mode="clip")
    return scaled
