"""Save a Labels layer as a mask."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_saunetv2.errors import ImageError
from napari_saunetv2.files import write_mask
from napari_saunetv2.plugin._edits import note_saved
from napari_saunetv2.plugin._layers import spacing_of


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a two-dimensional Labels layer as 0/255; asks before it replaces a file. TIFF keeps the scale.

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
    target = Path(path)
    answer = _may_replace(target) if target.exists() else None
    if answer is False:
        return []
    write_mask(target, pixels, overwrite=bool(answer), spacing=spacing_of(meta))
    note_saved(str(meta.get("name", "")), np.asarray(pixels))
    _tell_autosave(data)
    return [path]


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
