import csv
import shlex
import threading
import time
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication
from typer.testing import CliRunner

from napari_saunetv2 import datasets, evaluation
from napari_saunetv2.cli import app
from napari_saunetv2.evaluation import Case
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.overlay import AGREEMENT, agreement
from napari_saunetv2.metrics import TITLES, shown
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.evaluate import widget as plugin

pytestmark = pytest.mark.gui

SHAPE = (60, 80)


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Evaluate vessels")
    return widget


@pytest.fixture
def run(qtbot):
    """Press the button and wait for the end."""

    def press(widget):
        assert widget.run.enabled, widget.status.value
        qtbot.mouseClick(widget.run.native, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: widget.panel.job is None, timeout=300_000)

    return press


def vessels(seed=0):
    """A trunk, and a branch that hangs from it."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[20 + seed : 24 + seed, 5:75] = 1
    mask[24 + seed : 55, 40:43] = 1
    return mask


def probability(truth, seed=0):
    """A map that misses most of the branch."""
    found = truth.copy()
    found[35:, 40:43] = 0
    rng = np.random.default_rng(seed)
    return (0.6 * found + 0.35 * rng.random(SHAPE)).astype(np.float32)


def add_eye(viewer, name="eye", seed=0, **place):
    """The truth, and a probability, as a reader and the Segment widget leave them."""
    truth = vessels(seed)
    about = {"dataset": "own", "subject": name, "role": "labels", "observer": "first", "names": None}
    labels = viewer.add_labels(truth, name=f"{name} first", metadata=about, **place)
    found = viewer.add_image(
        probability(truth, seed),
        name=f"{name} probability",
        metadata={"saunetv2 role": "probability"},
        **place,
    )
    return labels, found


def column(widget, title):
    """Texts of a column of the table."""
    titles = [widget.table.horizontalHeaderItem(n).text() for n in range(widget.table.columnCount())]
    return [widget.table.item(row, titles.index(title)).text() for row in range(len(TITLES))]


def texts(score):
    return [shown(name, score[name]) for name in TITLES]


def test_it_says_what_is_missing_and_chooses_what_is_likely(viewer, widget):
    assert "Choose a prediction" in widget.status.value
    assert not widget.run.enabled
    truth, found = add_eye(viewer)
    assert (widget.prediction.value, widget.truth.value) == ([found], [truth])
    assert (widget.status.value, widget.run.enabled) == ("", True)
    widget.fov.value = "auto"
    assert "No photograph" in widget.status.value
    assert not widget.run.enabled
    widget.fov.value = "none"
    widget.truth.value = []
    assert "Choose the reference" in widget.status.value
    other = viewer.add_labels(np.zeros((9, 9), np.uint8), name="other")
    widget.truth.value = [other]
    assert "'eye probability' has shape (60, 80), 'other' (9, 9)" in widget.status.value
    assert not widget.run.enabled
    viewer.layers.remove(other)
    assert widget.truth.value == [truth]
    assert widget.run.enabled


def test_the_truth_of_another_eye_is_not_chosen(viewer, widget):
    for name in ("01", "02"):
        about = {"dataset": "drive", "subject": name, "eye": None, "split": "test", "names": None}
        shape = (*SHAPE, 3)
        viewer.add_image(np.zeros(shape, np.uint8), rgb=True, name=f"{name}_test", metadata=about)
        if name == "01":
            about = about | {"role": "labels", "observer": "1st"}
            viewer.add_labels(vessels(), name="01_manual1", metadata=about)
    about = {"saunetv2 role": "probability", "saunetv2 image": "02_test"}
    found = viewer.add_image(probability(vessels()), name="02_test probability", metadata=about)
    assert widget.prediction.value == [found]
    assert widget.truth.value == []
    assert "Choose the reference" in widget.status.value
    about = viewer.layers["02_test"].metadata | {"role": "labels", "observer": "1st"}
    own = viewer.add_labels(vessels(), name="02_manual1", metadata=about)
    assert widget.truth.value == [own]


def test_the_numbers_are_those_of_score(viewer, widget, run):
    truth, found = add_eye(viewer)
    widget.threshold.value = 0.4
    run(widget)
    expected = evaluation.score(truth.data, found.data, 0.4)
    assert column(widget, "prediction") == texts(expected)
    assert "F1 " + shown("f1", expected["f1"]) in widget.status.value
    drawn = viewer.layers["eye probability agreement"]
    assert np.array_equal(drawn.data, agreement(truth.data, found.data >= 0.4))
    for code, (_, colour) in AGREEMENT.items():
        assert np.allclose(drawn.get_color(code)[:3], np.array(colour) / 255, atol=0.01)
    curve = widget.curve.getPlotItem().listDataItems()[0].getData()
    line = evaluation.curve(truth.data, found.data)
    known = np.isfinite(line.precision)
    assert np.allclose(curve, [line.recall[known], line.precision[known]])


def test_running_again_renews_the_overlay_and_leaves_the_choice_alone(viewer, widget, run):
    truth, found = add_eye(viewer)
    viewer.layers.selection.active = truth
    run(widget)
    before = list(viewer.layers)
    assert viewer.layers.selection.active is truth
    truth.data = 1 - truth.data
    run(widget)
    assert list(viewer.layers) == before
    assert np.array_equal(before[-1].data, agreement(truth.data, found.data >= 0.5))
    assert before[-1] not in widget.prediction.choices
    assert before[-1] not in widget.truth.choices


def test_a_second_observer_stands_beside(viewer, widget, run):
    truth, _ = add_eye(viewer)
    other = np.roll(truth.data, 1, axis=0)
    second = viewer.add_labels(other, name="eye second", metadata=truth.metadata | {"observer": "second"})
    assert widget.second.value == "auto"
    run(widget)
    expected = texts(evaluation.score(truth.data, other))
    assert column(widget, "observer 2") == expected
    assert expected[list(TITLES).index("auc")] == "-"
    widget.second.value = "none"
    run(widget)
    assert widget.table.columnCount() == 1
    widget.second.value = second
    run(widget)
    assert column(widget, "observer 2") == expected


def test_several_predictions_give_the_mean_each_with_its_own_truth(viewer, widget, run, tmp_path):
    pairs = [add_eye(viewer, f"eye{n}", n) for n in range(3)]
    widget.prediction.value = [found for _, found in pairs]
    widget.truth.value = [truth for truth, _ in pairs]
    run(widget)
    scores = [Case(f.name, None, t.data, f.data, model=f.name, observer=t.name).score() for t, f in pairs]
    assert column(widget, "prediction") == texts(evaluation.mean(scores))
    worst = min(scores, key=evaluation.worst_first)
    assert widget.image.choices[:2] == ("mean", worst.name)
    widget.image.value = worst.name
    assert column(widget, "prediction") == texts(worst.metrics)
    widget.save_csv(tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text() == evaluation.as_csv(scores)
    assert sum(layer.name.endswith("agreement") for layer in viewer.layers) == 3


def test_copied_python_prints_the_same(viewer, widget, run, capsys, tmp_path):
    truth, _ = add_eye(viewer)
    image = np.zeros((*SHAPE, 3), np.uint8)
    image[10:, 10:] = 200
    photograph = viewer.add_image(image, rgb=True, name="eye's")
    widget.fov.value = "auto"
    run(widget)
    inside = field_of_view.detect(to_unit(photograph.data))
    found = viewer.layers["eye probability"]
    assert column(widget, "prediction") == texts(evaluation.score(truth.data, found.data, 0.5, inside))
    capsys.readouterr()
    exec(widget.as_python(), {"viewer": viewer})  # as in napari's console
    about = found.name, truth.name, "found"
    case = Case(found.name, None, truth.data, found.data, 0.5, inside, *about)
    assert capsys.readouterr().out == evaluation.as_csv([case.score()]) + "\n"
    widget.save_csv(tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text() == evaluation.as_csv([case.score()])


def test_the_copied_command_gives_the_same_table(viewer, widget, run, tmp_path, monkeypatch, qtbot):
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path / "models"))
    pairs = [add_eye(viewer, f"eye's {n}", n) for n in range(2)]
    about = pairs[0][0].metadata | {"observer": "second"}
    viewer.add_labels(np.roll(pairs[0][0].data, 1, 0), name="eye's 0 second", metadata=about)
    inside = viewer.add_labels(np.ones(SHAPE, np.uint8), name="inside")
    inside.data[:, 60:] = 0
    pairs[1][1].metadata = pairs[1][1].metadata | {"model": "saunetv2"}  # as Segment notes it
    widget.prediction.value = [found for _, found in pairs]
    widget.truth.value = [truth for truth, _ in pairs]
    widget.fov.value, widget.threshold.value = inside, 0.61
    run(widget)
    widget.save_csv(tmp_path / "widget.csv")
    QApplication.clipboard().clear()
    qtbot.mouseClick(widget.copy_command.native, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.panel.job is None, timeout=30_000)
    words = shlex.split(QApplication.clipboard().text())
    assert words[0] == "saunetv2"
    done = CliRunner().invoke(app, [*words[1:], "--csv", str(tmp_path / "command.csv")])
    assert done.exit_code == 0, done.output
    tables = [list(csv.DictReader((tmp_path / name).open())) for name in ("widget.csv", "command.csv")]
    assert len(tables[0]) == 5  # two eyes, their mean, the second observer of one, and its mean
    named = ("image", "model", "observer", "fov")  # the widget names layers, the command their files
    same = [[{k: v for k, v in row.items() if k not in named} for row in table] for table in tables]
    assert same[0] == same[1]
    layers = [tuple(row[name] for name in named) for row in tables[0]]
    assert layers[1] == ("eye's 1 probability", "saunetv2", "eye's 1 first", "inside")
    assert layers[0] == ("eye's 0 probability", "eye's 0 probability", "eye's 0 first", "inside")
    assert layers[3][1:] == ("eye's 0 second", "eye's 0 first", "inside")


def test_labels_need_no_threshold_and_have_no_curve(viewer, widget, run):
    truth, found = add_eye(viewer)
    labels = viewer.add_labels((found.data > 0.5).astype(np.uint8) * 3, name="eye vessels")
    widget.prediction.value = [labels]
    run(widget)
    assert column(widget, "prediction") == texts(evaluation.score(truth.data, labels.data))
    # Only the point of the answer is drawn.
    assert [len(item.getData()[0]) for item in widget.curve.getPlotItem().listDataItems()] == [1]


def test_a_click_on_a_missed_vessel_moves_the_camera(viewer, widget, run, qtbot):
    place = {"scale": (2.0, 0.5), "translate": (10.0, -7.0)}
    truth, found = add_eye(viewer, **place)
    run(widget)
    (miss,) = evaluation.misses(truth.data, found.data >= 0.5)
    assert widget.misses.count() == 1
    widget.views.setCurrentWidget(widget.misses)
    item = widget.misses.item(0)
    middle = widget.misses.visualItemRect(item).center()
    qtbot.mouseClick(widget.misses.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert viewer.camera.center[-2:] == pytest.approx(truth.data_to_world((miss.row, miss.column)))
    ring = viewer.layers["missed vessel"]
    assert ring.shape_type == ["ellipse"]
    assert ring.data[0][:, -2:].mean(axis=0) == pytest.approx((miss.row, miss.column))
    assert np.array_equal(ring.scale, found.scale)
    assert np.ptp(ring.data[0][:, -2:], axis=0) == pytest.approx(miss.length + 12)
    assert viewer.layers.selection.active is not ring
    assert viewer.camera.zoom >= 8
    viewer.layers.remove(found)
    qtbot.mouseClick(widget.misses.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert "removed" in widget.status.value


def test_stacks_are_scored_plane_by_plane(viewer, widget, run):
    truths = np.stack([vessels(n) for n in range(3)])
    maps = np.stack([probability(t, n) for n, t in enumerate(truths)])
    names = ["01", "02", "03"]
    about = {"dataset": "own", "role": "labels", "observer": "first", "names": names}
    viewer.add_labels(truths, name="first", metadata=about)
    viewer.add_labels(np.ones(SHAPE, np.uint8), name="field")
    found = viewer.add_image(maps, name="maps", metadata={"saunetv2 role": "probability"})
    widget.fov.value = viewer.layers["field"]  # one plane for all
    run(widget)
    scores = [Case(*args).score() for args in zip(names, [None] * 3, truths, maps, strict=True)]
    assert column(widget, "prediction") == texts(evaluation.mean(scores))
    assert set(widget.image.choices) == {"mean", *names}
    widget.image.value = "03"
    widget.misses.itemActivated.emit(widget.misses.item(0))
    assert viewer.dims.point[0] == 2
    assert viewer.layers["maps agreement"].data.shape == found.data.shape


def test_a_probability_that_is_none_is_told(viewer, widget, run):
    truth, found = add_eye(viewer)
    found.data = found.data * 100
    run(widget)
    assert "outside 0 to 1" in widget.status.value
    assert widget.table.columnCount() == 0
    found.data = probability(truth.data)
    run(widget)
    assert "F1" in widget.status.value


@pytest.fixture
def endless(monkeypatch):
    """Stands in for the scoring: works until it is stopped, and says when it began and ended."""
    began, ended = threading.Event(), threading.Event()

    def examine(pairs):
        began.set()
        try:
            for _ in range(2000):  # twenty seconds: where nobody stops it, a test fails
                time.sleep(0.01)
                yield 0.5
        finally:
            ended.set()
        return []

    monkeypatch.setattr(plugin, "examine", examine)
    return began, ended


def test_cancel_leaves_everything_as_it_was(viewer, widget, qtbot, endless):
    add_eye(viewer)
    widget.run.native.click()
    qtbot.waitUntil(lambda: widget.progress.value == 500, timeout=300_000)
    assert not widget.run.enabled
    widget.cancel.native.click()
    qtbot.waitUntil(lambda: widget.panel.job is None, timeout=300_000)
    assert endless[1].is_set()
    assert "Stopped" in widget.status.value
    assert len(viewer.layers) == 2
    assert widget.run.enabled


def test_layers_that_go_while_it_runs_cost_only_their_overlay(viewer, widget, qtbot):
    truth, found = add_eye(viewer)
    expected = texts(evaluation.score(truth.data, found.data))
    widget.run.native.click()
    viewer.layers.clear()
    qtbot.waitUntil(lambda: widget.panel.job is None, timeout=20_000)
    assert column(widget, "prediction") == expected
    assert len(viewer.layers) == 0
    assert not widget.run.enabled


def test_cancel_at_once_and_late(viewer, widget, qtbot, run):
    add_eye(viewer)
    for late in (False, True):
        widget.run.native.click()
        if late:  # the result is on its way
            qtbot.waitUntil(lambda: not widget.panel.job._worker.is_running, timeout=20_000)
        job = widget.panel.job
        widget.cancel.native.click()
        qtbot.waitUntil(lambda: widget.panel.job is None, timeout=20_000)
        assert job._stop.is_set()
        assert "Stopped" in widget.status.value
        assert len(viewer.layers) == 2
        assert widget.table.columnCount() == 0
    run(widget)
    assert len(viewer.layers) == 3


def test_layers_may_be_renamed_and_shown_other_data_while_it_runs(viewer, widget, qtbot):
    truth, found = add_eye(viewer)
    expected = texts(evaluation.score(truth.data, found.data))
    widget.run.native.click()
    found.name, truth.name = "renamed", "renamed too"
    found.data, truth.data = np.zeros((9, 9), np.float32), np.zeros((9, 9), np.uint8)
    assert "Scoring" in widget.status.value
    qtbot.waitUntil(lambda: widget.panel.job is None, timeout=20_000)
    assert column(widget, "prediction") == expected  # what it was asked about
    assert "replaced meanwhile" in widget.status.value
    assert viewer.layers["renamed agreement"].data.shape == SHAPE


def test_a_second_run_is_not_started_beside_the_first(viewer, widget, qtbot, endless):
    add_eye(viewer)
    widget.run.native.click()
    qtbot.waitUntil(endless[0].is_set, timeout=300_000)
    job = widget.panel.job
    widget.run.changed.emit(True)
    widget.copy_command.changed.emit(True)
    assert widget.panel.job is job
    widget.cancel.native.click()
    qtbot.waitUntil(lambda: widget.panel.job is None, timeout=300_000)


KINDS = {
    "int32": lambda found: (found > 0.5).astype(np.int32) * 7,
    "uint16": lambda found: (found > 0.5).astype(np.uint16),
    "float64": lambda found: found.astype(np.float64),
    "4D": lambda found: found[None, None],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_answer_is_scored(viewer, widget, run, kind):
    truth, found = vessels(), probability(vessels())
    prediction = KINDS[kind](found)
    add = viewer.add_labels if prediction.dtype.kind in "iu" else viewer.add_image
    layer = add(prediction, name="answer")
    labels = viewer.add_labels(truth[None, None] if kind == "4D" else truth, name="truth")
    widget.prediction.value, widget.truth.value = [layer], [labels]
    run(widget)
    assert column(widget, "prediction") == texts(evaluation.score(truth, prediction.reshape(SHAPE)))
    assert viewer.layers["answer agreement"].data.shape == prediction.shape


def test_lazy_and_multiscale_layers_are_scored_at_full_resolution(viewer, widget, run):
    truth, found = vessels(), probability(vessels())
    viewer.add_labels(da.from_array(truth), name="lazy", metadata={"role": "labels"})
    place = {"rotate": 30.0, "units": ("um", "um"), "affine": np.diag([1.5, 2, 1])}
    levels = viewer.add_image([found, found[::2, ::2]], name="levels", multiscale=True, **place)
    widget.prediction.value, widget.truth.value = [levels], [viewer.layers["lazy"]]
    run(widget)
    assert column(widget, "prediction") == texts(evaluation.score(truth, found))
    drawn = viewer.layers["levels agreement"]
    assert drawn.data.shape == SHAPE
    for corner in ((0, 0), (0, 5), (5, 0)):
        assert np.allclose(drawn.data_to_world(corner), levels.data_to_world(corner))


def test_closing_the_window_stops_the_run_and_hurts_nobody(viewer, widget, qtbot, endless):
    add_eye(viewer)
    widget.run.native.click()
    job = widget.panel.job
    qtbot.waitUntil(endless[0].is_set, timeout=300_000)
    with qtbot.captureExceptions() as raised:
        viewer.close()
        qtbot.waitUntil(lambda: job._stop.is_set(), timeout=300_000)
        qtbot.wait(100)
    assert not raised
    assert widget.panel.job is None


def test_it_fits_into_a_small_window(viewer, widget, run, qtbot):
    pairs = [add_eye(viewer, f"an eye with a rather long name {n}", n) for n in range(2)]
    widget.prediction.value = [found for _, found in pairs]
    widget.truth.value = [truth for truth, _ in pairs]
    run(widget)
    qtbot.wait(50)
    least = widget.native.minimumSizeHint()
    assert least.width() <= 360
    assert least.height() <= 735  # what a window of 800 pixels leaves to a panel
    assert not widget.table.horizontalScrollBar().isVisible()


@pytest.mark.data
def test_a_real_photograph_scores_as_on_the_command_line(viewer, widget, run, shared):
    root = shared / "data" / "DRIVE" / "test"
    files = ["images/01_test.tif", "1st_manual/01_manual1.gif", "2nd_manual/01_manual2.gif"]
    for file in [*files, "mask/01_test_mask.gif"]:
        viewer.open(root / file, plugin="napari-saunetv2")
    (sample,) = [s for s in datasets.read(shared / "data" / "DRIVE") if s.name == "01_test"]
    (case,) = evaluation.predictions(
        [sample], checkpoint.load("saunetv2-drive"), scoring=evaluation.Scoring("fov")
    )
    layer = Image(case.prediction, name="01_test probability", metadata={"saunetv2 role": "probability"})
    viewer.add_layer(layer)
    assert widget.prediction.value == [layer]
    assert widget.truth.value == [viewer.layers["01_manual1"]]
    for field, protocol in (("none", "whole"), ("auto", "fov")):
        widget.fov.value = field
        run(widget)
        expected = replace(case, inside=case.inside if protocol == "fov" else None).score()
        (second,) = evaluation.evaluate_observer([sample], "2nd", protocol=protocol)
        assert column(widget, "prediction") == texts(expected.metrics)
        assert column(widget, "observer 2") == texts(second.metrics)
    assert isinstance(viewer.layers["01_test probability agreement"], Labels)


def test_it_starts_at_the_threshold_that_segment_drew_with(viewer, widget, run):
    truth, found = add_eye(viewer)
    assert widget.threshold.value == 0.5
    found.metadata = {"saunetv2 role": "probability", "saunetv2 image": "eye"}
    about = {"saunetv2 role": "vessels", "saunetv2 image": "eye", "threshold": 0.42}
    drawn = viewer.add_labels(vessels(), name="eye vessels", metadata=about)
    assert widget.threshold.value == 0.42
    drawn.metadata = drawn.metadata | {"threshold": 0.37}  # moved in Segment meanwhile
    run(widget)
    assert column(widget, "prediction") == texts(evaluation.score(truth.data, found.data, 0.37))
    widget.threshold.value = 0.6  # what the user sets here stays
    run(widget)
    assert widget.threshold.value == 0.6
    assert column(widget, "prediction") == texts(evaluation.score(truth.data, found.data, 0.6))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda truth: 1 - truth, "the mask may be inverted"),
        (np.zeros_like, "Nothing in the frame is vessel"),
        (np.ones_like, "100 % of the frame is vessel"),
    ],
)
def test_a_truth_that_looks_wrong_gets_a_word(viewer, widget, run, spoil, said):
    truth, _ = add_eye(viewer)
    run(widget)
    assert "is vessel" not in widget.status.value
    truth.data = spoil(truth.data)
    run(widget)
    assert "'eye first': " in widget.status.value
    assert said in widget.status.value


def test_a_field_of_view_inside_out_gets_a_word(viewer, widget, run):
    add_eye(viewer)
    field = np.ones(SHAPE, np.uint8)
    field[5:-5, 5:-5] = 0
    widget.fov.value = viewer.add_labels(field, name="field")
    run(widget)
    assert "'field': The FOV mask may be inverted" in widget.status.value


def test_news_that_read_like_an_obstacle_stay(viewer, widget):
    obstacle = widget.status.value
    assert obstacle
    widget.panel.line.say(obstacle)
    widget.panel.line.block("")
    assert widget.status.value == obstacle


@pytest.mark.parametrize("command", ["evaluate", "segment", "finetune"])
def test_every_command_takes_the_same_model_where_none_is_named(command):
    said = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "300"})
    assert checkpoint.DEFAULT in said.output


def test_labels_of_255_beside_1_are_left_out_and_said(viewer, widget, run):
    truth = vessels()
    marked = np.where(np.arange(SHAPE[0])[:, None] < 22, 255, truth).astype(np.uint8)
    viewer.add_labels(marked, name="first")
    found = viewer.add_image(
        probability(truth), name="probability", metadata={"saunetv2 role": "probability"}
    )
    widget.prediction.value, widget.truth.value = [found], [viewer.layers["first"]]
    run(widget)
    (score,) = [x.score for x in widget._found]
    kept = np.arange(SHAPE[0])[:, None] >= 22
    expected = Case("x", None, truth, found.data, widget.threshold.value, np.broadcast_to(kept, SHAPE))
    assert score.metrics == pytest.approx(expected.score().metrics, nan_ok=True)
    assert "not annotated" in widget.status.tooltip


@pytest.mark.parametrize(
    ("rule", "says"),
    [({"min_size": 30}, "smallest size"), ({"connected": True}, "hysteresis"), ({"min_size": 0}, "")],
)
def test_what_segment_does_beside_the_threshold_is_said_not_to_be_scored(viewer, widget, run, rule, says):
    _, found = add_eye(viewer)
    found.metadata["saunetv2 image"] = "eye"
    about = {"saunetv2 role": "vessels", "saunetv2 image": "eye", "threshold": 0.4, **rule}
    viewer.add_labels((found.data >= 0.4).astype(np.uint8), name="eye vessels", metadata=about)
    widget.prediction.value, widget.truth.value = [found], [viewer.layers["eye first"]]
    run(widget)
    said = [one for one in (widget.status.tooltip or "").split("\n") if "scored at its threshold" in one]
    assert len(said) == bool(says)
    assert says in "".join(said)
    assert not said or "'eye vessels'" in said[0]
