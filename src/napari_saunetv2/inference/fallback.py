"""Segmentation that a full memory does not end: smaller tiles first, then the CPU."""

import logging
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.engines import devices
from napari_saunetv2.errors import OutOfMemoryError
from napari_saunetv2.inference import segmentation
from napari_saunetv2.inference.tiles import Tile

_LOG = logging.getLogger(__name__)

SMALLEST_TILE = 256
"""Side in pixels below which a tile is not halved: the network would see too little around a vessel."""


class State(NamedTuple):
    """How far the work is: passes done, of how many, on which device, and what had to be changed, or ""."""

    done: float
    total: float
    device: str
    notice: str

    @property
    def share(self) -> float:
        """Share of the work that is done, [0, 1]."""
        return self.done / self.total


class Answer(NamedTuple):
    """A segmentation, and how it was really made.

    Attributes
    ----------
    probability : array, shape (H, W), float32, range [0, 1]
    device : str
        "cpu", "cuda", "cuda:1", "mps".
    tile : "auto", "off" or int
        The setting that worked.
    notice : str
        What had to be changed, for the user; "" where nothing was.
    """

    probability: NDArray[np.float32]
    device: str
    tile: str | int
    notice: str


def steps(
    image: ArrayLike, model: segmentation.Model, *, device: str = "auto", tile: Any = "auto", **settings: Any
) -> Generator[State, None, Answer]:
    """Do what :func:`napari_saunetv2.inference.steps` does; where memory runs out, begin anew with less.

    Yields
    ------
    State
        Before the first pass of the network and after each.

    Returns
    -------
    Answer

    Raises
    ------
    OutOfMemoryError
        When the memory of the CPU does not suffice for small tiles either.
    """
    place, notice = str(devices.resolve(device)), ""
    while True:
        work = segmentation.steps(image, model, device=place, tile=tile, **settings)
        try:
            while True:
                yield State(*next(work), place, notice)
        except StopIteration as end:
            return Answer(end.value, place, tile, notice)
        except OutOfMemoryError:
            pass  # dealt with outside the handler: its traceback holds on to what filled the memory
        finally:
            work.close()
        told = {k: v for k, v in settings.items() if k in ("rescale", "field", "engine", "precision")}
        tiles = segmentation.planned(image, model, device=place, tile=tile, **told).tiles
        tile, place, notice = _smaller(_longest(tiles), place)
        _LOG.warning(notice)


def _longest(tiles: list[Tile]) -> int:
    return max(int(part.stop - part.start) for tile in tiles for part in tile)


def _smaller(side: int, place: str) -> tuple[int | str, str, str]:
    """Tile, device and notice of the next try, after tiles of ``side`` pixels filled the memory."""
    if side > SMALLEST_TILE:
        tile = max(SMALLEST_TILE, side // 2)
        return tile, place, f"The memory of '{place}' was full: smaller tiles of {tile} pixels."
    if place == "cpu":
        raise OutOfMemoryError(
            f"The memory is full even with tiles of {side} pixels: close other programs, or shrink the image."
        )
    torch.cuda.empty_cache()
    return "auto", "cpu", f"The memory of '{place}' was full: on the CPU instead."
