"""The square canvas that a network sees, and the way back.

GroupNorm averages over the whole canvas, so where the image lies on it is part of a trained model: one
policy, named in the model's header, for training and inference.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Policy = Literal["corner", "centre"]
POLICIES: tuple[Policy, ...] = ("corner", "centre")
MULTIPLE = 16
"""Side of a canvas: a multiple of this many pixels, which every network of the family can halve."""


def side(height: int, width: int) -> int:
    """Side in pixels of the square canvas for an image of ``height`` x ``width`` pixels."""
    return -(-max(height, width) // MULTIPLE) * MULTIPLE


def window(height: int, width: int, policy: Policy) -> tuple[slice, slice]:
    """Rows and columns of the canvas that hold an image of ``height`` x ``width`` pixels.

    The image lies in the top left corner (SA-UNetv2) or in the centre (SA-UNet, RSAN).
    """
    length = side(height, width)
    top, left = (0, 0) if policy == "corner" else ((length - height) // 2, (length - width) // 2)
    return slice(top, top + height), slice(left, left + width)


def pad(image: NDArray[np.float32], policy: Policy) -> NDArray[np.float32]:
    """Lay an image, shape (H, W, ...), on a square canvas of zeros, shape (S, S, ...)."""
    height, width = image.shape[:2]
    length = side(height, width)
    canvas = np.zeros((length, length, *image.shape[2:]), image.dtype)
    canvas[window(height, width, policy)] = image
    return canvas


def crop(canvas: NDArray[np.float32], height: int, width: int, policy: Policy) -> NDArray[np.float32]:
    """Cut an image of ``height`` x ``width`` pixels out of its canvas: the inverse of :func:`pad`."""
    return canvas[window(height, width, policy)]
