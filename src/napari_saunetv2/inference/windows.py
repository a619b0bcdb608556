"""Tiles with all the context that their inner part needs, for maps that need no blending."""

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
    """Along one axis: what is read, what is answered for, and the length of the canvas for it."""

    read: slice
    core: slice
    length: int

    @property
    def inner(self) -> slice:
        """Where the answer lies on the canvas."""
        return slice(self.core.start - self.read.start, self.core.stop - self.read.start)


def spans(length: int, side: int, margin: int, multiple: int = ALIGNED) -> list[Span]:
    """Cut a length into cores that touch, each with ``margin`` pixels of context where there are any.

    Parameters
    ----------
    length, side, margin : int, pixels
        Of the image, of a canvas at most, and of context at each end of a core.
    multiple : int
        Of which a core's length is a multiple, except the last one's; itself a multiple of ``ALIGNED``.
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


def laid(seen: NDArray[np.float32], rows: Span, columns: Span) -> NDArray[np.float32]:
    """Lay what was read, shape (h, w, 3), on its canvas of zeros."""
    canvas = np.zeros((rows.length, columns.length, *seen.shape[2:]), np.float32)
    canvas[: seen.shape[0], : seen.shape[1]] = seen
    return canvas


def spread(
    read: Callable[[Tile], NDArray[np.float32]], height: int, width: int, *, count: int, side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tiles spread evenly over an image, and a black one for what lies beside it on its canvas.

    Returns
    -------
    tiles : array, shape (N, side, side, 3), float32
        About ``count`` of the image, then the black one.
    shares : array, shape (N,), float32, sum 1
        Of the canvas that each stands for.
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
