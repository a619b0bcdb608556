"""Long work beside a living window.

A job is a generator that yields progress and returns its result. It runs in napari's worker thread; only
its signals touch the interface. Its own stop flag ends it between two yields: quitting the worker would
lose the result.
"""

import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from napari.qt.threading import create_worker

from napari_saunetv2.errors import SaunetError

UPDATE_EVERY = 0.1
"""Seconds between two updates of the interface."""

Work = Generator[Any, None, Any]


class Job:
    """One run of a piece of work.

    Parameters
    ----------
    work : generator
        Yields progress, returns the result.
    progress, done, failed, finished : callable
        Called in the interface's thread: with what was yielded (ten times a second at most), with the
        result, with an error of ours, and in the end whatever happened. None of the first three is called
        for a job that was stopped.
    """

    def __init__(
        self,
        work: Work,
        *,
        progress: Callable[[Any], None],
        done: Callable[[Any], None],
        failed: Callable[[SaunetError], None],
        finished: Callable[[], None],
    ) -> None:
        self._stop = threading.Event()
        self._done, self._failed = done, failed
        self._worker = create_worker(self._run, work, _start_thread=False)
        self._worker.yielded.connect(progress)
        self._worker.returned.connect(self._deliver)
        self._worker.finished.connect(finished)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def stop(self) -> None:
        """Ask the work to end; it does so after the step that runs."""
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
        except SaunetError as error:
            return error  # raised here it would reach the user as a traceback
        finally:
            work.close()
        return None

    def _deliver(self, result: Any) -> None:
        if self._stop.is_set():
            return
        if isinstance(result, SaunetError):
            self._failed(result)
        else:
            self._done(result)
