"""The pixels that a user corrected in a prediction: few, but the purpose of a fine-tuning.

Labels that were painted on a model's own prediction agree with that model nearly everywhere, so F1 against
them favours it. Only the corrected pixels show whether the training had the desired effect.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 20
"""Minimum number of corrected validation pixels to compare steps by."""

F1_TO_GIVE = 0.05
"""How far F1 may fall below the base's in favour of corrected pixels. A step that loses more has damaged what
the user looked at and left unchanged."""

COLUMN = "corrected_right"
"""Column of the log: share of correct pixels among the corrected validation pixels."""


@dataclass(frozen=True, eq=False)
class Corrections:
    """The corrected pixels of an image.

    Attributes
    ----------
    rows, columns : array, shape (N,)
        Positions in the original image.
    classes : array, shape (N,), uint8
        Labels there: 0 for background, else the number of the class, or the sum of overlapping ones.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    classes: NDArray[np.uint8]

    def on_canvas(
        self, frame: tuple[slice, slice], shape: tuple[int, int]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns on a canvas, for an image of that shape in that frame."""
        where = []
        for places, part, length in zip((self.rows, self.columns), frame, shape, strict=True):
            side = part.stop - part.start
            where.append(part.start + np.minimum((places + 0.5) * side / length, side - 1).astype(np.intp))
        return where[0], where[1]


def between(
    labels: NDArray[np.generic],
    prediction: NDArray[np.generic],
    highest: int,
    *,
    by_value: bool,
    weight: NDArray[np.float32] | None = None,
) -> Corrections:
    """Find where labels differ from the prediction that they were painted on.

    Parameters
    ----------
    labels : array, shape (H, W)
        Dense or sparse, as of :class:`~.config.TrainConfig`.
    prediction : array, shape (H, W)
        0 for background, else the number of the class.
    highest : int
        Highest label of a class.
    by_value : bool
        Whether the labels' values tell more than vessel from background.
    weight : array, shape (H, W, 1), optional
        Pixels with weight 0 are ignored.
    """
    now = classes_of(labels, highest, by_value=by_value)
    differs = now != classes_of(prediction, highest, by_value=highest > 1)
    if weight is not None:
        differs &= weight[..., 0] > 0
    rows, columns = np.nonzero(differs)
    return Corrections(rows, columns, now[rows, columns])


def classes_of(labels: NDArray[np.generic], highest: int, *, by_value: bool) -> NDArray[np.uint8]:
    """Label of the class at each pixel; 0 for background and unannotated pixels."""
    if not by_value:  # anything but 0 is a vessel
        return np.asarray(labels != 0, np.uint8)
    return np.where(np.isin(labels, np.arange(1, highest + 1)), labels, 0).astype(np.uint8)


def better(row: Mapping[str, float], best: Mapping[str, float], first: Mapping[str, float]) -> bool:
    """Whether a validation is better than the best so far.

    By F1. If pixels were corrected, by the mean of F1 and the share of correct ones among these, for
    validations whose F1 is at most ``F1_TO_GIVE`` below the base's.
    """
    if COLUMN not in row or COLUMN not in best:
        return row["validation_f1"] > best["validation_f1"]
    floor = first["validation_f1"] - F1_TO_GIVE
    kept = not row["validation_f1"] < floor  # also if the base's is NaN
    return kept and _value(row) > _value(best)


def _value(row: Mapping[str, float]) -> float:
    f1 = row["validation_f1"]
    return row[COLUMN] if math.isnan(f1) else (f1 + row[COLUMN]) / 2
