"""The job panel of a widget: its buttons, progress bar and status line while work runs beside the window."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Protocol

from magicgui.widgets import Label, ProgressBar, PushButton
from psygnal import SignalInstance
from qtpy.QtWidgets import QWidget

from napari_saunetv2.plugin.common.jobs import GuiTaskQueue, Job
from napari_saunetv2.plugin.common.status import StatusLine
from napari_saunetv2.plugin.common.windows import tell


class Form(Protocol):
    """What a form must have to show a job."""

    progress: ProgressBar
    status: Label
    native_parent_changed: SignalInstance

    @property
    def native(self) -> QWidget:
        """The form's Qt widget."""


class JobPanel:
    """Runs one job at a time for a form and shows it there.

    Closing the panel stops the job; closing the window abandons it.

    Parameters
    ----------
    form : Form
    start : sequence of PushButton
        The buttons that begin a job. They are disabled while one runs, and while there is an obstacle.
    stop : PushButton
        The button that ends a job. It is enabled while a job runs that can be seen.
    stopped : str
        What the status line says of a job that is stopped.
    obstacle : callable
        Says what keeps a job from starting, or "".
    ended : callable
        Called after each job, however it ended.

    Attributes
    ----------
    line : StatusLine
    turns : GuiTaskQueue
        Steps that the window makes between two events.
    job : Job or None
        The job that runs.
    ending : str
        Why the last job gave no result, "" where it gave one.
    """

    def __init__(
        self,
        form: Form,
        *,
        start: Sequence[PushButton],
        stop: PushButton,
        stopped: str,
        obstacle: Callable[[], str] = str,
        ended: Callable[[], object],
    ) -> None:
        self._form, self._start, self._stop, self._stopped = form, start, stop, stopped
        self._obstacle, self._ended = obstacle, ended
        self.line = StatusLine(form.status)
        self.turns = GuiTaskQueue(form.native)
        self.job: Job | None = None
        self.ending = ""
        self._over = False
        form.native_parent_changed.connect(self._moved)
        form.native.destroyed.connect(self._abandon)

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self.job is not None

    def check(self, *, quietly: bool = False) -> bool:
        """Say whether a job can start, and show what keeps it from starting.

        Parameters
        ----------
        quietly : bool
            Leave the status line as it is.
        """
        if self.busy:
            return False
        obstacle = self._obstacle()
        self.line.block(obstacle, quietly=quietly)
        for button in self._start:
            button.enabled = not obstacle
        return not obstacle

    def run(
        self,
        work: Generator[Any, None, Any],
        said: str = "",
        *,
        progress: Callable[[Any], None] = lambda _state: None,
        done: Callable[[Any], Iterator[None] | None],
        visible: bool = True,
    ) -> None:
        """Start a job.

        Parameters
        ----------
        work : generator
            As :class:`Job` takes it.
        said : str
            What the status line says, "" to leave it.
        progress, done : callable
            As of :class:`Job`. What ``done`` yields is shown in turns.
        visible : bool
            Whether the job shows a progress bar and can be stopped by the button.
        """
        self.ending, self._over = "", False
        self.job = Job(
            work,
            progress=progress,
            done=lambda result: self._deliver(done(result)),
            failed=self._fail,
            finished=lambda: self.turns.add(self._end()),
        )
        for button in self._start:
            button.enabled = False
        self._stop.enabled = visible
        self._form.progress.value, self._form.progress.visible = 0, visible
        if said:
            self.line.say(said)
        self.job.start()

    def show(self, share: float) -> None:
        """Show the share of the work that is done, range [0, 1]."""
        self._form.progress.value = round(share * self._form.progress.max)

    def stop(self) -> None:
        """Stop the job; the step that runs is still finished."""
        if self.job is None or self._over:  # what is being shown already is done
            return
        self.job.stop()
        self._stop.enabled = False
        self.ending = "Stopped"
        self.line.say(self._stopped)

    def fail(self, error: Exception) -> None:
        """Tell the user of a failure."""
        self.line.say(tell(error))

    def _fail(self, error: Exception) -> None:
        self.ending, self._over = tell(error), True
        self.line.say(self.ending)

    def _deliver(self, steps: Iterator[None] | None) -> None:
        self._over = True
        if steps is not None:
            self.turns.add(steps)

    def _end(self) -> Iterator[None]:
        self.job = None
        self._stop.enabled = False
        self._form.progress.visible = False
        self._ended()
        yield

    def _moved(self, parent: object) -> None:
        if parent is None:  # closed: nobody can see or stop the job any more
            self.stop()

    def _abandon(self) -> None:
        # The window is gone, so the job must not use the fields any more.
        self.turns.abandon()
        if self.job is not None:
            self.job.abandon()
            self.job = None
