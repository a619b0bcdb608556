"""From an image to the probability that each of its pixels is a vessel."""

import os
from collections.abc import Callable, Generator, Sequence
from numbers import Real
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.config import Engine, Precision
from napari_saunetv2.engines import devices, runners
from napari_saunetv2.errors import SettingsError, Stopped
from napari_saunetv2.imaging import canvas, fov, plausibility
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import resize
from napari_saunetv2.imaging.symmetry import D4, FLIPS, View
from napari_saunetv2.inference import planning, windows
from napari_saunetv2.inference.frozen import frozen_run
from napari_saunetv2.inference.tiles import Blend
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint

Model: TypeAlias = str | os.PathLike[str] | Checkpoint
TestTime = Literal["none", "flips", "d4"]

FREEZE_FROM = 512
"""Tiles of at least this side share the image's statistics and touch; smaller ones are blended."""


_VIEWS: dict[TestTime, tuple[View, ...]] = {"none": D4[:1], "flips": FLIPS, "d4": D4}
"""The views that a test-time augmentation takes the mean of."""


class Progress(NamedTuple):
    """Passes of the network that are done, of how many."""

    done: int
    total: int


def segment(
    image: ArrayLike,
    model: Model = checkpoint.DEFAULT,
    *,
    device: str = "auto",
    tta: TestTime = "none",
    rescale: Literal["auto", "off"] | float = "auto",
    tile: Literal["auto", "off"] | int = "auto",
    engine: Engine = "auto",
    precision: Precision = "auto",
    field: ArrayLike | None = None,
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
        "auto" works at the model's scale, but at 0.4 of the image's at least, where the field of view differs
        from that in the model's training images by more than a quarter; a number is the factor to work at.
    tile : "auto", "off" or int, pixels
        Side of overlapping tiles; "auto" uses them for large images. Where the memory does not suffice,
        smaller ones are tried, then the CPU; the log says so.
    engine : "auto", "torch", "openvino" or "onnx"
        What runs the network; "auto" is the fastest on this processor that is installed.
    precision : "auto", "float32", "bfloat16" or "int8"
        "auto" is the fastest on this processor that moves at most .3 % of the vessel pixels across the
        threshold.
    field : array, shape (H, W), optional
        Mask of the field of view, not 0 inside: ``rescale="auto"`` measures it instead of the one that it
        finds in the image. It does not restrict the answer.
    progress : callable, optional
        Called with (done, total) after every pass of the network.
    should_stop : callable, optional
        Asked before every pass; True ends the work.

    Returns
    -------
    array, shape (H, W), float32, range [0, 1]
        Probability of a vessel; of a model for several kinds of vessel (``header.classes``) that of the most
        probable kind, and of one kind by :func:`napari_saunetv2.models.checkpoint.of_class`.

        What is unusual about the picture, its scale or the share of vessels goes to the log, as warnings.

    Raises
    ------
    ImageError
        When the array is no image that can be segmented.
    SettingsError
        When a setting is outside its range.
    CheckpointError
        When the model is unknown or damaged, or gives no numbers.
    DeviceError
        When there is no such device, or its memory and that of the CPU do not suffice even for small tiles.
    Stopped
        When ``should_stop`` said so.
    """
    from napari_saunetv2.inference import fallback  # which stands on this file

    unit, chosen = to_unit(image), _loaded(model)
    inside = fov.detect(unit) if field is None else np.asarray(field) != 0
    work = fallback.steps(
        unit,
        chosen,
        device=device,
        tta=tta,
        rescale=rescale,
        tile=tile,
        engine=engine,
        precision=precision,
        field=inside,
    )
    while True:
        if should_stop is not None and should_stop():
            work.close()
            raise Stopped("Segmentation was stopped before it was done; nothing of it is kept.")
        try:
            state = next(work)
        except StopIteration as done:
            probability: NDArray[np.float32] = done.value.probability
            break
        if progress is not None:
            progress(int(state.done), int(state.total))
    trained = chosen.header.fov_diameter
    factor = planning.factor_for(unit, trained, rescale, inside)
    share = plausibility.share(binarise(probability, threshold_of(chosen, "auto", tta)), inside)
    remarks = plausibility.of_segmentation(
        unit, inside, trained, factor, given=field is not None, share=share
    )
    plausibility.log("image", remarks)
    return probability


def finished(work: Generator[Progress, None, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Run what :func:`steps` gave to its end."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            probability: NDArray[np.float32] = done.value
            return probability


@devices.raise_on_out_of_memory
def steps(
    image: ArrayLike,
    model: Model = checkpoint.DEFAULT,
    *,
    device: str = "auto",
    tta: TestTime = "none",
    rescale: Literal["auto", "off"] | float = "auto",
    tile: Literal["auto", "off"] | int = "auto",
    engine: Engine = "auto",
    precision: Precision = "auto",
    field: ArrayLike | None = None,
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
    views = _views(tta)
    runs_in, precision = runners.choice(chosen, place, engine, precision)
    plan = planning.plan(unit, chosen.header.fov_diameter, rescale, tile, field, runs_in)
    if FREEZE_FROM <= plan.side < max(plan.working_shape):
        return (yield from _in_windows(unit, plan, chosen, place, views, runs_in, precision))
    total = len(views) * len(plan.tiles)
    yield Progress(0, total)

    working = resize(unit, *plan.working_shape) if plan.working_shape != plan.shape else unit
    run = runners.runner(chosen, place, runs_in, precision)
    blend = Blend(*plan.working_shape)
    for number, part in enumerate(plan.tiles):
        mean = np.zeros(
            (part.rows.stop - part.rows.start, part.columns.stop - part.columns.start), np.float32
        )
        for done, view in enumerate(views, start=1):
            mean += view.undo(_forward(run, view.of(working[part]), chosen.header.padding))
            yield Progress(number * len(views) + done, total)
        mean /= np.float32(len(views))
        if len(plan.tiles) == 1:
            return _mapped_back(mean, plan)
        blend.add(part, mean)
    return _mapped_back(blend.result(), plan)


def _in_windows(
    unit: NDArray[np.float32],
    plan: planning.Plan,
    model: Checkpoint,
    place: torch.device,
    views: Sequence[View],
    engine: Engine,
    precision: Precision,
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Segment a large image in tiles that share its statistics and have all the context they need."""
    height, width = plan.working_shape
    margin = runners.reach(model.network)
    parts = list(windows.covered(*(windows.spans(n, plan.side, margin) for n in (height, width))))
    total = len(views) * len(parts)
    yield Progress(0, total)
    working = resize(unit, height, width) if plan.working_shape != plan.shape else unit
    run = frozen_run(model, place, lambda part: working[part], (height, width), engine, precision)
    result = np.empty((height, width), np.float32)
    done = 0
    for rows, columns in parts:
        laid = windows.laid(working[rows.read, columns.read], rows, columns)
        mean = np.zeros(laid.shape[:2], np.float32)
        for view in views:
            mean += view.undo(run(np.ascontiguousarray(view.of(laid))).max(0))
            done += 1
            yield Progress(done, total)
        result[rows.core, columns.core] = mean[rows.inner, columns.inner] / np.float32(len(views))
    return _mapped_back(result, plan)


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


def planned(
    image: ArrayLike,
    model: Model = checkpoint.DEFAULT,
    *,
    rescale: Literal["auto", "off"] | float = "auto",
    tile: Literal["auto", "off"] | int = "auto",
    device: str = "auto",
    engine: Engine = "auto",
    precision: Precision = "auto",
    field: ArrayLike | None = None,
) -> planning.Plan:
    """Say how :func:`segment` would take an image through the network, and raise what it would."""
    unit, chosen = to_unit(image), _loaded(model)
    runs_in, _ = runners.choice(chosen, devices.resolve(device), engine, precision)
    return planning.plan(unit, chosen.header.fov_diameter, rescale, tile, field, runs_in)


def check(model: Model, *, tta: TestTime = "none", **settings: Any) -> None:
    """Raise what :func:`segment` would raise for its settings, whatever the image."""
    passes(tta)
    planned(np.zeros((64, 64)), model, **settings)


def passes(tta: TestTime) -> int:
    """Count the views of a test-time augmentation; raises SettingsError for an unknown name."""
    return len(_views(tta))


def _loaded(model: Model) -> Checkpoint:
    return model if isinstance(model, Checkpoint) else checkpoint.load(model)


def _views(tta: TestTime) -> tuple[View, ...]:
    if tta not in _VIEWS:
        raise SettingsError(f"tta is {tta!r}: it must be one of {', '.join(get_args(TestTime))}.")
    return _VIEWS[tta]


def _forward(run: runners.Runner, view: NDArray[np.float32], padding: canvas.Policy) -> NDArray[np.float32]:
    """Probability of a view, shape (h, w, 3) -> (h, w)."""
    height, width = view.shape[:2]
    return canvas.crop(run(canvas.pad(view, padding)).max(0), height, width, padding)


def _mapped_back(probability: NDArray[np.float32], plan: planning.Plan) -> NDArray[np.float32]:
    if plan.working_shape != plan.shape:
        probability = resize(probability, *plan.shape)
    return np.ascontiguousarray(probability)
