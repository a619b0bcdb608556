"""A session with one real photograph, by mouse and keys, from its vessels to a model of its own."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from focus import activate, give_focus, press
from napari_saunetv2 import evaluation
from napari_saunetv2.metrics import shown
from napari_saunetv2.models import checkpoint

pytestmark = [pytest.mark.gui, pytest.mark.data]

PLUGIN = "napari-saunetv2"
LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def opened(make_napari_viewer, tmp_path, monkeypatch, qtbot):
    """A viewer whose window has the focus, and a way to open a widget in it."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path / "models"))
    viewer = make_napari_viewer()
    viewer.window.resize(1280, 800)
    viewer.show()
    window = viewer.window._qt_window
    activate(qtbot, window)

    def dock(name):
        return viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)[1]

    return viewer, dock


def click(qtbot, field):
    qtbot.waitUntil(field.native.isVisible, timeout=60_000)
    assert field.native.isEnabled()
    qtbot.mouseClick(field.native, LEFT)


def enter(field, text):
    """Type a value into a field, as a user who has tabbed into it."""
    line = field.native
    QTest.keyClick(line, Qt.Key.Key_A, CTRL)
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Tab)


def brush(viewer, qtbot):
    """Draw a stroke across the middle of the canvas with the brush that key 2 takes up."""
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_2)
    middle = canvas.rect().center()
    QTest.mouseMove(canvas, middle)
    QTest.mousePress(canvas, LEFT, pos=middle)
    for step in range(1, 6):
        qtbot.wait(20)
        QTest.mouseMove(canvas, middle + QPoint(6 * step, 2 * step))
    QTest.mouseRelease(canvas, LEFT, pos=middle + QPoint(30, 10))
    qtbot.wait(20)


def test_from_a_photograph_to_a_model_of_its_own(opened, shared, qtbot):
    viewer, dock = opened
    window = viewer.window._qt_window
    root = shared / "data/DRIVE/training"
    viewer.open(root / "images/21_training.tif", plugin=PLUGIN)

    segment = dock("Segment vessels")
    click(qtbot, segment.run)
    qtbot.waitUntil(lambda: segment.status.value.startswith("Done"), timeout=120_000)
    first = viewer.layers["21_training vessels"]
    drawn = first.data.copy()
    slider = segment.threshold.native.children()
    slider = next(one for one in slider if one.metaObject().className().endswith("Slider"))
    give_focus(qtbot, slider)
    QTest.keyClick(slider, Qt.Key.Key_Left)
    assert first.data.sum() > drawn.sum()  # a lower threshold at once finds more

    viewer.layers.selection.active = first
    before = first.data.copy()
    brush(viewer, qtbot)
    painted = first.data.copy()
    assert first.mode == "paint"
    assert 0 < (painted != before).sum() < 5000

    tune = dock("Fine-tune a model")
    assert [(row.name, row.labels) for row in tune.pairs.chosen()] == [("21_training", first)]
    table = tune.pairs.native
    give_focus(qtbot, table)
    for enabled in (False, True):  # the space bar unticks the image, and ticks it again
        QTest.keyClick(table, Qt.Key.Key_Space)
        assert tune.run.enabled is enabled
    for field, text in ((tune.steps, "4"), (tune.model_name, "mine")):
        enter(field, text)
    assert "more settings" in tune.status.value  # validated every 25 steps: more than there are
    click(qtbot, tune.more)
    # Without validation, for no step of four beats a model that is judged by its own labels.
    for field, text in (
        (tune.validate_every, "2"),
        (tune.crop, "64"),
        (tune.batch, "1"),
        (tune.validation, "0"),
    ):
        enter(field, text)
    assert tune.status.value == ""
    click(qtbot, tune.run)
    qtbot.waitUntil(lambda: tune.panel.job is None, timeout=300_000)
    assert tune.status.value.startswith("Done: mine."), tune.status.value
    assert segment.model.value == "mine"
    assert first.name == "21_training vessels"  # choosing a model draws nothing: these are of the run before

    press(window, "Ctrl+Return")
    qtbot.waitUntil(lambda: "21_training vessels (edited)" in viewer.layers, timeout=120_000)
    # The word "Done" may be the run's before.
    qtbot.waitUntil(lambda: segment.panel.job is None, timeout=120_000)
    assert np.array_equal(viewer.layers["21_training vessels (edited)"].data, painted)
    assert viewer.layers["21_training vessels"].metadata["model"] == "mine"

    (truth,) = viewer.open(root / "1st_manual/21_manual1.gif", plugin=PLUGIN)
    score = dock("Evaluate vessels")
    score.threshold.value = 0.5
    press(window, "Ctrl+Alt+E")
    qtbot.waitUntil(lambda: "F1" in score.status.value, timeout=120_000)
    expected = evaluation.score(truth.data, viewer.layers["21_training probability"].data, 0.5)
    assert f"F1 {shown('f1', expected['f1'])}" in score.status.value
    assert expected["f1"] > 0.75
    score.views.setCurrentWidget(score.misses)
    give_focus(qtbot, score.misses)
    QTest.keyClick(score.misses, Qt.Key.Key_Down)
    QTest.keyClick(score.misses, Qt.Key.Key_Return)
    miss = score.misses.currentItem().data(Qt.ItemDataRole.UserRole)[1]
    assert viewer.camera.center[-2:] == pytest.approx((miss.row, miss.column))
