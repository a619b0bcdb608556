"""Segment planes of a layer, one pass of the network at a time."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import fov, vessels
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.symmetry import D4
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.plugin.common.layers import Planes

if TYPE_CHECKING:
    from napari_saunetv2.inference import Progress
    from napari_saunetv2.inference.fallback import State


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    model : str
        Name or file.
    settings : mapping
        device, tta, rescale, tile, engine and precision, as in
        :func:`napari_saunetv2.inference.segment`.
    fov : "none", "auto" or array
        Outside of it the probability is 0; an array is that of one plane or of all, and what "auto" measures
        the scale by.
    uncertainty : bool
        Whether the variance over the eight views is asked for too.
    """

    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    fov: Any = "none"
    uncertainty: bool = False


class Segmented(NamedTuple):
    """What came of it, plane by plane.

    Attributes
    ----------
    numbers : sequence of int
        Of the planes.
    probability, variance : list of array, shape (H, W), float32
        ``variance`` is empty where it was not asked for.
    settings : dict
        With which they were really made.
    notice : str
        What had to be changed for that, or "".
    """

    numbers: Sequence[int]
    probability: list[NDArray[np.float32]]
    variance: list[NDArray[np.float32]]
    settings: dict[str, Any]
    notice: str


def segment_planes(
    planes: Planes, numbers: Sequence[int], request: Request
) -> "Generator[State, None, Segmented]":
    """Segment planes one after another.

    Yields
    ------
    State
        Of all the planes together.
    """
    # Here, not above: the window opens without torch, and this runs in a thread.
    from napari_saunetv2 import inference
    from napari_saunetv2.engines import devices, runners
    from napari_saunetv2.inference import fallback, uncertainty
    from napari_saunetv2.models import checkpoint

    model = checkpoint.load(request.model)
    settings, notice = dict(request.settings), ""
    place = devices.resolve(settings["device"])
    settings["engine"], settings["precision"] = runners.choice(
        model, place, settings["engine"], settings["precision"]
    )
    probability, variance = [], []
    passes = inference.passes(settings["tta"])
    share = passes / (passes + len(D4)) if request.uncertainty else 1.0
    for count, number in enumerate(numbers):
        picture = planes[number]
        notice = notice or planes.remark(number)
        given = field_of(request.fov, planes, number)
        work = fallback.steps(picture, model, field=given, **settings)
        while True:
            try:
                state = next(work)
            except StopIteration as end:
                answer = end.value
                break
            yield fallback.State(
                count + share * state.share, len(numbers), state.device, state.notice or notice
            )
        # What one plane was too large for, the others are too.
        settings |= {"device": answer.device, "tile": answer.tile}
        notice = answer.notice or notice
        inside = (
            fov.detect(to_unit(picture)) if isinstance(request.fov, str) and request.fov == "auto" else given
        )
        probability.append(
            answer.probability if inside is None else vessels.restrict(answer.probability, inside)
        )
        if request.uncertainty:
            few = {key: value for key, value in settings.items() if key != "tta"}
            views = uncertainty.steps(picture, model, field=given, **few)
            spread = yield from _shares(views, (count + share, 1 - share, len(numbers)), settings)
            variance.append(spread if inside is None else vessels.restrict(spread, inside))
    return Segmented(numbers, probability, variance, settings, notice)


def _shares(
    work: "Generator[Progress, None, NDArray[np.float32]]",
    part: tuple[float, float, int],
    settings: Mapping[str, Any],
) -> "Generator[State, None, NDArray[np.float32]]":
    from napari_saunetv2.inference.fallback import State

    begin, length, whole = part
    while True:
        try:
            done, total = next(work)
        except StopIteration as end:
            spread: NDArray[np.float32] = end.value
            return spread
        yield State(begin + length * done / total, whole, settings["device"], "")


def field_of(wanted: Any, planes: Planes, number: int) -> NDArray[Any] | None:
    """Field of view that an array gives a plane; None where it is a word."""
    if isinstance(wanted, str):
        return None
    return np.asarray(wanted if wanted.ndim == 2 else wanted[planes.index(number)])


def find_vessels(
    probability: NDArray[np.float32], post: PostProcessing
) -> Generator[None, None, NDArray[np.uint8]]:
    """Find the vessels in a probability: a job, for what hangs together takes its time."""
    yield None
    return vessels.extract(probability, post)
