"""The median of few vessels with many cross-sections each."""

import numpy as np
from scipy.special import betainc

from napari_saunetv2.measure.centreline import Floats


def equal_parts(weights: Floats) -> float:
    """Give the number of equal parts that weights amount to (Kish, Survey Sampling, 1965).

    Parameters
    ----------
    weights : array, shape (n,)
        0 or more.

    Returns
    -------
    float
        1 at least.
    """
    return float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 1.0


def median(values: Floats, weights: Floats, number: float) -> float:
    """Median of weighted values by Harrell and Davis (Biometrika 69:635, 1982).

    It is the mean of the values at every share of the whole, weighted by how probable it is that the median
    of ``number`` independent observations lies there. The single value in the middle would jump wherever
    values have gaps: those of a mask do, whose vessels are a whole number of pixel rows wide.

    Parameters
    ----------
    values, weights : array, shape (n,)
        At least one weight above 0.
    number : float
        Independent observations among the values; of 1 the result is the mean.
    """
    order = np.argsort(values)
    reached = np.concatenate([[0.0], np.cumsum(weights[order])])
    half = (number + 1) / 2
    shares = np.diff(betainc(half, half, reached / reached[-1]))
    return float(shares @ values[order])
