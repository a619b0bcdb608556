"""The menu of exports: each file opened again by its own library, equal to what the window shows."""

import json
import sys

import highdicom as hd
import numpy as np
import pandas as pd
import pydicom
import pytest
import roifile
import tifffile
from measuring import value, vessels
from pydicom.uid import generate_uid
from qtpy.QtGui import QAction

from exporting import export
from napari_saunetv2.measure import measure, names
from napari_saunetv2.plugin.common.class_colours import MARKED
from oddfiles import dicoms
from read_back import of_geojson, of_imagej

pytestmark = pytest.mark.gui


def crossing():
    """An artery and a vein that cross: the crossing, label 3, belongs to both."""
    labels = vessels()
    labels[30:110, 100:106] = 2
    labels[50:58, 100:106] = 3
    return labels


def test_every_format_gives_back_what_is_shown(viewer, widget, run, settle, tmp_path, monkeypatch):
    labels = crossing()
    layer = viewer.add_labels(labels, name="the eye", metadata=dict(MARKED), scale=(5, 5))
    layer.units = ("um", "um")
    assert not widget.export.enabled
    found = run(widget)
    assert found.classes

    def write(key, name):
        (proposed,) = export(widget, key, tmp_path / name, monkeypatch, settle)
        assert widget.status.value.startswith(f"Written {name} in {tmp_path}.")
        return tmp_path / name, proposed

    path, proposed = write("imagej", "a.zip")
    assert proposed.endswith("the_eye_segments.zip")
    assert np.array_equal(of_imagej(roifile.roiread(path), labels.shape), found.labels)
    path, _ = write("geojson", "a.geojson")
    read = json.loads(path.read_text())
    assert np.array_equal(of_geojson(read, labels.shape), found.labels)
    assert {f["properties"]["classification"]["name"] for f in read["features"]} == {"Artery", "Vein"}
    path, _ = write("ome-tiff", "a.ome.tif")
    with tifffile.TiffFile(path) as file:
        assert np.array_equal(file.asarray(), found.labels)
        about = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (about["PhysicalSizeX"], about["PhysicalSizeXUnit"]) == (5, "µm")
    path, _ = write("dicom-seg", "a.dcm")
    pixels = hd.seg.segread(path).pixel_array
    assert np.array_equal(pixels[0] != 0, np.isin(labels, (1, 3)))
    assert np.array_equal(pixels[1] != 0, np.isin(labels, (2, 3))), "a crossing belongs to both"
    path, _ = write("excel", "a.xlsx")
    sheets = pd.read_excel(path, sheet_name=None)
    assert list(sheets) == ["image", "segments", "columns"]
    np.testing.assert_allclose(sheets["image"].value, found.image.value)
    assert list(sheets["segments"].label) == list(found.segments.label)


@pytest.mark.parametrize("peer", names.PEERS)
def test_columns_of_other_programs(model, panel, run, settle, tmp_path, monkeypatch, peer):
    model.add_labels(crossing(), name="eye", metadata=dict(MARKED))
    run(panel)
    export(panel, peer, tmp_path / "a.csv", monkeypatch, settle)
    table = pd.read_csv(tmp_path / "a.csv")
    labels = crossing()
    expected = names.under_names(
        measure(labels > 0, arteries=np.isin(labels, (1, 3)), veins=np.isin(labels, (2, 3))), peer
    )
    assert list(table.columns) == ["file", *expected]
    np.testing.assert_allclose(table.iloc[0, 1:].to_numpy(float), list(expected.values()), equal_nan=True)
    assert "not told apart" not in panel.status.value


def test_columns_of_classes_that_are_not_told_apart_are_said_to_be_empty(
    model, panel, run, settle, tmp_path, monkeypatch
):
    model.add_labels(np.stack([vessels(), np.roll(vessels(), 9, 0)]), name="eye")
    run(panel)
    export(panel, "automorph", tmp_path / "a", monkeypatch, settle)
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table.frame) == [0, 1]
    assert table.Vessel_density.notna().all()
    assert table.Artery_Vessel_density.isna().all()
    assert "Arteries and veins are not told apart: their columns are empty." in panel.status.value


def test_of_a_stack_the_plane_that_is_shown_is_written(model, panel, run, settle, tmp_path, monkeypatch):
    stack = np.stack([vessels(), np.roll(vessels(), 9, axis=0)])
    model.add_labels(stack, name="eye")
    found = run(panel)
    model.dims.set_point(0, 1)
    export(panel, "ome-tiff", tmp_path / "a.ome.tif", monkeypatch, settle)
    assert np.array_equal(tifffile.imread(tmp_path / "a.ome.tif"), found.labels[1])
    assert np.array_equal(tifffile.imread(tmp_path / "a.ome.tif") > 0, stack[1] > 0)
    export(panel, "imagej", tmp_path / "a.zip", monkeypatch, settle)
    assert np.array_equal(of_imagej(roifile.roiread(tmp_path / "a.zip"), stack.shape[1:]), found.labels[1])


def test_the_numbers_follow_the_brush_into_the_file(model, panel, run, settle, tmp_path, monkeypatch):
    layer = model.add_labels(vessels(), name="eye")
    before = value(run(panel).image, "length", unit="px")
    layer.data_setitem((np.full(40, 110), np.arange(100, 140)), 1)
    settle(panel)
    export(panel, "excel", tmp_path / "a.xlsx", monkeypatch, settle)
    assert value(pd.read_excel(tmp_path / "a.xlsx"), "length", unit="px") > before + 30


def test_a_missing_package_is_said_with_its_command_before_a_file_is_asked_for(
    model, panel, run, settle, tmp_path, monkeypatch
):
    model.add_labels(vessels(), name="eye")
    run(panel)
    for key, package in {"imagej": "roifile", "dicom-seg": "highdicom", "excel": "openpyxl"}.items():
        monkeypatch.setitem(sys.modules, package, None)
        assert export(panel, key, tmp_path / "a", monkeypatch, settle) == []
        assert panel.status.value == (f"This format needs {package}: pip install 'napari-saunetv2[results]'.")
    assert list(tmp_path.iterdir()) == []


def test_a_segmentation_refers_to_the_dicom_photograph_and_never_replaces_it(
    viewer, widget, run, settle, tmp_path, monkeypatch
):
    pixels = np.random.default_rng(0).integers(0, 255, (*vessels().shape, 3), np.uint8)
    photograph = tmp_path / "eye.dcm"
    uids = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID")}
    photograph.write_bytes(dicoms.stored(pixels, **uids))
    viewer.open(photograph, plugin="napari-saunetv2")
    viewer.add_labels(vessels(), name="mask")
    widget.photograph.value = viewer.layers["eye"]
    widget.fov.value = "none"
    run(widget)
    (proposed,) = export(widget, "dicom-seg", tmp_path / "seg.dcm", monkeypatch, settle)
    assert proposed == str(tmp_path / "mask_segments.dcm")
    read, source = hd.seg.segread(tmp_path / "seg.dcm"), pydicom.dcmread(photograph)
    assert np.array_equal(read.pixel_array != 0, vessels() > 0)
    referred = read.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    assert referred.ReferencedSOPInstanceUID == source.SOPInstanceUID
    stored = photograph.read_bytes()
    export(widget, "dicom-seg", photograph, monkeypatch, settle)
    assert "is the photograph itself" in widget.status.value
    assert photograph.read_bytes() == stored


def test_there_is_one_line_for_each_format(panel):
    keys = [action.objectName() for action in panel.export.native.menu().findChildren(QAction)]
    lines = ["imagej", "geojson", "ome-tiff", "dicom-seg", "excel", *names.PEERS]
    assert [key for key in keys if key] == lines
