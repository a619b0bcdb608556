"""The menu in which a user ticks what a study also writes for other programs."""

from typing import Any

from qtpy.QtWidgets import QMenu, QPushButton

from napari_saunetv2.exchange.formats import FORMATS, missing


class ExportChoice(QMenu):
    """Menu of formats with ticks; a format whose package is missing cannot be ticked.

    Parameters
    ----------
    button : QPushButton
        Opens it, and says how many are ticked.
    """

    def __init__(self, button: QPushButton) -> None:
        super().__init__(button)
        self._button, self._text = button, button.text()
        self.setToolTipsVisible(True)
        self._lines: dict[str, Any] = {}
        for key, one in FORMATS.items():
            line = self._lines[key] = self.addAction(one.title)
            line.setObjectName(key)
            line.setCheckable(True)
            lacking = missing(one.needs)
            line.setEnabled(not lacking)
            line.setToolTip(lacking)
            line.toggled.connect(self._show)
        button.setMenu(self)

    def chosen(self) -> tuple[str, ...]:
        """Names of the formats that are ticked."""
        return tuple(key for key, line in self._lines.items() if line.isChecked())

    def _show(self) -> None:
        number = len(self.chosen())
        self._button.setText(f"{self._text} ({number})" if number else self._text)
