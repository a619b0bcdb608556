"""The size of a pixel."""

from typing import NamedTuple


class Spacing(NamedTuple):
    """Size of a pixel: height and width, in millimetres or, if unknown, without a unit."""

    height: float
    width: float
    millimetres: bool
