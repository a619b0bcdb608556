"""A data set in the Browse window: segment and score all of it, and copy that as code."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from psygnal import Signal
from qtpy.QtWidgets import QFileDialog

from napari_saunetv2 import batch
from napari_saunetv2.batch import catalogue
from napari_saunetv2.batch.catalogue import SHARE, Line, Table
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import Sample, cases
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.evaluation import Scoring
from napari_saunetv2.files import write_beside
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.metrics import shown
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.browse.caselist import CaseList
from napari_saunetv2.plugin.browse.cases import Row, read_case
from napari_saunetv2.plugin.browse.form import BrowseForm
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.windows import copy_text
from napari_saunetv2.reproduce import DatasetRun

FIXED = ("case", "split", "observers")
"""Columns of the list."""

COLUMNS = {"segment": (SHARE, "seconds"), "score": ("f1", "auc")}
"""Metrics shown in the list; the saved table has all."""

_COPIES: dict[tuple[str, str], Callable[[DatasetRun], str]] = {
    ("segment", "Python"): DatasetRun.segment_python,
    ("segment", "a command"): DatasetRun.segment_command,
    ("score", "Python"): DatasetRun.score_python,
    ("score", "a command"): DatasetRun.score_command,
}


class DataSet:
    """The cases of a data set, and what is done with all of them.

    Parameters
    ----------
    form : BrowseForm
    listed : CaseList
    panel : JobPanel

    Attributes
    ----------
    lines : tuple of Line
        Numbers of the last run.
    begun : Signal
        A run has begun.
    """

    begun = Signal()
    active = "image"

    def __init__(self, form: BrowseForm, listed: CaseList, panel: JobPanel) -> None:
        self._form, self._list, self._panel = form, listed, panel
        self._samples: list[Sample] = []
        self._shown: list[Sample] = []
        self.lines: tuple[Line, ...] = ()
        self._thumbnails = Latest(panel.fail)
        form.native.destroyed.connect(self._thumbnails.abandon)
        form.segment_all.changed.connect(self._segment_all)
        form.score_all.changed.connect(self._score_all)
        form.save_table.changed.connect(self._save_table)

    def open(self, folder: Path) -> None:
        """Read what a folder holds, and say it."""
        try:
            found = cases.read(folder)
        except SaunetError as error:
            self._samples = []
            self._panel.line.say(str(error))
        else:
            self._samples = found.samples
            self._panel.line.say(f"{found.in_words()} Choose one, or press Next.")
        self._form.offer_splits(list(dict.fromkeys(s.split for s in self._samples if s.split)))

    def rows(self) -> list[Row]:
        """Fill the list with the cases of the chosen split."""
        split = self._form.split.value
        self._shown = [s for s in self._samples if split in ("all", s.split)]
        self.lines = ()
        self._list.fill(
            FIXED, [(s.name, s.split or "-", ", ".join(s.label_paths) or "-") for s in self._shown]
        )
        self._thumbnails.forget()
        show = self._list.show_thumbnails
        self._thumbnails.ask(catalogue.thumbnails(self._shown), show, show)
        return [Row(sample.name, partial(read_case, sample)) for sample in self._shown]

    def close(self) -> None:
        """Forget the data set: another folder is opened."""
        self._thumbnails.forget()
        self._samples, self._shown, self.lines = [], [], ()
        self.check()

    def leave(self) -> None:
        """Take note that another case is read: nothing depends on it."""

    def show(self, at: int) -> None:
        """Take note of the case that is shown: nothing depends on it."""

    def check(self) -> None:
        """Enable what can be done now."""
        form, idle, some = self._form, not self._panel.busy, bool(self._shown)
        form.segment_all.enabled = some and idle
        form.score_all.enabled = idle and any(sample.label_paths for sample in self._shown)
        form.copy_python.enabled = form.copy_command.enabled = some
        form.save_table.enabled = idle and bool(self.lines)

    # Work on all

    def _segment_all(self) -> None:
        if not self._idle():
            return
        folder = str(self._form.output.value)
        if folder in ("", "."):
            folder = QFileDialog.getExistingDirectory(self._form.native, "Folder for the masks")
            if not folder:
                return
            self._form.output.value = Path(folder)
        model = self._model()
        if model is None:
            return
        options = batch.OutputOptions(Path(folder), overwrite=self._form.overwrite.value)
        post = PostProcessing(threshold=model.header.threshold)
        work = catalogue.segment_all(self._shown, model, InferenceConfig(), post, options)
        self._start("segment", work)

    def _score_all(self) -> None:
        model = self._model() if self._idle() else None
        if model is not None:
            scoring = Scoring(self._form.protocol.value, threshold="auto")
            work = catalogue.score_all(self._shown, model, scoring=scoring)
            self._start("score", work)

    def _idle(self) -> bool:
        return not self._panel.busy and bool(self._shown)

    def _model(self) -> checkpoint.Checkpoint | None:
        try:
            return checkpoint.load(self._form.model.value)
        except SaunetError as error:
            self._panel.fail(error)
            return None

    def _start(self, task: str, work: Any) -> None:
        self.lines = ()
        self._list.clear_lines(COLUMNS[task])
        fill = partial(self._fill, task)
        said = f"{'Segmenting' if task == 'segment' else 'Scoring'} {len(self._shown)} images..."
        self._panel.run(work, said, progress=fill, done=fill)
        self.begun.emit()

    def _fill(self, task: str, table: Table) -> None:
        self._panel.show(table.share)
        new, self.lines = table.lines[len(self.lines) :], table.lines
        self._list.show_lines(new, COLUMNS[task])

    def end(self) -> None:
        """Say how the run ended."""
        failed = sum(bool(line.note) for line in self.lines)
        numbers = catalogue.mean(self.lines)
        said = ", ".join(f"{catalogue.HEADINGS.get(k, k)} {shown(k, v)}" for k, v in numbers.items())
        done = f"{len(self.lines) - failed} of {len(self._shown)} images"
        parts = [self._panel.ending, done, f"mean {said}" if said else ""]
        self._panel.line.say(": ".join(filter(None, parts)) + (f". {failed} failed." if failed else "."))

    def _save_table(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self._form.native, "Save the table", "scores.csv", "CSV (*.csv)"
        )
        if name:
            text = catalogue.as_csv(self.lines).encode()
            try:
                # The dialog has already asked.
                write_beside(Path(name), lambda file: file.write(text), overwrite=True)
            except SaunetError as error:
                self._panel.fail(error)

    # Copies

    def copy(self, language: str) -> None:
        """Copy the chosen action in a language."""
        model = self._model()
        if model is None:
            return
        form = self._form
        path = Path(str(form.output.value))
        run = DatasetRun(
            Path(str(form.folder.value)),
            self._shown,
            str(form.split.value),
            form.model.value,
            model.header.threshold,
            form.protocol.value,
            Path("results") if path == Path() else path,
            form.overwrite.value,
        )
        try:
            copy_text(_COPIES[form.copied.value, language](run))
        except SaunetError as error:
            self._panel.line.say(str(error))
        else:
            self._panel.line.say(f"Copied as {language}.")
