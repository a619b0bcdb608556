"""Uncertainty: the variance of predictions for rotated and flipped views of one image."""

from collections.abc import Generator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.imaging import modality
from napari_saunetv2.imaging.intensity import stored
from napari_saunetv2.imaging.symmetry import D4
from napari_saunetv2.inference import passes
from napari_saunetv2.inference.passes import Progress, most_probable
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.progress import relay


def steps(
    image: ArrayLike, model: Checkpoint, config: InferenceConfig, fov: ArrayLike | None = None
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Segment the eight views of an image, one pass of the network at a time.

    Parameters
    ----------
    image, model, config, fov
        As in :func:`napari_saunetv2.inference.steps`; ``config.tta`` is not looked at.

    Yields
    ------
    Progress
        Before the first pass and after each.

    Returns
    -------
    array, shape (H, W), float32, range [0, 0.25]
        Variance of the probability over the views, transformed back: test-time augmentation as a measure of
        aleatoric uncertainty (Wang et al., 2019, Neurocomputing 338, 34).
    """
    pixels = np.asarray(image)
    config = replace(config, tta="none")
    # One field of view, and so one scale, for all views: found anew in each it would differ by a pixel.
    if fov is None and config.rescale == "auto":
        fov = modality.field(stored(pixels), model.header.modality)
    inside = None if fov is None else np.asarray(fov)
    # Welford's recurrence: a sum of squares would lose the small variances to rounding.
    mean = np.zeros(pixels.shape[:2], np.float32)
    spread = np.zeros_like(mean)
    for number, view in enumerate(D4):
        seen = None if inside is None else view.of(inside)
        work = passes.steps(np.ascontiguousarray(view.of(pixels)), model, config, seen)
        classes = yield from relay(work, partial(_of_all, number))
        prediction = view.undo(most_probable(classes))
        off = prediction - mean
        mean += off / np.float32(number + 1)
        spread += off * (prediction - mean)
    return spread / np.float32(len(D4))


def _of_all(number: int, state: Progress) -> Progress:
    """Give the progress over all views from that of one of them."""
    return Progress(number * state.total + state.done, len(D4) * state.total)
