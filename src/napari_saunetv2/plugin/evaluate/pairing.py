"""Pair the chosen layers, plane by plane."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.plugin.common.class_colours import is_of_classes
from napari_saunetv2.plugin.common.layers import same_eye
from napari_saunetv2.plugin.common.modalities import modality_of
from napari_saunetv2.plugin.common.part import Part
from napari_saunetv2.plugin.common.roles import NOT_VESSELS, ROLE
from napari_saunetv2.plugin.evaluate.drawn import not_used
from napari_saunetv2.plugin.evaluate.form import AUTO, NONE
from napari_saunetv2.plugin.evaluate.pair import PredictionPair


def pairs(
    layers: Sequence[Layer],
    predictions: Sequence[Layer],
    truths: Sequence[Labels],
    *,
    second: Labels | str = AUTO,
    fov: Labels | str = NONE,
    threshold: float = 0.5,
) -> list[PredictionPair]:
    """Pair predictions with their reference labels.

    Parameters
    ----------
    layers : sequence of Layer
        All open layers, searched for "auto".
    predictions, truths : sequence of Layer
        A single reference is used for every prediction; of several, each prediction uses the one whose name
        begins most like its own.
    second, fov : Labels, "auto" or "none"
    threshold : float

    Raises
    ------
    SettingsError
        If something is missing.
    ImageError
        If paired layers differ in shape.
    """
    if not predictions:
        raise SettingsError("Choose a prediction: segment a photograph, or open a probability or a mask.")
    if not truths:
        raise SettingsError("Choose the reference: open an observer's labels.")
    made = []
    for layer in predictions:
        truth = truths[0] if len(truths) == 1 else _most_alike(layer.name, truths)
        shape = shape_of(layer)
        _check_shape(layer, truth, shape)
        other = _second(layers, truth, second)
        if other is not None:
            _check_shape(layer, other, shape)
        inside, photograph = _fov(layers, layer, truth, fov)
        indices = [tuple(map(int, index)) for index in np.ndindex(*shape[:-2])]
        made.append(
            PredictionPair(
                layer,
                _names(layer, truth, indices),
                indices,
                Part.of(layer),
                Part.of(truth),
                other and Part.of(other),
                inside and Part.of(inside),
                photograph and Part.of(photograph),
                threshold,
                _model_of(layer),
                not_used(layer, layers),
                is_of_classes(layer) and is_of_classes(truth),
            )
        )
    every = Counter(name for one in made for name in one.names)
    return [
        replace(one, names=[f"{one.layer.name} {name}" if every[name] > 1 else name for name in one.names])
        for one in made
    ]


def _model_of(prediction: Layer) -> str:
    """Name of the model that made a prediction; labels may have been painted on since."""
    probability = prediction.metadata.get(ROLE) == "probability"
    return str(prediction.metadata.get("model", prediction.name) if probability else prediction.name)


def shape_of(layer: Layer) -> tuple[int, ...]:
    """Shape at full resolution, without colours."""
    shape = (layer.data[0] if layer.multiscale else layer.data).shape
    return tuple(shape[:-1] if getattr(layer, "rgb", False) else shape)


def is_prediction(layer: Layer) -> bool:
    """Whether a layer can be a prediction: one value per pixel, a probability or labels."""
    if layer.metadata.get(ROLE) in NOT_VESSELS or layer.metadata.get("role") == "fov" or layer.ndim < 2:
        return False
    if isinstance(layer, Labels):
        return True
    return isinstance(layer, Image) and not layer.rgb and np.issubdtype(layer.dtype, np.floating)


def is_truth(layer: Layer) -> bool:
    """Whether a layer can be the reference: labels that are neither a result nor a field of view."""
    return isinstance(layer, Labels) and ROLE not in layer.metadata and layer.metadata.get("role") != "fov"


def _second(layers: Iterable[Layer], truth: Labels, wanted: Labels | str) -> Labels | None:
    if wanted == AUTO:
        fitting = (x for x in layers if is_truth(x) and x is not truth and same_eye(x, truth))
        return next(
            (x for x in fitting if x.metadata.get("observer") != truth.metadata.get("observer")), None
        )
    return None if isinstance(wanted, str) else wanted


def _fov(
    layers: Sequence[Layer], prediction: Layer, truth: Labels, wanted: Labels | str
) -> tuple[Labels | None, Image | None]:
    """Mask of the field of view, or the photograph in which to detect it; neither for all of the frame."""
    if wanted == NONE:
        return None, None
    shape = shape_of(prediction)
    if not isinstance(wanted, str):
        if shape_of(wanted) not in (shape, shape[-2:]):
            _check_shape(prediction, wanted, shape)
        return wanted, None
    masks = [x for x in layers if x.metadata.get("role") == "fov" and same_eye(x, truth)]
    if masks:
        _check_shape(prediction, masks[0], shape)
        return masks[0], None
    if modality_of(prediction, truth) == "octa":  # an angiogram fills its frame
        return None, None
    photographs = [x for x in layers if isinstance(x, Image) and ROLE not in x.metadata]
    fitting = [x for x in photographs if x is not prediction and x.rgb and shape_of(x) == shape]
    if not fitting:
        raise SettingsError(
            f"No photograph of the size of '{prediction.name}' is open to detect the field of view: choose "
            "its layer, or none."
        )
    own = [x for x in fitting if same_eye(x, truth)]
    return None, own[0] if own else _most_alike(prediction.name, fitting)


def _most_alike(name: str, layers: Sequence[Any]) -> Any:
    def alike(layer: Layer) -> int:
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(name, layer.name, strict=False)))

    return max(layers, key=alike)


def _names(layer: Layer, truth: Labels, indices: Sequence[tuple[int, ...]]) -> list[str]:
    if len(indices) == 1:
        return [layer.name]
    known = truth.metadata.get("names") or []
    if len(known) == len(indices):
        return [str(name) for name in known]
    return [f"{layer.name} {' '.join(map(str, index))}" for index in indices]


def _check_shape(prediction: Layer, other: Layer, shape: tuple[int, ...]) -> None:
    if shape_of(other) != shape:
        raise ImageError(
            f"'{prediction.name}' has shape {shape}, '{other.name}' {shape_of(other)}: choose layers of the "
            "same image."
        )
