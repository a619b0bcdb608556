"""Correct the vessels, save them, and open them again: the main path of the product."""

from pathlib import Path

import npe2
import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.settings import get_settings
from napari.utils.notifications import notification_manager
from PIL import Image as Picture
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QFileDialog
from segmenting import PLUGIN, WIDGET, picture, segmented

from napari_saunetv2.files import is_own_mask, read_mask, write_image
from napari_saunetv2.plugin.common.questions import ask_to_replace
from napari_saunetv2.plugin.session import autosave as _autosave
from napari_saunetv2.plugin.session import edits, save

pytestmark = pytest.mark.gui


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SAUNETV2_AUTOSAVE", str(tmp_path / "autosave"))
    return tmp_path / "autosave"


@pytest.fixture
def eye(viewer, tmp_path):
    """A photograph that lies in a file, with a scale."""
    write_image(tmp_path / "the eye.png", picture())
    (layer,) = viewer.open(tmp_path / "the eye.png", plugin="napari")
    layer.scale, layer.units = (0.02, 0.03), ("mm", "mm")
    return layer


@pytest.fixture
def corrected(viewer, place, eye, widget):
    """Vessels as a run would leave them, with a stroke of the brush."""
    found = segmented(picture()) >= 0.5
    where = {"scale": eye.scale, "units": eye.units}
    labels = viewer.add_labels(found.astype(np.uint8), name="the eye vessels", **where)
    edits.remember(labels)
    labels.paint((40, 30), 1)
    return labels


@pytest.fixture
def dialog(monkeypatch):
    """Choose a name in the file dialog; lists what it proposed."""
    proposed = []

    def choose(name):
        def answer(parent, caption, suggested, kinds):
            proposed.append(Path(suggested))
            return (str(Path(suggested).with_name(name)) if name else suggested), kinds

        monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
        return proposed

    return choose


def press(qtbot, button):
    qtbot.mouseClick(button.native, Qt.MouseButton.LeftButton)


def test_a_mask_is_proposed_beside_the_photograph_and_opens_again(
    viewer, place, eye, widget, run, dialog, tmp_path, qtbot
):
    run(widget)
    corrected = viewer.layers["the eye vessels"]
    corrected.paint((40, 30), 1)
    proposed = dialog("")
    press(qtbot, widget.save)
    file = tmp_path / "the_eye_vessels.png"
    assert proposed == [file]
    assert widget.status.value == f"Saved the_eye_vessels.png in {tmp_path}."
    with Picture.open(file) as stored:
        assert stored.mode == "L"
        assert np.array_equal(np.asarray(stored), corrected.data * 255)
        assert stored.info["dpi"] == pytest.approx((25.4 / 0.03, 25.4 / 0.02), rel=1e-3)
    assert not edits.unsaved(corrected)
    (again,) = viewer.open(file, plugin=PLUGIN)
    assert isinstance(again, Labels)
    assert np.array_equal(again.data, corrected.data)
    assert np.allclose(again.scale, corrected.scale)
    assert again.units == corrected.units


@pytest.mark.parametrize(
    ("name", "opened_first"), [("x.png", True), ("Corrected by me.TIFF", True), ("x.tif", False)]
)
def test_it_opens_again_as_labels_whatever_its_name(
    viewer, widget, corrected, dialog, tmp_path, qtbot, name, opened_first, make_napari_viewer
):
    dialog(name)
    press(qtbot, widget.save)
    other = make_napari_viewer()  # as the next day
    if opened_first:
        other.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    (opened,) = other.open(tmp_path / name, plugin="napari")  # napari asks its own reader only
    assert isinstance(opened, Image)
    if not opened_first:
        other.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    qtbot.waitUntil(lambda: [type(x) for x in other.layers] == [Labels], timeout=30_000)
    (again,) = other.layers
    assert again.name == opened.name
    assert np.array_equal(again.data, corrected.data)
    assert np.allclose(again.scale, corrected.scale)
    assert again.units == corrected.units


def test_a_photograph_stays_an_image_whatever_its_name(viewer, widget, tmp_path, qtbot):
    for name in ("retinal_vessels.png", "mask.tif"):
        write_image(tmp_path / name, picture()[..., 1])
        viewer.open(tmp_path / name, plugin="napari")
        assert not is_own_mask(tmp_path / name)
    qtbot.wait(100)
    assert [type(layer) for layer in viewer.layers] == [Image, Image]


def test_the_second_save_goes_to_the_same_file_after_a_question(
    widget, corrected, dialog, tmp_path, qtbot, monkeypatch
):
    asked = []

    def answer(word):
        monkeypatch.setattr(save, "ask_to_replace", lambda parent, path: asked.append(path) or word)

    proposed = dialog("mine.tif")
    answer("replace")
    press(qtbot, widget.save)
    file = tmp_path / "mine.tif"
    assert asked == []
    first = read_mask(file)
    corrected.paint((10, 12), 1)
    answer("cancel")
    press(qtbot, widget.save)
    assert np.array_equal(read_mask(file), first)
    assert edits.unsaved(corrected)
    answer("replace")
    press(qtbot, widget.save)
    assert np.array_equal(read_mask(file), corrected.data)
    assert not np.array_equal(first, corrected.data)
    assert asked == [file, file]
    assert len(proposed) == 1
    answer("other")
    dialog("another")
    press(qtbot, widget.save)
    assert np.array_equal(read_mask(tmp_path / "another.png"), corrected.data)


def test_the_photograph_itself_is_never_replaced(widget, corrected, dialog, tmp_path, qtbot):
    before = (tmp_path / "the eye.png").read_bytes()
    dialog("the eye.png")
    press(qtbot, widget.save)
    assert "is the photograph itself" in widget.status.value
    assert (tmp_path / "the eye.png").read_bytes() == before


def test_what_was_saved_is_copied_no_more(viewer, widget, corrected, dialog, place, qtbot):
    autosave = _autosave.watch(viewer)
    autosave.copy_now()
    autosave.wait()
    kept = autosave._session.folder  # the viewer of another test may end meanwhile, and keep its own
    assert len(list(kept.glob("*.labels"))) == 1
    dialog("x.png")
    press(qtbot, widget.save)
    autosave.wait()
    assert list(kept.glob("*.labels")) == []


def test_of_several_kinds_it_says_what_the_file_cannot_hold(widget, corrected, dialog, tmp_path, qtbot):
    corrected.paint((60, 20), 2)
    before = len(notification_manager.records)
    dialog("x.png")
    press(qtbot, widget.save)
    assert np.array_equal(read_mask(tmp_path / "x.png"), corrected.data != 0)
    assert "keep the labels separate" in notification_manager.records[before].message
    assert edits.unsaved(corrected)


def test_any_layer_of_labels_can_be_saved_and_a_stack_says_why_not(viewer, widget, dialog, tmp_path, qtbot):
    get_settings().application.save_history = [str(tmp_path / "gone"), str(tmp_path)]
    press(qtbot, widget.save)
    assert "no vessels to save" in widget.status.value
    viewer.add_labels(np.eye(9, dtype=np.uint8), name="mine")
    proposed = dialog("")
    press(qtbot, widget.save)
    assert proposed == [tmp_path / "mine_vessels.png"]
    assert np.array_equal(read_mask(tmp_path / "mine_vessels.png"), np.eye(9))
    viewer.add_labels(np.zeros((2, 9, 9), np.uint8), name="stack")
    press(qtbot, widget.save)
    assert "Split Stack" in widget.status.value
    assert not (tmp_path / "stack_vessels.png").exists()


def test_napari_saves_a_png_by_our_entry_in_its_list(viewer, corrected, tmp_path, monkeypatch):
    def choose(self, parent, caption, suggested, **how):
        return str(tmp_path / "x.png"), next(f for f in how["filter"].split(";;") if "Vessel mask" in f)

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    viewer.layers.selection.active = corrected
    viewer.window._qt_viewer._save_layers_dialog(selected=True)
    assert np.array_equal(read_mask(tmp_path / "x.png"), corrected.data)
    assert not edits.unsaved(corrected)


def test_masks_of_any_name_and_program_are_opened_as_labels(viewer, plugins, tmp_path, monkeypatch):
    mask = np.eye(9, dtype=np.uint8)
    Picture.fromarray(mask * 255).save(tmp_path / "theirs.png")
    (tmp_path / "damaged.png").write_bytes(b"nothing")
    chosen = [str(tmp_path / name) for name in ("damaged.png", "theirs.png")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *args: (chosen, ""))
    npe2.PluginManager.instance().commands.execute("napari-saunetv2.open_masks", args=(viewer,))
    (layer,) = viewer.layers
    assert isinstance(layer, Labels)
    assert layer.name == "theirs"
    assert np.array_equal(layer.data, mask)


@pytest.mark.parametrize(
    ("button", "word"), [("Replace", "replace"), ("Save as...", "other"), ("Cancel", "cancel")]
)
def test_the_question_before_a_file_is_replaced(widget, tmp_path, button, word):
    said = []

    def click():
        box = QApplication.activeModalWidget()
        said.append(box.text())
        next(one for one in box.buttons() if one.text() == button).click()

    QTimer.singleShot(100, click)
    assert ask_to_replace(widget.native, tmp_path / "x.png") == word
    assert said == [f"x.png already exists in {tmp_path}."]
