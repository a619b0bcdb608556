"""The pixels that somebody corrected in a prediction: few, and the ones that a fine-tuning is for.

Labels that were painted on a model's own prediction agree with that model nearly everywhere, so F1 against
them favours it. Only the corrected pixels tell whether a training taught what the user wanted.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 20
"""Corrected pixels among those to validate on; fewer do not say which step is better."""

F1_TO_GIVE = 0.05
"""How far F1 may fall below the base's for the sake of corrected pixels. A step that loses more than that has
spoilt what the user looked at and left as it was."""

COLUMN = "corrected_right"
"""Of the log: share of the corrected pixels in the validation images that are right."""


@dataclass(frozen=True, eq=False)
class Corrections:
    """The corrected pixels of an image.

    Attributes
    ----------
    rows, columns : array, shape (N,)
        Where they lie in the image as it was given.
    kinds : array, shape (N,), uint8
        What the labels say there: 0 for background, else the number of the kind of vessel.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    kinds: NDArray[np.uint8]

    def on_canvas(
        self, frame: tuple[slice, slice], shape: tuple[int, int]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns on a canvas that holds the image of that shape in that frame."""
        where = []
        for places, part, length in zip((self.rows, self.columns), frame, shape, strict=True):
            side = part.stop - part.start
            where.append(part.start + np.minimum((places + 0.5) * side / length, side - 1).astype(np.intp))
        return where[0], where[1]


def between(
    labels: NDArray[np.generic],
    prediction: NDArray[np.generic],
    classes: int,
    *,
    sparse: bool,
    weight: NDArray[np.float32] | None = None,
) -> Corrections:
    """Find where labels differ from the prediction that they were painted on.

    Parameters
    ----------
    labels : array, shape (H, W)
        Dense or sparse, as of :class:`~.config.TrainConfig`.
    prediction : array, shape (H, W)
        0 for background, else the number of the kind of vessel.
    classes : int
        Kinds of vessel.
    sparse : bool
        Whether the labels are sparse.
    weight : array, shape (H, W, 1), optional
        Pixels whose weight is 0 take no part.
    """
    now = kinds_of(labels, classes, sparse=sparse)
    differs = now != kinds_of(prediction, classes, sparse=False)
    if weight is not None:
        differs &= weight[..., 0] > 0
    rows, columns = np.nonzero(differs)
    return Corrections(rows, columns, now[rows, columns])


def kinds_of(labels: NDArray[np.generic], classes: int, *, sparse: bool) -> NDArray[np.uint8]:
    """Number of the kind of vessel at each pixel; 0 for background and for what is not annotated."""
    if classes == 1 and not sparse:  # anything but 0 is a vessel
        return np.asarray(labels != 0, np.uint8)
    return np.where(np.isin(labels, np.arange(1, classes + 1)), labels, 0).astype(np.uint8)


def better(row: Mapping[str, float], best: Mapping[str, float], first: Mapping[str, float]) -> bool:
    """Whether a validation is better than the best so far.

    By F1. Where pixels were corrected, by the mean of F1 and the share of these that are right, among the
    validations whose F1 is at most ``F1_TO_GIVE`` below the first one's, which is the base's.
    """
    if COLUMN not in row or COLUMN not in best:
        return row["validation_f1"] > best["validation_f1"]
    floor = first["validation_f1"] - F1_TO_GIVE
    kept = not row["validation_f1"] < floor  # nor where the base's is not a number
    return kept and _value(row) > _value(best)


def _value(row: Mapping[str, float]) -> float:
    f1 = row["validation_f1"]
    return row[COLUMN] if math.isnan(f1) else (f1 + row[COLUMN]) / 2
