"""Results for other programs, each opened again by its own library."""

import io
import json
import subprocess
import sys

import highdicom as hd
import numpy as np
import openpyxl
import pandas as pd
import pydicom
import pytest
import roifile
import shapes
import tifffile
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from napari_saunetv2 import cli
from napari_saunetv2.batch import exports
from napari_saunetv2.datasets import inputs
from napari_saunetv2.errors import FileFormatError, ImageError, OverwriteError, SettingsError
from napari_saunetv2.exchange import results
from napari_saunetv2.exchange.dicom_seg import write_dicom_seg
from napari_saunetv2.exchange.outlines import outlines
from napari_saunetv2.files import Spacing, read_mask, write_artery_vein, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure import measure
from oddfiles import dicoms
from oddfiles.photographs import RGB
from read_back import filled, of_geojson, of_imagej


def ring_shape():
    """A vessel with a hole, one with two, one in pieces that touch by a corner, and single pixels."""
    labels = np.zeros((40, 50), np.int32)
    labels[2:12, 2:12] = 1
    labels[4:9, 5:8] = 0
    labels[5, 6] = 4  # another vessel within the hole
    labels[15:30, 2:20] = 2
    labels[17:20, 4:8] = labels[20:25, 8:12] = 0  # holes that touch by a corner
    labels[32, 3] = labels[33, 4] = labels[39, 49] = labels[0, 49] = 3
    labels[20, 30:45] = 7
    return labels


def eye():
    sample = fundus((160, 180), seed=4)
    half = np.arange(180) < 90
    return measure(
        sample.vessels, arteries=sample.vessels * half, veins=sample.vessels * ~half, fov=sample.fov
    )


@pytest.fixture(scope="module")
def found():
    return eye()


def tables_of(labels):
    numbers = [n for n in np.unique(labels) if n]
    return pd.DataFrame({"label": numbers, "vessels": "all", "length": 1.5})


@pytest.mark.parametrize("kind", ["shapes", "eye", "random"])
def test_outlines_hold_just_the_pixels_of_their_label(kind, found):
    noise = np.random.default_rng(0).integers(0, 4, (60, 70)) * (
        np.random.default_rng(1).random((60, 70)) < 0.6
    )
    labels = {"shapes": ring_shape(), "eye": found.labels, "random": noise}[kind]
    seen = np.zeros_like(labels)
    for label, pieces in outlines(labels):
        assert all(filled([piece.outer], labels.shape).any() for piece in pieces)
        rings = [ring for piece in pieces for ring in (piece.outer, *piece.holes)]
        for piece in pieces:
            whole = filled([piece.outer], labels.shape)
            assert all((filled([hole], labels.shape) <= whole).all() for hole in piece.holes)
        seen[filled(rings, labels.shape)] = label
    assert np.array_equal(seen, labels)


@pytest.mark.parametrize("kind", ["shapes", "eye"])
def test_imagej_regions_give_the_labels_back(tmp_path, kind, found):
    labels = ring_shape() if kind == "shapes" else found.labels
    segments = tables_of(labels) if kind == "shapes" else found.segments
    results.write_imagej(tmp_path / "a.zip", labels, segments)
    rois = roifile.roiread(tmp_path / "a.zip")
    assert len(rois) == len(np.unique(labels)) - 1
    assert np.array_equal(of_imagej(rois, labels.shape), labels)
    for roi in rois:
        rows, columns = np.nonzero(labels == int(roi.name.split()[1]))
        assert (roi.left, roi.top) == (columns.min(), rows.min())
    if kind == "eye":
        assert {roi.name.split()[0] for roi in rois} == {"Artery", "Vein"}
        assert {bytes(roi.stroke_color)[1:] for roi in rois} == {b"\xff\0\0", b"\0\0\xff"}


def test_geojson_gives_labels_and_measures_back(tmp_path, found):
    results.write_geojson(tmp_path / "a.geojson", found.labels, found.segments)
    read = json.loads((tmp_path / "a.geojson").read_text())
    assert read["type"] == "FeatureCollection"
    assert np.array_equal(of_geojson(read, found.labels.shape), found.labels)
    for feature in read["features"]:
        shape = feature["geometry"]
        polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
        assert all(ring[0] == ring[-1] for polygon in polygons for ring in polygon)
        label = int(feature["properties"]["name"].split()[1])
        row = found.segments.loc[label]
        assert feature["properties"]["measurements"]["length"] == row.length
        assert (
            feature["properties"]["classification"]["name"]
            == {"arteries": "Artery", "veins": "Vein"}[row.vessels]
        )


@pytest.mark.parametrize("top", [7, 70_000])
def test_ome_tiff_gives_labels_and_scale_back(tmp_path, top):
    labels = ring_shape()
    labels[labels == 7] = top
    results.write_ome(tmp_path / "a.ome.tif", labels, Spacing(0.005, 0.006, True))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert np.array_equal(file.asarray(), labels)
        about = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (about["PhysicalSizeY"], about["PhysicalSizeX"], about["PhysicalSizeXUnit"]) == (5, 6, "µm")


def test_excel_gives_the_tables_back(tmp_path, found):
    names = pd.DataFrame({"file": ["=HYPERLINK(1)", "+1", "a.png"], "value": [1.5, np.nan, -3e-12]})
    results.write_excel(tmp_path / "a.xlsx", {"names": names, "segments": found.segments})
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["names", "segments"]
    assert [cell.value for cell in book["names"]["A"]] == ["file", "=HYPERLINK(1)", "+1", "a.png"]
    assert {cell.data_type for cell in book["names"]["A"]} == {"s"}, "a name is no formula"
    assert book["names"]["B3"].value is None
    read = pd.read_excel(tmp_path / "a.xlsx", sheet_name="segments", keep_default_na=False)
    numbers = found.segments.select_dtypes("number").columns
    ours = found.segments[numbers].fillna(-7.0).to_numpy(float)
    theirs = read[numbers].replace("", -7.0).to_numpy(float)
    np.testing.assert_allclose(theirs, ours, rtol=1e-15)
    with pytest.raises(FileFormatError, match="use the CSV file"):
        results.write_excel(tmp_path / "b.xlsx", {"x": pd.DataFrame({"a": np.zeros(2**20)})})


def photograph(folder, **elements):
    uids = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID")}
    (folder / "eye.dcm").write_bytes(dicoms.stored(RGB, **uids, **elements))
    return folder / "eye.dcm"


def test_dicom_seg_gives_the_masks_back_and_refers_to_the_photograph(tmp_path):
    path = photograph(tmp_path, PixelSpacing=[0.005, 0.006])
    rng = np.random.default_rng(0)
    masks = {name: rng.random(RGB.shape[:2]) > 0.7 for name in ("arteries", "veins")}
    write_dicom_seg(tmp_path / "seg.dcm", masks, path)
    read, source = hd.seg.segread(tmp_path / "seg.dcm"), pydicom.dcmread(path)
    pixels = read.get_pixels_by_source_instance([source.SOPInstanceUID])
    for number, mask in enumerate(masks.values()):
        assert np.array_equal(pixels[0, ..., number] != 0, mask)
    assert [one.segment_label for one in read.SegmentSequence] == ["arteries", "veins"]
    codes = [one.segmented_property_type for one in read.SegmentSequence]
    assert [(code.value, code.scheme_designator) for code in codes] == [
        ("51114001", "SCT"),
        ("29092000", "SCT"),
    ]
    assert read.StudyInstanceUID == source.StudyInstanceUID
    referred = read.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    assert (referred.ReferencedSOPClassUID, referred.ReferencedSOPInstanceUID) == (
        source.SOPClassUID, source.SOPInstanceUID,
    )  # fmt: skip
    text = (tmp_path / "seg.dcm").read_bytes()
    for secret in (dicoms.PERSON, dicoms.BORN, dicoms.IDENTITY, "Secret"):
        assert secret.encode() not in text


def test_dicom_seg_of_a_photograph_that_is_no_dicom_file(tmp_path):
    mask = np.random.default_rng(0).random((40, 52)) > 0.7
    write_dicom_seg(tmp_path / "a.dcm", {"vessels": mask}, spacing=Spacing(0.005, 0.006, True))
    read = hd.seg.segread(tmp_path / "a.dcm")
    assert np.array_equal(read.pixel_array != 0, mask)
    assert read.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing == [0.005, 0.006]
    assert np.array_equal(read_mask(tmp_path / "a.dcm") != 0, mask), "and by this program"


def test_a_crossing_belongs_to_artery_and_vein_in_the_commands_segmentation(tmp_path):
    labels = np.zeros((120, 120), np.uint8)
    labels[50:58, 10:110] = 1
    labels[10:110, 50:58] += 2
    write_artery_vein(tmp_path / "eye_av.png", labels)
    done = CliRunner().invoke(
        cli.app, ["measure", str(tmp_path), "-o", str(tmp_path / "out"), "--export", "dicom-seg"]
    )
    assert done.exit_code == 0, done.output
    pixels = hd.seg.segread(tmp_path / "out/eye_av_segments.dcm").pixel_array
    assert np.array_equal(pixels != 0, np.stack([labels & 1, labels & 2]) != 0)


def test_a_photograph_without_what_others_refer_to_is_refused(tmp_path):
    (tmp_path / "eye.dcm").write_bytes(dicoms.stored(RGB))
    mask = np.ones(RGB.shape[:2], bool)
    with pytest.raises(FileFormatError, match="has no StudyInstanceUID, SeriesInstanceUID: a DICOM"):
        write_dicom_seg(tmp_path / "a.dcm", {"vessels": mask}, tmp_path / "eye.dcm")


def test_what_cannot_be_exported_is_refused(tmp_path):
    mask = np.ones((9, 9), bool)
    with pytest.raises(ImageError, match="shape"):
        write_dicom_seg(tmp_path / "a.dcm", {"vessels": mask}, photograph(tmp_path))
    with pytest.raises(SettingsError, match="vessels, arteries, veins"):
        write_dicom_seg(tmp_path / "a.dcm", {"nerves": mask})
    (tmp_path / "no.dcm").write_bytes(b"x" * 200)
    with pytest.raises(FileFormatError, match="no whole DICOM file"):
        write_dicom_seg(tmp_path / "a.dcm", {"vessels": mask}, tmp_path / "no.dcm")
    write_dicom_seg(tmp_path / "a.dcm", {"vessels": mask})
    with pytest.raises(OverwriteError):
        write_dicom_seg(tmp_path / "a.dcm", {"vessels": mask})


def test_the_command_writes_every_format_and_takes_none_for_a_photograph(tmp_path):
    write_mask(tmp_path / "a_vessels.png", np.uint8(shapes.bar(160, 8, 120, 20) < 0))
    asked = [word for name in exports.NAMES for word in ("--export", name)]
    done = CliRunner().invoke(
        cli.app,
        ["measure", str(tmp_path), "-o", str(tmp_path), "--disc", "none", "--excel", *asked],
    )
    assert done.exit_code == 0, done.output
    labels = tifffile.imread(tmp_path / "a_vessels_segments.tif")
    assert np.array_equal(tifffile.imread(tmp_path / "a_vessels_segments.ome.tif"), labels)
    assert len(roifile.roiread(tmp_path / "a_vessels_segments.zip")) == 1
    assert len(json.loads((tmp_path / "a_vessels_segments.geojson").read_text())["features"]) == 1
    assert np.array_equal(hd.seg.segread(tmp_path / "a_vessels_segments.dcm").pixel_array != 0, labels > 0)
    sheets = pd.read_excel(tmp_path / "measurements.xlsx", sheet_name=None)
    assert list(sheets) == ["measurements", "segments", "failures", "columns"]
    table = pd.read_csv(tmp_path / "measurements.csv")
    np.testing.assert_allclose(sheets["measurements"].value, table.value, rtol=1e-15)
    again = inputs.gather([str(tmp_path)], masks=True)
    assert [p.name for p in again.files] == ["a_vessels.png"]


def test_an_unknown_format_or_a_missing_package_is_said_before_the_work(tmp_path):
    with pytest.raises(SettingsError, match="imagej, geojson, ome-tiff, dicom-seg"):
        exports.check(["svg"])
    program = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'roifile' else find(name, *a)\n"
        "from napari_saunetv2.batch import exports\n"
        "exports.check(['imagej'])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "This format needs roifile: pip install 'napari-saunetv2[results]'." in answer.stderr


def test_the_same_segments_give_the_same_file(tmp_path, found):
    for name in ("a.zip", "b.zip"):
        results.write_imagej(tmp_path / name, found.labels, found.segments)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert io.BytesIO((tmp_path / "a.zip").read_bytes()).read(2) == b"PK"
