"""What all widgets have in common: keys, room, and how often they are drawn anew."""

import time
from itertools import pairwise

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from focus import activate, give_focus, press
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.inference.fallback import State
from napari_saunetv2.plugin.common.jobs import Job
from napari_saunetv2.plugin.evaluate import widget as evaluate
from napari_saunetv2.plugin.finetune import run
from napari_saunetv2.plugin.segment import widget as segment

pytestmark = pytest.mark.gui

PLUGIN = "napari-saunetv2"
WIDGETS = ("Segment vessels", "Fine-tune a model", "Evaluate vessels", "Measure vessels", "Browse a data set")


@pytest.fixture
def viewer(make_napari_viewer, tmp_path, monkeypatch):
    monkeypatch.setenv("SAUNETV2_MODELS", str(tmp_path))
    return make_napari_viewer()


@pytest.fixture
def shown(viewer, qtbot):
    """The same, as the user sees it, with the sample and with the focus."""
    viewer.window.resize(1280, 1600)  # high, so that nothing is scrolled out of sight
    viewer.show()
    window = viewer.window._qt_window
    activate(qtbot, window)
    viewer.open_sample(PLUGIN, "synthetic")
    return viewer


FIRST = {  # the field that stands on top
    "Segment vessels": lambda widget: widget.image.native,
    "Fine-tune a model": lambda widget: widget.source.native,
    "Evaluate vessels": lambda widget: widget.prediction.native,
    "Measure vessels": lambda widget: widget.vessels.native,
    "Browse a data set": lambda widget: widget.folder.line_edit.native,
}


@pytest.mark.parametrize("name", WIDGETS)
def test_tab_goes_through_the_fields_as_the_eye_does(shown, name, qtbot):
    _, widget = shown.window.add_plugin_dock_widget(PLUGIN, name)
    if hasattr(widget, "more"):
        widget.more.native.click()
    panel, seen = widget.native, []
    give_focus(qtbot, FIRST[name](widget))
    while (field := QApplication.focusWidget()) not in seen and panel.isAncestorOf(field):
        seen.append(field)
        QTest.keyClick(field, Qt.Key.Key_Tab)
    assert len(seen) > 7
    assert not panel.isAncestorOf(QApplication.focusWidget())  # Tab leaves it at its end
    places = [field.mapTo(panel, field.rect().topLeft()) for field in seen]
    for here, there in pairwise(places):
        same_row = abs(here.y() - there.y()) < 8
        assert there.x() > here.x() if same_row else there.y() > here.y(), [(p.y(), p.x()) for p in places]


def test_shortcuts_act(shown, monkeypatch, qtbot):
    def endless(*_):
        for _ in range(2000):  # twenty seconds: where nobody stops it, the test fails
            time.sleep(0.01)
            yield State(1, 2, "cpu", "")

    def refuse(*_):
        raise SettingsError("it was begun")
        yield

    monkeypatch.setattr(segment, "segment_planes", endless)
    monkeypatch.setattr(evaluate, "examine", refuse)
    monkeypatch.setattr(run, "begin", refuse)
    window = shown.window._qt_window
    first, tune, score = (shown.window.add_plugin_dock_widget(PLUGIN, name)[1] for name in WIDGETS[:3])
    score.prediction.value = score.truth.value = [shown.layers["synthetic exact"]]
    for widget in (first, tune, score):  # only what is in sight listens
        qtbot.waitUntil(widget.native.isVisible, timeout=60_000)
    press(window, "Ctrl+Alt+U")
    assert "Tick uncertainty" in first.status.value
    press(window, "Ctrl+Return")
    assert first.status.value == "Segmenting synthetic..."
    press(window, "Ctrl+Alt+X")
    assert first.status.value == "Stopped; no layer was changed."
    qtbot.waitUntil(lambda: first.panel.job is None, timeout=60_000)
    for widget, keys in ((tune, "Ctrl+Alt+F"), (score, "Ctrl+Alt+E")):
        press(window, keys)
        qtbot.waitUntil(lambda widget=widget: widget.panel.job is None, timeout=60_000)
        assert widget.status.value == "it was begun"


def test_panels_lie_behind_tabs_and_not_below_each_other(shown, qtbot):
    """Below each other two of them are higher than a laptop's screen."""
    window = shown.window._qt_window
    window.resize(1280, 800)
    alone = shown.window.add_plugin_dock_widget(PLUGIN, WIDGETS[0])[0]
    QTest.qWait(50)
    others = []
    for name in WIDGETS[1:]:
        others.append(shown.window.add_plugin_dock_widget(PLUGIN, name)[0])
        qtbot.waitUntil(lambda: set(window.tabifiedDockWidgets(alone)) == set(others), timeout=60_000)
    qtbot.waitUntil(lambda: window.height() == 800, timeout=60_000)


def test_the_window_is_drawn_anew_ten_times_a_second_at_most(qtbot):
    said, ended = [], []

    def busy():
        for number in range(100):
            time.sleep(0.01)
            yield number
        return "all"

    job = Job(
        busy(),
        progress=lambda state: said.append((time.monotonic(), state)),
        done=ended.append,
        failed=ended.append,
        finished=lambda: ended.append("end"),
    )
    job.start()
    qtbot.waitUntil(lambda: "end" in ended, timeout=30_000)
    assert ended == ["all", "end"]
    seconds = said[-1][0] - said[0][0]
    assert 2 <= len(said) <= 2 + seconds / 0.1  # one more: what was yielded and what is shown may lie apart
