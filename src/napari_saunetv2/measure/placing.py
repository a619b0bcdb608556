"""Which disc and fovea count: what a model found in the photograph, else what the vessels tell."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.disc import DOUBTFUL, FoundDisc, find_disc, guess_fovea
from napari_saunetv2.measure.regions import Circle, Landmarks, Point
from napari_saunetv2.measure.tree import grow


class PlacedFovea(NamedTuple):
    """A fovea, and whether it was found in the photograph or estimated from the disc."""

    point: Point
    how: Literal["found", "estimated"]


def place_disc(
    seen: Landmarks | None,
    vessels: NDArray[np.bool_],
    fov: NDArray[np.bool_],
    photograph: NDArray[np.float32] | None = None,
) -> FoundDisc | None:
    """Choose the disc of an image.

    Parameters
    ----------
    seen : Landmarks or None
        What a model found in the photograph; None if none looked.
    vessels, fov : array, shape (H, W), bool
    photograph : array, shape (H, W, 3) or (H, W), range [0, 1], optional

    Returns
    -------
    FoundDisc or None
        The doubt is 1 - confidence of the model, or that of :func:`find_disc`.
    """
    if seen is not None and seen.disc is not None:
        return FoundDisc(seen.disc, 1 - (seen.disc_confidence or 0))
    found = find_disc(grow("all", vessels & fov), fov, photograph)
    # Vessels alone often point elsewhere, and a model that sees no disc may well be right.
    if found is not None and found.doubt > DOUBTFUL and (photograph is None or seen is not None):
        return None
    return found


def place_fovea(seen: Landmarks | None, disc: Circle | None, fov: NDArray[np.bool_]) -> PlacedFovea | None:
    """Choose the fovea of an image; it is estimated from the disc only where no model looked for it.

    Parameters
    ----------
    seen : Landmarks or None
        As for :func:`place_disc`.
    disc : Circle or None
    fov : array, shape (H, W), bool
    """
    if seen is not None:
        return None if seen.fovea is None else PlacedFovea(seen.fovea, "found")
    guess = None if disc is None else guess_fovea(disc, fov)
    return None if guess is None else PlacedFovea(guess, "estimated")
