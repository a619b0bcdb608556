"""Image, mask and probability files: reading what is there, writing without harm.

Every file is taken for a stranger's: what it claims to hold is bounded before memory is taken for it.
"""

import gzip
import io
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_saunetv2.errors import FileFormatError, OverwriteError

Pixels = NDArray[Any]

MAX_BYTES = 4 * 2**30
"""A file that would decode to more than this is refused: 4 GiB, a 35,000 x 35,000 RGB image."""

READABLE = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm")
"""Suffixes of the files that can be read; each may be followed by ``.gz``."""

_GZIP, _TIFF = b"\x1f\x8b", (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_WAY_OUT = "open it in the program that made it and save it again as TIFF or PNG"

# Pillow's own bomb check is replaced by ours, which refuses instead of warning.
Image.MAX_IMAGE_PIXELS = None


def readable(path: Path) -> bool:
    """Tell from its name whether a file can be an image; hidden files (``._x.tif``) are not."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(READABLE) and not name.startswith(".")


def read_image(path: str | os.PathLike[str]) -> Pixels:
    """Read an image as it is stored.

    Parameters
    ----------
    path : path
        TIFF, PNG, JPEG, GIF, BMP or PNM; gzip is told by content.

    Returns
    -------
    array, shape (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float
        Pixels in file order: an EXIF rotation is not applied, because labels are drawn on the stored ones.

    Raises
    ------
    FileFormatError
        When the file cannot be read as one two-dimensional image.
    """
    pixels, palette = _decode(Path(path))
    return pixels if palette is None else palette[pixels]


def read_mask(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a mask: 1 where the file says so, relative to the file itself.

    Parameters
    ----------
    path : path
        As for :func:`read_image`. In a palette file index 0 is the background, whatever its colour; in
        others a pixel is set above half of the file's maximum, in any channel.

    Returns
    -------
    array, shape (H, W), uint8, 0 or 1

    Raises
    ------
    FileFormatError
        When the file cannot be read as one two-dimensional image.
    """
    pixels, palette = _decode(Path(path))
    if palette is None:
        if pixels.ndim == 3:
            pixels = pixels[..., :3].max(axis=2)
        mask = pixels > pixels.max() / 2
    else:
        mask = pixels > 0
    return mask.astype(np.uint8)


def write_mask(
    path: str | os.PathLike[str], mask: Pixels, *, maximum: int = 255, overwrite: bool = False
) -> Path:
    """Write a mask as PNG, TIFF or GIF, as the suffix says.

    Parameters
    ----------
    path : path
    mask : array, shape (H, W)
        Set where it is not 0.
    maximum : int, 1..255
        The value of a set pixel in the file.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileFormatError
        For another suffix.
    OverwriteError
        When the file exists and may not be replaced.
    """
    return _write_pixels(Path(path), (np.asarray(mask) != 0).astype(np.uint8) * np.uint8(maximum), overwrite)


def write_image(path: str | os.PathLike[str], image: NDArray[np.uint8], *, overwrite: bool = False) -> Path:
    """Write a picture, shape (H, W) or (H, W, 3), uint8, as PNG or TIFF; raises as :func:`write_mask`."""
    return _write_pixels(Path(path), image, overwrite)


def write_probability(
    path: str | os.PathLike[str], probability: NDArray[np.float32], *, overwrite: bool = False
) -> Path:
    """Write a probability map, shape (H, W), as 32-bit float TIFF; raises as :func:`write_mask`."""
    target = Path(path)
    if target.suffix.lower() not in (".tif", ".tiff"):
        raise FileFormatError(f"'{target.name}' cannot hold a probability map: name it .tif.")
    return write_beside(target, lambda f: tifffile.imwrite(f, probability, compression="zlib"), overwrite=overwrite)


def write_beside(target: Path, write: Callable[[IO[bytes]], object], *, overwrite: bool = False) -> Path:
    """Write a file beside its place and move it there, so that it is whole or not there at all.

    Raises
    ------
    OverwriteError
        When ``target`` exists and may not be replaced.
    FileFormatError
        When the folder cannot be written to.
    """
    if target.exists() and not overwrite:
        raise OverwriteError(f"'{target}' exists already: choose another name, or allow overwriting.")
    try:
        handle, beside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise FileFormatError(f"'{target}' cannot be written ({error.strerror}): choose another folder.") from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        # mkstemp makes files that only their owner may read; a result is an ordinary file.
        Path(beside).chmod(0o666 & ~_umask())
        Path(beside).replace(target)
    except BaseException as error:
        Path(beside).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileFormatError(f"'{target}' could not be written: {error.strerror or error}.") from error
        raise
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_pixels(target: Path, pixels: NDArray[np.uint8], overwrite: bool) -> Path:
    suffix = target.suffix.lower()
    if suffix in (".tif", ".tiff"):
        photometric = "rgb" if pixels.ndim == 3 else "minisblack"
        return write_beside(
            target,
            lambda f: tifffile.imwrite(f, pixels, compression="zlib", photometric=photometric),
            overwrite=overwrite,
        )
    if suffix in (".png", ".gif"):
        return write_beside(target, lambda f: Image.fromarray(pixels).save(f, suffix[1:]), overwrite=overwrite)
    raise FileFormatError(f"'{target.name}' has no suffix that can be written: use .png, .tif or .gif.")


def _decode(path: Path) -> tuple[Pixels, Pixels | None]:
    """Pixels, and the palette (256, 3) they index or None."""
    try:
        data = _contents(path)
        if not data:
            raise FileFormatError(f"'{path.name}' is empty: copy it again from where it came.")
        pixels, palette = _decode_tiff(data) if data.startswith(_TIFF) else _decode_pillow(data)
    except FileFormatError:
        raise
    except FileNotFoundError as error:
        raise FileFormatError(f"'{path}' does not exist: check the name.") from error
    except PermissionError as error:
        raise FileFormatError(f"'{path}' may not be read: ask its owner for permission to read it.") from error
    except MemoryError as error:
        raise FileFormatError(f"'{path.name}' needs more memory than there is: close programs or crop it.") from error
    except _TooLarge as error:
        raise FileFormatError(f"'{path.name}' claims {error}, more than can be opened: {_WAY_OUT}.") from error
    except Exception as error:  # decoders of untrusted files raise nearly anything
        raise FileFormatError(f"'{path.name}' is damaged or no image: {_WAY_OUT}.") from error
    if pixels.size == 0:
        raise FileFormatError(f"'{path.name}' holds an image without pixels: {_WAY_OUT}.")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] in (3, 4)):
        raise FileFormatError(
            f"'{path.name}' holds an array of shape {pixels.shape}, not one grey or colour image: save the "
            "plane you want as its own file."
        )
    return pixels, palette


class _TooLarge(Exception):
    pass


def _bounded(size: int) -> None:
    if size > MAX_BYTES:
        raise _TooLarge(f"{size / 2**30:,.1f} GiB of pixels")


def _contents(path: Path) -> bytes:
    with path.open("rb") as file:
        if file.read(2) != _GZIP:
            _bounded(path.stat().st_size)
            file.seek(0)
            return file.read()
    with gzip.open(path) as unpacked:
        data = unpacked.read(MAX_BYTES + 1)
    _bounded(len(data))
    return data


def _decode_tiff(data: bytes) -> tuple[Pixels, Pixels | None]:
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        series = tiff.series[0]
        _bounded(series.size * series.dtype.itemsize)
        page = series.keyframe
        claimed = sum(page.databytecounts) + min(page.dataoffsets, default=0)
        if page.compression == 1 and claimed > len(data):
            raise ValueError("the pixels end before the image does")
        pixels = np.squeeze(series.asarray()) if series.ndim > 3 else series.asarray()
        if pixels.ndim == 3 and pixels.shape[0] in (3, 4) and pixels.shape[2] not in (3, 4):
            pixels = np.moveaxis(pixels, 0, 2)  # colour planes one after the other
        if pixels.ndim == 3 and pixels.shape[0] == 1:
            pixels = pixels[0]
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            pixels = np.iinfo(pixels.dtype).max - pixels
        palette = None if page.colormap is None else (page.colormap.T >> 8).astype(np.uint8)
    return pixels, palette


def _decode_pillow(data: bytes) -> tuple[Pixels, Pixels | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata, which is not used
        with Image.open(io.BytesIO(data)) as image:
            _bounded(image.width * image.height * 4)
            if image.mode == "P":
                colours = np.zeros((256, 3), np.uint8)
                known = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
                colours[: len(known)] = known
                return np.asarray(image), colours
            if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
                return np.asarray(image.convert("RGB")), None
            if image.mode in ("LA", "La"):
                return np.asarray(image.convert("L")), None
            if image.mode == "1":
                return np.asarray(image).astype(np.uint8) * np.uint8(255), None
            if image.mode == "I":  # Pillow's name for what it widened from 16 bits
                return np.asarray(image).astype(np.uint16), None
            return np.asarray(image), None
