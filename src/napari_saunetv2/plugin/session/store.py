"""Write a Labels layer to a mask file, and note that it is saved; works without a window."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError
from napari_saunetv2.files import write_artery_vein, write_mask
from napari_saunetv2.plugin.common.layers import spacing_of
from napari_saunetv2.plugin.common.roles import CLASSES
from napari_saunetv2.plugin.session.edits import note_saved


def store(target: Path, data: Any, about: Mapping[str, Any], *, overwrite: bool) -> str:
    """Write labels as a 0/255 mask that keeps the layer's scale; arteries and veins in RITE's colours.

    Parameters
    ----------
    target : Path
        A PNG, TIFF or GIF file; GIF keeps no scale.
    data : array, shape (H, W), or sequence of arrays
        The layer's data; of a multiscale layer the first array (full resolution) is written.
    about : mapping
        The layer's name, scale, units and metadata, as napari passes them to a writer.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    str
        What the file does not preserve of the layer, or "". A fully preserved layer counts as saved.

    Raises
    ------
    ImageError
        When the layer is a stack.
    FileFormatError, OverwriteError
        As :func:`napari_saunetv2.files.write_mask`.
    """
    pixels = data[0] if isinstance(data, Sequence) else data
    if pixels.ndim != 2:
        raise ImageError(
            f"A mask file holds one plane, this layer has shape {tuple(pixels.shape)}: right-click the "
            "layer, choose Split Stack, and save its planes one by one."
        )
    pixels, name = np.asarray(pixels), str(about.get("name", ""))
    if CLASSES in (about.get("metadata") or {}):
        write_artery_vein(target, pixels, overwrite=overwrite, spacing=spacing_of(about))
        note_saved(name, pixels)
        _tell_autosave(data)
        return ""
    write_mask(target, pixels, overwrite=overwrite, spacing=spacing_of(about))
    if not _of_one_kind(pixels):
        return (
            f"A vessel mask has only vessel and background: all labels of '{name}' became vessels in "
            f"{target.name}. To keep the labels separate, save the layer again as 'napari builtins labels'."
        )
    note_saved(name, pixels)
    _tell_autosave(data)
    return ""


def _of_one_kind(pixels: NDArray[Any]) -> bool:
    some = pixels[pixels != 0]
    return some.size == 0 or bool(some.min() == some.max())


def _tell_autosave(data: Any) -> None:
    """Note that these labels are saved; without a window there are no copies of them."""
    autosave = sys.modules.get("napari_saunetv2.plugin.session.autosave")
    if autosave is not None:
        autosave.not_needed(data)
