"""The few measures of a photograph that its page and the report show."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from napari_saunetv2.measure import MEASURES

if TYPE_CHECKING:
    import pandas as pd


class Headline(NamedTuple):
    """A measure in the report's distributions."""

    measure: str
    region: str
    vessels: str
    title: str


HEADLINES = (
    Headline("area_density", "whole", "all", "vessel density"),
    Headline("width_median", "whole", "all", "median width"),
    Headline("arc_over_chord", "whole", "all", "arc over chord"),
    Headline("fractal_d0", "whole", "all", "capacity dimension"),
    Headline("central_equivalent", "zone_b", "arteries", "CRAE, zone B"),
    Headline("central_equivalent", "zone_b", "veins", "CRVE, zone B"),
    Headline("avr", "zone_b", "all", "arteriovenous ratio, zone B"),
)

UNITS = ("µm", "px")
"""Units of length, the one that is shown first."""

_TITLES = {measure.key: measure.title for measure in MEASURES}
_ZONE = ("central_equivalent", "avr")

Values = Mapping[tuple[str, str, str], tuple[float, str]]
"""Value and unit by measure, region and vessels."""


def values_of(image: "pd.DataFrame") -> Values:
    """Values of an image that are known, each in the first unit of length that there is."""
    found: dict[tuple[str, str, str], tuple[float, str]] = {}
    columns = (image[name].tolist() for name in ("measure", "region", "vessels", "value", "unit"))
    for measure, region, vessels, value, unit in zip(*columns, strict=True):
        key = (measure, region, vessels)
        if math.isfinite(value) and (key not in found or _place(unit) < _place(found[key][1])):
            found[key] = (value, unit)
    return found


def headlines(values: Values) -> dict[str, tuple[float, str]]:
    """Values of the headlines with their units, by title."""
    wanted = {one.title: (one.measure, one.region, one.vessels) for one in HEADLINES}
    return {
        title: (float(f"{values[key][0]:.6g}"), values[key][1])
        for title, key in wanted.items()
        if key in values
    }


def page_rows(values: Values) -> list[tuple[str, str, str, str]]:
    """Measures of the whole field of view, and the calibers of zone B, as text for a page."""
    rows = []
    for key, title in _TITLES.items():
        region = "zone_b" if key in _ZONE else "whole"
        some = [values.get((key, region, kind)) for kind in ("all", "arteries", "veins")]
        units = [one[1] for one in some if one]
        if not units:
            continue
        named = title + (", zone B" if key in _ZONE else "") + (f", {units[0]}" if units[0] else "")
        every, arteries, veins = (f"{one[0]:.4g}" if one else "" for one in some)
        rows.append((named, every, arteries, veins))
    return rows


def _place(unit: str) -> int:
    return next((n for n, name in enumerate(UNITS) if name in unit), len(UNITS))
