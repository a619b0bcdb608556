"""The fields of the Compare visits widget."""

from collections.abc import Callable
from typing import Any

from magicgui.widgets import Container, Label, LineEdit
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLabel, QSizePolicy, QTabWidget

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.plugin.common.forms import (
    align,
    button,
    choice,
    copy_buttons,
    group,
    narrow,
    progress_bar,
    row,
)
from napari_saunetv2.plugin.common.models import ModelBox
from napari_saunetv2.plugin.common.segments_view import SegmentsView
from napari_saunetv2.plugin.common.steady import keep_height, keep_room
from napari_saunetv2.plugin.visits.columns import LOOK
from napari_saunetv2.plugin.visits.summary import SummaryView
from napari_saunetv2.visits.drawing import DIFFERENCES, OUTLINES

Choices = Callable[[object], list[Any]]

STATUS_LINES = 4


class VisitsForm(Container[Any]):
    """Layer choices, buttons, and the tables of the result; the widget connects them.

    Parameters
    ----------
    photographs, vessels : callable
        Return the layers to choose from.
    """

    def __init__(self, photographs: Choices, vessels: Choices) -> None:
        self._make_input(photographs, vessels)
        self._make_output()
        super().__init__(
            labels=False,
            widgets=[
                group(
                    "input",
                    self.earlier,
                    self.earlier_vessels,
                    self.later,
                    self.later_vessels,
                    self.model,
                    row("scale_row", "µm per pixel", self.spacing),
                ),
                row("run_row", "", self.run, self.cancel, self.swap),
                self.progress,
                self.status,
            ],
        )
        self._lay_out()

    def _make_input(self, photographs: Choices, vessels: Choices) -> None:
        self.earlier = choice(
            "earlier",
            photographs,
            "Photograph of the earlier visit, in whose frame everything is shown; none: its vessels alone.",
        )
        self.earlier_vessels = choice(
            "earlier_vessels",
            vessels,
            "Vessels of the earlier photograph: a layer, such as a corrected mask, or segment: the model "
            "finds them. With its probability, edges are known between pixels.",
            "vessels",
        )
        self.later = choice(
            "later", photographs, "Photograph of the later visit, which is laid over the earlier one."
        )
        self.later_vessels = choice(
            "later_vessels", vessels, "Vessels of the later photograph: a layer, or segment.", "vessels"
        )
        self.model = ModelBox(name="model")
        self.spacing = LineEdit(
            name="spacing",
            tooltip="Size of a pixel of the earlier photograph in micrometres. Empty: that of the layer or "
            "the file, if stated.",
        )
        self.run = button(
            "run", "Compare", f"Lay the visits over each other and compare (Ctrl+Alt+V). {DISCLAIMER}"
        )
        self.cancel = button("cancel", "Cancel", "Cancel; nothing is changed.", enabled=False)
        self.swap = button("swap", "Swap", "Exchange the earlier and the later visit.")
        self.progress = progress_bar()
        self.status = Label(name="status")

    def _make_output(self) -> None:
        self.blink = button(
            "blink",
            "Earlier / later",
            "Show the earlier or the later photograph, in the same frame (Ctrl+Alt+B).",
            enabled=False,
        )
        self.save = button(
            "save",
            "Save...",
            "Save all tables as CSV or Excel, with the meaning of every column.",
            enabled=False,
        )
        self.copy_python, self.copy_command = copy_buttons(
            "Copy this comparison as Python code for napari's console.",
            "Copy this comparison as a command line; the layers are written to files for it.",
            enabled=False,
        )
        self.table, self.summary = SegmentsView(LOOK), SummaryView()
        self.warnings = QLabel()
        self.warnings.setWordWrap(True)
        self.warnings.setStyleSheet("QLabel { color: #f0a030; }")
        self.warnings.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.warnings.setVisible(False)

    def _lay_out(self) -> None:
        keep_height(self.status, STATUS_LINES)
        keep_room(self.progress)
        for box in self.native.findChildren(QComboBox):
            narrow(box, 6)
        align(self["input"])
        self.views = QTabWidget()
        for view, title in ((self.table, "Segments"), (self.summary, "Summary")):
            self.views.addTab(view, title)
        self.views.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the tab bar is enough: both capture the Tab key
        self.views.tabBar().setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.views.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.views.setMinimumSize(330, 190)
        self.views.setCornerWidget(self.blink.native)
        ending = row("ending", "", self.save, Label(value="copy as"), self.copy_python, self.copy_command)
        layout = self.native.layout()
        parts = (self.warnings, 0), (self.views, 1), (_key(), 0), (ending.native, 0)
        for part, share in parts:
            layout.addWidget(part, share)
        self._ending = ending  # its Python half must live as long as the form

    def say_scale(self, words: str) -> None:
        """Show the scale that is used where none is given."""
        self.spacing.native.setPlaceholderText(words)


def _key() -> QLabel:
    """Say what the colours mean."""
    filled = [(colour, "&#9632;", meaning) for meaning, colour in DIFFERENCES.values()]
    lined = [(OUTLINES[word], "&#9633;", word) for word in ("wider", "narrower")]
    lined.append((OUTLINES["longer"], "&#9633;", "longer or shorter"))
    spans = [
        f'<nobr><span style="color: rgb{c}">{sign}</span> {words}</nobr>'
        for c, sign, words in (*filled, *lined)
    ]
    key = QLabel(" &nbsp; ".join(spans))
    key.setWordWrap(True)
    return key
