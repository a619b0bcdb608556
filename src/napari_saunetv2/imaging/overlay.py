"""Images of a segmentation on its photograph."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from napari_saunetv2.imaging.classes import ARTERY, BOTH, VEIN

COLOUR = (0, 230, 180)
"""Colour of the vessels' outline: green-blue, a hue that no fundus has."""

OUTLINE_SHARE = 0.9
"""Opacity of that colour in a pixel of the outline."""

CLASS_COLOURS = {VEIN: (60, 110, 255), ARTERY: (255, 60, 60)}
"""Colours of veins and arteries, in the order in which they are drawn."""

AGREEMENT = {
    1: ("found (true positive)", (0, 158, 115)),
    2: ("false alarm (false positive)", (240, 228, 66)),
    3: ("missed (false negative)", (86, 180, 233)),
}
"""Meaning and colour of the values of :func:`agreement`: bluish green for true positives, yellow for false
ones, sky blue for false negatives. They differ in lightness too, for colour-blind readers (Okabe and Ito,
2008)."""


def drawn(
    unit: NDArray[np.float32], vessels: NDArray[np.generic], classes: NDArray[np.integer] | None = None
) -> NDArray[np.uint8]:
    """Draw vessels on a photograph, arteries and veins where their classes are known.

    Parameters
    ----------
    unit : array, shape (H, W, 3), range [0, 1]
    vessels : array, shape (H, W)
        A vessel where not 0.
    classes : array, shape (H, W), optional
        As of :func:`outlined_classes`.

    Returns
    -------
    array, shape (H, W, 3), uint8
    """
    if classes is None:
        return outlined(unit, (vessels != 0).astype(np.uint8))
    return outlined_classes(unit, vessels != 0, classes)


def outlined(unit: NDArray[np.float32], vessels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw vessels onto a photograph: tinted, with their outline.

    Parameters
    ----------
    unit : array, shape (H, W, 3), range [0, 1]
    vessels : array, shape (H, W), uint8, 0 or 1

    Returns
    -------
    array, shape (H, W, 3), uint8
    """
    picture = unit * np.float32(255)
    _draw(picture, vessels != 0, COLOUR)
    return picture.round().astype(np.uint8)


def outlined_classes(
    unit: NDArray[np.float32], vessels: NDArray[np.bool_], classes: NDArray[np.integer]
) -> NDArray[np.uint8]:
    """Draw arteries in red and veins in blue onto a photograph, other vessels as :func:`outlined` does.

    Parameters
    ----------
    unit : array, shape (H, W, 3), range [0, 1]
    vessels : array, shape (H, W), bool
    classes : array, shape (H, W)
        1 artery, 2 vein, 3 both, which is drawn as an artery on top.

    Returns
    -------
    array, shape (H, W, 3), uint8
    """
    picture = unit * np.float32(255)
    known = np.isin(classes, (ARTERY, VEIN, BOTH))
    _draw(picture, vessels & ~known, COLOUR)
    for kind, colour in CLASS_COLOURS.items():
        _draw(picture, np.isin(classes, (kind, BOTH)), colour)
    return picture.round().astype(np.uint8)


def _draw(picture: NDArray[np.float32], inside: NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
    """Tint an area of a picture, range [0, 255], and outline it."""
    border = inside & ~ndimage.binary_erosion(inside)
    for area, share in ((inside, 0.35), (border, OUTLINE_SHARE)):
        picture[area] = (1 - share) * picture[area] + share * np.asarray(colour, np.float32)


def agreement(
    truth: NDArray[np.generic], vessels: NDArray[np.generic], inside: NDArray[np.generic] | None = None
) -> NDArray[np.uint8]:
    """Compare a prediction with the reference, pixel by pixel.

    Parameters
    ----------
    truth, vessels : array, shape (H, W)
        A vessel where not 0: the reference and the prediction.
    inside : array, shape (H, W), optional
        The field of view; outside it the result is 0.

    Returns
    -------
    array, shape (H, W), uint8
        0 where neither has a vessel, else a key of ``AGREEMENT``.
    """
    true, found = truth != 0, vessels != 0
    codes = np.where(true, np.where(found, 1, 3), np.where(found, 2, 0)).astype(np.uint8)
    return codes if inside is None else codes * (inside != 0).astype(np.uint8)


def agreement_picture(unit: NDArray[np.float32], codes: NDArray[np.uint8], side: int) -> Image.Image:
    """Draw right and wrong pixels onto a dimmed grey photograph.

    Parameters
    ----------
    unit : array, shape (H, W, 3), range [0, 1]
    codes : array, shape (H, W), uint8
        From :func:`agreement`.
    side : int, pixels
        Larger images are reduced to at most this side, keeping every n-th pixel: the shares of right and
        wrong stay.

    Returns
    -------
    PIL.Image.Image
        With a palette: the colours are exact, and the file is small.
    """
    step = -(-max(codes.shape) // side)
    grey = unit[::step, ::step, 1]  # green shows vessels best
    levels = 32
    index = (grey * (levels - 1)).round().astype(np.uint8)
    thinned = codes[::step, ::step]
    index[thinned != 0] = thinned[thinned != 0] + (levels - 1)
    greys = [(round(150 * n / (levels - 1)),) * 3 for n in range(levels)]
    picture = Image.fromarray(np.ascontiguousarray(index))
    picture.putpalette(
        np.array([*greys, *(colour for _, colour in AGREEMENT.values())], np.uint8).ravel().tolist()
    )
    return picture
