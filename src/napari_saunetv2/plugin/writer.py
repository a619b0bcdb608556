"""Save a Labels layer as a mask."""

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QApplication, QMessageBox

from napari_saunetv2.errors import ImageError
from napari_saunetv2.files import write_mask


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:  # noqa: ARG001
    """Write a two-dimensional Labels layer as 0/255; asks before it replaces a file.

    Raises
    ------
    ImageError
        When the layer is a stack.
    OverwriteError
        When the file exists and there is no window to ask in.
    """
    if data.ndim != 2:
        raise ImageError(
            f"A mask file holds one plane, this layer has shape {data.shape}: save its planes one by one."
        )
    target = Path(path)
    if target.exists() and QApplication.instance() is not None and not _may_replace(target):
        return []
    write_mask(target, data, overwrite=target.exists() and QApplication.instance() is not None)
    return [path]


def _may_replace(target: Path) -> bool:
    answer = QMessageBox.question(
        None, "Replace file?", f"{target.name} exists already in {target.parent}.\nReplace it?"
    )
    return bool(answer == QMessageBox.StandardButton.Yes)
