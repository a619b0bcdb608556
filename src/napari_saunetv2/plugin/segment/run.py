"""Segment planes of a layer, one pass of the network at a time."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.imaging import modality, vessels
from napari_saunetv2.imaging.classes import is_artery_vein
from napari_saunetv2.imaging.intensity import stored
from napari_saunetv2.imaging.symmetry import D4
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.plugin.common.layers import Planes
from napari_saunetv2.progress import relay

if TYPE_CHECKING:
    from napari_saunetv2.inference import Progress
    from napari_saunetv2.inference.fallback import State


@dataclass(frozen=True)
class Request:
    """A segmentation request.

    Attributes
    ----------
    config : InferenceConfig
    fov : "none", "auto" or array
        Outside it the probability is 0; an array is for one plane or for all, and also determines the scale
        for "auto".
    uncertainty : bool
        Whether the variance over the eight views is asked for too.
    """

    config: InferenceConfig
    fov: Any = "none"
    uncertainty: bool = False


class Segmented(NamedTuple):
    """The result, plane by plane.

    Attributes
    ----------
    numbers : sequence of int
        Of the planes.
    probability, variance : list of array, shape (H, W), float32
        ``variance`` is empty if not requested.
    config : InferenceConfig
        The settings actually used.
    notice : str
        What had to be changed, or "".
    fields : list of array, shape (H, W), bool
        Field of view of each plane: the one that was given, or the one that was found.
    classes : list of array, shape (2, H, W), float32
        Probability of arteries and of veins; empty for a model that does not tell them apart.
    modality : str
        The model's, a key of ``imaging.modality.MODALITIES``.
    """

    numbers: Sequence[int]
    probability: list[NDArray[np.float32]]
    variance: list[NDArray[np.float32]]
    config: InferenceConfig
    notice: str
    fields: list[NDArray[np.bool_]]
    classes: list[NDArray[np.float32]]
    modality: str = "fundus"

    def in_words(self, name: str, seconds: float) -> str:
        """Say how it was made: "Done: eye, 1.2 s on cpu with torch in float32.", and what was changed."""
        from napari_saunetv2.inference.preflight import duration  # the window opens without torch

        used = self.config
        took = f"{duration(seconds)} on {used.device} with {used.engine} in {used.precision}"
        return " ".join(filter(None, [f"Done: {name}, {took}.", self.notice]))


def segment_planes(
    planes: Planes, numbers: Sequence[int], request: Request
) -> "Generator[State, None, Segmented]":
    """Segment planes one after another.

    Yields
    ------
    State
        Progress over all planes.
    """
    # Imported here because the window opens without torch, and this runs in a thread.
    from napari_saunetv2 import inference
    from napari_saunetv2.inference import fallback, first_use, uncertainty
    from napari_saunetv2.models import checkpoint

    config = request.config
    model = checkpoint.opened(config.model)
    notice, by_class = _other_classes(model.header.classes), is_artery_vein(model.header.classes)
    probability, variance, fields, classes = [], [], [], []
    if said := first_use.comparing(model, config):
        yield fallback.State(0, len(numbers), config.device, said)
    passes = len(inference.views(config))
    share = passes / (passes + len(D4)) if request.uncertainty else 1.0
    for count, number in enumerate(numbers):
        picture = planes[number]
        notice = notice or planes.remark(number)
        given = fov_of(request.fov, planes, number)
        fov = modality.field(stored(picture), model.header.modality) if given is None else given != 0
        fields.append(fov)
        work = fallback.steps(picture, model, config, fov)
        prediction = yield from relay(work, partial(_state, count, share, len(numbers), notice))
        config = prediction.config  # what one plane was too large for, the others are too
        notice = prediction.notice or notice
        everywhere = isinstance(request.fov, str) and request.fov == "none"
        probability.append(
            prediction.probability if everywhere else vessels.restrict(prediction.probability, fov)
        )
        if by_class:
            classes.append(prediction.classes)
        if request.uncertainty:
            views = uncertainty.steps(picture, model, config, fov)
            part = partial(_share, count + share, 1 - share, len(numbers), config.device)
            spread = yield from relay(views, part)
            variance.append(spread if everywhere else vessels.restrict(spread, fov))
    kind = model.header.modality
    return Segmented(numbers, probability, variance, config, notice, fields, classes, kind)


def _other_classes(classes: Sequence[str]) -> str:
    """Say that a model's classes are shown as one; "" for vessels, and for arteries and veins."""
    if len(classes) == 1 or is_artery_vein(tuple(classes)):
        return ""
    return f"The model knows {', '.join(classes)}: vessels of all these classes are shown as one."


def _state(count: int, share: float, whole: int, notice: str, state: "State") -> "State":
    """Progress over all planes, from that of one of them."""
    return state._replace(done=count + share * state.share, total=whole, notice=state.notice or notice)


def _share(begin: float, length: float, whole: int, device: str, progress: "Progress") -> "State":
    from napari_saunetv2.inference.fallback import State

    return State(begin + length * progress.done / progress.total, whole, device, "")


def fov_of(wanted: Any, planes: Planes, number: int) -> NDArray[Any] | None:
    """Field of view of a plane from an array; None for "none" and "auto"."""
    if isinstance(wanted, str):
        return None
    return np.asarray(wanted if wanted.ndim == 2 else wanted[planes.index(number)])


def find_vessels(
    probability: NDArray[np.float32], post: PostProcessing, classes: Sequence[NDArray[np.float32]] = ()
) -> Generator[None, None, NDArray[np.uint8]]:
    """Find the vessels in a probability, as a job: connected components take time.

    With the maps of arteries and of veins, of the probability's shape, their labels.
    """
    from napari_saunetv2.measure.classes import find_classes

    yield None
    mask = vessels.extract(probability, post)
    if not classes:
        return mask
    for index in np.ndindex(*mask.shape[:-2]):
        if mask[index].any():
            mask[index] = find_classes(np.stack([one[index] for one in classes]), mask[index], post)
            yield None
    return mask
