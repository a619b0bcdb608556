"""The fields of the Measure widget."""

from collections.abc import Callable
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, Container, FloatSpinBox, Label, LineEdit, PushButton
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QSizePolicy, QTabWidget

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.measure.units import DISC_DIAMETER
from napari_saunetv2.plugin.common.forms import (
    align,
    copy_buttons,
    export_button,
    group,
    narrow,
    progress_bar,
    row,
)
from napari_saunetv2.plugin.common.segments_view import SegmentsView
from napari_saunetv2.plugin.common.steady import keep_height, keep_room
from napari_saunetv2.plugin.measure.choices import AUTO, FIND, NONE
from napari_saunetv2.plugin.measure.columns import LOOK, TITLES
from napari_saunetv2.plugin.measure.histogram import ColourBar, HistogramView
from napari_saunetv2.plugin.measure.source import LABELS
from napari_saunetv2.plugin.measure.summary import SummaryView
from napari_saunetv2.plugin.measure.zones import DRAWN

Choices = Callable[[object], list[Any]]

STATUS_LINES = 4


class MeasureForm(Container[Any]):
    """Layer choices, scale, buttons, and three views of the result; the widget connects them.

    Parameters
    ----------
    vessels, photographs, probabilities, fields, discs, foveas : callable
        Return the layers to choose from.
    """

    def __init__(
        self,
        vessels: Choices,
        photographs: Choices,
        probabilities: Choices,
        fields: Choices,
        discs: Choices,
        foveas: Choices,
    ) -> None:
        self._make_input(vessels, photographs, discs, foveas)
        self._make_more(probabilities, fields)
        self._make_run()
        self._make_output()
        super().__init__(
            labels=False,
            widgets=[
                group(
                    "input",
                    self.vessels,
                    self.photograph,
                    row("disc_row", "disc", self.disc, self.draw_disc),
                    row("fovea_row", "fovea", self.fovea, self.draw_fovea),
                    row("scale_row", "µm per pixel", self.spacing),
                ),
                self.more,
                self.settings,
                row("run_row", "", self.run, self.cancel),
                self.progress,
                self.status,
                group("output", self.measure),
            ],
        )
        self._lay_out()

    def _make_input(self, vessels: Choices, photographs: Choices, discs: Choices, foveas: Choices) -> None:
        self.vessels = ComboBox(
            name="vessels",
            choices=vessels,
            tooltip="The vessels to measure: a mask, or labels of arteries and veins.",
        )
        self.photograph = ComboBox(
            name="photograph",
            choices=photographs,
            tooltip="The photograph: the disc is found in it, and widths are also measured in it.",
        )
        self.disc = ComboBox(
            name="disc",
            choices=discs,
            value=FIND,
            tooltip="Optic disc: an ellipse in a Shapes layer, which can be dragged. find looks for it when "
            "you press Measure.",
        )
        self.draw_disc = PushButton(
            name="draw_disc",
            text="Draw",
            tooltip="Drag an ellipse over the disc from corner to corner of its box.",
        )
        self.fovea = ComboBox(
            name="fovea",
            choices=foveas,
            value=FIND,
            tooltip="Fovea: a point in a Points layer, which can be dragged. find looks for it in the "
            "photograph; without a photograph it is estimated from the disc.",
        )
        self.draw_fovea = PushButton(name="draw_fovea", text="Draw", tooltip="Click on the fovea.")
        self.spacing = LineEdit(
            name="spacing",
            tooltip="Size of a pixel in micrometres. Empty: that of the layer or the file; else the disc is "
            "assumed to have the width below More settings.",
        )

    def _make_more(self, probabilities: Choices, fields: Choices) -> None:
        self.more = PushButton(
            name="more", text="More settings", tooltip="Show or hide the rarely used settings."
        )
        self.meaning = ComboBox(
            name="meaning",
            label="labels",
            choices=[(words, key) for key, words in LABELS.items()],
            tooltip="What the labels mean. auto takes them for arteries and veins if there is a label 2 or 3 "
            "and none above.",
        )
        self.probability = ComboBox(
            name="probability",
            choices=probabilities,
            value=AUTO,
            tooltip="Probability of a vessel: gives edges between pixels, and a range for every value. auto "
            "takes that of Segment's vessels.",
        )
        self.fov = ComboBox(
            name="fov",
            label="FOV",
            choices=fields,
            value=AUTO,
            tooltip="Field of view. auto takes its mask if open, else detects it in the photograph; none "
            "takes the whole frame.",
        )
        self.disc_diameter = FloatSpinBox(
            name="disc_diameter",
            label="disc, µm",
            min=1,
            max=10_000,
            step=50,
            value=DISC_DIAMETER,
            tooltip="Width of the disc in micrometres, assumed where no scale is known.",
        )
        self.drawn = ComboBox(
            name="drawn", label="draw", choices=list(DRAWN), tooltip="Regions that are drawn as a layer."
        )
        self.follow = CheckBox(
            name="follow",
            text="follow changes",
            value=True,
            tooltip="Measure again while you paint on the vessels, or move the disc or the fovea.",
        )
        self.settings = group(
            "settings", self.meaning, self.probability, self.fov, self.disc_diameter, self.drawn, self.follow
        )
        self.settings.visible = False
        self.more.changed.connect(self._toggle_more)

    def _make_run(self) -> None:
        self.run = PushButton(
            name="run", text="Measure", tooltip=f"Measure the vessels (Ctrl+Alt+R). {DISCLAIMER}"
        )
        self.cancel = PushButton(
            name="cancel", text="Cancel", enabled=False, tooltip="Cancel; nothing is changed."
        )
        self.progress = progress_bar()
        self.status = Label(name="status")

    def _make_output(self) -> None:
        self.listed: list[tuple[str, str]] = [(title, key) for key, title in TITLES.items()]
        self.measure = ComboBox(
            name="measure",
            label="colour by",
            # napari requests the choices whenever a layer is added or removed
            choices=lambda _widget: self.listed,
            tooltip="Measure that colours the segments, and that the histogram shows.",
        )
        self.save = PushButton(
            name="save",
            text="Save...",
            enabled=False,
            tooltip="Save all tables as CSV or Excel, with the meaning of every column.",
        )
        self.export = export_button(enabled=False)
        self.copy_python, self.copy_command = copy_buttons(
            "Copy this measurement as Python code for napari's console.",
            "Copy this measurement as a command line; the layers are written to files for it.",
            enabled=False,
        )
        self.bar = ColourBar()
        self.summary, self.table, self.histogram = SummaryView(), SegmentsView(LOOK), HistogramView()

    def _lay_out(self) -> None:
        keep_height(self.status, STATUS_LINES)
        keep_room(self.progress)
        for button in (self.draw_disc, self.draw_fovea):
            button.native.setMaximumWidth(56)
        for box in self.native.findChildren(QComboBox):
            narrow(box, 6)
        align(self["input"], self["settings"], self["output"])
        self.views = QTabWidget()
        for view, title in (
            (self.summary, "Summary"),
            (self.table, "Segments"),
            (self.histogram, "Histogram"),
        ):
            self.views.addTab(view, title)
        self.views.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the tab bar is enough: both capture the Tab key
        self.views.tabBar().setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.views.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.views.setMinimumHeight(190)
        ending = row(
            "ending", "", self.save, self.export, Label(value="copy as"), self.copy_python, self.copy_command
        )
        layout = self.native.layout()
        for part, share in ((self.bar, 0), (self.views, 1), (ending.native, 0)):
            layout.addWidget(part, share)
        self._ending = ending  # its Python half must live as long as the form

    def _toggle_more(self) -> None:
        more = self.more.text == "More settings"
        self.settings.visible = more
        self.more.text = "Fewer settings" if more else "More settings"

    def say_scale(self, words: str) -> None:
        """Show the scale that is used where none is given."""
        self.spacing.native.setPlaceholderText(words)

    def offer_measures(self, keys: list[str]) -> None:
        """Offer these measures, and keep the one that is chosen if it is among them."""
        listed = [(TITLES[key], key) for key in keys]
        if listed and listed != self.listed:
            self.listed = listed
            self.measure.reset_choices()


def is_layer(choice: Any) -> bool:
    """Whether a choice is a layer and not a word such as "find"."""
    return choice is not None and choice not in (AUTO, FIND, NONE)
