"""From an image to the probability that each of its pixels is a vessel."""

import os
from collections.abc import Callable, Generator
from numbers import Integral, Real
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2 import checkpoint, devices
from napari_saunetv2.checkpoint import Checkpoint
from napari_saunetv2.errors import SettingsError, Stopped
from napari_saunetv2.imaging import canvas, fov
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import resize, scaled_shape
from napari_saunetv2.imaging.tiles import Blend, Tile, tiles

Model: TypeAlias = str | os.PathLike[str] | Checkpoint
TestTime = Literal["none", "flips", "d4"]

RESCALE_BEYOND = 1.25
"""A field of view that differs from the model's by more than this factor is brought to its scale."""

TILE_ABOVE = 1536
"""An image with a longer side in pixels goes through tiles of TILE_SIDE, at the model's scale."""

TILE_SIDE = 1024

_TURNS: dict[TestTime, tuple[tuple[int, bool], ...]] = {
    "none": ((0, False),),
    "flips": ((0, False), (0, True), (2, False), (2, True)),
    "d4": tuple((turns, mirror) for mirror in (False, True) for turns in range(4)),
}
"""Quarter turns and mirroring of each pass of a test-time augmentation."""


class Progress(NamedTuple):
    """Passes of the network that are done, of how many."""

    done: int
    total: int


class _Plan(NamedTuple):
    """How an image goes through the network: its shape at the model's scale, and the tiles of that."""

    shape: tuple[int, int]
    working_shape: tuple[int, int]
    tiles: list[Tile]


def segment(
    image: ArrayLike,
    model: Model = checkpoint.DEFAULT,
    *,
    device: str = "auto",
    tta: TestTime = "none",
    rescale: Literal["auto", "off"] | float = "auto",
    tile: Literal["auto", "off"] | int = "auto",
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> NDArray[np.float32]:
    """Find the vessels of a retinal photograph.

    Parameters
    ----------
    image : array, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Grey, RGB or RGBA; uint8, uint16, bool, or float in [0, 1]; 1 x 1 pixel or more.
    model : str, path or Checkpoint
        Name of a bundled or own model, its file, or a model that is loaded.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    tta : "none", "flips" or "d4"
        Mean over 1, 4 (mirrored) or 8 (mirrored and turned) views of the image.
    rescale : "auto", "off" or float
        "auto" works at the model's scale where the field of view differs from that in the model's training
        images by more than a quarter; a number is the factor to work at.
    tile : "auto", "off" or int, pixels
        Side of overlapping tiles; "auto" uses them for large images.
    progress : callable, optional
        Called with (done, total) after every pass of the network.
    should_stop : callable, optional
        Asked before every pass; True ends the work.

    Returns
    -------
    array, shape (H, W), float32, range [0, 1]
        Probability of a vessel; of a model for several kinds of vessel (``header.classes``) that of the most
        probable kind, and of one kind by :func:`napari_saunetv2.checkpoint.of_class`.

    Raises
    ------
    ImageError
        When the array is no image that can be segmented.
    SettingsError
        When a setting is outside its range.
    CheckpointError
        When the model is unknown or damaged.
    DeviceError
        When the device is not there.
    Stopped
        When ``should_stop`` said so.
    """
    work = steps(image, model, device=device, tta=tta, rescale=rescale, tile=tile)
    while True:
        if should_stop is not None and should_stop():
            work.close()
            raise Stopped("Segmentation was stopped before it was done; nothing of it is kept.")
        try:
            state = next(work)
        except StopIteration as done:
            probability: NDArray[np.float32] = done.value
            return probability
        if progress is not None:
            progress(*state)


def steps(
    image: ArrayLike,
    model: Model = checkpoint.DEFAULT,
    *,
    device: str = "auto",
    tta: TestTime = "none",
    rescale: Literal["auto", "off"] | float = "auto",
    tile: Literal["auto", "off"] | int = "auto",
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Do what :func:`segment` does, one pass of the network at a time.

    Yields
    ------
    Progress
        Before the first pass and after each; closing the generator stops the work.

    Returns
    -------
    array, shape (H, W), float32, range [0, 1]
    """
    unit = to_unit(image)
    chosen = _loaded(model)
    place = devices.resolve(device)
    plan = _plan(unit, chosen.header.fov_diameter, rescale, tile)
    turns = _turns(tta)
    total = len(turns) * len(plan.tiles)
    yield Progress(0, total)

    working = resize(unit, *plan.working_shape) if plan.working_shape != plan.shape else unit
    network = _on(chosen, place)
    blend = Blend(*plan.working_shape)
    for number, part in enumerate(plan.tiles):
        mean = np.zeros(
            (part.rows.stop - part.rows.start, part.columns.stop - part.columns.start), np.float32
        )
        for turn, (quarters, mirror) in enumerate(turns):
            view = np.rot90(working[part], quarters)
            answer = _forward(network, view[:, ::-1] if mirror else view, chosen.header.padding, place)
            mean += np.rot90(answer[:, ::-1] if mirror else answer, -quarters)
            yield Progress(number * len(turns) + turn + 1, total)
        mean /= np.float32(len(turns))
        if len(plan.tiles) == 1:
            return _mapped_back(mean, plan)
        blend.add(part, mean)
    return _mapped_back(blend.result(), plan)


def binarise(probability: NDArray[np.float32], threshold: float) -> NDArray[np.uint8]:
    """Vessels, uint8 0 or 1, where the probability reaches the threshold."""
    return (probability >= threshold).astype(np.uint8)


def threshold_of(model: Model, threshold: Literal["auto"] | float, tta: str = "none") -> float:
    """Turn "auto" into the model's own threshold; raises SettingsError for a number outside (0, 1)."""
    if threshold == "auto":
        header = _loaded(model).header
        return header.tta_thresholds.get(tta, header.threshold)
    if not isinstance(threshold, Real) or not 0 < threshold < 1:
        raise SettingsError(f"threshold is {threshold!r}: it must be 'auto' or a number between 0 and 1.")
    return float(threshold)


def _loaded(model: Model) -> Checkpoint:
    return model if isinstance(model, Checkpoint) else checkpoint.load(model)


def _turns(tta: TestTime) -> tuple[tuple[int, bool], ...]:
    if tta not in _TURNS:
        raise SettingsError(f"tta is {tta!r}: it must be one of {', '.join(get_args(TestTime))}.")
    return _TURNS[tta]


def _plan(
    unit: NDArray[np.float32],
    trained: float | None,
    rescale: Literal["auto", "off"] | float,
    tile: Literal["auto", "off"] | int,
) -> _Plan:
    """Plan for an image and a model that was trained at a field of view of ``trained`` pixels."""
    height, width = unit.shape[:2]
    factor = _factor(unit, trained, rescale)
    working: tuple[int, int] = (height, width) if factor == 1 else scaled_shape(height, width, factor)
    return _Plan((height, width), working, tiles(*working, _tile_side(tile, max(working))))


def _factor(
    unit: NDArray[np.float32], trained: float | None, rescale: Literal["auto", "off"] | float
) -> float:
    if rescale == "off":
        return 1.0
    if rescale == "auto":
        found = None if trained is None else fov.diameter(fov.detect(unit))
        factor = 1.0 if trained is None or found is None else trained / found
        return factor if max(factor, 1 / factor) > RESCALE_BEYOND else 1.0
    if not isinstance(rescale, Real) or not 0.01 <= rescale <= 100:
        raise SettingsError(f"rescale is {rescale!r}: it must be 'auto', 'off' or a factor from 0.01 to 100.")
    return float(rescale)


def _tile_side(tile: Literal["auto", "off"] | int, longer: int) -> int:
    """Side of the tiles in pixels; that of the image for one tile."""
    if tile == "off":
        return longer
    if tile == "auto":
        return TILE_SIDE if longer > TILE_ABOVE else longer
    if not isinstance(tile, Integral) or tile < 64:
        raise SettingsError(f"tile is {tile!r}: it must be 'auto', 'off' or a side of at least 64 pixels.")
    return int(tile)


def _on(model: Checkpoint, place: torch.device) -> torch.nn.Module:
    # channels-last runs these convolutions half again as fast on a CPU, to the same answer.
    return model.network.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _forward(
    network: torch.nn.Module, view: NDArray[np.float32], padding: canvas.Policy, place: torch.device
) -> NDArray[np.float32]:
    """Probability of a view, shape (h, w, 3) -> (h, w)."""
    padded = torch.from_numpy(canvas.pad(view, padding))[None].permute(0, 3, 1, 2)  # channels-last as it lies
    with torch.inference_mode():
        answer: NDArray[np.float32] = network(padded.to(place))[0].amax(0).sigmoid().float().cpu().numpy()
    height, width = view.shape[:2]
    return canvas.crop(answer, height, width, padding)


def _mapped_back(probability: NDArray[np.float32], plan: _Plan) -> NDArray[np.float32]:
    if plan.working_shape != plan.shape:
        probability = resize(probability, *plan.shape)
    return np.ascontiguousarray(probability)
