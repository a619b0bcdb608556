import time

import numpy as np
import pytest
from segmenting import names, picture

from clock import Clock

pytestmark = [pytest.mark.gui, pytest.mark.exclusive]

LARGE = (2336, 3504)


@pytest.fixture
def large():
    small = picture(146, 219)
    return small.repeat(16, 0).repeat(16, 1)


class Course(Clock):
    """A clock that knows when the result came."""

    def watch(self, widget):
        """Note when the result comes into the event loop."""
        deliver = widget.panel.job._done

        def done(result):
            self.came = time.monotonic()
            deliver(result)

        widget.panel.job._done = done

    def shown(self):
        """Longest gap before the result came, and after."""
        ticks = np.array(self.ticks)
        gaps = np.diff(ticks)
        before = ticks[1:] < self.came
        return max(gaps[before]), max(gaps[~before])


def test_the_window_answers_while_a_large_image_is_segmented(viewer, widget, finish, large, qtbot, capsys):
    """Gaps in which the window stands still, while the network works and while its result is shown.

    To add a layer, of whatever size, takes napari 0.08 to 0.14 s for its visuals and its panel. Ours are
    added with less to do, each in a turn of the event loop; what napari takes by itself is printed too.
    """
    # The first layers of their kind cost napari a second, wherever they come from.
    viewer.add_image(picture(), rgb=True, name="small")
    widget.run.native.click()
    finish(widget)
    smallest = []
    for add in (viewer.add_image, viewer.add_labels):
        begun = time.monotonic()
        add(np.zeros((8, 8), np.uint8))
        smallest.append(time.monotonic() - begun)
    viewer.layers.clear()
    viewer.add_image(large, rgb=True, name="eye")
    qtbot.waitUntil(lambda: "3504x2336" in widget.card.value, timeout=60_000)
    with Clock() as idle:
        qtbot.wait(1000)
    widget.rescale.value = "auto"
    gaps = {"idle": idle.longest(), "napari adds the smallest layer": max(smallest)}
    for run in ("first run", "second run"):  # the first one makes the layers, the second one renews them
        with Course() as clock:
            widget.run.native.click()
            clock.watch(widget)
            finish(widget)
            qtbot.wait(200)
        shown = clock.shown()
        gaps |= {f"{run}, network at work": shown[0], f"{run}, result shown": shown[1]}
    assert names(viewer) == ["eye", "eye probability", "eye vessels"]
    with capsys.disabled():
        print("\nlongest gaps:", ", ".join(f"{what} {gap * 1e3:.0f} ms" for what, gap in gaps.items()))
    # What the machine's neighbours do to one run they do not do to both.
    assert min(gaps[f"{run} run, network at work"] for run in ("first", "second")) < 0.1 + gaps["idle"]
    assert gaps["second run, result shown"] < 0.1 + gaps["idle"]
    # On a machine that is busy with other work napari's own share alone may be longer.
    assert gaps["first run, result shown"] < 1.3 * max(0.1, gaps["napari adds the smallest layer"])


def test_the_threshold_is_live_on_a_large_image(viewer, widget, run, hold, large, capsys):
    viewer.add_image(large, rgb=True, name="eye")
    hold.go.set()
    run(widget)
    wall, own = [], []
    for level in (0.3, 0.7, 0.4, 0.6, 0.2):
        begun = time.perf_counter(), time.thread_time()
        widget.threshold.value = level
        wall.append(time.perf_counter() - begun[0])
        own.append(time.thread_time() - begun[1])
        assert viewer.layers["eye vessels"].data.all() == (level <= 0.5)
    with capsys.disabled():
        print(f"\nthreshold on 3504x2336: {min(wall) * 1e3:.0f} ms, of the processor {min(own) * 1e3:.0f} ms")
    assert min(own) < 0.05  # the machine may have more to do: only the thread's own time is told
