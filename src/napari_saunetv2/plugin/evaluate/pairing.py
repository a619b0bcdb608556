"""From chosen layers to pictures that can be compared: what belongs to which, plane by plane."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.plugin.common.layers import same_eye
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.evaluate.comparand import Comparand, Part
from napari_saunetv2.plugin.evaluate.form import AUTO, NONE


def comparands(
    layers: Sequence[Layer],
    predictions: Sequence[Layer],
    truths: Sequence[Labels],
    *,
    second: Labels | str = AUTO,
    field: Labels | str = NONE,
    threshold: float = 0.5,
) -> list[Comparand]:
    """Bring together what belongs together.

    Parameters
    ----------
    layers : sequence of Layer
        All that are open: "auto" looks among them.
    predictions, truths : sequence of Layer
        One truth is that of every prediction; of several each prediction takes the one whose name begins
        most like its own.
    second, field : Labels, "auto" or "none"
    threshold : float

    Raises
    ------
    SettingsError
        When something is missing.
    ImageError
        When layers that belong together differ in shape.
    """
    if not predictions:
        raise SettingsError("Choose a prediction: segment a photograph, or open a probability or a mask.")
    if not truths:
        raise SettingsError("Choose the truth: open an observer's labels.")
    made = []
    for layer in predictions:
        truth = truths[0] if len(truths) == 1 else _most_alike(layer.name, truths)
        shape = shape_of(layer)
        _check_shape(layer, truth, shape)
        other = _second(layers, truth, second)
        if other is not None:
            _check_shape(layer, other, shape)
        inside, photograph = _field(layers, layer, truth, field)
        indices = [tuple(map(int, index)) for index in np.ndindex(*shape[:-2])]
        made.append(
            Comparand(
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
                _not_used(layer, layers),
            )
        )
    every = Counter(name for one in made for name in one.names)
    return [
        replace(one, names=[f"{one.layer.name} {name}" if every[name] > 1 else name for name in one.names])
        for one in made
    ]


def threshold_of(prediction: Layer, layers: Iterable[Layer]) -> float | None:
    """Threshold at which Segment draws the vessels of a probability; None where it is not Segment's."""
    drawn = _drawn_from(prediction, layers)
    return None if drawn is None else float(drawn.metadata["threshold"])


def _drawn_from(prediction: Layer, layers: Iterable[Layer]) -> Layer | None:
    """Vessels that Segment drew from a probability; None where it is not Segment's, or they are gone."""
    of = prediction.metadata.get(OF)
    if of is None or prediction.metadata.get(ROLE) != "probability":
        return None
    drawn = [x for x in layers if x.metadata.get(ROLE) == "vessels" and x.metadata.get(OF) == of]
    known = [x for x in drawn if "threshold" in x.metadata]
    return known[-1] if known else None


def _not_used(prediction: Layer, layers: Iterable[Layer]) -> str:
    """Say that a score goes by the threshold alone, where Segment's post-processing does more."""
    drawn = _drawn_from(prediction, layers)
    about = {} if drawn is None else drawn.metadata
    more = ["the smallest size"] if about.get("min_size", 0) > 1 else []
    more += ["hysteresis"] if about.get("connected") else []
    if drawn is None or not more:
        return ""
    return (
        f"scored by its threshold alone, without {' and '.join(more)} of Segment: to score the vessels that "
        f"Segment shows, choose '{drawn.name}' as the prediction."
    )


def _model_of(prediction: Layer) -> str:
    """Name of the model that made a prediction; labels may have been painted on since."""
    probability = prediction.metadata.get(ROLE) == "probability"
    return str(prediction.metadata.get("model", prediction.name) if probability else prediction.name)


def shape_of(layer: Layer) -> tuple[int, ...]:
    """Shape at full resolution, without colours."""
    shape = (layer.data[0] if layer.multiscale else layer.data).shape
    return tuple(shape[:-1] if getattr(layer, "rgb", False) else shape)


def is_prediction(layer: Layer) -> bool:
    """Whether a layer can be a prediction: one value a pixel, a probability or labels."""
    if layer.ndim < 2 or layer.metadata.get(ROLE) == "agreement" or layer.metadata.get("role") == "fov":
        return False
    if isinstance(layer, Labels):
        return True
    return isinstance(layer, Image) and not layer.rgb and np.issubdtype(layer.dtype, np.floating)


def is_truth(layer: Layer) -> bool:
    """Whether a layer can be the truth: labels that are no result of ours, and no field of view."""
    return isinstance(layer, Labels) and ROLE not in layer.metadata and layer.metadata.get("role") != "fov"


def _second(layers: Iterable[Layer], truth: Labels, wanted: Labels | str) -> Labels | None:
    if wanted == AUTO:
        fitting = (x for x in layers if is_truth(x) and x is not truth and same_eye(x, truth))
        return next(
            (x for x in fitting if x.metadata.get("observer") != truth.metadata.get("observer")), None
        )
    return None if isinstance(wanted, str) else wanted


def _field(
    layers: Sequence[Layer], prediction: Layer, truth: Labels, wanted: Labels | str
) -> tuple[Labels | None, Image | None]:
    """Mask of the field of view, or the photograph to find it in."""
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
    photographs = [x for x in layers if isinstance(x, Image) and ROLE not in x.metadata]
    fitting = [x for x in photographs if x is not prediction and x.rgb and shape_of(x) == shape]
    if not fitting:
        raise SettingsError(
            f"No photograph of the size of '{prediction.name}' is open to find the field of view in: choose "
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
            f"'{prediction.name}' has shape {shape}, '{other.name}' {shape_of(other)}: choose layers of one "
            "and the same picture."
        )
