"""The frame of an image larger than memory, and reading and writing it as if it had been cut out."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.frame import MARGIN, Frame, whole
from napari_saunetv2.inference.tiles import Tile

Read = Callable[[Tile], NDArray[np.float32]]
"""Gives a part of an image, shape (h, w, 3), range [0, 1]."""

_ROWS, _COLUMNS = 256, 8192
"""Pixels that are looked at together: as many rows as a tile of a file has."""


def find(read: Read, height: int, width: int) -> Frame:
    """Find what :func:`napari_saunetv2.imaging.frame.of` finds in an image, without holding all of it.

    It is read twice: for the black around everything, and for the grid on which the field of view is
    searched, which begins where the black ends.
    """
    box = _without_black(read, height, width)
    if box is None:
        return whole(height, width)
    shape = box.rows.stop - box.rows.start, box.columns.stop - box.columns.start
    step = field_of_view.step_for(*shape)
    few = field_of_view.search(_thinned(read, box, step))
    if few is None or (few.all() and shape == (height, width)):
        return whole(height, width)
    # The field of view in full would be an array of the image's size: its rows repeat those of the few.
    rows, columns = (np.arange(length) // step for length in shape)
    area = int(np.bincount(rows) @ few @ np.bincount(columns))
    diameter = field_of_view.diameter_of(area, height * width)
    extent = field_of_view.extent(few)
    if diameter is None or extent is None:
        return Frame(box.rows, box.columns, 0)
    inside = tuple(
        slice(part.start * step, min(part.stop * step, length))
        for part, length in zip(extent, shape, strict=True)
    )
    apart = field_of_view.apart(*(part.stop - part.start for part in inside))
    seen = few[np.ix_(rows[inside[0]][::apart], columns[inside[1]][::apart])]
    if field_of_view.overlap_with_disc(seen) < field_of_view.ROUND:
        return Frame(box.rows, box.columns, 0)
    down, across = (
        slice(first.start + part.start, first.start + part.stop)
        for first, part in zip(box, inside, strict=True)
    )
    return Frame(down, across, round(MARGIN * diameter))


def framed(read: Read, frame: Frame) -> Read:
    """Read parts of a frame, whose rows and columns count from its margin, which is black."""

    def part(tile: Tile) -> NDArray[np.float32]:
        (rows, above), (columns, beside) = (
            _on_the_image(wanted, there, frame.margin)
            for wanted, there in zip(tile, (frame.rows, frame.columns), strict=True)
        )
        found = np.zeros((*(wanted.stop - wanted.start for wanted in tile), 3), np.float32)
        if rows.start < rows.stop and columns.start < columns.stop:
            seen = read(Tile(rows, columns))
            found[above : above + seen.shape[0], beside : beside + seen.shape[1]] = seen
        return found

    return part


def pasted(
    bands: Iterable[NDArray[Any]], frame: Frame, shape: tuple[int, int], rows: int, dtype: np.dtype[Any]
) -> Iterator[NDArray[Any]]:
    """Make bands of the image from those of its frame; 0 beyond it.

    Parameters
    ----------
    bands : iterable of array, shape (h, w)
        Of the frame with its margin, from top to bottom, each of any height.
    frame : Frame
    shape : (int, int)
        Height and width of the image.
    rows : int
        Height of each band but the last.
    dtype : dtype

    Yields
    ------
    array, shape (rows, W)
    """
    height, width = shape
    inner = slice(frame.margin, frame.margin + frame.columns.stop - frame.columns.start)
    coming, band = iter(bands), None
    first = frame.rows.start - frame.margin  # row of the image that the band begins with
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        found = np.zeros((bottom - top, width), dtype)
        while first < min(bottom, frame.rows.stop):
            band = next(coming) if band is None else band
            low, high = max(first, top, frame.rows.start), min(first + len(band), bottom, frame.rows.stop)
            if low < high:
                found[low - top : high - top, frame.columns] = band[low - first : high - first, inner]
            if first + len(band) > bottom:
                break
            first, band = first + len(band), None
        yield found


def _without_black(read: Read, height: int, width: int) -> Tile | None:
    """Rows and columns of what is not black; None in an image that is black everywhere."""
    down, across = np.zeros(height, np.float32), np.zeros(width, np.float32)
    for part in _blocks(Tile(slice(0, height), slice(0, width)), 1):
        red, green, blue = np.moveaxis(read(part), 2, 0)
        bright = np.maximum(np.maximum(red, green), blue)
        down[part.rows] = np.maximum(down[part.rows], bright.max(axis=1))
        across[part.columns] = np.maximum(across[part.columns], bright.max(axis=0))
    level = field_of_view.BLACK * down.max()
    lit = [np.flatnonzero(line > level) for line in (down, across)]
    if not lit[0].size:
        return None
    return Tile(*(slice(int(line[0]), int(line[-1]) + 1) for line in lit))


def _thinned(read: Read, box: Tile, step: int) -> NDArray[np.float32]:
    """Every pixel of a grid that begins where a box does, shape (h, w, 3)."""
    shape = (-(-(part.stop - part.start) // step) for part in box)
    few = np.empty((*shape, 3), np.float32)
    for part in _blocks(box, step):
        down, across = ((here.start - first.start) // step for here, first in zip(part, box, strict=True))
        seen = read(part)[::step, ::step]
        few[down : down + seen.shape[0], across : across + seen.shape[1]] = seen
    return few


def _blocks(box: Tile, step: int) -> Iterator[Tile]:
    """Cut a box into parts that each begin on its grid."""
    most = [max(step, side // step * step) for side in (_ROWS, _COLUMNS)]
    for top in range(box.rows.start, box.rows.stop, most[0]):
        for left in range(box.columns.start, box.columns.stop, most[1]):
            yield Tile(
                slice(top, min(box.rows.stop, top + most[0])),
                slice(left, min(box.columns.stop, left + most[1])),
            )


def _on_the_image(wanted: slice, there: slice, margin: int) -> tuple[slice, int]:
    """Pixels of the image that a part of the frame shows, and how far into that part they begin."""
    first = there.start - margin + wanted.start
    last = there.start - margin + wanted.stop
    start = max(first, there.start)
    return slice(start, min(last, there.stop)), start - first
