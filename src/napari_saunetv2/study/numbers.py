"""The few measures of a photograph that its page and the report show."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

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


def headlines(image: "pd.DataFrame") -> dict[str, tuple[float, str]]:
    """Values of the headlines with their units, by title; lengths in micrometres, where these are known."""
    found = {}
    for one in HEADLINES:
        rows = image[
            (image.measure == one.measure) & (image.region == one.region) & (image.vessels == one.vessels)
        ]
        for row in _preferred(rows):
            if np.isfinite(row["value"]):
                found[one.title] = (float(f"{row['value']:.6g}"), str(row["unit"]))
    return found


def page_rows(image: "pd.DataFrame") -> list[tuple[str, str, str, str]]:
    """Measures of the whole field of view, and the calibers of zone B, as text for a page."""
    rows = []
    for key, title in _TITLES.items():
        some = image[(image.measure == key) & (image.region == ("zone_b" if key in _ZONE else "whole"))]
        values: dict[str, str] = {}
        unit = ""
        for row in _preferred(some):
            unit = row["unit"]
            values[row["vessels"]] = f"{row['value']:.4g}" if np.isfinite(row["value"]) else ""
        if any(values.values()):
            named = title + (", zone B" if key in _ZONE else "") + (f", {unit}" if unit else "")
            rows.append((named, values.get("all", ""), values.get("arteries", ""), values.get("veins", "")))
    return rows


def _preferred(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows in the first unit of length that there is."""
    for unit in UNITS:
        some = rows[rows.unit.str.contains(unit, regex=False)]
        if len(some):
            return list(some.to_dict("records"))
    return list(rows.to_dict("records"))
