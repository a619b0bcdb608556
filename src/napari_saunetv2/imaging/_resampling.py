"""Resampling along one axis, with an anti-aliasing filter.

The rule is that of Pillow and of PyTorch's ``interpolate(antialias=True)``: middles of pixels correspond, and
a kernel is stretched by the factor of shrinking.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Kernel(NamedTuple):
    """A weight by distance in pixels, which is zero from ``reach`` on."""

    reach: int
    weight: Callable[[Array], Array]


def _cubic(away: Array) -> Array:
    near = (1.5 * away - 2.5) * away * away + 1
    far = ((-0.5 * away + 2.5) * away - 4) * away + 2
    return np.where(away < 1, near, np.where(away < 2, far, np.float32(0)))


LINEAR = Kernel(1, lambda away: np.maximum(1 - away, 0))
CUBIC = Kernel(2, _cubic)
"""Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2."""


def resample(image: Array, length: int, kernel: Kernel) -> Array:
    """Resample the first axis of an array, shape (n, ...) -> (length, ...)."""
    before = len(image)
    if length == before:
        return image
    rows = np.ascontiguousarray(image).reshape(before, -1)
    result = np.empty((length, rows.shape[1]), np.float32)
    for out, (first, weights) in zip(result, _weights(before, length, kernel), strict=True):
        np.dot(weights, rows[first : first + len(weights)], out=out)
    return result.reshape(length, *image.shape[1:])


def _weights(before: int, length: int, kernel: Kernel) -> Iterator[tuple[int, Array]]:
    """First pixel that each new one is made of, and the weights of it and those after it."""
    # In float32, as in torch, which the networks were trained with.
    step = np.float32(before) / np.float32(length)
    stretch = max(np.float32(1), step)
    middles = step * (np.arange(length, dtype=np.float32) + np.float32(0.5))
    reach, half = np.float32(kernel.reach) * stretch, np.float32(0.5)
    firsts = np.maximum(0, (middles - reach + half).astype(np.int64))
    counts = np.minimum(before, (middles + reach + half).astype(np.int64)) - firsts
    places = (firsts[:, None] + np.arange(counts.max())).astype(np.float32)
    away = np.abs((places - middles[:, None] + half) * (np.float32(1) / stretch))
    weights = kernel.weight(away) * (np.arange(counts.max()) < counts[:, None])
    weights /= weights.sum(1, keepdims=True)
    return ((first, row[:count]) for first, row, count in zip(firsts.tolist(), weights, counts, strict=True))
