"""What a study writes for other programs, and its workbook, by the command as a user types it."""

import io
import json

import numpy as np
import openpyxl
import pandas as pd
import pydicom
import pytest
import roifile
import tifffile
from PIL import Image
from pydicom.uid import generate_uid

from napari_saunetv2 import cli
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.study.layout import Layout
from oddfiles import dicoms
from read_back import of_geojson, of_imagej
from tiny import save_model

SHAPE = (90, 96)
FORMATS = ("imagej", "geojson", "ome-tiff", "dicom-seg")


@pytest.fixture
def study(tmp_path):
    """Runs the command on two photographs, a PNG and a DICOM file, with more options; gives its code."""
    eyes = tmp_path / "eyes"
    eyes.mkdir()
    write_image(eyes / "007.png", fundus(SHAPE, seed=1).image)
    whose = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), "ImageLaterality": "R"}
    (eyes / "b.dcm").write_bytes(dicoms.stored(fundus(SHAPE, seed=2).image, **whose))
    model = str(save_model(tmp_path / "small.safetensors"))
    words = ["study", str(eyes), "-o", str(tmp_path / "out"), "-m", model, "--engine", "torch"]
    words += ["--precision", "float32"]
    return lambda *more: cli.app([*words, *more], standalone_mode=False)


def all_formats():
    return [word for name in FORMATS for word in ("--export", name)]


def test_each_photograph_is_there_for_every_program_pixel_by_pixel(study, tmp_path, capfd):
    layout = Layout(tmp_path / "out")
    assert not study()
    tables = {name: (layout.folder / name).read_bytes() for name in ("measurements.csv", "segments.csv")}
    assert not (layout.folder / "exports").exists()
    assert not study(*all_formats())
    assert {name: (layout.folder / name).read_bytes() for name in tables} == tables
    for name in ("007", "b"):
        labels = tifffile.imread(layout.labels(name))
        assert labels.any()
        rois = roifile.ImagejRoi.fromfile(layout.export(name, "imagej"))
        assert np.array_equal(of_imagej(rois, SHAPE), labels)
        assert np.array_equal(
            of_geojson(json.loads(layout.export(name, "geojson").read_text()), SHAPE), labels
        )
        assert np.array_equal(tifffile.imread(layout.export(name, "ome-tiff")), labels)
        seg = pydicom.dcmread(layout.export(name, "dicom-seg"))
        mask = np.array(Image.open(layout.mask(name, "vessels"))) > 0
        assert np.array_equal(seg.pixel_array.reshape(SHAPE) > 0, mask)
    photograph = pydicom.dcmread(tmp_path / "eyes" / "b.dcm")
    assert seg.StudyInstanceUID == photograph.StudyInstanceUID
    capfd.readouterr()
    assert not study(*all_formats())
    assert "0 photographs done, 2 unchanged" in capfd.readouterr().out


def test_an_export_of_an_earlier_mask_never_stays(study, tmp_path):
    layout = Layout(tmp_path / "out")
    study("--export", "geojson")
    untouched = layout.export("b", "geojson").read_bytes()
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[40:44, 20:80] = 255
    Image.fromarray(drawn).save(layout.mask("007", "vessels"))
    study()
    assert not layout.export("007", "geojson").exists(), "it showed vessels that are no longer the mask"
    study("--export", "geojson")
    labels = of_geojson(json.loads(layout.export("007", "geojson").read_text()), SHAPE)
    assert np.array_equal(labels, tifffile.imread(layout.labels("007")))
    assert not labels[:38].any()
    assert layout.export("b", "geojson").read_bytes() == untouched


def test_the_workbook_holds_what_the_tables_hold(study, tmp_path, capfd):
    out = tmp_path / "out"
    study("--excel")
    book = openpyxl.load_workbook(out / "study.xlsx", read_only=True)
    assert book.sheetnames == ["measurements", "segments", "photographs", "failures", "columns"]
    for name in book.sheetnames:
        shown = pd.read_csv(out / f"{name}.csv", dtype=str, keep_default_na=False)
        rows = [["" if cell is None else cell for cell in row] for row in book[name].values]
        rows = [row for row in rows if any(cell != "" for cell in row)]
        assert rows[0] == list(shown.columns)
        assert len(rows) - 1 == len(shown)
        for row, told in zip(rows[1:], shown.itertuples(index=False), strict=True):
            for cell, text in zip(row, told, strict=True):
                assert (
                    cell == text if isinstance(cell, str) else cell == pytest.approx(float(text), rel=1e-12)
                )
    capfd.readouterr()
    study()
    assert "study.xlsx is of an earlier run" in capfd.readouterr().out


def test_a_table_too_long_for_a_sheet_is_said_and_the_csv_files_are_there(study, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_saunetv2.study.workbook.MOST_ROWS", 50)
    with pytest.raises(Exception, match=r"measurements.csv' has .* use the CSV files"):
        study("--excel")
    assert (tmp_path / "out" / "report.html").exists()
    assert not (tmp_path / "out" / "study.xlsx").exists()


def test_the_disc_is_given_as_to_measure(study, tmp_path, capfd):
    study("--disc", "40,45,8")
    photographs = pd.read_csv(tmp_path / "out" / "photographs.csv")
    assert photographs[["disc_x", "disc_y", "disc_r"]].to_numpy().tolist() == [[40, 45, 8]] * 2
    assert "All 2 photographs are measured with the disc at 40,45,8" in capfd.readouterr().out
    study("--disc", "none")
    assert pd.read_csv(tmp_path / "out" / "photographs.csv").disc_x.isna().all()
    for wrong, words in ((("--disc", "40,45"), "x,y,r"), (("--export", "word"), "must be one of")):
        with pytest.raises(Exception, match=words):
            study(*wrong)


def test_under_pseudonyms_an_export_refers_to_no_study_and_names_nobody(study, tmp_path):
    key = tmp_path / "key"
    study(*all_formats(), "--excel", "--pseudonym", str(key))
    photograph = pydicom.dcmread(tmp_path / "eyes" / "b.dcm")
    uids = [photograph.StudyInstanceUID, photograph.SeriesInstanceUID, photograph.SOPInstanceUID]
    written = [path for path in (tmp_path / "out" / "exports").iterdir() if path.is_file()]
    assert len(written) == 2 * len(FORMATS)
    for path in written:
        data = path.read_bytes()
        assert not any(
            word.encode() in data for word in [*uids, "007.png", "007_", "Secretperson", "b.dcm"]
        ), path
    book = openpyxl.load_workbook(io.BytesIO((tmp_path / "out" / "study.xlsx").read_bytes()))
    cells = {str(cell) for sheet in book for row in sheet.values for cell in row}
    assert not cells & {"007.png", "b.dcm", dicoms.IDENTITY}
