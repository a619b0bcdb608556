"""Arteries and veins in a real viewer: shown, corrected by a key, saved, opened again and scored."""

import contextlib
import io

import numpy as np
import pytest
from napari.layers import Labels
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_saunetv2 import inference
from napari_saunetv2.evaluation import CLASS_TITLES, class_metrics
from napari_saunetv2.files import load_artery_vein, write_artery_vein
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure.classes import segments, vote
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.common.class_colours import MARKED, artery_vein_colours
from napari_saunetv2.plugin.common.roles import CLASSES, ROLE
from napari_saunetv2.plugin.session import edits
from napari_saunetv2.plugin.session.store import store
from segment_widget.segmenting import PLUGIN, WIDGET
from tiny import save_model, save_two_classes

EXACT = {"engine": "torch", "precision": "float32"}
EYE = fundus((120, 140), seed=2)


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(folder))
    save_two_classes(folder / "two.safetensors")
    save_model(folder / "other.safetensors", classes=("vessel", "lesion"))
    return folder


@pytest.fixture
def widget(viewer, models):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    widget.rescale.value = "off"
    widget.engine.value, widget.precision.value = "torch", "float32"
    return widget


@pytest.fixture
def run(qtbot):
    def press(widget, model):
        widget.model.value = model
        widget.threshold.value = 0.3
        assert widget.run.enabled, widget.status.value
        qtbot.mouseClick(widget.run.native, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(widget.progress.native.isHidden, timeout=60_000)

    return press


def labels_of(viewer):
    (found,) = (x for x in viewer.layers if isinstance(x, Labels) and x.visible)
    return found


def press(viewer, key, row, column):
    """Press a key on the canvas with the cursor on a pixel of the image."""
    viewer.cursor.position = (row, column)
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, key)


def test_they_are_shown_in_the_fields_colours_and_follow_the_threshold(viewer, widget, run, qtbot):
    viewer.add_image(EYE.image, name="eye", rgb=True)
    run(widget, "two")
    maps = inference.segment_classes(EYE.image, "two", rescale="off", **EXACT)

    def shows(threshold):
        wanted = vote(maps, maps.max(axis=0) >= threshold, threshold=threshold)
        assert np.array_equal(labels_of(viewer).data, wanted)

    qtbot.waitUntil(lambda: shows(0.3), timeout=10_000)
    layer = labels_of(viewer)
    assert layer.name == "eye arteries and veins"
    red, blue = (layer.colormap.map(value) for value in (1, 2))
    assert red[0] > 0.9 > 0.2 > red[2]
    assert blue[2] > 0.9 > 0.2 > blue[0]
    widget.threshold.value = 0.5
    qtbot.waitUntil(lambda: shows(0.5), timeout=10_000)
    run(widget, "saunetv2-drive")
    assert labels_of(viewer) is layer
    assert layer.name == "eye vessels"
    assert set(np.unique(layer.data)) <= {0, 1}


def test_a_model_of_other_classes_says_what_is_shown(viewer, widget, run):
    viewer.add_image(EYE.image, name="eye", rgb=True)
    run(widget, "other")
    assert (
        "The model knows vessel, lesion: vessels of all these classes are shown as one."
        in widget.status.value
    )
    assert labels_of(viewer).name == "eye vessels"


def test_a_key_sets_the_segment_under_the_cursor_and_undo_takes_it_back(viewer, widget, run, qtbot):
    viewer.add_image(EYE.image, name="eye", rgb=True)
    run(widget, "two")
    qtbot.waitUntil(lambda: labels_of(viewer).data.any(), timeout=10_000)
    layer = labels_of(viewer)
    viewer.layers.selection.active = layer
    before = layer.data.copy()
    numbers = segments(before > 0)
    number = np.bincount(numbers[(before == 1) | (before == 2)])[1:].argmax() + 1
    row, column = np.argwhere((numbers == number) & np.isin(before, (1, 2)))[3]
    mine = (numbers == number) & (before != 3)
    for key, value in ((Qt.Key.Key_A, 1), (Qt.Key.Key_V, 2), (Qt.Key.Key_A, 1)):
        press(viewer, key, row, column)
        assert (layer.data[mine] == value).all()
        assert np.array_equal(layer.data[~mine], before[~mine])
    press(viewer, Qt.Key.Key_X, row, column)
    assert (layer.data[numbers == number] == 3).all()
    press(viewer, Qt.Key.Key_N, row, column)
    assert not layer.data[numbers == number].any()
    assert edits.painted(layer)
    for _ in range(5):
        layer.undo()
    assert np.array_equal(layer.data, before)
    assert layer.visible  # V is napari's key to hide a layer
    press(viewer, Qt.Key.Key_V, 0, 0)  # no vessel there
    assert np.array_equal(layer.data, before)


def test_a_corrected_segment_is_kept_aside_at_the_next_run(viewer, widget, run, qtbot):
    viewer.add_image(EYE.image, name="eye", rgb=True)
    run(widget, "two")
    qtbot.waitUntil(lambda: labels_of(viewer).data.any(), timeout=10_000)
    layer = labels_of(viewer)
    viewer.layers.selection.active = layer
    row, column = np.argwhere(layer.data == 1)[5]
    press(viewer, Qt.Key.Key_N, row, column)
    mine = layer.data.copy()
    run(widget, "two")
    qtbot.waitUntil(lambda: "eye arteries and veins (edited)" in viewer.layers, timeout=10_000)
    kept = viewer.layers["eye arteries and veins (edited)"]
    assert "eye arteries and veins" in viewer.layers
    assert np.array_equal(kept.data, mine)
    assert kept.metadata[CLASSES] == ["artery", "vein"]


def test_a_layer_opened_from_a_file_is_corrected_and_saved_in_rites_colours(viewer, widget, tmp_path, qtbot):
    drawn = np.zeros((80, 90), np.uint8)
    drawn[20:24, 5:85], drawn[5:75, 40:45] = 1, 2
    drawn[20:24, 40:45] = 3
    path = write_artery_vein(tmp_path / "eye_av.png", drawn)
    (layer,) = viewer.open(path, plugin=PLUGIN)
    assert np.array_equal(layer.data, drawn)
    viewer.layers.selection.active = layer
    press(viewer, Qt.Key.Key_V, 22, 10)
    assert (layer.data[20:24, 5:36] == 2).all()
    assert (layer.data[20:24, 40:45] == 3).all()
    about = {"name": layer.name, "metadata": layer.metadata}
    assert store(tmp_path / "again_av.png", layer.data, about, overwrite=False) == ""
    assert np.array_equal(load_artery_vein(tmp_path / "again_av.png").labels, layer.data)
    # As napari itself opens it: an image of colours, which turns into labels.
    viewer.open(tmp_path / "again_av.png", plugin="napari")
    qtbot.waitUntil(lambda: isinstance(viewer.layers["again_av"], Labels), timeout=5000)
    assert np.array_equal(viewer.layers["again_av"].data, layer.data)
    assert viewer.layers["again_av"].metadata[CLASSES] == ["artery", "vein"]


def test_keys_of_other_label_layers_are_napari_s(viewer, widget):
    layer = viewer.add_labels(np.ones((40, 40), np.uint8))
    viewer.layers.selection.active = layer
    press(viewer, Qt.Key.Key_V, 20, 20)
    assert not layer.visible
    assert (layer.data == 1).all()
    classes = viewer.add_labels(
        np.ones((3, 40, 40), np.uint8), metadata=dict(MARKED), colormap=artery_vein_colours()
    )
    viewer.layers.selection.active = classes
    viewer.dims.set_current_step(0, 1)
    viewer.cursor.position = (1, 20, 20)
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_V)
    assert (classes.data[1] == 2).any()
    assert (classes.data[[0, 2]] == 1).all()


def test_evaluate_scores_them_by_class(viewer, tmp_path, qtbot):
    drawn = np.zeros((80, 90), np.uint8)
    drawn[20:24, 5:85], drawn[5:75, 40:45] = 1, 2
    drawn[20:24, 40:45] = 3
    truth = np.where(np.indices(drawn.shape)[0] > 60, np.array([0, 2, 1, 3])[drawn], drawn)
    looks = {"colormap": artery_vein_colours(), "metadata": dict(MARKED)}
    viewer.add_labels(truth, name="truth", **looks)
    found = {ROLE: "vessels", **MARKED}
    viewer.add_labels(drawn, name="found", colormap=artery_vein_colours(), metadata=found)
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Evaluate vessels")
    widget.prediction.value, widget.truth.value = [viewer.layers["found"]], [viewer.layers["truth"]]
    qtbot.mouseClick(widget.run.native, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.status.value.startswith("F1"), timeout=60_000)
    wanted = class_metrics(truth, drawn)
    table = widget.table
    rows = {table.verticalHeaderItem(n).text(): table.item(n, 0).text() for n in range(table.rowCount())}
    for name, title in CLASS_TITLES.items():
        assert rows[title] == f"{wanted[name]:.4f}", title
    assert wanted["av_acc"] < 0.95
    scope = {"viewer": viewer}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(widget.as_python(), scope)
    assert f"{wanted['av_acc']:.6f}" in printed.getvalue()


def test_code_for_arteries_and_veins_gives_the_layer(viewer, widget, run, qtbot):
    viewer.add_image(EYE.image, name="eye", rgb=True)
    run(widget, "two")
    qtbot.waitUntil(lambda: labels_of(viewer).data.any(), timeout=10_000)
    qtbot.mouseClick(widget.copy_python.native, Qt.MouseButton.LeftButton)
    scope = {"viewer": viewer}
    exec(QApplication.clipboard().text(), scope)
    assert np.array_equal(scope["labels"], labels_of(viewer).data)


def test_files_of_rite_open_with_their_colours(viewer, tmp_path):
    folder = tmp_path / "training"
    folder.mkdir()
    drawn = np.zeros((30, 40), np.uint8)
    drawn[5:8], drawn[:, 20:23], drawn[5:8, 20:23], drawn[20:22, 2:9] = 1, 2, 3, 4
    write_artery_vein(folder / "21_training.png", drawn)
    (layer,) = viewer.open(folder / "21_training.png", plugin=PLUGIN)
    assert np.array_equal(layer.data, drawn)
    assert layer.metadata[CLASSES] == ["artery", "vein"]
    assert layer.colormap.map(3)[1] > 0.8
    Image.fromarray(EYE.image).save(folder / "22_training.png")  # DRIVE's photograph, saved as PNG
    (photograph,) = viewer.open(folder / "22_training.png", plugin=PLUGIN)
    assert photograph.rgb
