"""Decode a PNG, JPEG or other file with Pillow to one image."""

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image, Jpeg2KImagePlugin, MpoImagePlugin, WebPImagePlugin  # noqa: F401 - they register

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files._decoded import (
    CMYK_REMARK,
    MAX_PIXELS,
    ONE_PLANE,
    WAY_OUT,
    Decoded,
    Pixels,
    resolved,
    too_large,
)
from napari_saunetv2.files._upright import TAG as ORIENTATION

FORMATS = ("PNG", "JPEG", "GIF", "PPM", "BMP", "WEBP", "JPEG2000")
"""Pillow's names of the allowed decoders; MPO is opened as JPEG."""

_MANY_IMAGES = ("GIF", "PNG", "WEBP")
_JPEG = b"\xff\xd8"
_START, _END = (
    b"\xff\x4f\xff\x51",
    b"\xff\xd9",
)  # of a JPEG 2000 codestream, whose data cannot contain these bytes

warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode_picture(data: bytes, name: str) -> Decoded:
    """Decode the image in a file with Pillow; of a camera's MPO the first one.

    Raises
    ------
    FileFormatError
        If it claims too large a size, holds several images, or is truncated.
    Exception
        Anything that a decoder raises for a damaged file.
    """
    if data.startswith(_JPEG) and (bits := _jpeg_bits(data)) not in (0, 8):
        raise FileFormatError(
            f"'{name}' is a JPEG of {bits} bits a sample, which is not supported: {WAY_OUT}."
        )
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise too_large(name, f"{image.width} x {image.height} pixels")
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format in _MANY_IMAGES:
            raise FileFormatError(f"'{name}' holds {frames} images: {ONE_PLANE}.")
        if (
            image.format == "JPEG2000" and data.find(_END, data.find(_START)) < 0
        ):  # otherwise it fills in missing pixels
            raise FileFormatError(f"'{name}' is truncated: copy it again from its source.")
        remarks = (f"The file holds {frames} images: the first is read.",) if frames > 1 else ()
        if (plain := _plain_png(data, image)) is not None:
            return Decoded(plain)
        found = _deep_png(data) if image.format == "PNG" and data[24] == 16 else _pixels(image)
        # Only now: in search of EXIF Pillow decodes a PNG, and once that failed, it returns half a picture.
        orientation = _orientation(image)
    return Decoded(found.pixels, found.index, found.alpha, found.bits, remarks + found.remarks).upright(
        orientation
    )


_TURNED = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")
"""What stands in a PNG that says how it is turned: to look for it, Pillow decodes the whole picture."""


def _plain_png(data: bytes, image: Image.Image) -> Pixels | None:
    """Decode 8-bit grey or RGB that is not turned with libpng, in 3/4 of the time; None for anything else.

    None also for a damaged one: Pillow's message tells what is wrong.
    """
    more = image.info.keys() & {"transparency", "interlace"} or any(word in data for word in _TURNED)
    if image.format != "PNG" or image.mode not in ("L", "RGB") or data[24] != 8 or more:
        return None
    try:
        pixels = _by_libpng(data)
    except Exception:  # noqa: BLE001 - an untrusted file can make its reader raise anything
        return None
    expected = (image.height, image.width) if image.mode == "L" else (image.height, image.width, 3)
    return pixels if pixels.shape == expected and pixels.dtype == np.uint8 else None


def _by_libpng(data: bytes) -> Pixels:
    """Decode a PNG whose check sums are right.

    On Python 3.11 imagecodecs gives None back once too often for each damaged one: after 16,000 of them the
    process would die. So Pillow looks first.
    """
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        image.verify()
    pixels: Pixels = imagecodecs.png_decode(data)
    return pixels


def _pixels(image: Image.Image) -> Decoded:
    mode = image.mode
    if mode == "P":
        index = np.array(image)
        palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        alpha = np.array(image.convert("RGBA"))[..., 3] if "transparency" in image.info else None
        return Decoded(resolved(index, palette), index, alpha)
    if mode == "I":  # Pillow's mode for widened 16-bit values
        return Decoded(np.array(image).astype(np.uint16))
    if mode in ("LA", "La", "PA"):
        both = np.array(image.convert("RGBA"))
        colours = both[..., :3] if mode == "PA" else both[..., 0]
        return Decoded(colours, alpha=both[..., 3])
    if mode == "CMYK":
        return Decoded(np.array(image.convert("RGB")), remarks=(CMYK_REMARK,))
    if mode not in ("1", "L", "I;16", "I;16B", "F", "RGB", "RGBA"):
        return Decoded(np.array(image.convert("RGB")))
    alpha = None
    if mode in ("L", "RGB") and image.format == "PNG" and "transparency" in image.info:
        alpha = np.array(image.convert("RGBA"))[..., 3]
    return Decoded(np.array(image), alpha=alpha)


def _deep_png(data: bytes) -> Decoded:
    """Decode a PNG of 16 bits a sample: Pillow cuts its colours to 8."""
    pixels, alpha = _by_libpng(data), None
    if pixels.ndim == 3 and pixels.shape[2] == 2:
        pixels, alpha = pixels[..., 0], pixels[..., 1]
    return Decoded(pixels, alpha=alpha, bits=_significant_bits(data, pixels))


def _significant_bits(data: bytes, pixels: Pixels) -> int | None:
    """Bit depth of a 16-bit PNG by its chunk sBIT; None without one.

    The PNG standard wants values of fewer bits scaled up to 16, but not every program does so: scaled values
    have zeros or their own first bits in place of the missing ones.
    """
    offset = 8
    while offset + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        if kind == b"IDAT":
            break
        if kind == b"sBIT" and 0 < size <= 4:
            bits = max(data[offset + 8 : offset + 8 + (3 if size >= 3 else 1)])
            if not 0 < bits < 16 or int(pixels.max(initial=0)) >= 2**bits:
                return 16
            below = pixels & ((1 << (16 - bits)) - 1)
            return bits if below.any() else 16
        offset += 12 + size
    return None


def _jpeg_bits(data: bytes) -> int:
    """Bits per sample in a JPEG's frame header; 0 if none is found."""
    offset = 2
    while offset + 5 <= len(data) and data[offset] == 0xFF:
        marker, size = struct.unpack_from(">BH", data, offset + 1)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[offset + 4]
        offset += 2 + size
    return 0


def picture_orientation(path: Path) -> Any:
    """EXIF orientation of a file; None if it has none, or Pillow cannot open it."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return _orientation(image)
    except Exception:  # noqa: BLE001 - an untrusted file can make its reader raise anything
        return None


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height that a file's header states; None if Pillow cannot open it."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.size
    except Exception:  # noqa: BLE001 - an untrusted file can make its reader raise anything
        return None


def _orientation(image: Image.Image) -> Any:
    try:
        return image.getexif().get(ORIENTATION)
    except Exception:  # noqa: BLE001 - damaged EXIF is ignored, because the photograph is intact
        return None
