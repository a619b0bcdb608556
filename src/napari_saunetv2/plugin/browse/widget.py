"""The Browse widget: walk through a data set, segment and score all of it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog

from napari_saunetv2 import batch, datasets
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
from napari_saunetv2.plugin.browse.cases import Group, LayerData, read_case
from napari_saunetv2.plugin.browse.form import BrowseForm
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.questions import DROP, STAY, ask_about_edits
from napari_saunetv2.plugin.common.windows import add_shortcuts, copy_text
from napari_saunetv2.plugin.session import autosave
from napari_saunetv2.plugin.session.panel import set_up
from napari_saunetv2.plugin.session.save import Saver
from napari_saunetv2.reproduce import DatasetRun

if TYPE_CHECKING:
    import napari

COLUMNS = {"segment": (SHARE, "seconds"), "score": ("f1", "auc")}
"""Metrics shown in the list; the saved table has all."""

_COPIES: dict[tuple[str, str], Callable[[DatasetRun], str]] = {
    ("segment", "Python"): DatasetRun.segment_python,
    ("segment", "a command"): DatasetRun.segment_command,
    ("score", "Python"): DatasetRun.score_python,
    ("score", "a command"): DatasetRun.score_command,
}


class BrowseWidget(BrowseForm):
    """Walk through the cases of a data set.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._group = Group(napari_viewer)
        self._samples: list[Sample] = []
        self._shown: list[Sample] = []
        self._at = -1
        self._lines: tuple[Line, ...] = ()
        self.panel = JobPanel(
            self,
            start=[self.segment_all, self.score_all],
            stop=self.stop,
            stopped="Stopping after the current step...",
            ended=self._end,
        )
        self._reading, self._thumbnails = Latest(self.panel.fail), Latest(self.panel.fail)
        self.cases = CaseList(self._go_to)
        self.native.layout().insertWidget(1, self.cases, 1)
        self._saver = Saver(napari_viewer, self.native, self.panel.line.say)
        set_up(self, napari_viewer)
        self._connect()
        titles = ", ".join(one.title for one in datasets.DATASETS.values())
        self.panel.line.say(f"Choose the folder of a data set ({titles}), or of other photographs.")
        self._check()

    def _connect(self) -> None:
        self.folder.changed.connect(self._open)
        self.split.changed.connect(self._list_cases)
        self.previous.changed.connect(partial(self._step, -1))
        self.next.changed.connect(partial(self._step, 1))
        self.save.changed.connect(self._save)
        self.segment_all.changed.connect(self._segment_all)
        self.score_all.changed.connect(self._score_all)
        self.stop.changed.connect(self.panel.stop)
        self.save_table.changed.connect(self._save_table)
        for button, language in ((self.copy_python, "Python"), (self.copy_command, "a command")):
            button.changed.connect(partial(self._copy, language))
        for other in (self._reading, self._thumbnails):
            self.native.destroyed.connect(other.abandon)
        add_shortcuts(
            self.native, {"Ctrl+PgUp": partial(self._step, -1), "Ctrl+PgDown": partial(self._step, 1)}
        )

    # Folder and list

    def _open(self) -> None:
        try:
            found = cases.read(Path(str(self.folder.value)))
        except SaunetError as error:
            self._samples = []
            self.panel.line.say(str(error))
        else:
            self._samples = found.samples
            self.panel.line.say(f"{found.in_words()} Choose one, or press Next.")
        self._splits = ["all", *dict.fromkeys(s.split for s in self._samples if s.split)]
        self.split.reset_choices()
        self._list_cases()

    def _list_cases(self) -> None:
        split = self.split.value
        self._shown = [s for s in self._samples if split in ("all", s.split)]
        self._at = -1
        self._lines = ()
        self.cases.fill(self._shown)
        self._thumbnails.forget()
        self._thumbnails.ask(
            catalogue.thumbnails(self._shown), self.cases.show_thumbnails, self.cases.show_thumbnails
        )
        self._check()

    # Going from case to case

    def _step(self, by: int) -> None:
        if self._shown and 0 <= max(self._at + by, 0) < len(self._shown):
            self.cases.go_to(max(self._at + by, 0))

    def _go_to(self, at: int) -> None:
        """Read a case, unless the user wants to keep painting on the current one."""
        if at == self._at:
            return
        edited = self._group.unsaved()
        answer = ask_about_edits(self.native, [layer.name for layer in edited]) if edited else None
        if answer == STAY:
            self.cases.mark(self._at)
            return
        self._at = at
        sample = self._shown[at]
        self.panel.line.say(f"Reading {sample.name}...")
        self._reading.forget()
        may_go = edited if answer == DROP else []
        self._reading.ask(read_case(sample), partial(self._show_case, sample, may_go))
        self._check()

    def _show_case(self, sample: Sample, may_go: list[Labels], case: list[LayerData]) -> None:
        keep = [layer for layer in self._group.unsaved() if layer not in may_go]
        for layer in self._group.labels():
            if layer not in keep:  # it is saved, or the user discarded it
                autosave.not_needed(layer.data)
        self._group.replace(case, keep)
        self.panel.line.say(f"{sample.name}: case {self._at + 1} of {len(self._shown)}.")

    def _save(self) -> None:
        photograph, labels = self._group.photograph(), self._group.labels()
        observers = [layer for layer in labels if layer.metadata.get("role") != "fov"]
        self._saver.save(observers[0] if observers else None, photograph)

    # Work on all

    def _segment_all(self) -> None:
        if not self._idle():
            return
        folder = str(self.output.value)
        if folder in ("", "."):
            folder = QFileDialog.getExistingDirectory(self.native, "Folder for the masks")
            if not folder:
                return
            self.output.value = Path(folder)
        model = self._model()
        if model is None:
            return
        options = batch.OutputOptions(Path(folder), overwrite=self.overwrite.value)
        post = PostProcessing(threshold=model.header.threshold)
        work = catalogue.segment_all(self._shown, model, InferenceConfig(), post, options)
        self._start("segment", work)

    def _score_all(self) -> None:
        model = self._model() if self._idle() else None
        if model is not None:
            scoring = Scoring(self.protocol.value, threshold="auto")
            work = catalogue.score_all(self._shown, model, scoring=scoring)
            self._start("score", work)

    def _idle(self) -> bool:
        return not self.panel.busy and bool(self._shown)

    def _model(self) -> checkpoint.Checkpoint | None:
        try:
            return checkpoint.load(self.model.value)
        except SaunetError as error:
            self.panel.fail(error)
            return None

    def _start(self, task: str, work: Any) -> None:
        self._lines = ()
        self.cases.clear_lines(COLUMNS[task])
        fill = partial(self._fill, task)
        said = f"{'Segmenting' if task == 'segment' else 'Scoring'} {len(self._shown)} images..."
        self.panel.run(work, said, progress=fill, done=fill)
        self._check()

    def _fill(self, task: str, table: Table) -> None:
        self.panel.show(table.share)
        new, self._lines = table.lines[len(self._lines) :], table.lines
        self.cases.show_lines(new, COLUMNS[task])

    def _end(self) -> None:
        failed = sum(bool(line.note) for line in self._lines)
        numbers = catalogue.mean(self._lines)
        said = ", ".join(f"{catalogue.HEADINGS.get(k, k)} {shown(k, v)}" for k, v in numbers.items())
        done = f"{len(self._lines) - failed} of {len(self._shown)} images"
        parts = [self.panel.ending, done, f"mean {said}" if said else ""]
        self.panel.line.say(": ".join(filter(None, parts)) + (f". {failed} failed." if failed else "."))
        self._check()

    def _save_table(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self.native, "Save the table", "scores.csv", "CSV (*.csv)")
        if name:
            text = catalogue.as_csv(self._lines).encode()
            try:
                # The dialog has already asked.
                write_beside(Path(name), lambda file: file.write(text), overwrite=True)
            except SaunetError as error:
                self.panel.fail(error)

    # Copies

    def _copy(self, language: str) -> None:
        model = self._model()
        if model is None:
            return
        path = Path(str(self.output.value))
        run = DatasetRun(
            Path(str(self.folder.value)),
            self._shown,
            str(self.split.value),
            self.model.value,
            model.header.threshold,
            self.protocol.value,
            Path("results") if path == Path() else path,
            self.overwrite.value,
        )
        try:
            copy_text(_COPIES[self.copied.value, language](run))
        except SaunetError as error:
            self.panel.line.say(str(error))
        else:
            self.panel.line.say(f"Copied as {language}.")

    # The rest

    def _check(self) -> None:
        idle, some = not self.panel.busy, bool(self._shown)
        self.previous.enabled = some and self._at > 0
        self.next.enabled = some and self._at < len(self._shown) - 1
        self.segment_all.enabled = some and idle
        self.score_all.enabled = idle and any(sample.label_paths for sample in self._shown)
        self.save.enabled = some
        self.copy_python.enabled = self.copy_command.enabled = some
        for field in (self.folder, self.split):
            field.enabled = idle
        self.save_table.enabled = idle and bool(self._lines)
