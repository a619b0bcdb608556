"""Small things of the window: shortcuts, the clipboard, how failures are told."""

from collections.abc import Callable, Mapping

from napari.utils.notifications import notification_manager, show_error
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication, QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget  # type: ignore[attr-defined]

from napari_saunetv2.errors import SaunetError


def add_shortcuts(panel: QWidget, actions: Mapping[str, Callable[[], object]]) -> None:
    """Let keys act anywhere in the panel's window, as long as the panel lives.

    Each panel has its own: keys that two panels of a window take do nothing in either.
    """
    for keys, action in actions.items():
        shortcut = QShortcut(QKeySequence(keys), panel)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(action)


def copy_text(text: str) -> None:
    """Put text into the clipboard."""
    QGuiApplication.clipboard().setText(text)


def tell(error: Exception) -> str:
    """Notify the user of a failure, and return what a status line says of it.

    What nobody foresaw is shown with its traceback.
    """
    if isinstance(error, SaunetError):
        show_error(str(error))
        return str(error)
    notification_manager.receive_error(type(error), error, error.__traceback__)
    return f"Failed: {error}"
