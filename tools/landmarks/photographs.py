"""The photographs of discs and foveas: where they are, and what was placed in them."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
POINTS = HERE / "points.csv"

PATTERNS = {
    "DRIVE": ("training/images/*.tif", "test/images/*.tif"),
    "HRF": ("images/*",),
    "CHASE_DB1": ("*.jpg",),
    "ORVS": ("images/*.jpg",),
    "ARIA": ("images/*.jpg",),
    "STARE": ("stare-images/*",),
}


class Placed(NamedTuple):
    """What was placed in a photograph, in its own pixels.

    Attributes
    ----------
    disc : (x, y, r), None or "?"
        None where the photograph shows none, "?" where it was not placed.
    fovea : (x, y), None or "?"
    eye : "left", "right" or "?"
    """

    disc: tuple[float, ...] | str | None = "?"
    fovea: tuple[float, ...] | str | None = "?"
    eye: str = "?"


def files(data: Path, name: str) -> Iterator[Path]:
    """The photographs of a data set."""
    for pattern in PATTERNS[name]:
        yield from sorted(data.joinpath(name).glob(pattern))


def placed(table: Path = POINTS) -> dict[tuple[str, str], Placed]:
    """What was placed by hand, by data set and name of the file."""

    def read(row: dict[str, str], *columns: str) -> tuple[float, ...] | str | None:
        values = [row[column] for column in columns]
        if "?" in values:
            return "?"
        return tuple(map(float, values)) if all(values) else None

    with table.open(encoding="utf-8") as file:
        return {
            (row["set"], row["image"]): Placed(
                read(row, "disc_x", "disc_y", "disc_r"), read(row, "fovea_x", "fovea_y"), row["eye"]
            )
            for row in csv.DictReader(line for line in file if not line.startswith("#"))
        }


def circles(data: Path) -> dict[tuple[str, str], list[tuple[float, float, float]]]:
    """Discs of DRIVE (two sources) and HRF (one) in ``optic_discs.csv``, by data set and name of the file."""
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    with (data / "optic_discs.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            circle = (float(row["x"]), float(row["y"]), float(row["r"]))
            found.setdefault((row["set"], row["image"]), []).append(circle)
    return found
