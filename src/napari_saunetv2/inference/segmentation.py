"""Segmentation: from an image to the vessel probability of each pixel."""

import os
from collections.abc import Callable, Generator
from numbers import Real
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.config import DEFAULT, Engine, InferenceConfig, Precision, TestTime
from napari_saunetv2.errors import SettingsError, Stopped
from napari_saunetv2.imaging import modality, plausibility
from napari_saunetv2.imaging.picture import Picture
from napari_saunetv2.inference import fallback, planning, suited
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.progress import drain

Model: TypeAlias = str | os.PathLike[str] | Checkpoint


def segment(
    image: ArrayLike,
    model: Model = DEFAULT,
    *,
    device: str = "auto",
    tta: TestTime = "none",
    rescale: Literal["auto", "off"] | float = "auto",
    tile: Literal["auto", "off"] | int = "auto",
    engine: Engine = "auto",
    precision: Precision = "auto",
    fov: ArrayLike | None = None,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> NDArray[np.float32]:
    """Find the vessels of a retinal photograph.

    Parameters
    ----------
    image : array, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Grey, RGB or RGBA; uint8, uint16, bool, or float in [0, 1]; 1 x 1 pixel or more.
    model : str, path or Checkpoint
        Name of a bundled or own model, a model file, or a loaded model.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    tta : "none", "flips" or "d4"
        Mean over 1, 4 (flipped) or 8 (flipped and rotated) views of the image.
    rescale : "auto", "off" or float
        "auto" resamples to the model's scale (by a factor of at least 0.4) if the field of view differs from
        that in the training images by more than a quarter; a number is the factor to use.
    tile : "auto", "off" or int, pixels
        Side of overlapping tiles; "auto" uses them for large images. If memory runs out, smaller tiles are
        tried, then the CPU; this is logged.
    engine : "auto", "torch", "openvino" or "onnx"
        Engine that runs the network; "auto" is the fastest installed one on this processor.
    precision : "auto", "float32", "bfloat16" or "int8"
        "auto" is the fastest on this processor for which at most .3 % of the vessel pixels cross the
        threshold.
    fov : array, shape (H, W), optional
        Mask of the field of view, not 0 inside, which is used instead of the detected one for the scale and
        for the frame that the network is given (:mod:`napari_saunetv2.imaging.frame`); beyond that frame the
        result is 0. A mask that covers the image keeps all of it.
    progress : callable, optional
        Called with (done, total) after every pass of the network.
    should_stop : callable, optional
        Called before every pass; True stops the work.

    Returns
    -------
    array, shape (H, W), float32, range [0, 1]
        Probability of a vessel; of a model for several classes (``header.classes``) that of the most probable
        one. :func:`segment_classes` gives all of them.

        Anything unusual about the image, its scale or its share of vessels is logged as a warning.

    Raises
    ------
    ImageError
        If the array is not a valid image.
    SettingsError
        When a setting is outside its range.
    CheckpointError
        If the model is unknown or damaged, or its prediction is not finite.
    DeviceError
        If there is no such device, or memory runs out even for small tiles on the CPU.
    Stopped
        If ``should_stop`` returned True.
    """
    config = InferenceConfig(
        device=device, tta=tta, rescale=rescale, tile=tile, engine=engine, precision=precision
    )
    answer = predict(image, _loaded(model), config, fov, progress=progress, should_stop=should_stop)
    return answer.probability


def segment_classes(
    image: ArrayLike,
    model: Model = DEFAULT,
    *,
    device: str = "auto",
    tta: TestTime = "none",
    rescale: Literal["auto", "off"] | float = "auto",
    tile: Literal["auto", "off"] | int = "auto",
    engine: Engine = "auto",
    precision: Precision = "auto",
    fov: ArrayLike | None = None,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> NDArray[np.float32]:
    """Find every class that a model knows, such as arteries and veins, each in a map of its own.

    Parameters, errors and warnings are those of :func:`segment`.

    Returns
    -------
    array, shape (classes, H, W), float32, range [0, 1]
        Probability of each class, in the order of the model's ``header.classes``. Classes may overlap.
    """
    config = InferenceConfig(
        device=device, tta=tta, rescale=rescale, tile=tile, engine=engine, precision=precision
    )
    answer = predict(image, _loaded(model), config, fov, progress=progress, should_stop=should_stop)
    return answer.classes


def predict(
    image: ArrayLike | Picture,
    model: Checkpoint,
    config: InferenceConfig,
    fov: ArrayLike | None = None,
    *,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> fallback.Prediction:
    """Do what :func:`segment` does, with settings that are checked, and say how it was really done.

    The field of view of a Picture is used, and not searched again.
    """

    def show(state: fallback.State) -> None:
        if progress is not None:
            progress(int(state.done), int(state.total))
        if should_stop is not None and should_stop():
            raise Stopped("Segmentation was stopped before it was done; nothing is kept.")

    return drain(predict_steps(image, model, config, fov), show)


def predict_steps(
    image: ArrayLike | Picture, model: Checkpoint, config: InferenceConfig, fov: ArrayLike | None = None
) -> Generator[fallback.State, None, fallback.Prediction]:
    """Do what :func:`predict` does, step by step.

    Yields
    ------
    State
        Before the first pass of the network and after each.
    """
    wanted = model.header.modality
    picture = modality.pictured(image, wanted, fov)
    answer = yield from fallback.steps(picture.pixels, model, config, picture.fov)
    trained = model.header.scaled_to
    factor = planning.factor_for(picture.pixels, trained, config.rescale, picture.fov)
    mask = binarise(answer.probability, threshold_of(model, "auto", config.tta))
    share = plausibility.share(mask, picture.fov)
    remarks = plausibility.of_segmentation(
        picture, trained, factor, share=share, wanted=wanted, advice=suited.advice(model.header)
    )
    plausibility.log("image", remarks)
    return answer


def binarise(probability: NDArray[np.float32], threshold: float) -> NDArray[np.uint8]:
    """Threshold a probability of any shape, such as (H, W): uint8, 1 where it is at least the threshold."""
    return (probability >= threshold).astype(np.uint8)


def threshold_of(model: Model, threshold: Literal["auto"] | float, tta: str = "none") -> float:
    """Resolve "auto" to the model's own threshold; raises SettingsError for a number outside (0, 1)."""
    check_threshold(threshold)
    if threshold != "auto":
        return float(threshold)
    header = _loaded(model).header
    return header.tta_thresholds.get(tta, header.threshold)


def check_threshold(threshold: Literal["auto"] | float) -> None:
    """Raise SettingsError for a threshold that is neither "auto" nor a number between 0 and 1."""
    if threshold != "auto" and (not isinstance(threshold, Real) or not 0 < threshold < 1):
        raise SettingsError(f"threshold is {threshold!r}: it must be 'auto' or a number between 0 and 1.")


def _loaded(model: Model) -> Checkpoint:
    return model if isinstance(model, Checkpoint) else checkpoint.opened(model)
