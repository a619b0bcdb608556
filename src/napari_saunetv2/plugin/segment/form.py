"""The fields of the Segment widget."""

from collections.abc import Callable, Sequence
from typing import Any

from magicgui.widgets import ComboBox, Container, Label
from napari.layers import Image, Labels
from qtpy.QtWidgets import QComboBox

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import installed
from napari_saunetv2.imaging.classes import is_artery_vein
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.plugin.common.forms import (
    align,
    button,
    choice,
    copy_buttons,
    export_button,
    group,
    narrow,
    number,
    progress_bar,
    row,
    threshold_slider,
    tick,
)
from napari_saunetv2.plugin.common.models import ModelBox
from napari_saunetv2.plugin.common.preferences import preferred
from napari_saunetv2.plugin.common.steady import keep_height, keep_room
from napari_saunetv2.plugin.segment.model_menu import ModelMenu

CARD_LINES, STATUS_LINES = 6, 3
"""Visible lines of text; the rest scrolls."""

Choices = Callable[[object], Sequence[Any]]


class SegmentForm(Container[Any]):
    """Settings, buttons, progress bar and status line; the widget connects them.

    Parameters
    ----------
    photographs, fov_choices : callable
        Return the layers to choose from, and the choices for the field of view.
    """

    def __init__(self, photographs: Callable[[object], list[Image]], fov_choices: Choices) -> None:
        self._make_input(photographs, fov_choices)
        self._make_more()
        self._make_run()
        self._make_output()
        super().__init__(
            labels=False,
            widgets=[
                group(
                    "input",
                    self.image,
                    row("model_row", "model", self.model, self.browse, self.manage),
                    row("fov_row", "FOV", self.fov, self.outline),
                    self.planes,
                ),
                self.card,
                self.more,
                self.settings,
                row("run_row", "", self.run, self.cancel),
                self.progress,
                self.status,
                group(
                    "output",
                    row("threshold_row", "threshold", self.threshold, self.model_threshold),
                    row("size_row", "min. size", self.min_size, self.connected),
                    self.classes_row,
                    row("uncertain_row", "uncertain", self.previous_uncertain, self.next_uncertain),
                    row("copy_row", "copy as", self.copy_python, self.copy_command),
                ),
                row("save_row", "", self.save, self.export),
            ],
        )
        self._lay_out()

    def _make_input(self, photographs: Callable[[object], list[Image]], fov_choices: Choices) -> None:
        self.image = choice("image", photographs, "The photograph to segment; follows the selected layer.")
        self.model = ModelBox(name="model")
        self.browse = button("browse", "...", "Load a model from a file.")
        self.manage = button(
            "manage",
            " ",  # the arrow shows that it is a menu
            "Find the file of this model, or delete one of your own models.",
        )
        self.fov = choice(
            "fov",
            fov_choices,
            "Field of view: nothing outside it is counted as vessel. auto detects it in the image.",
        )
        self.outline = tick(
            "outline", "outline", "Show the outline of the detected field of view as a layer."
        )
        self.planes = choice(
            "planes", ["all", "current"], "For a stack, segment every plane or only the one shown."
        )
        self.card = Label(name="card", tooltip="What the segmentation will do with this image.")

    def _make_more(self) -> None:
        self.more = button("more", "More settings", "Show or hide the rarely used settings.")
        self.tta = choice(
            "tta",
            [("1", "none"), ("4, flipped", "flips"), ("8, flipped and rotated", "d4")],
            "Average over several views of the image: slower, slightly better.",
            "views",
        )
        self.rescale = choice(
            "rescale",
            ["auto", "off"],
            "auto resamples the image to the model's scale if its field of view has another size.",
        )
        self.tile = choice(
            "tile",
            ["auto", "off", 256, 512, 1024, 2048],
            "Side of overlapping tiles in pixels; auto tiles large images only.",
        )
        self.device = choice(
            "device",
            lambda _: installed.devices(preferred("device")),
            "Device to run on; auto uses a GPU if there is one.",
        )
        self.engine = choice(
            "engine",
            installed.engines(),
            "Inference engine. auto uses the fastest installed one, as measured once on this "
            "computer, if it changes at most 0.3 % of the vessel pixels.",
        )
        self.precision = choice(
            "precision",
            ["auto", "float32", "bfloat16", "int8"],
            "Numerical precision. auto uses the fastest that changes at most 0.3 % of the vessel "
            "pixels, as measured once on this computer; the status line says which. int8 needs OpenVINO and "
            "a model calibrated for it.",
        )
        if preferred("device") in self.device.choices:
            self.device.value = preferred("device")
        self.uncertainty = tick(
            "uncertainty",
            "uncertainty",
            "Also show the variance of the predictions for eight views: takes eight more passes.",
        )
        self.settings = group(
            "settings",
            self.tta,
            self.rescale,
            self.tile,
            self.device,
            row("engine_row", "engine", self.engine, self.precision),
            self.uncertainty,
        )
        self.settings.visible = False
        self.more.changed.connect(self._toggle_more)

    def _make_run(self) -> None:
        self.run = button("run", "Segment", f"Find the vessels (Ctrl+Enter). {DISCLAIMER}")
        self.cancel = button("cancel", "Cancel", "Cancel the segmentation (Ctrl+Alt+X).", enabled=False)
        self.progress = progress_bar()
        self.status = Label(name="status")

    def _make_output(self) -> None:
        self.threshold = threshold_slider("changes show at once.")
        self.model_threshold = button(
            "model_threshold", "Model default", "Reset to the model's own threshold."
        )
        self.min_size = number("min_size", "Remove vessels smaller than this many pixels.", 100_000)
        self.connected = tick(
            "connected",
            "connected",
            "Extend vessels into connected pixels down to half the threshold (hysteresis).",
        )
        self.voted = tick(
            "voted",
            "one class along each vessel",
            "Decide artery or vein for each vessel along its length, also across crossings; else pixel by "
            "pixel.",
            value=True,
        )
        self.classes_row = row("classes_row", "classes", self.voted)
        self.previous_uncertain = button(
            "previous_uncertain",
            "Previous",
            "Go to the previous uncertain vessel (Ctrl+Alt+Y).",
            enabled=False,
        )
        self.next_uncertain = button(
            "next_uncertain",
            "Next",
            "Go to the next vessel that the network is unsure of (Ctrl+Alt+U); a ring marks it.",
            enabled=False,
        )
        self.save = button(
            "save",
            "Save...",
            "Save the active labels, or else the vessels of this photograph, as a mask (0 and 255) "
            "next to the photograph (Ctrl+Alt+M). The file keeps the scale and opens again as labels.",
        )
        self.export = export_button()
        self.copy_python, self.copy_command = copy_buttons(
            "Copy what this does as Python code.", "Copy what this does as a command line."
        )

    def _lay_out(self) -> None:
        keep_height(self.card, CARD_LINES)
        keep_height(self.status, STATUS_LINES)
        keep_room(self.progress)
        self.manage.native.setMenu(ModelMenu(self.model, self.native))
        for small in (self.browse, self.manage):
            small.native.setMaximumWidth(30)
        for box in self.native.findChildren(QComboBox):
            narrow(box, 6)
        align(self["input"], self["settings"], self["output"])

    def _toggle_more(self) -> None:
        more = self.more.text == "More settings"
        self.settings.visible = more
        self.more.text = "Fewer settings" if more else "More settings"

    # What the fields say

    def network_fields(self) -> tuple[ComboBox, ...]:
        """List the fields that set how the network runs."""
        return self.device, self.tta, self.rescale, self.tile, self.engine, self.precision

    def config(self) -> InferenceConfig:
        """Give what says how an image goes through the network."""
        return InferenceConfig(
            model=self.model.value,
            device=self.device.value,
            tta=self.tta.value,
            rescale=self.rescale.value,
            tile=self.tile.value,
            engine=self.engine.value,
            precision=self.precision.value,
        )

    def post_processing(self) -> PostProcessing:
        """Give what makes vessels of a probability; of a layer as field of view the word "layer"."""
        return PostProcessing(
            threshold=self.threshold.value,
            min_size=self.min_size.value,
            connected=self.connected.value,
            voted=self.voted.value,
            fov=self.fov.value if isinstance(self.fov.value, str) else "layer",
        )

    def field_of_view(self) -> Any:
        """Return "none", "auto", or the array of the chosen layer."""
        return self.fov.value.data if isinstance(self.fov.value, Labels) else self.fov.value

    def show_fields_of_model(self) -> None:
        """Show what only models of arteries and veins need, where the chosen one is one."""
        info = self.model.info
        self.classes_row.visible = info is not None and is_artery_vein(info.header.classes)

    def use_model_threshold(self) -> None:
        """Set the model's own threshold for this number of views."""
        if self.model.info is not None:
            header = self.model.info.header
            level = header.tta_thresholds.get(self.tta.value, header.threshold)
            self.threshold.value = min(max(level, self.threshold.min), self.threshold.max)
