"""Resampling along one axis, with an anti-aliasing filter.

The rule is that of Pillow and of PyTorch's ``interpolate(antialias=True)``: middles of pixels correspond, and
a kernel is stretched by the factor of shrinking.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging.intensity import floats

Array = NDArray[np.float32]

_TOGETHER = 16, 64
"""Pixels that are made together, by one product of matrices, to shrink and to enlarge: of more, most weights
would be zeros."""


_ALONE = 2**18
"""Multiplications in one product of matrices. OpenBLAS shares a larger one among its threads, whose number
would then decide the last bit of the result, and so whether two workers measure what one process does."""


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


def rows(image: NDArray[Any], length: int, kernel: Kernel, margin: int = 0) -> Array:
    """Resample the first axis of an array, shape (n, w, C) -> (length, w, C), float32.

    There are ``margin`` black pixels more at both ends. Integers are scaled to [0, 1], a few rows at a time:
    writing all of them to memory, to be read again, would take longer than the calculation.
    """
    size, width, channels = image.shape
    if length == size and not margin:
        return floats(image)
    result = np.empty((length, width * channels), np.float32)
    for band in _bands(size, length, kernel, margin):
        part = floats(image[band.of])
        flat, made = part.reshape(len(part), width * channels), result[band.made]
        for some in _parts(flat.shape[1], band.weights.size):
            np.matmul(band.weights, flat[:, some], out=made[:, some])
    return result.reshape(length, width, channels)


def columns(image: NDArray[Any], length: int, kernel: Kernel, margin: int = 0) -> Array:
    """Resample the second axis of an array, shape (h, n, C) -> (h, length, C); otherwise as :func:`rows`."""
    height, size, channels = image.shape
    if length == size and not margin:
        return floats(image)
    flat = np.ascontiguousarray(floats(image)).reshape(height, size * channels)
    result = np.empty((height, length * channels), np.float32)
    for band in _bands(size, length, kernel, margin):
        # A product of all channels, most of it zeros, takes less time than putting them in planes and back.
        weights = np.zeros((*band.weights.shape[::-1], channels, channels), np.float32)
        weights[:, :, range(channels), range(channels)] = band.weights.T[..., None]
        weights = weights.transpose(0, 2, 1, 3).reshape(-1, len(band.weights) * channels)
        made, of = (slice(part.start * channels, part.stop * channels) for part in (band.made, band.of))
        for some in _parts(height, weights.size):
            np.matmul(flat[some, of], weights, out=result[some, made])
    return result.reshape(height, length, channels)


def _parts(length: int, each: int) -> Iterator[slice]:
    """Cut a product of matrices of ``each`` multiplications a row or column into those that run alone."""
    step = max(1, _ALONE // max(each, 1))
    return (slice(start, start + step) for start in range(0, length, step))


class _Band(NamedTuple):
    """Neighbouring pixels along one axis: which they are, of which they are made, and the weights of these.

    Attributes
    ----------
    made, of : slice
    weights : array, shape (made, of), float32
    """

    made: slice
    of: slice
    weights: Array


def _bands(size: int, length: int, kernel: Kernel, margin: int) -> Iterator[_Band]:
    """Cut resampling into products of small matrices; ``of`` may be empty in a margin."""
    before = size + 2 * margin
    firsts, weights = _weights(before, length, kernel)
    many, reach = _TOGETHER[length > before], np.arange(weights.shape[1])
    for start in range(0, length, many):
        made = slice(start, start + len(firsts[start : start + many]))
        first = int(firsts[start])  # they rise, and so do the last
        place = firsts[made, None] - first + reach
        together = np.zeros((len(place), int(place[-1, -1]) + 1), np.float32)
        together[np.arange(len(place))[:, None], place] = weights[made]
        low, high = (min(max(n, margin), size + margin) for n in (first, first + together.shape[1]))
        yield _Band(made, slice(low - margin, high - margin), together[:, low - first : high - first])


def _weights(before: int, length: int, kernel: Kernel) -> tuple[NDArray[np.int64], Array]:
    """First pixel that each new one is made of, and the weights of it and of those after it."""
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
    return firsts, weights
