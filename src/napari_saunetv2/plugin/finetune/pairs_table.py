"""A table of images, each with a check box, labels and FOV mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

NONE = "-"
FEW = 3
"""Maximum number of names in a note; of the rest it gives the number."""


class Choice(NamedTuple):
    """A candidate for an image: its name, and the layer or file itself."""

    name: str
    what: Any


@dataclass(frozen=True)
class Row:
    """An image and its candidate labels and FOV masks.

    Attributes
    ----------
    name : str
    image : object
        Layer or entry.
    labels, fovs : sequence of Choice
    chosen_labels, chosen_fov : object or None
        Initial choice.
    why_not : str
        Why it is not ticked initially; "" if it is.
    """

    name: str
    image: Any
    labels: Sequence[Choice] = ()
    fovs: Sequence[Choice] = ()
    chosen_labels: Any = None
    chosen_fov: Any = None
    why_not: str = ""


class Chosen(NamedTuple):
    """A ticked image with its chosen labels and FOV mask."""

    name: str
    image: Any
    labels: Any
    fov: Any


class PairsTable:
    """The table; ``changed`` is emitted when the user changes anything."""

    changed = Signal()

    def __init__(self) -> None:
        self.native = QTableWidget(0, 3)
        self.native.setHorizontalHeaderLabels(["image", "labels", "FOV"])
        header = self.native.horizontalHeader()
        for column in range(3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.native.verticalHeader().setVisible(False)
        self.native.verticalHeader().setDefaultSectionSize(26)
        self.native.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.native.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.native.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.native.setTabKeyNavigation(False)  # else Tab never leaves the table again
        self.native.setToolTip("Tick the images to train on; labels and FOV are matched by name and shape.")
        self._resize()
        self.note = QLabel()
        self.note.setWordWrap(True)
        self._rows: list[Row] = []
        self.native.itemChanged.connect(lambda _item: self._on_change())

    @property
    def rows(self) -> list[Row]:
        """The current rows."""
        return list(self._rows)

    def fill(self, rows: Sequence[Row]) -> None:
        """Show rows; the user's choices for remaining images are kept, guesses are not."""
        kept = {id(row.image): self._chosen_by_hand(number) for number, row in enumerate(self._rows)}
        self.native.blockSignals(True)
        for combo in self.native.viewport().findChildren(QComboBox):
            combo.hide()  # Qt deletes replaced ones later; until then they cover the first cell
        self._rows = list(rows)
        self.native.setRowCount(len(rows))
        before: QWidget = self.native
        for number, row in enumerate(rows):
            ticked, labels, fov = kept.get(id(row.image), (None, None, None))
            labels = labels if labels in [c.what for c in row.labels] else row.chosen_labels
            fov = fov if fov in [c.what for c in row.fovs] else row.chosen_fov
            item = QTableWidgetItem(row.name)
            item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
            on = not row.why_not if ticked is None else ticked
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.native.setItem(number, 0, item)
            for column, choices, chosen in ((1, row.labels, labels), (2, row.fovs, fov)):
                combo = _combo(choices, chosen)
                combo.currentIndexChanged.connect(partial(self._on_choice, number, column))
                self.native.setCellWidget(number, column, combo)
                QWidget.setTabOrder(before, combo)
                before = combo
        self.native.blockSignals(False)
        self._resize()
        self._explain()

    def chosen(self) -> list[Chosen]:
        """Return the ticked rows that have labels."""
        found = []
        for number, row in enumerate(self._rows):
            ticked, labels, fov = self._state(number)
            if ticked and labels is not None:
                found.append(Chosen(row.name, row.image, labels, fov))
        return found

    def tick(self, number: int, *, on: bool) -> None:
        """Tick a row, as a click would."""
        state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
        self._item(number).setCheckState(state)

    def choose(self, number: int, column: int, name: str) -> None:
        """Choose labels (column 1) or field of view (2) by name, as a click would."""
        self._combo_at(number, column).setCurrentText(name)

    def _state(self, number: int) -> tuple[bool, Any, Any]:
        ticked = self._item(number).checkState() == Qt.CheckState.Checked
        row = self._rows[number]
        labels, fov = (
            choices[index - 1].what if index > 0 else None
            for choices, index in (
                (row.labels, self._combo_at(number, 1).currentIndex()),
                (row.fovs, self._combo_at(number, 2).currentIndex()),
            )
        )
        return ticked, labels, fov

    def _on_choice(self, number: int, column: int, index: int) -> None:
        if column == 1 and index > 0:  # choosing labels ticks the row
            self.native.blockSignals(True)
            self.tick(number, on=True)
            self.native.blockSignals(False)
        self._on_change()

    def _on_change(self) -> None:
        self._explain()
        self.changed.emit()

    def _explain(self) -> None:
        """Explain below the table, and in tooltips, why rows are not ticked."""
        reasons: dict[str, list[str]] = {}
        self.native.blockSignals(True)  # setting a tooltip also changes the item
        for number, row in enumerate(self._rows):
            item = self._item(number)
            off = item.checkState() != Qt.CheckState.Checked
            item.setToolTip(f"{row.name}: {row.why_not}" if off and row.why_not else row.name)
            if off and row.why_not:
                reasons.setdefault(row.why_not, []).append(row.name)
        self.native.blockSignals(False)
        self.note.setText("\n".join(f"Not ticked: {_few(names)} ({why})." for why, names in reasons.items()))
        self.note.setVisible(bool(reasons))

    def _chosen_by_hand(self, number: int) -> tuple[bool | None, Any, Any]:
        ticked, labels, fov = self._state(number)
        row = self._rows[number]
        return (
            None if ticked == (not row.why_not) else ticked,
            None if labels is row.chosen_labels else labels,
            None if fov is row.chosen_fov else fov,
        )

    def _item(self, number: int) -> QTableWidgetItem:
        return cast("QTableWidgetItem", self.native.item(number, 0))

    def _combo_at(self, number: int, column: int) -> QComboBox:
        return cast("QComboBox", self.native.cellWidget(number, column))

    def _resize(self) -> None:
        rows = min(max(self.native.rowCount(), 1), 5)
        self.native.setFixedHeight(30 + 26 * rows)


def _combo(choices: Sequence[Choice], chosen: Any) -> QComboBox:
    combo = QComboBox()
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(3)
    combo.addItem(NONE)
    for choice in choices:
        combo.addItem(choice.name)
    combo.setCurrentIndex(next((n for n, c in enumerate(choices, 1) if c.what is chosen), 0))
    return combo


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:FEW]) + (f" and {len(names) - FEW} more" if len(names) > FEW else "")
