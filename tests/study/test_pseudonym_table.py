"""The table that tells who is behind each pseudonym: only when asked for, and never among the results."""

import csv
import os
import stat
import sys

import cohorts
import pytest

from napari_saunetv2 import cli, cohort
from napari_saunetv2.cohort import Case
from napari_saunetv2.errors import OverwriteError, SettingsError
from napari_saunetv2.study.identifiers import write_identifiers
from napari_saunetv2.study.people import People
from napari_saunetv2.study.pseudonyms import Pseudonyms
from tiny import save_model

KEY = b"a key of sixteen bytes"


def rows(path):
    with path.open(newline="", encoding="utf-8") as lines:
        return [tuple(row.values()) for row in csv.DictReader(lines)]


def test_the_table_undoes_every_pseudonym_of_the_results(tmp_path):
    eyes, out, table = tmp_path / "eyes", tmp_path / "out", tmp_path / "who.csv"
    cohorts.tree(eyes, 5, patients=2)
    (tmp_path / "key").write_bytes(KEY)
    words = ["study", str(eyes), "-o", str(out), "--pseudonym", str(tmp_path / "key"), "--engine", "torch"]
    words += ["--precision", "float32", "-m", str(save_model(tmp_path / "small.safetensors"))]
    before = {path.name for path in tmp_path.iterdir()}
    cli.app(words, standalone_mode=False)
    assert {path.name for path in tmp_path.iterdir()} - before == {"out"}, "written only when asked for"
    cli.app([*words, "--pseudonym-table", str(table)], standalone_mode=False)
    known = {pseudonym: (what, name) for what, name, pseudonym in rows(table)}
    listed = cohort.read(eyes, output=out)
    with (out / "photographs.csv").open(newline="", encoding="utf-8") as lines:
        shown = list(csv.DictReader(lines))
    assert {known[row["file"]] for row in shown} == {("file", case.name) for case in listed.cases}
    patients = {("patient", case.patient) for case in listed.cases}
    assert {known[row["patient"]] for row in shown} == patients
    with (out / "failures.csv").open(newline="", encoding="utf-8") as lines:
        assert all(known[row["file"]][0] == "file" for row in csv.DictReader(lines))
    if sys.platform != "win32":
        assert stat.S_IMODE(table.stat().st_mode) == 0o600
    assert not any(
        "Surname" in path.read_bytes().decode("latin-1") for path in out.rglob("*") if path.suffix != ".gz"
        if path.is_file()
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")
def test_the_table_is_never_readable_by_others(tmp_path, monkeypatch):
    seen = []

    def look(handle):
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))

    monkeypatch.setattr(os, "fsync", look)  # comes while the whole table lies in its temporary file
    before = os.umask(0)
    try:
        write_identifiers(tmp_path / "who.csv", People(Pseudonyms(KEY)), [], [])
    finally:
        os.umask(before)
    assert seen == [0o600]
    assert stat.S_IMODE((tmp_path / "who.csv").stat().st_mode) == 0o600


def test_the_pseudonyms_are_those_of_an_independent_hmac(tmp_path):
    import hashlib
    import hmac

    def of(kind, text):
        digest = hmac.new(KEY, f"{kind}\0{text}".encode(), hashlib.sha256).hexdigest()
        return f"{kind[0]}-{digest[:16]}"

    people = People(Pseudonyms(KEY))
    case = Case(tmp_path / "x.png", 'a, "b"/x.png', patient="Ada, the first", visit="visit 2")
    other = Case(tmp_path / "y.png", "y.png", patient="Ada, the first", visit="after the war")
    out = Case(tmp_path / "z.txt", "z.txt", left_out="why")
    write_identifiers(tmp_path / "who.csv", people, [case, other], [out])
    told = [("file", 'a, "b"/x.png'), ("file", "y.png"), ("file", "z.txt"), ("patient", "Ada, the first")]
    told.append(("visit", "after the war"))  # a number of a visit is no name, and stays
    assert rows(tmp_path / "who.csv") == [(what, name, of(what, name)) for what, name in told]


@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        ("out/who.csv", SettingsError, "lies in"),
        ("eyes/who.csv", SettingsError, "lies in"),
        ("mine.csv", OverwriteError, "is no table of pseudonyms"),
    ],
)
def test_a_wrong_place_is_refused_before_the_work(tmp_path, place, error, words):
    (tmp_path / "eyes").mkdir()
    (tmp_path / "mine.csv").write_text("patient,notes\n")
    given = ["study", str(tmp_path / "eyes"), "-o", str(tmp_path / "out")]
    given += ["--pseudonym", str(tmp_path / "key"), "--pseudonym-table", str(tmp_path / place)]
    with pytest.raises(error, match=words):
        cli.app(given, standalone_mode=False)
    assert (tmp_path / "mine.csv").read_text() == "patient,notes\n"


def test_without_pseudonyms_there_is_no_table(tmp_path):
    (tmp_path / "eyes").mkdir()
    given = ["study", str(tmp_path / "eyes"), "-o", str(tmp_path / "out")]
    with pytest.raises(SettingsError, match="there are no pseudonyms"):
        cli.app([*given, "--pseudonym-table", str(tmp_path / "who.csv")], standalone_mode=False)
