"""Outlines of labels along the edges of pixels: a program that fills them gets the same pixels."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Ring = NDArray[np.int64]
"""Corners x, y of a closed line, shape (n, 2); the first is not repeated."""


class Outline(NamedTuple):
    """A connected piece of a label: its outer ring, and those of its holes."""

    outer: Ring
    holes: tuple[Ring, ...]


def outlines(labels: NDArray[np.integer]) -> Iterator[tuple[int, list[Outline]]]:
    """Trace every label of an image.

    Parameters
    ----------
    labels : array, shape (H, W), integers
        0 is background. Pixels that touch by a corner only are different pieces.

    Yields
    ------
    label : int
    list of Outline
        Corners are whole numbers: the pixel in row 0, column 0 reaches from 0 to 1 either way.
    """
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        if place is not None:
            rows, columns = place
            yield number, _traced(labels[place] == number, (columns.start, rows.start))


def _traced(mask: NDArray[np.bool_], offset: tuple[int, int]) -> list[Outline]:
    rings = [ring + offset for ring in _rings(mask)]
    outer = [ring for ring in rings if _area(ring) > 0]
    holes: list[list[Ring]] = [[] for _ in outer]
    for ring in rings:
        if _area(ring) < 0:
            inside = [n for n, one in enumerate(outer) if _holds(one, ring[0] + _inward(ring))]
            holes[min(inside, key=lambda n: _area(outer[n]))].append(ring)
    return [Outline(ring, tuple(found)) for ring, found in zip(outer, holes, strict=True)]


def _rings(mask: NDArray[np.bool_]) -> list[Ring]:
    """Follow the edges of pixels, each with its pixel on the right, into closed lines."""
    padded = np.pad(mask, 1)
    inner = padded[1:-1, 1:-1]
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (down, across), begin, end in (
        ((-1, 0), (0, 0), (1, 0)),
        ((0, 1), (1, 0), (1, 1)),
        ((1, 0), (1, 1), (0, 1)),
        ((0, -1), (0, 1), (0, 0)),
    ):
        beside = padded[1 + down : 1 + down + mask.shape[0], 1 + across : 1 + across + mask.shape[1]]
        for row, column in np.argwhere(inner & ~beside).tolist():
            start = (column + begin[0], row + begin[1])
            following.setdefault(start, []).append((column + end[0], row + end[1]))
    rings = []
    while following:
        start = next(iter(following))
        ring, at, before = [], start, None
        while True:
            ways = following[at]
            way = ways[0] if before is None or len(ways) == 1 else _to_the_right(before, at, ways)
            ways.remove(way)
            if not ways:
                del following[at]
            if before is None or (at[0] - before[0], at[1] - before[1]) != (way[0] - at[0], way[1] - at[1]):
                ring.append(at)
            before, at = at, way
            if at == start:
                break
        rings.append(np.array(ring))
    return rings


def _to_the_right(
    before: tuple[int, int], at: tuple[int, int], ways: list[tuple[int, int]]
) -> tuple[int, int]:
    """Turn that stays at the same pixel, where two of them touch by a corner."""
    x, y = at[0] - before[0], at[1] - before[1]
    return next(way for way in ways if (way[0] - at[0], way[1] - at[1]) == (-y, x))


def _area(ring: Ring) -> float:
    """Area of a ring, above 0 for an outer one."""
    x, y = ring[:, 0], ring[:, 1]
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


def _inward(ring: Ring) -> NDArray[np.float64]:
    """From the first corner of a hole to the middle of a pixel beside it that belongs to the label."""
    step = np.sign(ring[1] - ring[0])
    return np.array([step[0] - step[1], step[1] + step[0]]) / 2


def _holds(ring: Ring, point: NDArray[np.float64]) -> bool:
    """Whether a point lies within a ring: a line to the right crosses it an odd number of times."""
    (x0, y0), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    crossed = (np.minimum(y0, y1) <= point[1]) & (point[1] < np.maximum(y0, y1)) & (x0 > point[0])
    return bool(np.count_nonzero(crossed & (x0 == x1)) % 2)
