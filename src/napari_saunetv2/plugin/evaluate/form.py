"""The fields of the Evaluate widget."""

from collections.abc import Callable
from typing import Any

from magicgui.widgets import ComboBox, Container, FloatSlider, Label, PushButton, Select
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QTabWidget, QWidget

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.imaging.overlay import AGREEMENT
from napari_saunetv2.plugin.common.forms import copy_buttons, narrow, progress_bar
from napari_saunetv2.plugin.common.steady import keep_height
from napari_saunetv2.plugin.evaluate.views import CurveView, MissesView, ScoreTable

Choices = Callable[[object], list[Any]]

AUTO, NONE = "auto", "none"
LIST_HEIGHT = 76
"""Height in pixels: four layers at once."""


class EvaluateForm(Container[Any]):
    """Layer choices, buttons, and three views of the result; the widget connects them.

    Parameters
    ----------
    predictions, truths, labels : callable
        Return the layers to choose from.
    """

    def __init__(self, predictions: Choices, truths: Choices, labels: Choices) -> None:
        self.prediction = Select(
            name="prediction",
            choices=predictions,
            tooltip="Predictions: probability or Labels layers. Several give the mean.",
        )
        self.truth = Select(
            name="truth",
            choices=truths,
            tooltip="Reference labels. If several are chosen, each prediction uses the one whose name "
            "begins most like its own.",
        )
        self.second = ComboBox(
            name="second",
            label="observer 2",
            choices=labels,
            tooltip="Scored next to the prediction; auto uses the second observer's labels of the same "
            "photograph, if open.",
        )
        self.fov = ComboBox(
            name="fov",
            label="FOV",
            choices=labels,
            value=NONE,
            tooltip="Score only the field of view: a layer, or auto (its mask if open, else detected in the "
            "photograph). none scores every pixel, as most papers do.",
        )
        self.threshold = FloatSlider(
            name="threshold",
            min=0.01,
            max=0.99,
            step=0.01,
            value=0.5,
            tooltip="Pixels with at least this probability are vessel; not used for Labels layers.",
        )
        self.run = PushButton(
            name="run", text="Evaluate", tooltip=f"Compute the scores (Ctrl+Alt+E). {DISCLAIMER}"
        )
        self.cancel = PushButton(
            name="cancel", text="Cancel", enabled=False, tooltip="Cancel; nothing is changed."
        )
        self.progress = progress_bar()
        self.names: list[str] = []
        self.image = ComboBox(
            name="image",
            label="shown",
            choices=lambda _widget: (
                self.names
            ),  # napari requests the choices whenever a layer is added or removed
            visible=False,
            tooltip="Image shown in the views below: the mean of all, or a single image, worst first.",
        )
        self.save = PushButton(
            name="save", text="Save CSV...", enabled=False, tooltip="Save all metrics of all images."
        )
        self.copy_python, self.copy_command = copy_buttons(
            "Copy this evaluation as Python code for napari's console.",
            "Copy this evaluation as a command line; the layers are written to files for it.",
            enabled=False,
        )
        self.status = Label(name="status")
        self.table, self.curve, self.misses = ScoreTable(), CurveView(), MissesView()
        super().__init__(
            widgets=[
                self.prediction,
                self.truth,
                self.second,
                self.fov,
                self.threshold,
                self.run,
                self.cancel,
                self.progress,
                self.image,
            ]
        )
        self._lay_out()

    def _lay_out(self) -> None:
        for choice in (self.prediction, self.truth):
            choice.native.setMaximumHeight(LIST_HEIGHT)
        for box in (self.second, self.fov, self.image):
            narrow(box.native, 10)
        self.views = QTabWidget()
        for view, title in ((self.table, "Scores"), (self.curve, "Curve"), (self.misses, "Missed")):
            self.views.addTab(view, title)
        self.views.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the tab bar is enough: both capture the Tab key
        self.views.tabBar().setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.views.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.save.native)
        row.addWidget(QLabel("copy as"), 0, Qt.AlignmentFlag.AlignRight)
        for button in (self.copy_python, self.copy_command):
            row.addWidget(button.native)
        key = QLabel(
            " &nbsp; ".join(
                f'<span style="color: rgb{colour}">&#9632;</span> {meaning.split(" (")[0]}'
                for meaning, colour in AGREEMENT.values()
            )
        )
        for part, share in ((self.views, 1), (key, 0), (buttons, 0), (self.status.native, 0)):
            self.native.layout().addWidget(part, share)
        keep_height(self.status, 3)
        # magicgui measures labels in another font than napari uses, so that fields are not aligned.
        self.native.setStyleSheet("QLabel { min-width: 5em; }")
