"""A timer in the event loop: how long the window stood still."""

import time

import numpy as np
from qtpy.QtCore import QTimer


class Clock:
    """Measures the longest time in which the event loop did nothing."""

    def __init__(self):
        self.ticks = []
        self.timer = QTimer()
        self.timer.timeout.connect(lambda: self.ticks.append(time.monotonic()))

    def __enter__(self):
        self.ticks.append(time.monotonic())
        self.timer.start(5)
        return self

    def __exit__(self, *_):
        self.timer.stop()
        self.ticks.append(time.monotonic())

    def gaps(self):
        """Give all times between two ticks, in seconds."""
        return np.diff(self.ticks)

    def longest(self):
        return max(self.gaps())
