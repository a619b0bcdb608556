"""How far the prediction of an engine is from that of torch in float32, and how long the engine takes."""

import copy
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
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
    """Predict the test images with torch in float32.

    Raises
    ------
    CheckpointError
        If a logit is not finite.
    """
    # Channels first: torch's GroupNorm sums channels-last maps less exactly, to the fourth digit of a
    # probability.
    network = copy.deepcopy(model.network).to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    found = []
    for kind, picture in _pictures():
        padded = canvas.pad(picture, model.header.padding)
        with torch.inference_mode():
            logits = network(torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)[None])))[0]
        require_finite(logits.mean().item())
        found.append(Reference(kind, padded, logits.sigmoid().numpy()))
    return tuple(found)


def is_same(model: Checkpoint, difference: float) -> bool:
    """Whether a largest difference of probabilities is rounding; a cascade enlarges it by its steepness."""
    return difference <= SAME * float(getattr(model.network, "steepness", 1.0))


def largest_difference(reference: Reference, run: Run) -> float:
    """Largest difference of a probability on one test image."""
    return float(np.abs(run(reference.canvas) - reference.probability).max())


def fastest(run: Run, reference: Reference) -> float:
    """Seconds of a pass over a test image; the first pass also compiles."""
    return min(_timed(run, reference)[1] for _ in range(3))


def compare(
    model: Checkpoint, run: Run, found: tuple[Reference, ...] | None = None, *, briefly: bool = False
) -> Verdict:
    """Run the test images through an engine and compare; ``found`` are the model's :func:`references`.

    With ``briefly`` it ends as soon as "auto" may not choose the engine: what it gives are lower bounds then.
    """
    found = found or references(model)
    threshold = model.header.threshold
    largest, seconds, f1_shift = 0.0, np.inf, 0.0
    vessels, changed = Counter[str](), Counter[str]()
    for kind, _, truth in found:
        vessels[kind] += int((truth >= threshold).sum())
    for reference in found:
        kind, truth = reference.kind, reference.probability
        prediction, took = _timed(run, reference)
        seconds = min(seconds, took)
        before, now = truth >= threshold, prediction >= threshold
        largest = max(largest, float(np.abs(prediction - truth).max()))
        changed[kind] += int((before != now).sum())
        if kind == "good":
            f1_shift = _f1(model, now) - _f1(model, before)
        if briefly and changed[kind] > MAX_CHANGED * max(1, vessels[kind]):
            break
    worst = max(changed[kind] / max(1, vessels[kind]) for kind in vessels)
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


@lru_cache(maxsize=1)
def _pictures() -> tuple[tuple[str, Map], ...]:
    """Synthetic photographs by type, shape (H, W, 3), range [0, 1]: good, poor and faint.

    Faint vessels are what rounding hurts most: the difference between vessel and background is small beside
    the brightness that both share. There are three of them, because few pixels cross the threshold and their
    number varies.
    """

    def eye(seed: int) -> Map:
        return np.asarray(_sample(seed).image / 255, np.float32)

    hazy = eye(3)
    haze = np.float32(0.3) * (hazy.max(2, keepdims=True) > 0.05)
    shade = np.linspace(0.3, 1, SIDE, dtype=np.float32)[None, :, None]
    pictures = [
        ("good", eye(0)),
        ("poor", 0.35 * eye(2)),
        ("poor", 0.45 * hazy + haze),
        ("poor", _blur(eye(4), 1.5)),
        ("poor", _blur(eye(6), 1) * shade),
    ]
    pictures += [("faint", 0.8 * _blur(eye(seed), SIDE / 10) + 0.2 * eye(seed)) for seed in (11, 13, 14)]
    return tuple((kind, np.ascontiguousarray(picture, np.float32)) for kind, picture in pictures)


def _blur(picture: Map, sigma: float) -> Map:
    blurred: Map = ndimage.gaussian_filter(picture, (sigma, sigma, 0))
    return blurred
