"""Agreement of a segmentation with an observer.

Most metrics are functions of the confusion counts, by scikit-learn's definitions; some depend on the shape of
the vessels and need the maps; the area under the curve needs the probabilities. Undefined values (no vessel
annotated, none predicted) are NaN.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging.skeleton import skeleton


class Counts(NamedTuple):
    """Pixel counts by reference and prediction."""

    tp: int
    fp: int
    fn: int
    tn: int


def confusion(truth: ArrayLike, prediction: ArrayLike, inside: ArrayLike | None = None) -> Counts:
    """Count pixels by reference and prediction.

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
    t, p, within = _masks(truth, prediction, inside)
    if within is not None:
        t, p = t[within], p[within]
    tp, positive, true = (int(np.count_nonzero(x)) for x in (t & p, p, t))
    return Counts(tp, positive - tp, true - tp, t.size - positive - true + tp)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _mcc(c: Counts) -> float:
    # As Python integers: the product of four counts of a large image exceeds 64 bits.
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


def cldice(truth: ArrayLike, prediction: ArrayLike, inside: ArrayLike | None = None) -> float:
    """Centre-line Dice: whether vessels are found along their whole length, whatever their width.

    The harmonic mean of two shares: of the prediction's skeleton that lies on true vessels, and of the
    truth's skeleton that is found (Shit et al., CVPR 2021, equations 1 to 3). Parameters and errors as of
    :func:`confusion`; pixels outside the field of view are not vessel.
    """
    t, p = _seen(truth, prediction, inside)
    if not t.any() or not p.any():
        return 0.0 if t.any() or p.any() else float("nan")
    lines_t, lines_p = skeleton(t), skeleton(p)
    precision = float(np.count_nonzero(lines_p & t) / np.count_nonzero(lines_p))
    sensitivity = float(np.count_nonzero(lines_t & p) / np.count_nonzero(lines_t))
    return 2 * precision * sensitivity / (precision + sensitivity) if precision + sensitivity else 0.0


def betti0_error(truth: ArrayLike, prediction: ArrayLike, inside: ArrayLike | None = None) -> float:
    """Error of the number of connected vessels: the difference of the zeroth Betti numbers.

    Pixels that touch at a side or a corner are connected (8-connectivity), and the whole image is counted at
    once, not in patches. Parameters and errors as of :func:`confusion`; pixels outside the field of view are
    not vessel.
    """
    numbers = [ndimage.label(x, np.ones((3, 3)))[1] for x in _seen(truth, prediction, inside)]
    return float(abs(numbers[0] - numbers[1]))


SHAPE_METRICS: dict[str, Callable[[ArrayLike, ArrayLike, ArrayLike | None], float]] = {
    "cldice": cldice,
    "betti0": betti0_error,
}
"""Metrics that depend on pixel positions: (truth, prediction, inside) -> value."""

TITLES = {
    "se": "SE",
    "sp": "SP",
    "acc": "ACC",
    "auc": "AUC",
    "f1": "F1",
    "mcc": "MCC",
    "jaccard": "Jaccard",
    "cldice": "clDice",
    "betti0": "Betti-0",
}
"""Every metric's short title, as papers print it."""

MEANINGS = {
    "se": "sensitivity: share of vessel pixels that were found",
    "sp": "specificity: share of background pixels that were left as background",
    "acc": "accuracy: share of all pixels that are correct",
    "auc": "area under the receiver operating characteristic, over all thresholds",
    "f1": "F1, the same as Dice: harmonic mean of sensitivity and precision",
    "mcc": "Matthews correlation coefficient, from -1 to 1",
    "jaccard": "intersection over union of the vessels",
    "cldice": "Dice of the centre lines: whether thin vessels are found and connected",
    "betti0": "error of the number of connected vessels; 0 is best",
}
"""Explanation of every metric."""

LOWER_IS_BETTER = frozenset({"betti0"})

_ONE_DIGIT = LOWER_IS_BETTER | {"seconds"}


def shown(name: str, value: float) -> str:
    """Format a value for tables: a dash if undefined, seconds and count errors with one digit."""
    if np.isnan(value):
        return "-"
    return f"{value:.1f}" if name in _ONE_DIGIT else f"{value:.4f}"


def auc(truth: ArrayLike, probability: ArrayLike, inside: ArrayLike | None = None) -> float:
    """Area under the receiver operating characteristic; NaN if there is only one class.

    The share of pairs of a vessel and another pixel in which the vessel has the higher probability, a tie
    being half a pair (Hanley and McNeil, 1982): the exact area, in a tenth of the time that scikit-learn
    takes for a large photograph.

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
    if not vessels.size or not others.size:
        return float("nan")
    below, not_above = (np.searchsorted(others, vessels, side) for side in ("left", "right"))
    return float(below.sum() + not_above.sum()) / 2 / vessels.size / others.size


def by_truth(
    truth: ArrayLike, probability: ArrayLike, inside: ArrayLike | None = None
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Sorted probabilities of vessel and background pixels; parameters as of :func:`auc`."""
    t, p = np.asarray(truth) != 0, np.asarray(probability)
    _same_shape(t, p)
    if inside is not None:
        within = np.asarray(inside) != 0
        _same_shape(t, within)
        t, p = t[within], p[within]
    return np.sort(p[t]), np.sort(p[~t])


THRESHOLDS = np.arange(20, 81) / 100
"""The thresholds that one is chosen from."""


def best_threshold(truths: list[NDArray[np.uint8]], probabilities: list[NDArray[np.float32]]) -> float:
    """Threshold in ``THRESHOLDS`` with the highest mean F1 over some images.

    Use validation images: a threshold chosen on test images inflates the score. Images without vessels have
    no F1 and are ignored; without any others the threshold is 0.5.

    Parameters
    ----------
    truths : list of array, shape (H, W)
        A vessel where not 0.
    probabilities : list of array, shape (H, W), range [0, 1]
        Of the same images, which may differ in size.

    Raises
    ------
    ImageError
        When the shapes of an image differ.
    """
    return best_of([f1_by_threshold(t, p) for t, p in zip(truths, probabilities, strict=True)])


def f1_by_threshold(truth: NDArray[np.uint8], probability: NDArray[np.float32]) -> list[float]:
    """F1 of an image at each of ``THRESHOLDS``; empty if it has no vessels.

    Parameters
    ----------
    truth : array, shape (H, W)
        A vessel where not 0.
    probability : array, shape (H, W), range [0, 1]

    Raises
    ------
    ImageError
        When the shapes differ.
    """
    if not np.any(truth):
        return []
    return [METRICS["f1"](confusion(truth, probability >= level)) for level in THRESHOLDS]


def best_of(curves: Sequence[Sequence[float]]) -> float:
    """As :func:`best_threshold`, of images of which only :func:`f1_by_threshold` has been kept."""
    known = [curve for curve in curves if len(curve)]
    if not known:
        return 0.5
    f1 = [np.mean(at_one) for at_one in zip(*known, strict=True)]
    return float(THRESHOLDS[int(np.argmax(f1))])


def _masks(
    truth: ArrayLike, prediction: ArrayLike, inside: ArrayLike | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_] | None]:
    t, p = np.asarray(truth) != 0, np.asarray(prediction) != 0
    _same_shape(t, p)
    if inside is None:
        return t, p, None
    within = np.asarray(inside) != 0
    _same_shape(t, within)
    return t, p, within


def _seen(
    truth: ArrayLike, prediction: ArrayLike, inside: ArrayLike | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Truth and prediction, both empty outside the field of view."""
    t, p, within = _masks(truth, prediction, inside)
    return (t, p) if within is None else (t & within, p & within)


def _same_shape(a: NDArray[np.generic], b: NDArray[np.generic]) -> None:
    if a.shape != b.shape:
        raise ImageError(f"Shapes {a.shape} and {b.shape} differ: compare maps of the same image.")
