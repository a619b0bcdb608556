"""Numbers of segments that stay while a mask is changed, and which segments the change has touched."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.measurements import Measurements

Numbers = NDArray[np.int64]


class Match(NamedTuple):
    """How the segments of two label images of one photograph belong together.

    Attributes
    ----------
    former : array, shape (labels + 1,), int64
        For each label the former one with which it shares most of its pixels, each at most once; 0 for none.
    same : array, shape (labels + 1,), bool
        Whether it has exactly the pixels of a former one.
    """

    former: Numbers
    same: NDArray[np.bool_]


def match(labels: NDArray[np.int32], former: NDArray[np.int32]) -> Match:
    """Find the former segment of each segment.

    Parameters
    ----------
    labels, former : array, shape (H, W), int32
        Numbers of segments, 0 for background.
    """
    sizes, old_sizes = np.bincount(labels.ravel()), np.bincount(former.ravel())
    both = (labels > 0) & (former > 0)
    pairs, shared = np.unique(
        labels[both].astype(np.int64) * len(old_sizes) + former[both], return_counts=True
    )
    new, old = np.divmod(pairs, len(old_sizes))
    same = np.zeros(len(sizes), bool)
    same[new[(shared == sizes[new]) & (shared == old_sizes[old])]] = True
    found = np.zeros(len(sizes), np.int64)
    taken: set[int] = set()
    for pair in np.argsort(-shared, kind="stable").tolist():
        own, before = int(new[pair]), int(old[pair])
        if not found[own] and before not in taken:
            found[own] = before
            taken.add(before)
    return Match(found, same)


def keep_numbers(
    found: Measurements, former: NDArray[np.int32] | None, free: int
) -> tuple[Measurements, int]:
    """Number segments as they were numbered before, and new ones from a free number on.

    Parameters
    ----------
    found : Measurements
    former : array, shape (H, W), int32, or None
        Label image before the change.
    free : int
        First number that no segment has had.

    Returns
    -------
    Measurements
    int
        The number that is free now.
    """
    import pandas as pd

    top = max(int(found.labels.max()), int(found.segments["label"].max()) if len(found.segments) else 0)
    numbers = np.zeros(top + 1, np.int64)
    if former is not None:
        matched = match(found.labels, former).former
        numbers[: len(matched)] = matched
    fresh = np.setdiff1d(found.segments["label"].to_numpy(), np.flatnonzero(numbers))
    numbers[fresh] = free + np.arange(len(fresh))
    segments = found.segments.assign(label=numbers[found.segments["label"].to_numpy()])
    segments = segments.set_index(pd.Index(segments["label"].to_numpy()))
    junctions = found.junctions.assign(
        labels=[" ".join(str(numbers[int(n)]) for n in text.split()) for text in found.junctions["labels"]]
    )
    labels = numbers.astype(np.int32)[found.labels]
    return replace(found, labels=labels, segments=segments, junctions=junctions), free + len(fresh)


def changed(found: Measurements, before: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether each row of the table of segments has other pixels than every segment before.

    A short segment between wide vessels may have no pixel of its own: nothing of it can have changed.

    Parameters
    ----------
    found : Measurements
    before : array, shape (H, W), int32
        Label image from before the change.

    Returns
    -------
    array, shape (segments,), bool
    """
    same = match(found.labels, before).same
    numbers = found.segments["label"].to_numpy()
    shown = np.flatnonzero(np.bincount(found.labels.ravel()))
    return np.isin(numbers, shown[~same[shown]])
