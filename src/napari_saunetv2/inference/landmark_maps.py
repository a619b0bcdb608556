"""From the maps of the network of landmarks to a circle, a point and a side, in pixels of its frame."""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

CLASSES = ("disc", "fovea", "temporal side on the right")
"""Maps: is a pixel disc; is it the middle of the fovea; is the temporal side on the right of the picture."""

NEAR = 3
"""Pixels about the likeliest place of the fovea that count towards it: less than a disc radius."""


class Answer(NamedTuple):
    """What the network sees in a frame.

    Attributes
    ----------
    disc : (x, y, r) or None
        None where no pixel is rather disc than not.
    disc_confidence : float, range [0, 1]
        Mean chance within the circle.
    fovea : (x, y)
    fovea_confidence : float, range [0, 1]
        Chance that the fovea is in view and near that place.
    right : float, range [0, 1]
        Chance that the temporal side is on the right of the picture.
    """

    disc: tuple[float, float, float] | None
    disc_confidence: float
    fovea: tuple[float, float]
    fovea_confidence: float
    right: float


def places(logits: Tensor) -> Tensor:
    """Logarithm of the chance of each pixel to be the middle of the fovea.

    Parameters
    ----------
    logits : tensor, shape (N, H, W)

    Returns
    -------
    tensor, shape (N, 1 + H * W)
        First the chance that none is. All zeros are undecided: half for none, half for all pixels together.
    """
    flat = logits.flatten(1)
    none = flat.new_full((len(flat), 1), math.log(flat.shape[1]))
    return torch.cat([none, flat], dim=1).log_softmax(1)


def to_the_right(logits: Tensor, inside: Tensor) -> Tensor:
    """Logit that the temporal side is on the right: the mean of a map (..., H, W) over what is in view."""
    mean: Tensor = (logits * inside).sum((-2, -1)) / inside.sum((-2, -1)).clamp(min=1)
    return mean


@torch.inference_mode()
def look(network: nn.Module, picture: NDArray[np.float32], inside: NDArray[np.float32]) -> Answer:
    """Look at a frame and at its mirror image, whose answer is mirrored back, and take the mean.

    Parameters
    ----------
    network : Module
        Maps (N, 3, H, W) to logits (N, 3, H, W), one map for each of ``CLASSES``.
    picture : array, shape (H, W, 3), range [0, 1]
    inside : array, shape (H, W), range [0, 1]
        Share of a pixel that is in view.
    """
    plain = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
    seen = torch.from_numpy(inside)
    logits = network(torch.stack([plain, plain.flip(2)]))
    logits = torch.stack([logits[0], logits[1].flip(2)])
    disc, sure = _circle(logits[:, 0].sigmoid().mean(0).numpy())
    chances = places(logits[:, 1]).exp().mean(0)[1:].view(seen.shape).numpy()
    fovea, likely = _point(chances)
    plain_side, mirrored_side = to_the_right(logits[:, 2], seen)
    return Answer(disc, sure, fovea, likely, float(((plain_side - mirrored_side) / 2).sigmoid()))


def _circle(chance: NDArray[np.float32]) -> tuple[tuple[float, float, float] | None, float]:
    """Circle with the middle and the area of the largest patch, and the mean chance within it."""
    numbers, count = ndimage.label(chance >= 0.5)
    if not count:
        return None, float(chance.max())
    sizes = ndimage.sum_labels(chance, numbers, np.arange(1, count + 1))
    # Its soft edge belongs to it; another patch does not.
    near = ndimage.binary_dilation(numbers == 1 + int(sizes.argmax()), iterations=2)
    weight = np.where(near, chance, 0).astype(float)
    y, x = ndimage.center_of_mass(weight)
    r = math.sqrt(weight.sum() / math.pi)
    rows, columns = np.indices(chance.shape)
    within = np.hypot(rows - y, columns - x) <= r
    return (float(x), float(y), r), float(chance[within].mean())


def _point(chance: NDArray[np.float32]) -> tuple[tuple[float, float], float]:
    """Middle of the likeliest place, and the chance that the fovea is near it."""
    smooth = ndimage.gaussian_filter(chance, NEAR / 3)
    row, column = np.unravel_index(int(smooth.argmax()), smooth.shape)
    rows, columns = np.indices(chance.shape)
    near = np.where(np.hypot(rows - row, columns - column) <= NEAR, chance, 0).astype(float)
    total = float(near.sum())
    y, x = ndimage.center_of_mass(near) if total > 0 else (row, column)
    return (float(x), float(y)), min(total, 1.0)
