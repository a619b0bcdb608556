"""How an image goes through the network: at which scale, and in which tiles."""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.imaging import fov
from napari_saunetv2.imaging.scale import factor_between, scaled_shape
from napari_saunetv2.inference.tiles import Tile, tiles

TILE_SIDE = 1536
"""Side in pixels of the tiles of a large image."""

WHOLE_UP_TO = {"torch": TILE_SIDE**2, "onnx": TILE_SIDE**2, "openvino": 9_000_000}
"""Pixels at the model's scale above which an image goes through tiles. OpenVINO holds few maps at once: for
HRF's 8 megapixels 2.8 GB in float32, where torch would take 6; whole they take two thirds of the time."""

SMALLEST_FIELD = 1 / 8
"""What is lit over a smaller share of an image's longer side is no field of view, but a speck in the dark: to
bring it to the model's scale would take a picture of any size."""

MAX_WORKING_PIXELS = 2**29
"""A ``rescale`` that makes more of an image is refused: 512 megapixels, 6 GiB."""


class Plan(NamedTuple):
    """How an image goes through the network: its shape, that at the model's scale, and the tiles of that."""

    shape: tuple[int, int]
    working_shape: tuple[int, int]
    tiles: list[Tile]
    side: int


def plan(
    unit: NDArray[np.float32],
    trained: float | None,
    rescale: Literal["auto", "off"] | float,
    tile: Literal["auto", "off"] | int,
    field: ArrayLike | None,
    engine: str,
) -> Plan:
    """Plan for an image and a model that was trained at a field of view of ``trained`` pixels."""
    height, width = unit.shape[:2]
    factor = factor_for(unit, trained, rescale, field)
    working: tuple[int, int] = (height, width) if factor == 1 else scaled_shape(height, width, factor)
    if factor > 1 and math.prod(working) > MAX_WORKING_PIXELS:
        raise SettingsError(
            f"rescale is {rescale!r}: it makes {working[1]} x {working[0]} pixels of this image, take a "
            "smaller factor."
        )
    side = _tile_side(tile, working, engine)
    return Plan((height, width), working, tiles(*working, side), side)


def factor_for(
    unit: NDArray[np.float32],
    trained: float | None,
    rescale: Literal["auto", "off"] | float,
    field: ArrayLike | None,
) -> float:
    """Factor at which an image is segmented; parameters as of :func:`plan`."""
    if rescale == "off":
        return 1.0
    if rescale == "auto":
        found = None if trained is None else fov.diameter(_field(unit, field))
        if found is not None and found < SMALLEST_FIELD * max(unit.shape[:2]):
            found = None
        return 1.0 if trained is None or found is None else factor_between(found, trained)
    return float(rescale)


def _field(unit: NDArray[np.float32], field: ArrayLike | None) -> NDArray[np.bool_]:
    """Field of view that was given, or the one that is found."""
    if field is None:
        return fov.detect(unit)
    given: NDArray[np.bool_] = np.asarray(field) != 0
    if given.shape != unit.shape[:2]:
        raise ImageError(
            f"The field of view has shape {given.shape}, the image {unit.shape[:2]}: give that of this image."
        )
    return given


def _tile_side(tile: Literal["auto", "off"] | int, shape: tuple[int, int], engine: str) -> int:
    """Side of the tiles in pixels; the longer side of the image for one tile."""
    if tile == "off":
        return max(shape)
    if tile == "auto":
        return TILE_SIDE if math.prod(shape) > WHOLE_UP_TO[engine] else max(shape)
    return int(tile)
