"""Say in which part of the field of view something is wrong."""

import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "middle", "right")

EVERYWHERE = 0.6
"""A fault of at least this share of the field is one of the whole photograph."""

SMALLEST = 0.45
"""Of a third's area; what covers less is not mentioned."""


def where(wrong: NDArray[np.bool_], thirds: NDArray[np.int64], area: NDArray[np.int64]) -> list[str] | None:
    """Name the thirds of the field of which much is wrong.

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
    total, bad = np.zeros((3, 3)), np.zeros((3, 3))
    np.add.at(total, tuple(thirds), area)
    np.add.at(bad, tuple(thirds[:, wrong]), area[wrong])
    marked = (total > 0) & (bad >= SMALLEST * total)
    left, words = marked.copy(), []
    for names, lines, rest in ((ROWS, marked, left), (COLUMNS, marked.T, left.T)):
        for name, line, unnamed in zip(names, lines, rest, strict=True):
            if line.all() and unnamed.any():
                words.append(f"{name} third")
                unnamed[:] = False
    words += [_single(row, column) for row, column in np.argwhere(left)]
    return words or None


def _single(row: int, column: int) -> str:
    return "middle" if row == column == 1 else f"{ROWS[row]} {COLUMNS[column]} third"
