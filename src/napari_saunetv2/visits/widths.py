"""Change of the width of one vessel between two visits, and how far it can be trusted."""

from dataclasses import dataclass

import numpy as np

from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.sections import SMOOTHED, STAIRCASE
from napari_saunetv2.measure.tree import shifted
from napari_saunetv2.visits.visit import Visit

MOVED = 0.1
"""By so much the threshold of a probability is moved either way, as for the intervals of an image."""

PIXEL = 0.5
"""Half the interval of a width from a mask alone: an edge lies anywhere within a pixel on either side."""

NORMAL = 1.96
"""Standard errors to half a 95 % interval."""

_FWHM2 = 8 * np.log(2)
"""Square of the width at half height of a Gaussian, in variances."""


@dataclass(frozen=True)
class Edges:
    """Widths at all points of a photograph's centre lines, and under a lower and a higher threshold.

    Attributes
    ----------
    width, low, high : array, shape (n,)
        Pixels of that photograph; NaN where there is no cross-section.
    """

    width: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, visit: Visit) -> "Edges":
        """Measure them."""
        tree, given = visit.tree, visit.inputs
        width = tree.sections.width
        if given.probability is None:
            return cls(width, width - PIXEL, width + PIXEL)
        moved = []
        for by in (MOVED, -MOVED):
            other = given.moved(by)
            assert other.probability is not None
            found = shifted(tree, other.vessels, other.probability, other.threshold).sections.width
            # A vessel that a higher threshold loses is as narrow as can be.
            moved.append(np.where(np.isnan(found) & np.isfinite(width), 0.0 if by > 0 else width, found))
        return cls(width, np.minimum(moved[0], width), np.maximum(moved[1], width))


def of_blur(width: float, profiles: tuple[float | None, float | None]) -> float:
    """Half an interval: by how much a difference in sharpness alone may widen a vessel.

    Parameters
    ----------
    width : float
        Pixels.
    profiles : (float or None, float or None)
        Widths of the vessels' profiles in both photographs, standard deviations in the same pixels; None
        where a photograph is missing.

    Returns
    -------
    float
        Pixels. Blur adds to the square of a profile's width at half height; a wide vessel hides it.
    """
    one, other = profiles
    if one is None or other is None:
        return 0.0
    return float(np.sqrt(width**2 + _FWHM2 * abs(one**2 - other**2)) - width)


def independent(length: float, width: float) -> float:
    """Number of independent cross-sections on a stretch: widths are smoothed along the vessel."""
    return max(1.0, length / float(np.hypot(SMOOTHED * width, STAIRCASE)))
