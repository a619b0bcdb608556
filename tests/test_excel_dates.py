"""Cells of Excel that hold a date, beside those that hold a text, with and without a date format."""

from datetime import date, datetime

import openpyxl
import pytest

from napari_saunetv2 import cohort


@pytest.fixture
def listed(tmp_path):
    """Write a sheet with these cells as dates, and list its photographs: date, or why it is left out."""

    def listed(*cells, date_format=None):
        book = openpyxl.Workbook()
        book.active.append(["file", "date"])
        for number, cell in enumerate(cells):
            (tmp_path / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
            book.active.append([f"{number}.png", cell])
        book.save(tmp_path / "sheet.xlsx")
        found = cohort.read(tmp_path, sheet=tmp_path / "sheet.xlsx", date_format=date_format)
        return [
            case.date or case.left_out for case in sorted(found.cases + found.left_out, key=lambda c: c.name)
        ]

    return listed


@pytest.mark.parametrize("date_format", [None, "%d.%m.%y", "%Y-%d-%m", "%d/%m/%Y"])
def test_a_real_date_is_that_date_whatever_the_date_format(listed, date_format):
    cells = (date(2024, 3, 4), datetime(2024, 5, 31, 23, 59))
    assert listed(*cells, date_format=date_format) == ["2024-03-04", "2024-05-31"]


def test_texts_beside_real_dates_are_read_by_the_format(listed):
    found = listed(date(2024, 3, 4), "04.03.24", "2024-03-04", date_format="%d.%m.%y")
    assert found[:2] == ["2024-03-04", "2024-03-04"]
    assert "is not written as %d.%m.%y" in found[2], "a text is what the user says it is"
