"""What the pixels of a file look like: a mask, a probability map, or a photograph."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEW_COLOURS = 8
"""A picture of at most so many colours is a mask, or a map of artery and vein."""

_AT_THE_ENDS = 0.85
_NEAR = 0.03
"""A grey picture in which this share of pixels is nearly black or white is a mask with soft edges."""

_MANY_LEVELS = 32
_ALIKE = 0.8
"""Of the pixels of a vessel so many are like their neighbour where labels are numbered, and fewer where each
pixel has its own probability."""

_LOOKED_AT = 400  # pixels of the longer side that are looked at


def looks_like_a_mask(pixels: NDArray[Any]) -> bool:
    """Whether pixels, shape (H, W) or (H, W, C), are a mask: few colours, or black and white with soft edges.

    Every n-th pixel is looked at, so that a large file takes no longer.
    """
    step = max(1, max(pixels.shape[:2]) // _LOOKED_AT)
    few = pixels[::step, ::step]
    colours = few.reshape(-1, 1) if few.ndim == 2 else few.reshape(-1, few.shape[2])
    if len(np.unique(colours, axis=0)) <= FEW_COLOURS:
        return True
    colours = colours[:, :3].astype(float)
    low, high = float(colours.min()), float(colours.max())
    grey = np.ptp(colours, axis=1).max() <= _NEAR * (high - low)
    level = (colours[:, 0] - low) / (high - low)
    return bool(grey and np.mean((level <= _NEAR) | (level >= 1 - _NEAR)) >= _AT_THE_ENDS)


def looks_like_a_probability(pixels: NDArray[Any]) -> bool:
    """Whether pixels are probabilities: grey, and floats, or integers of many levels that are no labels."""
    if pixels.ndim == 3:
        if not (pixels[..., :3] == pixels[..., :1]).all():
            return False
        pixels = pixels[..., 0]
    if pixels.dtype.kind == "f":
        return True
    levels = np.unique(pixels)
    if len(levels) < _MANY_LEVELS:
        return False
    here, right = pixels[:, :-1], pixels[:, 1:]
    some = (here != levels[0]) & (right != levels[0])
    return bool(some.any() and np.mean(here[some] == right[some]) < _ALIKE)
