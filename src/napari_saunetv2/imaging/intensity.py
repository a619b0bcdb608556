"""Scale the values of a file to [0, 1]: one rule for inference and training."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.errors import ImageError

TOLERANCE = 1e-3
"""Tolerance of floats outside [0, 1], from rounding; they are clipped."""

FULL_SCALE = {np.dtype(np.bool_): 1, np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}


def to_unit(image: ArrayLike) -> NDArray[np.float32]:
    """Convert an image to three channels in [0, 1], by its type and never by its own maximum.

    Parameters
    ----------
    image : array, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Grey, RGB or RGBA (alpha is dropped); uint8, uint16, bool, or float in [0, 1], with a tolerance of a
        thousandth for rounding.

    Returns
    -------
    array, shape (H, W, 3), float32, range [0, 1]

    Raises
    ------
    ImageError
        For another shape or type, an empty image, NaN or infinite values, floats outside [0, 1].
    """
    unit = _scaled(_checked(image))
    if unit.ndim == 2:
        unit = unit[..., None]
    return np.ascontiguousarray(np.broadcast_to(unit[..., :3], (*unit.shape[:2], 3)))


def stored(image: ArrayLike) -> NDArray[Any]:
    """Three channels of an image with the values it has, of which :func:`to_unit` takes any part.

    A large photograph in [0, 1] takes four times the memory of one of 8 bits, and writing it takes longer
    than most of what is done with it. Most of that looks at a few of its pixels, so these are scaled alone.

    Parameters
    ----------
    image : array, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        As for :func:`to_unit`.

    Returns
    -------
    array, shape (H, W, 3)
        A view of integers, to be read only; floats are checked, and are what :func:`to_unit` returns.

    Raises
    ------
    ImageError
        As :func:`to_unit`.
    """
    pixels = _checked(image)
    if pixels.dtype.newbyteorder("=") not in FULL_SCALE:
        return to_unit(pixels)
    channels = pixels[..., None] if pixels.ndim == 2 else pixels[..., :3]
    return np.broadcast_to(channels, (*pixels.shape[:2], 3))


def floats(values: NDArray[Any]) -> NDArray[np.float32]:
    """Make numbers in [0, 1] of some values of :func:`stored`, in any shape; float32 is what it was."""
    return _scaled(values) if values.dtype.kind in "bu" else np.asarray(values, np.float32)


def _checked(image: ArrayLike) -> NDArray[Any]:
    try:
        pixels = np.asarray(image)
    except (ValueError, TypeError, RuntimeError) as error:  # rows of unlike lengths, a tensor on a GPU
        raise ImageError(
            f"A {type(image).__name__} that is not an array cannot be segmented: give pixels ({error})."
        ) from error
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise ImageError(
            f"An image of shape {pixels.shape} cannot be segmented: give (H, W), (H, W, 1), (H, W, 3) or "
            "(H, W, 4), one plane at a time."
        )
    if pixels.size == 0:
        raise ImageError(
            f"The image is empty, its shape is {pixels.shape}: give one of at least 1 x 1 pixel."
        )
    return pixels


def _scaled(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    full = FULL_SCALE.get(pixels.dtype.newbyteorder("="))
    if full is not None:
        scaled: NDArray[np.float32] = np.divide(pixels, np.float32(full), dtype=np.float32)
        return scaled
    if pixels.dtype.kind != "f":
        raise ImageError(
            f"An image of type {pixels.dtype} has no known full scale: convert it to uint8, uint16, or float "
            "in [0, 1]."
        )
    low, high = float(pixels.min()), float(pixels.max())
    if not np.isfinite([low, high]).all():
        raise ImageError("The image holds NaN or infinite values: replace them, for example by 0.")
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise ImageError(
            f"A float image must lie in [0, 1], but this one spans {low:.9g} to {high:.9g}: divide it by its "
            "full scale (255 for 8-bit data, 65535 for 16-bit)."
        )
    inside = low >= 0 and high <= 1
    return np.asarray(pixels if inside else np.clip(pixels, 0, 1), np.float32)
