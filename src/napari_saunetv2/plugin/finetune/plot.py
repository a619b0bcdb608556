"""Live plot of loss and F1 of a training."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy

from napari_saunetv2.training.corrections import COLUMN

if TYPE_CHECKING:
    from napari.components import ViewerModel

LOSS, VALIDATION, F1, BEST, CORRECTED = "#228be6", "#e8590c", "#0ca678", "#e03131", "#9c36b5"
"""Colours visible on a dark and on a light window."""


class TrainingPlot:
    """Two plots over the steps: the loss, and the quality of the predictions.

    The upper one shows the loss of training and validation. The lower one shows F1 on the validation images
    and, if pixels were corrected, the share of these that is right, both at the threshold with the best F1,
    as in the text below it; the best step is marked.
    """

    def __init__(self) -> None:
        self.native = pg.GraphicsLayoutWidget()
        self.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.native.setFixedHeight(236)
        self.native.setVisible(False)
        self.native.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # The wheel scrolls the panel, and the plot cannot be dragged.
        self._titles = (
            f"loss: {_word('training', LOSS)} {_word('validation', VALIDATION)}",
            f"at best threshold: {_word('F1', F1)} {_word('corrected', CORRECTED)} {_word('★ best', BEST)}",
        )
        self._upper, self._lower = self._plot(0), self._plot(1)
        self._lower.setXLink(self._upper)
        self.loss = self._upper.plot(pen=pg.mkPen(LOSS, width=2))
        self.validation_loss = self._upper.plot(
            pen=pg.mkPen(VALIDATION, width=2), symbol="o", symbolSize=5, symbolBrush=VALIDATION,
            symbolPen=None,
        )  # fmt: skip
        self.f1 = self._lower.plot(
            pen=pg.mkPen(F1, width=2), symbol="o", symbolSize=5, symbolBrush=F1, symbolPen=None
        )
        self.corrected = self._lower.plot(
            pen=pg.mkPen(CORRECTED, width=2), symbol="o", symbolSize=5, symbolBrush=CORRECTED, symbolPen=None
        )
        self.best = self._lower.plot(pen=None, symbol="star", symbolSize=16, symbolBrush=BEST, symbolPen=None)
        self._losses: dict[int, float] = {}

    def clear(self) -> None:
        """Clear the plot."""
        self._losses = {}
        for curve in (self.loss, self.validation_loss, self.f1, self.corrected, self.best):
            curve.setData([], [])

    def show(
        self, step: int, loss: float, history: Sequence[Mapping[str, float]], best: tuple[int, float | None]
    ) -> None:
        """Draw the current state; ``best`` is the best step and its F1."""
        self.native.setVisible(True)
        if math.isfinite(loss):
            self._losses[step] = loss
        self.loss.setData(list(self._losses), list(self._losses.values()))
        for curve, key in (
            (self.validation_loss, "validation_loss"),
            (self.f1, "validation_f1"),
            (self.corrected, COLUMN),
        ):
            points = [(row["step"], row[key]) for row in history if math.isfinite(row.get(key, math.nan))]
            curve.setData([x for x, _ in points], [y for _, y in points])
        known = best[1] is not None and math.isfinite(best[1])
        self.best.setData([best[0]] if known else [], [best[1]] if known else [])

    def follow_theme(self, viewer: "ViewerModel") -> None:
        """Take the colours of the viewer's window, now and whenever they change."""
        self._viewer = viewer
        viewer.events.theme.connect(self._colour)
        self._colour()

    def _colour(self) -> None:
        theme = get_theme(self._viewer.theme)
        background, text = pg.mkColor(theme.background.as_hex()), pg.mkColor(theme.text.as_hex())
        self.native.setBackground(background)
        for plot, title in zip((self._upper, self._lower), self._titles, strict=True):
            plot.setTitle(title, size="9pt", color=text)
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(text)
                plot.getAxis(side).setTextPen(text)

    def _plot(self, row: int) -> Any:
        plot = self.native.addPlot(row=row, col=0)
        plot.setMouseEnabled(x=False, y=False)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.getAxis("left").setWidth(44)
        plot.getAxis("left").enableAutoSIPrefix(False)
        plot.showGrid(y=True, alpha=0.2)
        return plot


def _word(text: str, colour: str) -> str:
    return f'<span style="color: {colour}">{text}</span>'
