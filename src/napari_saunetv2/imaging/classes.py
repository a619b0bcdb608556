"""Label values of classes, and the colours in which the field draws arteries and veins.

Classes of vessels overlap: where an artery crosses a vein, a pixel is both. Label values of overlapping
classes are therefore sums: 1 artery, 2 vein, 3 = 1 + 2 both.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ARTERY_VEIN = ("artery", "vein")
"""The classes of a model for arteries and veins, in the order of its maps."""

ARTERY, VEIN, BOTH, UNKNOWN = 1, 2, 3, 4
"""Label values: artery, vein, a crossing of both, and a vessel whose class nobody knows."""

COLOURS = {
    0: (0, 0, 0),
    ARTERY: (255, 0, 0),
    VEIN: (0, 0, 255),
    BOTH: (0, 255, 0),
    UNKNOWN: (255, 255, 255),
}
"""Colours of label files as of RITE (Hu et al., MICCAI 2013): red, blue, green, white on black."""


def is_artery_vein(classes: tuple[str, ...]) -> bool:
    """Whether classes are arteries and veins, in this order; singular or plural, in any case."""
    return tuple(name.lower().removesuffix("s").replace("arterie", "artery") for name in classes) == (
        ARTERY_VEIN
    )


def split(labels: ArrayLike, classes: int, *, overlapping: bool) -> NDArray[np.bool_]:
    """Find the pixels of each class.

    Parameters
    ----------
    labels : array, shape (...), whole numbers
    classes : int
    overlapping : bool
        Whether label values are sums of 1, 2, 4, ... for the classes, else 1, 2, 3, ...

    Returns
    -------
    array, shape (..., classes), bool
    """
    values = np.asarray(labels)[..., None]
    if overlapping:
        return np.asarray((values.astype(np.int64) >> np.arange(classes)) & 1, bool)
    return np.asarray(values == np.arange(1, classes + 1), bool)


def merged(masks: ArrayLike) -> NDArray[np.uint8]:
    """Give the labels of overlapping classes, the inverse of :func:`split`.

    Parameters
    ----------
    masks : array, shape (classes, ...)
        Pixels of each class, not 0 there; at most 8 classes.

    Returns
    -------
    array, shape (...), uint8
    """
    found = np.asarray(masks) != 0
    weights = (1 << np.arange(len(found))).astype(np.uint8)
    return np.asarray(np.tensordot(weights, found.astype(np.uint8), axes=1), np.uint8)


def coloured(labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Draw artery/vein labels in RITE's colours.

    Parameters
    ----------
    labels : array, shape (H, W)
        0 to 4, as the constants of this module; any other value is drawn as a vessel of unknown class.

    Returns
    -------
    array, shape (H, W, 3), uint8
    """
    table = np.array(list(COLOURS.values()), np.uint8)
    known = (labels >= 0) & (labels <= UNKNOWN)
    return table[np.where(known, labels, UNKNOWN)]
