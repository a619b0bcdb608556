"""What can be seen in each cell of a photograph's field of view: light, vessel profiles, contrast.

All lengths are shares of the field's diameter, so a photograph and its reduced copy give alike numbers.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import floats

ACROSS = 12
"""Cells across the field of view."""

FINE, COARSE = 0.003, 0.006
"""Scales of the line filter, as shares of the field's diameter: vessels are 0.2 to 1.5 % of it wide, and
their profiles resemble Gaussians of a third of that."""

_LEAST_SCALE = 0.6
"""In pixels: below, a line filter sees its own pixels."""

_WORK_DIAMETER = 450
"""Diameter in pixels to which a field of view is reduced: the fine scale is then 1.4 pixels."""

_RIM = 0.02
"""Width of the field's rim that is left out, where the dark surround looks like the side of a vessel."""

_LEAST_AREA = 0.3
"""A cell counts if at least this share of it lies inside."""

_VESSELS = 0.06
"""The darkest lines of a cell, as a share of its pixels, are taken for its vessels."""

_FLOOR = 0.02
"""Added to brightness before its logarithm, so that the noise of black pixels is not taken for contrast."""


class Cells(NamedTuple):
    """Properties of the N cells of a field of view that lie inside, each an array of shape (N,).

    Attributes
    ----------
    row, column : int, 0 to ACROSS - 1
        Place in the square around the field of view.
    area : int, pixels
    light : float, range [0, 1]
        Median brightness of the green channel, in which vessels show best.
    width : float, share of the field's diameter
        Standard deviation of a Gaussian with the profile of the darkest lines: their own width and the blur.
    depth : float
        Depth of the darkest lines at the coarse scale in the logarithm of brightness, which does not depend
        on the light.
    relief : float
        The same as a multiple of what is usual elsewhere in the cell: how far vessels stand out.
    darker : float
        Depth of dark lines over height of bright lines.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    area: NDArray[np.int64]
    light: NDArray[np.float64]
    width: NDArray[np.float64]
    depth: NDArray[np.float64]
    relief: NDArray[np.float64]
    darker: NDArray[np.float64]


def cells_of(image: NDArray[Any], fov: NDArray[np.bool_]) -> Cells | None:
    """Measure the cells of a photograph, shape (H, W, 3); None where it is too small.

    It is in [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it. A field of view of less
    than 120 pixels is too small.
    """
    green, inside, diameter = _reduced(image[..., 1], fov)
    scales = max(FINE * diameter, _LEAST_SCALE), COARSE * diameter
    if min(green.shape) < ACROSS or scales[1] < 1.2 * scales[0] or not inside.any():
        return None
    log = np.log(green + _FLOOR)
    fine, _ = _lines(log, scales[0])
    coarse, bright = _lines(log, scales[1])
    place, side = _places(inside)
    kept = ndimage.binary_erosion(np.pad(inside, 1), iterations=max(1, round(_RIM * diameter)))[1:-1, 1:-1]
    # In sixteen bits, sorting takes a time that grows only with the number of pixels.
    place = np.where(kept, place, -1).astype(np.int16)
    order = np.argsort(place, axis=None, kind="stable")
    bounds = np.searchsorted(place.ravel()[order], np.arange(ACROSS**2 + 1))
    planes = [plane.ravel()[order] for plane in (green, fine, coarse, bright)]
    found = {
        cell: _of_cell(*(plane[low:high] for plane in planes))
        for cell, (low, high) in enumerate(pairwise(bounds))
        if high - low >= max(1, _LEAST_AREA * side**2)
    }
    if not found:
        return None
    numbers = np.array(list(found))
    light, *lines = np.array(list(found.values())).T
    # The fovea has no vessels: lines are those of a cell and its neighbours.
    thin, deep, usual, dark, pale = (_with_neighbours(numbers, values) for values in lines)
    width = _width(thin / np.maximum(deep, 1e-9), scales[0] / diameter, scales[1] / diameter)
    return Cells(
        numbers // ACROSS, numbers % ACROSS, np.diff(bounds)[numbers], light, width, deep,
        deep / np.maximum(usual, 1e-4), dark / np.maximum(pale, 1e-4),
    )  # fmt: skip


def _reduced(
    green: NDArray[Any], fov: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    """Mean over square blocks, so that the field is about ``_WORK_DIAMETER`` wide, with its diameter."""
    diameter = field_of_view.diameter(fov) or float(max(fov.shape))
    step = max(1, round(diameter / _WORK_DIAMETER))
    down, across = (max(1, min(step, n)) for n in fov.shape)
    rows, columns = fov.shape[0] // down, fov.shape[1] // across
    part = green[: rows * down, : columns * across]
    lines = _sum([floats(part[n::down]) for n in range(down)])
    total = _sum([lines[:, n::across] for n in range(across)])
    inside = fov[: rows * down : down, : columns * across : across]
    return total / np.float32(down * across), inside, diameter / step


def _sum(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def _lines(log: NDArray[np.float32], scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Strength of dark and of bright lines: the eigenvalues of the second derivatives at a scale.

    They are multiplied by the scale squared, so that they do not depend on it (Lindeberg, "Edge detection and
    ridge detection with automatic scale selection", IJCV 30:117, 1998).
    """
    smooth = ndimage.gaussian_filter(log, scale, mode="nearest", truncate=3)
    padded = np.pad(smooth, 1, mode="edge")
    down = padded[2:, 1:-1] + padded[:-2, 1:-1] - 2 * smooth
    across = padded[1:-1, 2:] + padded[1:-1, :-2] - 2 * smooth
    mixed = (padded[2:, 2:] + padded[:-2, :-2] - padded[2:, :-2] - padded[:-2, 2:]) / 4
    mean, spread = (down + across) / 2, np.sqrt(((down - across) / 2) ** 2 + mixed**2)
    return scale**2 * (mean + spread), scale**2 * (spread - mean)


def _places(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], float]:
    """Number of each pixel's cell, and the cells' side in pixels."""
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    side = max(np.ptp(rows), np.ptp(columns)) / ACROSS + 1 / ACROSS
    # A field that the frame cuts lies in the middle of its square.
    down, across = (
        ((np.arange(n) - (found[0] + found[-1]) / 2) / side + ACROSS / 2).astype(np.int64).clip(0, ACROSS - 1)
        for n, found in zip(inside.shape, (rows, columns), strict=True)
    )
    return down[:, None] * ACROSS + across, float(side)


def _of_cell(
    green: NDArray[np.float32],
    fine: NDArray[np.float32],
    coarse: NDArray[np.float32],
    bright: NDArray[np.float32],
) -> tuple[float, ...]:
    count = max(1, round(_VESSELS * len(green)))
    darkest = np.argpartition(coarse, -count)[-count:]
    return (
        _median(green),
        float(fine[darkest].mean()),
        float(coarse[darkest].mean()),
        _median(np.abs(coarse)),
        float(coarse[darkest].min()),
        float(np.partition(bright, -count)[-count]),
    )


def _median(values: NDArray[np.float32]) -> float:
    """As np.median of numbers that are not NaN, in half the time."""
    middle = len(values) // 2
    low = middle - 1 + len(values) % 2
    parted = np.partition(values, [low, middle])
    return float((parted[low] + parted[middle]) / 2)


def _with_neighbours(numbers: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over each cell and those of its eight neighbours that lie inside."""
    total, known = np.zeros(ACROSS**2), np.zeros(ACROSS**2)
    total[numbers], known[numbers] = values, 1
    total, known = (
        ndimage.uniform_filter(plane.reshape(ACROSS, ACROSS), 3, mode="constant").ravel()[numbers]
        for plane in (total, known)
    )
    return np.asarray(total / known)


def _width(ratio: NDArray[np.float64], fine: float, coarse: float) -> NDArray[np.float64]:
    """Width of lines, as a share of the field, from their strength at the fine over that at the coarse scale.

    A line with a Gaussian profile of width w has the strength s^2 / (w^2 + s^2)^(3/2) at scale s, up to a
    factor: two scales give w.
    """
    power = np.maximum(ratio * (coarse / fine) ** 2, 1.001) ** (2 / 3)
    width: NDArray[np.float64] = np.sqrt(np.maximum(coarse**2 - power * fine**2, 1e-9) / (power - 1))
    return width
