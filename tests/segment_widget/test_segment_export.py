"""The menu of exports: each file opened again by its own library, equal to what the window shows."""

import json
import sys

import highdicom as hd
import numpy as np
import pandas as pd
import pytest
import roifile
import tifffile
from segmenting import picture

from exporting import export
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure import measure
from napari_saunetv2.plugin.common.class_colours import MARKED
from read_back import of_geojson, of_imagej

pytestmark = pytest.mark.gui


@pytest.fixture
def settle(qtbot):
    def wait(widget):
        qtbot.waitUntil(lambda: widget.panel.job is None, timeout=60_000)

    return wait


def test_every_format_gives_back_what_is_shown(viewer, widget, run, settle, tmp_path, monkeypatch):
    viewer.add_image(picture(160, 150), rgb=True, name="eye", scale=(0.01, 0.01), units=("mm", "mm"))
    run(widget)
    labels = viewer.layers["eye vessels"]
    labels.data_setitem((np.full(50, 80), np.arange(40, 90)), 1)  # corrected with the brush
    mask = labels.data != 0
    fov = field_of_view.detect(to_unit(picture(160, 150))) != 0
    probability = viewer.layers["eye probability"].data
    expected = measure(
        mask, fov=fov, probability=probability, threshold=widget.threshold.value, spacing=10.0,
        photograph=to_unit(picture(160, 150)),
    )  # fmt: skip

    def write(key, name):
        export(widget, key, tmp_path / name, monkeypatch, settle)
        assert widget.status.value.startswith(f"Written {name} in {tmp_path}."), widget.status.value
        return tmp_path / name

    rois = roifile.roiread(write("imagej", "a.zip"))
    assert np.array_equal(of_imagej(rois, mask.shape), expected.labels)
    read = json.loads(write("geojson", "a.geojson").read_text())
    assert np.array_equal(of_geojson(read, mask.shape) != 0, mask & fov)
    with tifffile.TiffFile(write("ome-tiff", "a.ome.tif")) as file:
        assert np.array_equal(file.asarray(), labels.data)
        about = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (about["PhysicalSizeX"], about["PhysicalSizeXUnit"]) == (10, "µm")
    segmentation = hd.seg.segread(write("dicom-seg", "a.dcm"))
    assert np.array_equal(segmentation.pixel_array != 0, mask)
    table = pd.read_excel(write("excel", "a.xlsx"), sheet_name="image")
    np.testing.assert_allclose(table.value, expected.image.value)
    np.testing.assert_allclose(table.low, expected.image.low)
    assert "without a disc" in widget.status.value


def test_classes_stay_apart_and_none_is_lost(viewer, widget, settle, tmp_path, monkeypatch):
    eye = fundus((160, 150), 2)
    labels = np.where(eye.vessels != 0, np.indices(eye.vessels.shape)[1] // 40 + 1, 0).astype(np.int16)
    labels[:9] = -1  # not judged
    viewer.add_labels(labels, name="av", metadata=dict(MARKED))
    export(widget, "dicom-seg", tmp_path / "a.dcm", monkeypatch, settle)
    read = hd.seg.segread(tmp_path / "a.dcm")
    assert [one.segment_label for one in read.SegmentSequence] == ["arteries", "veins", "vessels"]
    expected = (np.isin(labels, (1, 3)), np.isin(labels, (2, 3)), labels > 0)
    assert np.array_equal(read.pixel_array != 0, np.stack(expected))
    export(widget, "ome-tiff", tmp_path / "a.ome.tif", monkeypatch, settle)
    assert np.array_equal(tifffile.imread(tmp_path / "a.ome.tif"), np.where(labels < 0, 255, labels))
    export(widget, "geojson", tmp_path / "a.geojson", monkeypatch, settle)
    read = json.loads((tmp_path / "a.geojson").read_text())
    assert {f["properties"]["classification"]["name"] for f in read["features"]} == {"Artery", "Vein"}
    assert np.array_equal(of_geojson(read, labels.shape) != 0, np.isin(labels, (1, 2, 3)))


def test_where_nothing_can_be_written_a_sentence_says_why(viewer, widget, settle, tmp_path, monkeypatch):
    assert export(widget, "imagej", tmp_path / "a.zip", monkeypatch, settle) == []
    assert widget.status.value.startswith("There are no vessels to export: segment first")
    viewer.add_labels(np.full((9, 9), 300, np.uint16) - (np.arange(9) == 2) * np.uint16(299), name="x")
    for key, package in {"imagej": "roifile", "dicom-seg": "highdicom", "excel": "openpyxl"}.items():
        monkeypatch.setitem(sys.modules, package, None)
        assert export(widget, key, tmp_path / "a", monkeypatch, settle) == []
        assert widget.status.value == (
            f"This format needs {package}: pip install 'napari-saunetv2[results]'."
        )
    layer = viewer.add_labels(np.full((9, 9), 30, np.int16), name="y")
    layer.data_setitem((np.arange(9), np.arange(9)), -1)
    export(widget, "ome-tiff", tmp_path / "a.ome.tif", monkeypatch, settle)
    assert "apart only up to label 10" in widget.status.value
    assert list(tmp_path.glob("a*")) == []
