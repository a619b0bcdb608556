"""The keyboard's focus, which a screen without a window manager gives to the first window and to no other."""

from qtpy.QtWidgets import QApplication


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
