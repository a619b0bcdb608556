"""Three views of an evaluation: metrics, curve, missed vessels."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QListWidget, QListWidgetItem, QTableWidget
from qtpy.QtWidgets import QTableWidgetItem as Cell

from napari_saunetv2.evaluation import CLASS_MEANINGS, CLASS_TITLES, Curve, Miss
from napari_saunetv2.evaluation.plot import COLOURS
from napari_saunetv2.metrics import MEANINGS, TITLES, shown


class ScoreTable(QTableWidget):
    """One row per metric; a column for the prediction and, if given, the second observer."""

    def __init__(self) -> None:
        super().__init__(0, 0)
        self._show_names(list(TITLES))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)  # otherwise Tab never leaves the table
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(22)

    def show_scores(self, columns: Mapping[str, Mapping[str, float]]) -> None:
        """Show metrics under each title, with those of arteries and veins where there are some."""
        names = [name for name in TITLES | CLASS_TITLES if any(name in one for one in columns.values())]
        self._show_names(names)
        self.setColumnCount(len(columns))
        self.setHorizontalHeaderLabels(list(columns))
        for number, metrics in enumerate(columns.values()):
            for row, name in enumerate(names):
                cell = Cell(shown(name, metrics.get(name, np.nan)))
                cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, number, cell)

    def _show_names(self, names: Sequence[str]) -> None:
        titles, meanings = TITLES | CLASS_TITLES, MEANINGS | CLASS_MEANINGS
        self.setRowCount(len(names))
        self.setVerticalHeaderLabels([titles[name] for name in names])
        for row, name in enumerate(names):
            self.verticalHeaderItem(row).setToolTip(meanings[name])


class CurveView(pg.PlotWidget):  # type: ignore[misc]
    """Precision over recall, with the points of the predictions."""

    def __init__(self) -> None:
        super().__init__(background=None)
        self.setLabel("bottom", "recall (sensitivity)")
        self.setLabel("left", "precision")
        self.setRange(xRange=(0, 1), yRange=(0, 1), padding=0.05)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        self.setMenuEnabled(False)
        self.showGrid(x=True, y=True, alpha=0.25)
        self.setMinimumHeight(150)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.addLegend(offset=(20, -20))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Small: pyqtgraph would take half of the window."""
        return QSize(280, 240)

    def show_curve(self, line: Curve | None, points: Mapping[str, tuple[float, float]]) -> None:
        """Draw a curve, if there is one, and points (recall, precision) by name."""
        # The theme may have changed.
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        for side in ("bottom", "left"):
            self.getAxis(side).setTextPen(ink)
            self.getAxis(side).setPen(ink)
        self.clear()
        self.getPlotItem().legend.setLabelTextColor(ink)
        if line is not None:
            known = np.isfinite(line.precision) & np.isfinite(line.recall)
            self.plot(line.recall[known], line.precision[known], pen=pg.mkPen(COLOURS[0], width=2))
        for (name, (recall, precision)), colour in zip(points.items(), COLOURS, strict=False):
            if np.isfinite([recall, precision]).all():
                title = f"{name}: {recall:.3f}, {precision:.3f}"
                self.plot([recall], [precision], pen=None, symbol="o", symbolBrush=colour, name=title)


class MissesView(QListWidget):
    """Missed vessels; a click or Enter goes to one."""

    def __init__(self) -> None:
        super().__init__()
        self.go: Callable[[str, Miss], None] = lambda _name, _miss: None
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.itemClicked.connect(self._go_to)
        self.itemActivated.connect(self._go_to)

    def show_misses(self, misses: Sequence[tuple[str, Miss]], *, named: bool) -> None:
        """List vessels with their image."""
        self.clear()
        for name, miss in misses:
            text = f"{miss.length} px, {miss.recall:.0%} found"
            item = QListWidgetItem(f"{text}  {name}" if named else text)
            item.setData(Qt.ItemDataRole.UserRole, (name, miss))
            item.setToolTip(f"{name}: {text}, row {miss.row}, column {miss.column}")
            self.addItem(item)

    def _go_to(self, item: QListWidgetItem) -> None:
        self.go(*item.data(Qt.ItemDataRole.UserRole))
