"""From the bytes of an image file to its pixels.

Every file is taken for a stranger's: what it claims to hold is bounded before memory is taken for it, and
only the decoders of the formats named here are tried.
"""

import io
import logging
import math
import warnings
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from tifffile import COMPRESSION, PHOTOMETRIC

from napari_saunetv2.errors import FileFormatError

Pixels = NDArray[Any]
Palette = NDArray[np.uint8]

MAX_BYTES = 4 * 2**30
"""A TIFF that would decode to more is refused: 4 GiB, a 37,000 x 37,000 RGB image."""

MAX_PIXELS = 175_000_000
"""The same for the other formats; Pillow's own limit is hardly larger, and others may have lifted it."""

_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_PILLOW = ("PNG", "JPEG", "GIF", "PPM", "BMP")
_COLOURS = {PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE}
_JPEG = {COMPRESSION.JPEG, COMPRESSION.OJPEG}
_WAY_OUT = "open it in the program that made it and save it as an 8-bit RGB TIFF or PNG"
_ONE_PLANE = "save the one plane or image you want as its own file"


# A library prints nothing: without a handler tifffile's remarks on odd files would be, and Pillow's are.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode(data: bytes, name: str) -> tuple[Pixels, Palette | None]:
    """Decode a TIFF, PNG, JPEG, GIF, BMP or PNM file.

    Parameters
    ----------
    data : bytes
        The whole file, not compressed as a file.
    name : str
        For messages.

    Returns
    -------
    pixels : array, shape (H, W), (H, W, 3) or (H, W, 4), native byte order
        As stored; one-bit images as uint8 0 and 255.
    palette : array, shape (N, 3), uint8, or None
        The colours that the pixels index, for a palette image.

    Raises
    ------
    FileFormatError
        When it is not one whole two-dimensional image.
    """
    if not data:
        raise FileFormatError(f"'{name}' is empty: copy it again from where it came.")
    try:
        pixels, palette = _tiff(data, name) if data.startswith(_TIFF) else _pillow(data, name)
    except FileFormatError:
        raise
    except MemoryError as error:
        raise FileFormatError(f"'{name}' needs more memory than there is: crop or shrink it.") from error
    except Image.DecompressionBombError as error:
        raise _too_large(name, f"over {MAX_PIXELS / 1e6:.0f} megapixels") from error
    except Exception as error:  # a decoder of damaged files raises nearly anything
        raise FileFormatError(f"'{name}' is damaged or no image: copy it again, or {_WAY_OUT}.") from error
    if pixels.size == 0:
        raise FileFormatError(f"'{name}' holds an image without pixels: {_WAY_OUT}.")
    if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] in (3, 4)):
        raise FileFormatError(f"'{name}' has shape {pixels.shape}, not one grey or RGB image: {_ONE_PLANE}.")
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("=")), palette


def _too_large(name: str, size: str) -> FileFormatError:
    return FileFormatError(f"'{name}' claims {size}, more than can be opened: crop or shrink it.")


def _tiff(data: bytes, name: str) -> tuple[Pixels, Palette | None]:
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        series = tiff.series[0]
        page = series.keyframe
        # Pages of another size are thumbnails, but a second one of this size is a second image.
        if sum(s.shape == series.shape for s in tiff.series) > 1:
            raise FileFormatError(f"'{name}' holds {len(tiff.series)} images: {_ONE_PLANE}.")
        size = max(math.prod(series.shape), math.prod(page.chunks)) * series.dtype.itemsize
        if size > MAX_BYTES:
            raise _too_large(name, f"{size / 2**30:,.0f} GiB of pixels")
        if page.photometric not in _COLOURS and page.compression not in _JPEG:
            raise FileFormatError(
                f"'{name}' stores its colours as {PHOTOMETRIC(page.photometric).name}: {_WAY_OUT}."
            )
        axes, kept = _plane(series.axes, series.shape)
        if axes not in ("YX", "YXS", "SYX"):
            raise FileFormatError(f"'{name}' has shape {kept}, not one grey or RGB image: {_ONE_PLANE}.")
        # tifffile fills what is missing with zeros; a black stripe must not pass for a photograph.
        ends = (
            o + n for p in series.pages if p for o, n in zip(p.dataoffsets, p.databytecounts, strict=True)
        )
        if max(ends, default=0) > len(data):
            raise FileFormatError(f"'{name}' is cut short: copy it again from where it came.")
        pixels = series.asarray().reshape(kept)
        palette = None
        if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
            palette = (page.colormap.T >> 8).astype(np.uint8)
    if axes == "SYX":
        pixels = np.moveaxis(pixels, 0, 2)
    # tifffile calls the one-bit arrays that it writes MINISWHITE, yet writes True as it is.
    by_tifffile = pixels.dtype == np.bool_ and page.software == "tifffile.py"
    if page.photometric == PHOTOMETRIC.MINISWHITE and not by_tifffile:
        pixels = _inverted(pixels)
    return pixels, palette


def _plane(axes: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Drop axes of length one, but not height and width; a channel axis (C) is one of samples (S)."""
    kept = [(axis, n) for axis, n in zip(axes.replace("C", "S"), shape, strict=True) if n > 1 or axis in "YX"]
    return "".join(axis for axis, _ in kept), tuple(n for _, n in kept)


def _inverted(pixels: Pixels) -> Pixels:
    if pixels.dtype.kind == "b":
        return ~pixels
    top = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1
    return (top - pixels).astype(pixels.dtype)


def _pillow(data: bytes, name: str) -> tuple[Pixels, Palette | None]:
    # EXIF orientation is not applied: labels are drawn on the pixels as they are stored.
    with Image.open(io.BytesIO(data), formats=_PILLOW) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(name, f"{image.width} x {image.height} pixels")
        # A camera's JPEG may carry previews as further frames; other formats hold further images.
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format in ("GIF", "PNG"):
            raise FileFormatError(f"'{name}' holds {frames} images: {_ONE_PLANE}.")
        if image.format == "PNG" and data[24] == 16:  # bits per sample; Pillow cuts 16-bit colours to 8
            deep = imagecodecs.png_decode(data)
            return (deep[..., 0] if deep.ndim == 3 and deep.shape[2] == 2 else deep), None
        if image.mode == "P":
            colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
            # A file may list fewer colours than a damaged or lazy pixel asks for: those are black.
            return np.array(image), np.pad(colours, ((0, max(0, 256 - len(colours))), (0, 0)))
        if image.mode == "I":  # Pillow's name for what it widened from 16 bits
            return np.array(image).astype(np.uint16), None
        if image.mode in ("1", "L", "I;16", "I;16B", "F", "RGB", "RGBA"):
            return np.array(image), None
        return np.array(image.convert("L" if image.mode in ("LA", "La") else "RGB")), None
