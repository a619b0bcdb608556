"""Images larger than memory: from file to file, tile by tile."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import inference
from napari_saunetv2.config import Engine, Precision
from napari_saunetv2.engines import devices, runners
from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.files.tiled import CHUNK, Array, free, read, write_bands
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.inference import planning, windows
from napari_saunetv2.inference.tiles import Tile
from napari_saunetv2.models import checkpoint

IN_MEMORY = 2**26
"""Pixels of an image that need no tiles on disk: 67 megapixels, about 3 GB while it is segmented."""


def segment(
    image: Array,
    target: str | os.PathLike[str],
    model: inference.Model = checkpoint.DEFAULT,
    *,
    what: Literal["vessels", "probability"] = "vessels",
    threshold: Literal["auto"] | float = "auto",
    device: str = "auto",
    engine: Engine = "auto",
    precision: Precision = "auto",
    tile: int = planning.TILE_SIDE,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Path:
    """Segment an image of any size, at its own scale, into a file; memory does not grow with its height.

    Parameters
    ----------
    image : array-like, shape (H, W) or (H, W, C)
        NumPy, dask, zarr or memory map; types and ranges as for :func:`napari_saunetv2.inference.segment`.
    target : path
        ``.tif`` for a tiled BigTIFF, ``.zarr`` for an OME-Zarr.
    model : str, path or Checkpoint
    what : "vessels" or "probability"
        0 and 255 as uint8, or float32.
    threshold, device, engine, precision
        As elsewhere.
    tile : int, pixels
        Side of the tiles that go through the network, with their context.
    overwrite : bool
    progress : callable, optional
        Called with (done, total) after every tile.

    Raises
    ------
    FileFormatError
        For another suffix.
    OverwriteError
        When the target is there.
    """
    path = free(target, overwrite=overwrite)
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ImageError(f"An image of shape {image.shape} cannot be segmented: give (H, W) or (H, W, C).")
    if tile < inference.FREEZE_FROM:
        raise SettingsError(f"tile is {tile}: it must be {inference.FREEZE_FROM} pixels or more.")
    loaded = model if isinstance(model, checkpoint.Checkpoint) else checkpoint.load(model)
    level = inference.threshold_of(loaded, threshold)
    place = devices.resolve(device)
    height, width = image.shape[:2]

    def unit(part: Tile) -> NDArray[np.float32]:
        return to_unit(read(image, part.rows, part.columns))

    run = inference.frozen_run(loaded, place, unit, (height, width), engine, precision)
    margin = runners.reach(loaded.network)
    rows, columns = (windows.spans(n, tile, margin, CHUNK) for n in (height, width))

    def bands() -> Iterator[NDArray[Any]]:
        for number, row in enumerate(rows):
            band = np.empty((row.core.stop - row.core.start, width), np.float32)
            for place_in_row, column in enumerate(columns):
                laid = windows.laid(unit(Tile(row.read, column.read)), row, column)
                band[:, column.core] = run(laid)[0][row.inner, column.inner]
                if progress is not None:
                    progress(number * len(columns) + place_in_row + 1, len(rows) * len(columns))
            yield band if what == "probability" else inference.binarise(band, level) * np.uint8(255)

    dtype = np.dtype(np.float32 if what == "probability" else np.uint8)
    write_bands(path, bands(), (height, width), dtype, overwrite=overwrite)
    return path
