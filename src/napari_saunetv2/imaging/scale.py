"""Resampling images and maps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging._resampling import CUBIC, LINEAR, columns, rows
from napari_saunetv2.imaging.intensity import floats


def resize(
    image: NDArray[Any], height: int, width: int, *, shares: bool = False, margin: int = 0
) -> NDArray[np.float32]:
    """Resample an image, shape (h, w) or (h, w, C), to (height, width[, C]).

    Bicubic with an anti-aliasing filter to shrink, because bilinear makes fine vessels paler; bilinear to
    enlarge, and for ``shares`` of a pixel, such as labels, whose sum must be preserved. Values stay within
    the image's range.

    Parameters
    ----------
    image : array
        float32, or integers, which are scaled to [0, 1] as by
        :func:`napari_saunetv2.imaging.intensity.to_unit`.
    height, width : int, pixels
    shares : bool
    margin : int, pixels
        Black on every side of it, which counts as part of the image.
    """
    planes = image if image.ndim == 3 else image[..., None]
    before = planes.shape[0] + 2 * margin, planes.shape[1] + 2 * margin
    if height * width < before[0] * before[1] and not shares:
        resized = columns(rows(planes, height, CUBIC, margin), width, CUBIC, margin)
        black = [np.zeros((), image.dtype)] * (margin > 0)
        ends = floats(np.array([image.min(), image.max(), *black]))
        np.clip(resized, ends.min(), ends.max(), out=resized)  # it overshoots beside an edge
    else:
        resized = rows(columns(planes, width, LINEAR, margin), height, LINEAR, margin)
    return resized if image.ndim == 3 else resized[..., 0]


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
