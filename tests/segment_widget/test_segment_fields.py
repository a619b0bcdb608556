from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
from napari import settings
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton, QScrollBar
from segmenting import PLUGIN, WIDGET, names, picture

from focus import activate
from napari_saunetv2.config import Precision
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.models import checkpoint, library
from napari_saunetv2.plugin.common import preferences

pytestmark = pytest.mark.gui

KEYS = Qt.KeyboardModifier.ControlModifier


def test_its_fields(widget):
    named = ["image", "model", "browse", "fov", "outline", "planes", "card", "more", "tta", "rescale", "tile"]
    named += ["device", "uncertainty", "run", "cancel", "progress", "status", "threshold", "model_threshold"]
    named += ["min_size", "connected", "copy_python", "copy_command", "previous_uncertain", "next_uncertain"]
    named += ["manage", "save", "engine", "precision"]
    assert [getattr(widget, name).name for name in named] == named
    for name in named:
        field = getattr(widget, name)
        assert field.tooltip or name in ("progress", "status"), name
    assert widget.model.value == "saunetv2-general"
    assert not widget.cancel.enabled
    assert not widget.next_uncertain.enabled


def test_without_an_image_it_says_what_to_do(viewer, widget):
    assert not widget.run.enabled
    assert "Open a photograph" in widget.status.value
    viewer.add_labels(np.zeros((8, 9), np.uint8))
    assert widget.image.value is None
    image = viewer.add_image(picture(), rgb=True)
    assert widget.image.value is image
    assert widget.run.enabled
    assert widget.status.value == ""
    viewer.layers.remove(image)
    assert not widget.run.enabled
    assert "Open a photograph" in widget.status.value


@pytest.mark.parametrize("shape", [(64, 80, 3), (64, 80, 4)])
def test_a_colour_picture_shown_as_a_stack_is_refused(viewer, widget, shape):
    layer = viewer.add_image(np.zeros(shape, np.uint8), rgb=False, name="wrong")
    assert not widget.run.enabled
    assert "'wrong'" in widget.status.value
    assert "rgb=True" in widget.status.value
    viewer.layers.remove(layer)
    viewer.add_image(np.zeros(shape, np.uint8), rgb=True)
    assert widget.run.enabled


def test_the_image_follows_the_active_layer(viewer, widget, run):
    first = viewer.add_image(picture(seed=1), rgb=True, name="first")
    assert widget.image.value is first
    second = viewer.add_image(picture(seed=2), rgb=True, name="second")
    assert widget.image.value is second
    viewer.layers.selection.active = first
    assert widget.image.value is first
    run(widget)
    assert viewer.layers.selection.active is viewer.layers["first vessels"]
    for result in ("first vessels", "first probability"):
        viewer.layers.selection.active = viewer.layers[result]
        assert widget.image.value is first
    assert widget.image.choices == (first, second)
    first.name = "renamed"
    assert widget.image.value is first
    viewer.layers.remove(first)
    assert widget.image.value is second


# --- the card


def test_the_card_follows_the_picture(viewer, widget, qtbot):
    assert widget.card.value == ""
    image = viewer.add_image(picture(80, 64), rgb=True, name="eye")
    qtbot.waitUntil(lambda: "64x80, field with margin 6" in widget.card.value, timeout=30_000)
    assert "RGB uint8, FOV 61 px" in widget.card.value
    assert "1 pass, about" in widget.card.value
    assert "set rescale to auto" in widget.card.value
    widget.tta.value = "d4"
    qtbot.waitUntil(lambda: "8 passes" in widget.card.value, timeout=30_000)
    widget.uncertainty.value = True
    qtbot.waitUntil(lambda: "16 passes" in widget.card.value, timeout=30_000)
    image.data = picture(48, 64)
    qtbot.waitUntil(lambda: "64x48, field with margin 48x48" in widget.card.value, timeout=30_000)
    viewer.layers.remove(image)
    qtbot.waitUntil(lambda: widget.card.value == "", timeout=30_000)


def test_the_card_says_what_is_wrong_and_forbids_nothing(viewer, widget, qtbot):
    viewer.add_image(np.full((64, 80), 255, np.uint8), name="white")
    qtbot.waitUntil(lambda: "not be a fundus photograph" in widget.card.value, timeout=30_000)
    assert widget.run.enabled
    viewer.add_image(np.full((64, 80), np.nan, np.float32), name="nan")
    qtbot.waitUntil(lambda: "NaN" in widget.card.value, timeout=30_000)


def test_the_outline_on_request(viewer, widget, qtbot):
    viewer.add_image(picture(120, 100)[None], rgb=True, name="eye", scale=(1, 2, 2), translate=(0, 5, 5))
    widget.outline.value = True
    qtbot.waitUntil(lambda: "eye FOV outline" in viewer.layers, timeout=30_000)
    corners = viewer.layers["eye FOV outline"].data[0][:, 1:]
    assert np.hypot(*(corners - [59.5, 49.5]).T) == pytest.approx(48, abs=3)
    assert viewer.layers["eye FOV outline"].translate.tolist() == [0, 5, 5]
    assert widget.image.value is viewer.layers["eye"]
    before, said = viewer.layers["eye FOV outline"], widget.card.value
    viewer.layers["eye"].translate = (0, 7, 5)
    widget.tta.value = "d4"
    qtbot.waitUntil(lambda: widget.card.value != said, timeout=30_000)
    assert viewer.layers["eye FOV outline"] is before  # it was not made anew
    assert before.translate.tolist() == [0, 7, 5]
    widget.outline.value = False
    assert names(viewer) == ["eye"]


# --- models


def tips(widget):
    box = widget.model.native
    return {box.itemText(n): box.itemData(n, Qt.ItemDataRole.ToolTipRole) for n in range(box.count())}


def test_a_model_says_what_it_is(widget):
    tip = tips(widget)["saunetv2-general"]
    assert tip == widget.model.tooltip
    diameter = checkpoint.load().header.fov_diameter
    for part in ("trained on drive", "F1 0.", f"FOV {diameter:.0f} px", "threshold 0."):
        assert part in tip
    assert "260,521 parameters" in tip


def test_a_new_model_appears_at_once(models, widget, qtbot):
    assert list(tips(widget)) == [info.name for info in checkpoint.available() if info.bundled]
    bundled = checkpoint.load()
    checkpoint.save(models / "mine.safetensors", bundled.network, replace(bundled.header, threshold=0.71))
    qtbot.waitUntil(lambda: "mine" in tips(widget), timeout=5000)
    assert "mine (yours)" in tips(widget)["mine"]
    assert widget.model.value == "saunetv2-general"
    widget.model.value = "mine"
    assert widget.threshold.value == pytest.approx(0.71)
    (models / "mine.safetensors").unlink()
    qtbot.waitUntil(lambda: "mine" not in tips(widget), timeout=5000)
    assert widget.model.value == "saunetv2-general"


def test_a_model_from_elsewhere(viewer, widget, run, tmp_path, monkeypatch):
    bundled = checkpoint.load()
    path = tmp_path / "other.safetensors"
    checkpoint.save(path, bundled.network, replace(bundled.header, threshold=0.33, scores=()))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(path), ""))
    widget.browse.native.click()
    assert widget.model.value == str(path)
    assert widget.threshold.value == pytest.approx(0.33)
    viewer.add_image(picture(), rgb=True, name="eye")
    run(widget)
    assert viewer.layers["eye vessels"].metadata["model"] == str(path)
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"nothing")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(wrong), ""))
    widget.browse.native.click()
    assert "not a model file" in widget.status.value
    assert widget.model.value == str(path)


@pytest.fixture
def shown(monkeypatch):
    """Folders that the system was asked to show."""
    folders = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: folders.append(Path(url.toLocalFile())))
    return folders


def actions(widget):
    menu = widget.manage.native.menu()
    menu.aboutToShow.emit()
    return {action.text(): action for action in menu.actions()}


def test_a_model_of_ones_own_is_found_and_deleted(models, widget, shown, monkeypatch):
    bundled = checkpoint.load()
    mine = models / "mine.safetensors"
    checkpoint.save(mine, bundled.network, bundled.header)
    widget.model.look()
    asked = []

    def answer(button):
        monkeypatch.setattr(QMessageBox, "question", lambda *args: asked.append(args[2]) or button)

    widget.model.value = "mine"
    actions(widget)["Show the file of 'mine'"].trigger()
    actions(widget)["Open the folder of your models"].trigger()
    assert shown == [models, models]
    answer(QMessageBox.StandardButton.No)
    actions(widget)["Delete 'mine'..."].trigger()
    assert mine.exists()
    answer(QMessageBox.StandardButton.Yes)
    actions(widget)["Delete 'mine'..."].trigger()
    assert not mine.exists()
    assert widget.model.value == "saunetv2-general"
    assert "mine" not in tips(widget)
    assert len(asked) == 2
    assert str(mine) in asked[0]


def test_only_models_of_ones_own_are_deleted(widget, tmp_path):
    assert not actions(widget)["Delete 'saunetv2-general' (only your own models)"].isEnabled()
    bundled = checkpoint.load()
    elsewhere = tmp_path / "other.safetensors"
    checkpoint.save(elsewhere, bundled.network, bundled.header)
    widget.model.open(elsewhere)
    assert not actions(widget)["Delete 'other' (only your own models)"].isEnabled()
    for model in (library.info(elsewhere), library.info(library.find("saunetv2-general"))):
        with pytest.raises(CheckpointError, match="not in the folder of your own models"):
            library.delete(model)
        assert model.path.exists()


# --- keyboard and room


def test_the_buttons_stay_where_they_are_whatever_is_said(viewer, widget, qtbot):
    viewer.show()
    viewer.window.resize(1280, 800)
    viewer.add_image(picture(), rgb=True, name="eye")
    qtbot.waitUntil(lambda: bool(widget.card.value), timeout=30_000)

    def places():
        qtbot.wait(50)
        buttons = widget.native.findChildren(QPushButton)
        return {b.text(): b.mapTo(widget.native, b.rect().topLeft()) for b in buttons if b.isVisible()}

    widget.status.value = widget.card.value = ""
    before = places()
    widget.status.value = widget.card.value = "a long story of what went wrong " * 40
    widget.progress.visible = True
    assert places() == before
    for label in (widget.status, widget.card):  # all of it can be read, in lines as long as there is room
        area = label.native.parentWidget().parentWidget()
        assert area.verticalScrollBar().maximum() > 0
        assert label.native.width() > widget.run.native.width()
        label.value = "a word on two lines: " + "short " * 10
        qtbot.waitUntil(lambda area=area: area.verticalScrollBar().maximum() == 0, timeout=10_000)


def test_the_precisions_that_auto_may_take_can_be_chosen(widget):
    assert list(get_args(Precision)) == list(widget.precision.choices)
    for field in (widget.engine, widget.precision):
        assert "0.3 %" in field.tooltip
    assert "int8" in widget.precision.tooltip


def test_it_fits_a_small_window(viewer, widget, qtbot):
    viewer.add_image(picture(), rgb=True, name="a layer with an exceptionally long name " * 3)
    widget.more.native.click()
    assert not widget.settings.native.isHidden()
    viewer.window.resize(1280, 800)
    qtbot.wait(50)
    assert widget.native.minimumSizeHint().width() < 380
    assert widget.native.minimumSizeHint().height() < 700
    assert not [bar for bar in widget.native.findChildren(QScrollBar) if bar.isVisible()]


def test_the_keyboard_suffices(viewer, widget, finish, qtbot):
    viewer.show()
    image = viewer.add_image(picture(), rgb=True, name="eye")
    panel = viewer.window._qt_window
    activate(qtbot, panel)
    qtbot.keyClick(panel, Qt.Key.Key_Return, KEYS)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3 or widget.progress.visible, timeout=10_000)
    finish(widget)
    assert names(viewer) == ["eye", "eye probability", "eye vessels"]
    first = widget.image.native
    first.setFocus()
    reached = []
    for _ in range(60):
        focus = QApplication.focusWidget()
        if focus in reached:
            break
        reached.append(focus)
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    for name in ("model", "browse", "fov", "run", "min_size", "connected", "copy_python"):
        native = getattr(widget, name).native
        assert any(one is native or native.isAncestorOf(one) for one in reached if one), name
    widget.more.native.setFocus()
    qtbot.keyClick(widget.more.native, Qt.Key.Key_Space)
    assert not widget.settings.native.isHidden()
    assert image in viewer.layers


# --- preferences


def test_the_preferences_are_obeyed(make_napari_viewer, monkeypatch, tmp_path):
    wanted = {"device": "cpu", "model": "mine", "threshold": 0.61, "model_folder": str(tmp_path)}
    bundled = checkpoint.load()
    checkpoint.save(tmp_path / "mine.safetensors", bundled.network, bundled.header)
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, "")
    page = SimpleNamespace(segmentation=SimpleNamespace(**wanted))
    monkeypatch.setattr(settings, "get_plugin_settings", lambda name: page, raising=False)
    window = make_napari_viewer().window
    _, tune = window.add_plugin_dock_widget(PLUGIN, "Fine-tune a model")  # opened first
    assert (tune.base.value, tune.device.value) == ("mine", "cpu")
    _, widget = window.add_plugin_dock_widget(PLUGIN, WIDGET)
    found = {"device": widget.device.value, "model": widget.model.value, "threshold": widget.threshold.value}
    assert found == {key: wanted[key] for key in found}


@pytest.mark.skipif(
    not hasattr(settings, "get_plugin_settings"), reason="this napari has no preferences of plugins"
)
def test_the_page_of_preferences_is_read(plugins, monkeypatch):
    monkeypatch.setattr(settings, "_PLUGIN_SETTINGS", {})
    page = settings.get_plugin_settings(PLUGIN, path_dir=None).segmentation  # it is kept in no file
    defaults = preferences._DEFAULTS
    assert {key: preferences.preferred(key) for key in defaults} == defaults
    page.device, page.threshold = "cpu", 0.61
    assert (preferences.preferred("device"), preferences.preferred("threshold")) == ("cpu", 0.61)


def test_an_older_napari_has_no_preferences(monkeypatch):
    monkeypatch.delattr(settings, "get_plugin_settings", raising=False)
    assert {key: preferences.preferred(key) for key in preferences._DEFAULTS} == preferences._DEFAULTS
