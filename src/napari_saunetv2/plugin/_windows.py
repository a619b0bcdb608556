"""Small things of the window: shortcuts, the clipboard."""

from collections.abc import Callable, Mapping

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication, QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget  # type: ignore[attr-defined]


def add_shortcuts(panel: QWidget, actions: Mapping[str, Callable[[], object]]) -> None:
    """Let keys act anywhere in the panel's window, as long as the panel lives."""
    for keys, action in actions.items():
        shortcut = QShortcut(QKeySequence(keys), panel)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(action)


def copy_text(text: str) -> None:
    """Put text into the clipboard."""
    QGuiApplication.clipboard().setText(text)
