import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import npe2
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication

import napari_saunetv2
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.plugin import writer
from napari_saunetv2.plugin.common.layers import EDITED
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.finetune import rows
from napari_saunetv2.plugin.session import autosave as _autosave
from napari_saunetv2.plugin.session import edits
from napari_saunetv2.plugin.session import painted as _painted

pytestmark = pytest.mark.gui

MANIFEST = npe2.PluginManifest.from_file(Path(napari_saunetv2.__file__).parent / "napari.yaml")
WIDGETS = [widget.display_name for widget in MANIFEST.contributions.widgets]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAUNETV2_AUTOSAVE", str(tmp_path / "autosave"))
    monkeypatch.setattr(_autosave, "WAIT", 0.05)
    return tmp_path / "autosave"


@pytest.fixture
def viewer(make_napari_viewer, plugins):
    return make_napari_viewer()


def painted(viewer, value=1, **options):
    layer = viewer.add_labels(np.zeros((20, 30), np.uint8), name="vessels", **options)
    layer.selected_label, layer.brush_size = value, 3
    layer.paint((5, 6), value)
    return layer


def copies(place: Path) -> list[Path]:
    return sorted(place.glob("*/[!.]*.labels"))


def leave_behind(place: Path, name="vessels", labels=None, **where) -> Path:
    session = place / "2026-01-01-000000-abcdef"
    session.mkdir(parents=True, exist_ok=True)
    path = session / f"{name}.labels"
    _painted.write(path, _painted.Copy(name, np.eye(9, dtype=np.uint8) if labels is None else labels, where))
    return path


def question(autosave):
    """Give the question about what was left, or None; the copies are looked through first."""
    autosave.wait()
    QApplication.processEvents()
    return autosave.question


def press(autosave, text):
    next(b for b in question(autosave).buttons() if b.text() == text).click()


def test_strokes_are_copied_soon_and_undone_ones_too(viewer, qtbot, place):
    autosave = _autosave.watch(viewer)
    layer = painted(viewer)
    qtbot.waitUntil(lambda: copies(place) != [], timeout=10_000)
    autosave.wait()
    np.testing.assert_array_equal(_painted.read(*copies(place)).labels, layer.data)
    layer.undo()
    autosave.copy_now()
    autosave.wait()
    assert _painted.read(*copies(place)).labels.sum() == 0


def test_labels_that_are_brought_back_are_still_known_to_be_corrected(make_napari_viewer, plugins, place):
    first = make_napari_viewer()
    autosave = _autosave.watch(first)
    about = {ROLE: "vessels", OF: "eye", "threshold": 0.4, "names": ["a", "b"], "odd": object()}
    layer = first.add_labels(np.eye(20, dtype=np.uint8), name="eye vessels", metadata=about)
    edits.remember(layer)
    layer.paint((5, 12), 1)
    autosave.copy_now()
    autosave.wait()
    expected = layer.data.copy()
    autosave.close()  # as when napari is killed: nothing was saved
    viewer = make_napari_viewer()
    press(_autosave.watch(viewer), "Open")
    (again,) = viewer.layers
    np.testing.assert_array_equal(again.data, expected)
    assert {key: again.metadata.get(key) for key in about if key != "odd"} == {
        key: value for key, value in about.items() if key != "odd"
    }
    assert edits.painted(again)
    np.testing.assert_array_equal(edits.drawn(again), np.eye(20))
    np.testing.assert_allclose(again.get_color(1), EDITED)
    viewer.add_image(np.zeros((20, 20, 3), np.uint8), rgb=True, name="eye")
    (row,) = rows.of_layers(viewer)
    assert row.chosen_labels is again
    assert row.why_not == ""


def test_labels_that_nobody_painted_on_are_not_copied(viewer, qtbot, place):
    autosave = _autosave.watch(viewer)
    layer = viewer.add_labels(np.zeros((20, 30), np.uint8))
    layer.data = np.ones((20, 30), np.uint8)
    qtbot.wait(120)
    autosave.copy_now()
    autosave.wait()
    assert copies(place) == []
    assert not place.exists()


def test_labels_saved_as_a_mask_need_no_copy(viewer, tmp_path, place):
    autosave = _autosave.watch(viewer)
    layer = painted(viewer)
    autosave.copy_now()
    autosave.wait()
    assert len(copies(place)) == 1
    layer.save(str(tmp_path / "mask.png"), plugin="napari-saunetv2")
    autosave.wait()
    assert copies(place) == []


def test_labels_saved_at_once_are_not_copied_after_it(viewer, tmp_path, place):
    autosave = _autosave.watch(viewer)
    layer = painted(viewer)
    layer.save(str(tmp_path / "mask.png"), plugin="napari-saunetv2")
    autosave.copy_now()
    autosave.wait()
    assert copies(place) == []


def test_kinds_that_a_mask_cannot_hold_stay_copied(viewer, tmp_path, place):
    autosave = _autosave.watch(viewer)
    layer = painted(viewer)
    layer.paint((15, 20), 2)
    autosave.copy_now()
    before = len(notification_manager.records)
    layer.save(str(tmp_path / "mask.png"), plugin="napari-saunetv2")
    autosave.wait()
    assert len(copies(place)) == 1
    assert "keep the labels separate" in notification_manager.records[before].message


def test_what_is_painted_last_is_kept_when_python_ends(viewer, place):
    autosave = _autosave.watch(viewer)
    layer = painted(viewer)
    autosave._writer.shutdown()  # as Python does, before the viewer goes
    autosave.close()
    (path,) = _painted.left_behind()
    np.testing.assert_array_equal(_painted.read(path).labels, layer.data)


def test_what_was_left_is_offered_once_and_opened_in_its_place(viewer, place):
    labels = np.random.default_rng(0).integers(0, 9, (4, 5, 6), dtype=np.int32)
    scale = [1.0, 0.5, 2.0]
    path = leave_behind(place, "eye", labels, scale=scale, units=["pixel", "um", "um"])
    autosave = _autosave.watch(viewer)
    assert "1 layer " in question(autosave).text()
    assert "eye, 20" in question(autosave).informativeText()
    press(autosave, "Open")
    layer = viewer.layers["eye (recovered)"]
    assert layer.data.dtype == np.int32
    np.testing.assert_array_equal(layer.data, labels)
    np.testing.assert_array_equal(layer.scale, scale)
    assert [str(u) for u in layer.units] == ["pixel", "micrometer", "micrometer"]
    autosave.copy_now()
    autosave.wait()
    assert not path.exists()  # its place is taken by this session's copy
    np.testing.assert_array_equal(_painted.read(*copies(place)).labels, labels)
    assert _painted.left_behind() == []  # which is in use


@pytest.mark.parametrize(("answer", "left"), [("Discard", 0), ("Ask again later", 1)])
def test_what_was_left_goes_only_when_the_user_says_so(viewer, place, answer, left):
    leave_behind(place)
    autosave = _autosave.watch(viewer)
    press(autosave, answer)
    assert len(viewer.layers) == 0
    assert len(_painted.left_behind()) == left


def test_a_damaged_copy_is_told_and_the_others_are_opened(viewer, place):
    leave_behind(place, "good")
    bad = leave_behind(place, "bad")
    bad.write_bytes(bad.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="damaged"):
        _painted.read(bad)
    autosave = _autosave.watch(viewer)
    before = len(notification_manager.records)
    press(autosave, "Open")
    assert [layer.name for layer in viewer.layers] == ["good (recovered)"]
    assert any("damaged" in r.message for r in notification_manager.records[before:])


def test_a_place_without_room_is_told_once(viewer, place, qtbot):
    place.write_bytes(b"a file, no folder")
    autosave = _autosave.watch(viewer)
    before = len(notification_manager.records)
    layer = painted(viewer)
    autosave.copy_now()
    layer.paint((9, 9), 1)
    autosave.copy_now()
    told = [r.message for r in notification_manager.records[before:]]
    assert len(told) == 1
    assert "not autosaved" in told[0]


def test_closing_napari_writes_what_is_waiting_and_keeps_it(viewer, place):
    _autosave.watch(viewer)
    layer = painted(viewer)
    kept = layer.data.copy()
    _autosave.watch(viewer).close()
    (path,) = _painted.left_behind()
    np.testing.assert_array_equal(_painted.read(path).labels, kept)


@pytest.mark.parametrize("name", WIDGETS)
def test_every_widget_alone_copies_what_is_painted_and_offers_what_was_left(viewer, place, name):
    leave_behind(place)
    viewer.window.add_plugin_dock_widget("napari-saunetv2", name)
    (autosave,) = [one for seen, one in _autosave._WATCHED.items() if seen is viewer]
    assert question(autosave) is not None
    autosave.question.close()
    layer = painted(viewer)
    autosave.copy_now()
    autosave.wait()
    (copy,) = autosave._session.folder.glob("*.labels")
    np.testing.assert_array_equal(_painted.read(copy).labels, layer.data)


def test_a_writer_called_without_a_window_keeps_no_copies(place, tmp_path):
    writer.write_labels(str(tmp_path / "m.png"), np.eye(9, dtype=np.uint8), {})
    assert (tmp_path / "m.png").exists()
    assert copies(place) == []


def _session_that_hangs(ready):
    session = _painted.Session.new()
    _painted.write(session.folder / "0.labels", _painted.Copy("killed", np.eye(7, dtype=np.uint8), {}))
    ready.set()
    time.sleep(60)


def test_copies_of_a_killed_session_are_found_those_of_a_living_one_are_not(place):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    other = context.Process(target=_session_that_hangs, args=(ready,))
    other.start()
    assert ready.wait(60)
    assert _painted.left_behind() == []
    os.kill(other.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    other.join()
    (path,) = _painted.left_behind()
    assert _painted.read(path).name == "killed"
    _painted.remove(path)
    assert _painted.left_behind() == []
    assert list(place.iterdir()) == []


# --- two viewers, or two processes


def test_a_session_keeps_its_folder_while_others_look_and_when_its_copies_go(place):
    copy = _painted.Copy("mine", np.eye(7, dtype=np.uint8), {})
    session = _painted.Session.new()
    assert _painted.left_behind() == []  # as another napari does when it starts: nothing is painted yet
    path = session.folder / "0.labels"
    _painted.write(path, copy)
    _painted.remove(path)  # the labels were saved as a mask
    assert _painted.left_behind() == []
    _painted.write(path, copy)  # and painted on again
    assert _painted.read(path).name == "mine"
    assert _painted.left_behind() == []
    session.close()
    assert _painted.left_behind() == [path]


def test_a_new_session_evades_one_that_looks(place, monkeypatch):
    taken = place / "taken"
    names = iter([taken, place / "free"])
    other = _painted.Session(taken)
    monkeypatch.setattr(_painted, "_name", lambda: next(names))
    assert _painted.Session.new().folder == place / "free"
    assert _painted.Session.claim(taken) is None
    other.close()


def test_what_two_viewers_are_offered_is_opened_by_one_of_them(make_napari_viewer, place):
    leave_behind(place, "eye")
    one, other = make_napari_viewer(), make_napari_viewer()
    first, second = _autosave.watch(one), _autosave.watch(other)
    press(first, "Open")
    before = len(notification_manager.records)
    press(second, "Discard")
    assert any("another window" in r.message for r in notification_manager.records[before:])
    assert [layer.name for layer in one.layers] == ["eye (recovered)"]
    assert len(copies(place)) == 1  # the other's answer came too late to take it away
    first.copy_now()
    first.wait()
    (copy,) = copies(place)
    assert copy.parent == first._session.folder
    third = _autosave.Autosave(make_napari_viewer())
    assert question(third) is None  # what is in use is not offered
    first.close()
    assert _painted.left_behind() == [copy]


def test_a_folder_that_somebody_tidied_away_is_made_again(viewer, place):
    autosave = _autosave.watch(viewer)
    one, other = painted(viewer), painted(viewer)
    autosave.copy_now()
    autosave.wait()
    shutil.rmtree(place)
    one.paint((9, 9), 1)
    autosave.copy_now()
    autosave.wait()
    assert {_painted.read(path).labels.sum() for path in copies(place)} == {one.data.sum(), other.data.sum()}
