"""Long work beside a living window.

A job is a generator that yields progress and returns its result. It runs in napari's worker thread; only
its signals touch the interface. Its own stop flag ends it between two yields: quitting the worker would
lose the result.
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
    """What the work raised: napari's worker would raise it anew, or drop it with all its other signals."""

    error: Exception


class _Worker(GeneratorWorker):  # type: ignore[misc]
    """A worker that ends its work when a window that closes makes it quit.

    napari's leaves the generator where it stands then: what it would save at its end would be lost.
    """

    def work(self) -> Any:
        """Run the work to its end, whatever end it is."""
        try:
            return super().work()
        finally:
            self._gen.close()


class Job:
    """One run of a piece of work.

    Parameters
    ----------
    work : generator
        Yields progress, returns the result.
    progress, done, failed, finished : callable
        Called in the interface's thread: with what was yielded (ten times a second at most), with the
        result, with what the work raised, and in the end whatever happened. None of the first three is
        called for a job that was stopped, and none at all for one that was abandoned.
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
        """Ask the work to end; it does so after the step that runs."""
        self._stop.set()

    def abandon(self) -> None:
        """Stop, and call nobody any more: those who would listen are gone."""
        self._abandoned = True
        self._stop.set()

    def _run(self, work: Work) -> Generator[Any, None, Any]:
        shown = 0.0
        try:
            while not self._stop.is_set():
                state = next(work)
                if time.monotonic() - shown > UPDATE_EVERY:
                    shown = time.monotonic()
                    yield state
        except StopIteration as end:
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
        # napari's list of tasks keeps every worker, and so this job, for good: it should hold no layer.
        self._progress = self._done = self._failed = self._finished = _nobody
        if not self._abandoned:
            finished()


class Turns:
    """Runs generators in the interface's thread, a step at each turn of the event loop.

    What shows several layers would else hold up the window for as long as all of them take.

    Parameters
    ----------
    parent : QObject
        With which it ends.
    """

    def __init__(self, parent: QObject) -> None:
        self._waiting: deque[Iterator[None]] = deque()
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._step)

    def add(self, work: Iterator[None]) -> None:
        """Run this too, after what waits."""
        self._waiting.append(work)
        self._timer.start(0)

    def abandon(self) -> None:
        """Drop all: those who would see it are gone."""
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
    """Take what nobody waits for any more."""


class Latest:
    """Runs one piece of work after another, and of those that wait only the newest.

    Parameters
    ----------
    failed : callable
        Called with what a piece of work raised.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._job: Job | None = None
        self._waiting: tuple[Work, Callable[[Any], None], Callable[[Any], None]] | None = None

    def ask(
        self, work: Work, done: Callable[[Any], None], progress: Callable[[Any], None] = lambda _: None
    ) -> None:
        """Run it, or let it wait for the one that runs."""
        if self._job is not None:
            self._waiting = (work, done, progress)
            return
        self._job = Job(work, progress=progress, done=done, failed=self._failed, finished=self._next)
        self._job.start()

    def forget(self) -> None:
        """Drop what runs and what waits."""
        self._waiting = None
        if self._job is not None:
            self._job.stop()

    def abandon(self) -> None:
        """Drop all and call nobody any more: those who would listen are gone."""
        self._waiting = None
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def _next(self) -> None:
        waiting, self._job, self._waiting = self._waiting, None, None
        if waiting is not None:
            self.ask(*waiting)
