"""The keyboard's focus, which a screen without a window manager gives to the first window and to no other."""

from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QApplication, QShortcut


def activate(qtbot, window):
    """Make a window the one that keys go to: by Qt's own word, for the screen may not answer."""
    qtbot.waitUntil(window.isVisible, timeout=60_000)
    QApplication.setActiveWindow(window)
    qtbot.waitUntil(window.isActiveWindow, timeout=60_000)


def give_focus(qtbot, field):
    """Wait until a field is in sight and has the focus."""

    def has_it():
        if not field.isVisible():
            return False
        if not field.isActiveWindow():
            QApplication.setActiveWindow(field.window())
        field.setFocus()
        return field.hasFocus()

    qtbot.waitUntil(has_it, timeout=60_000)


def press(window, keys):
    """Do what these keys do: through Qt's list of them, for not every screen lets a window have the keys."""
    (shortcut,) = (s for s in window.findChildren(QShortcut) if s.key() == QKeySequence(keys))
    shortcut.activated.emit()
