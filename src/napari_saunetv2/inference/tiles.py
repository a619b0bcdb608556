"""Overlapping tiles of an image, and their blending back into one map."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OVERLAP = 0.25
"""Overlap of neighbouring tiles, as a share of their side."""


class Tile(NamedTuple):
    """Position of a tile: rows and columns of the image."""

    rows: slice
    columns: slice


def tiles(height: int, width: int, side: int) -> list[Tile]:
    """Cover an image of ``height`` x ``width`` pixels with tiles of at most ``side`` x ``side``."""
    return [Tile(rows, columns) for rows in _spans(height, side) for columns in _spans(width, side)]


def _spans(length: int, side: int) -> Iterator[slice]:
    """Evenly spread spans of ``side`` pixels that cover ``length`` with at least the overlap."""
    if length <= side:
        yield slice(0, length)
        return
    stride = max(1, side - round(OVERLAP * side))
    count = -(-(length - side) // stride) + 1
    for start in np.linspace(0, length - side, count).round().astype(int).tolist():
        yield slice(start, start + side)


class Blend:
    """Sum tiles, weighting each pixel by its distance from the tile's border."""

    def __init__(self, height: int, width: int) -> None:
        self._sum = np.zeros((0, height, width), np.float32)
        self._weight = np.zeros((height, width), np.float32)

    def add(self, tile: Tile, values: NDArray[np.float32]) -> None:
        """Add a tile's values, shape (classes, h, w) with the tile's h and w."""
        if not len(self._sum):
            self._sum = np.zeros((len(values), *self._weight.shape), np.float32)
        weight = np.outer(*map(_ramp, values.shape[1:])).astype(np.float32)
        self._sum[:, tile.rows, tile.columns] += weight * values
        self._weight[tile] += weight

    def result(self) -> NDArray[np.float32]:
        """Give the weighted mean at every pixel that a tile has covered, shape (classes, H, W)."""
        return self._sum / self._weight


def _ramp(length: int) -> NDArray[np.float64]:
    """Weights of a row: rising over the overlap, flat in the middle, never 0."""
    edge = max(1.0, OVERLAP * length)
    distance = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
    return np.clip(distance / edge, 0, 1)
