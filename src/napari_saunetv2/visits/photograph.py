"""A visit from a photograph: its vessels are found by a model."""

from collections.abc import Generator
from dataclasses import dataclass

from numpy.typing import ArrayLike

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.imaging import modality
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
    """

    name: str = "photograph"
    spacing: float | None = None


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
    unit = to_unit(image)
    yield 0.0
    answer = yield from relay(inference.predict_steps(image, model, config), lambda state: state.share)
    probability, threshold = answer.probability, inference.threshold_of(model, "auto", config.tta)
    fov = modality.field(unit, model.header.modality)
    return Visit(probability >= threshold, fov, probability, threshold, unit, about.spacing, about.name)
