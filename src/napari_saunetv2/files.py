"""Image, mask and probability files: reading what is there, writing without harm."""

import gzip
import io
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from napari_saunetv2 import _marks
from napari_saunetv2._decoding import MAX_BYTES, Palette, Pixels, decode
from napari_saunetv2._parts import new_part
from napari_saunetv2.errors import FileFormatError, ImageError, OverwriteError, SettingsError

READABLE = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm")
"""Suffixes of the files that can be read; each may be followed by ``.gz``."""

MAX_UNPACKED = 2**30
"""A gzipped file that unpacks to more bytes is refused: 1 GiB."""

_GZIP = b"\x1f\x8b"
_TIFF = (".tif", ".tiff")
_GREY_TOLERANCE = 16  # of 255; the palettes of real label files are grey to within 2


class Spacing(NamedTuple):
    """Size of a pixel: height and width, in millimetres or, where that is not known, in no unit."""

    height: float
    width: float
    millimetres: bool


def read_spacing(path: str | os.PathLike[str]) -> Spacing | None:
    """Size of a pixel that a TIFF file, or a PNG mask of this program, states; None where there is none."""
    in_png = _marks.png_spacing(path)
    return _tiff_spacing(path) if in_png is None else Spacing(*in_png)


def _tiff_spacing(path: str | os.PathLike[str]) -> Spacing | None:
    try:
        with tifffile.TiffFile(path) as file:
            tags = file.pages.first.tags
            across, down = (
                number / divisor
                for number, divisor in (tags[name].value for name in ("XResolution", "YResolution"))
            )
            unit = int(tags["ResolutionUnit"].value)
    except (OSError, ValueError, KeyError, ZeroDivisionError, TypeError, tifffile.TiffFileError):
        return None
    if not (across > 0 and down > 0):
        return None
    whole = {1: 1.0, 2: 25.4, 3: 10.0}.get(unit)
    if whole is None or (unit == 1 and across == down == 1):  # what every program writes that knows nothing
        return None
    return Spacing(whole / down, whole / across, unit != 1)


def readable(path: Path) -> bool:
    """Tell from its name whether a file can be an image; hidden files (``._x.tif``) are not."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(READABLE) and not name.startswith(".")


def read_image(path: str | os.PathLike[str]) -> Pixels:
    """Read an image as it is stored.

    Parameters
    ----------
    path : path
        TIFF, PNG, JPEG, GIF, BMP or PNM, told by content; each may be gzipped, also told by content.

    Returns
    -------
    array, shape (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float
        Pixels in file order, at the file's depth: an EXIF rotation is not applied, because labels are drawn
        on the stored pixels. A palette becomes RGB, one bit becomes 0 and 255, grey with alpha loses it.

    Raises
    ------
    FileFormatError
        When the file cannot be read as one two-dimensional image.
    """
    pixels, palette = _read(Path(path))
    return pixels if palette is None else palette[pixels]


def read_mask(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a mask: 1 where the file says so, relative to the file itself.

    Parameters
    ----------
    path : path
        As for :func:`read_image`. A pixel is set above half of the file's maximum, in any channel but
        alpha; in a palette file, where its index is not 0. Of a palette of two greys the brighter is set.

    Returns
    -------
    array, shape (H, W), uint8, 0 or 1

    Raises
    ------
    FileFormatError
        When the file cannot be read as one two-dimensional image.
    """
    pixels, palette = _read(Path(path))
    if palette is not None:
        mask = pixels != _background(pixels, palette)
    else:
        if pixels.ndim == 3:
            pixels = pixels[..., :3].max(axis=2)
        mask = pixels > pixels.max() / 2
    return np.asarray(mask, np.uint8)


def write_mask(
    path: str | os.PathLike[str],
    mask: ArrayLike,
    *,
    overwrite: bool = False,
    maximum: int = 255,
    spacing: Spacing | None = None,
) -> Path:
    """Write a mask as PNG, TIFF or GIF, as the suffix says; all are lossless.

    The file bears the program's mark, by which :func:`is_own_mask` knows it whatever its name.

    Parameters
    ----------
    path : path
    mask : array, shape (H, W)
        Set where it is not 0.
    overwrite : bool
        Whether an existing file may be replaced.
    maximum : int, 1..255
        The grey value of a set pixel in the file.
    spacing : Spacing, optional
        Size of a pixel; TIFF and PNG keep it, GIF does not.

    Raises
    ------
    FileFormatError
        For another suffix, or a folder that cannot be written to.
    OverwriteError
        When the file exists and may not be replaced.
    ImageError
        For a mask that is not two-dimensional.
    SettingsError
        For a maximum outside 1..255.
    """
    pixels = np.asarray(mask)
    if pixels.ndim != 2 or pixels.size == 0:
        raise ImageError(f"A mask of shape {pixels.shape} cannot be written: give one of shape (H, W).")
    if not 1 <= maximum <= 255:
        raise SettingsError(f"A mask file cannot hold the value {maximum}: choose 1 to 255.")
    grey = (pixels != 0).astype(np.uint8) * np.uint8(maximum)
    target = Path(path)
    suffix = _checked_suffix(target, (".png", *_TIFF, ".gif"))
    if suffix in _TIFF:
        return write_beside(
            target, lambda file: _save_tiff(file, grey, spacing, software=_marks.MARK), overwrite=overwrite
        )
    settings = _marks.png_settings(spacing) if suffix == ".png" else {"comment": _marks.MARK}
    picture = Image.fromarray(grey)
    return write_beside(target, lambda file: picture.save(file, suffix[1:], **settings), overwrite=overwrite)


def is_own_mask(path: str | os.PathLike[str]) -> bool:
    """Whether :func:`write_mask` wrote a file; never raises."""
    return _marks.is_marked(path)


def write_image(path: str | os.PathLike[str], image: NDArray[np.uint8], *, overwrite: bool = False) -> Path:
    """Write a picture, shape (H, W) or (H, W, 3), uint8, as PNG or TIFF; raises as :func:`write_mask`."""
    pixels = np.asarray(image)
    grey_or_rgb = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not grey_or_rgb or pixels.size == 0:
        raise ImageError(
            f"A picture of type {pixels.dtype} and shape {pixels.shape} cannot be written: give uint8, "
            "(H, W) or (H, W, 3)."
        )
    target = Path(path)
    suffix = _checked_suffix(target, (".png", *_TIFF))
    if suffix in _TIFF:
        return write_beside(target, lambda file: _save_tiff(file, pixels), overwrite=overwrite)
    picture = Image.fromarray(pixels)
    return write_beside(target, lambda file: picture.save(file, suffix[1:]), overwrite=overwrite)


def write_probability(
    path: str | os.PathLike[str], probability: ArrayLike, *, overwrite: bool = False
) -> Path:
    """Write a map, shape (H, W), as 32-bit float TIFF (deflate); raises as :func:`write_mask`."""
    target, pixels = Path(path), np.asarray(probability, np.float32)
    if pixels.ndim != 2 or pixels.size == 0:
        raise ImageError(f"A map of shape {pixels.shape} cannot be written: give one of shape (H, W).")
    if target.suffix.lower() not in _TIFF:
        raise FileFormatError(f"'{target.name}' cannot hold probabilities: name it .tif.")
    return write_beside(target, lambda file: _save_tiff(file, pixels), overwrite=overwrite)


def write_beside(target: Path, write: Callable[[IO[bytes]], object], *, overwrite: bool = False) -> Path:
    """Write a file beside its place and move it there, so that it is whole or not there at all.

    Of two processes that write one new file, one succeeds and the other is told that it exists.

    Raises
    ------
    OverwriteError
        When ``target`` exists and may not be replaced.
    FileFormatError
        When the folder cannot be written to, or the disk is full: what was there before is there still.
    """
    try:
        if not overwrite and os.path.lexists(target):
            raise _exists(target)
        with new_part(target) as beside:
            with beside.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())  # else a power cut may leave the new name on an empty file
            _move(beside, target, overwrite)
    except OverwriteError:
        raise
    except OSError as error:
        raise unwritten(target, error) from error
    except ValueError as error:  # of the name: a null character, or half a Unicode character
        raise FileFormatError(f"{str(target)!r} is no possible name of a file: choose another.") from error
    return target


def unwritten(target: Path, error: OSError) -> FileFormatError:
    """Say what a system has against writing a file."""
    return FileFormatError(
        f"'{target}' cannot be written ({reason(error)}): what was there before is unchanged; free "
        "space, ask for permission, or choose another place."
    )


def make_folder(folder: Path) -> Path:
    """Make a folder and those above it, where they are missing; raises FileFormatError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(
            f"The folder '{folder}' cannot be made ({reason(error)}): choose another place."
        ) from error
    except ValueError as error:
        raise FileFormatError(f"{str(folder)!r} is no possible name of a folder: choose another.") from error
    return folder


def reason(error: OSError) -> str:
    """What the system says of an error, without its number and path."""
    return error.strerror or str(error)


def _exists(target: Path) -> OverwriteError:
    return OverwriteError(f"'{target}' exists already: choose another name, or allow overwriting.")


def _move(beside: Path, target: Path, overwrite: bool) -> None:
    if overwrite:
        beside.replace(target)
        return
    try:
        os.link(beside, target)  # unlike a rename it never replaces
    except FileExistsError as error:
        raise _exists(target) from error
    except (OSError, NotImplementedError) as error:  # a file system without hard links, such as a USB stick's
        if os.path.lexists(target):
            raise _exists(target) from error
        beside.replace(target)


def _checked_suffix(target: Path, suffixes: tuple[str, ...]) -> str:
    suffix = target.suffix.lower()
    if suffix not in suffixes:
        raise FileFormatError(
            f"'{target.name}' has no suffix that can be written: use {', '.join(suffixes)}."
        )
    return suffix


def _save_tiff(
    file: IO[bytes], pixels: NDArray[Any], spacing: Spacing | None = None, software: str | None = None
) -> None:
    colours = "rgb" if pixels.ndim == 3 else "minisblack"
    tags: dict[str, Any] = {} if software is None else {"software": software}
    if spacing is not None:
        # TIFF counts pixels to the centimetre, width first; without a unit, to the unit.
        whole = 10.0 if spacing.millimetres else 1.0
        tags |= {
            "resolution": (whole / spacing.width, whole / spacing.height),
            "resolutionunit": "CENTIMETER" if spacing.millimetres else "NONE",
        }
    tifffile.imwrite(file, pixels, compression="zlib", photometric=colours, **tags)


def _background(pixels: Pixels, palette: Palette) -> int:
    """Index of what is not set: 0, unless the file knows two greys only and 0 is the brighter."""
    first, second = palette[:2].astype(int)
    two_greys = pixels.max() <= 1 and max(np.ptp(first), np.ptp(second)) <= _GREY_TOLERANCE
    return 1 if two_greys and first.sum() > second.sum() else 0


def _read(path: Path) -> tuple[Pixels, Palette | None]:
    return decode(_contents(path), path.name)


def _contents(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise FileFormatError(f"'{path}' is a folder or a device: give an image file.")
        with path.open("rb") as file:
            if file.read(2) == _GZIP:
                file.seek(0)
                return _unpacked(file, path.name)
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise _too_long(path.name, MAX_BYTES)
            file.seek(0)
            return file.read()
    except FileNotFoundError as error:
        raise FileFormatError(f"'{path}' does not exist: check the name.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileFormatError(f"'{path.name}' is a damaged gzip file: copy it again.") from error
    except OSError as error:
        raise FileFormatError(
            f"'{path}' cannot be read ({reason(error)}): check that you may, and that its disk is there."
        ) from error
    except ValueError as error:  # of the name: a null character, or half a Unicode character
        raise FileFormatError(f"{str(path)!r} is no possible name of a file: check it.") from error
    except MemoryError as error:
        raise FileFormatError(f"'{path.name}' needs more memory than there is: crop or shrink it.") from error


def _unpacked(file: IO[bytes], name: str) -> bytes:
    """Unpack piece by piece: asked for all at once, gzip takes all the memory that is allowed, not needed."""
    unpacked = io.BytesIO()
    with gzip.GzipFile(fileobj=file) as packed:
        while piece := packed.read(2**20):
            if unpacked.tell() + len(piece) > MAX_UNPACKED:
                raise _too_long(name, MAX_UNPACKED)
            unpacked.write(piece)
    return unpacked.getvalue()


def _too_long(name: str, limit: int) -> FileFormatError:
    return FileFormatError(f"'{name}' is larger than {limit / 2**30:.0f} GiB: crop or shrink it.")
