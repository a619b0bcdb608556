"""The list of cases: thumbnails, what is known of each, and results of a batch as they arrive."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_saunetv2.batch.catalogue import HEADINGS, THUMBNAIL, Line
from napari_saunetv2.metrics import shown

MEASURED_ROWS = 100
"""Rows that the width of a column is measured by: all of them would take longer with every row."""


class CaseList(QTableWidget):
    """Table with one row per case.

    Parameters
    ----------
    chosen : callable
        Called with the number of the row that the user selects.
    """

    def __init__(self, chosen: Callable[[int], None]) -> None:
        super().__init__(0, 0)
        self._rows: dict[str, int] = {}
        self._fixed: Sequence[str] = ("case",)
        self._quiet = False
        self.setObjectName("cases")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(THUMBNAIL + 4)
        self.setTabKeyNavigation(False)  # Tab leaves the list, like every other field
        self._chosen = chosen
        self.currentCellChanged.connect(self._move)
        self._title(())

    def fill(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """List cases, none selected.

        Parameters
        ----------
        titles : sequence of str
            Of the columns that every list of this kind has.
        rows : sequence of sequence of str
            Their texts; the first one is the name of the case.
        """
        self._quiet = True
        self._fixed = titles
        self.setRowCount(0)
        self._title(())
        self.setRowCount(len(rows))
        self._rows = {row[0]: number for number, row in enumerate(rows)}
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                self.put(number, column, text)
        self.setCurrentCell(-1, -1)
        self._quiet = False

    def go_to(self, row: int) -> None:
        """Select a row, as a click would."""
        self.setCurrentCell(row, 0)

    def mark(self, row: int) -> None:
        """Select a row without calling ``chosen``."""
        self._quiet = True
        self.setCurrentCell(row, 0)
        self._quiet = False

    def next_to(self, row: int, by: int) -> int | None:
        """Give the next row that is not hidden, above (-1) or below (1) another; None if there is none."""
        way = range(row + by, self.rowCount() if by > 0 else -1, by)
        return next((other for other in way if not self.isRowHidden(other)), None)

    def show_thumbnails(self, made: Mapping[str, NDArray[np.uint8]]) -> None:
        """Show the thumbnails of the cases of these names."""
        for name, picture in made.items():
            row = self._rows.get(name)
            item = None if row is None else self.item(row, 0)
            if item is not None and item.icon().isNull():
                item.setIcon(_icon(picture))

    def clear_lines(self, columns: Sequence[str]) -> None:
        """Set the column titles for a new run and clear the last one's numbers."""
        self._title(columns)
        for row in range(self.rowCount()):
            for column in range(len(self._fixed), self.columnCount()):
                self.put(row, column, "")

    def show_lines(self, lines: Sequence[Line], columns: Sequence[str]) -> None:
        """Show numbers in their columns; a note is shown in the first one."""
        self._title(columns)
        for line in lines:
            row = self._rows[line.name]
            for column, name in enumerate(columns, start=len(self._fixed)):
                text = shown(name, line.values[name]) if name in line.values else "-"
                self.put(row, column, "failed" if line.note else text, line.note)

    def put(self, row: int, column: int, text: str, tip: str = "") -> None:
        """Set the text of a cell; its tooltip is its text by default."""
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.setItem(row, column, item)
        item.setText(text)
        item.setToolTip(tip or text)

    def _move(self, row: int, *_: int) -> None:
        if row >= 0 and not self._quiet:
            self._chosen(row)

    def _title(self, columns: Sequence[str]) -> None:
        titles = [*self._fixed, *(HEADINGS.get(name, name) for name in columns)]
        if [self._header(i) for i in range(self.columnCount())] == titles:
            return
        self.setColumnCount(len(titles))
        self.setHorizontalHeaderLabels(titles)
        header = self.horizontalHeader()
        header.setResizeContentsPrecision(MEASURED_ROWS)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(30)

    def _header(self, column: int) -> str:
        item = self.horizontalHeaderItem(column)
        return "" if item is None else str(item.text())


def _icon(pixels: NDArray[np.uint8]) -> QIcon:
    height, width = pixels.shape[:2]
    data: Any = np.ascontiguousarray(pixels).tobytes()
    # The picture uses the bytes and does not own them: the pixmap is a copy.
    return QIcon(QPixmap.fromImage(QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888)))
