"""What ``measure`` is given, checked once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.measure.graph import beside, widened
from napari_saunetv2.measure.regions import Circle, Landmarks, Point
from napari_saunetv2.measure.sections import BESIDE

Mask = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


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
        In which vessels are dark.
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
    mask = _drawn(vessels, "mask")
    if mask.ndim != 2 or not mask.size:
        raise ImageError(f"The mask has the shape {mask.shape}: it must be one image (H, W); give one plane.")
    if (arteries is None) != (veins is None):
        raise ImageError("Only one of arteries and veins was given: give both, or neither.")
    seen = (
        np.ones(mask.shape, bool)
        if fov is None
        else _same(mask, _drawn(fov, "field of view"), "field of view")
    )
    if not seen.any():
        raise ImageError("The field of view is empty: give a mask that is not 0 inside it, or none.")
    classes = {}
    if arteries is not None and veins is not None:
        classes = {
            "arteries": _same(mask, _drawn(arteries, "artery mask"), "artery mask") & seen,
            "veins": _same(mask, _drawn(veins, "vein mask"), "vein mask") & seen,
        }
        mask = mask | classes["arteries"] | classes["veins"]
    mask = mask & seen
    if threshold is not None and not (is_number(threshold) and 0 < threshold < 1):
        raise SettingsError(f"The threshold is {threshold}: give a number between 0 and 1, or none.")
    chances = None
    if probability is not None:
        chances = _same(mask, _numbers(probability, "probability"), "probability").astype(np.float32)
        if not (np.isfinite(chances).all() and chances.min() >= 0 and chances.max() <= 1):
            raise ImageError("The probability leaves the range 0 to 1: give a vessel probability, or none.")
        threshold = threshold or matching_threshold(
            *((mask, chances) if seen.all() else (mask[seen], chances[seen]))
        )
    green = None
    if photograph is not None:
        green = _same(mask, _green(_numbers(photograph, "photograph")), "photograph").astype(np.float32)
        green = _with_dark_vessels(green, mask, seen)
    return Inputs(mask, classes, chances, threshold or 0.5, seen, green, landmarks_of(disc, fovea))


def matching_threshold(mask: Mask, probability: NDArray[np.float32]) -> float:
    """Threshold in hundredths at which a probability agrees with a mask in most pixels.

    Where several agree as well, as for a map of few values, it is the one nearest to a half.

    Parameters
    ----------
    mask : array, bool
    probability : array of the same shape, such as (H, W) or the pixels in view, range [0, 1]
    """
    known = mask | (probability >= np.float32(0.01))  # most of a photograph is neither
    level = np.minimum((probability[known] * np.float32(100)).astype(np.uint8), 99)
    other, vessel = np.bincount(level + np.uint8(100) * mask[known], minlength=200).reshape(2, 100)
    other[0] += mask.size - np.count_nonzero(known)
    # Wrong at threshold n / 100: vessels below it and others from it on.
    wrong = np.concatenate([[0], np.cumsum(vessel)]) + other.sum() - np.concatenate([[0], np.cumsum(other)])
    best = np.flatnonzero(wrong[1:100] == wrong[1:100].min()) + 1
    return float(best[np.abs(best - 50).argmin()]) / 100


def is_number(value: object) -> bool:
    """Whether a value is a number that is neither infinite nor NaN."""
    try:
        return bool(np.isscalar(value) and np.isfinite(value))
    except TypeError:
        return False


def _numbers(array: ArrayLike, name: str) -> NDArray[Any]:
    found = np.asarray(array)
    if found.dtype.kind not in "biuf":
        raise ImageError(f"The {name} is of type {found.dtype}: give an array of numbers.")
    return found


def _drawn(array: ArrayLike, name: str) -> Mask:
    """Where a mask is not 0; what lies between 0 and 1 is no mask, and its soft edge would widen vessels."""
    found = _numbers(array, name)
    if found.dtype.kind == "f":
        if not np.isfinite(found).all():
            raise ImageError(f"The {name} has values that are no numbers: set them to 0.")
        if ((found > 0) & (found < 1)).any():
            raise ImageError(
                f"The {name} has values between 0 and 1, as a probability has: give a mask, such as "
                "probability >= 0.5."
            )
    return np.asarray(found != 0)


def _green(picture: NDArray[Any]) -> NDArray[Any]:
    """The green channel, or the only one."""
    if picture.ndim != 3:
        return picture
    channels = picture.shape[-1]
    if channels not in (1, 3, 4):
        raise ImageError(f"The photograph has {channels} channels: give one (grey), or three (RGB).")
    return picture[..., 0 if channels == 1 else 1]


def _with_dark_vessels(green: NDArray[np.float32], mask: Mask, seen: Mask) -> NDArray[np.float32]:
    """A picture in which vessels are darker than what lies around them: of an angiogram, the negative."""
    around = widened(mask, 2 * BESIDE) & seen & ~mask
    if not (mask.any() and around.any()) or np.median(green[mask]) <= np.median(green[around]):
        return green
    return -green


def _same(mask: Mask, other: NDArray[Scalar], name: str) -> NDArray[Scalar]:
    if other.shape != mask.shape:
        raise ImageError(
            f"The {name} has the shape {other.shape}, the mask {mask.shape}: give arrays of one image."
        )
    return other


def landmarks_of(disc: tuple[float, float, float] | None, fovea: tuple[float, float] | None) -> Landmarks:
    """Check what was given of disc and fovea; raises SettingsError for what cannot be."""
    if disc is not None and not (_are_numbers(disc, 3) and disc[2] > 0):
        raise SettingsError(f"The disc is {_shown(disc)}: give x, y and a radius above 0 in pixels, or none.")
    if fovea is not None and not _are_numbers(fovea, 2):
        raise SettingsError(f"The fovea is {_shown(fovea)}: give x and y in pixels, or none.")
    circle = None if disc is None else Circle(*map(float, disc))
    point = None if fovea is None else Point(*map(float, fovea))
    return Landmarks(circle, point)


def _are_numbers(given: object, count: int) -> bool:
    return isinstance(given, Sequence | np.ndarray) and len(given) == count and all(map(is_number, given))


def _shown(given: object) -> str:
    return repr(tuple(given) if isinstance(given, list | tuple | np.ndarray) else given)
