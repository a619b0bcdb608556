"""Pictures of a segmentation on its photograph."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

COLOUR = (0, 230, 180)
"""Of the vessels' outline: green-blue, the hue that no fundus has."""


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
    inside = vessels != 0
    border = inside & ~ndimage.binary_erosion(inside)
    picture = unit * np.float32(255)
    for area, share in ((inside, 0.35), (border, 0.9)):
        picture[area] = (1 - share) * picture[area] + share * np.asarray(COLOUR, np.float32)
    return picture.round().astype(np.uint8)
