"""Padding an image to the network's canvas, and cropping back.

GroupNorm averages over the whole canvas, so the position of the image on it is part of a trained model: one
policy, named in the model's header, for training and inference.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Policy = Literal["corner", "centre"]
POLICIES: tuple[Policy, ...] = ("corner", "centre")
MULTIPLE = 16
"""Canvas sides are multiples of this many pixels, which every network can halve."""


SQUARE_UP_TO = 1024
"""Images up to this side in pixels lie on a square, as in the publications (592, 704 and 1008 pixels). For
larger images a square would be a third more work for no better prediction: HRF's first nine at their own
scale have F1 .704 on squares and .715 on rectangles by saunetv2-drive, .732 and .729 by saunetv2-general."""


def shape(height: int, width: int) -> tuple[int, int]:
    """Height and width of the canvas for an image of ``height`` x ``width`` pixels."""
    longer = max(height, width)
    sides = (longer, longer) if longer <= SQUARE_UP_TO else (height, width)
    rows, columns = (-(-n // MULTIPLE) * MULTIPLE for n in sides)
    return rows, columns


def window(height: int, width: int, policy: Policy) -> tuple[slice, slice]:
    """Rows and columns of the canvas that hold an image of ``height`` x ``width`` pixels.

    The image lies in the top left corner (SA-UNetv2) or in the centre (SA-UNet, RSAN).
    """
    rows, columns = shape(height, width)
    top, left = (0, 0) if policy == "corner" else ((rows - height) // 2, (columns - width) // 2)
    return slice(top, top + height), slice(left, left + width)


def pad(image: NDArray[np.float32], policy: Policy) -> NDArray[np.float32]:
    """Pad an image, shape (H, W, ...), with zeros to its canvas."""
    height, width = image.shape[:2]
    canvas = np.zeros((*shape(height, width), *image.shape[2:]), image.dtype)
    canvas[window(height, width, policy)] = image
    return canvas


def crop(canvas: NDArray[np.float32], height: int, width: int, policy: Policy) -> NDArray[np.float32]:
    """Crop an image of ``height`` x ``width`` pixels from its canvas: the inverse of :func:`pad`."""
    return canvas[window(height, width, policy)]
