"""Menu of a model: show its file, delete it."""

from functools import partial
from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QMenu, QMessageBox, QWidget

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.files import make_folder
from napari_saunetv2.models import library
from napari_saunetv2.models.library import ModelInfo
from napari_saunetv2.plugin.common.models import ModelBox
from napari_saunetv2.plugin.common.windows import tell


class ModelMenu(QMenu):
    """Menu of the chosen model, rebuilt whenever it opens.

    Parameters
    ----------
    box : ModelBox
    parent : QWidget
    """

    def __init__(self, box: ModelBox, parent: QWidget) -> None:
        super().__init__(parent)
        self._box = box
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Build the entries."""
        self.clear()
        self.addAction("Open the folder of your models", self._open_own_folder)
        info = self._box.info
        if info is None:
            return
        self.addAction(f"Show the file of '{info.name}'", partial(open_folder, info.path.parent))
        own = library.is_own(info)
        remove = self.addAction(f"Delete '{info.name}'...", partial(self._delete, info))
        remove.setEnabled(own)
        if not own:
            remove.setText(f"Delete '{info.name}' (only your own models)")

    def _open_own_folder(self) -> None:
        try:
            open_folder(make_folder(library.user_folder()))
        except SaunetError as error:
            tell(error)

    def _delete(self, info: ModelInfo) -> None:
        question = f"Delete the model '{info.name}'?\n{info.path}\nThis cannot be undone."
        answer = QMessageBox.question(self.parentWidget(), "Delete the model?", question)
        if answer != QMessageBox.StandardButton.Yes:
            return
        try:
            library.delete(info)
        except SaunetError as error:
            tell(error)
        self._box.look()


def open_folder(folder: Path) -> None:
    """Show a folder in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
