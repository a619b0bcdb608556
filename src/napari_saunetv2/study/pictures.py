"""Pictures of a study: reduced overlays with the disc and fovea."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_saunetv2.files import write_beside
from napari_saunetv2.measure import Landmarks

PAGE, THUMBNAIL = 800, 160
"""Longer side of the picture on a page and in a list, pixels."""

QUALITY = {"overlay": 90, "page": 85, "thumbnail": 80}
"""Of JPEG, from 0 to 95."""

_DISC, _FOVEA = (255, 255, 255), (255, 230, 0)


def reduced(picture: NDArray[np.uint8], landmarks: Landmarks, side: int) -> Image.Image:
    """Reduce a picture to at most a side, and draw disc and fovea on it."""
    whole = Image.fromarray(picture)
    share = min(1.0, side / max(whole.size))
    width, height = (max(1, round(length * share)) for length in whole.size)
    small = whole.resize((width, height), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(small)
    line = max(1, round(max(small.size) / 300))
    if (disc := landmarks.disc) is not None:
        x, y, r = (value * share for value in disc)
        pen.ellipse((x - r, y - r, x + r, y + r), outline=_DISC, width=line)
    if (fovea := landmarks.fovea) is not None:
        x, y = (value * share for value in fovea)
        arm = max(small.size) / 50
        pen.line((x - arm, y, x + arm, y), fill=_FOVEA, width=line)
        pen.line((x, y - arm, x, y + arm), fill=_FOVEA, width=line)
    return small


def write_jpeg(path: Path, picture: Image.Image, what: str) -> None:
    """Write a picture as JPEG."""
    write_beside(path, lambda out: picture.save(out, "JPEG", quality=QUALITY[what]), overwrite=True)
