"""A visit from a photograph: its vessels are found by a model, or come from a mask."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.imaging import field_of_view, modality
from napari_saunetv2.imaging.ignored import judged
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain, relay
from napari_saunetv2.visits.visit import Visit


@dataclass(frozen=True)
class About:
    """What is known of a photograph beside its pixels.

    Attributes
    ----------
    name : str
        As messages call it.
    spacing : float, optional
        Micrometres per pixel.
    eye : "left", "right" or ""
    """

    name: str = "photograph"
    spacing: float | None = None
    eye: str = ""


def segmented(image: ArrayLike, config: InferenceConfig, about: About) -> Visit:
    """Find the vessels of a photograph, at the model's own threshold.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        As :func:`napari_saunetv2.inference.segment` takes it.
    config : InferenceConfig
    about : About

    Returns
    -------
    Visit
        With the probability, so that edges lie between pixels.

    Raises
    ------
    SaunetError
        When it cannot be segmented.
    """
    return drain(segmented_steps(image, config, about))


def segmented_steps(image: ArrayLike, config: InferenceConfig, about: About) -> Generator[float, None, Visit]:
    """Do what :func:`segmented` does, step by step.

    Yields
    ------
    float, range [0, 1]
        Share of the work that is done.
    """
    model = checkpoint.opened(config.model)
    yield 0.0
    picture = modality.pictured(image, model.header.modality)
    answer = yield from relay(inference.predict_steps(picture, model, config), lambda state: state.share)
    probability, threshold = answer.probability, inference.threshold_of(model, "auto", config.tta)
    known = about.spacing, about.name, about.eye
    return Visit(probability >= threshold, picture.fov, probability, threshold, picture.unit, *known)


def masked(
    vessels: ArrayLike, about: About, image: ArrayLike | None = None, ignored: ArrayLike | None = None
) -> Visit:
    """Take the vessels of a photograph from a mask, such as a corrected one.

    Parameters
    ----------
    vessels : array, shape (H, W)
        A vessel where not 0; pixels that nobody judged, such as of value 255 beside 1, are out of view.
    about : About
    image : array, shape (H, W) or (H, W, C), optional
        The photograph.
    ignored : array, shape (H, W), optional
        True where nobody judged, for a mask in which these pixels are 0.

    Raises
    ------
    ImageError
        For arrays that are no images, or of different shapes.
    """
    pixels, unjudged = judged(np.asarray(vessels))
    if ignored is not None:
        unjudged = np.asarray(ignored, bool)
    unit = None if image is None else to_unit(image)
    seen = None if unjudged is None else ~unjudged
    if unit is not None and seen is not None and seen.shape == unit.shape[:2]:
        seen = seen & field_of_view.detect(unit)
    return Visit(pixels, seen, photograph=unit, spacing=about.spacing, name=about.name, eye=about.eye)
