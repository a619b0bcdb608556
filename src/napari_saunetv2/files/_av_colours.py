"""Arteries and veins by their colours: red, blue, green where they cross, white where nobody knows."""

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import _labels
from napari_saunetv2.files._decoded import Decoded, Pixels
from napari_saunetv2.imaging.classes import ARTERY, BOTH, COLOURS, UNKNOWN, VEIN

MOST_STRAY = 0.02
"""Largest share of a file's vessel pixels whose colour is none of the five. More is another colour code."""

_NEAR = 48  # of 255: how far JPEG moves a channel from 0 or 255

_BY_CHANNELS = np.array([0, VEIN, BOTH, UNKNOWN, ARTERY, BOTH, UNKNOWN, UNKNOWN], np.uint8)
"""Label by which of red, green, blue are bright, 4 + 2 + 1. Red with blue is artery with vein; what green is
mixed with may be a crossing or not."""


def by_colour(found: Decoded, name: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Read a coloured picture: artery/vein labels, shape (H, W), and remarks; raises FileFormatError."""
    colours = found.pixels[..., :3]
    if colours.dtype != np.uint8:
        colours = np.round(colours / max(float(colours.max()), 1e-9) * 255).astype(np.uint8)
    clear = _labels.transparent(found)
    if clear is not None:
        colours = np.where(clear[..., None], np.uint8(0), colours)
    said: tuple[str, ...] = ()
    bright = colours >= 128
    labels = _BY_CHANNELS[bright @ np.array([4, 2, 1])]
    if np.count_nonzero(labels == UNKNOWN) > labels.size / 2:  # the paper is white, not the ink
        paper = bright.all(axis=2)
        labels[paper] = 0
        said = ("The background is white.",)
    near = (np.minimum(colours, 255 - colours) <= _NEAR).all(axis=2)
    pure = np.isin(bright @ np.array([4, 2, 1]), [0, 1, 2, 4, 5, 7])
    stray = ~(near & pure)
    vessel = int(np.count_nonzero((labels != 0) | stray))
    if not vessel or not {ARTERY, VEIN} & set(np.unique(labels).tolist()):
        raise FileFormatError(
            f"'{name}' holds neither red arteries nor blue veins: give labels in RITE's colours (red artery, "
            "blue vein, green crossing, white unknown), of numbers, or two masks."
        )
    count = int(np.count_nonzero(stray))
    if count > MOST_STRAY * vessel:
        example = tuple(map(int, colours[stray][0]))
        raise FileFormatError(
            f"'{name}' holds {count:,} pixels ({count / vessel:.0%} of its vessels) of other colours, such "
            f"as RGB {example}: artery/vein labels are red, blue, green (crossing) and white (unknown) on "
            "black; repaint them."
        )
    if snapped := int(np.count_nonzero(~_exact(colours))):
        said += (
            f"{snapped:,} pixels of other colours were read as the nearest: red artery, blue vein, green or "
            "magenta crossing, anything else vessel of unknown class.",
        )
    return labels, said


def _exact(colours: Pixels) -> NDArray[np.bool_]:
    code = colours.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    known = np.array(list(COLOURS.values()), np.int32) @ np.array([65536, 256, 1], np.int32)
    return np.isin(code, known)
