"""Tiles with full context around their core, so that no blending is needed."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import canvas
from napari_saunetv2.inference.tiles import Tile

ALIGNED = 16
"""Windows start at multiples of this many pixels: a network that halves four times sees the same grid."""


class Span(NamedTuple):
    """Along one axis: the pixels to read, the core to keep, and the length of the canvas."""

    read: slice
    core: slice
    length: int

    @property
    def inner(self) -> slice:
        """Position of the core on the canvas."""
        return slice(self.core.start - self.read.start, self.core.stop - self.read.start)


def spans(length: int, side: int, margin: int, multiple: int = ALIGNED) -> list[Span]:
    """Cut a length into adjacent cores, each with up to ``margin`` pixels of context.

    Parameters
    ----------
    length, side, margin : int, pixels
        Length of the image, maximum length of a canvas, and context at each end of a core.
    multiple : int
        The length of every core but the last is a multiple of this, which is a multiple of ``ALIGNED``.
    """
    if length <= side:
        return [Span(slice(0, length), slice(0, length), _up(length, ALIGNED))]
    margin = _up(margin, ALIGNED)
    most = max(multiple, (side - 2 * margin) // multiple * multiple)
    core = _up(-(-length // -(-length // most)), multiple)  # evenly spread
    full = core + 2 * margin
    starts = [(start, max(0, start - margin)) for start in range(0, length, core)]
    return [
        Span(slice(first, min(length, first + full)), slice(start, min(length, start + core)), full)
        for start, first in starts
    ]


def pad_to_canvas(part: NDArray[np.float32], rows: Span, columns: Span) -> NDArray[np.float32]:
    """Pad the pixels read, shape (h, w, 3), with zeros to their canvas."""
    canvas = np.zeros((rows.length, columns.length, *part.shape[2:]), np.float32)
    canvas[: part.shape[0], : part.shape[1]] = part
    return canvas


def spread(
    read: Callable[[Tile], NDArray[np.float32]], height: int, width: int, *, count: int, side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tiles spread evenly over an image, and a black one for the padding of its canvas.

    Returns
    -------
    tiles : array, shape (N, side, side, 3), float32
        About ``count`` of the image, then the black one.
    shares : array, shape (N,), float32, sum 1
        Share of the canvas that each represents.
    """
    down = max(1, round(math.sqrt(count * height / width)))
    right = max(1, round(count / down))
    found = np.zeros((down * right + 1, side, side, 3), np.float32)
    for number, (row, column) in enumerate(np.ndindex(down, right)):
        top, left = (
            max(0, min(round((n + 0.5) * length / parts - side / 2), length - side))
            for n, parts, length in ((row, down, height), (column, right, width))
        )
        part = read(Tile(slice(top, min(height, top + side)), slice(left, min(width, left + side))))
        found[number, : part.shape[0], : part.shape[1]] = part
    inside = height * width / math.prod(canvas.shape(height, width))
    shares = np.append(np.full(down * right, inside / (down * right)), 1 - inside)
    return found, shares.astype(np.float32)


def covered(rows: list[Span], columns: list[Span]) -> Iterator[tuple[Span, Span]]:
    """All pairs, row by row."""
    return ((row, column) for row in rows for column in columns)


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
