"""Resampling images and maps."""

import math

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging._resampling import CUBIC, LINEAR, Kernel, resample


def resize(
    image: NDArray[np.float32], height: int, width: int, *, shares: bool = False
) -> NDArray[np.float32]:
    """Resample an image, shape (h, w) or (h, w, C), to (height, width[, C]).

    Bicubic with an anti-aliasing filter to shrink, because bilinear makes fine vessels paler; bilinear to
    enlarge, and for ``shares`` of a pixel, such as labels, whose sum must be preserved. Values stay within
    the image's range.
    """
    shrinks = height * width < math.prod(image.shape[:2])
    if shrinks and not shares:
        resized = _columns(resample(image, height, CUBIC), width, CUBIC)
        return np.clip(resized, image.min(), image.max(), out=resized)  # it overshoots beside an edge
    return np.ascontiguousarray(resample(_columns(image, width, LINEAR), height, LINEAR))


def _columns(image: NDArray[np.float32], width: int, kernel: Kernel) -> NDArray[np.float32]:
    """Resample the second axis; beside the first one it takes time, so it is done where there is less."""
    return np.array(resample(image.swapaxes(0, 1), width, kernel).swapaxes(0, 1), order="C")


SMALLEST_FACTOR = 0.4
"""No photograph is shrunk further to match a model's scale: its fine vessels would disappear. Chosen on nine
training images of HRF, where DRIVE's scale is a factor of 0.18: F1 there is .750 by saunetv2-general, .788
at 0.44; .703 and .757 by saunetv2-drive."""

RESCALE_BEYOND = 1.25
"""A field of view that differs from a model's by more than this factor is resampled to its scale; resampling
for less would blur more than it helps."""


def factor_between(found: float, wanted: float) -> float:
    """Return the factor that scales a field of view of ``found`` pixels to ``wanted``, within limits.

    1 if they are close enough. Training and inference both use this, so that a network is used at its
    training scale.
    """
    factor = max(wanted / found, SMALLEST_FACTOR)
    return factor if max(factor, 1 / factor) > RESCALE_BEYOND else 1.0


LARGEST_GUESS = 1.4
"""A photograph without a field of view is enlarged by this at most. A crop that is at the right scale loses
nothing by it (F1 .761 at 1 and .762 at 1.4, on 42 crops), and a photograph at .7 of its scale loses .03."""


def factor_without_field(longest: float, wanted: float) -> float:
    """Return the factor for a photograph in which no field of view was found, from its longer side.

    It is treated as if that side were the field of view, for nothing else in it tells its scale as well
    (docs/models/experiments.md, "Scale without a field of view"), but hardly enlarged: a small picture may be
    a crop, which shows a part of the eye as sharply as it is.
    """
    return min(LARGEST_GUESS, factor_between(longest, wanted))


def scaled_shape(height: int, width: int, factor: float) -> tuple[int, int]:
    """Shape at ``factor`` times the scale, at least 1 x 1."""
    return max(1, round(height * factor)), max(1, round(width * factor))
