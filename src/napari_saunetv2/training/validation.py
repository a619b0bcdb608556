"""Scores of a network on the validation images."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_saunetv2.imaging import frame as frames
from napari_saunetv2.imaging.classes import merged, split
from napari_saunetv2.imaging.scale import resize
from napari_saunetv2.metrics import METRICS, best_of, confusion, f1_by_threshold
from napari_saunetv2.training.corrections import Corrections
from napari_saunetv2.training.losses import LOSSES
from napari_saunetv2.training.store import Held, Store, tensor_of
from napari_saunetv2.training.views import Prepared, balanced

KEPT = 32 * 2**20
"""Bytes of predictions that are kept in memory."""

_COARSE = np.arange(20, 81, 5) / 100


@dataclass(frozen=True)
class Preview:
    """Prediction of the best weights so far, or initially of the base, for an image.

    Attributes
    ----------
    name : str
        Of the image.
    labels : array, shape (H, W), uint8
        0, or the number of the class; of overlapping classes the sum.
    """

    name: str
    labels: NDArray[np.uint8]


def logits(network: nn.Module, image: Prepared, device: torch.device) -> Tensor:
    """Logits of a network in evaluation mode for a whole canvas, shape (1, K, H, W)."""
    with torch.inference_mode():
        prediction: Tensor = network(image.canvas[None, :3].to(device)).float()
        return prediction


def logits_of_all(
    network: nn.Module, images: Sequence[Prepared], device: torch.device, folder: Path
) -> list[Tensor | Held]:
    """Logits for each image, as :func:`logits`; what does not fit into memory is in a file in the folder."""
    store = Store(folder, KEPT)
    # Nothing tells how many more fit: the store looks before it writes each one.
    return [store.put(logits(network, image, device), device) for image in images]


def mean_f1(
    images: Sequence[Prepared],
    predictions: Sequence[Tensor | Held],
    thresholds: Sequence[float] | None = None,
) -> float:
    """F1, mean over images and classes; NaN if there are no vessels and none were predicted.

    Parameters
    ----------
    images : sequence of Prepared
    predictions : sequence of tensor or Held
        Logits as of :func:`logits_of_all`.
    thresholds : sequence of float, optional
        One for each class; 0.5 by default.
    """
    # The padding has no vessels in reference or prediction, so it does not change F1.
    means = []
    for image, prediction in zip(images, predictions, strict=True):
        levels = thresholds or [0.5] * image.classes
        by_class = zip(_by_class(image, prediction), levels, strict=True)
        means.append(_mean([_f1(t, p, level, image.balance) for (t, p), level in by_class]))
    return _mean(means)


def mean_loss(images: Sequence[Prepared], predictions: Sequence[Tensor | Held], loss: str) -> float:
    """Mean over images of a loss in ``LOSSES``."""
    losses = []
    for image, held in zip(images, predictions, strict=True):
        prediction, truth, weight = tensor_of(held), image.vessels, image.weight
        if weight is not None:
            weight = balanced(weight, truth, image.balance)[None].to(prediction.device)
        losses.append(float(LOSSES[loss](prediction, truth[None].to(prediction.device), weight)))
    return _mean(losses)


def corrected(
    images: Sequence[Prepared],
    predictions: Sequence[Tensor | Held],
    thresholds: Sequence[float],
    *,
    everywhere: bool = False,
) -> NDArray[np.bool_]:
    """Whether each corrected pixel is right, shape (N,), over all images.

    Parameters are those of :func:`mean_f1`. Pixels with weight 0, in blocks of the other part, are left out
    unless ``everywhere`` is set.
    """
    found = [
        _right(image, image.corrections, tensor_of(prediction), thresholds, everywhere=everywhere)
        for image, prediction in zip(images, predictions, strict=True)
        if image.corrections is not None
    ]
    return np.concatenate(found) if found else np.zeros(0, np.bool_)


def mended(
    images: Sequence[Prepared],
    before: tuple[Sequence[Tensor | Held], Sequence[float]],
    after: tuple[Sequence[Tensor | Held], Sequence[float]],
) -> tuple[int, int]:
    """Count the pixels that are wrong before, and how many of them are right after.

    ``before`` and ``after`` are predictions and thresholds as of :func:`mean_f1`.
    """
    wrong = right = 0
    for image, old, new in zip(images, before[0], after[0], strict=True):
        by_class = zip(_by_class(image, old), _by_class(image, new), before[1], after[1], strict=True)
        for (truth, was), (_, is_), level_before, level_after in by_class:
            mistaken = (was >= level_before) != (truth == 1)
            wrong += int(mistaken.sum())
            right += int(((is_ >= level_after) == (truth == 1))[mistaken].sum())
    return wrong, right


def _right(
    image: Prepared,
    corrections: Corrections,
    prediction: Tensor,
    thresholds: Sequence[float],
    *,
    everywhere: bool,
) -> NDArray[np.bool_]:
    rows, columns = corrections.on_canvas(image.frame, image.shape)
    probability = prediction[0].sigmoid().cpu().numpy()[:, rows, columns]
    expected = split(corrections.classes, image.classes, overlapping=image.overlapping).T
    right: NDArray[np.bool_] = ((probability >= np.array(thresholds)[:, None]) == expected).all(axis=0)
    if (weight := image.weight) is None or everywhere:
        return right
    return right[weight[0].cpu().numpy()[rows, columns] >= 0.5]


def best_thresholds(images: Sequence[Prepared], predictions: Sequence[Tensor | Held]) -> list[float]:
    """Threshold for each class at which F1 peaks; 0.5 if there are no vessels."""
    even = all(image.balance == 1 for image in images)
    curves, vessels = [], []  # by image, then by class: of its pixels no more is kept
    for image, prediction in zip(images, predictions, strict=True):
        by_class = list(_by_class(image, prediction))
        vessels.append([bool(truth.any()) for truth, _ in by_class])
        curves.append(
            [
                f1_by_threshold(t, p) if even else [_f1(t, p, level, image.balance) for level in _COARSE]
                for t, p in by_class
            ]
        )
    return [
        (best_of(of_class) if even else _middle_of_best(of_class)) if any(has) else 0.5
        for of_class, has in zip(zip(*curves, strict=True), zip(*vessels, strict=True), strict=True)
    ]


def _middle_of_best(curves: Sequence[Sequence[float]]) -> float:
    """Strokes do not determine a threshold to a hundredth: a coarse one near the middle of the best."""
    f1 = [_mean(at_one) for at_one in zip(*curves, strict=True)]
    best = np.nonzero(np.asarray(f1) >= np.nanmax(f1) - 0.005)[0]
    return float(np.median(_COARSE[best]))


def _f1(truth: NDArray[np.uint8], probability: NDArray[np.float32], level: float, balance: float) -> float:
    counts = confusion(truth, probability >= level)
    if balance == 1:
        return METRICS["f1"](counts)
    tp, fn = balance * counts.tp, balance * counts.fn
    whole = 2 * tp + counts.fp + fn
    return 2 * tp / whole if whole else math.nan


def recalibrate_bias(
    network: nn.Module, images: Sequence[Prepared], predictions: Sequence[Tensor | Held]
) -> None:
    """Shift a network's output bias so that F1 on some images peaks at a probability of 0.5, for each class.

    Without validation images the training images are used: a threshold is a single number and hardly
    overfits. Training uses crops, inference whole canvases with another share of black, so that GroupNorm
    shifts all probabilities in the same direction.
    """
    bias = network.get_parameter("head.bias")
    with torch.no_grad():
        for number, best in enumerate(best_thresholds(images, predictions)):
            bias[number] -= math.log(best / (1 - best))


def preview(image: Prepared, prediction: Tensor | Held) -> Preview:
    """Convert a prediction to labels of the image's own size."""
    rows, columns = image.frame
    probability = tensor_of(prediction)[0, :, rows, columns].sigmoid().cpu().numpy().transpose(1, 2, 0)
    if probability.shape[:2] != image.shape:
        probability = resize(probability, *image.shape)
    if image.overlapping:
        labels = merged(np.moveaxis(probability >= 0.5, 2, 0))
    else:
        labels = np.where(probability.max(axis=2) >= 0.5, probability.argmax(axis=2) + 1, 0).astype(np.uint8)
    if image.seen is not None:
        labels = frames.paste(labels[None], image.seen, image.whole)[0]
    return Preview(image.name, labels)


def _by_class(
    image: Prepared, prediction: Tensor | Held
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Reference and probability of the counted pixels, for each class."""
    weight = image.weight
    taking_part = ... if weight is None else weight[0].cpu().numpy() >= 0.5
    probability = tensor_of(prediction)[0].sigmoid().cpu().numpy()
    for truth, found in zip(image.vessels.cpu().numpy() >= 0.5, probability, strict=True):
        yield truth[taking_part].astype(np.uint8), found[taking_part]


def _mean(values: Sequence[float]) -> float:
    """Mean of the values that are not NaN; NaN if there are none."""
    numbers = [value for value in values if not math.isnan(value)]
    return float(np.mean(numbers)) if numbers else math.nan
