"""Tables as files, the measurement as Python and as a command, and stacks."""

import shlex
import sys

import numpy as np
import pandas as pd
import pytest
from measuring import add_disc, value, vessels
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog
from typer.testing import CliRunner

from napari_saunetv2 import cli
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure import IMAGE_COLUMNS, MEASURES, SEGMENT_COLUMNS, measure

pytestmark = pytest.mark.gui


def save(panel, monkeypatch, target):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    panel.save.native.click()


def test_tables_are_saved_as_csv_with_their_meaning(model, panel, run, tmp_path, monkeypatch):
    model.add_labels(vessels(), name="eye")
    assert not panel.save.enabled
    found = run(panel)
    save(panel, monkeypatch, tmp_path / "t.csv")
    assert panel.status.value == "Written t.csv, t_segments.csv, t_columns.csv."
    image, segments, columns = (
        pd.read_csv(tmp_path / f"t{part}.csv") for part in ("", "_segments", "_columns")
    )
    assert list(image.columns) == ["file", *IMAGE_COLUMNS]
    assert set(image.file) == {"eye"}
    np.testing.assert_allclose(image.value, found.image.value)
    assert list(segments.columns) == ["file", *SEGMENT_COLUMNS, "changed"]
    assert set(image.columns) | set(segments.columns) | {m.key for m in MEASURES} <= set(columns.key)
    assert "-1" not in (tmp_path / "t.csv").read_text().replace("\n", ",").split(",")
    save(panel, monkeypatch, tmp_path / "t.csv")  # the dialog has asked
    assert panel.status.value.startswith("Written")
    save(panel, monkeypatch, tmp_path / "t.doc")
    assert "end the name with .csv or .xlsx" in panel.status.value


def test_tables_are_saved_as_a_workbook(model, panel, run, tmp_path, monkeypatch):
    openpyxl = pytest.importorskip("openpyxl")
    model.add_labels(vessels(), name="eye")
    found = run(panel)
    save(panel, monkeypatch, tmp_path / "t.xlsx")
    assert panel.status.value == "Written t.xlsx."
    assert openpyxl.load_workbook(tmp_path / "t.xlsx").sheetnames == ["image", "segments", "columns"]
    image = pd.read_excel(tmp_path / "t.xlsx", "image")
    np.testing.assert_allclose(image.value, found.image.value)


def test_without_openpyxl_a_sentence_says_what_to_do(model, panel, run, tmp_path, monkeypatch):
    model.add_labels(vessels(), name="eye")
    run(panel)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    save(panel, monkeypatch, tmp_path / "t.xlsx")
    assert "needs the package openpyxl" in panel.status.value
    assert not (tmp_path / "t.xlsx").exists()


@pytest.fixture
def whole(model, panel, run):
    """A measurement with everything that can be given."""
    eye = fundus((146, 141), 0)
    labels = eye.vessels.copy()
    labels[:70] *= 2
    labels[:, :20] = np.where(eye.fov[:, :20], 255, 0)
    probability = np.clip(eye.vessels * 0.7 + 0.1, 0, 1).astype(np.float32)
    model.add_image(eye.image, rgb=True, name="photo")
    model.add_image(probability, name="p")
    layer = model.add_labels(labels, name="eye", scale=(0.02, 0.02))
    layer.units = ("millimeter", "millimeter")
    panel.photograph.value, panel.probability.value = model.layers["photo"], model.layers["p"]
    panel.meaning.value = "auto"
    panel.spacing.value = "20"
    panel.disc.value = add_disc(model, 70, 100, 9, scale=(0.02, 0.02))
    panel.fovea.value = model.add_points([(72, 60)], scale=(0.02, 0.02))
    found = run(panel)
    assert found.classes
    return found


def test_copied_python_gives_the_same_numbers(model, panel, whole, capsys):
    panel.copy_python.native.click()
    code = QGuiApplication.clipboard().text()
    names = {"viewer": model}
    exec(compile(code, "copied", "exec"), names)
    assert names["found"].image.equals(whole.image)
    assert "zone_b" in capsys.readouterr().out or len(whole.image) > 60


def test_the_copied_command_gives_the_same_numbers(panel, whole, settle, tmp_path, monkeypatch):
    panel.copy_command.native.click()
    settle(panel)
    assert "Copied as a command" in panel.status.value
    program, *words = shlex.split(QGuiApplication.clipboard().text())
    assert program == "saunetv2"
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "results" / "measurements.csv")
    assert list(table.measure) == list(whole.image.measure)
    np.testing.assert_allclose(table.value, whole.image.value, rtol=1e-9)
    np.testing.assert_allclose(table.low, whole.image.low, rtol=1e-9)
    assert set(table.scale_source) == set(whole.image.scale_source)


def test_a_stack_gets_frames(model, panel, run, settle):
    stack = np.stack([vessels(), np.roll(vessels(), 7, axis=0), np.zeros_like(vessels())])
    eye = model.add_labels(stack, name="eye")
    boxes = [np.insert(box, 0, frame, axis=1) for frame, box in ((0, box_at(60)), (1, box_at(70)))]
    panel.disc.value = model.add_shapes(boxes, shape_type="ellipse", name="disc")
    found = run(panel)
    for frame, disc in ((0, (80, 60, 10)), (1, (80, 70, 10)), (2, None)):
        ours = measure(stack[frame], disc=disc).image
        theirs = found.image[found.image.frame == frame].drop(columns="frame").reset_index(drop=True)
        assert theirs.equals(ours)
    assert list(found.segments.frame) == [0, 0, 0, 1, 1, 1]
    assert found.segments.index.is_unique
    layer = model.layers["eye segments"]
    assert layer.data.shape == stack.shape
    assert set(np.unique(layer.data[1])) == {0, *found.segments.index[found.segments.frame == 1]}
    assert list(layer.features["frame"].dropna()) == [0, 0, 0, 1, 1, 1]
    assert panel.summary.frame.count() == 3
    panel.table.go(int(found.segments.index[found.segments.frame == 1][0]))
    assert model.dims.current_step[0] == 1
    first = found.planes[(0,)]
    eye.data_setitem((np.full(40, 1), np.full(40, 110), np.arange(100, 140)), 1)
    settle(panel)
    again = panel.results.measured
    assert again.planes[(0,)] is first, "planes that did not change are not measured again"
    assert again.planes[(1,)].changed.any()
    assert len(model.layers["eye zones"].data) == 6
    model.dims.set_point(0, 1)
    names = {"viewer": model}
    exec(panel.as_python(), names)
    assert value(names["found"].image, "length", unit="px") == value(
        again.image[again.image.frame == 1], "length", unit="px"
    )


def box_at(row):
    return np.array([row, 80]) + 10 * np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)])
