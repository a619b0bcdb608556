"""The summary of a comparison: a value in each row."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget
from qtpy.QtWidgets import QTableWidgetItem as Cell

from napari_saunetv2.plugin.common.segments_view import text

if TYPE_CHECKING:
    import pandas as pd


class SummaryView(QTableWidget):
    """What each value is, the value, and its unit."""

    def __init__(self) -> None:
        super().__init__(0, 3)
        self.setHorizontalHeaderLabels(["what", "value", "unit"])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        modes = QHeaderView.ResizeMode
        for column, mode in enumerate((modes.Stretch, modes.ResizeToContents, modes.ResizeToContents)):
            self.horizontalHeader().setSectionResizeMode(column, mode)

    def show_summary(self, summary: "pd.DataFrame") -> None:
        """Show a summary."""
        self.setRowCount(len(summary))
        for number, row in enumerate(summary.to_dict("records")):
            what = Cell(row["key"].replace("_", " "))
            what.setToolTip(row["meaning"])
            value = Cell(text(row["value"]))
            value.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            for column, cell in enumerate((what, value, Cell(row["unit"]))):
                self.setItem(number, column, cell)
