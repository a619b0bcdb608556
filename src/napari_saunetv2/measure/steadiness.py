"""How much counts and lengths change where the same vessels lie otherwise on the grid of pixels.

A centre line is thinned from pixels, and where a vessel is faint or a branch short, its place in the grid
decides whether there is a node. Each node is in doubt for itself, so that the variance of a count grows with
the count. A length changes by about a width wherever a short branch or an end comes or goes.
"""

import numpy as np

from napari_saunetv2.measure.part import Part

COUNT = {"segments": 0.78, "bifurcations": 0.49, "crossings": 0.47, "ends": 1.85}
"""Standard deviation of a count over its square root (benchmarks/measure_steadiness.py)."""

LENGTH = 0.13
"""Standard deviation of a length over the square root of itself times the mean width."""


def of_count(key: str, part: Part, value: float) -> float:
    """Give the standard deviation of a count of ``COUNT``; 0 where there are no vessels."""
    return COUNT[key] * float(np.sqrt(max(value, 1.0))) if part.lengths.any() else 0.0


def of_length(part: Part) -> float:
    """Give the standard deviation of the length of all vessels, pixels; 0 without cross-sections."""
    across, along = part.widths()
    if not across.size or not along.sum():
        return 0.0
    return LENGTH * float(np.sqrt(part.lengths.sum() * np.average(across, weights=along)))
