"""The fields of the Evaluate widget."""

from collections.abc import Callable
from typing import Any

from magicgui.widgets import ComboBox, Container, Label, Select
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QTabWidget

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.imaging.overlay import AGREEMENT
from napari_saunetv2.plugin.common.forms import (
    button,
    choice,
    copy_buttons,
    narrow,
    progress_bar,
    row,
    threshold_slider,
)
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
        self.second = choice(
            "second",
            labels,
            "Scored next to the prediction; auto uses the second observer's labels of the same "
            "photograph, if open.",
            "observer 2",
        )
        self.fov = ComboBox(
            name="fov",
            label="FOV",
            choices=labels,
            value=NONE,
            tooltip="Score only the field of view: a layer, or auto (its mask if open, else detected in the "
            "photograph). none scores every pixel, as most papers do.",
        )
        self.threshold = threshold_slider("not used for Labels layers.")
        self.run = button("run", "Evaluate", f"Compute the scores (Ctrl+Alt+E). {DISCLAIMER}")
        self.cancel = button("cancel", "Cancel", "Cancel; nothing is changed.", enabled=False)
        self.progress = progress_bar()
        self.names: list[str] = []
        self.image = choice(
            "image",
            lambda _: self.names,  # napari requests the choices whenever a layer is added or removed
            "Image shown in the views below: the mean of all, or a single image, worst first.",
            "shown",
        )
        self.image.visible = False
        self.save = button("save", "Save CSV...", "Save all metrics of all images.", enabled=False)
        self.copy_python, self.copy_command = copy_buttons(
            "Copy this evaluation as Python code for napari's console.",
            "Copy this evaluation as a command line; the layers are written to files for it.",
            enabled=False,
        )
        self.status = Label(name="status")
        self.table, self.curve, self.misses = ScoreTable(), CurveView(), MissesView()
        super().__init__(
            widgets=[
                self.prediction, self.truth, self.second, self.fov, self.threshold, self.run, self.cancel,
                self.progress, self.image,
            ]
        )  # fmt: skip
        self._lay_out()

    def _lay_out(self) -> None:
        for several in (self.prediction, self.truth):
            several.native.setMaximumHeight(LIST_HEIGHT)
        for box in (self.second, self.fov, self.image):
            narrow(box.native, 10)
        self.views = QTabWidget()
        for view, title in ((self.table, "Scores"), (self.curve, "Curve"), (self.misses, "Missed")):
            self.views.addTab(view, title)
        self.views.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the tab bar is enough: both capture the Tab key
        self.views.tabBar().setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.views.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        copy_as = Label(value="copy as")
        copy_as.native.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        buttons = row("buttons", "", self.save, copy_as, self.copy_python, self.copy_command)
        key = QLabel(
            " &nbsp; ".join(
                f'<span style="color: rgb{colour}">&#9632;</span> {meaning.split(" (")[0]}'
                for meaning, colour in AGREEMENT.values()
            )
        )
        for part, share in ((self.views, 1), (key, 0), (buttons.native, 0), (self.status.native, 0)):
            self.native.layout().addWidget(part, share)
        keep_height(self.status, 3)
        # magicgui measures labels in another font than napari uses, so that fields are not aligned.
        self.native.setStyleSheet("QLabel { min-width: 5em; }")
