"""Colours of segments by a measure."""

from dataclasses import dataclass

import numpy as np
from napari.utils.colormaps import AVAILABLE_COLORMAPS, DirectLabelColormap
from numpy.typing import NDArray

STEPS = 64
"""Colours in a scale: more cannot be told apart, and napari is quick with up to 255 of them."""

SHARE = 0.02
"""The scale spans all values but this share at either end: one odd segment does not decide it."""

UNKNOWN = (0.55, 0.55, 0.55, 1.0)
"""A segment without a value."""

NAME = "viridis"


@dataclass(frozen=True)
class ColourScale:
    """Values from the first to the last colour.

    Attributes
    ----------
    low, high : float
        NaN where there are no values.
    """

    low: float
    high: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "ColourScale":
        """Span the values of the segments."""
        known = values[np.isfinite(values)]
        if not known.size:
            return cls(np.nan, np.nan)
        low, high = np.quantile(known, (SHARE, 1 - SHARE))
        return cls(float(low), float(high))

    def colours(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the colour of each value, shape (n, 4)."""
        span = self.high - self.low
        share = (values - self.low) / span if span > 0 else np.full(len(values), 0.5)
        known = np.isfinite(values)
        step = np.clip(np.where(known, share, 0) * STEPS, 0, STEPS - 1).astype(int)
        return np.where(known[:, None], ramp()[step], UNKNOWN)

    def colormap(self, labels: NDArray[np.int64], values: NDArray[np.float64]) -> DirectLabelColormap:
        """Give napari's colours of segments, by their numbers and values."""
        clear = (0.0, 0.0, 0.0, 0.0)
        known = dict(zip(labels.tolist(), self.colours(values), strict=True))
        return DirectLabelColormap(color_dict={None: UNKNOWN, 0: clear} | known)


def ramp() -> NDArray[np.float64]:
    """Give the colours of a scale from low to high, shape (STEPS, 4)."""
    return np.asarray(AVAILABLE_COLORMAPS[NAME].map(np.linspace(0, 1, STEPS)), float)
