"""A click in the menu of exports."""

from qtpy.QtGui import QAction
from qtpy.QtWidgets import QFileDialog


def export(widget, key, target, monkeypatch, settle):
    """Choose a line of the menu and a file, and wait until it is written."""
    asked = []

    def answer(parent, title, proposal, kinds):
        asked.append(proposal)
        return str(target), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    widget.export.native.menu().findChild(QAction, key).trigger()
    settle(widget)
    return asked
