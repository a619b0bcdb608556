"""Scores of a model, or of an observer, on a data set, by the protocols of the literature."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import __version__, inference
from napari_saunetv2.config import InferenceConfig, TestTime
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import ImageError
from napari_saunetv2.evaluation.protocol import AS_PUBLISHED, EXACT, Protocol, Scoring, check_protocol
from napari_saunetv2.imaging import fov, plausibility
from napari_saunetv2.imaging.ignored import judged
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.metrics import METRICS, SHAPE_METRICS, TITLES, auc, confusion
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.progress import drain


@dataclass(frozen=True)
class ImageScore:
    """Metrics of one image.

    Attributes
    ----------
    name : str
    metrics : mapping of str to float
        By their keys in ``TITLES``.
    about : mapping of str to str
        How it was scored: some of ``ABOUT``.
    """

    name: str
    metrics: Mapping[str, float]
    about: Mapping[str, str] = field(default_factory=dict)


ABOUT = ("model", "observer", "threshold", "fov", "version")
"""What tables say of a score: whose answer and whose truth, from which threshold, in which pixels."""


@dataclass(frozen=True)
class Case:
    """One image, what was found in it and what should have been.

    Attributes
    ----------
    name : str
    image : array, shape (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]; or None
        The photograph, for pictures; no score needs it.
    truth : array, shape (H, W)
        A vessel where not 0.
    answer : array, shape (H, W)
        Probabilities (float, range [0, 1]), or labels (integer or bool): a vessel where not 0.
    threshold : float
        From which a probability is a vessel.
    inside : array, shape (H, W), or None
        Only pixels where it is not 0 count.
    model, observer : str
        Whose answer and whose truth it is, for tables.
    fov : str
        What ``inside`` is, for tables; by default "whole frame" or "given".
    ignored : array, shape (H, W), bool, or None
        Pixels that an observer did not judge: they do not count. Where it is not given, the ones that
        ``truth`` and an ``answer`` of labels mark, as
        :func:`napari_saunetv2.imaging.ignored.not_judged` finds them; these become 0.

    Raises
    ------
    ImageError
        When the maps differ in shape, or the probabilities are none.
    """

    name: str
    image: NDArray[Any] | None
    truth: NDArray[Any]
    answer: NDArray[Any]
    threshold: float = 0.5
    inside: NDArray[Any] | None = None
    model: str = ""
    observer: str = ""
    fov: str = ""
    ignored: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        """Check the maps, and keep apart what was not judged."""
        if self.ignored is None:
            self._find_ignored()
        for other in (self.truth, self.inside, self.ignored):
            if other is not None and other.shape != self.answer.shape:
                raise ImageError(
                    f"'{self.name}' has shape {self.answer.shape}, what it is compared with {other.shape}: "
                    "compare maps of one and the same image."
                )
        # Written so that NaN breaks it as well.
        if self.probable and self.answer.size and not (self.answer.min() >= 0 and self.answer.max() <= 1):
            raise ImageError(f"'{self.name}' holds values outside 0 to 1: a probability lies between them.")

    def _find_ignored(self) -> None:
        found = []
        for name in ("truth",) if self.probable else ("truth", "answer"):
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
        """Whether the answer is a probability, so that its threshold can move."""
        return bool(np.issubdtype(self.answer.dtype, np.floating))

    def vessels(self) -> NDArray[np.uint8]:
        """Vessels of the answer, shape (H, W), 0 or 1."""
        if self.probable:
            return inference.binarise(self.answer, self.threshold)
        return np.asarray(self.answer != 0, np.uint8)

    def score(self) -> ImageScore:
        """All metrics; raises ImageError when the maps differ in shape."""
        return ImageScore(self.name, self.metrics(), self._about())

    def metrics(self) -> dict[str, float]:
        """All metrics, keys and order of ``TITLES``."""
        truth, vessels, counted = self.truth, self.vessels(), self.counted
        counts = confusion(truth, vessels, counted)
        values = {name: metric(counts) for name, metric in METRICS.items()}
        values |= {name: metric(truth, vessels, counted) for name, metric in SHAPE_METRICS.items()}
        values["auc"] = auc(truth, self.answer, counted) if self.probable else float("nan")
        return {name: values[name] for name in TITLES}

    def _about(self) -> dict[str, str]:
        return {
            "model": self.model,
            "observer": self.observer,
            "threshold": f"{self.threshold:g}" if self.probable else "",
            "fov": (self.fov or ("whole frame" if self.inside is None else "given"))
            + (", judged pixels" if self.ignored is not None else ""),
            "version": __version__,
        }


def answers(
    samples: Sequence[Sample],
    model: Checkpoint,
    config: InferenceConfig = EXACT,
    scoring: Scoring = AS_PUBLISHED,
) -> Iterator[Case]:
    """Segment every sample; errors as of :func:`evaluate`."""
    level = inference.threshold_of(model, scoring.threshold, config.tta)
    for sample in samples:
        labels = sample.read_labels(scoring.observer)
        truth, image = labels.pixels, sample.image()
        field = fov.detect(to_unit(image))
        probability = inference.most_probable(drain(inference.steps(image, model, config, field)))
        remarks = (*plausibility.of_picture(to_unit(image), field), *plausibility.of_labels(truth, field))
        plausibility.log(sample.name, remarks)
        inside, fov_used = _inside(sample, image, scoring.protocol)
        whose = scoring.observer or sample.reference or ""
        yield Case(
            sample.name, image, truth, probability, level, inside, model.name, whose, fov_used, labels.ignored
        )


def observed(
    samples: Sequence[Sample], observer: str, *, protocol: Protocol = "whole", reference: str | None = None
) -> Iterator[Case]:
    """Take one observer's labels for an answer; parameters and errors as of :func:`evaluate_observer`."""
    check_protocol(protocol)
    for sample in samples:
        labels, other, image = sample.read_labels(reference), sample.read_labels(observer), sample.image()
        parts = [one.ignored for one in (labels, other) if one.ignored is not None]
        ignored = np.logical_or.reduce(parts) if parts else None
        inside, fov_used = _inside(sample, image, protocol)
        whose = reference or sample.reference or ""
        yield Case(
            sample.name, image, labels.pixels, other.pixels, inside=inside, model=observer, observer=whose,
            fov=fov_used, ignored=ignored,
        )  # fmt: skip


def evaluate(
    samples: Sequence[Sample],
    model: inference.Model,
    *,
    protocol: Protocol = "whole",
    observer: str | None = None,
    threshold: Literal["auto"] | float = 0.5,
    tta: TestTime = "none",
    rescale: Literal["auto", "off"] | float = "auto",
    device: str = "auto",
) -> Iterator[ImageScore]:
    """Segment every sample and score it.

    Parameters
    ----------
    samples : sequence of Sample
    model : str, path or Checkpoint
    protocol : "whole" or "fov"
        Every pixel of the original frame (as the authors of SA-UNetv2 score), or only the field of view:
        the official mask, or where there is none the one that is found.
    observer : str, optional
        Whose labels are the truth, by default the reference observer's.
    threshold : "auto" or float
        0.5 as in the papers, or the model's own.
    tta, rescale, device
        As in :func:`napari_saunetv2.inference.segment`.

    Yields
    ------
    ImageScore

    Raises
    ------
    LayoutError
        When a sample has no labels by that observer.
    SettingsError
        When a setting is outside its range.
    """
    config = replace(EXACT, tta=tta, rescale=rescale, device=device)
    scoring = Scoring(protocol, observer, threshold)
    loaded = model if isinstance(model, Checkpoint) else checkpoint.load(model)
    cases = answers(samples, loaded, config, scoring)
    return (case.score() for case in cases)


def evaluate_observer(
    samples: Sequence[Sample], observer: str, *, protocol: Protocol = "whole", reference: str | None = None
) -> Iterator[ImageScore]:
    """Score one observer's labels against another's, by default the reference observer's.

    Yields
    ------
    ImageScore
        Without an area under the curve: who draws gives no probabilities.
    """
    return (case.score() for case in observed(samples, observer, protocol=protocol, reference=reference))


def score(
    truth: NDArray[Any],
    answer: NDArray[Any],
    threshold: float = 0.5,
    inside: NDArray[Any] | None = None,
) -> dict[str, float]:
    """All metrics of one image, keys and order of ``TITLES``.

    Parameters
    ----------
    truth : array, shape (H, W)
        A vessel where not 0.
    answer : array, shape (H, W)
        Probabilities (float, range [0, 1]), or labels (integer or bool), which have no area under a curve.
    threshold : float
        From which a probability is a vessel.
    inside : array, shape (H, W), optional
        Only pixels where it is not 0 count.

    Raises
    ------
    ImageError
        When the shapes differ.
    """
    return Case("", None, truth, answer, threshold, inside).metrics()


def mean(scores: Sequence[ImageScore]) -> dict[str, float]:
    """Mean over images of each metric; images where it has no value do not count."""
    table = {name: np.array([s.metrics[name] for s in scores]) for name in TITLES}
    return {
        name: float(np.nanmean(v)) if not np.isnan(v).all() else float("nan") for name, v in table.items()
    }


def worst_first(score: ImageScore) -> tuple[bool, float]:
    """Key to sort images by: the lowest F1 first, those without a value in the end."""
    f1 = score.metrics["f1"]
    return bool(np.isnan(f1)), f1


def _inside(sample: Sample, image: NDArray[Any], protocol: Protocol) -> tuple[NDArray[Any] | None, str]:
    """Give the pixels that count, None for all, and what they are called."""
    if protocol == "whole":
        return None, "whole frame"
    if sample.fov_path is not None:
        return sample.fov(), "official"
    return fov.detect(to_unit(image)), "found"
