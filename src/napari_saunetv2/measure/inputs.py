"""What ``measure`` is given, checked once."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.measure.graph import beside
from napari_saunetv2.measure.regions import Circle, Landmarks, Point
from napari_saunetv2.measure.sections import BESIDE

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Inputs:
    """Arrays of one shape and the landmarks of an image.

    Attributes
    ----------
    vessels : array, shape (H, W), bool
        All of them, inside the field of view.
    classes : dict
        Masks of "arteries" and "veins", or empty.
    probability : array, shape (H, W), float32, optional
    threshold : float
        At which the probability gives the mask, as nearly as one threshold can.
    fov : array, shape (H, W), bool
    green : array, shape (H, W), float32, optional
    landmarks : Landmarks
    """

    vessels: Mask
    classes: dict[str, Mask]
    probability: NDArray[np.float32] | None
    threshold: float
    fov: Mask
    green: NDArray[np.float32] | None
    landmarks: Landmarks

    def moved(self, by: float) -> "Inputs":
        """The same with another threshold; a pixel that was painted against the map stays as it is.

        A pixel that becomes a vessel is an artery or a vein where it joins one within ``BESIDE`` pixels.
        """
        assert self.probability is not None
        threshold = float(np.clip(self.threshold + by, 0.01, 0.99))
        found = self.probability >= threshold
        followed = self.vessels == (self.probability >= self.threshold)
        vessels = np.where(followed, found, self.vessels) & self.fov
        added = vessels & ~self.vessels
        classes = {}
        for kind, mask in self.classes.items():
            grown = mask
            for _ in range(BESIDE):  # no edge is looked for further out
                grown = grown | (beside(grown) & added)
            classes[kind] = vessels & grown
        return replace(self, vessels=vessels, classes=classes, threshold=threshold)


def checked(
    vessels: ArrayLike,
    arteries: ArrayLike | None,
    veins: ArrayLike | None,
    probability: ArrayLike | None,
    fov: ArrayLike | None,
    disc: tuple[float, float, float] | None,
    fovea: tuple[float, float] | None,
    photograph: ArrayLike | None,
    threshold: float | None,
) -> Inputs:
    """Check what was given; parameters and errors as of :func:`napari_saunetv2.measure.measure`."""
    mask = np.asarray(vessels) != 0
    if mask.ndim != 2 or not mask.size:
        raise ImageError(f"The mask has the shape {mask.shape}: it must be one image (H, W); give one plane.")
    if (arteries is None) != (veins is None):
        raise ImageError("Only one of arteries and veins was given: give both, or neither.")
    seen = np.ones(mask.shape, bool) if fov is None else _same(mask, fov, "field of view") != 0
    if not seen.any():
        raise ImageError("The field of view is empty: give a mask that is not 0 inside it, or none.")
    classes = {}
    if arteries is not None and veins is not None:
        classes = {
            "arteries": (_same(mask, arteries, "artery mask") != 0) & seen,
            "veins": (_same(mask, veins, "vein mask") != 0) & seen,
        }
        mask = mask | classes["arteries"] | classes["veins"]
    mask = mask & seen
    if threshold is not None and not 0 < threshold < 1:
        raise SettingsError(f"The threshold is {threshold}: give a number between 0 and 1, or none.")
    chances = None
    if probability is not None:
        chances = _same(mask, probability, "probability").astype(np.float32)
        if not (np.isfinite(chances).all() and chances.min() >= 0 and chances.max() <= 1):
            raise ImageError("The probability leaves the range 0 to 1: give a vessel probability, or none.")
        threshold = threshold or matching_threshold(
            *((mask, chances) if seen.all() else (mask[seen], chances[seen]))
        )
    green = None
    if photograph is not None:
        picture = np.asarray(photograph)
        green = _same(mask, picture if picture.ndim == 2 else picture[..., 1], "photograph").astype(
            np.float32
        )
    return Inputs(mask, classes, chances, threshold or 0.5, seen, green, _landmarks(disc, fovea))


def matching_threshold(mask: Mask, probability: NDArray[np.float32]) -> float:
    """Threshold in hundredths at which a probability agrees with a mask in most pixels.

    Where several agree as well, as for a map of few values, it is the one nearest to a half.
    """
    known = mask | (probability >= np.float32(0.01))  # most of a photograph is neither
    level = np.minimum((probability[known] * np.float32(100)).astype(np.uint8), 99)
    other, vessel = np.bincount(level + np.uint8(100) * mask[known], minlength=200).reshape(2, 100)
    other[0] += mask.size - np.count_nonzero(known)
    # Wrong at threshold n / 100: vessels below it and others from it on.
    wrong = np.concatenate([[0], np.cumsum(vessel)]) + other.sum() - np.concatenate([[0], np.cumsum(other)])
    best = np.flatnonzero(wrong[1:100] == wrong[1:100].min()) + 1
    return float(best[np.abs(best - 50).argmin()]) / 100


def _same(mask: Mask, array: ArrayLike, name: str) -> NDArray[np.generic]:
    other = np.asarray(array)
    if other.shape != mask.shape:
        raise ImageError(
            f"The {name} has the shape {other.shape}, the mask {mask.shape}: give arrays of one image."
        )
    return other


def _landmarks(disc: tuple[float, float, float] | None, fovea: tuple[float, float] | None) -> Landmarks:
    if disc is not None and not (len(disc) == 3 and np.isfinite(disc).all() and disc[2] > 0):
        raise SettingsError(f"The disc is {tuple(disc)}: give x, y and a radius above 0 in pixels, or none.")
    if fovea is not None and not (len(fovea) == 2 and np.isfinite(fovea).all()):
        raise SettingsError(f"The fovea is {tuple(fovea)}: give x and y in pixels, or none.")
    circle = None if disc is None else Circle(*map(float, disc))
    point = None if fovea is None else Point(*map(float, fovea))
    return Landmarks(circle, point)
