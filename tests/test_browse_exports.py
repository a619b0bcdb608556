"""What Run study also writes, as it is ticked in the Browse window."""

import json

import numpy as np
import openpyxl
import pytest
import tifffile
from qtpy.QtWidgets import QApplication

from napari_saunetv2.exchange.formats import FORMATS
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.reproduce.study import StudyRun
from read_back import of_geojson
from tiny import save_model


@pytest.mark.gui
def test_what_is_ticked_is_written_and_copied(viewer, tmp_path, monkeypatch, qtbot):
    (tmp_path / "models").mkdir()
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path / "models"))
    save_model(tmp_path / "models/tiny.safetensors")
    eyes, out = tmp_path / "eyes", tmp_path / "eyes_study"
    (eyes / "ada").mkdir(parents=True)
    write_image(eyes / "ada" / "OD.png", fundus((90, 96), 1).image)
    _, widget = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Browse a data set")
    widget.model.value = "tiny"
    assert not widget.also.visible, "a data set has no study"
    widget.folder.value = eyes
    qtbot.waitUntil(lambda: widget.study.enabled, timeout=30_000)
    lines = {line.objectName(): line for line in widget.also.native.menu().actions()}
    assert list(lines) == list(FORMATS)
    assert all(line.isCheckable() and line.isEnabled() for line in lines.values())
    lines["geojson"].trigger()
    lines["excel"].trigger()
    assert widget.also.native.text() == "Also write (2)"
    widget.copy_command.native.click()
    assert "--export geojson --excel" in QApplication.clipboard().text()
    widget.study.native.click()
    qtbot.waitUntil(lambda: widget.panel.job is None, timeout=120_000)
    written = sorted(path.name for path in (out / "exports" / "ada").iterdir())
    assert written == ["OD_segments.geojson"]
    read = json.loads((out / "exports" / "ada" / "OD_segments.geojson").read_text())
    labels = tifffile.imread(out / "masks" / "ada" / "OD_segments.tif")
    assert np.array_equal(of_geojson(read, labels.shape), labels)
    assert "photographs" in openpyxl.load_workbook(out / "study.xlsx", read_only=True).sheetnames


def test_the_command_has_an_option_for_each(tmp_path):
    run = StudyRun(tmp_path, tmp_path / "out", "tiny", exports=tuple(FORMATS))
    words = run.as_command()
    assert words.endswith("--export imagej --export geojson --export ome-tiff --export dicom-seg --excel")
