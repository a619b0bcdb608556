"""The fields of the Browse widget."""

from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import CheckBox, ComboBox, Container, FileEdit, Label, PushButton

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.plugin.common.forms import align, copy_buttons, group, progress_bar, row
from napari_saunetv2.plugin.common.models import ModelBox
from napari_saunetv2.plugin.common.steady import keep_height, keep_room

_FOLDER = FileDialogMode.EXISTING_DIRECTORY


class BrowseForm(Container[Any]):
    """Folder, list of cases and buttons; the widget connects them."""

    def __init__(self) -> None:
        self._splits = ["all"]
        self.folder = FileEdit(
            name="folder",
            mode=_FOLDER,
            tooltip="Folder of DRIVE, STARE, CHASE_DB1 or HRF, as downloaded, or any folder of photographs.",
        )
        self.split = ComboBox(
            name="split",
            # napari requests the choices whenever a layer is added or removed.
            choices=lambda _: self._splits,
            tooltip="Show, segment and score this part of the data set.",
        )
        self.previous = PushButton(
            name="previous", text="Previous", enabled=False, tooltip="Previous case (Ctrl+PgUp)."
        )
        self.next = PushButton(name="next", text="Next", enabled=False, tooltip="Next case (Ctrl+PgDown).")
        self.save = PushButton(
            name="save",
            text="Save...",
            tooltip="Save the active labels, or else those of the first observer, as a mask (0 and 255) "
            "next to the photograph. The file opens again as labels.",
        )
        self.model = ModelBox(name="model")
        self.protocol = ComboBox(
            name="protocol",
            choices=[("every pixel", "whole"), ("field of view", "fov")],
            tooltip="Pixels to score: every pixel, as in the papers, or only the field of view.",
        )
        self.output = FileEdit(
            name="output",
            label="results",
            mode=_FOLDER,
            tooltip="Folder for the masks.",
        )
        self.overwrite = CheckBox(name="overwrite", text="replace files", tooltip="Replace existing masks.")
        self.segment_all = PushButton(
            name="segment_all",
            text="Segment all",
            tooltip=f"Write the mask of every case in the list. {DISCLAIMER}",
        )
        self.score_all = PushButton(
            name="score_all",
            text="Score all",
            tooltip=f"Compare the model with the reference observer. {DISCLAIMER}",
        )
        self.stop = PushButton(
            name="stop", text="Stop", enabled=False, tooltip="Cancel; finished cases are kept."
        )
        self.save_table = PushButton(
            name="save_table", text="Save table...", enabled=False, tooltip="Save all numbers as CSV."
        )
        self.copied = ComboBox(
            name="copied",
            choices=[("segment all", "segment"), ("score all", "score")],
            tooltip="Which action the buttons next to it copy.",
        )
        self.copy_python, self.copy_command = copy_buttons(
            "Copy this action as Python code.", "Copy this action as a command line."
        )
        self.progress = progress_bar()
        self.status = Label(name="status")
        super().__init__(
            labels=False,
            widgets=[
                group("where", self.folder, self.split),
                row("steps", "", self.previous, self.next, self.save),
                group("how", self.model, self.protocol, self.output, self.overwrite),
                row("work", "", self.segment_all, self.score_all, self.stop, self.save_table),
                group("copy", row("copy_row", "copy", self.copied, self.copy_python, self.copy_command)),
                self.progress,
                self.status,
            ],
        )
        align(self["where"], self["how"], self["copy"])
        keep_height(self.status, 3)
        keep_room(self.progress)
