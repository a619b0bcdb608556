import re

import dask.array as da
import numpy as np
import pytest
import torch
from napari.layers import Labels
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication, QComboBox

from clock import Clock
from napari_saunetv2.imaging import synthetic
from napari_saunetv2.inference import segment
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.finetune import run
from napari_saunetv2.plugin.finetune.preview import LivePrediction
from napari_saunetv2.plugin.session import edits
from napari_saunetv2.training import tasks
from napari_saunetv2.training.validation import Preview
from tiny import save_model

pytestmark = pytest.mark.gui

PLUGIN, WIDGET = "napari-saunetv2", "Fine-tune a model"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Another user's folder, with a tiny model in it."""
    folder = tmp_path / "home" / "models"
    folder.mkdir(parents=True)
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(folder))
    save_model(folder / "tiny.safetensors")
    return folder


def fundus(shape, seed=0):
    """An eye whose vessels a tiny network tells apart within a few steps."""
    sample = synthetic.fundus(shape, seed)
    image = np.full((*shape, 3), 90, np.uint8)
    image[sample.vessels > 0] = (200, 60, 40)
    return sample._replace(image=image)


def quick(widget, steps=6, **settings):
    """Settings under which a training takes a second."""
    values = {
        "base": "tiny",
        "steps": steps,
        "validate_every": 2,
        "crop": 32,
        "batch": 1,
        "patience": 0,
        "learning_rate": 0.02,
        "model_name": "new",
    }
    widget.meaning.value = settings.get("meaning", False)  # which changes others
    for name, value in {**values, "minutes": 0, **settings}.items():
        widget.fields[name].value = value


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    quick(widget)
    return widget


@pytest.fixture
def finish(qtbot):
    def wait(widget):
        qtbot.waitUntil(lambda: widget.panel.job is None, timeout=300_000)

    return wait


@pytest.fixture
def until(qtbot):
    """Start, and wait until so many steps are done and one of them has beaten the base."""

    def wait(widget, step=1):
        assert widget.run.enabled, widget.status.value
        widget.run.native.click()
        qtbot.waitUntil(
            lambda: (
                widget._report is not None and widget._report.step >= step and widget._report.best_step > 0
            ),
            timeout=300_000,
        )

    return wait


def open_eye(viewer, name="eye", size=160, seed=0, labels=True):
    sample = fundus((size, size), seed)
    layers = [viewer.add_image(sample.image, rgb=True, name=name)]
    if labels:
        layers.append(viewer.add_labels(sample.vessels, name=f"{name} vessels"))
    return layers


def names(viewer):
    return [layer.name for layer in viewer.layers]


# --- what it shows


def test_without_layers_it_says_what_to_do(viewer, widget):
    assert not widget.run.enabled
    assert "Open photographs and their labels" in widget.status.value
    open_eye(viewer, labels=False)
    assert "Tick an image that has labels" in widget.status.value
    viewer.add_labels(np.ones((160, 160), np.uint8), name="drawn")
    assert widget.run.enabled
    assert widget.status.value == ""


def test_pairs_are_matched_and_may_be_changed(viewer, widget):
    one, first = open_eye(viewer, "one")
    _, second = open_eye(viewer, "two", seed=1)
    chosen = widget.pairs.chosen()
    assert [(row.name, row.labels) for row in chosen] == [("one", first), ("two", second)]
    widget.pairs.tick(1, on=False)
    widget.pairs.choose(0, 1, "two vessels")
    assert [(row.image, row.labels) for row in widget.pairs.chosen()] == [(one, second)]
    viewer.add_labels(np.zeros((9, 9), np.uint8), name="of another size")  # the choice survives
    assert [(row.image, row.labels) for row in widget.pairs.chosen()] == [(one, second)]
    viewer.layers.remove(second)
    assert [row.labels for row in widget.pairs.chosen()] == [first]


def test_what_was_corrected_is_learned_from_and_not_what_was_only_found(viewer, widget):
    def choose():
        return [row.labels.name for row in widget.pairs.chosen()]

    of_eye = {"dataset": "drive", "subject": "21", "eye": None, "split": "train"}
    for eye in ("21", "22"):
        sample = fundus((64, 64), int(eye))
        about = of_eye | {"subject": eye}
        viewer.add_image(sample.image, rgb=True, name=f"{eye}_training", metadata=about | {"role": "image"})
        viewer.add_labels(
            sample.vessels, name=f"{eye}_manual1", metadata=about | {"role": "labels", "observer": "1st"}
        )
    assert choose() == ["21_manual1", "22_manual1"]  # by what the reader says: the names are not near
    found = Labels(
        np.zeros((64, 64), np.uint8),
        name="21_training vessels",
        metadata={"saunetv2 role": "vessels", "saunetv2 image": "21_training"},
    )
    edits.remember(found)
    viewer.add_layer(found)
    widget.pairs.fill([])
    widget._fill()
    assert choose() == ["21_manual1", "22_manual1"]
    found.paint((30, 30), 1)
    widget.pairs.fill([])
    widget._fill()
    assert choose() == ["21_training vessels", "22_manual1"]


def test_what_was_replaced_in_the_table_is_not_seen(viewer, widget):
    viewer.open_sample("napari-saunetv2", "synthetic")  # layer by layer: the table is filled again and again
    table = widget.pairs.native
    cells = {table.cellWidget(row, column) for row in range(table.rowCount()) for column in (1, 2)}
    assert len(cells) == 2
    assert {box for box in table.viewport().findChildren(QComboBox) if not box.isHidden()} == cells


def test_wrong_settings_turn_red_and_say_why(viewer, widget):
    open_eye(viewer)
    for name, value, why in (
        ("crop", 40, "multiple of 16"),
        ("validate_every", 50, "no more than the steps"),
        ("model_name", "saunetv2-drive", "choose another"),
        ("learning_rate", 0.0, "between 0 and 1"),
        ("classes", "a, a", "one or more different names"),
    ):
        field = widget.fields[name]
        before = field.value
        field.value = value
        assert not widget.run.enabled
        assert "e03131" in field.native.styleSheet()
        assert why in widget.status.value
        assert why in field.tooltip
        field.value = before
        assert widget.run.enabled, widget.status.value
        assert field.native.styleSheet() == ""


def test_every_field_has_a_tooltip(widget):
    for field in widget.marks.fields:
        assert field.tooltip, field.name


def test_it_is_as_narrow_as_a_panel_should_be(viewer, widget, qtbot):
    viewer.window._qt_window.resize(1280, 800)
    open_eye(viewer, "an image with a name that is far too long for any table of this world")
    widget.more.value = True
    qtbot.wait(100)
    assert widget.native.minimumSizeHint().width() <= 480
    assert not widget.scroll.horizontalScrollBar().isVisible()
    assert widget.fields.native.minimumSizeHint().width() <= widget.scroll.viewport().width()


# --- a run


def test_from_labels_to_a_model_that_is_chosen(viewer, widget, finish, home):
    _, segment = viewer.window.add_plugin_dock_widget(PLUGIN, "Segment vessels")
    image, _ = open_eye(viewer)
    image.scale, image.translate = (2, 3), (5, 7)
    seen = []
    viewer.layers.events.inserted.connect(lambda event: seen.append(event.value))
    widget.run.native.click()
    assert not widget.run.enabled
    assert widget.stop.enabled
    finish(widget)
    assert widget.status.value.startswith("Done: new. F1 "), widget.status.value
    assert "blocks of eye" in widget.status.value
    (live,) = [layer for layer in seen if layer.name == "eye fine-tuning"]
    assert isinstance(live, Labels)
    assert live.data.shape == (160, 160)
    assert live.data_to_world((1, 1)) == image.data_to_world((1, 1))
    assert names(viewer) == ["eye", "eye vessels", "eye fine-tuning"]
    assert not live.visible
    assert segment.model.value == "new"
    assert "new" in widget.base.choices
    header = checkpoint.load("new").header
    assert header.recipe["steps"] == 6
    assert header.data["base"] == "tiny"
    assert f"F1 {header.scores[0]['mean']['f1']:.4f} on " in segment.model.tooltip  # its card is filled in
    assert (home / "new.csv").read_text().count("\n") == 5  # titles, the start, three validations
    x, y = widget.plot.f1.getData()
    assert list(x)[:2] == [0, 2]
    assert max(y) == widget.plot.best.getData()[1][0]
    for curve in (widget.plot.loss, widget.plot.validation_loss):
        assert np.isfinite(curve.getData()[1]).any()
    assert tasks.unfinished() == []
    assert widget.run.enabled  # under another name
    assert widget.model_name.value != "new"
    widget.run.native.click()
    finish(widget)
    assert names(viewer) == ["eye", "eye vessels", "eye fine-tuning"]  # taken up again


@pytest.mark.parametrize("pressed", [0, 4], ids=["at once", "late"])
def test_stop_keeps_the_best_so_far(viewer, widget, until, finish, pressed):
    open_eye(viewer)
    quick(widget, steps=100_000, learning_rate=0.02)
    if pressed:
        until(widget, pressed)
    else:
        widget.run.native.click()
    widget.stop.native.click()
    assert not widget.stop.enabled
    finish(widget)
    if widget.status.value.startswith("Done: new."):
        assert checkpoint.load("new").header.data["validation"] == ["blocks of eye"]
    else:
        assert widget.status.value.startswith("No step beat the base model")
        assert "new" not in widget.base.choices


def test_pause_holds_it_and_goes_on(viewer, widget, until, finish, qtbot):
    open_eye(viewer)
    quick(widget, steps=100_000)
    until(widget)
    widget.pause.native.click()
    assert widget.pause.text == "Resume"
    qtbot.wait(500)
    step = widget._report.step
    qtbot.wait(300)
    assert widget._report.step == step
    said = (
        r"Paused: step \d+/100000, loss \d\.\d{4}, F1 (-|\d\.\d{4}) at its best threshold on blocks of eye, "
        r"(-|\d+:\d\d) left, cpu"
    )
    assert re.fullmatch(said, widget.status.value)
    widget.pause.native.click()
    qtbot.waitUntil(lambda: widget._report.step > step, timeout=30_000)
    widget.pause.native.click()
    widget.stop.native.click()  # while it is paused
    finish(widget)
    assert widget.status.value.startswith("Done")


def test_layers_may_go_while_it_runs(viewer, widget, until, finish):
    open_eye(viewer)
    quick(widget, steps=100_000)
    until(widget, 3)
    viewer.layers.clear()
    step = widget._report.step
    QApplication.processEvents()
    widget.stop.native.click()
    finish(widget)
    assert step >= 3
    assert checkpoint.load("new")
    assert names(viewer) == []
    assert widget.status.value.startswith("Done: new.")
    assert not widget.run.enabled
    assert widget.pairs.rows == []


def test_layers_may_be_renamed_and_shown_other_data_while_it_runs(viewer, widget, until, finish):
    image, labels = open_eye(viewer)
    quick(widget, steps=100_000)
    until(widget, 3)
    image.name, labels.name = "renamed", "renamed too"
    image.data, labels.data = np.zeros((40, 50, 3), np.uint8), np.zeros((40, 50), np.uint8)
    step = widget._report.step
    while widget._report.step == step:
        QApplication.processEvents()
    widget.stop.native.click()
    finish(widget)
    assert widget.status.value.startswith("Done: new.")
    assert checkpoint.load("new").header.data["validation"] == ["blocks of eye"]  # its name when it began
    assert [row.name for row in widget.pairs.rows] == ["renamed"]


KINDS = {
    "rgb": lambda image: image,
    "rgba": lambda image: np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]),
    "grey": lambda image: image[..., 1],
    "uint16": lambda image: image.astype(np.uint16) * 257,
    "float": lambda image: (image / 255).astype(np.float32),
    "dask": lambda image: da.from_array(image, chunks=(50, 50, 3)),
    "multiscale": lambda image: [image, image[::2, ::2]],
    "4D": lambda image: image[None, None, ..., 1],
}


def test_every_kind_of_picture_is_trained_on(viewer, widget, finish):
    turned = {"rotate": 30.0, "units": ("um", "um"), "scale": (0.5, 0.5)}
    for seed, (name, change) in enumerate(KINDS.items()):
        sample = fundus((96, 96), seed)
        data, four = change(sample.image), name == "4D"
        colour = name not in ("grey", "4D")
        place = {} if four else turned
        viewer.add_image(data, rgb=colour, multiscale=name == "multiscale", name=name, **place)
        vessels = sample.vessels[None, None] if four else sample.vessels
        viewer.add_labels(vessels, name=f"{name} vessels", **place)
    viewer.layers["dask vessels"].data = da.from_array(viewer.layers["dask vessels"].data)
    quick(widget, steps=2, validation=0.5)
    assert [row.labels.name for row in widget.pairs.chosen()] == [f"{name} vessels" for name in KINDS]
    widget.run.native.click()
    finish(widget)
    assert widget.status.value.startswith("Done: new."), widget.status.value
    data = checkpoint.load("new").header.data
    assert sorted([*data["train"], *data["validation"]]) == sorted(KINDS)


def test_sparse_labels_and_two_kinds(viewer, widget, finish):
    _, labels = open_eye(viewer)
    strokes = np.where(labels.data > 0, 1, 3).astype(np.uint8)
    strokes[(labels.data > 0) & (np.indices(labels.data.shape)[0] % 40 < 20)] = 2
    strokes[:, :40] = 0
    labels.data = strokes
    quick(widget, meaning=True, classes="artery, vein", inside_field=True, validation=0.25)
    widget.run.native.click()
    finish(widget)
    header = checkpoint.load("new").header
    assert header.classes == ("artery", "vein")
    assert header.scores[0]["protocol"] == "annotated pixels"


def test_a_second_run_after_an_error(viewer, widget, finish):
    _, labels = open_eye(viewer)
    quick(widget, meaning=True)
    labels.data = labels.data * 3
    widget.run.native.click()
    finish(widget)
    assert "hold the value 3" in widget.status.value
    assert notification_manager.records[-1].message == widget.status.value
    assert tasks.unfinished() == []
    labels.data = np.where(labels.data, 1, 2)
    widget.run.native.click()
    finish(widget)
    assert widget.status.value.startswith("Done")


def test_what_nobody_foresaw_is_shown_and_can_be_gone_on_with(viewer, widget, finish, monkeypatch):
    open_eye(viewer)

    def fail(*args, **kwargs):
        raise RuntimeError("out of memory")
        yield

    monkeypatch.setattr(run.tasks.Task, "run", fail)
    widget.run.native.click()
    finish(widget)
    assert widget.status.value == "Failed: out of memory"
    assert "new" in widget.unfinished.value  # what was begun is there to be gone on with


def test_two_runs_are_not_started_by_one_widget_but_by_two(viewer, widget, finish, until, make_napari_viewer):
    open_eye(viewer)
    quick(widget, steps=100_000)
    until(widget)
    job = widget.panel.job
    widget.run.changed.emit(True)
    assert widget.panel.job is job
    other = make_napari_viewer()
    _, second = other.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    assert second._waiting is None  # what runs is not offered
    open_eye(other)
    quick(second)
    second.run.native.click()
    finish(second)
    widget.stop.native.click()
    finish(widget)
    assert second.status.value.startswith("Done: new.")
    assert widget.status.value.startswith("Done: new-2.")  # the name was taken while it ran


def test_closing_the_window_loses_nothing(viewer, widget, until, qtbot, make_napari_viewer, finish):
    open_eye(viewer)
    quick(widget, steps=100_000)
    until(widget, 3)
    folder = widget._task.folder
    with qtbot.captureExceptions() as raised:
        viewer.close()
        qtbot.waitUntil(lambda: (folder / "state.safetensors").exists(), timeout=10_000)
        qtbot.wait(100)
    assert not raised
    (task,) = tasks.unfinished()
    assert task.step() >= 3
    again = make_napari_viewer()
    _, widget = again.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    assert f"new: step {task.step()}/100000" in widget.unfinished.value
    assert not widget.resume.native.isHidden()
    widget.go_on.native.click()
    qtbot.waitUntil(lambda: widget._report is not None, timeout=10_000)
    assert widget._report.step > task.step()
    widget.stop.native.click()
    finish(widget)
    assert widget.status.value.startswith("Done: new.")
    assert widget.resume.native.isHidden()


def test_closing_the_panel_keeps_what_was_reached_and_discard_forgets_it(viewer, widget, until, qtbot):
    open_eye(viewer)
    quick(widget, steps=100_000)
    until(widget, 3)
    folder = widget._task.folder
    with qtbot.captureExceptions() as raised:
        widget.native.parent().destroyOnClose()
        qtbot.waitUntil(lambda: (folder / "state.safetensors").exists(), timeout=10_000)
        qtbot.wait(200)
    assert not raised
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    assert widget._waiting.folder == folder
    widget.discard.native.click()
    assert widget.resume.native.isHidden()
    assert not folder.exists()


def test_a_folder_is_trained_on_too(viewer, widget, finish, tmp_path):
    pairs = [run.Pair(f"eye{n}", *_arrays(n)) for n in range(2)]
    tasks.export(tmp_path / "eyes", pairs, values=False)
    widget.source.value = "folder"
    assert "Choose a folder" in widget.status.value
    widget.folder.value = tmp_path / "home"
    assert "no photographs" in widget.status.value
    widget.folder.value = tmp_path / "eyes"
    assert [row.name for row in widget.pairs.rows] == ["eye0", "eye1"]
    quick(widget, validation=0.5)
    widget.run.native.click()
    finish(widget)
    assert widget.status.value.startswith("Done: new.")
    assert len(checkpoint.load("new").header.data["validation"]) == 1
    widget.copy_command.native.click()
    copied = QApplication.clipboard().text()
    assert copied.startswith(f"saunetv2 finetune {tmp_path / 'eyes'} ")
    assert "--only eye0,eye1" in copied


def _arrays(seed):
    sample = fundus((96, 96), seed)
    return sample.image, sample.vessels


def test_what_was_copied_trains_the_same_model(viewer, widget, finish, tmp_path, monkeypatch):
    open_eye(viewer)
    widget.copy_python.native.click()
    finish(widget)
    text = QApplication.clipboard().text()
    compile(text, "copied", "exec")
    assert "steps=6" in text
    assert list((tasks.root().parent / "pairs").glob("pairs/images/eye.tif"))
    widget.run.native.click()
    finish(widget)
    monkeypatch.chdir(tmp_path)
    exec(text, {"print": lambda *args: None})
    (made,) = tmp_path.glob("new*/model.safetensors")
    by_widget, by_python = (checkpoint.load(model).network.state_dict() for model in ("new", made))
    for name, tensor in by_widget.items():
        torch.testing.assert_close(by_python[name], tensor, rtol=0, atol=0)


def test_the_live_prediction_shows_a_second_kind_after_a_training_with_one(viewer):
    live, labels = LivePrediction(viewer), np.zeros((8, 8), np.uint8)
    for kinds in (1, 1, 2):
        labels[:kinds, 0] = np.arange(1, kinds + 1)
        live.begin({})
        list(live.show(Preview("eye", labels.copy())))
        live.hide()
    (layer,) = viewer.layers  # each training took it up again
    artery, vein = (layer.get_color(kind) for kind in (1, 2))
    assert artery[3] == vein[3] == 1
    assert not np.allclose(artery, vein)


def test_a_stack_gives_its_annotated_planes(viewer, widget, finish):
    samples = [fundus((96, 96), n) for n in range(3)]
    viewer.add_image(np.stack([s.image for s in samples]), rgb=True, name="eyes")
    labels = np.stack([s.vessels for s in samples])
    labels[1] = 0
    viewer.add_labels(labels, name="eyes labels")
    quick(widget, validation=0.5)
    widget.run.native.click()
    finish(widget)
    data = checkpoint.load("new").header.data
    assert sorted([*data["train"], *data["validation"]]) == ["eyes_000", "eyes_002"]


@pytest.mark.exclusive
def test_the_window_answers_while_it_trains(viewer, widget, until, finish, qtbot, capsys):
    open_eye(viewer, size=240)
    quick(widget, steps=100_000, crop=128, batch=2, validate_every=20)
    with Clock() as idle:
        qtbot.wait(1000)
    with Clock() as start:
        until(widget)
    with Clock() as training:
        qtbot.wait(3000)
    with Clock() as end:
        widget.stop.native.click()
        finish(widget)
    parts = {"idle": idle, "start": start, "training": training, "end": end}
    said = [
        f"{what} {clock.longest() * 1e3:.0f} ms (median {np.median(clock.gaps()) * 1e3:.0f})"
        for what, clock in parts.items()
    ]
    with capsys.disabled():
        print("\nlongest gaps:", ", ".join(said))
    # Of a machine that is busy with other work the longest gap says little; most of the time it answers.
    assert np.quantile(training.gaps(), 0.95) < 0.1


def test_the_menus_lead_there(viewer):
    from napari._app_model import get_app_model

    app = get_app_model()
    # A plugin with several widgets has a menu of its own among the plugins.
    for menu in ("napari/layers/segment", f"napari/plugins/{PLUGIN}"):
        # By title: napari 0.7 has an id of its own for a command that opens a widget.
        offered = [item.command.title for item in app.menus.get_menu(menu) if hasattr(item, "command")]
        assert "Fine-tune a model (SA-UNetv2)" in offered


# --- corrected results, and what is said of them


def segmented(viewer, image, labels, **metadata):
    """A result as Segment leaves it, which nobody has painted on."""
    found = Labels(
        labels.copy(),
        name=f"{image.name} vessels",
        metadata={"saunetv2 role": "vessels", "saunetv2 image": image.name, **metadata},
    )
    edits.remember(found)
    viewer.add_layer(found)
    return found


def test_results_that_nobody_corrected_are_not_ticked_and_it_says_why(viewer, widget, qtbot):
    (with_result,) = open_eye(viewer, "one", labels=False)
    open_eye(viewer, "two", size=96, labels=False)
    found = segmented(viewer, with_result, fundus((160, 160), 0).vessels)
    assert widget.pairs.chosen() == []
    assert not widget.run.enabled
    note = widget.pairs.note.text()
    assert "Not ticked: one (the labels are an uncorrected model result)." in note
    assert "Not ticked: two (choose or paint labels of its size)." in note
    assert not widget.pairs.note.isHidden()
    assert "uncorrected" in widget.pairs.native.item(0, 0).toolTip()
    found.paint((30, 30), 1)
    qtbot.waitUntil(lambda: [row.labels for row in widget.pairs.chosen()] == [found], timeout=5000)
    assert widget.run.enabled
    assert "one" not in widget.pairs.note.text()
    empty = viewer.add_labels(np.zeros((96, 96), np.uint8), name="two labels")
    assert "Not ticked: two (the labels are empty)." in widget.pairs.note.text()
    empty.paint((30, 30), 1)
    qtbot.waitUntil(lambda: len(widget.pairs.chosen()) == 2, timeout=5000)
    assert widget.pairs.note.isHidden()


def test_labels_that_are_chosen_by_hand_are_used(viewer, widget):
    open_eye(viewer, "one", labels=False)
    other = viewer.add_labels(fundus((160, 160), 0).vessels, name="no like name")
    viewer.add_labels(other.data.copy(), name="another")
    assert widget.pairs.chosen() == []
    widget.pairs.choose(0, 1, "no like name")
    assert [row.labels for row in widget.pairs.chosen()] == [other]
    viewer.add_labels(np.zeros((9, 9), np.uint8), name="of another size")  # the table is filled again
    assert [row.labels for row in widget.pairs.chosen()] == [other]
    widget.pairs.tick(0, on=False)
    assert widget.pairs.chosen() == []


def test_a_base_that_nothing_beats_leaves_no_copy(viewer, widget, finish, home):
    image, labels = open_eye(viewer)
    exact = {"engine": "torch", "precision": "float32"}
    labels.data = (segment(image.data, checkpoint.load("tiny"), **exact) >= 0.6).astype(np.uint8)
    quick(widget, learning_rate=0.9, steps=2)  # which ruins a base that is right everywhere
    before = sorted(home.iterdir())
    widget.run.native.click()
    finish(widget)
    assert widget.status.value.startswith("No step beat the base model; no copy was kept."), (
        widget.status.value
    )
    assert sorted(home.iterdir()) == before
    assert "new" not in widget.base.choices
    assert tasks.unfinished() == []
    assert widget.run.enabled


def test_corrected_pixels_are_judged_by_themselves(viewer, widget, finish):
    (image,) = open_eye(viewer, labels=False)
    vessels = fundus((160, 160), 0).vessels
    found = segmented(viewer, image, np.roll(vessels, 5, axis=1))
    found.data_setitem(np.nonzero(found.data), 0)
    found.data_setitem(np.nonzero(vessels), 1)
    widget._fill()
    corrected = int((np.roll(vessels, 5, axis=1) != vessels).sum())
    quick(widget, steps=8, learning_rate=0.02)
    widget.run.native.click()
    finish(widget)
    said = widget.status.value
    assert f"Of the {corrected:,} pixels you corrected, " in said
    if said.startswith("Done"):
        assert re.search(r"\d+% were right before, \d+% after; of the [\d,]+ used for validation", said)
    shares = widget.plot.corrected.getData()[1]
    assert len(shares) == len(widget.plot.f1.getData()[1])
    assert ((shares >= 0) & (shares <= 1)).all()


def test_the_numbers_of_plot_and_line_are_the_same(viewer, widget, finish):
    open_eye(viewer)
    quick(widget, steps=8, learning_rate=0.02)
    widget.run.native.click()
    finish(widget)
    assert "at the best threshold of each" in widget.status.value, widget.status.value
    before, after = re.findall(r"0\.\d{4}", widget.status.value)[:2]
    f1 = widget.plot.f1.getData()[1]
    assert f"{f1[0]:.4f}" == before
    assert f"{widget.plot.best.getData()[1][0]:.4f}" == after
    assert f"{f1.max():.4f}" == after


def test_the_preview_lies_over_its_photograph_and_nothing_of_another_over_it(viewer, widget, finish, until):
    for seed, name in enumerate(("one", "two", "three")):
        image, labels = open_eye(viewer, name, seed=seed)
        image.scale = labels.scale = (2, 3)
        image.translate = labels.translate = (seed, 0)
    away = viewer.add_image(np.zeros((160, 160)), name="elsewhere", translate=(5000, 5000))
    order = list(viewer.layers)
    quick(widget, steps=100_000, validation=0.3)
    until(widget, 3)
    (live,) = [x for x in viewer.layers if x.name.endswith("fine-tuning")]
    own = live.name.removesuffix(" fine-tuning")
    assert own == widget._report.validated_on
    below = names(viewer)[: viewer.layers.index(live)]
    assert below[-2:] == [own, f"{own} vessels"]
    assert live.data_to_world((1, 1)) == viewer.layers[own].data_to_world((1, 1))
    later = [x for x in order if x.name not in (*below, own, f"{own} vessels") and x is not away]
    assert later  # else this test shows nothing
    assert all(not x.visible for x in later)
    assert away.visible  # it covers nothing
    assert all(viewer.layers[name].visible for name in below)
    assert live.get_color(1)[:3].tolist() != viewer.layers[f"{own} vessels"].get_color(1)[:3].tolist()
    widget.stop.native.click()
    finish(widget)
    assert not live.visible
    assert all(x.visible for x in order)


def test_a_photograph_that_shows_another_picture_by_now_is_not_previewed_on(viewer, widget, finish, until):
    image, _ = open_eye(viewer)
    widget.run.native.click()
    image.data = fundus((160, 160), 5).image  # before the first preview is there
    finish(widget)
    added = names(viewer)
    assert "eye (validation)" in added
    assert added.index("eye (validation)") < added.index("eye fine-tuning")


def test_news_that_read_like_an_obstacle_stay(viewer, widget):
    open_eye(viewer, labels=False)
    obstacle = widget.status.value
    assert obstacle
    widget.panel.line.say(obstacle)  # news that happen to be the same words
    viewer.add_labels(fundus((160, 160)).vessels, name="eye vessels")
    assert widget.run.enabled
    assert widget.status.value == obstacle


def test_labels_that_look_inverted_get_a_word(viewer, widget, finish):
    _, labels = open_eye(viewer)
    labels.data = 1 - labels.data
    widget.run.native.click()
    finish(widget)
    said = [record.message for record in notification_manager.records]
    assert any("eye: " in one and "the mask may be inverted" in one for one in said), said
