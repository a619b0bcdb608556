"""The table of segments; a row goes to its vessel."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QTableView

if TYPE_CHECKING:
    import pandas as pd

MARKED = QColor(255, 212, 59, 70)
"""Behind the rows of segments that are marked."""

Place = QModelIndex | QPersistentModelIndex

_TOP = QModelIndex()


def text(value: Any) -> str:
    """Show a value of a table: four digits of a number, nothing of one that is not known."""
    if isinstance(value, float | np.floating):
        number = float(value)
        if np.isnan(number):
            return ""
        return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else ""
    return str(value)


@dataclass(frozen=True)
class Columns:
    """How a table of segments is shown; it has the column ``label``.

    Attributes
    ----------
    titles, meanings : mapping of str to str
        By the column's key, where they are not the key itself.
    listed : callable
        Gives the columns that are shown of a table.
    marked : callable
        Gives which rows of a table are marked.
    text : callable
        Text of a value.
    """

    titles: Mapping[str, str]
    meanings: Mapping[str, str]
    listed: "Callable[[pd.DataFrame], list[str]]"
    marked: "Callable[[pd.DataFrame], NDArray[np.bool_]]"
    text: Callable[[Any], str] = text


class SegmentsModel(QAbstractTableModel):
    """A table of segments, in an order that a click on a column's title chooses.

    Parameters
    ----------
    look : Columns
    """

    def __init__(self, look: Columns) -> None:
        super().__init__()
        self._look = look
        self._marked: Any = np.empty(0, bool)
        self._table: pd.DataFrame | None = None
        self._columns: list[str] = []
        self._order: Any = np.empty(0, int)
        self._sorting = (-1, Qt.SortOrder.AscendingOrder)

    def show_table(self, table: "pd.DataFrame") -> None:
        """Show another table, in the same order."""
        shown = self._look.listed(table)
        by = self._columns[self._sorting[0]] if 0 <= self._sorting[0] < len(self._columns) else ""
        self.beginResetModel()
        self._table, self._columns, self._marked = table, shown, self._look.marked(table)
        self._sorting = (shown.index(by) if by in shown else -1, self._sorting[1])
        self._order = self._sorted()
        self.endResetModel()

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self._table, self._columns, self._order = None, [], np.empty(0, int)
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
            return self._look.text(self._table[key].to_numpy()[row])
        if role == Qt.ItemDataRole.TextAlignmentRole and self._table[key].dtype.kind in "fi":
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.BackgroundRole and self._marked[row]:
            return MARKED
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Title and meaning of a column."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self._columns):
            return None
        key = self._columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._look.titles.get(key, key.replace("_", " "))
        return self._look.meanings.get(key) if role == Qt.ItemDataRole.ToolTipRole else None

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

    Parameters
    ----------
    look : Columns

    Attributes
    ----------
    go : callable
        Called with the number of the segment that the user chose.
    """

    def __init__(self, look: Columns) -> None:
        super().__init__()
        self.go: Callable[[int], None] = lambda _label: None
        self._model = SegmentsModel(look)
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

    def clear(self) -> None:
        """Show nothing."""
        self._model.clear()

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
