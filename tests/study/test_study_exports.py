"""What a study writes beside its tables: exports, a workbook, reviews, a key table."""

import json
import zipfile
from pathlib import Path

import highdicom as hd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import roifile
import tifffile

from napari_saunetv2 import cli, cohort
from napari_saunetv2.cohort import fields
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import OverwriteError, SettingsError
from napari_saunetv2.files import read_mask, write_image, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.progress import drain
from napari_saunetv2.study import key_table, verdicts
from napari_saunetv2.study.about import StudyOptions
from napari_saunetv2.study.layout import Layout
from napari_saunetv2.study.people import People
from napari_saunetv2.study.pseudonyms import Pseudonyms
from napari_saunetv2.study.record import read_record, write_record
from napari_saunetv2.study.run import study_steps
from oddfiles import dicoms
from read_back import of_geojson, of_imagej
from tiny import save_model

FORMATS = ("imagej", "geojson", "ome-tiff", "dicom-seg")
UIDS = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4"}
CONFIG = {"engine": "torch", "precision": "float32"}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(save_model(tmp_path_factory.mktemp("model") / "small.safetensors"))


@pytest.fixture
def eyes(tmp_path) -> Path:
    """A DICOM file and a PNG file."""
    folder = tmp_path / "eyes"
    (folder / "Lovelace").mkdir(parents=True)
    (folder / "Lovelace" / "OD.dcm").write_bytes(dicoms.stored(fundus((90, 96), seed=1).image, **UIDS))
    write_image(folder / "Lovelace" / "OS.png", fundus((90, 96), seed=2).image)
    return folder


def run(eyes, output, model, **how):
    options = StudyOptions(output, InferenceConfig(model=model, **CONFIG), **how)
    return drain(study_steps(cohort.read(eyes, output=output), options))


def table(output, name="photographs"):
    return pd.read_csv(output / f"{name}.csv", dtype=str, keep_default_na=False)


def test_every_export_is_opened_by_its_own_library_and_equal(eyes, tmp_path, model):
    out = tmp_path / "out"
    words = ["study", str(eyes), "-o", str(out), "-m", model, "--engine", "torch", "--precision", "float32"]
    for name in FORMATS:
        words += ["--export", name]
    assert cli.app([*words, "--excel"], standalone_mode=False) in (0, None)
    for name in ("Lovelace/OD", "Lovelace/OS"):
        labels = tifffile.imread(Layout(out).labels(name))
        assert labels.max() > 0

        def written(ending, name=name):
            return out / "exports" / f"{name}_segments.{ending}"

        assert np.array_equal(of_imagej(roifile.roiread(written("zip")), labels.shape), labels)
        read = json.loads(written("geojson").read_text())
        assert np.array_equal(of_geojson(read, labels.shape), labels)
        assert np.array_equal(tifffile.imread(written("ome.tif")), labels)
        vessels = read_mask(Layout(out).mask(name, "vessels"))
        stored = hd.seg.segread(written("dcm"))
        assert np.array_equal(stored.pixel_array.reshape(vessels.shape) != 0, vessels)
    book = openpyxl.load_workbook(out / "study.xlsx", read_only=True)
    assert book.sheetnames == ["measurements", "segments", "photographs", "failures", "columns"]
    cells = list(book["segments"].iter_rows(values_only=True))
    lengths = pd.read_csv(out / "segments.csv").length.tolist()
    assert [row[cells[0].index("length")] for row in cells[1:]] == pytest.approx(lengths, nan_ok=True)
    assert {row[0] for row in cells[1:]} == {"Lovelace/OD.dcm", "Lovelace/OS.png"}


def test_an_export_that_is_asked_for_later_is_written_and_none_is_ever_out_of_date(eyes, tmp_path, model):
    out = tmp_path / "out"
    (eyes / "Lovelace" / "OD.dcm").unlink()
    assert run(eyes, out, model).done == 1
    assert run(eyes, out, model, exports=("geojson",), excel=True).done == 1
    there = out / "exports" / "Lovelace" / "OS_segments.geojson"
    before = there.read_bytes()
    assert run(eyes, out, model).kept == 1, "what is there stays"
    assert there.read_bytes() == before
    assert not (out / "study.xlsx").exists()
    there.unlink()
    assert run(eyes, out, model, exports=("geojson",)).done == 1
    assert there.read_bytes() == before
    mask = Layout(out).mask("Lovelace/OS", "vessels")
    write_mask(mask, read_mask(mask) & (np.arange(96) < 50), overwrite=True)
    run(eyes, out, model)
    assert not there.exists(), "it showed other vessels than the tables"


def test_a_photograph_that_cannot_be_exported_is_measured_all_the_same(eyes, tmp_path, model):
    (eyes / "Lovelace" / "OS.png").unlink()
    (eyes / "Lovelace" / "OD.dcm").write_bytes(dicoms.stored(fundus((90, 96), seed=1).image))
    summary = run(eyes, tmp_path / "out", model, exports=("dicom-seg", "geojson"))
    assert (summary.done, summary.failed) == (1, 0)
    assert "dicom-seg was not written: " in table(tmp_path / "out").remarks[0]
    assert [one.suffix for one in (tmp_path / "out" / "exports" / "Lovelace").iterdir()] == [".geojson"]
    assert run(eyes, tmp_path / "out", model, exports=("dicom-seg", "geojson")).kept == 1


def test_a_record_of_an_older_version_still_tells_its_own_masks_from_edited_ones(eyes, tmp_path, model):
    out = tmp_path / "out"
    run(eyes, out, model)
    path = Layout(out).record("Lovelace/OS")
    known = json.loads(path.read_text())
    known.pop("exports")
    path.write_text(json.dumps(known))
    summary = run(eyes, out, model)
    assert (summary.kept, summary.edited) == (2, 0)
    write_record(path, read_record(path))


def test_what_a_reviewer_said_is_in_the_table_and_changes_no_other_row(eyes, tmp_path, model):
    out = tmp_path / "out"
    run(eyes, out, model)
    before = table(out)
    layout = Layout(out)
    verdicts.review(layout, "Lovelace/OS", "Lovelace/OS.png", "accepted")
    assert run(eyes, out, model).kept == 2, "nothing is measured again"
    now = table(out).set_index("file")
    assert now.loc["Lovelace/OD.dcm", ["review", "reviewed", "changed_since_review"]].tolist() == [""] * 3
    said = now.loc["Lovelace/OS.png"]
    assert (said.review, said.changed_since_review) == ("accepted", "no")
    assert pd.Timestamp(said.reviewed).tzinfo is not None
    assert now.loc["Lovelace/OD.dcm"].equals(before.set_index("file").loc["Lovelace/OD.dcm"])
    assert "accepted" in layout.page("Lovelace/OS").read_text()
    mask = layout.mask("Lovelace/OS", "vessels")
    write_mask(mask, read_mask(mask) & (np.arange(96) < 50), overwrite=True)
    run(eyes, out, model)
    assert table(out).set_index("file").changed_since_review["Lovelace/OS.png"] == "yes"
    meanings = pd.read_csv(out / "columns.csv")
    assert {"review", "reviewed", "changed_since_review"} <= set(meanings.key)


def test_the_key_table_leads_back_and_nothing_else_does(eyes, tmp_path, model):
    out, keys = tmp_path / "out", tmp_path / "apart" / "keys.csv"
    people = People(Pseudonyms(b"a key of sixteen bytes"))
    run(eyes, out, model, people=people, key_table=keys, exports=FORMATS, excel=True)
    known = pd.read_csv(keys, dtype=str)
    assert list(known.columns) == ["what", "identifier", "pseudonym"]
    back = known.set_index("pseudonym").identifier
    assert [back[file] for file in sorted(table(out).file)] == [
        back[one] for one in sorted(known[known.what == "file"].pseudonym)
    ]
    assert {back[one] for one in table(out).patient} == {"Lovelace"}
    assert keys.stat().st_mode & 0o077 == 0
    run(eyes, out, model, people=people, key_table=keys, exports=FORMATS, excel=True)  # it may be replaced
    for path in out.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if path.suffix in (".zip", ".xlsx"):
            with zipfile.ZipFile(path) as packed:
                data += b"".join(packed.read(one) for one in packed.namelist())
        for secret in (b"Lovelace", b"Secretperson", dicoms.IDENTITY.encode(), str(eyes).encode()):
            assert secret not in data, path
    (tmp_path / "thesis.csv").write_text("mine\n")
    with pytest.raises(OverwriteError, match="no key table"):
        key_table.check_key_table(tmp_path / "thesis.csv")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--export", "photoshop"], "The format is 'photoshop'"),
        (["--disc", "1,2,3"], "--disc is"),
        (["--pseudonym-table", "keys.csv"], "without --pseudonym"),
        (["--pseudonym", "../key", "--pseudonym-table", "out/keys.csv"], "lies in 'out'"),
    ],
)
def test_options_that_cannot_be_are_refused_before_the_work(eyes, words, said, monkeypatch):
    monkeypatch.chdir(eyes)
    with pytest.raises(SettingsError, match=said):
        cli.app(["study", ".", "-o", "out", *words], standalone_mode=False)


def test_dates_of_excel_are_dates_however_others_are_written(tmp_path):
    for name in ("a.png", "b.png"):
        write_image(tmp_path / name, fundus((40, 40), seed=1).image)
    book = openpyxl.Workbook()
    for row in (("file", "date"), ("a.png", pd.Timestamp(2024, 5, 6).to_pydatetime()), ("b.png", "06.05.24")):
        book.active.append(row)
    book.save(tmp_path / "sheet.xlsx")
    read = cohort.read(tmp_path, sheet=tmp_path / "sheet.xlsx", date_format="%d.%m.%y")
    assert [case.date for case in read.cases] == ["2024-05-06", "2024-05-06"]
    assert not read.left_out
    assert fields.date_of(fields.Day("2024-05-06"), "%Y-%d-%m") == "2024-05-06", "day and month stay"
