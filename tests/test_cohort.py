"""Any folder: patient, eye and date from subfolders, from names or from a sheet, and what is left out."""

import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from napari_saunetv2 import cohort
from napari_saunetv2.cohort import fields
from napari_saunetv2.cohort.pattern import Pattern
from napari_saunetv2.errors import FileFormatError, LayoutError, SettingsError
from napari_saunetv2.files import write_image, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from oddfiles import dicoms


@pytest.fixture(scope="module")
def photograph(tmp_path_factory) -> Path:
    return write_image(tmp_path_factory.mktemp("one") / "one.png", fundus((64, 64), seed=1).image)


@pytest.fixture
def tree(tmp_path, photograph):
    """Make a tree of photographs by their names."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / "eyes" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(photograph, path)
        return tmp_path / "eyes"

    return make


def said(case: cohort.Case) -> tuple:
    return case.name, case.patient, case.eye, case.date, case.visit


def reasons(found: cohort.Cohort) -> dict[str, str]:
    return {case.name: case.left_out for case in found.left_out}


def test_subfolders_are_patients_and_visits(tree):
    folder = tree(
        "anna/2024-05-31/OD_1.png", "anna/2025-06-01/x_L.png", "ben/visit 2/OS/3.png", "ben/4.png",
        "carl/images/follow up/5_od_os.png", "loose.png",
    )  # fmt: skip
    found = cohort.read(folder)
    assert [said(case) for case in found.cases] == [
        ("anna/2024-05-31/OD_1.png", "anna", "right", "2024-05-31", "2024-05-31"),
        ("anna/2025-06-01/x_L.png", "anna", "left", "2025-06-01", "2025-06-01"),
        ("ben/4.png", "ben", None, "", ""),
        ("ben/visit 2/OS/3.png", "ben", "left", "", "visit 2"),
        ("carl/images/follow up/5_od_os.png", "carl", None, "", "follow up"),  # two eyes are none
        ("loose.png", "", None, "", ""),
    ]
    assert any("'ben/visit 2/OS' is read as" in remark for remark in found.remarks)


def test_numbers_of_patients_are_no_dates_unless_all_are(tree):
    folder = tree("20240531/a.png", "20249999/b.png")
    assert {case.patient for case in cohort.read(folder).cases} == {"20240531", "20249999"}
    shutil.rmtree(folder / "20249999")
    tree("20240601/c.png")
    assert [(case.patient, case.date) for case in cohort.read(folder).cases] == [
        ("", "2024-05-31"),
        ("", "2024-06-01"),
    ]


NAMES = {
    "{patient}_{eye}_{date}": {
        "007_OD_2024-05-31.png": ("007", "right", "2024-05-31", ""),
        "A_B_left_20240531.tif": ("A_B", "left", "2024-05-31", ""),
        "x_r_2024_05_31.png": ("x", "right", "2024-05-31", ""),
        "x_OD_31.05.2024.png": ("x", "right", "2024-05-31", ""),
        "x_OX_2024-05-31.png": "does not fit",
        "x_OD_2024-02-30.png": "The date is '2024-02-30'",
        "x_OD_03-04-2024.png": "may be two days",
    },
    "{patient}/{visit}/*_{eye}": {
        "site/p1/v2/img_12_OS.png": ("p1", "left", "", "v2"),
        "p1/img_OS.png": "does not fit",
    },
    "{patient}-{visit}": {"p1-2.png": ("p1", None, "", "2"), "p-1-2.png": "in two ways"},
    "{patient}_{eye}.png": {"p_L.png": ("p", "left", "", "")},
}


@pytest.mark.parametrize(("pattern", "name"), [(p, n) for p, names in NAMES.items() for n in names])
def test_names_are_read_by_a_pattern_or_left_out(pattern, name):
    expected = NAMES[pattern][name]
    if isinstance(expected, str):
        with pytest.raises(SettingsError, match=expected):
            Pattern(pattern).fields(name)
        return
    read = Pattern(pattern).fields(name)
    got = (read.get("patient", ""), read.get("eye") or None, read.get("date", ""), read.get("visit", ""))
    assert got == expected


def test_dates_may_be_written_in_any_way_that_is_told():
    assert Pattern("{date}_{patient}", "%d%m%y").fields("310524_x")["date"] == "2024-05-31"
    for text, date in {
        "2024-5-3": "2024-05-03", "2024/05/31 10:15": "2024-05-31", "31/05/2024": "2024-05-31",
        "05/31/2024": "2024-05-31", "4/4/2024": "2024-04-04", "": "",
    }.items():  # fmt: skip
        assert fields.date_of(text) == date
    for text in ("3/4/2024", "31.13.2024", "2024-0531", "May 3", "99"):
        with pytest.raises(SettingsError, match=r"The date is"):
            fields.date_of(text)


@pytest.mark.parametrize(
    "pattern", ["", "*", "{name}_{eye}", "{patient}{visit}", "{patient}*", "{eye}_{eye}", "{patient", "}"]
)
def test_a_pattern_that_cannot_be_is_told_at_once(pattern):
    with pytest.raises(SettingsError, match="The pattern"):
        Pattern(pattern)


def test_what_is_left_out_is_listed_with_its_reason(tree):
    folder = tree("a_OD.png", "b.png", "c.png")
    (folder / "notes.txt").write_text("x")
    (folder / "c.heic").write_text("x")
    write_mask(folder / "a_OD_vessels.png", np.eye(64))
    found = cohort.read(folder, pattern="{patient}_{eye}")
    assert [case.name for case in found.cases] == ["a_OD.png"]
    left = reasons(found)
    assert left.keys() == {"a_OD_vessels.png", "b.png", "c.heic", "c.png", "notes.txt"}
    assert (left["notes.txt"], left["a_OD_vessels.png"]) == ("text file", "result of an earlier run")
    assert "does not fit '{patient}_{eye}'" in left["b.png"]
    assert "5 left out" in found.left_out_in_words()


HEADS = ["File name", "Patient_ID", "Eye", "Visit date", "Pixel size (mm)", "Name"]
ROWS = [
    ["p1/1.png", "007", "OD", "2024-05-31", "0.0065", "Secret"],
    ["P1\\2.PNG", "007", "links", "31.05.2024", "0,0065", "Secret"],
    ["3", "8", "", "", "", ""],
    ["same.png", "9", "OD", "", "", ""],
    ["gone.png", "9", "OD", "", "", ""],
    ["4.png", "10", "X", "", "", ""],
    ["5.png", "10", "OD", "3/4/2024", "", ""],
    ["6.png", "10", "OD", "", "6.5", ""],
    ["7.png", "11", "OD", "", "", ""],
    ["7.png", "11", "OD", "", "", ""],
    ["8.png", "12", "OD", "", "", ""],
    ["8.png", "12", "OS", "", "", ""],
    ["../out.png", "13", "OD", "", "", ""],
]


def written(folder: Path, name: str) -> Path:
    path = folder / name
    if path.suffix == ".xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in [HEADS, *ROWS]:
            book.active.append(row)
        book.active["B2"] = 7
        book.active["B2"].number_format = "000"
        book.active["D2"] = datetime(2024, 5, 31)
        book.save(path)
        return path
    mark = ";" if "semicolon" in name else "\t" if "tab" in name else ","
    lines = [[f'"{cell}"' if mark in cell else cell for cell in row] for row in [HEADS, *ROWS]]
    text = "\r\n".join(mark.join(row) for row in lines) + "\r\n"
    path.write_bytes(text.encode("utf-16" if "utf16" in name else "utf-8-sig"))
    return path


@pytest.mark.parametrize("name", ["sheet.csv", "semicolon.csv", "tab.txt", "utf16.csv", "sheet.xlsx"])
def test_a_sheet_says_which_photographs_there_are_and_whose(tree, tmp_path, name):
    numbers = [f"{n}.png" for n in range(4, 9)]
    folder = tree("p1/1.png", "p1/2.png", "p2/3.png", "p1/same.png", "p2/same.png", "more.png", *numbers)
    found = cohort.read(folder, sheet=written(folder, name))
    assert [(*said(case), case.spacing) for case in found.cases] == [
        ("7.png", "11", "right", "", "", None),
        ("p1/1.png", "007", "right", "2024-05-31", "", 6.5),
        ("p1/2.png", "007", "left", "2024-05-31", "", 6.5),
        ("p2/3.png", "8", None, "", "", None),
    ]
    left = reasons(found)
    expected = {
        "same.png": "row 5 of the sheet: 'same.png' may be 'p1/same.png', 'p2/same.png'",
        "gone.png": "row 6 of the sheet: there is no file 'gone.png'",
        "4.png": "row 7 of the sheet: The eye is 'X'",
        "5.png": "row 8 of the sheet: The date is '3/4/2024', which may be two days",
        "6.png": "row 9 of the sheet: The pixel size is '6.5'",
        "7.png": "row 11 of the sheet: it says what row 10 says",
        "8.png": "row 13 of the sheet: rows 12, 13 say different things",
        "../out.png": "row 14 of the sheet: there is no file",
        "more.png": "not in the sheet",
        "p1/same.png": "not in the sheet",
        "p2/same.png": "not in the sheet",
    }
    assert left.keys() == expected.keys()
    assert all(left[name].startswith(words) for name, words in expected.items()), left
    assert "Columns of the sheet that are not used: Name." in found.remarks
    assert "Secret" not in str(found)


def test_a_sheet_that_cannot_be_used_is_told_in_a_sentence(tree, tmp_path):
    folder = tree("1.png")

    def refused(name: str, data: bytes, error: type[Exception], words: str) -> None:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(error, match=words):
            cohort.read(folder, sheet=tmp_path / name)

    refused(
        "a.csv", b"photo no,eye\n1.png,OD\n", SettingsError, r"no column 'file' \(it has 'photo no', 'eye'\)"
    )
    refused(
        "b.csv", b"file,eye,Eye\n1.png,OD,OD\n", SettingsError, "two columns for the eye, 'eye' and 'Eye'"
    )
    refused("c.csv", b"file,eye\n", SettingsError, "has no rows")
    refused("d.xls", b"\xd0\xcf", FileFormatError, "is .xls: save it as .xlsx")
    refused("e.xlsx", b"no zip", FileFormatError, "is damaged")
    refused("f.csv", b"\x00\x01file", FileFormatError, "is no text")
    refused("g.csv", b"file,eye\nother.png,OD\n", LayoutError, "No photograph of")
    with pytest.raises(FileFormatError, match="cannot be opened"):
        cohort.read(folder, sheet=tmp_path / "none.csv")
    (tmp_path / "h.csv").write_text("file,pateint\n1.png,7\n")
    found = cohort.read(folder, sheet=tmp_path / "h.csv")
    assert "The sheet has no column for the patient, eye, date, pixel size." in found.remarks
    assert "Columns of the sheet that are not used: pateint." in found.remarks


def test_the_pattern_says_what_the_sheet_leaves_empty(tree, tmp_path):
    folder = tree("a_OD.png", "b_OS.png")
    (tmp_path / "s.csv").write_text("file,patient,eye\na_OD.png,7,\nb_OS.png,,right\n")
    found = cohort.read(folder, sheet=tmp_path / "s.csv", pattern="{patient}_{eye}")
    assert [(case.patient, case.eye) for case in found.cases] == [("7", "right"), ("b", "right")]


def test_results_of_the_study_itself_are_not_its_photographs(tree):
    folder = tree("a.png", "out/pages/a.png")
    assert [case.name for case in cohort.read(folder, output=folder / "out").cases] == ["a.png"]


def test_of_a_single_photograph_nothing_is_counted(tree):
    remarks = cohort.read(tree("a.png")).remarks
    assert "Not known of the photograph: the patient, the eye, the date." in remarks


def test_what_a_dicom_file_may_say_itself_is_not_called_unknown(tree):
    folder = tree("p1/two.png")
    pixels = np.zeros((20, 20), np.uint8)
    (folder / "p1" / "one.dcm").write_bytes(dicoms.stored(pixels, AcquisitionDate="20240111"))
    found = cohort.read(folder)
    assert len(found.cases) == 2
    assert "Not known of 2 photographs: the eye of 1, the date of 1." in found.remarks
    assert any("are looked for in 1 DICOM file." in remark for remark in found.remarks)
