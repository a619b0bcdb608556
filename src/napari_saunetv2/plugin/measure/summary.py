"""The table of an image: a measure in each row, all vessels, arteries and veins beside each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)
from qtpy.QtWidgets import QTableWidgetItem as Cell

from napari_saunetv2.measure import MEASURES, REGIONS
from napari_saunetv2.plugin.common.forms import narrow
from napari_saunetv2.plugin.common.segments_view import text

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("µm", "px", "DD")
"""Units of length in the order in which they are wanted."""

KINDS = ("all", "arteries", "veins")

_MEASURES = {m.key: m for m in MEASURES}
_REGIONS = {r.key: r.title for r in REGIONS}


class SummaryView(QWidget):
    """Values of one image in one region and one unit of length."""

    def __init__(self) -> None:
        super().__init__()
        self._image: pd.DataFrame | None = None
        self.region, self.unit, self.frame = QComboBox(), QComboBox(), QComboBox()
        for key, title in _REGIONS.items():
            self.region.addItem(title.split(",")[0] if key.startswith("zone") else title, key)
            self.region.setItemData(self.region.count() - 1, title, Qt.ItemDataRole.ToolTipRole)
        for box, tip in (
            (self.region, "Region of the photograph."),
            (self.unit, "Unit of length: micrometres, pixels or disc diameters (DD)."),
            (self.frame, "Plane of the stack."),
        ):
            box.setToolTip(tip)
            box.currentIndexChanged.connect(self._show)
        narrow(self.region, 12)
        self.frame.setVisible(False)
        self.table = QTableWidget(0, 1)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(True)
        self.table.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setMinimumSectionSize(22)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        above = QHBoxLayout()
        above.addWidget(self.region, 1)
        above.addWidget(self.unit)
        above.addWidget(self.frame)
        layout.addLayout(above)
        layout.addWidget(self.table, 1)

    def show_image(self, image: "pd.DataFrame") -> None:
        """Show the table of an image, in the region and the unit that were chosen."""
        self._image = image
        lengths = image["unit"].unique()
        units = [unit for unit in UNITS if unit in lengths]
        frames = [str(n) for n in image["frame"].unique()] if "frame" in image else []
        for box, choices in ((self.unit, units), (self.frame, frames)):
            _offer(box, choices)
        self.frame.setVisible(bool(frames))
        self._show()

    def _show(self) -> None:
        if self._image is None:
            return
        rows = self._rows(self._image)
        kinds = [kind for kind in KINDS if kind in set(rows["vessels"])]
        keys = list(dict.fromkeys(rows["measure"]))
        self.table.setUpdatesEnabled(False)
        self.table.clearContents()
        self.table.setRowCount(len(keys))
        self.table.setColumnCount(1 + len(kinds))
        titles = ["all vessels" if kind == "all" else kind for kind in kinds]
        self.table.setHorizontalHeaderLabels(["measure", *titles])
        for number, (key, unit) in enumerate(dict(zip(rows["measure"], rows["unit"], strict=True)).items()):
            title = Cell(f"{_MEASURES[key].title}, {unit}" if unit else _MEASURES[key].title)
            title.setToolTip(f"{title.text()}\n{_MEASURES[key].formula}\n{_MEASURES[key].source}")
            self.table.setItem(number, 0, title)
        for row in rows.to_dict("records"):
            self.table.setItem(keys.index(row["measure"]), 1 + kinds.index(row["vessels"]), _cell(row))
        modes = QHeaderView.ResizeMode
        for column in range(1 + len(kinds)):
            mode = modes.ResizeToContents if column else modes.Stretch
            self.table.horizontalHeader().setSectionResizeMode(column, mode)
        # A range has a line of its own, or names of measures would have no room beside it.
        self.table.resizeRowsToContents()
        self.table.setUpdatesEnabled(True)

    def _rows(self, image: "pd.DataFrame") -> "pd.DataFrame":
        """Rows of the region, the frame and the unit that are chosen."""
        kept = image["region"].eq(self.region.currentData())
        if "frame" in image:
            kept &= image["frame"].eq(int(self.frame.currentText()))
        unit = image["unit"].str.contains(self.unit.currentText(), regex=False)
        return image[kept & (unit | image["scale_source"].eq("none needed"))]


def _cell(row: dict[str, Any]) -> Cell:
    value, note = row["value"], row["note"]
    shown = text(value) or "\u2013"
    if row["low"] < row["high"]:
        shown += f"{' *' * bool(note)}\n({text(row['low'])} to {text(row['high'])})"
    elif note:
        shown += " *"
    cell = Cell(shown)
    said = [f"{row['in_view']:.0%} of the region in view", f"scale: {row['scale_source']}", note]
    cell.setToolTip("\n".join(filter(None, said)))
    cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return cell


def _offer(box: QComboBox, choices: Sequence[str]) -> None:
    """Give a box its choices, and keep the one that was made."""
    if [box.itemText(n) for n in range(box.count())] == list(choices):
        return
    before = box.currentText()
    box.blockSignals(True)
    box.clear()
    box.addItems(list(choices))
    box.setCurrentText(before if before in choices else (choices[0] if choices else ""))
    box.blockSignals(False)
