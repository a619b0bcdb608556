"""Scores of a model on a data set, by the protocols of the literature."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import NO_DEVICE, inference
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import LayoutError, SettingsError
from napari_saunetv2.imaging import fov
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.metrics import METRICS, TITLES, auc, confusion

Protocol = Literal["whole", "fov"]


@dataclass(frozen=True)
class ImageScore:
    """Metrics of one image, by their keys in ``TITLES``."""

    name: str
    metrics: Mapping[str, float]


def evaluate(
    samples: Sequence[Sample],
    model: inference.Model,
    *,
    protocol: Protocol = "whole",
    observer: str | None = None,
    threshold: Literal["auto"] | float = 0.5,
    tta: inference.TestTime = "none",
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
    level = inference.threshold_of(model, threshold, tta)
    _check(protocol)
    for sample in samples:
        truth = sample.labels(observer)
        image = sample.image()
        probability = inference.segment(image, model, tta=tta, rescale=rescale, device=device)
        yield ImageScore(sample.name, score(truth, probability, level, _inside(sample, image, protocol)))


def evaluate_observer(
    samples: Sequence[Sample], observer: str, *, protocol: Protocol = "whole", reference: str | None = None
) -> Iterator[ImageScore]:
    """Score one observer's labels against another's, by default the reference observer's.

    Yields
    ------
    ImageScore
        Its area under the curve is that of an answer of 0 and 1.
    """
    _check(protocol)
    for sample in samples:
        answer = sample.labels(observer).astype(np.float32)
        inside = _inside(sample, sample.image(), protocol)
        yield ImageScore(sample.name, score(sample.labels(reference), answer, 0.5, inside))


def score(
    truth: NDArray[np.uint8],
    probability: NDArray[np.float32],
    threshold: float,
    inside: NDArray[Any] | None = None,
) -> dict[str, float]:
    """All metrics of one image, keys and order of ``TITLES``.

    Parameters
    ----------
    truth : array, shape (H, W)
        A vessel where not 0.
    probability : array, shape (H, W), range [0, 1]
    threshold : float
    inside : array, shape (H, W), optional
        Only pixels where it is not 0 count.
    """
    counts = confusion(truth, inference.binarise(probability, threshold), inside)
    values = {name: metric(counts) for name, metric in METRICS.items()} | {
        "auc": auc(truth, probability, inside)
    }
    return {name: values[name] for name in TITLES}


def mean(scores: Sequence[ImageScore]) -> dict[str, float]:
    """Mean over images of each metric; images where it has no value do not count."""
    table = {name: np.array([s.metrics[name] for s in scores]) for name in TITLES}
    return {
        name: float(np.nanmean(v)) if not np.isnan(v).all() else float("nan") for name, v in table.items()
    }


def chosen(samples: Sequence[Sample], split: str | None) -> list[Sample]:
    """Samples of a split: "train", "test" or "all"; None is "test" where the data set has one, else "all".

    Raises
    ------
    LayoutError
        When none is left.
    """
    wanted = split or ("test" if any(s.split == "test" for s in samples) else "all")
    kept = [s for s in samples if wanted in ("all", s.split)]
    if not kept:
        known = sorted({s.split for s in samples if s.split})
        raise LayoutError(
            f"There is no split '{split}' here: choose {' or '.join([*known, 'all'])}."
            if samples
            else "There is no sample here: give the folder of a data set."
        )
    return kept


def as_csv(scores: Sequence[ImageScore]) -> str:
    """Table with a line an image, then the mean."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", *TITLES])
    rows = [*scores, ImageScore("mean", mean(scores))]
    writer.writerows([s.name, *(f"{s.metrics[name]:.6f}" for name in TITLES)] for s in rows)
    return text.getvalue()


def as_json(scores: Sequence[ImageScore], about: Mapping[str, Any]) -> str:
    """JSON with what was done, ``mean`` and ``images``; a metric without a value is null."""
    plain = {
        **about,
        "note": NO_DEVICE,
        "mean": _finite(mean(scores)),
        "images": [{"name": s.name, **_finite(s.metrics)} for s in scores],
    }
    return json.dumps(plain, indent=1, allow_nan=False)


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in metrics.items()}


def _check(protocol: str) -> None:
    if protocol not in get_args(Protocol):
        raise SettingsError(f"protocol is {protocol!r}: it must be one of {', '.join(get_args(Protocol))}.")


def _inside(sample: Sample, image: NDArray[Any], protocol: Protocol) -> NDArray[Any] | None:
    if protocol == "whole":
        return None
    return sample.fov() if sample.fov_path is not None else fov.detect(to_unit(image))
