"""An image through a network, one pass at a time, at a scale and in tiles that are planned before."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.config import InferenceConfig, TestTime
from napari_saunetv2.engines import devices, runners
from napari_saunetv2.imaging import canvas, frame
from napari_saunetv2.imaging.intensity import stored
from napari_saunetv2.imaging.scale import resize
from napari_saunetv2.imaging.symmetry import D4, FLIPS, View
from napari_saunetv2.inference import planning, windows
from napari_saunetv2.inference.tiles import Blend
from napari_saunetv2.models.checkpoint import Checkpoint

Array = NDArray[np.float32]

FREEZE_FROM = 512
"""Tiles of at least this side share the image's statistics and are adjacent; smaller ones are blended."""

_VIEWS: dict[TestTime, tuple[View, ...]] = {"none": D4[:1], "flips": FLIPS, "d4": D4}


class Progress(NamedTuple):
    """Passes of the network done, and in total."""

    done: int
    total: int


def views(config: InferenceConfig) -> tuple[View, ...]:
    """Give the views that the test-time augmentation averages."""
    return _VIEWS[config.tta]


def resolved(model: Checkpoint, config: InferenceConfig) -> InferenceConfig:
    """Replace "auto" by the device, engine and precision that are used.

    Raises
    ------
    DeviceError
        When this machine has no such device.
    SettingsError
        When the engine is not installed, has no such precision, or does not run on the device.
    """
    device = devices.resolved(config.device)
    engine, precision = runners.choice(model, device, config.engine, config.precision)
    return replace(config, device=device, engine=engine, precision=precision)


def planned(
    image: ArrayLike, model: Checkpoint, config: InferenceConfig, fov: ArrayLike | None = None
) -> planning.Plan:
    """Say how :func:`steps` would take an image through the network, and raise what it would."""
    return _planned(stored(image), model, resolved(model, config), fov)


def _planned(
    pixels: NDArray[Any], model: Checkpoint, config: InferenceConfig, fov: ArrayLike | None
) -> planning.Plan:
    trained = model.header.scaled_to
    return planning.plan(pixels, trained, config.rescale, config.tile, fov, config.engine)


def steps(
    image: ArrayLike, model: Checkpoint, config: InferenceConfig, fov: ArrayLike | None = None
) -> Generator[Progress, None, Array]:
    """Predict an image, one pass of the network at a time.

    Parameters
    ----------
    image, fov
        As in :func:`napari_saunetv2.inference.segment`.
    model : Checkpoint
    config : InferenceConfig
        Its ``model`` is ignored.

    Yields
    ------
    Progress
        Before the first pass and after each; closing the generator stops the work.

    Returns
    -------
    array, shape (classes, H, W), float32, range [0, 1]
        Probability of every class.

    Raises
    ------
    ImageError, SettingsError, CheckpointError, DeviceError, OutOfMemoryError
        As :func:`napari_saunetv2.inference.segment`; memory that runs out ends the work.
    """
    with devices.naming_out_of_memory(config.device):
        pixels, used = stored(image), resolved(model, config)
        plan = _planned(pixels, model, used, fov)
        predict = _in_windows if FREEZE_FROM <= plan.side < max(plan.working_shape) else _blended
        probability = yield from predict(pixels, plan, model, used)
        return _back(probability, plan)


def most_probable(classes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability of the most probable class, shape (classes, H, W) -> (H, W)."""
    found: NDArray[np.float32] = classes[0] if len(classes) == 1 else classes.max(axis=0)
    return found


def _blended(
    pixels: NDArray[Any], plan: planning.Plan, model: Checkpoint, config: InferenceConfig
) -> Generator[Progress, None, Array]:
    """Predict an image in one piece, or in tiles that overlap and are blended."""
    chosen, padding = views(config), model.header.padding
    total = len(chosen) * len(plan.tiles)
    yield Progress(0, total)
    working = at_scale(pixels, plan)
    run = runners.runner(model, config.device, config.engine, config.precision)

    def forward(view: Array) -> Array:
        height, width = view.shape[:2]
        return canvas.crop(_last(run(canvas.pad(view, padding))), height, width, padding)

    blend = Blend(*plan.working_shape)
    for number, part in enumerate(plan.tiles):
        mean = yield from _mean(forward, working[part], chosen, Progress(number * len(chosen), total))
        if len(plan.tiles) == 1:
            return mean
        blend.add(part, mean)
    return blend.result()


def _in_windows(
    pixels: NDArray[Any], plan: planning.Plan, model: Checkpoint, config: InferenceConfig
) -> Generator[Progress, None, Array]:
    """Predict a large image in tiles that share its statistics and have all the context they need."""
    from napari_saunetv2.inference.frozen import frozen_run  # it brings torch

    chosen, (height, width) = views(config), plan.working_shape
    margin = runners.reach(model.network)
    parts = list(windows.covered(*(windows.spans(n, plan.side, margin) for n in (height, width))))
    total = len(chosen) * len(parts)
    yield Progress(0, total)
    working = at_scale(pixels, plan)
    run = frozen_run(model, lambda part: working[part], (height, width), config)

    def forward(view: Array) -> Array:
        return _last(run(view))

    result = np.empty((0, height, width), np.float32)
    for number, (rows, columns) in enumerate(parts):
        padded = windows.pad_to_canvas(working[rows.read, columns.read], rows, columns)
        mean = yield from _mean(forward, padded, chosen, Progress(number * len(chosen), total))
        if not number:
            result = np.empty((len(mean), height, width), np.float32)
        result[:, rows.core, columns.core] = mean[:, rows.inner, columns.inner]
    return result


def at_scale(image: NDArray[Any], plan: planning.Plan) -> Array:
    """Cut what the network sees from an image, shape (H, W, 3), and resample it; range [0, 1].

    The image is in [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it.
    """
    return frame.resized(image, plan.frame, *plan.working_shape)


def _back(maps: Array, plan: planning.Plan) -> Array:
    """Put maps of what the network saw, shape (N, h, w), where that is in the image, at its scale."""
    if plan.working_shape != plan.frame.shape:
        native = [resize(one, *plan.frame.shape) for one in maps]
        maps = native[0][None] if len(native) == 1 else np.stack(native)
    return np.ascontiguousarray(frame.paste(maps, plan.frame, plan.shape))


def _mean(
    forward: Callable[[Array], Array], part: Array, chosen: Sequence[View], before: Progress
) -> Generator[Progress, None, Array]:
    """Mean over the views of a part, shape (h, w, 3) -> (classes, h, w)."""
    total: Any = np.float32(0)
    for done, view in enumerate(chosen, start=1):
        total = total + view.undo(forward(np.ascontiguousarray(view.of(part))))
        yield Progress(before.done + done, before.total)
    mean: Array = np.moveaxis(total, -1, 0) / np.float32(len(chosen))
    return mean


def _last(prediction: Array) -> Array:
    """Put the classes last: functions that rotate, flip and crop images expect channels there."""
    return np.moveaxis(prediction, 0, -1)
