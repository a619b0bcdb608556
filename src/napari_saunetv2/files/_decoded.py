"""Result of a decoder, before it is interpreted as a photograph or a mask."""

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files._upright import remark, turned, upright

Pixels: TypeAlias = NDArray[Any]

MAX_BYTES = 4 * 2**30
"""Maximum decoded size of a TIFF: 4 GiB, a 37,000 x 37,000 RGB image."""

MAX_PIXELS = 175_000_000
"""The same for other formats; Pillow's own limit is hardly larger, and other code may have lifted it."""

WAY_OUT = "open it in the program that made it and save it as an 8-bit RGB TIFF or PNG"
ONE_PLANE = "save the one plane or image you want as its own file"


@dataclass(frozen=True)
class Decoded:
    """One image with its stored values, upright.

    Attributes
    ----------
    pixels : array, shape (H, W), (H, W, 3) or (H, W, 4)
        Palettes are resolved to colours.
    index : array, shape (H, W), or None
        Indices of a palette image, before it was resolved.
    alpha : array, shape (H, W), or None
        Alpha channel of an image whose ``pixels`` do not include it: grey with alpha, a palette with
        transparency.
    bits : int or None
        Bit depth stated in the file, if less than the type's.
    remarks : tuple of str
        Sentences on anything converted or left out.
    """

    pixels: Pixels
    index: Pixels | None = None
    alpha: Pixels | None = None
    bits: int | None = None
    remarks: tuple[str, ...] = ()

    def upright(self, orientation: Any) -> "Decoded":
        """Rotate all arrays by the EXIF orientation."""
        if not turned(orientation):
            return self
        pixels, index, alpha = (
            None if part is None else np.ascontiguousarray(upright(part, orientation))
            for part in (self.pixels, self.index, self.alpha)
        )
        assert pixels is not None
        return replace(
            self, pixels=pixels, index=index, alpha=alpha, remarks=self.remarks + remark(orientation)
        )


def resolved(index: Pixels, palette: NDArray[np.uint8]) -> Pixels:
    """Colours of a palette image; invalid indices beyond the palette are black."""
    size = max(len(palette), int(index.max(initial=0)) + 1)
    return np.pad(palette, ((0, size - len(palette)), (0, 0)))[index]


def rgb_of_cmyk(inks: Pixels) -> Pixels:
    """Convert CMYK to RGB without a profile: white minus the inks.

    Parameters
    ----------
    inks : array, shape (H, W, 4), uint8 or uint16
        0 is no ink.
    """
    top = np.iinfo(inks.dtype).max
    left: NDArray[np.uint64] = top - inks.astype(np.uint64)
    return np.asarray((left[..., :3] * left[..., 3:] + top // 2) // top, inks.dtype)


CMYK_REMARK = "The colours are stored as CMYK and were converted to RGB without a colour profile."


def too_large(name: str, size: str) -> FileFormatError:
    """Raise the error for a file that claims too large a size."""
    return FileFormatError(f"'{name}' claims {size}, which is too large: crop or shrink it.")
