"""The Fine-tune widget: train a model on annotated images."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning
from superqt.utils import QSignalDebouncer

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.windows import add_shortcuts, choose_in_segment, copy_text
from napari_saunetv2.plugin.finetune import messages, run, unfinished
from napari_saunetv2.plugin.finetune.form import FineTuneForm
from napari_saunetv2.plugin.finetune.pairs_table import Chosen
from napari_saunetv2.plugin.finetune.preview import LivePrediction
from napari_saunetv2.plugin.finetune.rows import of_source, uncorrected
from napari_saunetv2.plugin.finetune.run import Begun, Control, Picked
from napari_saunetv2.plugin.session.panel import set_up
from napari_saunetv2.reproduce import FineTuning
from napari_saunetv2.training import Outcome, Report, Task, tasks

if TYPE_CHECKING:
    import napari

AFTER = 300
"""Milliseconds from the last event of a stroke, which is many, to the table that knows of it."""


class FineTuneWidget(FineTuneForm):
    """Train a model on annotated images and follow its progress.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        self._viewer = napari_viewer
        self._control = Control()
        self._preview = LivePrediction(napari_viewer)
        self._task: Task | None = None
        self._waiting: Task | None = None
        self._report: Report | None = None
        super().__init__()
        self.panel = JobPanel(
            self,
            start=[self.run, self.copy_python, self.copy_command],
            stop=self.stop,
            stopped="Stopped; what it learned is kept to go on with.",
            obstacle=self._obstacle,
            ended=self._end,
        )
        self._painted = QSignalDebouncer(parent=self.native)
        self._painted.setTimeout(AFTER)
        self._painted.triggered.connect(self._layers_changed)
        self._suggest_name()
        self._connect()
        set_up(self, napari_viewer)
        self.plot.follow_theme(napari_viewer)
        self._warming = Latest(self.panel.fail)
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
        for field in self.marks.fields:
            field.changed.connect(self._check)
        layers = self._viewer.layers
        for event in (layers.events.inserted, layers.events.removed, layers.events.renamed):
            event.connect(self._layers_changed)
        self.native.destroyed.connect(self._abandon)
        add_shortcuts(self.native, {"Ctrl+Alt+F": self._start})

    # What the user does

    def _start(self) -> None:
        picked = self._picked() if self._check() else []
        if picked:
            self._control = Control()
            name, device = str(self.model_name.value), str(self.device.value)
            work = run.begin(picked, name, self.base_name(), self.tuning(), device, self._control)
            self._launch(work, self.pairs.chosen(), f"Reading {messages.counted(len(picked))}...")

    def _go_on(self) -> None:
        if not self.panel.busy and self._waiting is not None:
            self._control = Control()
            task, self._waiting = self._waiting, None
            self._launch(run.go_on(task, self._control), [], f"Resuming {task.name}...")

    def _discard(self) -> None:
        if not self.panel.busy and self._waiting is not None:
            self._waiting.discard()
            self._offer()

    def _pause(self) -> None:
        self.pause.text = "Resume" if self._control.toggle_pause() else "Pause"
        if self._report is not None:
            self._tell(self._report)

    def _stop(self) -> None:
        self._control.stop.set()
        self.stop.enabled = self.pause.enabled = False
        self.panel.line.say("Stopping: saving the best model so far...")

    def _copy(self, text: Callable[[FineTuning], str]) -> None:
        if not self._check():
            return
        wanted = FineTuning(
            Path(str(self.folder.value)),
            [one.name for one in self.pairs.chosen()],
            self.base_name(),
            self.tuning(),
            str(self.device.value),
            Path(str(self.model_name.value)),
        )
        if self.source.value == "folder":
            self._put(text(wanted))
        elif picked := self._picked():
            work = run.export(picked, tasks.copies(), values=self.tuning().by_value)
            self.panel.run(
                work, done=lambda at: self._put(text(replace(wanted, folder=at, only=()))), visible=False
            )

    def _put(self, text: str) -> None:
        copy_text(text)
        self.panel.line.say("Copied; the images and labels are saved in the folder that the text names.")

    def _picked(self) -> list[Picked]:
        """Copy what is ticked from its layers; a failure is shown, and the list is then empty."""
        try:
            return [Picked(one, values=self.tuning().by_value) for one in self.pairs.chosen()]
        except SaunetError as error:
            self.panel.fail(error)
            return []

    def _launch(self, work: Any, chosen: list[Chosen], said: str) -> None:
        self._preview.begin(chosen)
        self._report = None
        self.plot.clear()
        self.resume.visible = False
        self.set_running(running=True)
        self.panel.run(work, said, progress=self._show_progress, done=self._show_outcome)

    def _abandon(self) -> None:
        self._warming.abandon()
        if self._task is not None:
            unfinished.note_ended(self._task)

    # What the job says

    def _show_progress(self, state: Report | Begun) -> None:
        if isinstance(state, Begun):
            self._task = state.task
            unfinished.note_running(state.task)
            for remark in state.remarks:
                show_warning(remark)
            self._preview.take(state.pairs, state.rows)
            self.panel.line.say(f"Preparing {messages.counted(len(state.pairs))}...")
            return
        self._report = state
        self.panel.show(state.share)
        self.panel.turns.add(self._draw(state))
        if not self._control.stop.is_set():
            self._tell(state)

    def _draw(self, state: Report) -> Iterator[None]:
        self.plot.show(state.step, state.loss, state.history, (state.best_step, state.best_f1))
        yield
        yield from self._preview.show(state.preview)
        if state.preview is not None:
            self._control.shown.set()

    def _tell(self, state: Report) -> None:
        self.panel.line.say(messages.of_report(state, paused=self._control.paused.is_set()))

    def _show_outcome(self, outcome: Outcome) -> Iterator[None]:
        if outcome.model is not None:
            self.base.reset_choices()
            yield
            choose_in_segment(self._viewer, outcome.name)
            yield
        self.panel.line.say(messages.of_outcome(outcome))
        self.status.tooltip = "" if outcome.model is None else str(outcome.log)
        self._preview.hide()
        self._suggest_name()
        yield

    def _end(self) -> None:
        if self._task is not None:
            unfinished.note_ended(self._task)
            self._task = None
        self.set_running(running=False)
        self._offer()
        # Layers may have been added or removed. The status shows how the training ended; obstacles to another
        # run show at the next change.
        self._fill(quietly=True)

    # What can be resumed, and what can be run

    def _offer(self) -> None:
        """Offer to resume the newest unfinished training."""
        self._waiting = unfinished.newest()
        self.resume.visible = self._waiting is not None
        if self._waiting is not None:
            self.unfinished.value = messages.of_task(self._waiting)

    def _suggest_name(self) -> None:
        self.model_name.value = tasks.free_name(self.base_name())

    def _layers_changed(self) -> None:
        if self.source.value == "layers" and not self.panel.busy:
            self._fill()

    def _on_paint(self) -> None:
        self._painted.throttle()

    def _fill(self, *, quietly: bool = False) -> None:
        """Fill the table from the chosen source."""
        source = self.source.value
        rows, self._no_folder = of_source(self._viewer, source, str(self.folder.value))
        if source == "layers":
            for layer in uncorrected(self._viewer):  # painting on them makes them useful for training
                layer.events.paint.connect(self._on_paint)
        self.pairs.fill(rows)
        self.panel.check(quietly=quietly)

    def _check(self) -> bool:
        """Say whether a training can start; where not, the status line says why."""
        return self.panel.check()

    def _obstacle(self) -> str:
        chosen = self.pairs.chosen()
        wrong = self.problems(len(chosen))
        return messages.of_obstacle(self.source.value, self.pairs.rows, chosen, self._no_folder, wrong)
