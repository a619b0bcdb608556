"""Menu commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFileDialog

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.files import read_mask, read_spacing
from napari_saunetv2.plugin.common.layers import placed, vessel_colours
from napari_saunetv2.plugin.reader import read_folder

if TYPE_CHECKING:
    import napari


def open_dataset(viewer: "napari.viewer.Viewer") -> None:
    """Ask for the folder of a data set and open it."""
    folder = QFileDialog.getExistingDirectory(None, "Folder of DRIVE, STARE, CHASE_DB1 or HRF")
    if folder:
        add_dataset(viewer, Path(folder))


def add_dataset(viewer: "napari.viewer.Viewer", folder: Path) -> None:
    """Open the data set in a folder."""
    from napari.layers import Layer

    try:
        for data in read_folder(folder):
            viewer.add_layer(Layer.create(*data))
    except SaunetError as error:
        show_error(str(error))


def open_masks(viewer: "napari.viewer.Viewer") -> None:
    """Ask for mask files of any name and open them as labels."""
    chosen, _ = QFileDialog.getOpenFileNames(None, "Masks to open as labels")
    add_masks(viewer, [Path(name) for name in chosen])


def add_masks(viewer: "napari.viewer.Viewer", files: Sequence[Path]) -> None:
    """Open mask files of any name and origin as labels."""
    for file in files:
        try:
            mask = read_mask(file)
        except SaunetError as error:
            show_error(str(error))
            continue
        name = file.name.removesuffix(".gz").rsplit(".", 1)[0]
        viewer.add_labels(
            mask, name=name, colormap=vessel_colours(), opacity=0.7, **placed(read_spacing(file))
        )
