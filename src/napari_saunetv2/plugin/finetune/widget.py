"""The Fine-tune widget: annotated images in, a better model out."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from napari.layers import Image
from napari.utils.notifications import show_warning
from napari.utils.theme import get_theme
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin.common.jobs import Job, Latest, Turns
from napari_saunetv2.plugin.common.status import StatusLine
from napari_saunetv2.plugin.common.windows import add_shortcuts, choose_in_segment, tell
from napari_saunetv2.plugin.finetune import run, words
from napari_saunetv2.plugin.finetune.form import SETTINGS, FineTuneForm
from napari_saunetv2.plugin.finetune.pairs_table import Chosen
from napari_saunetv2.plugin.finetune.preview import LivePrediction, Photograph
from napari_saunetv2.plugin.finetune.rows import of_folder, of_layers, uncorrected
from napari_saunetv2.plugin.finetune.run import Begun, Control, Picked
from napari_saunetv2.plugin.session.panel import set_up
from napari_saunetv2.reproduce import FineTuning
from napari_saunetv2.training import Outcome, Report, Task, tasks, tuning

if TYPE_CHECKING:
    import napari

_RUNNING: set[Path] = set()
"""Folders of the trainings that run in this program: they are not to be gone on with."""


class FineTuneWidget(FineTuneForm):
    """Train a model on annotated images, and watch it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        self._viewer = napari_viewer
        self._job: Job | None = None
        self._control = Control()
        self._preview = LivePrediction(napari_viewer)
        self._task: Task | None = None
        self._waiting: Task | None = None
        self._report: Report | None = None
        self._photographs: list[Photograph | None] = []
        super().__init__()
        self._line = StatusLine(self.status)
        self._turns = Turns(self.native)
        self._painted = QTimer(self.native)  # a stroke is many events
        self._painted.setSingleShot(True)
        self._painted.setInterval(300)
        self._painted.timeout.connect(self._layers_changed)
        self._suggest_name()
        self._connect()
        set_up(self, napari_viewer)
        self._colour()
        self._warming = Latest(self._show_failure)
        self._warming.ask(run.warm_up(), lambda _: None)
        self._offer()
        self._fill()

    def _connect(self) -> None:
        for button, action in (
            (self.run, self._start), (self.pause, self._pause), (self.stop, self._stop),
            (self.go_on, self._go_on), (self.discard, self._discard),
            (self.copy_python, partial(self._copy, FineTuning.as_python)),
            (self.copy_command, partial(self._copy, FineTuning.as_command)),
        ):  # fmt: skip
            button.changed.connect(lambda _value=None, action=action: action())
        self.source.changed.connect(self._fill)
        self.folder.changed.connect(self._fill)
        self.base.changed.connect(self._suggest_name)
        self.pairs.changed.connect(self._check)
        for field in self._fields():
            field.changed.connect(self._check)
        layers = self._viewer.layers
        for event in (layers.events.inserted, layers.events.removed, layers.events.renamed):
            event.connect(self._layers_changed)
        self._viewer.events.theme.connect(self._colour)
        self.native_parent_changed.connect(self._panel_moved)
        self.native.destroyed.connect(self._abandon)
        add_shortcuts(self.native, {"Ctrl+Alt+F": self._start})

    # What the user does

    def _start(self) -> None:
        self._check()
        if self._job is not None or self._line.obstacle:
            return
        changes, device = self.settings(), str(self.device.value)
        try:
            picked = self._picked(changes)
        except SaunetError as error:
            self._show_failure(error)
            return
        self._control = Control()
        name = str(self.model_name.value)
        work = run.begin(picked, name, self.base_name(), changes, device, self._control)
        self._launch(work, self.pairs.chosen(), f"Reading {words.counted(len(picked))}...")

    def _go_on(self) -> None:
        if self._job is None and self._waiting is not None:
            self._control = Control()
            task, self._waiting = self._waiting, None
            self._launch(run.go_on(task, self._control), [], f"Going on with {task.name}...")

    def _discard(self) -> None:
        if self._job is None and self._waiting is not None:
            self._waiting.discard()
            self._offer()

    def _pause(self) -> None:
        paused = self._control.paused
        if paused.is_set():
            paused.clear()
        else:
            paused.set()
        self.pause.text = "Go on" if paused.is_set() else "Pause"
        if self._report is not None:
            self._tell(self._report)

    def _stop(self) -> None:
        self._control.stop.set()
        self.stop.enabled = self.pause.enabled = False
        self._line.say("Stopping: the best so far is being kept...")

    def _copy(self, text: Callable[[FineTuning], str]) -> None:
        self._check()
        if self._job is not None or self._line.obstacle:
            return
        changes = self.settings()
        name, device = str(self.model_name.value), str(self.device.value)

        def snippet(folder: Path, only: Sequence[str] = ()) -> FineTuning:
            return FineTuning(folder, only, self.base_name(), changes, device, Path(name))

        if self.source.value == "folder":
            names = [one.name for one in self.pairs.chosen()]
            self._put(text(snippet(Path(str(self.folder.value)), names)))
            return
        try:
            picked = self._picked(changes)
        except SaunetError as error:
            self._show_failure(error)
            return
        values = bool(changes["sparse"]) or len(changes["classes"]) > 1
        self._job = Job(
            run.export(picked, tasks.copies(), values=values),
            progress=lambda _state: None,
            done=lambda folder: self._put(text(snippet(folder))),
            failed=self._show_failure,
            finished=lambda: self._turns.add(self._reset()),
        )
        self.run.enabled = False
        self._job.start()

    def _put(self, text: str) -> None:
        QApplication.clipboard().setText(text)
        self._line.say("Copied; the images and labels are read from where the text says.")

    def _picked(self, changes: dict[str, Any]) -> list[Picked]:
        values = bool(changes["sparse"]) or len(changes["classes"]) > 1
        return [Picked(one, values=values) for one in self.pairs.chosen()]

    def _launch(self, work: Any, chosen: list[Chosen], status: str) -> None:
        self._preview.begin()
        # What the layers show now: they may show something else by the time their pairs are read.
        self._photographs = [
            Photograph.of(row.image, row.labels) if isinstance(row.image, Image) else None for row in chosen
        ]
        self._report = None
        self.plot.clear()
        self.resume.visible = False
        self.run.enabled = False
        self.set_running(running=True)
        self.progress.value = 0
        self._line.say(status)
        self._job = Job(
            work,
            progress=self._show_progress,
            done=lambda outcome: self._turns.add(self._show_outcome(outcome)),
            failed=self._show_failure,
            finished=lambda: self._turns.add(self._reset()),
        )
        self._job.start()

    def _panel_moved(self, parent: object) -> None:
        if parent is None and self._job is not None:  # closed: what was reached is kept, and offered later
            self._job.stop()

    def _abandon(self) -> None:
        self._warming.abandon()
        self._turns.abandon()
        if self._job is not None:
            self._job.abandon()
            self._job = None
        if self._task is not None:
            _RUNNING.discard(self._task.folder)

    # What the job says

    def _show_progress(self, state: Report | Begun) -> None:
        if isinstance(state, Begun):
            self._task = state.task
            _RUNNING.add(state.task.folder)
            for remark in state.remarks:
                show_warning(remark)
            found = {name: self._photographs[row] for name, row in state.rows.items()}
            self._preview.take(state.pairs, {name: one for name, one in found.items() if one is not None})
            self._line.say(f"Preparing {words.counted(len(state.pairs))}...")
            return
        self._report = state
        self.progress.value = round(state.step / state.steps * self.progress.max)
        self._turns.add(self._draw(state))
        if not self._control.stop.is_set():
            self._tell(state)

    def _draw(self, state: Report) -> Iterator[None]:
        self.plot.show(state.step, state.loss, state.history, (state.best_step, state.best_f1))
        yield
        yield from self._preview.show(state.preview)
        if state.preview is not None:
            self._control.shown.set()

    def _tell(self, state: Report) -> None:
        self._line.say(words.of_report(state, paused=self._control.paused.is_set()))

    def _show_outcome(self, outcome: Outcome) -> Iterator[None]:
        if outcome.model is not None:
            self.base.reset_choices()
            yield
            choose_in_segment(self._viewer, outcome.name)
            yield
        self._line.say(words.of_outcome(outcome))
        self.status.tooltip = "" if outcome.model is None else str(outcome.log)
        self._preview.hide()
        self._suggest_name()
        yield

    def _show_failure(self, error: Exception) -> None:
        self._line.say(tell(error))

    def _reset(self) -> Iterator[None]:
        self._job = None
        if self._task is not None:
            _RUNNING.discard(self._task.folder)
            self._task = None
        self.set_running(running=False)
        self._offer()
        # Layers may have come and gone. The line tells how it ended; what is missing for another run it tells
        # with the next change.
        self._fill(quietly=True)
        yield

    # What can be gone on with, and what can be run

    def _offer(self) -> None:
        """Offer the newest training that was not done."""
        if self._job is not None:
            return
        self._waiting = next((t for t in tasks.unfinished() if t.folder not in _RUNNING), None)
        self.resume.visible = self._waiting is not None
        if self._waiting is not None:
            self.unfinished.value = (
                f"{self._waiting.name}: step {self._waiting.step()}/{self._waiting.config.steps}"
            )

    def _suggest_name(self) -> None:
        self.model_name.value = tasks.free_name(self.base_name())

    def _layers_changed(self) -> None:
        if self.source.value == "layers" and self._job is None:
            self._fill()

    def _on_paint(self) -> None:
        self._painted.start()

    def _fill(self, *, quietly: bool = False) -> None:
        """Fill the table from where the images are to come."""
        self._no_folder = ""
        rows = []
        if self.source.value == "layers":
            rows = of_layers(self._viewer)
            for layer in uncorrected(self._viewer):  # a stroke makes them worth learning from
                layer.events.paint.connect(self._on_paint)
        elif str(self.folder.value) not in ("", "."):
            try:
                rows = of_folder(Path(str(self.folder.value)))
            except SaunetError as error:
                self._no_folder = str(error)
        self.pairs.fill(rows)
        self._check(quietly=quietly)

    def _check(self, *, quietly: bool = False) -> None:
        """Mark what is wrong, and say why there is nothing to run, if so; else let stand what was said."""
        if self._job is not None:
            return
        obstacle = self._obstacle()
        self._line.block(obstacle, quietly=quietly)
        self.run.enabled = not obstacle
        self.copy_python.enabled = self.copy_command.enabled = not obstacle

    def _obstacle(self) -> str:
        chosen = self.pairs.chosen()
        values = self.settings()
        wrong = tuning.problems(values, max(1, len(chosen)))
        if why := tasks.problem_of_name(str(self.model_name.value)):
            wrong["model_name"] = why
        self.mark(wrong)
        said = {self._called(name): why for name, why in wrong.items()}
        return words.of_obstacle(self.source.value, self.pairs.rows, chosen, self._no_folder, said)

    def _called(self, name: str) -> str:
        folded = " (more settings)" if name in SETTINGS and not self.more.value else ""
        return f"{self.fields[name].label}{folded} is {self.fields[name].value!r}"

    def _colour(self) -> None:
        theme = get_theme(self._viewer.theme)
        self.plot.colour(pg.mkColor(theme.background.as_hex()), pg.mkColor(theme.text.as_hex()))
