"""The Compare visits window, in a real viewer: what it shows is held against what Python gives."""

import shlex
import time

import numpy as np
import pandas as pd
import pytest
from known import SMALL, Moved
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog
from typer.testing import CliRunner

from napari_saunetv2.cli import app
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.plugin.session import edits
from napari_saunetv2.plugin.visits import widget as plugin
from napari_saunetv2.visits import About, compare, masked

pytestmark = pytest.mark.gui

KNOWN = Moved(6, 1.05, (8, -5), 1, 150, shape=SMALL)


@pytest.fixture(autouse=True)
def _own_copies(tmp_path, monkeypatch):
    monkeypatch.setenv("SAUNETV2_MODELS", str(tmp_path / "models"))


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Compare visits")
    return widget


@pytest.fixture
def run(qtbot):
    """Press the button with the mouse and wait until all is shown."""

    def press(widget, button="run"):
        field = getattr(widget, button)
        assert field.enabled, widget.status.value
        qtbot.mouseClick(field.native, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: widget.panel.job is None and not widget.panel.turns._waiting, timeout=300_000)
        return widget.views_of.compared

    return press


def pictures():
    """A photograph with its vessels, and the same eye later, one vessel of which is gone."""
    eye = fundus(SMALL, 0)
    later = np.clip(KNOWN.image(eye.image.astype(float)), 0, 255).astype(np.uint8)
    vessels = KNOWN.image(eye.vessels.astype(np.float32)) >= 0.5
    return eye.image, eye.vessels.astype(np.uint8), later, vessels.astype(np.uint8)


def add_visits(viewer, **about):
    """Two photographs and their vessels, as layers; the place of the earlier one is its own."""
    first, vessels, second, moved = pictures()
    place = {"scale": (0.02, 0.02), "translate": (3, 4)}
    eyes = about.get("eyes", ("", ""))
    viewer.add_image(first, rgb=True, name="2019", metadata={"eye": eyes[0]}, **place)
    viewer.add_image(second, rgb=True, name="2024", metadata={"eye": eyes[1]})
    viewer.add_labels(vessels, name="2019 mask", **place)
    viewer.add_labels(moved, name="2024 mask")


def choose_masks(viewer, widget):
    widget.earlier_vessels.value = viewer.layers["2019 mask"]
    widget.later_vessels.value = viewer.layers["2024 mask"]


def test_it_says_what_is_missing_and_chooses_two_photographs(viewer, widget):
    assert widget.status.value == "Choose the photograph of the earlier visit, or a layer of its vessels."
    assert not widget.run.enabled
    add_visits(viewer)
    assert (widget.earlier.value.name, widget.later.value.name) == ("2019", "2024")
    assert (widget.earlier_vessels.value, widget.later_vessels.value) == ("segment", "segment")
    assert (widget.status.value, widget.run.enabled) == ("", True)
    widget.later.value = viewer.layers["2019"]
    assert widget.status.value == "'2019' is chosen twice: choose the photographs of two visits."
    widget.later.value = viewer.layers["2024"]
    widget.earlier_vessels.value = viewer.add_labels(np.zeros((9, 9), np.uint8), name="other")
    assert "'2019' has the shape (292, 282), 'other' (9, 9): choose the vessels" in widget.status.value
    widget.earlier_vessels.value = "segment"
    widget.spacing.value = "large"
    assert "The scale is 'large'" in widget.status.value
    widget.spacing.value = ""
    stack = viewer.add_image(np.zeros((2, *SMALL), np.uint8), name="stack")
    widget.later.value = stack
    assert "'stack' is a stack of the shape (2, 292, 282)" in widget.status.value
    widget.later.value = viewer.layers["2024"]
    widget.swap.native.click()
    assert (widget.earlier.value.name, widget.later.value.name) == ("2024", "2019")


def test_vessels_that_were_corrected_are_chosen(viewer, widget):
    add_visits(viewer)
    drawn = viewer.layers["2024 mask"]
    drawn.metadata.update({"saunetv2 role": "vessels", "saunetv2 image": "2024"})
    edits.remember(drawn)
    first, second = viewer.layers["2019"], viewer.layers["2024"]
    for corrected in (False, True):
        if corrected:
            drawn.data[100:110, 100:110] = 1 - drawn.data[100:110, 100:110]
        widget.later.value = first
        widget.later.value = second
        assert (widget.later_vessels.value == "segment") is not corrected
        assert not corrected or widget.later_vessels.value is drawn


def test_photographs_with_dates_are_put_in_their_order(viewer, widget):
    for name, date in (("b", "2024-05-31"), ("a", "2019-01-02")):
        viewer.add_image(np.zeros((*SMALL, 3), np.uint8), rgb=True, name=name, metadata={"date": date})
    assert (widget.earlier.value.name, widget.later.value.name) == ("a", "b")


def test_it_shows_what_python_gives_in_the_frame_of_the_earlier_photograph(viewer, widget, run):
    add_visits(viewer)
    choose_masks(viewer, widget)
    widget.spacing.value = "20"
    found = run(widget).found
    first, vessels, second, moved = pictures()
    wanted = compare(masked(vessels, About("2019", 20.0), first), masked(moved, About("2024"), second))
    pd.testing.assert_frame_equal(found.segments, wanted.segments)
    assert "Registered: confidence" in widget.status.value
    for name in ("2024 registered", "2024 difference", "2024 changes"):
        layer = viewer.layers[name]
        assert layer.data.shape[:2] == SMALL
        assert np.allclose(layer.scale, 0.02)
        assert np.allclose(layer.translate, (3, 4))
    assert np.array_equal(viewer.layers["2024 difference"].data, wanted.difference)
    drawn = viewer.layers["2024 registered"].data
    inside = np.s_[75:215, 75:215]
    assert np.abs(drawn.astype(float) - first)[inside].mean() < 5
    assert viewer.layers["2019"].visible
    assert not any(viewer.layers[name].visible for name in ("2024", "2019 mask", "2024 mask"))
    widget.blink.native.click()
    assert not viewer.layers["2024 registered"].visible
    assert widget.summary.item(0, 0).text() == "confidence"
    # A row goes to its vessel.
    row = wanted.segments[wanted.segments["found"] == "both"].iloc[3]
    widget.table.go(int(row["label"]))
    at = np.array([row["row"], row["column"]]) * 0.02 + (3, 4)
    assert np.allclose(viewer.camera.center[-2:], at)
    assert viewer.camera.zoom * 0.02 >= 4 - 1e-9
    assert viewer.layers["2024 changes"].selected_label == row["label"]
    chosen = widget.table.selectionModel().currentIndex().row()
    assert widget.table.model().label(chosen) == row["label"]
    # Comparing again updates the layers.
    count = len(viewer.layers)
    run(widget)
    assert len(viewer.layers) == count
    assert widget.earlier.value.name == "2019"


def test_a_left_and_a_right_eye_are_refused_in_one_sentence_and_nothing_old_stays(viewer, widget, run):
    add_visits(viewer)
    choose_masks(viewer, widget)
    run(widget)
    assert "2024 difference" in viewer.layers
    viewer.layers["2019"].metadata["eye"] = "left"
    viewer.layers["2024"].metadata["eye"] = "right"
    run(widget)
    sentence = "'2019' is of the left eye and '2024' of the right one: choose two photographs of one eye."
    assert widget.status.value == sentence
    assert widget.views_of.compared is None
    assert "2024 difference" not in viewer.layers
    assert widget.table.model().rowCount() == 0
    assert not widget.save.enabled
    viewer.layers["2019"].metadata["eye"] = ""
    viewer.layers["2024 mask"].data = np.fliplr(viewer.layers["2024 mask"].data)  # nobody says which eye
    run(widget)
    assert "The vessels of '2024' do not fit those of '2019'" in widget.status.value
    assert widget.status.value.count(". ") == 0


def test_a_poor_registration_is_warned_of(viewer, widget, run):
    _, vessels, _, moved = pictures()
    other = fundus(SMALL, 3).vessels
    moved[:95, :100] = other[:95, :100]
    viewer.add_labels(vessels, name="a")
    viewer.add_labels(moved, name="b")
    widget.earlier_vessels.value, widget.later_vessels.value = viewer.layers["a"], viewer.layers["b"]
    run(widget)
    assert widget.warnings.isVisibleTo(widget.native)
    assert "upper left" in widget.warnings.text()
    assert not widget.blink.enabled  # there are no photographs


def test_cancel_leaves_everything_as_it_was(viewer, widget, run, qtbot, monkeypatch):
    add_visits(viewer)
    choose_masks(viewer, widget)
    before = [layer.name for layer in viewer.layers]
    asked = []

    def slow(_request):
        while True:
            asked.append(1)
            time.sleep(0.02)
            yield 0.5

    monkeypatch.setattr(plugin, "compare_sides", slow)
    widget.run.native.click()
    qtbot.waitUntil(lambda: len(asked) > 3 and widget.progress.value > 0)
    assert widget.cancel.enabled
    widget.cancel.native.click()
    qtbot.waitUntil(lambda: widget.panel.job is None)
    assert widget.status.value == "Stopped; nothing was changed."
    assert [layer.name for layer in viewer.layers] == before


def test_tables_are_saved_and_copies_give_the_same_numbers(viewer, widget, run, tmp_path, monkeypatch, qtbot):
    add_visits(viewer)
    choose_masks(viewer, widget)
    widget.spacing.value = "20"
    found = run(widget).found
    for ending in (".csv", ".xlsx"):
        target = tmp_path / f"t{ending}"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, target=target: (str(target), ""))
        widget.save.native.click()
        assert widget.status.value.startswith("Written t"), widget.status.value
    written = pd.read_csv(tmp_path / "t.csv")
    np.testing.assert_allclose(written["width_change"], found.segments["width_change"])
    assert set(pd.read_csv(tmp_path / "t_columns.csv")["key"]) >= set(written.columns)
    assert len(pd.read_csv(tmp_path / "t_summary.csv")) == len(found.summary)
    sheet = pd.read_excel(tmp_path / "t.xlsx", "segments")
    np.testing.assert_allclose(sheet["length_change"], found.segments["length_change"])
    widget.copy_python.native.click()
    names = {"viewer": viewer}
    exec(QGuiApplication.clipboard().text(), names)
    pd.testing.assert_frame_equal(names["found"].segments, found.segments)
    run(widget, "copy_command")
    assert "Copied as a command" in widget.status.value
    program, *words = shlex.split(QGuiApplication.clipboard().text())
    assert program == "saunetv2"
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0, answer.output
    again = pd.read_csv(tmp_path / "results" / "segments.csv")
    np.testing.assert_allclose(again["length_change"], found.segments["length_change"], rtol=1e-9)
    np.testing.assert_allclose(again["width_change_um"], found.segments["width_change_um"], rtol=1e-9)
