"""Segmentation that survives running out of memory: smaller tiles first, then the CPU."""

import logging
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import devices
from napari_saunetv2.errors import OutOfMemoryError
from napari_saunetv2.inference import passes
from napari_saunetv2.inference.tiles import Tile
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.progress import relay

_LOG = logging.getLogger(__name__)

SMALLEST_TILE = 256
"""Minimum side of a halved tile in pixels: below, the network sees too little context."""


class State(NamedTuple):
    """Progress: passes done and in total, the device, and what had to be changed, or ""."""

    done: float
    total: float
    device: str
    notice: str

    @property
    def share(self) -> float:
        """Share of the work that is done, [0, 1]."""
        return self.done / self.total


class Prediction(NamedTuple):
    """A prediction, and how it was really made.

    Attributes
    ----------
    classes : array, shape (classes, H, W), float32, range [0, 1]
        Probability of every class.
    config : InferenceConfig
        The device, engine, precision and tiles that were used.
    notice : str
        What had to be changed, for the user, or "".
    """

    classes: NDArray[np.float32]
    config: InferenceConfig
    notice: str

    @property
    def probability(self) -> NDArray[np.float32]:
        """Probability of the most probable class, shape (H, W)."""
        return passes.most_probable(self.classes)


def steps(
    image: ArrayLike, model: Checkpoint, config: InferenceConfig, fov: ArrayLike | None = None
) -> Generator[State, None, Prediction]:
    """As :func:`napari_saunetv2.inference.steps`; if memory runs out, start again with less.

    Yields
    ------
    State
        Before the first pass of the network and after each.

    Returns
    -------
    Prediction

    Raises
    ------
    OutOfMemoryError
        If the memory of the CPU is too small even for small tiles.
    """
    config, notice = replace(config, device=devices.resolved(config.device)), ""
    while True:
        work = passes.steps(image, model, config, fov)
        try:
            classes = yield from relay(work, partial(_state, config.device, notice))
        except OutOfMemoryError:
            pass  # handled outside the except block: its traceback keeps the memory in use
        else:
            return Prediction(classes, passes.resolved(model, config), notice)
        tiles = passes.planned(image, model, config, fov).tiles
        config, notice = _smaller(_longest(tiles), config)
        _LOG.warning(notice)


def _state(device: str, notice: str, progress: passes.Progress) -> State:
    return State(*progress, device, notice)


def _longest(tiles: list[Tile]) -> int:
    return max(int(part.stop - part.start) for tile in tiles for part in tile)


def _smaller(side: int, config: InferenceConfig) -> tuple[InferenceConfig, str]:
    """Settings and notice of the next try, after tiles of ``side`` pixels filled the memory."""
    full = f"Out of memory on '{config.device}'"
    if side > SMALLEST_TILE:
        tile = max(SMALLEST_TILE, side // 2)
        return replace(config, tile=tile), f"{full}: used smaller tiles of {tile} pixels."
    if config.device == "cpu":
        raise OutOfMemoryError(
            f"Out of memory even with tiles of {side} pixels: close other programs, or shrink the image."
        )
    import torch

    torch.cuda.empty_cache()
    return replace(config, tile="auto", device="cpu"), f"{full}: used the CPU instead."
