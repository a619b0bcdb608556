"""Menu commands."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFileDialog

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin.reader import read_folder

if TYPE_CHECKING:
    import napari


def open_dataset(viewer: "napari.viewer.Viewer") -> None:
    """Ask for the folder of a data set and open it."""
    folder = QFileDialog.getExistingDirectory(None, "Folder of DRIVE, STARE, CHASE_DB1 or HRF")
    if folder:
        add_dataset(viewer, Path(folder))


def add_dataset(viewer: "napari.viewer.Viewer", folder: Path) -> None:
    """Open the data set that lies in a folder."""
    from napari.layers import Layer

    try:
        for data in read_folder(folder):
            viewer.add_layer(Layer.create(*data))
    except SaunetError as error:
        show_error(str(error))
