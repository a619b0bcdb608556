"""Pixels of a label image that nobody judged."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BESIDE = 10
"""The highest label for which 255 (in 16 bits 65,535) means "not annotated"."""

VALUE = -1
"""What stands for "not judged" where this program writes labels: no label is negative."""


def not_judged(labels: NDArray[Any]) -> tuple[NDArray[np.bool_] | None, str]:
    """Find the unannotated pixels: 255 beside small labels, negative numbers, NaN.

    Parameters
    ----------
    labels : array, shape (H, W)
        Any type.

    Returns
    -------
    ignored : array, shape (H, W), bool, or None
        True where a pixel was not judged; None where all were.
    what : str
        Such as "of value 255 beside labels up to 1", to be said after a number of pixels; "" for None.
    """
    if not labels.size:
        return None, ""
    low, top = labels.min(), labels.max()
    if labels.dtype.kind == "f" and not np.isfinite([low, top]).all():
        return ~np.isfinite(labels), "that are no number"
    if low <= -0.5:  # rounding leaves floats a little below 0
        return labels < 0, "with negative values"
    if top not in (255, 65535):
        return None, ""
    below = labels.max(where=labels < top, initial=0)
    if not 0 < below <= BESIDE:
        return None, ""
    return labels == top, f"of value {top:g} beside labels up to {below:g}"


def judged(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Give labels with 0 where nobody judged, and these pixels as of :func:`not_judged`."""
    ignored, _ = not_judged(labels)
    return (labels, None) if ignored is None else (np.where(ignored, 0, labels).astype(labels.dtype), ignored)


def remark(count: int, what: str) -> str:
    """Say how many pixels were not judged, and by what that is known."""
    return f"{count:,} pixels {what} are treated as not annotated and left out of the vessels."
