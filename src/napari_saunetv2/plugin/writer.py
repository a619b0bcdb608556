"""Save a Labels layer as a mask."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from PIL import Image

from napari_saunetv2.errors import ImageError
from napari_saunetv2.files import write_mask
from napari_saunetv2.plugin._edits import note_saved
from napari_saunetv2.plugin._layers import spacing_of

DEFAULT = ".tif"
"""Suffix of a mask whose name has none: it is the only one that keeps the scale."""


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a two-dimensional Labels layer as 0/255; asks before it replaces a file. TIFF keeps the scale.

    A path without a suffix, which is what napari's dialogue suggests, becomes a TIFF.

    Raises
    ------
    ImageError
        When the layer is a stack.
    OverwriteError
        When the file exists and there is no window to ask in.
    """
    pixels = data[0] if isinstance(data, Sequence) else data  # of a multiscale layer the full resolution
    if pixels.ndim != 2:
        raise ImageError(
            f"A mask file holds one plane, this layer has shape {pixels.shape}: save its planes one by one."
        )
    target = _with_suffix(Path(path))
    answer = _may_replace(target) if target.exists() else None
    if answer is False:
        return []
    pixels, name = np.asarray(pixels), str(meta.get("name", ""))
    write_mask(target, pixels, overwrite=bool(answer), spacing=spacing_of(meta))
    if _of_one_kind(pixels):
        note_saved(name, pixels)
        _tell_autosave(data)
    else:
        show_warning(
            f"A vessel mask tells vessel from no vessel only: all labels of '{name}' are vessels in "
            f"{target.name}. To keep them apart, save the layer again as 'napari builtins labels'."
        )
    return [str(target)]


def _with_suffix(path: Path) -> Path:
    # The name of a layer may hold a dot: im0001.ah
    known = path.suffix.lower() in Image.registered_extensions()
    return path if known else path.with_name(f"{path.name}{DEFAULT}")


def _of_one_kind(pixels: NDArray[Any]) -> bool:
    some = pixels[pixels != 0]
    return some.size == 0 or bool(some.min() == some.max())


def _tell_autosave(data: Any) -> None:
    """Say that these labels are safe; without a window nobody kept copies of them."""
    autosave = sys.modules.get("napari_saunetv2.plugin._autosave")
    if autosave is not None:
        autosave.not_needed(data)


def _may_replace(target: Path) -> bool | None:
    """Ask the user; None where there is no window to ask in."""
    try:
        from qtpy.QtCore import QThread
        from qtpy.QtWidgets import QApplication, QMessageBox
    except ImportError:  # a server without Qt
        return None
    app = QApplication.instance()
    if not isinstance(app, QApplication) or app.thread() != QThread.currentThread():
        return None
    answer = QMessageBox.question(
        None, "Replace file?", f"{target.name} exists already in {target.parent}.\nReplace it?"
    )
    return bool(answer == QMessageBox.StandardButton.Yes)
