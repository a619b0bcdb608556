"""Calibration on a model's training images: thresholds, and value ranges for int8."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import LayoutError, SettingsError
from napari_saunetv2.evaluation import EXACT, learned_from, seen
from napari_saunetv2.imaging import canvas
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.inference import passes
from napari_saunetv2.metrics import best_threshold
from napari_saunetv2.models.checkpoint import Checkpoint, Header


def known(samples: Sequence[Sample], model: Checkpoint) -> list[Sample]:
    """Samples that the model or one of its base models was trained or validated on.

    Only these may be used to choose thresholds.

    Raises
    ------
    LayoutError
        If there are none.
    SettingsError
        If the model does not state what it was trained on.
    """
    kept = [s for s in samples if learned_from(s, model.header)]
    if not kept and not any(seen(s, model.header) for s in samples):
        raise LayoutError(
            f"None of these images was used to train '{model.name}': give the data set it was trained on, "
            "because a threshold must not be chosen on test images."
        )
    return kept


def calibrate(
    samples: Sequence[Sample],
    model: Checkpoint,
    config: InferenceConfig,
) -> Generator[int, None, Header]:
    """Find the threshold with the highest mean F1 for a test-time augmentation.

    A network is more certain on its training images, so F1 peaks at another threshold than on new images.

    Parameters
    ----------
    samples : sequence of Sample
        Samples from :func:`known`.
    model : Checkpoint
    config : InferenceConfig
        ``config.tta`` is the test-time augmentation that the threshold is for.

    Yields
    ------
    int
        Number of images done.

    Returns
    -------
    Header
        The model's header with that threshold.
    """
    truths, maps = [], []
    for number, sample in enumerate(samples, start=1):
        truths.append(sample.labels())
        maps.append(inference.predict(sample.image(), model, config).probability)
        yield number
    found = best_threshold(truths, maps)
    header = model.header
    if config.tta == "none":
        return replace(header, threshold=found)
    return replace(header, tta_thresholds={**header.tta_thresholds, config.tta: found})


def measure_ranges(samples: Sequence[Sample], model: Checkpoint) -> Generator[int, None, Header]:
    """Measure the value ranges for int8 inference (:mod:`napari_saunetv2.engines`).

    Parameters
    ----------
    samples : sequence of Sample
        Samples from :func:`known`; resampled to the model's scale.
    model : Checkpoint

    Yields
    ------
    int
        Number of images done.

    Returns
    -------
    Header
        The model's header with the ranges.

    Raises
    ------
    SettingsError
        Without OpenVINO.
    """
    try:
        from napari_saunetv2.engines import _int8
    except ImportError as error:
        raise SettingsError("int8 needs OpenVINO: pip install 'napari-saunetv2[openvino]'.") from error
    canvases = (_canvas(sample.image(), model) for sample in samples)
    header = model.header
    for number, ranges in enumerate(_int8.measure(model.network, canvases), start=1):
        header = replace(header, ranges=ranges)
        yield number
    return header


def _canvas(image: NDArray[Any], model: Checkpoint) -> NDArray[np.float32]:
    """Bring an image to the canvas on which the model sees it in one pass."""
    plan = inference.planned(image, model, EXACT)
    return canvas.pad(passes.at_scale(to_unit(image), plan), model.header.padding)
