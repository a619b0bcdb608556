"""Photographs and labels as the network sees them in training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_saunetv2.augmentation import random_view, recolour
from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging import canvas, fov
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import resize, scaled_shape
from napari_saunetv2.training.config import TrainConfig


@dataclass(frozen=True)
class Pair:
    """A photograph and the vessels somebody drew on it.

    Attributes
    ----------
    name : str
    image : array, shape (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
    vessels : array, shape (H, W)
        A vessel where not 0.
    field : array, shape (H, W), optional
        The field of view, where it is known; else it is found.
    """

    name: str
    image: NDArray[np.generic]
    vessels: NDArray[np.generic]
    field: NDArray[np.generic] | None = None

    def __post_init__(self) -> None:
        """Check that labels and image are of one size; raises ImageError."""
        if self.vessels.shape != self.image.shape[:2]:
            raise ImageError(
                f"'{self.name}' is {self.image.shape[:2]} pixels but its labels are {self.vessels.shape}: "
                "give labels of the image's own size."
            )

    def diameter(self) -> float | None:
        """Diameter in pixels of the field of view."""
        return fov.diameter(fov.detect(to_unit(self.image)) if self.field is None else self.field != 0)


@dataclass(frozen=True)
class Prepared:
    """A pair on its canvas.

    Attributes
    ----------
    name : str
    canvas : tensor, shape (4, S, S), float32, range [0, 1]
        Three colours, and the vessels: 0 or 1, or between where the image was resampled.
    window : (slice, slice)
        Rows and columns of it that hold the image.
    """

    name: str
    canvas: Tensor
    window: tuple[slice, slice]


def prepare(pair: Pair, config: TrainConfig) -> Prepared:
    """Lay a pair on the canvas on which inference lays an image, at the scale that the settings want."""
    layers = np.concatenate([to_unit(pair.image), (pair.vessels != 0)[..., None].astype(np.float32)], axis=2)
    found = pair.diameter() if config.fov_diameter else None
    if config.fov_diameter and found:
        # The labels become shares of a pixel, which is what they are at a smaller scale.
        height, width = pair.vessels.shape
        layers = resize(layers, *scaled_shape(height, width, config.fov_diameter / found))
    padded = canvas.pad(layers, config.padding).transpose(2, 0, 1)
    window = canvas.window(layers.shape[0], layers.shape[1], config.padding)
    return Prepared(pair.name, torch.from_numpy(np.ascontiguousarray(padded)), window)


def split(names: Sequence[str], share: float) -> tuple[list[int], list[int]]:
    """Indices of the images to train on and to validate on; the latter at least one where share > 0."""
    held = 0 if share == 0 or len(names) < 2 else max(1, round(share * len(names)))
    order = np.random.default_rng(0).permutation(len(names))
    return sorted(map(int, order[held:])), sorted(map(int, order[:held]))


def batch(images: Sequence[Prepared], config: TrainConfig, step: int) -> tuple[Tensor, Tensor]:
    """Draw the views of one step: (N, 3, crop, crop) and vessels (N, 1, crop, crop).

    They depend on seed and step alone, so a resumed training draws what an unbroken one would have.
    """
    draw = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    chosen = torch.randint(len(images), (config.batch,), generator=draw)
    views = [
        random_view(images[n].canvas, images[n].window, config.crop, config.augmentation, draw)
        for n in chosen.tolist()
    ]
    colours = torch.stack([recolour(view[:3], config.augmentation, draw) for view in views])
    return colours, torch.stack([view[3:] for view in views])
