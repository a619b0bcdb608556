"""The histogram of a measure, in the colours that the segments have in the image, and the bar of colours."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_saunetv2.plugin.common.segments_view import text
from napari_saunetv2.plugin.measure.colours import STEPS, ColourScale, ramp

BINS = 24


class HistogramView(pg.PlotWidget):  # type: ignore[misc]
    """Number of segments by their value."""

    def __init__(self) -> None:
        super().__init__(background=None)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        self.setMenuEnabled(False)
        self.setLabel("left", "segments")
        self.showGrid(y=True, alpha=0.2)
        self.setMinimumHeight(150)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.counts: NDArray[np.intp] = np.empty(0, np.intp)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Small: pyqtgraph would take half of the window."""
        return QSize(280, 240)

    def show_values(self, title: str, values: NDArray[np.float64], scale: ColourScale) -> None:
        """Draw the histogram of all values; those beyond the colours have the colour of its end."""
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        for side in ("bottom", "left"):
            self.getAxis(side).setTextPen(ink)
            self.getAxis(side).setPen(ink)
            self.getAxis(side).enableAutoSIPrefix(False)
        self.setLabel("bottom", title)
        self.clear()
        known = values[np.isfinite(values)]
        self.counts, edges = np.histogram(known, BINS) if known.size else (np.empty(0, np.intp), np.zeros(1))
        middle = (edges[1:] + edges[:-1]) / 2
        colours = [pg.mkColor(*(int(255 * part) for part in one)) for one in scale.colours(middle)]
        bars = pg.BarGraphItem(
            x0=edges[:-1], x1=edges[1:], height=self.counts, brushes=colours, pen=pg.mkPen(None)
        )
        self.addItem(bars)
        self.enableAutoRange()


class ColourBar(QWidget):
    """The colours of a measure, with its values at both ends."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = ColourScale(np.nan, np.nan)
        self._ramp = [QColor.fromRgbF(*map(float, colour)) for colour in ramp()]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Colours of the segments; grey has no value. 2 % of the values lie beyond either end."
        )

    def sizeHint(self) -> QSize:  # noqa: N802
        """A bar with a line of text."""
        return QSize(120, 14 + self.fontMetrics().lineSpacing())

    def show_scale(self, scale: ColourScale) -> None:
        """Show other values."""
        self.scale = scale
        self.update()

    def texts(self) -> tuple[str, str]:
        """Give the values at both ends."""
        known = np.isfinite(self.scale.low)
        return (text(self.scale.low), text(self.scale.high)) if known else ("", "")

    def paintEvent(self, _event: object) -> None:  # noqa: N802
        """Draw the bar, and the values below it."""
        painter = QPainter(self)
        bar = QRectF(0, 2, self.width(), 9)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for step, colour in enumerate(self._ramp):
            gradient.setColorAt(step / (STEPS - 1), colour)
        painter.fillRect(bar, gradient)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        below = QRectF(0, 12, self.width(), self.height() - 12)
        low, high = self.texts()
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, low)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, high)
        painter.end()
