"""How well repeated measurements of the same eyes agree."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Agreement(NamedTuple):
    """Of one measure over the versions of each eye.

    Attributes
    ----------
    icc : float
        ICC(3,1); a constant shift of a version does not lower it.
    cv : float
        Standard deviation (n - 1) over the mean of an eye's versions, mean over eyes.
    eyes : int
        Those with a value in every version.
    """

    icc: float
    cv: float
    eyes: int


def agreement(values: Floats) -> Agreement:
    """Agreement of a table of values, shape (eyes, versions); eyes with a gap are left out."""
    whole = values[np.isfinite(values).all(axis=1)]
    if len(whole) < 2:
        return Agreement(np.nan, np.nan, len(whole))
    return Agreement(icc(whole), float(np.mean(whole.std(axis=1, ddof=1) / whole.mean(axis=1))), len(whole))


def icc(values: Floats) -> float:
    """ICC(3,1) of values, shape (eyes, versions) (Shrout and Fleiss, Psychol Bull 86:420, 1979)."""
    eyes, versions = values.shape
    mean = values.mean()
    by_eye, by_version = (values.mean(axis=axis, keepdims=True) for axis in (1, 0))
    between = versions * ((by_eye - mean) ** 2).sum() / (eyes - 1)
    left = ((values - by_eye - by_version + mean) ** 2).sum() / ((eyes - 1) * (versions - 1))
    return float((between - left) / (between + (versions - 1) * left))


def difference(before: Floats, after: Floats) -> tuple[float, float]:
    """Mean of the relative difference, and half of the width of the 95 % limits of agreement.

    Bland and Altman, Stat Methods Med Res 8:135, 1999; differences over the mean of both.
    """
    relative = 2 * (after - before) / (after + before)
    relative = relative[np.isfinite(relative)]
    return float(relative.mean()), float(1.96 * relative.std(ddof=1))
