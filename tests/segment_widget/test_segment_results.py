import shlex

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtWidgets import QApplication
from segmenting import EXACT, names, picture, segmented
from typer.testing import CliRunner

from napari_saunetv2 import inference
from napari_saunetv2.cli import app
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.files import read_image, read_mask, write_image, write_mask
from napari_saunetv2.imaging import branches, field_of_view, vessels
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference import passes, preflight, uncertainty
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain

pytestmark = pytest.mark.gui


def test_the_threshold_redraws_at_once(viewer, widget, run, monkeypatch):
    viewer.add_image(picture(160, 128), rgb=True, name="eye")
    run(widget)
    probability, labels = viewer.layers["eye probability"].data, viewer.layers["eye vessels"]

    def refuse(*args, **kwargs):
        raise AssertionError("the network ran again")

    monkeypatch.setattr(passes, "steps", refuse)
    drawn = set()
    for threshold in (0.1, 0.3, 0.9):
        widget.threshold.value = threshold
        assert np.array_equal(labels.data, inference.binarise(probability, threshold))
        assert labels.metadata["threshold"] == threshold
        drawn.add(int(labels.data.sum()))
    assert len(drawn) == 3
    assert len(viewer.layers) == 3
    assert widget.status.value.startswith("Done: eye, ")


def test_the_vessels_are_active_after_a_run_and_the_other_results_can_be_chosen(viewer, widget, run):
    viewer.add_image(picture(), rgb=True, name="eye")
    heard = []
    viewer.layers.selection.events.active.connect(lambda event: heard.append(event.value))
    run(widget)
    vessels = viewer.layers["eye vessels"]
    assert set(heard) <= {None, vessels}  # of other results napari would draw the controls for a moment
    assert viewer.layers.selection.active is vessels
    assert vessels.selected_label == 1
    assert 2 <= vessels.brush_size <= 4  # a picture of 80 pixels
    assert vessels.mode == "pan_zoom"  # to drag moves the picture, until the user takes up the brush
    window = viewer.window._qt_viewer

    def chosen() -> tuple:
        QApplication.processEvents()
        marked = [index.data() for index in window.layers.selectedIndexes()]
        controls = window.controls
        shown = [x.name for x in viewer.layers if controls.widgets[x] is controls.currentWidget()]
        return viewer.layers.selection.active.name, marked, shown

    for name in ("eye", "eye vessels", "eye probability", "eye"):
        viewer.layers.selection.active = viewer.layers[name]
        assert chosen() == (name, [name], [name])


def test_what_was_removed_does_not_come_back_with_the_threshold(viewer, widget, run):
    viewer.add_image(picture(), rgb=True, name="eye")
    run(widget)
    del viewer.layers["eye probability"], viewer.layers["eye vessels"]
    widget.threshold.value = 0.3
    assert names(viewer) == ["eye"]


def test_painted_labels_are_kept(viewer, widget, run):
    viewer.add_image(picture(), rgb=True, name="eye")
    run(widget)
    painted = viewer.layers["eye vessels"]
    painted.paint((40, 30), 1)
    kept = painted.data.copy()
    widget.threshold.value = 0.3
    assert names(viewer) == ["eye", "eye probability", "eye vessels (edited)", "eye vessels"]
    assert viewer.layers["eye vessels (edited)"] is painted
    assert np.array_equal(painted.data, kept)
    run(widget)
    assert len(viewer.layers) == 4
    assert np.array_equal(painted.data, kept)


def colours(layer):
    return [tuple(np.round(layer.get_color(label), 3)) for label in (1, 2, 3, 200)]


def test_every_label_can_be_seen_and_edits_have_a_colour_of_their_own(viewer, widget, run):
    viewer.add_image(picture(), rgb=True, name="eye")
    run(widget)
    first = viewer.layers["eye vessels"]
    fresh = colours(first)
    assert len(set(fresh)) == 3  # 1, 2, and all the others
    assert all(colour[3] == 1 for colour in fresh)
    first.paint((40, 30), 2)
    drawn = first._slice.image.view
    painted = first.colormap.map(drawn)[first.data == 2]
    assert len(painted)
    assert (painted[:, 3] == 1).all()
    widget.threshold.value = 0.3
    new = viewer.layers["eye vessels"]
    assert colours(new) == fresh
    assert colours(first)[0] not in fresh
    assert colours(first)[1:] == fresh[1:]
    new.paint((20, 20), 1)
    widget.threshold.value = 0.4
    edited = [layer for layer in viewer.layers if "edited" in layer.name]
    assert len(edited) == 2
    in_sight = [colours(x)[0] for x in viewer.layers if isinstance(x, Labels) and x.visible]
    assert len(set(in_sight)) == len(in_sight) == 2


def test_the_vessels_become_active_only_for_one_who_waits_for_them(viewer, widget, run, hold, finish, qtbot):
    viewer.add_image(picture(), rgb=True, name="eye")
    other = viewer.add_points(np.zeros((1, 2)), name="other")
    viewer.layers.selection.active = viewer.layers["eye"]
    widget.run.native.click()
    viewer.layers.selection.active = other
    hold.go.set()
    finish(widget)
    assert "eye vessels" in names(viewer)
    assert viewer.layers.selection.active is other


def test_small_and_connected_vessels(viewer, widget, run, qtbot):
    viewer.add_image(picture(160, 128), rgb=True, name="eye")
    run(widget)
    probability, labels = viewer.layers["eye probability"].data, viewer.layers["eye vessels"]
    widget.threshold.value = 0.6
    widget.min_size.value = 30
    widget.connected.value = True
    expected = vessels.find(probability, 0.6, min_size=30, connected=True)
    qtbot.waitUntil(lambda: np.array_equal(labels.data, expected), timeout=30_000)
    assert not np.array_equal(expected, inference.binarise(probability, 0.6))
    assert {key: labels.metadata[key] for key in ("min_size", "connected")} == {
        "min_size": 30,
        "connected": True,
    }
    widget.min_size.value = 0
    widget.connected.value = False
    assert np.array_equal(labels.data, inference.binarise(probability, 0.6))
    qtbot.waitUntil(lambda: widget._masks._job is None, timeout=30_000)  # nothing late comes after it
    assert np.array_equal(labels.data, inference.binarise(probability, 0.6))


def test_back_to_the_threshold_of_the_model(widget):
    own = widget.threshold.value
    widget.threshold.value = 0.9
    widget.model_threshold.native.click()
    assert widget.threshold.value == own


# --- the field of view


def test_nothing_is_a_vessel_outside_the_field_of_view(viewer, widget, run):
    image = picture(160, 128)
    eye = viewer.add_image(image, rgb=True, name="eye")
    field = np.zeros((160, 128), np.uint8)
    field[40:90] = 1
    labels = viewer.add_labels(field, name="field")
    wrong = viewer.add_labels(np.zeros((9, 9), np.uint8), name="wrong")
    viewer.layers.selection.active = eye
    assert widget.fov.choices == ("none", "auto", labels, wrong)
    plain, given = segmented(image), segmented(image, fov=field)  # the network sees the given field
    detected = field_of_view.detect(to_unit(image))
    for choice, seen, inside in (("auto", plain, detected), (labels, given, field), ("none", plain, None)):
        widget.fov.value = choice
        run(widget)
        expected = seen if inside is None else vessels.restrict(seen, inside)
        assert np.array_equal(viewer.layers["eye probability"].data, expected)
    widget.fov.value = wrong
    assert not widget.run.enabled
    assert "'wrong' has shape (9, 9)" in widget.status.value


def test_a_field_of_view_that_is_a_layer_tells_the_scale(viewer, widget, tiny, run, qtbot, monkeypatch):
    monkeypatch.setattr(preflight, "speed_of", lambda *_: preflight.Speed(1e-6, 0))
    image = picture(160, 128)
    eye = viewer.add_image(image, rgb=True, name="eye")
    rows, columns = np.ogrid[:160, :128]
    field = viewer.add_labels(((rows - 80) ** 2 + (columns - 64) ** 2 < 30**2).astype(np.uint8), name="field")
    viewer.layers.selection.active = eye
    widget.model.value, widget.rescale.value = tiny, "auto"
    qtbot.waitUntil(lambda: "scaled to 6" in widget.card.value, timeout=120_000)  # by the one that is found
    widget.fov.value = field  # as wide as the model's: nothing is scaled
    qtbot.waitUntil(lambda: "FOV 60 px" in widget.card.value, timeout=120_000)
    assert "128x160, field with margin 6" in widget.card.value
    assert "scaled" not in widget.card.value
    run(widget)
    plain = inference.segment(image, tiny, rescale="off", fov=field.data, **EXACT)
    shown = viewer.layers["eye probability"].data
    assert np.array_equal(shown, vessels.restrict(plain, field.data))
    space = {"viewer": viewer}
    exec(copied(widget, widget.copy_python), space)
    assert np.array_equal(space["probability"], shown)


# --- planes


def test_the_plane_that_is_shown(viewer, widget, run):
    stack = np.stack([picture(seed=seed) for seed in range(3)])
    viewer.add_image(stack, rgb=True, name="stack", scale=(5, 1, 1))
    assert not widget.planes.native.isHidden()
    widget.planes.value = "current"
    found = []
    for plane in (1, 2):
        viewer.dims.set_current_step(0, plane)
        run(widget)
        found = viewer.layers["stack probability"].data
        assert np.array_equal(found[plane], segmented(stack[plane]))
    assert np.array_equal(found[1], segmented(stack[1]))  # the former plane stays
    assert not found[0].any()


# --- uncertainty


def assert_ring(viewer, name, centre, size):
    """A ring on the same place as the photograph, around a vessel and not much larger."""
    ring, eye = viewer.layers[name], viewer.layers["eye"]
    (corners,) = ring.data
    assert ring.shape_type == ["ellipse"]
    assert ring.visible
    assert np.array_equal(ring.scale, eye.scale)
    assert np.array_equal(ring.translate, eye.translate)
    assert corners.mean(axis=0) == pytest.approx(centre)
    room = np.ptp(corners, axis=0) - size
    assert np.all((room > 4) & (room < 30))


def test_uncertain_vessels_one_after_another(viewer, widget, run, qtbot):
    image = picture(160, 128)
    viewer.add_image(image, rgb=True, name="eye", scale=(2, 2), translate=(10, 20))
    widget.uncertainty.value = True
    run(widget)
    assert names(viewer) == ["eye", "eye probability", "eye uncertainty", "eye vessels"]
    spread = viewer.layers["eye uncertainty"].data
    work = uncertainty.steps(image, checkpoint.load(), InferenceConfig(rescale="off", **EXACT))
    assert np.array_equal(spread, drain(work))
    assert widget.next_uncertain.enabled
    assert widget.previous_uncertain.enabled
    ranking = branches.ranked(viewer.layers["eye vessels"].data, spread)
    for number, branch in enumerate(ranking[:2], start=1):
        widget.next_uncertain.native.click()
        qtbot.waitUntil(lambda n=number: f"Vessel {n} of" in widget.status.value, timeout=30_000)
        row, column = branch.centre
        assert viewer.camera.center[1:] == pytest.approx((2 * row + 10, 2 * column + 20))
        assert viewer.camera.zoom <= 3
        assert_ring(viewer, "uncertain vessel", branch.centre, branch.size)
    assert names(viewer).count("uncertain vessel") == 1
    for number in (1, len(ranking)):  # back to the first, and round to the last
        widget.previous_uncertain.native.click()
        assert f"Vessel {number} of {len(ranking)}" in widget.status.value
        assert_ring(viewer, "uncertain vessel", ranking[number - 1].centre, ranking[number - 1].size)
    run(widget)
    assert "uncertain vessel" not in names(viewer)  # it was one of the run before
    del viewer.layers["eye uncertainty"]
    assert not widget.next_uncertain.enabled


# --- copies


def copied(widget, button):
    QApplication.clipboard().clear()
    button.native.click()
    return QApplication.clipboard().text()


def test_copies_give_the_same_pixels(viewer, widget, run, tmp_path, monkeypatch, qtbot):
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "the eye.png", picture(160, 128))
    write_mask(tmp_path / "field.png", fundus((160, 128)).fov)
    (eye,) = viewer.open(tmp_path / "the eye.png", plugin="napari")
    field = viewer.add_labels(fundus((160, 128)).fov, name="field")
    viewer.layers.selection.active = eye
    widget.tta.value, widget.fov.value, widget.threshold.value = "flips", "auto", 0.41
    widget.min_size.value, widget.connected.value = 10, True
    run(widget)
    # The layer comes empty, and a turn later what is in it.
    qtbot.waitUntil(lambda: viewer.layers["the eye vessels"].data.any(), timeout=30_000)
    shown = viewer.layers["the eye probability"].data, viewer.layers["the eye vessels"].data
    space = {}
    exec(copied(widget, widget.copy_python), space)
    assert np.array_equal(space["probability"], shown[0])
    assert np.array_equal(space["mask"], shown[1])
    done = CliRunner().invoke(app, shlex.split(copied(widget, widget.copy_command))[1:])
    assert done.exit_code == 0, done.output
    assert np.array_equal(read_image("results/the eye_probability.tif"), shown[0])
    assert np.array_equal(read_mask("results/the eye_vessels.png"), shown[1])
    widget.fov.value = field
    assert copied(widget, widget.copy_command) == ""
    assert "field of view is not saved in a file" in widget.status.value
    run(widget)
    qtbot.waitUntil(lambda: widget._masks._job is None, timeout=30_000)
    space = {"viewer": viewer}
    exec(copied(widget, widget.copy_python), space)
    assert np.array_equal(space["mask"], viewer.layers["the eye vessels"].data)


def test_a_plane_of_a_stack_is_copied_for_the_console(viewer, widget, run):
    stack = np.stack([picture(seed=seed) for seed in range(2)])
    viewer.add_image(stack, rgb=True, name="it's a stack")
    run(widget)
    viewer.dims.set_current_step(0, 1)
    space = {"viewer": viewer}
    exec(copied(widget, widget.copy_python), space)
    assert np.array_equal(space["mask"], viewer.layers["it's a stack vessels"].data[1])
    assert copied(widget, widget.copy_command) == ""
    assert "is not saved in a file" in widget.status.value
