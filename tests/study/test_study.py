"""A study: tables that come out the same after kills and with workers, edits by hand, pseudonyms, pages."""

import gzip
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import cohorts
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_saunetv2 import cli, cohort
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import OverwriteError, SettingsError
from napari_saunetv2.files import read_mask, write_artery_vein, write_image, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.progress import drain
from napari_saunetv2.study.layout import Layout
from napari_saunetv2.study.people import People
from napari_saunetv2.study.pseudonyms import Pseudonyms
from napari_saunetv2.study.run import StudyOptions, study_steps
from oddfiles import dicoms
from tiny import save_model

COUNT = 6


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(save_model(tmp_path_factory.mktemp("model") / "small.safetensors"))


@pytest.fixture
def eyes(tmp_path) -> Path:
    folder = tmp_path / "eyes"
    cohorts.sheet(tmp_path / "sheet.csv", cohorts.tree(folder, COUNT, patients=3))
    return folder


def run(eyes: Path, output: Path, model: str, people: People | None = None, workers: int = 1, **how):
    """Run a study; returns the status of each photograph, and the summary."""
    config = InferenceConfig(model=model, engine="torch", precision="float32")
    options = StudyOptions(output, config, people=people or People())
    said = {}
    listed = cohort.read(eyes, output=output, **how)
    summary = drain(
        study_steps(listed, options, workers=workers), lambda one: said.update({one.file: one.status})
    )
    return said, summary


def everything(output: Path) -> dict[str, bytes]:
    """All files but the records, which note when photographs were written."""
    files = {p.relative_to(output).as_posix(): p for p in output.rglob("*") if p.is_file()}
    return {
        name: path.read_bytes()
        for name, path in files.items()
        if not (name.startswith("parts/") and name.endswith(".json"))
    }


def rows(output: Path, table: str, *, but: str = "") -> pd.DataFrame:
    found = pd.read_csv(output / f"{table}.csv", dtype=str, keep_default_na=False)
    return found[found.file != but].reset_index(drop=True)


PROGRAM = """
import sys
from napari_saunetv2.cli import main
sys.argv = ["saunetv2", *sys.argv[1:]]
main()
"""


def killed_after(words: list[str], photographs: int) -> None:
    """Run the command, and kill it after so many photographs."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, text=True)
    done = 0
    for line in process.stdout:
        done += "segments" in line
        if done == photographs:
            break
    process.kill()
    process.wait()
    process.stdout.close()


def test_kills_and_workers_change_no_byte_and_every_result_is_there(eyes, tmp_path, model):
    pytest.importorskip("distributed")
    given = {"sheet": tmp_path / "sheet.csv"}
    said, summary = run(eyes, tmp_path / "one", model, **given)
    assert (summary.done, summary.failed) == (COUNT - 1, 1)
    killed = tmp_path / "killed"
    words = ["study", str(eyes), "-o", str(killed), "--sheet", str(given["sheet"]), "-m", model]
    killed_after([*words, "--engine", "torch", "--precision", "float32"], 2)
    before, again = run(eyes, killed, model, workers=2, **given)
    assert again.kept >= 2
    assert everything(tmp_path / "one") == everything(killed)
    assert before.keys() == said.keys()
    _, third = run(eyes, tmp_path / "one", model, **given)
    assert (third.done, third.kept, third.failed) == (0, COUNT - 1, 1), "nothing is done twice"

    photographs = rows(tmp_path / "one", "photographs")
    assert photographs.file.tolist() == sorted(said)
    listed = pd.read_csv(given["sheet"], dtype=str).set_index("file")
    for column in ("patient", "eye", "date"):
        assert photographs.set_index("file")[column].equals(listed[column].loc[photographs.file])
    failures = rows(tmp_path / "one", "failures")
    assert failures.what.tolist() == ["failed", "left out", "left out"]
    assert all(reason for reason in failures.reason)
    explained = pd.read_csv(tmp_path / "one" / "columns.csv")
    for table, what in (("measurements", "images"), ("segments", "segments"), ("photographs", "photographs")):
        known = set(explained[explained.what.str.contains(what)].key)
        assert set(rows(tmp_path / "one", table).columns) == known, table
    done = photographs[photographs.status == "done"]
    assert set(rows(tmp_path / "one", "measurements").file) == set(done.file)
    assert (
        int(done.set_index("file").segments.iloc[0])
        == (rows(tmp_path / "one", "segments").file == done.file.iloc[0]).sum()
    )
    about = json.loads((tmp_path / "one" / "study.json").read_text())
    assert [one["file"] for one in about["photographs"]] == photographs.file.tolist()
    assert len({one["sha256"] for one in about["photographs"]}) == COUNT
    assert len(about["sha256 of models"]["vessels"]) == 64
    noise = done[done.file.str.contains("_005")].iloc[0]
    assert noise.fundus == "no"
    assert float(noise.quality) == 0


def small(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, fundus((90, 96), seed=number).image)
    return folder


def test_an_edited_mask_changes_its_rows_alone_and_is_never_overwritten(tmp_path, model):
    eyes, out = small(tmp_path / "eyes", "a/1.png", "b/1.png", "c.png"), tmp_path / "out"
    run(eyes, out, model)
    layout, before = (
        Layout(out),
        {name: rows(out, name) for name in ("measurements", "segments", "photographs")},
    )
    mask = layout.mask("a/1", "vessels")
    own = mask.read_bytes()
    drawn = np.zeros((90, 96), np.uint8)
    drawn[40:44, 20:80] = 1
    Image.fromarray(drawn * 255).save(mask)
    edited = mask.read_bytes()
    said, summary = run(eyes, out, model)
    assert said == {"a/1.png": "done", "b/1.png": "kept", "c.png": "kept"}
    assert summary.edited == 1
    assert mask.read_bytes() == edited
    for name, table in before.items():
        assert rows(out, name, but="a/1.png").equals(table[table.file != "a/1.png"].reset_index(drop=True))
    segments = rows(out, "segments")
    (length,) = segments[segments.file == "a/1.png"].length.astype(float)
    assert length == pytest.approx(59, abs=5), "the bar that was drawn is 60 px long"
    assert rows(out, "photographs").set_index("file").edited.to_dict() == {
        "a/1.png": "vessels", "b/1.png": "", "c.png": "",
    }  # fmt: skip
    (told,) = json.loads((out / "study.json").read_text())["edited by hand"]
    assert (told["file"], told["mask"]) == ("a/1.png", "vessels")

    other = str(save_model(tmp_path / "other.safetensors", threshold=0.4))
    said, _ = run(eyes, out, other)
    assert set(said.values()) == {"done"}, "another model: all is done again"
    assert mask.read_bytes() == edited
    run(eyes, out, model)
    mask.write_bytes(own)  # what the program wrote is put back
    run(eyes, out, model)
    assert {name: rows(out, name).equals(table) for name, table in before.items()} == dict.fromkeys(
        before, True
    )
    mask.unlink()
    run(eyes, out, model)
    assert mask.read_bytes() == own, "a mask that was removed is made again"
    write_mask(mask, np.ones((10, 10)), overwrite=True)
    said, _ = run(eyes, out, model)
    assert said["a/1.png"] == "failed"
    (failed,) = rows(out, "failures").reason
    assert "10 x 10 pixels, the photograph 96 x 90" in failed
    assert read_mask(mask).shape == (10, 10)


def test_edited_arteries_and_veins_are_measured(tmp_path):
    from tiny import save_two_classes

    av = str(save_two_classes(tmp_path / "av.safetensors"))
    eyes, out = small(tmp_path / "eyes", "a.png"), tmp_path / "out"
    run(eyes, out, av)
    drawn = np.zeros((90, 96), np.uint8)
    drawn[30:34, 20:80], drawn[60:64, 20:80] = 1, 2
    write_artery_vein(Layout(out).mask("a", "av"), drawn, overwrite=True)
    said, _ = run(eyes, out, av)
    assert said == {"a.png": "done"}
    segments = rows(out, "segments")
    assert sorted(segments.vessels) == ["arteries", "veins"]
    assert segments.set_index("vessels").row.astype(float).to_dict() == pytest.approx(
        {"arteries": 31.5, "veins": 61.5}, abs=1
    )


def test_only_what_changed_is_done_again(tmp_path, model):
    eyes, out = small(tmp_path / "eyes", "a.png", "b.png"), tmp_path / "out"
    run(eyes, out, model)
    table = tmp_path / "sheet.csv"
    table.write_text("file,patient,pixel size\na.png,7,\nb.png,8,5.5\n")
    said, _ = run(eyes, out, model, sheet=table)
    assert said == {"a.png": "kept", "b.png": "done"}, "whose it is changes no number, the pixel size does"
    assert rows(out, "photographs")[["patient", "spacing"]].to_numpy().tolist() == [["7", ""], ["8", "5.5"]]
    units = rows(out, "measurements")
    assert "spacing given" in set(units[units.file == "b.png"].scale_source)
    write_image(eyes / "a.jpg.png", fundus((90, 96), seed=5).image)
    write_image(eyes / "a.tif", fundus((90, 96), seed=6).image)
    said, _ = run(eyes, out, model)
    assert said == {"a.jpg.png": "done", "a.png": "kept", "a.tif": "done", "b.png": "done"}
    (eyes / "b.png").write_bytes((eyes / "a.png").read_bytes())
    said, summary = run(eyes, out, model)
    assert (said["b.png"], said["a.png"]) == ("done", "done"), "they are equal, which is remarked on"
    assert "equal to that of b.png" in rows(out, "photographs").set_index("file").remarks["a.png"]
    (eyes / "b.png").unlink()
    _, summary = run(eyes, out, model)
    assert summary.abandoned == 1
    assert "b.png" not in set(rows(out, "photographs").file)


def test_a_folder_of_something_else_is_refused(tmp_path, model):
    eyes = small(tmp_path / "eyes", "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "measurements.csv").write_text("mine")
    with pytest.raises(OverwriteError, match="holds no study"):
        run(eyes, tmp_path / "out", model)


NAMES = ("Surname", "Ada", "Secretperson", "19231105", "ID-778899", "Secret Hospital", "Secretoperator")


def texts(output: Path) -> dict[str, str]:
    """What all files hold, unpacked."""
    files = {p.relative_to(output).as_posix(): p.read_bytes() for p in output.rglob("*") if p.is_file()}
    return {
        name: (gzip.decompress(data) if name.endswith(".gz") else data).decode("latin-1")
        for name, data in files.items()
    }


def test_pseudonyms_replace_every_identifier(eyes, tmp_path, model, capfd):
    (eyes / "Surname009_Ada" / "O'Ada.png").parent.mkdir()
    (eyes / "Surname009_Ada" / "O'Ada.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    people = People(Pseudonyms(b"a key of sixteen bytes"))
    out = tmp_path / "out"
    words = ["study", str(eyes), "-o", str(out), "-m", model, "--pseudonym", str(tmp_path / "key")]
    (tmp_path / "key").write_bytes(b"a key of sixteen bytes\n")
    words += ["--engine", "torch", "--precision", "float32"]
    assert cli.app(words, standalone_mode=False) == 1  # two files are damaged
    log = capfd.readouterr()
    assert "photographs done" in log.out
    for place, text in {**texts(out), "log": log.out + log.err}.items():
        for name in (*NAMES, str(eyes)):
            assert name not in text, place
            assert name not in place
    photographs = rows(out, "photographs")
    assert photographs.file.is_unique
    assert photographs.patient.nunique() == 4
    assert set(photographs.eye) | set(photographs.date) == {""}
    assert set(photographs.day) == {"0", "31", "60", "91", ""} & set(photographs.day)
    said, _ = run(eyes, out, model, people)
    assert list(said.values()).count("kept") == COUNT - 1, "the same key gives the same names"

    assert people.pseudonyms.of("file", "Surname000_Ada/2024-02-11/OS_003.dcm") in set(photographs.file)
    for wrong in (People(), People(Pseudonyms(b"another key of sixteen"))):
        with pytest.raises(SettingsError, match="choose another folder"):
            run(eyes, out, model, wrong)
    kept = tmp_path / "kept"
    run(eyes, kept, model, People(people.pseudonyms, frozenset({"eye", "date"})))
    assert set(rows(kept, "photographs").eye) >= {"right", "left"}
    assert rows(kept, "photographs").date.str.fullmatch(r"2024-\d\d-\d\d|").all()
    assert set(rows(kept, "photographs").patient) == set(photographs.patient)


def test_the_number_in_a_dicom_file_is_the_patient_under_pseudonyms_alone(tmp_path, model):
    eyes = tmp_path / "eyes"
    eyes.mkdir()
    for number in (1, 2):
        pixels = fundus((90, 96), seed=number).image
        (eyes / f"{number}.dcm").write_bytes(
            dicoms.stored(pixels, AcquisitionDate=f"2024010{number}", ImageLaterality="R")
        )
    run(eyes, tmp_path / "clear", model)
    assert set(rows(tmp_path / "clear", "photographs").patient) == {""}
    pseudonyms = Pseudonyms(b"a key of sixteen bytes")
    run(eyes, tmp_path / "out", model, People(pseudonyms, frozenset({"eye"})))
    table = rows(tmp_path / "out", "photographs")
    assert set(table.patient) == {pseudonyms.of("patient", dicoms.IDENTITY)}
    assert sorted(table.day) == ["0", "1"]
    assert set(table.eye) == {"right"}


class Checked(HTMLParser):
    """Counts what opens and closes, and keeps the addresses."""

    VOID = ("meta", "img", "br", "line", "rect", "circle")

    def __init__(self) -> None:
        super().__init__()
        self.open, self.links, self.pictures, self.tags = [], [], [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        values = dict(attrs)
        self.links += [values["href"]] if "href" in values else []
        self.pictures += [values["src"]] if "src" in values else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()


def test_the_pages_need_nothing_but_themselves_and_escape_names(tmp_path, model):
    eyes = small(tmp_path / "eyes", "50% & more #1/<b>x.png", "ok.png")
    (eyes / "<script>.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    out = tmp_path / "out"
    run(eyes, out, model)
    pages = [out / "report.html", *sorted((out / "pages").rglob("*.html"))]
    assert len(pages) == 3
    for page in pages:
        checked = Checked()
        checked.feed(page.read_text(encoding="utf-8"))
        assert checked.open == []
        assert not checked.tags & {"script", "link", "iframe", "b&"}
        assert checked.pictures
        assert all(source.startswith("data:image/jpeg;base64,") for source in checked.pictures)
        for link in checked.links:
            assert "://" not in link
            assert (page.parent / unquote(link)).resolve().is_file(), link
    report = pages[0].read_text(encoding="utf-8")
    assert report.index("&lt;script&gt;") < report.index("ok.png"), "what failed comes first"
    assert "<svg" in report
    assert 'href="pages/50%25%20%26%20more%20%231/%3Cb%3Ex.html"' in report
