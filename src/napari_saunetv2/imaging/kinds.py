"""Recognising masks by their pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_AT_THE_ENDS = 0.85
_NEAR = 0.03  # of the range: the noise of a JPEG file

_LOOKED_AT = 400  # pixels of the longer side


def is_nearly_black_and_white(pixels: NDArray[Any]) -> bool:
    """Whether pixels, shape (H, W) or (H, W, C), are a mask with JPEG noise.

    Only every n-th pixel is examined, so that large files take no longer.
    """
    step = max(1, max(pixels.shape[:2]) // _LOOKED_AT)
    few = pixels[::step, ::step]
    colours = few.reshape(-1, 1 if few.ndim == 2 else few.shape[2])[:, :3].astype(float)
    low, high = float(colours.min()), float(colours.max())
    if low == high:
        return True
    grey = np.ptp(colours, axis=1).max() <= 2 * _NEAR * (high - low)
    level = (colours[:, 0] - low) / (high - low)
    return bool(grey and np.mean((level <= _NEAR) | (level >= 1 - _NEAR)) >= _AT_THE_ENDS)
