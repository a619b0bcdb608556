"""The mark that this program writes into its masks, to recognise them whatever their names."""

import json
import os
import struct
import warnings
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from napari_saunetv2.files import _directories

MARK = "napari-saunetv2 mask"
"""Software tag of a TIFF or PNG file, comment of a GIF file."""

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"GIF8")
_SPACING = "napari-saunetv2 pixel size"


def is_marked(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a mask written by this program; False if it cannot be read. Never raises."""
    try:
        with _directories.opened(Path(path)) as file:
            if file is not None:
                tag = file.pages.first.tags.get("Software")
                return tag is not None and tag.value == MARK
    except Exception:  # noqa: BLE001 - tifffile may raise anything for a damaged file
        return False
    about = _about(path)
    comment = about.get("comment")
    return MARK in (about.get("Software"), comment.decode("latin-1") if isinstance(comment, bytes) else "")


def png_remarks(spacing: tuple[float, float, bool] | None) -> PngInfo:
    """Return what makes a PNG file a marked one.

    Parameters
    ----------
    spacing : (height, width, millimetres), optional
        Size of a pixel. Other programs read it from the pHYs chunk, which holds whole pixels per metre and no
        unitless size; this program reads it from a text chunk, exactly.
    """
    remarks = PngInfo()
    remarks.add_text("Software", MARK)
    if spacing is None:
        return remarks
    height, width, millimetres = spacing
    remarks.add_text(_SPACING, json.dumps([height, width, millimetres]))
    if millimetres and 1000 / min(height, width) < 2**32:  # a 32-bit number in the file
        remarks.add(b"pHYs", struct.pack(">IIB", round(1000 / width), round(1000 / height), 1))
    return remarks


def png_spacing(path: str | os.PathLike[str]) -> tuple[float, float, bool] | None:
    """Size of a pixel that a marked PNG file states, or None.

    The pHYs chunk of other programs is ignored: most of them write 72 dpi, which is meaningless for an eye.
    """
    try:
        height, width, millimetres = json.loads(_about(path).get(_SPACING, "null"))
        height, width = float(height), float(width)
    except (TypeError, ValueError):
        return None
    return (height, width, bool(millimetres)) if min(height, width) > 0 else None


def _about(path: str | os.PathLike[str]) -> dict[Any, Any]:
    """Metadata of a PNG or GIF file before its pixels; empty for any other file."""
    try:
        with Path(path).open("rb") as opened:
            if not opened.read(8).startswith(_SIGNATURES):
                return {}
            opened.seek(0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of images with many pixels: none is decoded
                with Image.open(opened) as picture:
                    return dict(picture.info)
    except Exception:  # noqa: BLE001 - Pillow raises anything for a damaged file
        return {}
