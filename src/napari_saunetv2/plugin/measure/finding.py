"""Find disc and fovea of a plane where nobody has drawn them, and say in words how sure that is."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.inference.landmarks import find_landmarks
from napari_saunetv2.measure.disc import DOUBTFUL
from napari_saunetv2.measure.placing import place_disc, place_fovea
from napari_saunetv2.measure.regions import Landmarks
from napari_saunetv2.plugin.measure.source import Index, Source

_FOVEA = {"found": "found, too", "estimated": "estimated from the disc"}

SURE = DOUBTFUL / 2
"""Up to this doubt no other place comes near the one that was found."""


@dataclass(frozen=True)
class Found:
    """Landmarks of a plane, and what was found of them.

    Attributes
    ----------
    landmarks : Landmarks
    doubt : float or None
        Of the disc, range [0, 1]; None where it was not looked for, or not found.
    searched : bool
        Whether the disc was looked for.
    fovea : "found", "estimated" or None
        Whether the fovea was found in the photograph or estimated from the disc; None where it was known
        before, or there is none.
    """

    landmarks: Landmarks
    doubt: float | None = None
    searched: bool = False
    fovea: Literal["found", "estimated"] | None = None

    def in_words(self) -> str:
        """Say what was found and how sure that is; "" where nothing was looked for."""
        if not self.searched:
            return ""
        if self.doubt is None:
            return "No optic disc was found: for zones press Draw beside disc, and drag an ellipse over it."
        how = "clearly" if self.doubt <= SURE else "probably" if self.doubt <= DOUBTFUL else "doubtfully"
        fovea = "" if self.fovea is None else f" Fovea {_FOVEA[self.fovea]}."
        return f"Optic disc {how} found (doubt {self.doubt:.2f}): check the ellipse, drag it if wrong.{fovea}"


def find(
    source: Source, index: Index, pixels: NDArray[Any], landmarks: Landmarks, *, disc: bool, fovea: bool
) -> Found:
    """Look for the disc and the fovea of a plane where they are not known.

    Parameters
    ----------
    source : Source
    index : tuple of int
    pixels : array, shape (H, W)
        Labels of the plane.
    landmarks : Landmarks
        What is known.
    disc, fovea : bool
        What to look for.
    """
    circle, point, doubt = landmarks.disc, landmarks.fovea, None
    visible, photograph = source.surroundings(index)
    fov = np.ones(pixels.shape, bool) if visible is None else np.asarray(visible) != 0
    seen = None if photograph is None else find_landmarks(photograph, fov)
    search = disc and circle is None
    if search and (found := place_disc(seen, pixels > 0, fov, photograph)) is not None:
        circle, doubt = found
    how: Literal["found", "estimated"] | None = None
    if fovea and point is None and (placed := place_fovea(seen, circle, fov)) is not None:
        point, how = placed
    return Found(Landmarks(circle, point), doubt, search, how)
