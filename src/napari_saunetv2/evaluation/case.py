"""One image, what was found in it and what should have been, and its score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import __version__, inference
from napari_saunetv2.errors import ImageError
from napari_saunetv2.evaluation.classes import CLASS_TITLES, class_metrics
from napari_saunetv2.imaging.ignored import judged
from napari_saunetv2.metrics import METRICS, SHAPE_METRICS, TITLES, auc, confusion


@dataclass(frozen=True)
class ImageScore:
    """Metrics of one image.

    Attributes
    ----------
    name : str
    metrics : mapping of str to float
        By their keys in ``TITLES``, and of arteries and veins in ``CLASS_TITLES``.
    about : mapping of str to str
        How it was scored: some of ``ABOUT``.
    """

    name: str
    metrics: Mapping[str, float]
    about: Mapping[str, str] = field(default_factory=dict)


def titles_of(scores: Sequence[ImageScore]) -> dict[str, str]:
    """Titles of the metrics that all scores have, those of arteries and veins after the others."""
    of_classes = {k: v for k, v in CLASS_TITLES.items() if scores and all(k in s.metrics for s in scores)}
    return TITLES | of_classes


ABOUT = ("model", "observer", "threshold", "fov", "version")
"""Columns about a score: prediction, reference, threshold and scored pixels."""


@dataclass(frozen=True)
class Case:
    """One image with its prediction and its reference labels.

    Attributes
    ----------
    name : str
    image : array, shape (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]; or None
        The photograph, for illustrations; scores do not need it.
    truth : array, shape (H, W)
        A vessel where not 0.
    prediction : array, shape (H, W)
        Probabilities (float, range [0, 1]), or labels (integer or bool): a vessel where not 0.
    threshold : float
        From which a probability is a vessel.
    inside : array, shape (H, W), or None
        Only pixels where it is not 0 count.
    model, observer : str
        Names of prediction and reference, for tables.
    fov : str
        Description of ``inside``, for tables; by default "whole frame" or "given".
    ignored : array, shape (H, W), bool, or None
        Pixels that an observer did not judge: they do not count. Where it is not given, the ones that
        ``truth`` and a ``prediction`` of labels mark, as
        :func:`napari_saunetv2.imaging.ignored.not_judged` finds them; these become 0.
    classes : (array, array), shape (H, W) each, or None
        Labels of arteries and veins, true and predicted, as of
        :func:`napari_saunetv2.evaluation.classes.class_metrics`.

    Raises
    ------
    ImageError
        If the maps differ in shape, or probabilities are outside [0, 1].
    """

    name: str
    image: NDArray[Any] | None
    truth: NDArray[Any]
    prediction: NDArray[Any]
    threshold: float = 0.5
    inside: NDArray[Any] | None = None
    model: str = ""
    observer: str = ""
    fov: str = ""
    ignored: NDArray[np.bool_] | None = None
    classes: tuple[NDArray[Any], NDArray[Any]] | None = None

    def __post_init__(self) -> None:
        """Check the maps, and keep apart what was not judged."""
        if self.ignored is None:
            self._find_ignored()
        for other in (self.truth, self.inside, self.ignored):
            if other is not None and other.shape != self.prediction.shape:
                raise ImageError(
                    f"'{self.name}' has shape {self.prediction.shape}, its reference {other.shape}: compare "
                    "maps of the same image."
                )
        # Written so that NaN fails the check too.
        if (
            self.probable
            and self.prediction.size
            and not (self.prediction.min() >= 0 and self.prediction.max() <= 1)
        ):
            raise ImageError(
                f"'{self.name}' holds values outside 0 to 1: give a probability map with values from 0 to 1."
            )

    def _find_ignored(self) -> None:
        found = []
        for name in ("truth",) if self.probable else ("truth", "prediction"):
            labels, ignored = judged(getattr(self, name))
            object.__setattr__(self, name, labels)
            found += [] if ignored is None else [ignored]
        if len({one.shape for one in found}) == 1:
            object.__setattr__(self, "ignored", np.logical_or.reduce(found))

    @property
    def counted(self) -> NDArray[np.bool_] | None:
        """Pixels that count: judged, and inside; shape (H, W), None for all."""
        if self.ignored is None:
            return None if self.inside is None else self.inside != 0
        return ~self.ignored if self.inside is None else ~self.ignored & (self.inside != 0)

    @property
    def probable(self) -> bool:
        """Whether the prediction is a probability, so that the threshold matters."""
        return bool(np.issubdtype(self.prediction.dtype, np.floating))

    def vessels(self) -> NDArray[np.uint8]:
        """Predicted vessels, shape (H, W), 0 or 1."""
        if self.probable:
            return inference.binarise(self.prediction, self.threshold)
        return np.asarray(self.prediction != 0, np.uint8)

    def score(self) -> ImageScore:
        """All metrics; raises ImageError if the maps differ in shape."""
        return ImageScore(self.name, self.metrics(), self._about())

    def metrics(self) -> dict[str, float]:
        """All metrics, keys and order of ``TITLES``, then of ``CLASS_TITLES`` where there are classes."""
        truth, vessels, counted = self.truth, self.vessels(), self.counted
        counts = confusion(truth, vessels, counted)
        values = {name: metric(counts) for name, metric in METRICS.items()}
        values |= {name: metric(truth, vessels, counted) for name, metric in SHAPE_METRICS.items()}
        values["auc"] = auc(truth, self.prediction, counted) if self.probable else float("nan")
        of_classes = {} if self.classes is None else class_metrics(*self.classes, counted)
        return {name: values[name] for name in TITLES} | of_classes

    def _about(self) -> dict[str, str]:
        return {
            "model": self.model,
            "observer": self.observer,
            "threshold": f"{self.threshold:g}" if self.probable else "",
            "fov": (self.fov or ("whole frame" if self.inside is None else "given"))
            + (", judged pixels" if self.ignored is not None else ""),
            "version": __version__,
        }
