"""A window that lists the files that were left out, and why."""

from collections.abc import Sequence

from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_saunetv2.cohort import Cohort


class LeftOut(QDialog):
    """What a folder holds beside the photographs that are listed, and how its names were understood.

    Parameters
    ----------
    cohort : Cohort
    parent : QWidget
    """

    def __init__(self, cohort: Cohort, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("left_out")
        self.setWindowTitle("Left out")
        layout = QVBoxLayout(self)
        said = QLabel("\n".join([cohort.in_words() + ".", *cohort.remarks]))
        said.setWordWrap(True)
        layout.addWidget(said)
        self.table = _table(("file", "why it was left out"), [(x.name, x.left_out) for x in cohort.left_out])
        layout.addWidget(self.table)
        self.resize(700, 400)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> QTableWidget:
    table = QTableWidget(len(rows), len(titles))
    table.setHorizontalHeaderLabels(list(titles))
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.horizontalHeader().setStretchLastSection(True)
    table.setColumnWidth(0, 260)
    table.setTabKeyNavigation(False)
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            table.setItem(number, column, item)
    return table
