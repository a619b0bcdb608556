"""``compare``: the vessels of an eye at two visits, side by side."""

from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.measure.tree import number, paint
from napari_saunetv2.progress import drain, relay
from napari_saunetv2.visits.registration import FIELD, Registration, register_steps
from napari_saunetv2.visits.segments import IN_VIEW, PRESENT, segment_rows
from napari_saunetv2.visits.stretches import found_in_fixed
from napari_saunetv2.visits.summary import cautions, summary_rows
from napari_saunetv2.visits.visit import Visit

if TYPE_CHECKING:
    import pandas as pd

BOTH, EARLIER, LATER = 1, 2, 3
"""Values of the difference: vessel at both visits, at the earlier only, at the later only."""

EDGE = 1.5
"""Pixels, in a field of view of ``FIELD``, by which edges may differ without being a difference."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """An eye at two visits.

    Attributes
    ----------
    registration : Registration
        Of the later photograph (moving) on the earlier one (fixed).
    vessels : array, shape (H, W), uint8, 0 or 1
        Vessels of the later visit in the frame of the earlier one.
    difference : array, shape (H, W), uint8
        0 background or out of view, 1 vessel at both visits, 2 at the earlier only, 3 at the later only.
    labels : array, shape (H, W), int32
        Number of the segment of each vessel pixel, in the frame of the earlier photograph, 0 for background.
    segments : DataFrame
        One row a segment; ``SEGMENT_COLUMNS`` says what its columns mean.
    summary : DataFrame
        key, value, unit, meaning.
    warnings : tuple of str
        What a reader should know before trusting a difference.
    """

    registration: Registration
    vessels: NDArray[np.uint8]
    difference: NDArray[np.uint8]
    labels: NDArray[np.int32]
    segments: "pd.DataFrame"
    summary: "pd.DataFrame"
    warnings: tuple[str, ...]


def compare(earlier: Visit, later: Visit) -> Comparison:
    """Register the photograph of a later visit to that of an earlier one, and compare their vessels.

    Parameters
    ----------
    earlier, later : Visit

    Returns
    -------
    Comparison
        In pixels of the earlier photograph.

    Raises
    ------
    RegistrationError
        Where the photographs are not of one eye.
    ImageError
        Where one shows too few vessels.
    """
    return drain(compare_steps(earlier, later))


def compare_steps(earlier: Visit, later: Visit) -> Generator[float, None, Comparison]:
    """Do what :func:`compare` does, step by step.

    Yields
    ------
    float, range [0, 1]
        Share of the work that is done.
    """
    found = yield from relay(register_steps(later, earlier), lambda share: 0.7 * share)
    vessels = np.asarray(found.warp(later.inputs.vessels.astype(np.uint8), order=0), np.uint8)
    view = (found.warp(later.inputs.fov.astype(np.uint8), order=0) != 0) & earlier.inputs.fov
    yield 0.75
    difference = _difference(earlier, vessels, view, found.residual)
    yield 0.8
    (own,) = number([earlier.tree])
    new = _numbers_of_new(found, earlier, later, int(own.max(initial=0)))
    labels = np.zeros(earlier.shape, np.int32)
    paint(earlier.tree, own, labels)
    fresh = np.zeros(later.shape, np.int32)
    (every,) = number([later.tree])  # or the pixels of old vessels would go to the nearest new one
    paint(later.tree, every, fresh)
    fresh = np.append(0, new[every > 0]).astype(np.int32)[fresh]
    labels = np.where(labels == 0, found.warp(fresh, order=0), labels)
    yield 0.85
    segments = segment_rows(found, earlier, later, own, new)
    yield 0.95
    warnings = (*found.warnings, *cautions(found, segments, earlier, later))
    summary = summary_rows(found, segments, earlier, (earlier.inputs.vessels, vessels != 0), view)
    return Comparison(found, vessels, difference, labels, segments, summary, warnings)


def _difference(
    earlier: Visit, vessels: NDArray[np.generic], view: NDArray[np.bool_], residual: float
) -> NDArray[np.uint8]:
    """Compare masks; vessels whose edges differ by little are the same."""
    reach = max(EDGE * earlier.diameter / FIELD, 2 * residual, 1.0)
    one, other = earlier.inputs.vessels & view, (vessels != 0) & view
    near = [
        ndimage.distance_transform_edt(~mask) <= reach if mask.any() else np.zeros(mask.shape, bool)
        for mask in (one, other)
    ]
    result = np.where(one | other, np.uint8(BOTH), np.uint8(0))
    result[one & ~near[1]] = EARLIER
    result[other & ~near[0]] = LATER
    return result


def _numbers_of_new(found: Registration, earlier: Visit, later: Visit, used: int) -> NDArray[np.intp]:
    """Number the segments of the later visit that the earlier one shows the place of, but not the vessel."""
    counted = ~later.tree.junctions.inside
    seen, there = found_in_fixed(found, earlier, later)
    for segment, (a, b) in enumerate(pairwise(later.tree.sections.lines.starts)):
        counted[segment] &= seen[a:b].mean() >= IN_VIEW and there[a:b].sum() < PRESENT * seen[a:b].sum()
    return np.asarray(np.where(counted, used + np.cumsum(counted), 0), np.intp)
