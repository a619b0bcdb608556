"""How well a segmentation agrees with an observer.

Every metric is a function of the confusion counts, by scikit-learn's definitions; what has no value (no
vessel drawn, none found) is NaN. The area under the curve needs the probabilities and stands by itself.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.errors import ImageError


class Counts(NamedTuple):
    """Pixels by truth and answer."""

    tp: int
    fp: int
    fn: int
    tn: int


def confusion(truth: ArrayLike, prediction: ArrayLike, inside: ArrayLike | None = None) -> Counts:
    """Count pixels by truth and answer.

    Parameters
    ----------
    truth, prediction : array, shape (H, W)
        A vessel where not 0.
    inside : array, shape (H, W), optional
        Only pixels where it is not 0 count: the field of view.

    Raises
    ------
    ImageError
        When the shapes differ.
    """
    t, p = np.asarray(truth) != 0, np.asarray(prediction) != 0
    _same_shape(t, p)
    if inside is not None:
        within = np.asarray(inside) != 0
        _same_shape(t, within)
        t, p = t[within], p[within]
    tp, positive, true = (int(np.count_nonzero(x)) for x in (t & p, p, t))
    return Counts(tp, positive - tp, true - tp, t.size - positive - true + tp)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _mcc(c: Counts) -> float:
    # In Python's integers: the product of four counts of a large image exceeds 64 bits.
    tp, fp, fn, tn = c
    spread = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / spread**0.5 if spread else 0.0


METRICS: dict[str, Callable[[Counts], float]] = {
    "se": lambda c: _ratio(c.tp, c.tp + c.fn),
    "sp": lambda c: _ratio(c.tn, c.tn + c.fp),
    "acc": lambda c: _ratio(c.tp + c.tn, sum(c)),
    "f1": lambda c: _ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn),
    "mcc": _mcc,
    "jaccard": lambda c: _ratio(c.tp, c.tp + c.fp + c.fn),
}
"""Metrics of the confusion counts, in the order of the papers' tables."""

TITLES = {
    "se": "SE",
    "sp": "SP",
    "acc": "ACC",
    "auc": "AUC",
    "f1": "F1",
    "mcc": "MCC",
    "jaccard": "Jaccard",
}
"""Every metric's short title, as papers print it: sensitivity, specificity, accuracy, area under the
receiver operating characteristic, F1 (Dice), Matthews correlation, Jaccard."""


def auc(truth: ArrayLike, probability: ArrayLike, inside: ArrayLike | None = None) -> float:
    """Area under the receiver operating characteristic; NaN where there is only one class.

    Parameters
    ----------
    truth : array, shape (H, W)
        A vessel where not 0.
    probability : array, shape (H, W), range [0, 1]
    inside : array, shape (H, W), optional
        Only pixels where it is not 0 count.
    """
    # scikit-learn takes a second to import: only who scores pays for it.
    from sklearn.metrics import roc_auc_score

    t, p = np.asarray(truth) != 0, np.asarray(probability)
    _same_shape(t, p)
    within = slice(None) if inside is None else np.asarray(inside) != 0
    t, p = t[within].ravel(), p[within].ravel()
    return float(roc_auc_score(t, p)) if t.any() and not t.all() else float("nan")


def best_threshold(truths: list[NDArray[np.uint8]], probabilities: list[NDArray[np.float32]]) -> float:
    """Threshold, in steps of 0.01 from 0.2 to 0.8, with the highest mean F1 over some images.

    Give it validation images: a threshold chosen on test images flatters the score.
    """
    thresholds = np.arange(20, 81) / 100
    f1 = [
        np.mean([METRICS["f1"](confusion(t, p >= level)) for t, p in zip(truths, probabilities, strict=True)])
        for level in thresholds
    ]
    return float(thresholds[int(np.nanargmax(f1))])


def _same_shape(a: NDArray[np.generic], b: NDArray[np.generic]) -> None:
    if a.shape != b.shape:
        raise ImageError(f"Shapes {a.shape} and {b.shape} differ: compare maps of one and the same image.")
