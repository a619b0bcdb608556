import threading
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels
from PIL import Image
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_saunetv2.errors import FileFormatError, ImageError, OverwriteError
from napari_saunetv2.files import is_own_mask, read_mask, write_mask
from napari_saunetv2.plugin.reader import get_reader
from napari_saunetv2.plugin.writer import write_labels

SUFFIXES = [".png", ".tif", ".tiff", ".gif"]


@pytest.fixture
def mask():
    return (np.random.default_rng(0).random((21, 34)) > 0.8).astype(np.uint8)


@pytest.fixture
def no_window(monkeypatch):
    monkeypatch.setattr(QApplication, "instance", staticmethod(lambda: None))


@pytest.fixture
def answer(qapp, monkeypatch):
    """Answer the question of a message box, and count how often it is asked."""
    asked = []

    def reply(button):
        monkeypatch.setattr(QMessageBox, "question", lambda *args: asked.append(args[2]) or button)
        return asked

    return reply


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read_back(tmp_path, mask, suffix, no_window):
    path = tmp_path / f"vessels{suffix}"
    assert write_labels(str(path), mask, {}) == [str(path)]
    assert np.array_equal(read_mask(path), mask)
    with Image.open(path) as stored:
        grey = np.asarray(stored.convert("L"))
    assert np.array_equal(grey, mask * 255)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_any_label_and_any_array_is_a_mask(tmp_path, mask, no_window):
    multiscale = Labels([mask.repeat(2, 0).repeat(2, 1), mask], multiscale=True).data
    for name, data, expected in (
        ("ids.png", mask.astype(np.int64) * 70000, mask),
        ("lazy.png", da.from_array(mask), mask),
        ("multiscale.png", multiscale, mask.repeat(2, 0).repeat(2, 1)),
    ):
        write_labels(str(tmp_path / name), data, {})
        assert np.array_equal(read_mask(tmp_path / name), expected)


def test_napari_saves_a_labels_layer_with_the_writer(tmp_path, mask, plugins, no_window):
    layer = ViewerModel().add_labels(mask)
    for suffix in SUFFIXES:
        layer.save(str(tmp_path / f"vessels{suffix}"), plugin="napari-saunetv2")
        assert np.array_equal(read_mask(tmp_path / f"vessels{suffix}"), mask)


@pytest.mark.gui
@pytest.mark.parametrize("name", ["synthetic vessels", "im0001.ah vessels"])
def test_a_layer_is_saved_by_its_name_and_opened_again(tmp_path, mask, make_napari_viewer, monkeypatch, name):
    """The dialogue suggests the name of the layer, which has no suffix."""
    viewer = make_napari_viewer()
    layer = viewer.add_labels(mask, name=name, scale=(0.02, 0.03), units=("mm", "mm"))

    def accept(self, parent, caption, suggested, **how):
        ours = next(one for one in how["filter"].split(";;") if "Vessel mask" in one)
        return str(tmp_path / Path(suggested).name), ours

    monkeypatch.setattr(QFileDialog, "getSaveFileName", accept)
    viewer.window._qt_viewer._save_layers_dialog(selected=True)
    assert [p.name for p in tmp_path.iterdir()] == [f"{name}.tif"]
    viewer.layers.clear()
    (again,) = viewer.open(str(tmp_path / f"{name}.tif"), plugin="napari-saunetv2")
    assert again.name == name
    assert np.array_equal(again.data, mask)
    assert np.allclose(again.scale, layer.scale)
    assert again.units == layer.units


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_without_a_window_no_file_is_replaced(tmp_path, mask, suffix, no_window):
    path = tmp_path / f"vessels{suffix}"
    path.write_bytes(b"dear")
    with pytest.raises(OverwriteError, match=r"vessels.* already exists"):
        write_labels(str(path), mask, {})
    assert path.read_bytes() == b"dear"


@pytest.mark.gui
def test_the_user_is_asked_before_a_file_is_replaced(tmp_path, mask, answer):
    path = tmp_path / "vessels.png"
    asked = answer(QMessageBox.StandardButton.No)
    assert write_labels(str(path), mask, {}) == [str(path)]
    assert not asked  # there was nothing to replace
    before = path.read_bytes()
    assert write_labels(str(path), 1 - mask, {}) == []
    assert path.read_bytes() == before
    assert len(asked) == 1
    assert "vessels.png" in asked[0]
    answer(QMessageBox.StandardButton.Yes)
    assert write_labels(str(path), 1 - mask, {}) == [str(path)]
    assert np.array_equal(read_mask(path), 1 - mask)


@pytest.mark.gui
def test_another_thread_opens_no_box(tmp_path, mask, answer):
    path = tmp_path / "vessels.png"
    path.write_bytes(b"dear")
    asked = answer(QMessageBox.StandardButton.Yes)
    caught = []

    def save():
        try:
            write_labels(str(path), mask, {})
        except OverwriteError as error:
            caught.append(error)

    thread = threading.Thread(target=save)
    thread.start()
    thread.join()
    assert caught
    assert not asked
    assert path.read_bytes() == b"dear"


def test_what_cannot_be_written_says_why(tmp_path, mask, no_window):
    with pytest.raises(ImageError, match=r"one plane.*\(1, 21, 34\)"):
        write_labels(str(tmp_path / "stack.png"), mask[None], {})
    with pytest.raises(FileFormatError, match=r"'vessels\.jpg' has an unsupported suffix"):
        write_labels(str(tmp_path / "vessels.jpg"), mask, {})
    with pytest.raises(FileFormatError, match="cannot be written"):
        write_labels(str(tmp_path / "gone" / "vessels.png"), mask, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("about", "scale", "unit"),
    [
        ({"scale": (6.5, 3.25), "units": ("um", "um")}, (0.0065, 0.00325), "millimeter"),
        ({"scale": (0.02, 0.03), "units": ("mm", "mm")}, (0.02, 0.03), "millimeter"),
        ({"scale": (2, 3)}, (2, 3), "pixel"),
        ({}, (1, 1), "pixel"),
    ],
)
def test_tiff_keeps_the_scale(tmp_path, mask, no_window, about, scale, unit):
    path = str(tmp_path / "eye vessels.tif")
    layer = Labels(mask, **about)
    data, meta, _ = layer.as_layer_data_tuple()
    write_labels(path, data, meta)
    ((read, again, kind),) = get_reader(path)(path)
    opened = Labels(read, **again)
    assert kind == "labels"
    assert np.array_equal(opened.data, mask)
    assert np.allclose(opened.scale, scale, rtol=1e-6)
    assert str(opened.units[0]) == unit
    size = layer.extent.world[1] * (0.001 if about.get("units") == ("um", "um") else 1)
    assert np.allclose(opened.extent.world[1], size, rtol=1e-6)
    if unit == "millimeter":
        with Image.open(path) as stored:  # another program reads dots per inch
            assert stored.info["dpi"] == pytest.approx((25.4 / scale[1], 25.4 / scale[0]), rel=1e-4)


@pytest.mark.parametrize(
    "about", [{"scale": (0.02, 0.03), "units": ("mm", "mm")}, {"scale": (2.0, 3.0)}, {"scale": (1e-9, 1e-9)}]
)
def test_png_keeps_the_scale(tmp_path, mask, no_window, about):
    path = str(tmp_path / "eye vessels.png")
    data, meta, _ = Labels(mask, **about).as_layer_data_tuple()
    write_labels(path, data, meta)
    ((read, again, _),) = get_reader(path)(path)
    assert np.array_equal(read, mask)
    assert again["scale"] == about["scale"]
    assert Labels(read, **again).units == Labels(mask, **about).units


def test_the_resolution_that_another_program_wrote_into_a_png_is_no_scale(tmp_path, mask):
    Image.fromarray(mask * 255).save(tmp_path / "eye vessels.png", dpi=(72, 72))
    path = str(tmp_path / "eye vessels.png")
    ((_, about, _),) = get_reader(path)(path)
    assert "scale" not in about


def test_masks_of_other_formats_are_read_back_too(tmp_path, mask, no_window):
    path = str(tmp_path / "eye vessels.gif")
    write_labels(path, mask, {"scale": (2, 2)})
    ((read, about, _),) = get_reader(path)(path)
    assert np.array_equal(read, mask)
    assert "scale" not in about
    assert get_reader(str(tmp_path / "eye.png")) is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_only_masks_of_this_program_bear_its_mark(tmp_path, mask, suffix):
    path = tmp_path / f"any name{suffix}"
    write_mask(path, mask)
    assert is_own_mask(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])  # a damaged one is read without an error
    assert is_own_mask(path) in (True, False)
    Image.fromarray(mask * 255).save(path)
    assert not is_own_mask(path)
    path.write_bytes(b"")
    assert not is_own_mask(path)
    path.unlink()
    assert not is_own_mask(path)
