"""Browse on any folder: its photographs listed, reviewed, corrected, and made a study."""

import csv
import json
import os
import shlex
import time
from datetime import date

import numpy as np
import pytest
from openpyxl import Workbook
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication
from typer.testing import CliRunner

from focus import activate
from napari_saunetv2.batch.looks import look
from napari_saunetv2.cli import app
from napari_saunetv2.files import load_image, read_image, read_mask, write_image, write_mask
from napari_saunetv2.imaging.quality import quality
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.browse import widget as browse
from napari_saunetv2.plugin.browse.left_out import LeftOut
from napari_saunetv2.study.filters import Wanted
from napari_saunetv2.study.layout import Layout
from napari_saunetv2.study.review import Status, status
from napari_saunetv2.study.verdicts import read_review
from tiny import save_model

SHAPE = (96, 90)
NAMES = ("ada/2024-01-11/OD.png", "ada/2024-01-11/OS.png", "ben/2023-05-02/OD.png")


def tree(folder):
    for seed, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, fundus(SHAPE, seed).image)
    (folder / "ben" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(90))
    (folder / "ben" / "notes.txt").write_text("nothing")
    write_mask(folder / "ben" / "2023-05-02" / "OD_vessels.png", fundus(SHAPE, 2).vessels)
    return folder


# --- without a window


def test_a_look_is_that_of_the_quality_command_and_is_kept_until_the_file_changes(tmp_path):
    path = tmp_path / "eye.png"
    write_image(path, fundus((300, 280), 3).image)
    expected = quality(load_image(path).pixels)
    found = look(path)
    assert (found.score, found.note) == (round(expected.score, 3), expected.note)
    assert found.picture.shape == (40, 37, 3)
    told = path.stat()
    path.write_bytes(b"x" * told.st_size)
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    again = look(path)  # by size and time it is the same file, and so not read
    assert again[1:] == found[1:]
    assert np.array_equal(again.picture, found.picture)
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns + 1))
    assert "eye.png" in look(path).error
    assert look(tmp_path / "gone.png").error


def test_what_is_wanted():
    good, bad = look_of(0.8), look_of(0.3)
    assert Wanted("0.5 or more", "all cases").holds(good, None)
    assert not Wanted("0.5 or more", "all cases").holds(bad, None)
    assert not Wanted("0.5 or more", "all cases").holds(None, None)
    assert Wanted("any quality", "all cases").holds(None, None)
    accepted = Status("x", "done", "accepted")
    assert Wanted("any quality", "accepted").holds(None, accepted)
    assert not Wanted("any quality", "not reviewed").holds(None, accepted)
    assert Wanted("any quality", "not reviewed").holds(None, accepted._replace(changed=True))
    assert Wanted("any quality", "not done").holds(bad, Status("x"))


def look_of(score):
    from napari_saunetv2.batch.looks import Look

    return Look(None, score)


# --- with one


@pytest.fixture
def folder(tmp_path):
    return tree(tmp_path / "photographs")


@pytest.fixture
def out(tmp_path):
    return Layout(tmp_path / "photographs_study")


@pytest.fixture
def new(tmp_path, monkeypatch, qtbot):
    """Open Browse, with a model that takes no time."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path / "models"))
    save_model(tmp_path / "models/tiny.safetensors")

    def make(viewer):
        _, widget = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Browse a data set")
        widget.model.value = "tiny"
        return widget

    return make


@pytest.fixture
def opened(qtbot):
    """Open a folder and wait for the list."""

    def wait(widget, folder, count=4):
        widget.folder.value = folder
        qtbot.waitUntil(lambda: widget.cases.rowCount() == count, timeout=30_000)
        qtbot.waitUntil(lambda: column(widget, "done")[-1] != "", timeout=30_000)
        return widget

    return wait


@pytest.fixture
def widget(viewer, new, opened, folder):
    return opened(new(viewer), folder)


@pytest.fixture
def shows(viewer, qtbot):
    def wait(name):
        qtbot.waitUntil(lambda: name in viewer.layers, timeout=30_000)

    return wait


@pytest.fixture
def studied(widget, qtbot):
    """The same after its study."""
    widget.study.native.click()
    assert not widget.output.enabled
    qtbot.waitUntil(lambda: widget.panel.job is None, timeout=120_000)
    return widget


def column(widget, title):
    titles = [widget.cases.horizontalHeaderItem(n).text() for n in range(widget.cases.columnCount())]
    return [widget.cases.item(row, titles.index(title)).text() for row in range(widget.cases.rowCount())]


def hidden(widget):
    return [widget.cases.isRowHidden(row) for row in range(widget.cases.rowCount())]


@pytest.mark.gui
def test_a_tree_is_listed_with_patients_quality_and_what_was_left_out(widget, folder, qtbot):
    assert column(widget, "case") == [*NAMES[:2], NAMES[2], "ben/damaged.png"]
    assert column(widget, "patient") == ["ada", "ada", "ben", "ben"]
    assert column(widget, "eye") == ["right", "left", "right", "-"]
    assert column(widget, "date") == ["2024-01-11", "2024-01-11", "2023-05-02", "-"]
    assert column(widget, "done") == ["not done"] * 4
    assert "4 photographs of 2 patients" in widget.status.value
    qtbot.waitUntil(lambda: column(widget, "quality")[-1] != "", timeout=30_000)
    for row, name in enumerate(NAMES):
        expected = quality(read_image(folder / name))
        assert column(widget, "quality")[row] == f"{expected.score:.2f}"
        assert not widget.cases.item(row, 0).icon().isNull()
    assert "damaged.png" in widget.cases.item(3, 4).toolTip()
    assert widget.left_out.text == "Left out (2)..."
    widget.left_out.native.click()
    table = widget.native.findChild(LeftOut).table
    rows = {table.item(n, 0).text(): table.item(n, 1).text() for n in range(table.rowCount())}
    assert rows == {"ben/2023-05-02/OD_vessels.png": "result of an earlier run", "ben/notes.txt": "text file"}


@pytest.mark.gui
def test_names_are_read_by_a_pattern_or_a_sheet(viewer, new, opened, tmp_path, qtbot):
    folder = tmp_path / "flat"
    folder.mkdir()
    for seed, name in enumerate(("P7_OD_03-04-2024", "P8_OS_05-04-2024")):
        write_image(folder / f"{name}.png", fundus(SHAPE, seed).image)
    widget = opened(new(viewer), folder, 2)
    assert column(widget, "patient") == ["-", "-"]
    for words, field in (("{patient}_{eye}_{date}", widget.pattern), ("%d-%m-%Y", widget.date_format)):
        field.native.clear()
        qtbot.keyClicks(field.native, words)
    qtbot.keyClick(widget.date_format.native, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: widget.cases.rowCount() == 2 and column(widget, "patient")[0] == "P7", timeout=30_000
    )
    assert column(widget, "eye") == ["right", "left"]
    assert column(widget, "date") == ["2024-04-03", "2024-04-05"]
    book = Workbook()
    for row in (("file", "patient", "eye", "date"), ("P8_OS_05-04-2024.png", "Q1", "L", date(2020, 2, 1))):
        book.active.append(row)
    book.save(tmp_path / "sheet.xlsx")
    widget.pattern.value = widget.date_format.value = ""
    widget.sheet.value = tmp_path / "sheet.xlsx"
    qtbot.waitUntil(lambda: widget.cases.rowCount() == 1, timeout=30_000)
    assert column(widget, "patient") == ["Q1"]
    assert widget.left_out.text == "Left out (1)..."
    widget.sheet.value = tmp_path / "none.xlsx"
    qtbot.waitUntil(lambda: "none.xlsx" in widget.status.value, timeout=30_000)
    assert widget.cases.rowCount() == 0
    assert not widget.accept.enabled


@pytest.mark.gui
@pytest.mark.exclusive
def test_a_thousand_photographs_are_listed_at_once_and_the_window_goes_on(viewer, new, tmp_path, qtbot):
    first = tmp_path / "many" / "eye0000.png"
    first.parent.mkdir()
    write_image(first, fundus((400, 380), 0).image)
    for number in range(1, 1000):
        os.link(first, first.with_name(f"eye{number:04}.png"))
    widget = new(viewer)
    beats = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.monotonic()))
    timer.start(5)
    widget.folder.value = first.parent
    qtbot.waitUntil(lambda: widget.cases.rowCount() == 1000, timeout=60_000)
    assert column(widget, "quality").count("") > 900, "the list does not wait for the photographs"
    qtbot.waitUntil(lambda: column(widget, "quality")[20] != "", timeout=60_000)
    widget.quality.value = "0.5 or more"
    widget.quality.value = "any quality"
    timer.stop()
    assert np.diff(beats).max() < 1.0
    widget.folder.value = tmp_path  # the looking ends with the list


@pytest.mark.gui
def test_a_corrected_mask_is_accepted_kept_and_measured_again(
    viewer, studied, out, shows, qtbot, monkeypatch, opened, make_napari_viewer, new, folder
):
    monkeypatch.setattr(browse, "ask_about_edits", lambda *args: pytest.fail("asked"))
    assert column(studied, "done") == ["done"] * 3 + ["failed"]
    assert "3 photographs done, 0 unchanged, 1 failed" in studied.status.value
    before = rows_of(out, "measurements.csv")
    studied.next.native.click()
    shows("ada/2024-01-11/OD vessels")
    labels = viewer.layers["ada/2024-01-11/OD vessels"]
    assert viewer.layers.selection.active is labels, "at hand for the brush"
    assert np.array_equal(labels.data, read_mask(out.mask("ada/2024-01-11/OD", "vessels")))
    labels.brush_size = 9
    labels.paint((48, 45), 0 if labels.data[48, 45] else 1)
    drawn = labels.data.copy()
    studied.reviewer.value = "A. L."
    studied.accept.native.click()
    assert np.array_equal(read_mask(out.mask("ada/2024-01-11/OD", "vessels")), drawn)
    assert read_review(out, "ada/2024-01-11/OD").reviewer == "A. L."
    assert column(studied, "review")[0] == "accepted"
    assert column(studied, "done")[0] == "edited"
    shows("ada/2024-01-11/OS vessels")  # and on to the next
    kept = out.mask("ada/2024-01-11/OS", "vessels").read_bytes()
    studied.accept.native.click()  # nothing was corrected here
    assert out.mask("ada/2024-01-11/OS", "vessels").read_bytes() == kept
    assert column(studied, "done")[1] == "done"
    assert column(studied, "review")[1] == "accepted"

    again = opened(new(make_napari_viewer()), folder)  # as the next day
    assert column(again, "review") == ["accepted", "accepted", "-", "-"]
    assert column(again, "done") == ["edited", "done", "done", "failed"]
    again.study.native.click()
    qtbot.waitUntil(lambda: again.panel.job is None, timeout=120_000)
    assert column(again, "done") == ["done"] * 3 + ["failed"]
    assert column(again, "review")[0] == "accepted", "the mask is the one that was accepted"
    assert np.array_equal(read_mask(out.mask("ada/2024-01-11/OD", "vessels")), drawn)
    after = rows_of(out, "measurements.csv")
    assert {name for name in before if before[name] != after[name]} == {"ada/2024-01-11/OD.png"}


def rows_of(out, table):
    rows = {}
    with (out.folder / table).open() as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["file"], []).append(row)
    return rows


@pytest.mark.gui
def test_by_keys_alone(viewer, studied, out, shows, qtbot):
    viewer.show()
    window = viewer.window._qt_window
    activate(qtbot, window)
    control, alt = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(window, Qt.Key.Key_PageDown, control)
    shows("ada/2024-01-11/OD")
    qtbot.keyClick(window, Qt.Key.Key_A, control | alt)
    shows("ada/2024-01-11/OS")
    qtbot.keyClick(window, Qt.Key.Key_J, control | alt)
    shows("ben/2023-05-02/OD")
    qtbot.keyClick(window, Qt.Key.Key_PageUp, control)
    shows("ada/2024-01-11/OS")
    assert column(studied, "review") == ["accepted", "set aside", "-", "-"]
    qtbot.keyClick(window, Qt.Key.Key_J, control | alt)
    assert column(studied, "review")[1] == "-"
    assert not out.review("ada/2024-01-11/OS").exists()


@pytest.mark.gui
def test_the_list_is_filtered_by_review_and_quality(studied, shows, qtbot, out):
    studied.next.native.click()
    shows("ada/2024-01-11/OD")
    studied.accept.native.click()
    shows("ada/2024-01-11/OS")
    studied.reviewed.value = "not reviewed"
    assert hidden(studied) == [True, False, False, False]
    studied.previous.native.click()
    qtbot.wait(50)
    assert studied.cases.currentRow() == 1, "a hidden case is passed over"
    studied.reviewed.value = "accepted"
    assert hidden(studied) == [False, False, True, True], "the open case stays in the list"
    studied.reviewed.value = "failed"
    assert hidden(studied) == [True, False, True, False]
    studied.reviewed.value = "all cases"
    qtbot.waitUntil(lambda: column(studied, "quality")[-1] != "", timeout=30_000)
    studied.quality.value = "cannot be read"
    assert hidden(studied) == [True, False, True, False]
    # what is written after the verdict was not seen
    mask = out.mask("ada/2024-01-11/OD", "vessels")
    write_mask(mask, np.roll(read_mask(mask), 3, 0), overwrite=True)
    assert status(out, "ada/2024-01-11/OD").changed


@pytest.mark.gui
def test_before_a_study_a_segmentation_can_be_accepted(viewer, widget, out, shows, qtbot):
    _, segment = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Segment vessels")
    segment.rescale.value = "off"
    segment.model.value = "tiny"
    widget.next.native.click()
    shows("ada/2024-01-11/OD")
    widget.accept.native.click()
    assert widget.status.value.startswith("This case has no mask yet: press Run study")
    assert column(widget, "review")[0] == "-"
    segment.image.value = viewer.layers["ada/2024-01-11/OD"]
    segment.run.native.click()
    shows("ada/2024-01-11/OD vessels")
    qtbot.waitUntil(lambda: segment.panel.job is None, timeout=60_000)
    mask = viewer.layers["ada/2024-01-11/OD vessels"].data.copy()
    widget.accept.native.click()
    assert np.array_equal(read_mask(out.mask("ada/2024-01-11/OD", "vessels")), mask)
    assert column(widget, "done")[0] == "edited"
    shows("ada/2024-01-11/OS")
    widget.study.native.click()
    qtbot.waitUntil(lambda: widget.panel.job is None, timeout=120_000)
    assert column(widget, "done")[:3] == ["done"] * 3
    assert np.array_equal(read_mask(out.mask("ada/2024-01-11/OD", "vessels")), mask)
    edited = json.loads((out.folder / "study.json").read_text())["edited by hand"]
    assert [one["file"] for one in edited] == ["ada/2024-01-11/OD.png"]


@pytest.mark.gui
def test_what_cannot_be_written_is_said_and_nothing_is_noted(viewer, studied, out, shows, tmp_path, qtbot):
    studied.next.native.click()
    assert not studied.accept.enabled, "the case is not shown yet"
    shows("ada/2024-01-11/OD vessels")
    viewer.layers["ada/2024-01-11/OD vessels"].paint((48, 45), 2)
    mask = out.mask("ada/2024-01-11/OD", "vessels")
    mask.unlink()
    mask.mkdir()  # in the way
    studied.accept.native.click()
    assert "cannot be written" in studied.status.value
    assert column(studied, "review")[0] == "-"
    assert not out.review("ada/2024-01-11/OD").exists()
    assert studied.cases.currentRow() == 0


@pytest.mark.gui
def test_a_folder_that_holds_something_else_is_no_place_for_a_review(viewer, widget, out, shows):
    (out.folder / "masks").mkdir(parents=True)
    widget.next.native.click()
    shows("ada/2024-01-11/OD")
    widget.set_aside.native.click()
    assert widget.status.value.endswith("exists, and the folder holds no study: choose another folder.")
    assert [path.name for path in out.folder.iterdir()] == ["masks"]
    assert column(widget, "review")[0] == "-"


@pytest.mark.gui
def test_the_copied_command_does_the_same_study(studied, out, tmp_path, monkeypatch):
    studied.pattern.value = ""
    QApplication.clipboard().clear()
    studied.copy_command.native.click()
    program, *words = shlex.split(QApplication.clipboard().text())
    assert program == "saunetv2"
    place = words.index("--out") + 1
    assert words[place] == str(out.folder)
    words[place] = str(tmp_path / "by command")
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1, "one file is damaged"
    for table in ("measurements.csv", "segments.csv", "failures.csv"):
        assert (tmp_path / "by command" / table).read_bytes() == (out.folder / table).read_bytes()


@pytest.mark.gui
def test_a_data_set_after_a_folder_has_nothing_of_it(widget, tmp_path, qtbot):
    assert widget.output.value == tmp_path / "photographs_study"
    root = tmp_path / "DRIVE" / "test"
    for part, pixels in (("images/01_test.tif", fundus(SHAPE, 0).image), ("mask/01_test_mask.gif", None)):
        (root / part).parent.mkdir(parents=True)
        if pixels is None:
            write_mask(root / part, fundus(SHAPE, 0).fov)
        else:
            write_image(root / part, pixels)
    widget.folder.value = root.parent
    assert column(widget, "case") == ["01_test"]
    assert str(widget.output.value) == "."
    assert widget.accept.native.isHidden()
    assert not widget.accept.enabled
    assert not widget.segment_all.native.isHidden()
    qtbot.wait(100)
    assert column(widget, "case") == ["01_test"]


@pytest.mark.gui
def test_it_fits_a_small_window(viewer, widget, qtbot):
    viewer.window.resize(1280, 800)
    qtbot.wait(50)
    assert widget.native.minimumSizeHint().width() < 400
    assert widget.native.minimumSizeHint().height() < 700
    assert widget.segment_all.native.isHidden()
    assert not widget.accept.native.isHidden()


@pytest.mark.gui
def test_closing_the_window_while_it_reads(viewer, widget, folder, qtbot):
    widget.folder.value = folder.parent
    with qtbot.captureExceptions() as raised:
        viewer.close()
        qtbot.wait(200)
    assert not raised
