"""Say in which part of the field of view something is wrong."""

import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = ("upper", "", "lower"), ("left", "", "right")

EVERYWHERE = 0.6
"""A fault of at least this share of the field is one of the whole photograph."""

SMALLEST = 0.5
"""Of a third's area; what covers less is not mentioned."""


def where(wrong: NDArray[np.bool_], thirds: NDArray[np.int64], area: NDArray[np.int64]) -> list[str] | None:
    """Name the thirds of the field in which most of the area is wrong.

    Parameters
    ----------
    wrong : array, shape (N,), bool
        For each cell.
    thirds : array, shape (2, N), 0 to 2
        The third in which it lies, from top to bottom and from left to right.
    area : array, shape (N,)

    Returns
    -------
    list of str, or None
        Such as "upper third", "lower left third", "middle"; [""] for all of the field, None for no third.
    """
    if area[wrong].sum() >= EVERYWHERE * area.sum():
        return [""]
    total, bad = np.zeros((2, 3, 3))
    np.add.at(total, tuple(thirds), area)
    np.add.at(bad, tuple(thirds[:, wrong]), area[wrong])
    marked = (bad > SMALLEST * total) & (total > 0)
    present = total > 0
    said = np.zeros((3, 3), bool)
    words = []
    for lines, names in ((marked | ~present, ROWS), (marked.T | ~present.T, COLUMNS)):
        for number, name in enumerate(names):
            here = said[number] if names is ROWS else said[:, number]
            some = marked[number] if names is ROWS else marked[:, number]
            if lines[number].all() and some.any() and not here.all():
                words.append(f"{name or 'middle'} third")
                here[:] = True
    words += [
        " ".join(filter(None, (ROWS[row], COLUMNS[column], "third"))) if (row, column) != (1, 1) else "middle"
        for row, column in zip(*np.nonzero(marked & ~said), strict=True)
    ]
    return words or None
