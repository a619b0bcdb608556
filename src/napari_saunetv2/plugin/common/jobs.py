"""Background jobs for a responsive window.

A job is a generator that yields progress and returns its result. It runs in napari's worker thread; only its
signals touch the interface. A stop flag ends it between two yields: quitting the worker would lose the
result.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QObject, QTimer

UPDATE_EVERY = 0.1
"""Seconds between two updates of the interface."""

Work = Generator[Any, None, Any]


@dataclass(frozen=True)
class _Failure:
    """An exception of the work: napari's worker would raise it again, or drop it with its other signals."""

    error: Exception


class _Worker(GeneratorWorker):  # type: ignore[misc]
    """A worker that ends its work properly when the window closes.

    napari's worker abandons the generator then, so that anything it saves at its end would be lost.
    """

    def work(self) -> Any:
        """Run the work until it returns, fails or is stopped."""
        try:
            return super().work()
        finally:
            self._gen.close()


class Job:
    """One run of a generator in the background.

    Parameters
    ----------
    work : generator
        Yields progress, returns the result.
    progress, done, failed, finished : callable
        Called in the GUI thread: with yielded progress (at most ten times a second), with the result, with an
        exception, and at the end in any case. The first three are not called after the job is stopped, and
        none after it is abandoned.
    """

    def __init__(
        self,
        work: Work,
        *,
        progress: Callable[[Any], None],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        finished: Callable[[], None],
    ) -> None:
        self._stop = threading.Event()
        self._abandoned = False
        self._progress, self._done, self._failed, self._finished = progress, done, failed, finished
        self._worker = create_worker(self._run, work, _start_thread=False, _worker_class=_Worker)
        self._worker.yielded.connect(self._report)
        self._worker.returned.connect(self._deliver)
        self._worker.finished.connect(self._end)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def stop(self) -> None:
        """Ask the work to stop after the current step."""
        self._stop.set()

    def abandon(self) -> None:
        """Stop without any further calls: the receivers are gone."""
        self._abandoned = True
        self._stop.set()

    def _run(self, work: Work) -> Generator[Any, None, Any]:
        shown, skipped = 0.0, None
        try:
            while not self._stop.is_set():
                state = skipped = next(work)
                if time.monotonic() - shown > UPDATE_EVERY:
                    shown, skipped = time.monotonic(), None
                    yield state
        except StopIteration as end:
            if skipped is not None:
                yield skipped  # the last state is what the window goes on showing
            return end.value
        except Exception as error:  # noqa: BLE001
            return _Failure(error)
        finally:
            work.close()
        return None

    def _report(self, state: Any) -> None:
        if not self._stop.is_set():
            self._progress(state)

    def _deliver(self, result: Any) -> None:
        if self._stop.is_set():
            return
        if isinstance(result, _Failure):
            self._failed(result.error)
        else:
            self._done(result)

    def _end(self) -> None:
        finished = self._finished
        # napari's task list keeps every worker, and so this job, forever: it must not hold a layer.
        self._progress = self._done = self._failed = self._finished = _nobody
        if not self._abandoned:
            finished()


class GuiTaskQueue:
    """Runs generators in the GUI thread, one step per turn of the event loop.

    Otherwise showing several layers would freeze the window until all are done.

    Parameters
    ----------
    parent : QObject
        Owner; the object is destroyed with it.
    """

    def __init__(self, parent: QObject) -> None:
        self._waiting: deque[Iterator[None]] = deque()
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._step)

    def add(self, work: Iterator[None]) -> None:
        """Add a task to the queue."""
        self._waiting.append(work)
        self._timer.start(0)

    def abandon(self) -> None:
        """Drop all tasks: the widget is gone."""
        self._waiting.clear()

    def _step(self) -> None:
        try:
            next(self._waiting[0])
        except StopIteration:
            self._waiting.popleft()
        except BaseException:
            self._waiting.popleft()
            raise
        finally:
            if self._waiting:
                self._timer.start(0)


def _nobody(*_: Any) -> None:
    """Receive the result of an abandoned job and ignore it."""


class Latest:
    """Runs one job at a time; of those waiting, only the newest is kept.

    Parameters
    ----------
    failed : callable
        Called with an exception of a job.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._job: Job | None = None
        self._waiting: tuple[Work, Callable[[Any], None], Callable[[Any], None]] | None = None

    def ask(
        self, work: Work, done: Callable[[Any], None], progress: Callable[[Any], None] = lambda _: None
    ) -> None:
        """Start a job, or queue it after the running one."""
        if self._job is not None:
            self._waiting = (work, done, progress)
            return
        self._job = Job(work, progress=progress, done=done, failed=self._failed, finished=self._next)
        self._job.start()

    def forget(self) -> None:
        """Drop the running and the waiting job."""
        self._waiting = None
        if self._job is not None:
            self._job.stop()

    def abandon(self) -> None:
        """Drop all jobs without any further calls: the receivers are gone."""
        self._waiting = None
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def _next(self) -> None:
        waiting, self._job, self._waiting = self._waiting, None, None
        if waiting is not None:
            self.ask(*waiting)
