"""Scores of a model, or of an observer, on a data set, by the protocols of the literature."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig, TestTime
from napari_saunetv2.datasets import Sample
from napari_saunetv2.evaluation.case import Case, ImageScore, titles_of
from napari_saunetv2.evaluation.protocol import AS_PUBLISHED, EXACT, Protocol, Scoring, check_protocol
from napari_saunetv2.imaging import field_of_view, modality, plausibility
from napari_saunetv2.imaging.classes import is_artery_vein
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.inference import suited
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.progress import drain


def predictions(
    samples: Sequence[Sample],
    model: Checkpoint,
    config: InferenceConfig = EXACT,
    scoring: Scoring = AS_PUBLISHED,
) -> Iterator[Case]:
    """Segment every sample; errors as of :func:`evaluate`."""
    level = inference.threshold_of(model, scoring.threshold, config.tta)
    by_class = is_artery_vein(model.header.classes)
    for sample in samples:
        labels = sample.read_labels(scoring.observer)
        truth, image = labels.pixels, sample.image()
        picture = modality.pictured(image, model.header.modality)
        maps = drain(inference.steps(picture.pixels, model, config, picture.fov))
        probability = inference.most_probable(maps)
        classes = None
        if by_class and sample.has_classes and labels.classes is not None:
            found = inference.binarise(probability, level)
            classes = labels.classes, scoring.classify(maps, found, threshold=level)
        said = plausibility.of_picture(picture, model.header.modality, suited.advice(model.header))
        remarks = (*said, *plausibility.of_labels(truth, picture.fov))
        plausibility.log(sample.name, remarks)
        inside, fov_used = _inside(sample, image, scoring.protocol)
        whose = scoring.observer or sample.reference or ""
        yield Case(
            sample.name, image, truth, probability, level, inside, model.name, whose, fov_used,
            labels.ignored, classes,
        )  # fmt: skip


def observed(
    samples: Sequence[Sample], observer: str, *, protocol: Protocol = "whole", reference: str | None = None
) -> Iterator[Case]:
    """Use an observer's labels as prediction; parameters and errors as of :func:`evaluate_observer`."""
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
        the official mask, or if there is none the detected one.
    observer : str, optional
        Observer whose labels are the reference, by default the reference observer.
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
        If a sample has no labels by that observer.
    SettingsError
        If a setting is outside its range.
    """
    config = replace(EXACT, tta=tta, rescale=rescale, device=device)
    scoring = Scoring(protocol, observer, threshold)
    loaded = model if isinstance(model, Checkpoint) else checkpoint.load(model)
    cases = predictions(samples, loaded, config, scoring)
    return (case.score() for case in cases)


def evaluate_observer(
    samples: Sequence[Sample], observer: str, *, protocol: Protocol = "whole", reference: str | None = None
) -> Iterator[ImageScore]:
    """Score one observer's labels against another's, by default the reference observer's.

    Yields
    ------
    ImageScore
        Without an area under the curve: labels have no probabilities.
    """
    return (case.score() for case in observed(samples, observer, protocol=protocol, reference=reference))


def score(
    truth: NDArray[Any],
    prediction: NDArray[Any],
    threshold: float = 0.5,
    inside: NDArray[Any] | None = None,
) -> dict[str, float]:
    """All metrics of one image, keys and order of ``TITLES``.

    Parameters
    ----------
    truth : array, shape (H, W)
        A vessel where not 0.
    prediction : array, shape (H, W)
        Probabilities (float, range [0, 1]), or labels (integer or bool), which have no area under a curve.
    threshold : float
        Probability from which a pixel is a vessel.
    inside : array, shape (H, W), optional
        Only pixels where it is not 0 count.

    Raises
    ------
    ImageError
        If the shapes differ.
    """
    return Case("", None, truth, prediction, threshold, inside).metrics()


def mean(scores: Sequence[ImageScore]) -> dict[str, float]:
    """Mean of each metric over images; images without a value do not count."""
    table = {name: np.array([s.metrics[name] for s in scores]) for name in titles_of(scores)}
    return {
        name: float(np.nanmean(v)) if not np.isnan(v).all() else float("nan") for name, v in table.items()
    }


def worst_first(score: ImageScore) -> tuple[bool, float]:
    """Sort key for images: the lowest F1 first, those without a value last."""
    f1 = score.metrics["f1"]
    return bool(np.isnan(f1)), f1


def _inside(sample: Sample, image: NDArray[Any], protocol: Protocol) -> tuple[NDArray[Any] | None, str]:
    """Return the pixels that count, None for all, and their description."""
    if protocol == "whole":
        return None, "whole frame"
    known = sample.known_field()
    if known is None:
        return field_of_view.detect(to_unit(image)), "found"
    return known, "whole frame" if sample.fov_path is None else "official"
