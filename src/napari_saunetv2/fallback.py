"""Segmentation that a full memory does not end: smaller tiles first, then the CPU."""

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2 import devices, inference
from napari_saunetv2.errors import DeviceError
from napari_saunetv2.imaging.tiles import Tile

SMALLEST_TILE = 256
"""Side in pixels below which a tile is not halved: the network would see too little around a vessel."""


class State(NamedTuple):
    """How far the work is: share in [0, 1], the device that works, and what had to be changed, or ""."""

    share: float
    device: str
    notice: str


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
    image: ArrayLike, model: inference.Model, *, device: str = "auto", tile: Any = "auto", **settings: Any
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
    DeviceError
        When the memory of the CPU does not suffice either.
    """
    place, notice = str(devices.resolve(device)), ""
    while True:
        work = inference.steps(image, model, device=place, tile=tile, **settings)
        try:
            while True:
                done, total = next(work)
                yield State(done / total, place, notice)
        except StopIteration as end:
            return Answer(end.value, place, tile, notice)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _is_full(error):
                raise
        finally:
            work.close()
        # Outside the handler: its traceback would hold on to what filled the memory.
        told = {k: v for k, v in settings.items() if k in ("rescale", "field", "engine", "precision")}
        tiles = inference.planned(image, model, device=place, tile=tile, **told).tiles
        tile, place, notice = _smaller(_longest(tiles), place)


def _is_full(error: Exception) -> bool:
    """Tell a full memory from another failure: on a CPU and on MPS torch has no exception of its own."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error).lower() for words in ("out of memory", "not enough memory"))


def _longest(tiles: list[Tile]) -> int:
    return max(int(part.stop - part.start) for tile in tiles for part in tile)


def _smaller(side: int, place: str) -> tuple[int | str, str, str]:
    """Tile, device and notice of the next try, after tiles of ``side`` pixels filled the memory."""
    if side > SMALLEST_TILE:
        tile = max(SMALLEST_TILE, side // 2)
        return tile, place, f"The memory of '{place}' was full: smaller tiles of {tile} pixels."
    if place == "cpu":
        raise DeviceError(
            f"The memory is full even with tiles of {side} pixels: close other programs, or shrink the image."
        )
    torch.cuda.empty_cache()
    return "auto", "cpu", f"The memory of '{place}' was full: on the CPU instead."
