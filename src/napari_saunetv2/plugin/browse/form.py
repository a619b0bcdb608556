"""The fields of the Browse widget."""

from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import Container, FileEdit, Label, LineEdit

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
from napari_saunetv2.study.filters import QUALITIES, REVIEWS


class BrowseForm(Container[Any]):
    """Folder, list of cases and buttons; the widget connects them.

    A data set has splits, observers and scores; any other folder has patients, reviews and a study. Fields of
    the other kind are hidden.
    """

    def __init__(self) -> None:
        self._splits = ["all"]
        self._make_where()
        self._make_steps()
        self._make_work()
        super().__init__(
            labels=False,
            widgets=[
                group(
                    "where",
                    self.folder,
                    self.split,
                    row("names_row", "names", self.pattern, self.date_format),
                    row("sheet_row", "sheet", self.sheet),
                    row("filter_row", "show", self.quality, self.reviewed, self.left_out),
                ),
                row("steps", "", self.previous, self.next, self.accept, self.set_aside, self.save),
                group("how", self.reviewer, self.model, self.protocol, self.output, self.overwrite),
                row(
                    "work",
                    "",
                    self.study,
                    self.also,
                    self.segment_all,
                    self.score_all,
                    self.stop,
                    self.save_table,
                ),
                group("copy", row("copy_row", "copy", self.copied, self.copy_python, self.copy_command)),
                self.progress,
                self.status,
            ],
        )
        align(self["where"], self["how"], self["copy"])
        keep_height(self.status, 3)
        keep_room(self.progress)
        self.show_kind(any_folder=False)

    def _make_where(self) -> None:
        self.folder = folder_field(
            "folder",
            "Folder of DRIVE, STARE, CHASE_DB1 or HRF, as downloaded, or any folder of photographs, with its "
            "subfolders.",
        )
        self.split = choice(
            "split",
            lambda _: self._splits,  # napari requests the choices whenever a layer is added or removed
            "Show, segment and score this part of the data set.",
        )
        self.pattern = LineEdit(
            name="pattern",
            tooltip="What the names say, such as {patient}_{eye}_{date}; also {visit}, * for anything, and / "
            "for folders. Empty: subfolders are patients and visits.",
        )
        self.pattern.native.setPlaceholderText("{patient}_{eye}_{date}")
        self.date_format = LineEdit(
            name="date_format",
            tooltip="How dates are written, such as %d.%m.%y. Empty: 2024-05-31, 20240531 or 31.05.2024.",
        )
        self.date_format.native.setPlaceholderText("dates")
        self.sheet = FileEdit(
            name="sheet",
            mode=FileDialogMode.EXISTING_FILE,
            filter="Sheets (*.csv *.tsv *.xlsx *.xlsm)",
            nullable=True,
            tooltip="Sheet (CSV or Excel): a column file, and any of patient, eye, date, visit, pixel size.",
        )
        self.quality = choice("quality", list(QUALITIES), "Show photographs of this quality, from 0 to 1.")
        self.reviewed = choice("reviewed", list(REVIEWS), "Show photographs whose review stands so.")
        self.left_out = button(
            "left_out", "Left out...", "List the files that were left out, and why.", enabled=False
        )

    def _make_steps(self) -> None:
        self.previous = button("previous", "Previous", "Previous case (Ctrl+PgUp).", enabled=False)
        self.next = button("next", "Next", "Next case (Ctrl+PgDown).", enabled=False)
        self.accept = button(
            "accept",
            "Accept",
            "Write the mask if you corrected it, note that it is right, and go to the next (Ctrl+Alt+A).",
            enabled=False,
        )
        self.set_aside = button(
            "set_aside",
            "Set aside",
            "Note that this case was seen and is not right, and go to the next one (Ctrl+Alt+J). Pressed "
            "again, the note is removed.",
            enabled=False,
        )
        self.reviewer = LineEdit(
            name="reviewer",
            tooltip="Name or initials, kept with each case that you accept or set aside. May stay empty.",
        )
        self.reviewer.native.setPlaceholderText("your name or initials")
        self.save = button(
            "save",
            "Save...",
            "Save the active labels, or else those of the first observer, as a mask (0 and 255) "
            "next to the photograph. The file opens again as labels.",
        )

    def _make_work(self) -> None:
        self.model = ModelBox(name="model")
        self.protocol = choice(
            "protocol",
            [("every pixel", "whole"), ("field of view", "fov")],
            "Pixels to score: every pixel, as in the papers, or only the field of view.",
        )
        self.output = folder_field("output", "Folder for the masks, or for the study.", "results")
        self.overwrite = tick("overwrite", "replace files", "Replace existing masks.")
        self.study = button(
            "study",
            "Run study",
            "Segment, measure and judge every photograph, with tables and a report in the output folder. "
            f"Pressed again, it does only what changed; corrected masks are kept. {DISCLAIMER}",
        )
        self.also = button(
            "also",
            "Also write",
            "Formats for ImageJ, QuPath, OME, DICOM and Excel that Run study also writes.",
        )
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

    def show_kind(self, *, any_folder: bool) -> None:
        """Show the fields of a data set, or those of any other folder."""
        where = self["where"]
        of_folders = [
            *(where[name] for name in ("names_row", "sheet_row", "filter_row")),
            *(self.accept, self.set_aside, self.reviewer, self.study, self.also),
        ]
        of_data_sets = [
            *(self.split, self.protocol, self.overwrite, self.segment_all, self.score_all),
            *(self.save_table, self.copied, self.copy_python),
        ]
        for fields, visible in ((of_folders, any_folder), (of_data_sets, not any_folder)):
            for field in fields:
                field.visible = visible

    def offer_splits(self, splits: list[str]) -> None:
        """Offer the parts of a data set, and all."""
        self._splits = ["all", *splits]
        self.split.reset_choices()

    def lock(self, *, busy: bool) -> None:
        """Keep what is worked on while a run goes on."""
        for field in (self.folder, self.split, self.pattern, self.date_format, self.sheet, self.output):
            field.enabled = not busy
