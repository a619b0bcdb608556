import threading
import time

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QTimer

from napari_saunetv2 import datasets, evaluation, inference
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.metrics import METRICS, confusion
from napari_saunetv2.plugin import commands

pytestmark = pytest.mark.gui

CHILDREN = ["image", "model", "device", "tta", "rescale", "threshold", "run", "cancel", "progress"]
PLUGIN = "napari-saunetv2"
WIDGET = "Segment vessels"


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    widget.rescale.value = "off"  # else the small pictures here would be blown up first
    return widget


@pytest.fixture
def finish(qtbot):
    """Wait for the end of a run."""

    def wait(widget):
        qtbot.waitUntil(widget.progress.native.isHidden, timeout=60_000)

    return wait


@pytest.fixture
def run(finish):
    """Press the button and wait for the end."""

    def press(widget):
        assert widget.run.enabled, widget.status.value
        widget.run.native.click()
        finish(widget)

    return press


class Hold:
    """Stands in for the network: works until it is let go, and answers .5."""

    def __init__(self):
        self.go, self.closed = threading.Event(), threading.Event()
        self.error = None
        self.runs = 0

    def steps(self, image, model, **settings):
        self.runs += 1
        try:
            yield inference.Progress(0, 2)
            for _ in range(2000):  # twenty seconds: where nobody lets go or stops it, a test fails
                if self.go.wait(0.01):
                    break
                yield inference.Progress(1, 2)
            if self.error:
                raise self.error
            return np.full(image.shape[:2], 0.5, np.float32)
        finally:
            self.closed.set()


@pytest.fixture
def hold(monkeypatch):
    held = Hold()
    monkeypatch.setattr(inference, "steps", held.steps)
    yield held
    held.go.set()


def picture(height=80, width=64, seed=0):
    return fundus((height, width), seed).image


def segmented(image, **settings):
    return inference.segment(image, "saunetv2-drive", **{"rescale": "off"} | settings)


def names(viewer):
    return [layer.name for layer in viewer.layers]


# --- what it shows


def test_its_fields(widget):
    assert [child.name for child in widget] == CHILDREN
    assert widget.image.label == "image"
    assert widget.model.value == "saunetv2-drive"
    assert not widget.cancel.enabled


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
    assert viewer.layers.selection.active is first
    for result in ("first vessels", "first probability"):
        viewer.layers.selection.active = viewer.layers[result]
        assert widget.image.value is first
    assert widget.image.choices == (first, second)
    first.name = "renamed"
    assert widget.image.value is first
    viewer.layers.remove(first)
    assert widget.image.value is second


# --- a run


@pytest.mark.parametrize(
    ("image", "settings"),
    [
        (picture(), {"tta": "none", "rescale": "auto"}),
        (picture(), {"tta": "d4", "rescale": "off"}),
        (picture()[..., 1], {"tta": "none", "rescale": "off"}),
        (picture().astype(np.uint16) * 257, {"tta": "none", "rescale": "off"}),
        ((picture() / 255).astype(np.float32), {"tta": "flips", "rescale": "off"}),
        (np.dstack([picture(), np.full((80, 64), 255, np.uint8)]), {"tta": "none", "rescale": "off"}),
    ],
    ids=["rgb", "d4", "grey", "uint16", "float", "rgba"],
)
def test_the_answer_is_that_of_segment(viewer, widget, run, image, settings):
    viewer.add_image(image, rgb=image.ndim == 3, name="eye")
    widget.tta.value, widget.rescale.value = settings["tta"], settings["rescale"]
    run(widget)
    assert names(viewer) == ["eye", "eye probability", "eye vessels"]
    _, probability, vessels = viewer.layers
    expected = segmented(image, **settings)
    assert isinstance(probability, Image)
    assert probability.data.dtype == np.float32
    assert np.array_equal(probability.data, expected)
    assert probability.contrast_limits == [0, 1]
    assert isinstance(vessels, Labels)
    assert vessels.data.dtype == np.uint8
    assert np.array_equal(vessels.data, inference.binarise(expected, widget.threshold.value))
    for layer in (probability, vessels):
        about = {"model": "saunetv2-drive", "device": "auto", **settings}
        assert {key: layer.metadata[key] for key in about} == about
    assert vessels.metadata["threshold"] == widget.threshold.value
    assert widget.status.value == "Done: eye."
    assert widget.run.enabled


PLACES = {
    "scale": (0.5, 2.0),
    "translate": (10.0, -7.0),
    "rotate": 30.0,
    "shear": (0.25,),
    "affine": np.array([[1, 0.1, 3], [0, 1.2, -4], [0, 0, 1]]),
    "units": ("um", "mm"),
    "axis_labels": ("down", "right"),
}


def same_place(layer, source):
    for name in PLACES:
        if name == "affine":
            assert np.array_equal(layer.affine.affine_matrix, source.affine.affine_matrix)
        elif name in ("units", "axis_labels"):
            assert getattr(layer, name) == getattr(source, name)
        else:
            assert np.array_equal(getattr(layer, name), getattr(source, name)), name
    corners = [(0, 0), (5, 0), (0, 5), (79, 63)]
    assert [layer.data_to_world(c) for c in corners] == [source.data_to_world(c) for c in corners]


def test_the_results_lie_where_the_image_lies(viewer, widget, run):
    source = viewer.add_image(picture(), rgb=True, **PLACES)
    assert str(source.units[0]) == "micrometer"
    run(widget)
    for layer in viewer.layers[1:]:
        same_place(layer, source)
    source.scale, source.translate, source.units = (3, 3), (1, 2), ("mm", "mm")
    run(widget)
    assert len(viewer.layers) == 3
    for layer in viewer.layers[1:]:
        same_place(layer, source)


def test_running_again_renews_the_layers(viewer, widget, run):
    viewer.add_image(picture(), rgb=True, name="eye")
    run(widget)
    before = list(viewer.layers)
    widget.tta.value = "d4"
    run(widget)
    assert list(viewer.layers) == before
    assert np.array_equal(before[1].data, segmented(picture(), tta="d4"))
    assert before[2].metadata["tta"] == "d4"
    del viewer.layers["eye vessels"]
    run(widget)
    assert names(viewer) == ["eye", "eye probability", "eye vessels"]


def test_each_image_has_its_own_results(viewer, widget, run):
    for seed in (1, 2):
        viewer.add_image(picture(seed=seed), rgb=True, name=f"eye {seed}")
        run(widget)
    kept = viewer.layers["eye 1 vessels"].data.copy()
    widget.threshold.value = 0.2
    assert np.array_equal(viewer.layers["eye 1 vessels"].data, kept)
    for seed in (1, 2):
        expected = segmented(picture(seed=seed))
        assert np.array_equal(viewer.layers[f"eye {seed} probability"].data, expected)


def test_stacks_go_plane_by_plane(viewer, widget, run):
    colour = np.stack([picture(seed=seed) for seed in range(2)])
    grey = np.stack([picture(seed=seed)[..., 1] for seed in range(3)])
    for stack, rgb in ((colour, True), (grey, False), (colour[None], True), (grey[:, None], False)):
        viewer.layers.clear()
        viewer.add_image(stack, rgb=rgb, name="stack")
        run(widget)
        planes = stack.reshape(-1, *colour.shape[1:] if rgb else grey.shape[1:])
        expected = np.stack([segmented(plane) for plane in planes])
        found = viewer.layers["stack probability"].data
        assert found.shape == (stack.shape[:-1] if rgb else stack.shape)
        assert np.array_equal(found.reshape(expected.shape), expected)
        assert viewer.layers["stack vessels"].data.shape == found.shape


def test_lazy_and_multiscale_layers_are_used_in_full(viewer, widget, run):
    image = picture(160, 128)
    expected = segmented(image)
    lazy = da.from_array(image, chunks=(50, 50, 3))
    for data, multiscale in ((lazy, False), ([image, image[::2, ::2], image[::4, ::4]], True)):
        viewer.layers.clear()
        viewer.add_image(data, rgb=True, multiscale=multiscale, name="eye")
        run(widget)
        assert np.array_equal(viewer.layers["eye probability"].data, expected)


# --- the threshold


def test_the_threshold_redraws_at_once(viewer, widget, run, monkeypatch):
    viewer.add_image(picture(160, 128), rgb=True, name="eye")
    run(widget)
    probability, labels = viewer.layers["eye probability"].data, viewer.layers["eye vessels"]

    def refuse(*args, **kwargs):
        raise AssertionError("the network ran again")

    monkeypatch.setattr(inference, "steps", refuse)
    drawn = set()
    for threshold in (0.1, 0.3, 0.9):
        widget.threshold.value = threshold
        assert np.array_equal(labels.data, inference.binarise(probability, threshold))
        assert labels.metadata["threshold"] == threshold
        drawn.add(int(labels.data.sum()))
    assert len(drawn) == 3
    assert len(viewer.layers) == 3
    assert widget.status.value == "Done: eye."


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


# --- while it runs


def test_the_window_lives_while_it_runs(viewer, widget, hold, finish, qtbot):
    viewer.add_image(picture(), rgb=True, name="eye")
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(10)
    widget.run.native.click()
    assert not widget.run.enabled
    assert widget.cancel.enabled
    assert widget.status.value == "Segmenting eye..."
    # The run ends only when the window has ticked: with the work in its own thread it never would.
    qtbot.waitUntil(lambda: len(ticks) > 20 and widget.progress.value == widget.progress.max // 2)
    assert len(viewer.layers) == 1
    widget.run.changed.emit(True)  # pressed by a program: there is still one run
    hold.go.set()
    finish(widget)
    timer.stop()
    assert names(viewer) == ["eye", "eye probability", "eye vessels"]
    assert hold.runs == 1


def test_cancel_leaves_nothing(viewer, widget, hold, finish, qtbot):
    viewer.add_image(picture(), rgb=True, name="eye")
    widget.run.native.click()
    qtbot.wait(50)
    widget.cancel.native.click()
    assert not widget.cancel.enabled
    finish(widget)
    assert hold.closed.is_set()  # the work stopped, not only the talk about it
    assert names(viewer) == ["eye"]
    assert widget.run.enabled
    assert widget.status.value == "Stopped; no layer was changed."


def test_the_image_may_go_while_it_runs(viewer, widget, hold, finish, qtbot):
    source = viewer.add_image(picture(), rgb=True, name="eye", scale=(2, 2))
    widget.run.native.click()
    qtbot.wait(50)
    viewer.layers.remove(source)
    hold.go.set()
    finish(widget)
    assert names(viewer) == ["eye probability", "eye vessels"]
    assert viewer.layers["eye vessels"].scale.tolist() == [2, 2]
    assert not widget.run.enabled
    assert "Open a photograph" in widget.status.value


def test_another_image_may_be_chosen_while_it_runs(viewer, widget, hold, finish, qtbot):
    viewer.add_image(picture(), rgb=True, name="eye")
    widget.run.native.click()
    qtbot.wait(50)
    other = viewer.add_image(picture(), rgb=True, name="other")
    assert widget.image.value is other
    assert widget.status.value == "Segmenting eye..."
    hold.go.set()
    finish(widget)
    assert names(viewer) == ["eye", "other", "eye probability", "eye vessels"]


def test_an_image_that_cannot_be_segmented_says_why(viewer, widget, run):
    viewer.add_image(np.full((64, 80), np.nan, np.float32), name="eye")
    run(widget)
    assert "NaN" in widget.status.value
    assert names(viewer) == ["eye"]
    assert notification_manager.records[-1].message == widget.status.value
    viewer.add_labels(np.zeros((4, 4), np.uint8))
    assert "NaN" in widget.status.value  # until something else matters
    viewer.add_image(picture(), rgb=True, name="good")
    assert widget.status.value == ""
    run(widget)
    assert widget.status.value == "Done: good."


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), OSError("gone")])
def test_what_nobody_foresaw_is_shown_and_ends_the_run(viewer, widget, hold, run, error):
    viewer.add_image(picture(), rgb=True, name="eye")
    hold.error = error
    hold.go.set()
    run(widget)
    assert widget.status.value == f"Failed: {error}"
    assert widget.run.enabled
    assert notification_manager.records[-1].exception is error


# --- windows


def test_closing_the_window_ends_the_run(viewer, widget, hold, qtbot):
    viewer.add_image(picture(), rgb=True)
    widget.run.native.click()
    qtbot.waitUntil(lambda: widget.progress.value > 0)
    began = time.monotonic()
    with qtbot.captureExceptions() as raised:
        viewer.close()
        qtbot.waitUntil(hold.closed.is_set, timeout=5000)
        qtbot.wait(100)
    assert not raised
    assert time.monotonic() - began < 5


def test_closing_the_panel_ends_the_run_and_hurts_nobody(viewer, widget, hold, qtbot):
    viewer.add_image(picture(), rgb=True, name="eye")
    widget.run.native.click()
    qtbot.waitUntil(lambda: widget.progress.value > 0)
    with qtbot.captureExceptions() as raised:
        widget.native.parent().destroyOnClose()
        qtbot.waitUntil(hold.closed.is_set, timeout=5000)
        qtbot.wait(100)
        other = viewer.add_image(picture(), rgb=True, name="other")
        other.name = "renamed"
        viewer.layers.remove("eye")
    assert not raised
    assert names(viewer) == ["renamed"]
    assert viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)[1].image.value is other


def test_two_windows_have_nothing_to_do_with_each_other(make_napari_viewer, widget):
    other = make_napari_viewer()
    _, second = other.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    image = other.add_image(picture(), rgb=True)
    assert second.image.value is image
    assert widget.image.value is None


def test_the_menus_lead_there(viewer, tmp_path, monkeypatch):
    from napari._app_model import get_app_model

    app = get_app_model()

    def offered(menu):
        return [item.command.id for item in app.menus.get_menu(menu) if hasattr(item, "command")]

    assert "napari-saunetv2.segment" in offered("napari/layers/segment")
    assert "napari-saunetv2.segment" in offered("napari/plugins/napari-saunetv2")
    assert "napari-saunetv2.open_dataset" in offered("napari/file/io_utilities")
    asked = []
    monkeypatch.setattr(commands.QFileDialog, "getExistingDirectory", lambda *args: asked.append(args) or "")
    app.commands.execute_command("napari-saunetv2.open_dataset").result()
    assert len(asked) == 1
    app.commands.execute_command("napari-saunetv2.segment").result()
    assert len(viewer.window.dock_widgets) == 1


def test_the_sample_opens_and_is_segmented(viewer, widget, hold, run):
    layers = viewer.open_sample(PLUGIN, "synthetic")
    assert [(layer.metadata["role"], layer.data.dtype) for layer in layers] == [
        *(("image", np.uint8), ("labels", np.uint8), ("fov", np.uint8))
    ]
    assert [np.unique(layer.data).tolist() for layer in layers[1:]] == [[0, 1], [0, 1]]
    assert widget.image.value is layers[0]
    hold.go.set()
    run(widget)
    assert "synthetic vessels" in viewer.layers


# --- a real photograph


@pytest.mark.data
def test_a_real_photograph_scores_as_the_evaluation_says(shared, viewer, widget, run):
    root = shared / "data/DRIVE"
    (image,) = viewer.open(root / "test/images/01_test.tif", plugin=PLUGIN)
    (truth,) = viewer.open(root / "test/1st_manual/01_manual1.gif", plugin=PLUGIN)
    assert widget.image.value is image
    widget.threshold.value = 0.5
    widget.rescale.value = "auto"
    ticks = [time.monotonic()]
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(10)
    run(widget)
    timer.stop()
    found = METRICS["f1"](confusion(truth.data, viewer.layers["01_test vessels"].data))
    sample = next(s for s in datasets.read(root, "drive") if s.name == "01_test")
    (score,) = evaluation.evaluate([sample], "saunetv2-drive", threshold=0.5)
    assert found == score.metrics["f1"]
    assert found > 0.8
    assert max(np.diff(ticks)) < 2  # seconds that the window stood still; the machine may be busy
