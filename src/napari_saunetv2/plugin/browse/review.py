"""Any folder in the Browse window: its photographs are reviewed, and made a study."""

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets.cases import OTHER, Photograph
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin.browse.caselist import CaseList
from napari_saunetv2.plugin.browse.cases import Group, Row, read_with_masks
from napari_saunetv2.plugin.browse.corrected import write_corrected
from napari_saunetv2.plugin.browse.export_choice import ExportChoice
from napari_saunetv2.plugin.browse.form import BrowseForm
from napari_saunetv2.plugin.browse.known import Known
from napari_saunetv2.plugin.browse.left_out import LeftOut
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.windows import copy_text
from napari_saunetv2.plugin.session.save import labels_in_hand
from napari_saunetv2.reproduce.study import StudyRun
from napari_saunetv2.study import review as reviews
from napari_saunetv2.study import verdicts
from napari_saunetv2.study.layout import KINDS
from napari_saunetv2.study.review import Source, Status, Survey
from napari_saunetv2.study.state import prepare
from napari_saunetv2.study.verdicts import Verdict

if TYPE_CHECKING:
    from napari.components import ViewerModel


class Reviewing:
    """The photographs of a folder, and what a reviewer says of them.

    Parameters
    ----------
    form : BrowseForm
    listed : CaseList
    panel : JobPanel
    group : Group
        The layers of the case that is shown.
    viewer : ViewerModel

    Attributes
    ----------
    known : Known
    read, begun, went_on : Signal
        The folder was read; a run has begun; the next case is wanted.
    """

    read = Signal()
    begun = Signal()
    went_on = Signal()
    active = "labels"  # at hand for the brush

    def __init__(
        self, form: BrowseForm, listed: CaseList, panel: JobPanel, group: Group, viewer: "ViewerModel"
    ) -> None:
        self._form, self._panel, self._group, self._viewer = form, panel, group, viewer
        self.known = Known(form, listed, panel)
        self._survey: Survey | None = None
        self._source: Source | None = None
        self._proposed = Path()
        self._at = -1
        self._done: list[Status] = []
        self._shown = 0
        self._exports = ExportChoice(form.also.native)
        self._reading = Latest(self._fail)
        form.native.destroyed.connect(self._reading.abandon)
        for words in (form.pattern, form.date_format):
            words.native.editingFinished.connect(self._open_again)
        for path in (form.sheet, form.output):
            path.changed.connect(self._open_again)
        form.accept.changed.connect(self.accept)
        form.set_aside.changed.connect(self.set_aside)
        form.left_out.changed.connect(self._show_left_out)
        form.study.changed.connect(self._run)

    # The folder

    def open(self, folder: Path) -> None:
        """Read a folder in the background; ``read`` is emitted when that is done."""
        output = self._form.output
        if output.value in (Path(), self._proposed):
            self._proposed = folder.with_name(f"{folder.name}_study")
            with output.changed.blocked():
                output.value = self._proposed
        self._read(folder)

    def close(self) -> None:
        """Forget the folder, and where its results were proposed to go: another one is opened."""
        self._forget()
        if self._form.output.value == self._proposed:
            self._form.output.line_edit.value = ""  # a path would be made absolute
        self.check()

    def _forget(self) -> None:
        self._source, self._survey, self._at = None, None, -1
        self._reading.forget()
        self.known.forget()

    def _open_again(self) -> None:
        source = self._source
        if source is not None and source != self._asked(source.folder):
            self._read(source.folder)

    def _asked(self, folder: Path) -> Source:
        form = self._form
        pattern, date_format = (field.value.strip() or None for field in (form.pattern, form.date_format))
        sheet = form.sheet.value
        return Source(
            folder, Path(str(form.output.value)), Path(str(sheet)) if sheet else None, pattern, date_format
        )

    def _read(self, folder: Path) -> None:
        self._forget()
        self._source = self._asked(folder)
        self._panel.line.say(f"Reading '{folder}'...")
        self.read.emit()
        self._reading.ask(_survey(self._source), self._take)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, SaunetError):
            self._panel.line.say(str(error))
        else:
            self._panel.fail(error)

    def _take(self, found: Survey) -> None:
        self._survey = found
        said = [found.cohort.in_words(), found.cohort.left_out_in_words(), *found.cohort.remarks]
        self._panel.line.say(" ".join(f"{words.rstrip('.')}." for words in said if words))
        self.read.emit()

    def rows(self) -> list[Row]:
        """Fill the list, and begin to look at the photographs."""
        self._at = -1
        if self._survey is None or self._source is None:
            self.known.forget()
            return []
        self.known.fill(self._survey, self._source)
        layout, rows = self._source.layout, []
        for case, name in zip(self._survey.cohort.cases, self._survey.names, strict=True):
            # Two photographs of one name in different folders are of different eyes.
            sample = Photograph(OTHER, name, str(case.file), case.eye, None, case.file)
            masks = {kind: layout.mask(name, kind) for kind in KINDS}
            rows.append(Row(case.name, partial(read_with_masks, sample, masks)))
        return rows

    def _show_left_out(self) -> None:
        if self._survey is not None:
            LeftOut(self._survey.cohort, self._form.native).show()

    # The review

    def leave(self) -> None:
        """Take note that another case is read: the one that is still shown is not accepted for it."""
        self._at = -1

    def show(self, at: int) -> None:
        """Take note of the case that is shown."""
        self._at = at
        self.known.stay_at(at)

    def accept(self) -> None:
        """Write what was corrected, and note that the masks of this case are right."""
        if self._form.accept.enabled:
            self._do(self._accept)

    def set_aside(self) -> None:
        """Note that this case is not right, or remove this note."""
        if self._form.set_aside.enabled:
            self._do(self._set_aside)

    def _do(self, what: Callable[[Source, str], None]) -> None:
        """Do something with the case that is shown; a failure is said and changes nothing."""
        if self._source is None or self._survey is None:
            return
        try:
            what(self._source, self._survey.names[self._at])
        except SaunetError as error:
            self._panel.line.say(str(error))

    def _accept(self, source: Source, name: str) -> None:
        prepare(source.layout)
        masks = {kind: source.layout.mask(name, kind) for kind in KINDS}
        written = write_corrected(self._group, labels_in_hand(self._viewer), masks)
        self._say(source, name, "accepted", f" Written: {', '.join(written)}." if written else "")

    def _set_aside(self, source: Source, name: str) -> None:
        before = self.known.status(self._at)
        if before is None or before.verdict != "set aside":
            self._say(source, name, "set aside")
            return
        verdicts.withdraw(source.layout, name)
        self.known.put(self._at, reviews.status(source.layout, name))

    def _say(self, source: Source, name: str, verdict: Verdict, more: str = "") -> None:
        assert self._survey is not None
        file = self._survey.cohort.cases[self._at].name
        verdicts.review(source.layout, name, file, verdict, self._form.reviewer.value)
        self.known.put(self._at, reviews.status(source.layout, name))
        self._panel.line.say(f"{file}: {verdict}.{more}")
        self.went_on.emit()

    # The study

    def _run(self) -> None:
        if self._panel.busy or self._source is None or self._survey is None:
            return
        self._done, self._shown = [], 0
        config = InferenceConfig(model=self._form.model.value)
        work = reviews.run(self._source, self._survey, config, self._done, self._exports.chosen())
        said = f"Study of {len(self._survey.names)} photographs..."
        self._panel.run(work, said, progress=self._show_run, done=self._panel.line.say)
        self.begun.emit()

    def _show_run(self, share: float) -> None:
        self._panel.show(share)
        assert self._survey is not None
        rows = {name: row for row, name in enumerate(self._survey.names)}
        done = self._done[self._shown :]
        self._shown += len(done)
        for found in done:
            self.known.put(rows[found.name], found)

    def end(self) -> None:
        """Show what is left, and say how a run ended that gave no result."""
        self._show_run(1.0)
        if self._panel.ending:
            count = f"{len(self._done)} of {len(self.known)} photographs"
            self._panel.line.say(f"{self._panel.ending}: {count}. Run study goes on where it stopped.")

    def copy(self, language: str) -> None:
        """Copy the study as a command."""
        source, model = self._source, self._form.model.value
        if source is None:
            return
        copy_text(
            StudyRun(
                source.folder,
                source.output,
                model,
                source.sheet,
                source.pattern,
                source.date_format,
                self._exports.chosen(),
            ).as_command()
        )
        self._panel.line.say(f"Copied as {language}.")

    def check(self) -> None:
        """Enable what can be done now."""
        form, found = self._form, self._survey
        form.study.enabled = found is not None and not self._panel.busy
        form.copy_command.enabled = form.left_out.enabled = found is not None
        form.accept.enabled = form.set_aside.enabled = found is not None and self._at >= 0
        form.left_out.text = f"Left out ({0 if found is None else len(found.cohort.left_out)})..."


def _survey(source: Source) -> Generator[None, None, Survey]:
    yield None
    return reviews.survey(source)
