"""Images larger than memory: from file to file, in tiles."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import runners
from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.files.tiled import CHUNK, Array, free, read, write_bands
from napari_saunetv2.imaging import frame as frames
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.inference import large_frame, passes, planning, windows
from napari_saunetv2.inference.segmentation import binarise, threshold_of
from napari_saunetv2.inference.tiles import Tile
from napari_saunetv2.models.checkpoint import Checkpoint

IN_MEMORY = 2**26
"""Maximum pixels of an image segmented in memory: 67 megapixels, about 3 GB during segmentation."""


def segment(
    image: Array,
    target: str | os.PathLike[str],
    model: Checkpoint,
    config: InferenceConfig,
    *,
    what: Literal["vessels", "probability"] = "vessels",
    threshold: Literal["auto"] | float = "auto",
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Path:
    """Segment an image of any size, at its own scale, into a file; memory use is independent of its height.

    It is read three times: the network is given the field of view in a margin of black, as of an image in
    memory, and the black around it is searched first.

    Parameters
    ----------
    image : array-like, shape (H, W) or (H, W, C)
        NumPy, dask, zarr or memory map; types and ranges as for :func:`napari_saunetv2.inference.segment`.
    target : path
        ``.tif`` for a tiled BigTIFF, ``.zarr`` for an OME-Zarr.
    model : Checkpoint
        Of several classes the most probable one counts, as in :func:`napari_saunetv2.inference.segment`.
    config : InferenceConfig
        ``tile`` is the side of the tiles that go through the network, with their context: "auto" is
        ``TILE_SIDE``, "off" one tile. There are no views and no other scale.
    what : "vessels" or "probability"
        0 and 255 as uint8, or float32.
    threshold : "auto" or float
        "auto" is the model's own.
    overwrite : bool
    progress : callable, optional
        Called with (done, total) after every tile.

    Raises
    ------
    FileFormatError
        For another suffix.
    OverwriteError
        If the target exists.
    SettingsError
        For views, another scale, or tiles that are too small to share the image's statistics.
    """
    path = free(target, overwrite=overwrite)
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ImageError(f"An image of shape {image.shape} cannot be segmented: give (H, W) or (H, W, C).")
    height, width = image.shape[:2]
    _tile_side(config, max(height, width))  # before anything is read
    level = threshold_of(model, threshold)
    config = passes.resolved(model, config)

    def unit(part: Tile) -> NDArray[np.float32]:
        return to_unit(read(image, part.rows, part.columns))

    from napari_saunetv2.inference.frozen import frozen_run  # it brings torch

    # As in memory: the statistics of a photograph are those of its field of view in a margin of black.
    searched = model.header.scaled_to is not None
    frame = large_frame.find(unit, height, width) if searched else frames.whole(height, width)
    cut = large_frame.framed(unit, frame)
    run = frozen_run(model, cut, frame.shape, config)
    tile, margin = _tile_side(config, max(frame.shape)), runners.reach(model.network)
    rows, columns = (windows.spans(n, tile, margin, CHUNK) for n in frame.shape)

    def bands() -> Iterator[NDArray[Any]]:
        for number, row in enumerate(rows):
            band = np.empty((row.core.stop - row.core.start, frame.shape[1]), np.float32)
            for place_in_row, column in enumerate(columns):
                padded = windows.pad_to_canvas(cut(Tile(row.read, column.read)), row, column)
                band[:, column.core] = passes.most_probable(run(padded))[row.inner, column.inner]
                if progress is not None:
                    progress(number * len(columns) + place_in_row + 1, len(rows) * len(columns))
            yield band if what == "probability" else binarise(band, level) * np.uint8(255)

    dtype = np.dtype(np.float32 if what == "probability" else np.uint8)
    everywhere = large_frame.pasted(bands(), frame, (height, width), CHUNK, dtype)
    write_bands(path, everywhere, (height, width), dtype, overwrite=overwrite)
    return path


def _tile_side(config: InferenceConfig, longer: int) -> int:
    """Side of the tiles in pixels; raises SettingsError for what a large image cannot have."""
    for name, value, plain in (("tta", config.tta, ("none",)), ("rescale", config.rescale, ("auto", "off"))):
        if value not in plain:
            raise SettingsError(
                f"{name} is {value!r}: a large image goes tile by tile, in one view and at its own scale, "
                f"so choose {plain[-1]!r}."
            )
    if config.tile == "auto":
        return planning.TILE_SIDE
    if config.tile == "off":
        return max(longer, passes.FREEZE_FROM)
    if config.tile < passes.FREEZE_FROM:
        raise SettingsError(
            f"tile is {config.tile}: it must be {passes.FREEZE_FROM} pixels or more for a large image."
        )
    return int(config.tile)
