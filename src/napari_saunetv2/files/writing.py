"""Safe writing of masks, images and probability maps."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo, putchunk

from napari_saunetv2.errors import FileFormatError, ImageError, OverwriteError, SettingsError
from napari_saunetv2.files import _marks
from napari_saunetv2.files._size import Spacing
from napari_saunetv2.files.parts import new_part

_TIFF = (".tif", ".tiff")

_PNG_HEADER = 33
"""Bytes of a PNG's signature and first chunk; remarks stand behind, to be read without the pixels."""


def write_mask(
    path: str | os.PathLike[str],
    mask: ArrayLike,
    *,
    overwrite: bool = False,
    maximum: int = 255,
    spacing: Spacing | None = None,
) -> Path:
    """Write a mask as PNG, TIFF or GIF, by suffix; all are lossless.

    The file contains the program's mark, so that :func:`is_own_mask` recognises it whatever its name.

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
    return write_marked(path, grey, overwrite=overwrite, spacing=spacing)


def write_marked(
    path: str | os.PathLike[str],
    pixels: NDArray[np.uint8],
    *,
    overwrite: bool = False,
    spacing: Spacing | None = None,
) -> Path:
    """Write labels, shape (H, W) or (H, W, 3), uint8, with the program's mark; raises as :func:`write_mask`.

    GIF holds at most 256 colours.
    """
    target = Path(path)
    suffix = _checked_suffix(target, (".png", *_TIFF, ".gif"))
    if suffix in _TIFF:
        return write_beside(
            target, lambda file: _save_tiff(file, pixels, spacing, software=_marks.MARK), overwrite=overwrite
        )
    if suffix == ".png":
        remarks = _marks.png_remarks(spacing)
        return write_beside(target, lambda file: _save_png(file, pixels, remarks), overwrite=overwrite)
    picture = Image.fromarray(pixels)
    return write_beside(
        target, lambda file: picture.save(file, "GIF", comment=_marks.MARK), overwrite=overwrite
    )


def is_own_mask(path: str | os.PathLike[str]) -> bool:
    """Whether :func:`write_mask` wrote a file; never raises."""
    return _marks.is_marked(path)


def write_image(path: str | os.PathLike[str], image: NDArray[np.uint8], *, overwrite: bool = False) -> Path:
    """Write an image, shape (H, W) or (H, W, 3), uint8, as PNG or TIFF; raises as :func:`write_mask`."""
    pixels = np.asarray(image)
    grey_or_rgb = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not grey_or_rgb or pixels.size == 0:
        raise ImageError(
            f"An image of type {pixels.dtype} and shape {pixels.shape} cannot be written: give uint8, "
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


def write_beside(
    target: Path, write: Callable[[IO[bytes]], object], *, overwrite: bool = False, private: bool = False
) -> Path:
    """Write to a temporary file and rename it, so that the target is complete or absent.

    If two processes write the same new file, one succeeds and the other raises OverwriteError. What is
    private can be read by its owner alone, from the start; Windows leaves that to the folder.

    Raises
    ------
    OverwriteError
        If ``target`` exists and may not be replaced.
    FileFormatError
        If the folder cannot be written to, or the disk is full: an existing file is unchanged.
    """
    try:
        if not overwrite and os.path.lexists(target):
            raise exists(target)
        with new_part(target, 0o600 if private else 0o666) as beside:
            with beside.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())  # otherwise a power cut may leave an empty file under the new name
            _move(beside, target, overwrite)
    except OverwriteError:
        raise
    except OSError as error:
        raise unwritten(target, error) from error
    except ValueError as error:  # from the name: a null character, or half a Unicode character
        raise FileFormatError(f"{str(target)!r} is not a valid file name: choose another.") from error
    return target


def unwritten(target: Path, error: OSError) -> FileFormatError:
    """Turn the system's error into one for the user."""
    return FileFormatError(
        f"'{target}' cannot be written ({reason(error)}): an existing file is unchanged; free disk space, "
        "get write permission, or choose another folder."
    )


def make_folder(folder: Path) -> Path:
    """Create a folder and its parents if missing; raises FileFormatError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(
            f"The folder '{folder}' cannot be created ({reason(error)}): choose another folder."
        ) from error
    except ValueError as error:
        raise FileFormatError(f"{str(folder)!r} is not a valid folder name: choose another.") from error
    return folder


def reason(error: OSError) -> str:
    """The system's description of an error, without its number and path."""
    return error.strerror or str(error)


def exists(target: Path) -> OverwriteError:
    """Make the error for a file that may not be replaced."""
    return OverwriteError(f"'{target}' already exists: choose another name, or allow overwriting.")


def _move(beside: Path, target: Path, overwrite: bool) -> None:
    if overwrite:
        beside.replace(target)
        return
    try:
        os.link(beside, target)  # unlike a rename it never overwrites
    except FileExistsError as error:
        raise exists(target) from error
    except (OSError, NotImplementedError) as error:  # a file system without hard links, such as a USB stick's
        if os.path.lexists(target):
            raise exists(target) from error
        beside.replace(target)


def _checked_suffix(target: Path, suffixes: tuple[str, ...]) -> str:
    suffix = target.suffix.lower()
    if suffix not in suffixes:
        raise FileFormatError(f"'{target.name}' has an unsupported suffix: use {', '.join(suffixes)}.")
    return suffix


def _save_png(file: IO[bytes], pixels: NDArray[np.uint8], remarks: PngInfo) -> None:
    """Write labels in a quarter of Pillow's time: it tries five filters for each row, which photographs need.

    A row of a mask is much like the row above it.
    """
    png = imagecodecs.PNG
    most = 3 * pixels.nbytes + 1024  # by itself it reserves too little for a narrow picture
    data = imagecodecs.png_encode(pixels, level=6, strategy=png.STRATEGY.RLE, filter=png.FILTER.UP, out=most)
    file.write(data[:_PNG_HEADER])
    for kind, content, *_ in remarks.chunks:
        putchunk(file, kind, content)
    file.write(data[_PNG_HEADER:])


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
