"""Preview of what a segmentation will do with an image; it advises and never forbids."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import runners
from napari_saunetv2.imaging import canvas, field_of_view, modality, plausibility, quality
from napari_saunetv2.imaging.quality import Quality
from napari_saunetv2.imaging.scale import resize
from napari_saunetv2.imaging.symmetry import D4
from napari_saunetv2.inference import passes, planning, suited
from napari_saunetv2.models.checkpoint import Checkpoint

BYTES_PER_PIXEL = {"torch": 450, "onnx": 450, "openvino": 350}
"""Peak memory of a pass of the network, per pixel of the canvas: SA-UNetv2 in float32, from the resident
memory of a process that makes one pass at 512 and at 1024 pixels (torch 443 and 409 bytes; ONNX Runtime takes
less) and one at 3504 x 2336 (OpenVINO 344)."""

_PROBE = 256
"""Side in pixels of the canvas used to measure the speed."""


class Speed(NamedTuple):
    """Speed of a model on a device.

    Attributes
    ----------
    per_pixel : float, seconds
        Time of a pass, per pixel of the canvas.
    first : float, seconds
        Extra time of the first pass over a new canvas shape, for which some engines compile.
    """

    per_pixel: float
    first: float


_speeds: WeakKeyDictionary[Checkpoint, dict[tuple[str, str, str], Speed]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Preflight:
    """Summary of an image and of its segmentation.

    Attributes
    ----------
    shape : (int, int)
        Height and width in pixels.
    kind : str
        "grey", "RGB" or "RGBA".
    dtype : str
    fov_diameter : float or None, pixels
        None if no field of view was detected.
    outline : array, shape (N, 2)
        Outline of the field of view: rows and columns; N is 0 if none was detected.
    seen_shape : (int, int)
        Height and width of what the model is given: the field of view with its margin.
    working_shape : (int, int)
        Height and width of that at the model's scale.
    canvas : (int, int), pixels
        Height and width of that, padded, or of the largest tile.
    tiles, passes : int
        Number of tiles, and of passes of the network over all of them.
    device : str
    seconds : float or None
        Estimated, from pixels to probability: finding the field of view, scaling, compiling for a canvas of a
        new shape, and all passes. None if not requested.
    memory : int, bytes
        Estimated peak of the network and the maps.
    modality : str
        What the model is for, a key of ``imaging.modality.MODALITIES``.
    quality : Quality or None
        How well the vessels can be seen; None where the model is not for fundus photographs.
    advice : tuple of str
        Sentences for the user.
    """

    shape: tuple[int, int]
    kind: str
    dtype: str
    fov_diameter: float | None
    outline: NDArray[np.float64]
    seen_shape: tuple[int, int]
    working_shape: tuple[int, int]
    canvas: tuple[int, int]
    tiles: int
    passes: int
    device: str
    seconds: float | None
    memory: int
    modality: str
    quality: Quality | None
    advice: tuple[str, ...]

    def lines(self) -> list[str]:
        """Summarise in a few lines, width before height."""
        shapes = (self.shape, self.seen_shape, self.working_shape, self.canvas)
        size, part, working, padded = (f"{w}x{h}" for h, w in shapes)
        eye = "no field of view detected" if self.fov_diameter is None else f"FOV {self.fov_diameter:.0f} px"
        if self.fov_diameter is None and self.modality == "octa":
            eye = "whole frame"
        cut = "" if part == size else f"field with margin {part}, "  # it may reach beyond the photograph
        scaled = "" if working == part else f"scaled to {working}, "
        back = "scaled and cropped back" if scaled else "cropped back"
        whole = f"{size}, {cut}{scaled}padded to {padded}, {back}"
        parts = f"{size}, {cut}{scaled}{self.tiles} tiles padded to {padded}, blended"
        passes = f"{self.passes} {'pass' if self.passes == 1 else 'passes'}"
        takes = "" if self.seconds is None else f", about {duration(self.seconds)}"
        seen = [] if self.quality is None else [self.quality.in_words()]
        return [
            f"{self.kind} {self.dtype}, {eye}",
            whole if self.tiles == 1 else parts,
            f"{passes}{takes}, {self.memory / 2**20:.0f} MB on {self.device}",
            *seen,
        ]


def describe(
    image: ArrayLike,
    model: Checkpoint,
    config: InferenceConfig,
    fov: ArrayLike | None = None,
    *,
    planes: int = 1,
    uncertainty: bool = False,
    measure: bool = True,
    remarks: Sequence[str] = (),
) -> Preflight:
    """Examine an image and plan its segmentation.

    Parameters
    ----------
    image, model, config, fov
        As in :func:`napari_saunetv2.inference.steps`.
    planes : int
        Number of such images to segment.
    uncertainty : bool
        Whether the variance over the eight views is requested too.
    measure : bool
        Whether to estimate the time with small passes of the network on the device, which take a moment the
        first time.
    remarks : sequence of str
        Remarks on the image's file; they come first in the advice.

    Raises
    ------
    ImageError, SettingsError, DeviceError
        As :func:`napari_saunetv2.inference.segment` would.
    """
    pixels, trained = np.asarray(image), model.header.scaled_to
    config = passes.resolved(model, config)
    begun = time.perf_counter()
    wanted = model.header.modality
    picture = modality.pictured(pixels, wanted, fov)
    inside = picture.fov
    way = planning.plan(picture.pixels, trained, config.rescale, config.tile, inside, config.engine)
    prepared = time.perf_counter() - begun
    found = picture.diameter
    seen = [canvas.shape(t.rows.stop - t.rows.start, t.columns.stop - t.columns.start) for t in way.tiles]
    pixels_seen = [rows * columns for rows, columns in seen]
    views = len(passes.views(config)) + (len(D4) if uncertainty else 0)
    seconds = None
    if measure:
        speed = speed_of(model, config)
        compiling = speed.first * len(_to_compile(model, config, way, seen))
        network = speed.per_pixel * sum(pixels_seen) * views
        seconds = compiling + planes * (network + prepared + _scaling(picture.pixels, way))
    factor = planning.factor_for(picture.pixels, trained, config.rescale, inside)
    return Preflight(
        shape=way.shape,
        kind={1: "grey", 3: "RGB", 4: "RGBA"}[pixels.shape[2] if pixels.ndim == 3 else 1],
        dtype=str(pixels.dtype),
        fov_diameter=found,
        outline=np.empty((0, 2)) if found is None else field_of_view.outline(inside),
        seen_shape=way.frame.shape,
        working_shape=way.working_shape,
        canvas=max(seen, key=math.prod),
        tiles=len(way.tiles),
        passes=views * len(way.tiles) * planes,
        device=config.device,
        seconds=seconds,
        memory=BYTES_PER_PIXEL[config.engine] * max(pixels_seen) + np.float32().nbytes * picture.pixels.size,
        modality=wanted,
        quality=quality.of_picture(picture) if wanted == "fundus" else None,
        advice=(
            *remarks,
            *plausibility.of_segmentation(
                picture, trained, factor, wanted=wanted, advice=suited.advice(model.header)
            ),
        ),
    )


def duration(seconds: float) -> str:
    """Format a duration: "0.4 s", "12 s", "3 min"."""
    if seconds < 9.5:
        return f"{max(seconds, 0.1):.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def speed_of(model: Checkpoint, config: InferenceConfig) -> Speed:
    """Measure the speed of a model on small canvases, once for a device, engine and precision."""
    known = _speeds.setdefault(model, {})
    way = (config.device, config.engine, config.precision)
    if way not in known:
        run = _runner(model, config)
        _timed(run, (_PROBE, _PROBE))  # the very first pass also loads the engine
        steady = min(_timed(run, (_PROBE, _PROBE)) for _ in range(2))
        first = _timed(run, (_PROBE, _PROBE + 32)) - steady
        known[way] = Speed(steady / _PROBE**2, max(0.0, first))
    return known[way]


def _runner(model: Checkpoint, config: InferenceConfig) -> runners.Runner:
    return runners.runner(model, config.device, config.engine, config.precision)


def _timed(run: runners.Runner, shape: tuple[int, int]) -> float:
    blank = np.zeros((*shape, 3), np.float32)
    begun = time.perf_counter()
    run(blank)
    return time.perf_counter() - begun


def _to_compile(
    model: Checkpoint,
    config: InferenceConfig,
    way: planning.Plan,
    seen: Sequence[tuple[int, int]],
) -> set[tuple[int, int]]:
    """Canvas shapes that the engine must still compile."""
    ready = getattr(_runner(model, config), "ready", None)
    if ready is None:
        return set()
    if passes.FREEZE_FROM <= way.side < max(way.working_shape):
        return set(seen[:1])  # the network is compiled again, with the statistics of the image
    return {shape for shape in seen if not ready((*shape, 3))}


def _scaling(image: NDArray[Any], way: planning.Plan) -> float:
    """Seconds to scale an image to the model's scale and back, measured on a quarter of it."""
    if way.working_shape == way.frame.shape:
        return 0.0
    half, small = ([max(1, n // 2) for n in shape] for shape in (way.frame.shape, way.working_shape))
    begun = time.perf_counter()
    resized = resize(image[: half[0], : half[1]], *small)
    resize(resized[..., 0], *half)
    return 4 * (time.perf_counter() - begun)
