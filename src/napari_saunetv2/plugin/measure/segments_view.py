"""The table of segments; a row goes to its vessel."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QTableView

from napari_saunetv2.plugin.measure.columns import MEANINGS, TITLES, columns, text

if TYPE_CHECKING:
    import pandas as pd

CHANGED = QColor(255, 212, 59, 70)
"""Behind the rows of segments that were changed, as their outline in the image."""

Place = QModelIndex | QPersistentModelIndex

_TOP = QModelIndex()


class SegmentsModel(QAbstractTableModel):
    """A table of segments, in an order that a click on a column's title chooses."""

    def __init__(self) -> None:
        super().__init__()
        self._table: pd.DataFrame | None = None
        self._columns: list[str] = []
        self._order: Any = np.empty(0, int)
        self._sorting = (-1, Qt.SortOrder.AscendingOrder)

    def show_table(self, table: "pd.DataFrame") -> None:
        """Show another table, in the same order."""
        shown = columns(table)
        by = self._columns[self._sorting[0]] if 0 <= self._sorting[0] < len(self._columns) else ""
        self.beginResetModel()
        self._table, self._columns = table, shown
        self._sorting = (shown.index(by) if by in shown else -1, self._sorting[1])
        self._order = self._sorted()
        self.endResetModel()

    def label(self, row: int) -> int:
        """Give the number of the segment in a row."""
        assert self._table is not None
        return int(self._table["label"].to_numpy()[self._order[row]])

    def row(self, label: int) -> int | None:
        """Give the row of a segment; None where there is none of this number."""
        if self._table is None:
            return None
        found = np.flatnonzero(self._table["label"].to_numpy()[self._order] == label)
        return int(found[0]) if found.size else None

    def column(self, key: str) -> int:
        """Give the place of a column."""
        return self._columns.index(key)

    # What Qt asks for

    def rowCount(self, parent: Place = _TOP) -> int:  # noqa: N802
        """Number of segments."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Place = _TOP) -> int:  # noqa: N802
        """Number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: Place, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment and background of a cell."""
        if self._table is None or not index.isValid():
            return None
        row, key = self._order[index.row()], self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text(self._table[key].to_numpy()[row])
        if role == Qt.ItemDataRole.TextAlignmentRole and self._table[key].dtype.kind in "fi":
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.BackgroundRole and self._table["changed"].to_numpy()[row]:
            return CHANGED
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Title and meaning of a column."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self._columns):
            return None
        key = self._columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return TITLES.get(key, key.replace("_", " "))
        return MEANINGS.get(key) if role == Qt.ItemDataRole.ToolTipRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; empty values come last."""
        self.layoutAboutToBeChanged.emit()
        self._sorting = (column, order)
        self._order = self._sorted()
        self.layoutChanged.emit()

    def _sorted(self) -> Any:
        column, order = self._sorting
        if self._table is None:
            return np.empty(0, int)
        if not 0 <= column < len(self._columns):
            return np.arange(len(self._table))
        rising = order == Qt.SortOrder.AscendingOrder
        places = self._table[self._columns[column]].reset_index(drop=True)
        return places.sort_values(ascending=rising, kind="stable", na_position="last").index.to_numpy()


class SegmentsView(QTableView):
    """The table; a click on a row, or Enter, goes to its vessel.

    Attributes
    ----------
    go : callable
        Called with the number of the segment that the user chose.
    """

    def __init__(self) -> None:
        super().__init__()
        self.go: Callable[[int], None] = lambda _label: None
        self._model = SegmentsModel()
        self.setModel(self._model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)  # otherwise Tab never leaves the table
        self.setAlternatingRowColors(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.clicked.connect(self._go_to)
        self.activated.connect(self._go_to)

    def show_segments(self, table: "pd.DataFrame", chosen: int) -> None:
        """Show a table, and its row of the chosen segment."""
        fresh = self._model.rowCount() == 0
        self._model.show_table(table)
        self.choose(chosen)
        if fresh:
            self.resizeColumnsToContents()

    def choose(self, label: int) -> None:
        """Select the row of a segment and bring it into sight."""
        row = self._model.row(label)
        if row is None:
            self.clearSelection()
            return
        index = self._model.index(row, 0)
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)

    def _go_to(self, index: QModelIndex) -> None:
        self.go(self._model.label(index.row()))
