"""How well the vessels of a photograph can be seen, and why: a mark, never a reason to refuse it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging import field_of_view, fundus
from napari_saunetv2.imaging.intensity import stored
from napari_saunetv2.imaging.picture import Picture
from napari_saunetv2.imaging.quality._cells import ACROSS, Cells, cells_of
from napari_saunetv2.imaging.quality._disc import completed
from napari_saunetv2.imaging.quality._words import where

__all__ = [
    "LIMITS", "Limits", "Quality", "dark_over_bright", "of_picture", "of_unit", "profile_width", "quality",
]  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """Where a part of the field of view stops being lit, sharp or in contrast.

    Attributes
    ----------
    light : float, range [0, 1]
        Median of the green channel below which it is too dark.
    white : float, range [0, 1]
        The same above which it is too bright: nothing shows in white.
    width : float, share of the field's diameter
        Width of the vessels' profile above which it is blurred.
    depth : float
        Depth of the vessels, in the logarithm of brightness, below which it is hazy.
    relief : float
        The same as a multiple of what is usual beside them.
    """

    light: float = 0.11
    white: float = 0.97
    width: float = 0.006
    depth: float = 0.019
    relief: float = 3.2


LIMITS = Limits()

_STEEPNESS = {"too dark": 8, "too bright": 8, "blurred": 4, "hazy": 4}
"""Exponent of each grade: 1.5 times better than the limit is a grade of 0.84, for light of 0.96: what is
bright enough gains nothing from more light."""

_UNLIKE = 2
"""With so many doubts an image is no fundus photograph; one alone may be wrong (a crop has no border)."""


@dataclass(frozen=True)
class Quality:
    """How well the vessels of a photograph can be seen.

    Attributes
    ----------
    score : float, range [0, 1]
        Mean over the field of view of the product of three grades, for light, sharpness and contrast. Each
        is x^n / (1 + x^n), where x says how many times better than its limit a place is, and n is 8 for
        light, else 4: 1/2 at the limit. 0 for what is no fundus photograph.
    lit, sharp, contrast : float, range [0, 1]
        Share of the field of view that is neither too dark nor too bright, not blurred, not hazy.
    doubts : tuple of str
        Reasons why this may not be a fundus photograph; one alone may be wrong.
    faults : tuple of str
        What is wrong, and where: "lower left third too dark", "blurred".
    """

    score: float
    lit: float
    sharp: float
    contrast: float
    doubts: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def is_fundus(self) -> bool:
        """Whether this is a fundus photograph, as far as can be seen; True if there is a single doubt."""
        return len(self.doubts) < _UNLIKE

    @property
    def note(self) -> str:
        """Doubts and faults in a line; "" if there are none."""
        perhaps = "perhaps not" if self.is_fundus else "not"
        doubt = [f"{perhaps} a fundus photograph: {', '.join(self.doubts)}"] if self.doubts else []
        return "; ".join([*doubt, *self.faults])

    def in_words(self) -> str:
        """Describe it in a line: "quality 0.71: lower left third too dark"."""
        return f"quality {self.score:.2f}" + (f": {self.note}" if self.note else "")


def quality(image: ArrayLike, fov: ArrayLike | None = None) -> Quality:
    """Judge how well the vessels of a photograph can be seen.

    The field of view is divided into cells, a twelfth of its width each. In each the green channel tells
    whether it is lit; the profile of its darkest lines, the vessels, tells whether it is sharp; and their
    depth, absolute and compared with the texture beside them, whether it is in contrast. All lengths are
    shares of the field of view.

    Parameters
    ----------
    image : array, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Grey, RGB or RGBA, as for :func:`napari_saunetv2.segment`.
    fov : array, shape (H, W), optional
        Inside of the field of view where not 0; by default it is detected.

    Returns
    -------
    Quality
        A grey image is judged by its brightness. One that is too small to judge has score 0 and a fault that
        says so.

    Raises
    ------
    ImageError
        If the image cannot be used, or the mask has another shape.

    Notes
    -----
    The rule was made for this program. 19 of 20 cells of the training photographs of each of DRIVE, STARE,
    CHASE_DB1 and HRF keep each limit; ``benchmarks/quality.py`` finds the limits anew, and compares scores
    with the accuracy of segmentations of two other cameras.
    """
    pixels = stored(image)
    inside = field_of_view.detect(pixels) if fov is None else np.asarray(fov) != 0
    if inside.shape != pixels.shape[:2]:
        raise ImageError(
            f"The FOV mask has shape {inside.shape}, the image {pixels.shape[:2]}: give a mask of the "
            "image's size."
        )
    return of_picture(Picture(pixels, inside))


def of_unit(image: NDArray[Any], fov: NDArray[np.bool_], limits: Limits = LIMITS) -> Quality:
    """As :func:`quality`, of an image and a field of view as for :func:`dark_over_bright`."""
    return of_picture(Picture(image, fov), limits)


def of_picture(picture: Picture, limits: Limits = LIMITS) -> Quality:
    """As :func:`quality`, of a photograph with its field of view."""
    cells = cells_of(picture.pixels, completed(picture.fov))
    if cells is None:
        return Quality(0.0, 0.0, 0.0, 0.0, picture.doubts, ("too small to judge",))
    doubts = picture.doubts
    if float(np.median(cells.darker)) < fundus.DARKER:
        doubts = (*doubts, "it shows no dark lines that could be vessels")
    reached = _reached(cells, limits)
    total = cells.area.sum()
    grades = np.prod([_grade(x, _STEEPNESS[word]) for word, x in reached.items()], axis=0)
    lit, sharp, contrast = (
        float(cells.area[np.all([reached[name] >= 1 for name in names], axis=0)].sum() / total)
        for names in (("too dark", "too bright"), ("blurred",), ("hazy",))
    )
    score = float((cells.area * grades).sum() / total) if len(doubts) < _UNLIKE else 0.0
    return Quality(score, lit, sharp, contrast, doubts, _faults(cells, reached))


def dark_over_bright(image: NDArray[Any], fov: NDArray[np.bool_]) -> float | None:
    """Depth of dark lines over height of bright lines, in the median cell; None if no lines are seen.

    Parameters
    ----------
    image : array, shape (H, W, 3)
        In [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it.
    fov : array, shape (H, W), bool
        Its field of view.
    """
    cells = cells_of(image, fov)
    if cells is None or np.median(cells.depth) < LIMITS.depth / 4:
        return None
    return float(np.median(cells.darker))


def profile_width(image: NDArray[Any], fov: NDArray[np.bool_]) -> float | None:
    """Width of the vessels' profiles, a Gaussian's standard deviation, as a share of the field's diameter.

    It is the median over the cells; blur adds to it. None if no lines are seen. Parameters are those of
    :func:`dark_over_bright`.
    """
    cells = cells_of(image, fov)
    if cells is None or np.median(cells.depth) < LIMITS.depth / 4:
        return None
    return float(np.median(cells.width))


def _grade(better: NDArray[np.float64], steepness: int) -> NDArray[np.float64]:
    """Grade from 0 to 1 of what is so many times better than its limit: 1/2 at the limit."""
    power = better**steepness
    return power / (1 + power)


def _reached(cells: Cells, limits: Limits) -> dict[str, NDArray[np.float64]]:
    """How many times better than its limit each cell is, by the word for what is worse."""
    return {
        "too dark": cells.light / limits.light,
        "too bright": (1 - cells.light) / (1 - limits.white),
        "blurred": limits.width / cells.width,
        "hazy": np.minimum(cells.depth / limits.depth, cells.relief / limits.relief),
    }


def _faults(cells: Cells, reached: dict[str, NDArray[np.float64]]) -> tuple[str, ...]:
    """Name by thirds of the field of view what is below its limit: of several faults the first.

    Dark parts look hazy too, for what is left of their contrast is noise, and so do blurred ones.
    """
    thirds = np.stack([cells.row, cells.column]) * 3 // ACROSS
    named = np.zeros(len(cells.area), bool)
    faults = []
    for word, better in reached.items():
        places = where((better < 1) & ~named, thirds, cells.area)
        if places is not None:
            faults.append(f"{' and '.join(places)} {word}".strip())
            named |= better < 1
    return tuple(faults)
