"""What a segmentation will do to an image, before it is done; it advises and never forbids."""

import math
import time
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2 import devices, engines, inference, planning
from napari_saunetv2.checkpoint import Checkpoint
from napari_saunetv2.imaging import canvas, fov, fundus
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import RESCALE_BEYOND, factor_between
from napari_saunetv2.imaging.symmetry import D4

BYTES_PER_PIXEL = {"torch": 450, "onnx": 450, "openvino": 350}
"""Memory that a pass of the network takes at its peak, per pixel of the canvas: of SA-UNetv2 in float32, by
the resident memory of a process that makes one pass at 512 and at 1024 pixels (torch 443 and 409 bytes; ONNX
Runtime takes less) and one at 3504 x 2336 (OpenVINO 344)."""

FAR_SCALE = 4.0
"""Beyond this factor between an image's scale and the model's even rescaling gives poor vessels."""

_PROBE = 192
"""Side in pixels of the pass that measures the speed."""

_speeds: WeakKeyDictionary[torch.nn.Module, dict[tuple[str, str, str], float]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Preflight:
    """What is known of an image and of its way through a model.

    Attributes
    ----------
    shape : (int, int)
        Height and width in pixels.
    kind : str
        "grey", "RGB" or "RGBA".
    dtype : str
    fov_diameter : float or None, pixels
        None where no field of view was found.
    outline : array, shape (N, 2)
        Of the field of view: rows and columns; N is 0 where none was found.
    working_shape : (int, int)
        Height and width at the model's scale.
    canvas : (int, int), pixels
        Height and width of the padded image, or largest tile, that the network sees.
    tiles, passes : int
        Parts of the image, and passes of the network over all of them.
    device : str
    seconds : float or None
        Estimated; None where it was not asked for.
    memory : int, bytes
        Estimated peak of the network and the maps.
    advice : tuple of str
        Sentences for the user.
    """

    shape: tuple[int, int]
    kind: str
    dtype: str
    fov_diameter: float | None
    outline: NDArray[np.float64]
    working_shape: tuple[int, int]
    canvas: tuple[int, int]
    tiles: int
    passes: int
    device: str
    seconds: float | None
    memory: int
    advice: tuple[str, ...]

    def lines(self) -> list[str]:
        """Say it in a few lines, width before height."""
        size, working, padded = (f"{w}x{h}" for h, w in (self.shape, self.working_shape, self.canvas))
        eye = "no field of view found" if self.fov_diameter is None else f"FOV {self.fov_diameter:.0f} px"
        scaled = "" if working == size else f"scaled to {working}, "
        back = "scaled and cropped back" if scaled else "cropped back"
        whole = f"{size}, {scaled}padded to {padded}, {back}"
        parts = f"{size}, {scaled}{self.tiles} tiles padded to {padded}, blended"
        passes = f"{self.passes} {'pass' if self.passes == 1 else 'passes'}"
        takes = "" if self.seconds is None else f", about {duration(self.seconds)}"
        return [
            f"{self.kind} {self.dtype}, {eye}",
            whole if self.tiles == 1 else parts,
            f"{passes}{takes}, {self.memory / 2**20:.0f} MB on {self.device}",
        ]


def describe(
    image: ArrayLike,
    model: Checkpoint,
    *,
    device: str = "auto",
    tta: inference.TestTime = "none",
    rescale: Any = "auto",
    tile: Any = "auto",
    engine: engines.Engine = "auto",
    precision: engines.Precision = "auto",
    field: ArrayLike | None = None,
    planes: int = 1,
    uncertainty: bool = False,
    measure: bool = True,
) -> Preflight:
    """Look at an image and plan its way through a model.

    Parameters
    ----------
    image, model, device, tta, rescale, tile, engine, precision, field
        As in :func:`napari_saunetv2.inference.segment`.
    planes : int
        Images of this kind that are to be segmented.
    uncertainty : bool
        Whether the variance over the eight views is asked for too.
    measure : bool
        Whether the time is estimated, from a small pass of the network on the device; the first one takes a
        moment.

    Raises
    ------
    ImageError, SettingsError, DeviceError
        As :func:`napari_saunetv2.inference.segment` would.
    """
    pixels = np.asarray(image)
    unit = to_unit(pixels)
    runs: Any = {"device": device, "engine": engine, "precision": precision}
    way = inference.planned(pixels, model, rescale=rescale, tile=tile, field=field, **runs)
    place = devices.resolve(device)
    inside = fov.detect(unit) if field is None else np.asarray(field) != 0
    found = fov.diameter(inside)
    runs_in, _ = engines.choice(model, place, engine, precision)
    seen = [canvas.shape(t.rows.stop - t.rows.start, t.columns.stop - t.columns.start) for t in way.tiles]
    pixels_seen = [rows * columns for rows, columns in seen]
    views = inference.passes(tta) + (len(D4) if uncertainty else 0)
    speed = seconds_per_pixel(model, place, engine, precision) if measure else None
    return Preflight(
        shape=way.shape,
        kind={1: "grey", 3: "RGB", 4: "RGBA"}[pixels.shape[2] if pixels.ndim == 3 else 1],
        dtype=str(pixels.dtype),
        fov_diameter=found,
        outline=np.empty((0, 2)) if found is None else fov.outline(inside),
        working_shape=way.working_shape,
        canvas=max(seen, key=math.prod),
        tiles=len(way.tiles),
        passes=views * len(way.tiles) * planes,
        device=str(place),
        seconds=None if speed is None else speed * sum(pixels_seen) * views * planes,
        memory=BYTES_PER_PIXEL[runs_in] * max(pixels_seen) + unit.nbytes,
        advice=tuple(_advice(fundus.doubt(unit, inside), found, model.header.fov_diameter, way)),
    )


def duration(seconds: float) -> str:
    """Say a time as a person would: "0.4 s", "12 s", "3 min"."""
    if seconds < 9.5:
        return f"{max(seconds, 0.1):.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def seconds_per_pixel(
    model: Checkpoint,
    place: torch.device,
    engine: engines.Engine = "auto",
    precision: engines.Precision = "auto",
) -> float:
    """Measure how long a pass of the network takes per pixel of the canvas, on a small one, once a model."""
    known = _speeds.setdefault(model.network, {})
    way = (str(place), engine, precision)
    if way not in known:
        known[way] = _measured(model, *way)
    return known[way]


def _measured(model: Checkpoint, device: str, engine: engines.Engine, precision: engines.Precision) -> float:
    blank = np.zeros((_PROBE, _PROBE, 3), np.float32)
    taken = []
    for _ in range(2):  # the first one also warms up
        begun = time.perf_counter()
        inference.segment(
            blank, model, device=device, rescale="off", tile="off", engine=engine, precision=precision
        )
        taken.append(time.perf_counter() - begun)
    return min(taken) / _PROBE**2


def _advice(doubt: str, found: float | None, trained: float | None, way: planning.Plan) -> list[str]:
    advice = []
    if doubt:
        advice.append(f"This may be no fundus photograph: {doubt}.")
    if trained is None or found is None:
        return advice
    ratio = found / trained
    apart = max(ratio, 1 / ratio)
    beside = max(way.working_shape) / max(way.shape) / factor_between(found, trained)
    if max(beside, 1 / beside) > RESCALE_BEYOND:
        advice.append(
            f"Its field of view is {found:.0f} pixels wide, the model's {trained:.0f}: set rescale to auto."
        )
    elif apart > FAR_SCALE:
        lost = "fine vessels are lost" if ratio > 1 else "it shows fewer vessels than the model knows"
        advice.append(f"Its field of view is {ratio:.2g} times as wide as the model's: {lost}.")
    return advice
