"""Scores of arteries and veins, by pixel and by centre line."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging.classes import ARTERY, BOTH, UNKNOWN, VEIN
from napari_saunetv2.imaging.skeleton import skeleton
from napari_saunetv2.metrics import METRICS, Counts, confusion

Mask = NDArray[np.bool_]

CLASS_TITLES = {
    "found": "found",
    "av_acc": "A/V ACC",
    "av_se": "artery SE",
    "av_sp": "artery SP",
    "dice_artery": "Dice A",
    "dice_vein": "Dice V",
    "dice_vessel": "Dice A+V",
    "line_found": "found, lines",
    "line_av_acc": "A/V ACC, lines",
    "line_av_se": "artery SE, lines",
    "line_av_sp": "artery SP, lines",
}
"""Short titles of the scores of arteries and veins."""

CLASS_MEANINGS = {
    "found": "share of the true vessel pixels that were found, whatever their class",
    "av_acc": "share of the right class among found vessel pixels that are truly artery or vein, not both",
    "av_se": "share of arteries among found vessel pixels that are truly artery",
    "av_sp": "share of veins among found vessel pixels that are truly vein",
    "dice_artery": "Dice of the arteries, crossings included",
    "dice_vein": "Dice of the veins, crossings included",
    "dice_vessel": "Dice of all vessels",
    "line_found": "share of the true vessels' centre lines that was found",
    "line_av_acc": "share of the right class along found centre lines that are truly artery or vein",
    "line_av_se": "share of arteries along found centre lines that are truly artery",
    "line_av_sp": "share of veins along found centre lines that are truly vein",
}
"""Explanation of every score of arteries and veins."""

_OF_CLASSES: dict[str, Callable[[Counts], float]] = {
    "av_acc": METRICS["acc"],
    "av_se": METRICS["se"],
    "av_sp": METRICS["sp"],
}


def class_metrics(
    truth: NDArray[np.integer], prediction: NDArray[np.integer], counted: Mask | None = None
) -> dict[str, float]:
    """Score labels of arteries and veins; keys and order of ``CLASS_TITLES``.

    Accuracy, sensitivity and specificity are of the pixels that the reference calls artery or vein and the
    prediction calls vessel; artery is the positive class. A prediction of both is wrong there. Dice leaves
    out vessels of unknown class, but for that of all vessels.

    Parameters
    ----------
    truth, prediction : array, shape (H, W)
        0 background, 1 artery, 2 vein, 3 both, 4 vessel of unknown class.
    counted : array, shape (H, W), bool, optional
        Pixels that count: judged, and inside the field of view.

    Raises
    ------
    ImageError
        If the shapes differ, or labels are none of arteries and veins.
    """
    for what, labels in (("reference", truth), ("prediction", prediction)):
        if labels.size and not 0 <= labels.min() <= labels.max() <= UNKNOWN:
            raise ImageError(
                f"The {what} holds labels from {labels.min()} to {labels.max()}: of arteries and veins they "
                "are 1 artery, 2 vein, 3 both, 4 unknown; choose such labels."
            )
    if truth.shape != prediction.shape:
        raise ImageError(
            f"The reference has shape {truth.shape}, the prediction {prediction.shape}: give labels of one "
            "image."
        )
    judged = np.ones(truth.shape, bool) if counted is None else counted
    known = judged & (truth != UNKNOWN) & (prediction != UNKNOWN)
    lines = skeleton(truth) & judged
    values = _right(truth, prediction, judged)
    for name, one in (("dice_artery", ARTERY), ("dice_vein", VEIN)):
        true, found = (np.isin(labels, (one, BOTH)) for labels in (truth, prediction))
        values[name] = METRICS["f1"](confusion(true, found, known))
    values["dice_vessel"] = METRICS["f1"](confusion(truth, prediction, judged))
    values |= {f"line_{name}": value for name, value in _right(truth, prediction, lines).items()}
    return {name: values[name] for name in CLASS_TITLES}


def _right(truth: NDArray[np.integer], prediction: NDArray[np.integer], counted: Mask) -> dict[str, float]:
    """Share of the vessels that is found, and what is right among them."""
    vessel = counted & (truth != 0)
    found = vessel & (prediction != 0)
    compared = found & ((truth == ARTERY) | (truth == VEIN))
    is_artery, said = truth[compared] == ARTERY, prediction[compared]
    # What is called both, or of unknown class, is neither called artery nor vein: it is wrong.
    said_artery = np.where(is_artery, said == ARTERY, said != VEIN)
    counts = confusion(is_artery, said_artery)
    share = np.count_nonzero(found) / np.count_nonzero(vessel) if vessel.any() else float("nan")
    return {"found": float(share)} | {name: of(counts) for name, of in _OF_CLASSES.items()}
