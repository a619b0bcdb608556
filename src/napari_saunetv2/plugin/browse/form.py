"""The fields of the Browse widget."""

from typing import Any

from magicgui.widgets import Container, Label

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.plugin.common.forms import (
    align,
    button,
    choice,
    copy_buttons,
    folder_field,
    group,
    progress_bar,
    row,
    tick,
)
from napari_saunetv2.plugin.common.models import ModelBox
from napari_saunetv2.plugin.common.steady import keep_height, keep_room


class BrowseForm(Container[Any]):
    """Folder, list of cases and buttons; the widget connects them."""

    def __init__(self) -> None:
        self._splits = ["all"]
        self.folder = folder_field(
            "folder",
            "Folder of DRIVE, STARE, CHASE_DB1 or HRF, as downloaded, or any folder of photographs.",
        )
        self.split = choice(
            "split",
            lambda _: self._splits,  # napari requests the choices whenever a layer is added or removed
            "Show, segment and score this part of the data set.",
        )
        self.previous = button("previous", "Previous", "Previous case (Ctrl+PgUp).", enabled=False)
        self.next = button("next", "Next", "Next case (Ctrl+PgDown).", enabled=False)
        self.save = button(
            "save",
            "Save...",
            "Save the active labels, or else those of the first observer, as a mask (0 and 255) "
            "next to the photograph. The file opens again as labels.",
        )
        self.model = ModelBox(name="model")
        self.protocol = choice(
            "protocol",
            [("every pixel", "whole"), ("field of view", "fov")],
            "Pixels to score: every pixel, as in the papers, or only the field of view.",
        )
        self.output = folder_field("output", "Folder for the masks.", "results")
        self.overwrite = tick("overwrite", "replace files", "Replace existing masks.")
        self.segment_all = button(
            "segment_all", "Segment all", f"Write the mask of every case in the list. {DISCLAIMER}"
        )
        self.score_all = button(
            "score_all", "Score all", f"Compare the model with the reference observer. {DISCLAIMER}"
        )
        self.stop = button("stop", "Stop", "Cancel; finished cases are kept.", enabled=False)
        self.save_table = button("save_table", "Save table...", "Save all numbers as CSV.", enabled=False)
        self.copied = choice(
            "copied",
            [("segment all", "segment"), ("score all", "score")],
            "Which action the buttons next to it copy.",
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
