import csv
import shlex
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog, QScrollBar
from typer.testing import CliRunner

from focus import activate
from following import follow
from napari_saunetv2 import datasets, evaluation, inference
from napari_saunetv2.batch import catalogue
from napari_saunetv2.cli import app
from napari_saunetv2.files import read_image, read_mask, write_image, write_mask
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.metrics import METRICS, confusion
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.browse import widget as browse
from napari_saunetv2.plugin.common.layers import EDITED, VESSEL
from napari_saunetv2.plugin.session import autosave as _autosave
from napari_saunetv2.plugin.session import painted as _painted
from tiny import save_model

NAMES = ["21_training", "22_training", "01_test", "02_test"]


@pytest.fixture(scope="session")
def drive(tmp_path_factory):
    """A folder laid out as DRIVE, with synthetic eyes; one of them lacks its labels."""
    root = tmp_path_factory.mktemp("DRIVE")
    for seed, name in enumerate(NAMES):
        number, half = name.split("_")
        eye = fundus((64, 60), seed)
        parts = {f"images/{name}.tif": eye.image, f"mask/{name}_mask.gif": eye.fov}
        if name != "22_training":
            parts[f"1st_manual/{number}_manual1.gif"] = eye.vessels
        if half == "test":
            parts[f"2nd_manual/{number}_manual2.gif"] = np.roll(eye.vessels, 1, 0)
        for path, pixels in parts.items():
            target = root / half / path
            target.parent.mkdir(parents=True, exist_ok=True)
            (write_image if path.endswith(".tif") else write_mask)(target, pixels)
    return root


# --- without a window


def test_thumbnails_are_small_pictures(drive):
    states, made = follow(catalogue.thumbnails(datasets.read(drive)))
    assert list(made) == NAMES
    assert [len(state) for state in states] == [1, 2, 3, 4]
    small = made["01_test"]
    assert small.shape == (40, 38, 3)
    assert small.dtype == np.uint8
    image = fundus((64, 60), 2).image
    assert small.mean(axis=(0, 1)) == pytest.approx(image.mean(axis=(0, 1)), abs=2)


def test_all_are_scored_as_evaluate_does(drive):
    samples, model = datasets.read(drive), checkpoint.load()
    settings = {"rescale": "off", "threshold": 0.5, "protocol": "fov"}
    config = replace(evaluation.EXACT, rescale="off")
    scoring = evaluation.Scoring("fov", threshold=0.5)
    states, table = follow(catalogue.score_all(samples, model, config, scoring))
    assert [len(state.lines) for state in states] == [0, 1, 2, 3, 4]
    assert table.share == 1
    labelled = [s for s in samples if s.label_paths]
    expected = {score.name: score.metrics for score in evaluation.evaluate(labelled, model, **settings)}
    assert {line.name: line.values for line in table.lines if line.values} == expected
    failed = next(line for line in table.lines if line.note)
    assert failed.name == "22_training"
    assert "no labels" in failed.note
    means = catalogue.mean(table.lines)
    assert means["f1"] == pytest.approx(np.mean([values["f1"] for values in expected.values()]))
    rows = list(csv.reader(catalogue.as_csv(table.lines).splitlines()))
    assert [row[0] for row in rows] == ["image", *NAMES, "mean"]
    assert float(rows[-1][rows[0].index("f1")]) == pytest.approx(means["f1"], abs=1e-6)


# --- with one


@pytest.fixture
def widget(viewer, drive, tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path / "models"))
    _, widget = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Browse a data set")
    widget.folder.value = drive
    return widget


@pytest.fixture
def tiny(tmp_path, widget):
    """A model that takes no time."""
    save_model(tmp_path / "models/tiny.safetensors")
    widget.model.look()
    return "tiny"


@pytest.fixture
def shows(viewer, qtbot):
    def wait(name):
        qtbot.waitUntil(lambda: name in viewer.layers, timeout=120_000)

    return wait


@pytest.fixture
def ends(qtbot):
    def wait(widget):
        qtbot.waitUntil(lambda: widget.panel.job is None, timeout=300_000)

    return wait


def names(viewer):
    return [layer.name for layer in viewer.layers]


def cells(widget, row):
    return [widget.cases.item(row, column).text() for column in range(widget.cases.columnCount())]


@pytest.mark.gui
def test_the_list_of_cases(widget, qtbot):
    assert [cells(widget, row) for row in range(4)] == [
        ["21_training", "train", "1st"],
        ["22_training", "train", "-"],
        ["01_test", "test", "1st, 2nd"],
        ["02_test", "test", "1st, 2nd"],
    ]
    qtbot.waitUntil(lambda: not widget.cases.item(3, 0).icon().isNull(), timeout=30_000)
    widget.split.value = "test"
    assert [cells(widget, row)[0] for row in range(2)] == ["01_test", "02_test"]
    assert widget.cases.rowCount() == 2


@pytest.mark.gui
def test_from_case_to_case(viewer, widget, shows, qtbot):
    assert not widget.previous.enabled
    widget.split.value = "test"
    widget.next.native.click()
    shows("01_test")
    assert names(viewer) == ["01_test", "01_test 1st", "01_test 2nd", "01_test FOV"]
    image, first, second, _ = viewer.layers
    assert isinstance(image, Image)
    assert np.array_equal(image.data, fundus((64, 60), 2).image)
    assert isinstance(first, Labels)
    assert [layer.visible for layer in viewer.layers] == [True, True, False, False]
    assert [layer.metadata["role"] for layer in viewer.layers] == ["image", "labels", "labels", "fov"]
    viewer.camera.center, viewer.camera.zoom = (0, 20, 25), 9
    first.visible, second.visible = False, True
    widget.next.native.click()
    shows("02_test")
    assert names(viewer) == ["02_test", "02_test 1st", "02_test 2nd", "02_test FOV"]
    assert viewer.camera.center == (0, 20, 25)
    assert viewer.camera.zoom == 9
    assert [layer.visible for layer in viewer.layers] == [True, False, True, False]
    assert viewer.layers.selection.active is viewer.layers["02_test"]
    assert viewer.layers[0] is image  # to remove a layer holds up the window
    assert viewer.layers[1] is first
    assert np.array_equal(image.data, fundus((64, 60), 3).image)
    assert not widget.next.enabled
    widget.previous.native.click()
    shows("01_test")
    assert widget.cases.currentRow() == 0
    assert widget.split.value == "test"


@pytest.mark.gui
def test_tab_goes_from_field_to_field_as_they_are_seen(widget):
    order, field = [], widget.folder.native
    while len(order) < 60:
        field = field.nextInFocusChain()
        order.append(field)
    wanted = [widget.split.native, widget.cases, widget.next.native, widget.segment_all.native]
    assert sorted(wanted, key=order.index) == wanted


@pytest.mark.gui
def test_by_mouse_and_keys(viewer, widget, shows, qtbot):
    where = widget.cases.visualItemRect(widget.cases.item(2, 0)).center()
    qtbot.mouseClick(widget.cases.viewport(), Qt.MouseButton.LeftButton, pos=where)
    shows("01_test")
    qtbot.keyClick(widget.cases, Qt.Key.Key_Up)
    shows("22_training")
    qtbot.keyClick(widget.cases, Qt.Key.Key_Up)
    shows("21_training")
    assert names(viewer)[0] == "21_training"
    qtbot.wait(50)
    assert len(names(viewer)) == 3
    viewer.show()
    window = viewer.window._qt_window
    activate(qtbot, window)
    for key, name in ((Qt.Key.Key_PageDown, "22_training"), (Qt.Key.Key_PageUp, "21_training")):
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        shows(name)


@pytest.mark.gui
@pytest.mark.parametrize("answer", ["keep", "drop", "stay"])
def test_what_was_painted_is_never_dropped_unasked(viewer, widget, shows, qtbot, monkeypatch, answer):
    asked = []
    monkeypatch.setattr(browse, "ask_about_edits", lambda parent, found: asked.append(found) or answer)
    widget.next.native.click()
    shows("21_training 1st")
    painted = viewer.layers["21_training 1st"]
    painted.paint((5, 5), 1)
    widget.next.native.click()
    assert asked == [["21_training 1st"]]
    if answer == "stay":
        qtbot.wait(100)
        assert "22_training" not in viewer.layers
        assert widget.cases.currentRow() == 0
    else:
        shows("22_training")
        assert (painted in viewer.layers) == (answer == "keep")
        assert "21_training" not in viewer.layers


@pytest.mark.gui
def test_saved_and_segmented_layers_go_without_a_question(viewer, widget, shows, tmp_path, monkeypatch):
    monkeypatch.setattr(browse, "ask_about_edits", lambda *args: pytest.fail("asked"))
    _, segment = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Segment vessels")
    widget.next.native.click()
    shows("21_training")
    segment.rescale.value = "off"
    segment.run.native.click()
    shows("21_training vessels")
    painted = viewer.layers["21_training 1st"]
    painted.paint((5, 5), 1)
    painted.save(str(tmp_path / "mine.png"), plugin="napari-saunetv2")
    widget.next.native.click()
    shows("22_training")
    assert names(viewer) == ["22_training", "22_training FOV"]


@pytest.mark.gui
def test_segment_all_writes_the_masks(widget, ends, tmp_path, monkeypatch):
    widget.split.value = "test"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *args: str(tmp_path / "out"))
    (tmp_path / "out").mkdir()
    widget.segment_all.native.click()
    assert widget.stop.enabled
    ends(widget)
    model = checkpoint.load()
    for row, sample in enumerate(s for s in datasets.read(widget.folder.value) if s.split == "test"):
        expected = inference.binarise(inference.segment(sample.image()), model.header.threshold)
        assert np.array_equal(read_mask(tmp_path / "out" / f"{sample.name}_vessels.png"), expected)
        inside = field_of_view.detect(to_unit(sample.image())) != 0
        assert cells(widget, row)[3] == f"{expected[inside].mean():.4f}"
    assert widget.status.value.startswith("2 of 2 images: mean vessels ")
    widget.segment_all.native.click()  # nothing is replaced unasked
    ends(widget)
    assert cells(widget, 0)[3] == "failed"
    assert "already exists" in widget.cases.item(0, 3).toolTip()


@pytest.mark.gui
def test_score_all_fills_the_table(widget, ends, tmp_path, monkeypatch):
    widget.score_all.native.click()
    ends(widget)
    assert cells(widget, 1)[3] == "failed"
    assert "3 of 4 images" in widget.status.value
    path = tmp_path / "scores.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(path), ""))
    widget.save_table.native.click()
    rows = list(csv.DictReader(path.open()))
    assert [row["image"] for row in rows] == [*NAMES, "mean"]
    assert float(rows[0]["f1"]) == pytest.approx(float(cells(widget, 0)[3]), abs=1e-4)


@pytest.mark.gui
def test_what_was_copied_does_the_same(widget, tiny, ends, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    widget.model.value = tiny
    widget.split.value, widget.protocol.value = "test", "fov"
    widget.output.value = tmp_path / "by widget"
    widget.segment_all.native.click()
    ends(widget)
    for place, button in (("by python", widget.copy_python), ("by command", widget.copy_command)):
        widget.output.value = tmp_path / place
        execute(copied(widget, button, "segment"))
        for name in ("01_test", "02_test"):
            made = [
                read_mask(folder / f"{name}_vessels.png")
                for folder in (tmp_path / "by widget", tmp_path / place)
            ]
            assert np.array_equal(*made)
    widget.score_all.native.click()
    ends(widget)
    expected = catalogue.as_csv(widget.data_set.lines)
    capsys.readouterr()
    execute(copied(widget, widget.copy_python, "score"))
    assert capsys.readouterr().out.endswith(expected + "\n")
    execute(copied(widget, widget.copy_command, "score") + " --csv scores.csv")
    texts = expected, Path("scores.csv").read_text()
    tables = [list(csv.DictReader(text.splitlines())) for text in texts]
    assert [row | {"note": ""} for row in tables[0]] == [row | {"note": ""} for row in tables[1]]


def copied(widget, button, what):
    widget.copied.value = what
    QApplication.clipboard().clear()
    button.native.click()
    return QApplication.clipboard().text()


def execute(text):
    if not text.startswith("saunetv2 "):
        exec(text, {})
        return
    done = CliRunner().invoke(app, shlex.split(text)[1:])
    assert done.exit_code == 0, done.output


@pytest.mark.gui
def test_labels_that_are_painted_on_are_copied_until_they_are_thrown_away(
    viewer, widget, shows, qtbot, tmp_path, monkeypatch
):
    monkeypatch.setenv("SAUNETV2_AUTOSAVE", str(tmp_path / "autosave"))
    widget.next.native.click()
    shows("21_training 1st")
    painted = viewer.layers["21_training 1st"]
    painted.paint((9, 12), 1)  # not what another test painted and saved
    autosave = _autosave.watch(viewer)
    autosave.copy_now()
    autosave.wait()
    (copy,) = (tmp_path / "autosave").glob("*/*.labels")
    kept = _painted.read(copy)
    assert kept.name == "21_training 1st"
    assert np.array_equal(kept.labels, painted.data)
    monkeypatch.setattr(browse, "ask_about_edits", lambda *args: "drop")
    widget.next.native.click()
    shows("22_training")
    qtbot.waitUntil(lambda: not copy.exists(), timeout=5000)


@pytest.mark.gui
def test_labels_as_they_were_saved_before_leave_no_copy(viewer, widget, shows, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("SAUNETV2_AUTOSAVE", str(tmp_path / "autosave"))
    monkeypatch.setattr(browse, "ask_about_edits", lambda *args: pytest.fail("asked"))
    autosave = _autosave.watch(viewer)
    for saves in (True, False):  # the second time the same is painted again
        widget.next.native.click()
        shows("21_training 1st")
        painted = viewer.layers["21_training 1st"]
        painted.paint((14, 21), 1)
        autosave.copy_now()
        autosave.wait()
        assert len(list((tmp_path / "autosave").glob("*/*.labels"))) == 1
        if saves:
            painted.save(str(tmp_path / "mine.png"), plugin="napari-saunetv2")
        widget.next.native.click()
        shows("22_training")
        autosave.wait()
        assert list((tmp_path / "autosave").glob("*/*.labels")) == []
        if saves:
            widget.split.value = "test"  # back to the first case
            widget.split.value = "all"


@pytest.mark.gui
def test_a_batch_can_be_stopped(widget, ends, qtbot, monkeypatch):
    scored = []

    def slow(samples, *_):
        scored.append(samples[0].name)
        time.sleep(0.2)
        half = np.tri(9, dtype=np.uint8)
        return [evaluation.Case(samples[0].name, None, half, half)]

    monkeypatch.setattr(evaluation, "predictions", slow)
    widget.score_all.native.click()
    qtbot.waitUntil(lambda: len(scored) > 0, timeout=30_000)
    widget.stop.native.click()
    ends(widget)
    assert len(scored) < 4
    assert widget.score_all.enabled


@pytest.mark.gui
def test_a_batch_is_stopped_at_once_and_begins_anew_after_an_error(widget, tiny, ends, tmp_path, monkeypatch):
    widget.model.value = tiny
    widget.score_all.native.click()
    widget.stop.native.click()
    ends(widget)
    assert widget.score_all.enabled
    assert widget.status.value == "Stopped: 0 of 4 images."
    real = evaluation.predictions

    def fail(*args, **kwargs):
        raise RuntimeError("bad kernel")

    monkeypatch.setattr(evaluation, "predictions", fail)
    widget.score_all.native.click()
    ends(widget)
    assert notification_manager.records[-1].exception.args == ("bad kernel",)
    assert widget.status.value == "Failed: bad kernel: 0 of 4 images."
    monkeypatch.setattr(evaluation, "predictions", real)
    widget.score_all.native.click()
    job = widget.panel.job
    widget.segment_all.changed.emit(True)  # by a program: there is still one run
    assert widget.panel.job is job
    ends(widget)
    assert widget.status.value.startswith("3 of 4 images: mean ")


@pytest.mark.gui
def test_layers_of_the_case_may_go_or_change_while_the_next_is_read(viewer, widget, shows, qtbot):
    widget.next.native.click()
    shows("21_training FOV")
    first, labels, field = viewer.layers
    widget.next.native.click()
    viewer.layers.remove(first)
    labels.name = "mine"
    field.data = np.zeros((9, 9), np.uint8)
    shows("22_training")
    assert names(viewer) == ["21_training FOV", "22_training", "22_training FOV"]
    assert np.array_equal(field.data, np.zeros((9, 9)))


@pytest.mark.gui
def test_what_is_painted_while_the_next_case_is_read_stays(viewer, widget, shows):
    widget.next.native.click()
    shows("21_training FOV")
    labels = viewer.layers["21_training 1st"]
    widget.next.native.click()
    labels.paint((7, 31), 1)  # not what another test painted and saved
    shows("22_training")
    assert names(viewer) == ["22_training", "21_training 1st", "22_training FOV"]
    assert labels.data[7, 31] == 1


@pytest.mark.gui
def test_strokes_on_the_last_case_are_not_undone_on_the_next(viewer, widget, shows, tmp_path):
    widget.split.value = "test"
    widget.next.native.click()
    shows("01_test")
    labels = viewer.layers["01_test 1st"]
    labels.brush_size = 40
    labels.paint((30, 30), 1)
    labels.save(str(tmp_path / "mine.png"), plugin="napari-saunetv2")
    widget.next.native.click()
    shows("02_test")
    before = labels.data.copy()
    assert labels.name == "02_test 1st"
    labels.undo()
    assert np.array_equal(labels.data, before)


@pytest.mark.gui
def test_at_first_it_says_what_to_choose(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Browse a data set")
    assert widget.status.value == (
        "Choose the folder of a data set (DRIVE, STARE, CHASE_DB1, HRF, RITE, HRF arteries and veins, ARIA, "
        "ORVS, RAVIR, OCTA500_6M, OCTA500_3M, ROSSA), or of other photographs."
    )


@pytest.mark.gui
def test_a_folder_without_photographs_or_that_is_gone_says_so_in_one_sentence(
    viewer, widget, tmp_path, qtbot
):
    (tmp_path / "notes.txt").write_text("nothing")
    for folder, words in (
        (tmp_path, f"No photograph was found in '{tmp_path}': choose the"),
        (tmp_path / "gone", f"The folder '{tmp_path / 'gone'}' does not exist: choose a"),
        (tmp_path / "notes.txt", f"The folder '{tmp_path / 'notes.txt'}' is a file: choose a"),
    ):
        widget.folder.value = folder
        qtbot.waitUntil(lambda words=words: widget.status.value.startswith(words), timeout=30_000)
        assert widget.status.value.count(":") == 1
        assert len(widget.status.value) < 300
        assert widget.cases.rowCount() == 0
        for button in (widget.score_all, widget.segment_all, widget.save, widget.next):
            assert not button.enabled


@pytest.fixture
def mixed(tmp_path):
    """Eighteen photographs, of which two are named as DRIVE's are, and what else lies in a folder."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    eye = fundus((64, 60), 0)
    for name in ("01_test", "02_test"):
        write_image(folder / f"{name}.tif", eye.image)
    write_mask(folder / "01_manual1.gif", eye.vessels)
    for number in range(14):
        write_image(folder / f"patient{number:02}.png", eye.image)
    write_image(folder / "grey.png", eye.image[..., 1])
    tifffile.imwrite(folder / "deep.tif", eye.image.astype(np.uint16) * 257, photometric="rgb")
    write_mask(folder / "patient00_vessels.png", eye.vessels)
    (folder / "notes.txt").write_text("nothing")
    (folder / "photo.heic").write_bytes(b"nothing")
    (folder / "more").mkdir()
    return folder


@pytest.mark.gui
def test_all_photographs_of_a_folder_are_listed_and_what_is_not_is_said(viewer, widget, shows, mixed):
    widget.folder.value = mixed
    assert widget.cases.rowCount() == 18
    assert widget.status.value.startswith("18 photographs: 2 of DRIVE, 16 others. Left out: ")
    for words in ("1 result", "1 text file", "1 of an unsupported format: .heic"):
        assert words in widget.status.value
    assert cells(widget, 0) == ["01_test", "test", "1st"]
    assert {cells(widget, row)[0] for row in range(2, 18)} == {
        "grey",
        "deep",
        *(f"patient{n:02}" for n in range(14)),
    }
    rows = [cells(widget, row)[0] for row in range(18)]
    for name in ("01_test", "grey", "deep", "patient13"):  # colour, grey and 16 bits in turn
        widget.cases.go_to(rows.index(name))
        shows(name)
        layer = viewer.layers[name]
        assert np.array_equal(layer.data, read_image(next(mixed.glob(f"{name}.*"))))
        assert layer.rgb == (name != "grey")
        assert [x.name for x in viewer.layers if isinstance(x, Image)] == [name]


@pytest.mark.gui
def test_numbers_of_the_last_run_do_not_stand_under_the_titles_of_the_next(
    widget, tiny, ends, tmp_path, qtbot
):
    widget.model.value = tiny
    widget.score_all.native.click()
    ends(widget)
    assert float(cells(widget, 0)[3]) >= 0
    widget.output.value = tmp_path / "out"
    (tmp_path / "out").mkdir()
    widget.segment_all.native.click()
    titles = [widget.cases.horizontalHeaderItem(n).text() for n in range(widget.cases.columnCount())]
    assert titles[3:] == ["vessels (share of FOV)", "seconds"]
    assert [cells(widget, row)[3:] for row in range(4)] == [["", ""]] * 4
    widget.stop.native.click()
    ends(widget)
    widget.score_all.native.click()  # also of the same kind, and after one that was stopped
    assert [cells(widget, row)[3:] for row in range(4)] == [["", ""]] * 4
    ends(widget)


@pytest.mark.gui
def test_observers_have_colours_of_their_own(viewer, widget, shows):
    widget.split.value = "test"
    widget.next.native.click()
    shows("01_test FOV")
    first, second = viewer.layers["01_test 1st"], viewer.layers["01_test 2nd"]
    colours = [tuple(layer.get_color(1)) for layer in (first, second)]
    assert len({*colours, VESSEL, EDITED}) == 4
    assert first.get_color(2)[3] == 1


@pytest.mark.gui
def test_what_was_corrected_is_saved_beside_the_photograph(viewer, widget, shows, tmp_path, monkeypatch):
    monkeypatch.setattr(browse, "ask_about_edits", lambda *args: pytest.fail("asked"))
    proposed = []

    def choose(parent, caption, suggested, kinds):
        proposed.append(Path(suggested))
        return str(tmp_path / "mine.png"), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    widget.next.native.click()
    shows("21_training FOV")
    labels = viewer.layers["21_training 1st"]
    labels.paint((11, 12), 1)
    expected = labels.data.copy()
    viewer.layers.selection.active = viewer.layers["21_training FOV"]  # which is no layer of vessels
    widget.save.native.click()
    assert proposed == [Path(widget.folder.value) / "training/images/21_training_1st_vessels.png"]
    assert np.array_equal(read_mask(tmp_path / "mine.png"), expected)
    widget.next.native.click()
    shows("22_training")
    assert names(viewer) == ["22_training", "22_training FOV"]


# --- real photographs


@pytest.fixture
def two_of_drive(shared, tmp_path):
    """Two test cases of DRIVE, by links: the tests never write to the data."""
    root = tmp_path / "DRIVE"
    for part in ("images", "1st_manual", "2nd_manual", "mask"):
        for file in sorted((shared / "data/DRIVE/test" / part).iterdir()):
            if file.name[:2] in ("01", "02"):
                (root / "test" / part).mkdir(parents=True, exist_ok=True)
                (root / "test" / part / file.name).symlink_to(file)
    return root


@pytest.mark.gui
@pytest.mark.data
def test_the_whole_of_drive_is_walked_through(viewer, widget, shows, shared):
    widget.folder.value = shared / "data/DRIVE"
    assert widget.status.value.startswith("40 photographs: 40 of DRIVE.")
    widget.split.value = "test"
    assert widget.cases.rowCount() == 20
    widget.next.native.click()
    shows("01_test")
    viewer.camera.center, viewer.camera.zoom = (0, 300, 200), 5
    for button, name in ((widget.next, "02_test"), (widget.previous, "01_test")):
        button.native.click()
        shows(name)
        assert [x.name for x in viewer.layers] == [name, f"{name} 1st", f"{name} 2nd", f"{name} FOV"]
        (sample,) = [s for s in datasets.read(shared / "data/DRIVE") if s.name == name]
        assert np.array_equal(viewer.layers[name].data, sample.image())
        assert np.array_equal(viewer.layers[f"{name} 1st"].data, sample.labels())
        assert viewer.camera.center == (0, 300, 200)
        assert viewer.camera.zoom == 5


@pytest.mark.gui
@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "shown"),
    [
        ("STARE", ["im0001", "im0001 ah", "im0001 vk"]),
        ("CHASE_DB1", ["Image_01L", "Image_01L 1stHO", "Image_01L 2ndHO"]),
        ("HRF", ["01_dr", "01_dr manual1", "01_dr FOV"]),
    ],
)
def test_the_other_sets_are_listed_and_shown(viewer, widget, shows, shared, folder, shown):
    widget.folder.value = shared / "data" / folder
    assert widget.cases.rowCount() == len(datasets.read(shared / "data" / folder))
    widget.next.native.click()
    shows(shown[-1])
    assert names(viewer) == shown


@pytest.mark.gui
@pytest.mark.data
def test_real_photographs_score_as_on_the_command_line(widget, ends, two_of_drive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    widget.folder.value = two_of_drive
    widget.protocol.value = "fov"
    widget.score_all.native.click()
    ends(widget)
    execute(copied(widget, widget.copy_command, "score") + " --csv scores.csv")
    rows = {row["image"]: row for row in csv.DictReader(Path("scores.csv").read_text().splitlines())}
    assert [line.name for line in widget.data_set.lines] == ["01_test", "02_test"]
    for line in widget.data_set.lines:
        assert {key: f"{value:.6f}" for key, value in line.values.items()} == {
            key: rows[line.name][key] for key in line.values
        }
    means = catalogue.mean(widget.data_set.lines)
    assert f"{means['f1']:.6f}" == rows["mean"]["f1"]
    assert means["f1"] > 0.8
    widget.output.value = tmp_path / "masks"
    widget.segment_all.native.click()
    ends(widget)
    for line in widget.data_set.lines:
        truth = read_mask(two_of_drive / f"test/1st_manual/{line.name[:2]}_manual1.gif")
        found = read_mask(tmp_path / f"masks/{line.name}_vessels.png")
        inside = read_mask(two_of_drive / f"test/mask/{line.name}_mask.gif")
        score = METRICS["f1"](confusion(truth, found, inside))
        # Scores are taken in torch, masks made by the fastest engine that keeps the score.
        assert score == pytest.approx(float(rows[line.name]["f1"]), abs=1e-3)


@pytest.mark.gui
def test_it_fits_a_small_window(viewer, widget, qtbot):
    viewer.window.resize(1280, 800)
    qtbot.wait(50)
    assert widget.native.minimumSizeHint().width() < 400
    assert widget.native.minimumSizeHint().height() < 700
    assert not [b for b in widget.native.findChildren(QScrollBar) if b.isVisible()]


@pytest.mark.gui
def test_closing_the_window_ends_the_batch(viewer, widget, qtbot):
    widget.score_all.native.click()
    with qtbot.captureExceptions() as raised:
        viewer.close()
        qtbot.wait(300)
    assert not raised
