"""The keyboard's focus, which windows give when they like."""


def give_focus(qtbot, field):
    """Wait until a field is in sight and has the focus."""

    def has_it():
        if not field.isVisible():
            return False
        if not field.isActiveWindow():
            field.window().activateWindow()
        field.setFocus()
        return field.hasFocus()

    qtbot.waitUntil(has_it, timeout=60_000)
