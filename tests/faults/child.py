"""Processes to kill: forks of one that has everything loaded, so that a start costs nothing."""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable


class Child:
    """A fork that does some work and leaves with 0, or with 1 and a traceback."""

    def __init__(self, work: Callable[[], object]) -> None:
        sys.stdout.flush()
        self.took = 0.0
        self._begun = time.monotonic()
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                work()
                status = 0
            except BaseException:  # noqa: BLE001
                traceback.print_exc()
            finally:
                os._exit(status)

    def kill_after(self, seconds: float) -> bool:
        """Kill -9 after so many seconds; False where it had ended well before, an error where badly."""
        end = self._begun + seconds
        while time.monotonic() < end:
            done, status = os.waitpid(self._pid, os.WNOHANG)
            if done:
                assert status == 0, f"the work failed with {status}"
                self.took = time.monotonic() - self._begun
                return False
            time.sleep(min(0.002, seconds / 10))
        os.kill(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        return os.WIFSIGNALED(status)

    def wait(self) -> float:
        """Wait for its end; returns the seconds it took."""
        _, status = os.waitpid(self._pid, 0)
        assert status == 0, f"the work failed with {status}"
        return time.monotonic() - self._begun


def until_done(
    work: Callable[[], object], usual: float, draw: random.Random, kills: int
) -> tuple[int, float]:
    """Kill a work at random instants and start it again, at most so many times; then let it end.

    Returns the number of kills, and how long it takes as busy as the machine is now.
    """
    for killed in range(kills):
        child = Child(work)
        if not child.kill_after(draw.uniform(0, usual)):
            return killed, (usual + child.took) / 2
    Child(work).wait()
    return kills, usual * 1.1
