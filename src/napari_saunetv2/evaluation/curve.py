"""Precision and recall, as the threshold moves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.metrics import by_truth, confusion

THRESHOLDS = np.linspace(0, 1, 201, dtype=np.float32)


@dataclass(frozen=True)
class Curve:
    """Precision and recall at each of ``THRESHOLDS``.

    Attributes
    ----------
    precision, recall : array, shape (201,), range [0, 1]
        NaN where nothing is predicted, or there are no vessels.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def curve(truth: ArrayLike, probability: ArrayLike, inside: ArrayLike | None = None) -> Curve:
    """Precision and recall of one image.

    Parameters
    ----------
    truth : array, shape (H, W)
        A vessel where not 0.
    probability : array, shape (H, W), range [0, 1]
    inside : array, shape (H, W), optional
        Only pixels where it is not 0 count.

    Raises
    ------
    ImageError
        When the shapes differ.
    """
    vessels, others = by_truth(truth, probability, inside)
    tp, fp = (values.size - np.searchsorted(values, THRESHOLDS) for values in (vessels, others))
    with np.errstate(divide="ignore", invalid="ignore"):  # NumPy 1 warns of 0 / 0 by either name
        return Curve(tp / (tp + fp), tp / np.float64(vessels.size))


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Mean over images at each threshold, as the tables' means; images without a value do not count."""
    return Curve(_mean([c.precision for c in curves]), _mean([c.recall for c in curves]))


def operating_point(
    truth: ArrayLike, vessels: ArrayLike, inside: ArrayLike | None = None
) -> tuple[float, float]:
    """Recall and precision of vessels; parameters and errors as of :func:`metrics.confusion`."""
    tp, fp, fn, _ = confusion(truth, vessels, inside)
    return (tp / (tp + fn) if tp + fn else float("nan"), tp / (tp + fp) if tp + fp else float("nan"))


def mean_point(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Mean of recall and of precision, over images that have both."""
    table = np.array(points)
    table = table[np.isfinite(table).all(axis=1)]
    recall, precision = table.mean(axis=0) if len(table) else (np.nan, np.nan)
    return float(recall), float(precision)


def _mean(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    table = np.array(values)
    known = np.isfinite(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        result: NDArray[np.float64] = np.where(known, table, 0).sum(axis=0) / known.sum(axis=0)
    return result
