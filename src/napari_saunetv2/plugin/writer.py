"""Save a Labels layer as a mask, for napari's File > Save."""

from pathlib import Path
from typing import Any

from napari.utils.notifications import show_warning
from PIL import Image

from napari_saunetv2.plugin.session.store import store

DEFAULT = ".tif"
"""Default suffix of a mask."""


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a two-dimensional Labels layer as 0/255; asks before it replaces a file.

    TIFF and PNG keep the scale. A path without a suffix, which is what napari's dialog suggests, becomes a
    TIFF file.

    Raises
    ------
    ImageError
        If the layer is a stack.
    OverwriteError
        If the file exists and there is no window to ask in.
    """
    target = _with_suffix(Path(path))
    answer = _may_replace(target) if target.exists() else None
    if answer is False:
        return []
    notice = store(target, data, meta, overwrite=bool(answer))
    if notice:
        show_warning(notice)
    return [str(target)]


def _with_suffix(path: Path) -> Path:
    # The name of a layer may contain a dot: im0001.ah
    known = path.suffix.lower() in Image.registered_extensions()
    return path if known else path.with_name(f"{path.name}{DEFAULT}")


def _may_replace(target: Path) -> bool | None:
    """Ask the user; None if there is no window to ask in."""
    try:
        from qtpy.QtCore import QThread
        from qtpy.QtWidgets import QApplication, QMessageBox
    except ImportError:  # a server without Qt
        return None
    app = QApplication.instance()
    if not isinstance(app, QApplication) or app.thread() != QThread.currentThread():
        return None
    answer = QMessageBox.question(
        None, "Replace file?", f"{target.name} already exists in {target.parent}.\nReplace it?"
    )
    return bool(answer == QMessageBox.StandardButton.Yes)
