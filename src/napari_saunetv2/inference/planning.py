"""The scale and the tiles at which an image is segmented."""

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging import frame as frames
from napari_saunetv2.imaging.frame import Frame
from napari_saunetv2.imaging.scale import factor_between, factor_without_field, scaled_shape
from napari_saunetv2.inference.tiles import Tile, tiles

TILE_SIDE = 1536
"""Side in pixels of the tiles of a large image."""

WHOLE_UP_TO = {"torch": TILE_SIDE**2, "onnx": TILE_SIDE**2, "openvino": 9_000_000}
"""Pixels at the model's scale above which an image is tiled. OpenVINO holds few maps at once: HRF's 8
megapixels need 2.8 GB in float32, and 6 in torch; untiled they take two thirds of the time."""

SMALLEST_FIELD = 1 / 8
"""A lit area below this share of an image's longer side is a speck, not a field of view: scaling it to the
model's scale would need an image of any size."""

MAX_WORKING_PIXELS = 2**29
"""Maximum pixels of a rescaled image: 512 megapixels, 6 GiB."""


class Plan(NamedTuple):
    """Plan for an image: its shape, what the network sees of it, at which size, and the tiles of that."""

    shape: tuple[int, int]
    frame: Frame
    working_shape: tuple[int, int]
    tiles: list[Tile]
    side: int


def plan(
    image: NDArray[Any],
    trained: float | None,
    rescale: Literal["auto", "off"] | float,
    tile: Literal["auto", "off"] | int,
    fov: ArrayLike | None,
    engine: str,
) -> Plan:
    """Make the plan for an image and a model trained with a field of view of ``trained`` pixels.

    The image has the shape (H, W, 3), in [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives
    it.
    """
    height, width = image.shape[:2]
    given = None if fov is None else _checked(image, fov)
    inside = None if trained is None else _fov(image, given)
    frame = frames.whole(height, width) if inside is None else frames.of(image, inside)
    factor = factor_for(image, trained, rescale, inside)
    working: tuple[int, int] = frame.shape if factor == 1 else scaled_shape(*frame.shape, factor)
    if factor > 1 and math.prod(working) > MAX_WORKING_PIXELS:
        raise SettingsError(
            f"rescale is {rescale!r}: it would make this image {working[1]} x {working[0]} pixels, use a "
            "smaller factor."
        )
    side = _tile_side(tile, working, engine)
    return Plan((height, width), frame, working, tiles(*working, side), side)


def factor_for(
    image: NDArray[Any],
    trained: float | None,
    rescale: Literal["auto", "off"] | float,
    fov: ArrayLike | None,
) -> float:
    """Factor at which an image is segmented; parameters as of :func:`plan`."""
    if rescale == "off":
        return 1.0
    if rescale == "auto":
        return 1.0 if trained is None else factor_to(_fov(image, fov), trained)
    return float(rescale)


def factor_to(inside: NDArray[np.bool_], trained: float) -> float:
    """Factor that brings a photograph with this field of view, shape (H, W), to a model's scale."""
    if (found := _width(inside)) is not None:
        return factor_between(found, trained)
    box = field_of_view.extent(inside) if field_of_view.is_rectangle(inside) else None
    shown = inside[box] if box else inside
    return factor_without_field(max(shown.shape), trained)


def _width(fov: NDArray[np.bool_]) -> float | None:
    """Diameter of a field of view by which an image may be scaled."""
    found = field_of_view.diameter(fov)
    if found is None or found < SMALLEST_FIELD * max(fov.shape) or field_of_view.is_rectangle(fov):
        return None
    return found


def _fov(image: NDArray[Any], fov: ArrayLike | None) -> NDArray[np.bool_]:
    """The given field of view, or the detected one."""
    return field_of_view.detect(image) if fov is None else _checked(image, fov)


def _checked(image: NDArray[Any], fov: ArrayLike) -> NDArray[np.bool_]:
    given: NDArray[np.bool_] = np.asarray(fov) != 0
    if given.shape != image.shape[:2]:
        raise ImageError(
            f"The field of view has shape {given.shape}, the image {image.shape[:2]}: give the one of this "
            "image."
        )
    return given


def _tile_side(tile: Literal["auto", "off"] | int, shape: tuple[int, int], engine: str) -> int:
    """Side of the tiles in pixels; the longer side of the image if untiled."""
    if tile == "off":
        return max(shape)
    if tile == "auto":
        return TILE_SIDE if math.prod(shape) > WHOLE_UP_TO[engine] else max(shape)
    return int(tile)
