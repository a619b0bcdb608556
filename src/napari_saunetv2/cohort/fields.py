"""What a cell of a sheet, a folder or a part of a name says: eye, date, pixel size."""

import math
import re
from datetime import date, datetime

from napari_saunetv2.datasets import Eye
from napari_saunetv2.errors import SettingsError

EYES: dict[str, Eye] = {
    **dict.fromkeys(("right", "r", "re", "od", "right eye", "dexter", "rechts", "ra", "droit"), "right"),
    **dict.fromkeys(("left", "l", "le", "os", "left eye", "sinister", "links", "la", "og", "gauche"), "left"),
}
"""Words for an eye, in lower case."""

SPACINGS = (0.5, 200.0)
"""Micrometres on the retina that a pixel of a photograph can measure."""

_YEAR_FIRST = re.compile(r"(\d{4})([-_./]?)(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?")
_YEAR_LAST = re.compile(r"(\d{1,2})([-_./])(\d{1,2})\2(\d{4})")


class Day(str):
    """Text of a cell that holds a date and not how one is written: always ISO 8601."""

    __slots__ = ()


def eye_of(text: str) -> Eye | None:
    """Read which eye it is; None for an empty text.

    Raises
    ------
    SettingsError
        If it names no eye.
    """
    word = " ".join(text.lower().split()).strip(".")
    if not word:
        return None
    if word not in EYES:
        raise SettingsError(f"The eye is '{text}': write right, left, OD, OS, R or L.")
    return EYES[word]


def date_of(text: str, form: str | None = None) -> str:
    """Read a date: ISO 8601, such as "2024-05-31", or "" for an empty text.

    Parameters
    ----------
    text : str
        With the year first, 2024-05-31 or 20240531, or last, 31.05.2024. A time after it is left out. A
        :class:`Day` is a date already.
    form : str, optional
        How dates are written, as of ``datetime.strptime``: "%d.%m.%y".

    Raises
    ------
    SettingsError
        If it is no date, or if day and month could be exchanged: 03/04/2024 is a day in March or in April.
    """
    if isinstance(text, Day):
        return str(text)
    written = text.strip()
    if not written:
        return ""
    if form is not None:
        try:
            return datetime.strptime(written, form).date().isoformat()
        except ValueError:
            raise SettingsError(f"The date is '{text}': it is not written as {form}.") from None
    if found := _YEAR_FIRST.fullmatch(written):
        year, month, day = int(found[1]), int(found[3]), int(found[4])
        if found[2] == "" and len(written.split("T")[0].split(" ")[0]) != 8:
            raise _no_date(text)
    elif found := _YEAR_LAST.fullmatch(written):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        if found[2] != "." and first <= 12 and second <= 12 and first != second:
            raise SettingsError(
                f"The date is '{text}', which may be two days: write {year}-{first:02d}-{second:02d} or "
                f"{year}-{second:02d}-{first:02d}, or give the date format."
            )
        # With dots the day comes first; else the number above 12 is the day.
        day, month = (first, second) if found[2] == "." or first > 12 else (second, first)
    else:
        raise _no_date(text)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise _no_date(text) from None


def spacing_of(text: str, *, millimetres: bool = False) -> float | None:
    """Read the width of a pixel on the retina, micrometres; None for an empty text.

    Parameters
    ----------
    text : str
        A number, with a point or a comma.
    millimetres : bool
        Whether it is in millimetres.

    Raises
    ------
    SettingsError
        If it is no number, or not one of micrometres.
    """
    written = text.strip()
    if not written:
        return None
    try:
        value = float(written.replace(",", ".")) * (1000 if millimetres else 1)
    except ValueError:
        value = math.nan
    if not SPACINGS[0] <= value <= SPACINGS[1]:
        least, most = SPACINGS
        raise SettingsError(
            f"The pixel size is '{text}': give the micrometres on the retina that a pixel is wide, from "
            f"{least:g} to {most:g}, or name the column 'pixel size (mm)'."
        )
    return value


def _no_date(text: str) -> SettingsError:
    return SettingsError(f"The date is '{text}': write it as 2024-05-31, or give the date format.")
