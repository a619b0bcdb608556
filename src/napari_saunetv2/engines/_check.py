"""How far the prediction of an engine is from that of torch in float32, and how long the engine takes."""

import copy
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.engines._finite import require_finite
from napari_saunetv2.engines._verdict import MAX_CHANGED, Verdict
from napari_saunetv2.imaging import canvas
from napari_saunetv2.metrics import METRICS, confusion
from napari_saunetv2.models.checkpoint import Checkpoint

if TYPE_CHECKING:
    from napari_saunetv2.imaging.synthetic import Synthetic

Map = NDArray[np.float32]
Run = Callable[[Map], Map]

SAME = 1e-4
"""Probabilities that differ by less are the same prediction in float32, unless the network enlarges its
rounding (:func:`is_same`)."""

SIDE = 384
"""Side of the test images in pixels: large enough for the statistics, small enough to be fast."""


class Reference(NamedTuple):
    """A canvas, shape (H, W, 3), and torch's probability of every class on it, (classes, H, W)."""

    kind: str
    canvas: Map
    probability: Map


def references(model: Checkpoint) -> tuple[Reference, ...]:
    """Predict all test images with torch in float32; raises CheckpointError if a logit is not finite."""
    return tuple(reference(model, number) for number in range(len(PICTURES)))


def reference(model: Checkpoint, number: int) -> Reference:
    """Predict one of the test images, as :func:`references`."""
    # Channels first: torch's GroupNorm sums channels-last maps less exactly, to the fourth digit of a
    # probability.
    network = copy.deepcopy(model.network).to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    padded = canvas.pad(_picture(number), model.header.padding)
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)[None])))[0]
    require_finite(logits.mean().item())
    return Reference(PICTURES[number].kind, padded, logits.sigmoid().numpy())


def is_same(model: Checkpoint, difference: float) -> bool:
    """Whether a largest difference of probabilities is rounding; a cascade enlarges it by its steepness."""
    return difference <= SAME * float(getattr(model.network, "steepness", 1.0))


def largest_difference(reference: Reference, run: Run) -> float:
    """Largest difference of a probability on one test image."""
    return float(np.abs(run(reference.canvas) - reference.probability).max())


def fastest(run: Run, reference: Reference) -> float:
    """Seconds of a pass over a test image; the first pass also compiles."""
    return min(_timed(run, reference)[1] for _ in range(5))


def compare(
    model: Checkpoint, run: Run, found: Iterable[Reference] | None = None, *, briefly: bool = False
) -> Verdict:
    """Run the test images through an engine and compare; ``found`` are the model's :func:`references`.

    With ``briefly`` it ends with the first type of image for which "auto" may not choose the engine; what it
    gives are lower bounds then.
    """
    threshold = model.header.threshold
    largest, worst, seconds, f1_shift = 0.0, 0.0, np.inf, 0.0
    for kind, alike in groupby(found or references(model), key=attrgetter("kind")):
        vessels = changed = 0
        for reference in alike:
            truth = reference.probability
            prediction, took = _timed(run, reference)
            before, now = truth >= threshold, prediction >= threshold
            seconds = min(seconds, took)
            largest = max(largest, float(np.abs(prediction - truth).max()))
            vessels, changed = vessels + int(before.sum()), changed + int((before != now).sum())
            if kind == "good":
                f1_shift = _f1(model, now) - _f1(model, before)
        worst = max(worst, changed / max(1, vessels))
        if briefly and worst > MAX_CHANGED:
            break
    return Verdict(largest, worst, f1_shift, seconds)


def _timed(run: Run, reference: Reference) -> tuple[Map, float]:
    begun = time.perf_counter()
    prediction = run(reference.canvas)
    return prediction, time.perf_counter() - begun


def _f1(model: Checkpoint, vessels: NDArray[np.bool_]) -> float:
    """F1 of the first class on the good test image, whose vessels are known exactly."""
    truth = _sample(0).vessels
    inside = canvas.crop(vessels[0], SIDE, SIDE, model.header.padding)
    return METRICS["f1"](confusion(truth, inside.astype(np.uint8)))


@lru_cache(maxsize=8)
def _sample(seed: int) -> "Synthetic":
    from napari_saunetv2.imaging.synthetic import fundus  # with what it needs, half a second

    return fundus((SIDE, SIDE), seed)


class Picture(NamedTuple):
    """A type of synthetic photograph, and what makes one, shape (H, W, 3), range [0, 1]."""

    kind: str
    make: Callable[[], Map]


def _eye(seed: int) -> Map:
    return np.asarray(_sample(seed).image / 255, np.float32)


def _hazy(seed: int) -> Map:
    eye = _eye(seed)
    haze = np.float32(0.3) * (eye.max(2, keepdims=True) > 0.05)
    return np.asarray(0.45 * eye + haze, np.float32)


def _faint(seed: int) -> Map:
    return 0.8 * _blur(_eye(seed), SIDE / 10) + 0.2 * _eye(seed)


PICTURES = (
    Picture("good", lambda: _eye(0)),
    Picture("faint", lambda: _faint(11)),
    Picture("faint", lambda: _faint(13)),
    Picture("faint", lambda: _faint(14)),
    Picture("poor", lambda: 0.35 * _eye(2)),
    Picture("poor", lambda: _hazy(3)),
    Picture("poor", lambda: _blur(_eye(4), 1.5)),
    Picture("poor", lambda: _blur(_eye(6), 1) * np.linspace(0.3, 1, SIDE, dtype=np.float32)[None, :, None]),
)
"""Test images: good, faint and poor, type by type, those that most engines fail at first.

Faint vessels are what rounding hurts most: the difference between vessel and background is small beside the
brightness that both share. There are three of them, because few pixels cross the threshold and their number
varies.
"""


@lru_cache(maxsize=len(PICTURES))
def _picture(number: int) -> Map:
    """One of :data:`PICTURES`."""
    return np.ascontiguousarray(PICTURES[number].make(), np.float32)


def _blur(picture: Map, sigma: float) -> Map:
    blurred: Map = ndimage.gaussian_filter(picture, (sigma, sigma, 0))
    return blurred
