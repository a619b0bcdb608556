"""Find disc and fovea of a plane where nobody has drawn them, and say in words how sure that is."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.inference.landmarks import find_landmarks
from napari_saunetv2.measure.disc import DOUBTFUL, find_disc, guess_fovea
from napari_saunetv2.measure.regions import Landmarks
from napari_saunetv2.measure.tree import grow
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
    seen, photograph = source.surroundings(index)
    fov = np.ones(pixels.shape, bool) if seen is None else np.asarray(seen) != 0
    looked = None if photograph is None else find_landmarks(photograph, fov)
    if disc and circle is None and looked is not None and looked.disc is not None:
        circle, doubt = looked.disc, 1 - (looked.disc_confidence or 0)
    elif disc and circle is None and pixels.any():
        found = find_disc(grow("all", (pixels > 0) & fov), fov, photograph)
        # Vessels alone often point elsewhere.
        if found is not None and found.doubt <= DOUBTFUL:
            circle, doubt = found
    how: Literal["found", "estimated"] | None = None
    if fovea and point is None:
        if looked is not None:
            point, how = looked.fovea, "found"
        elif circle is not None:
            point, how = guess_fovea(circle, fov), "estimated"
    return Found(
        Landmarks(circle, point), doubt, disc and landmarks.disc is None, None if point is None else how
    )
