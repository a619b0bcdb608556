"""Judge the model of landmarks on photographs that it was not trained on (``make benchmark-landmarks``).

    python tools/landmarks/score.py ../shared/data [-o docs/models/saunetv2-landmarks.csv]

Discs of DRIVE's test images against each of two sources and against the middle between them, those of HRF 04
and 05 against their one source, those of STARE and all foveas against points placed by this project.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from photographs import circles, files, placed

from napari_saunetv2.files import read_image
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.inference.landmarks import find_landmarks
from napari_saunetv2.measure.regions import Landmarks

CENTRE, RADIUS, FOVEA = 0.25, 0.15, 0.5
"""Limits: the middle of the disc and the fovea in disc radii of the reference, the radius as a share."""


class Judged(NamedTuple):
    """A photograph, what was found in it, and the references of its disc by their names."""

    set: str
    image: str
    found: Landmarks
    discs: dict[str, tuple[float, ...] | None]
    fovea: tuple[float, ...] | str | None
    eye: str
    seconds: float


def judged(data: Path) -> Iterator[Judged]:
    """DRIVE's test images, HRF 04 and 05, STARE."""
    known, table = placed(), circles(data)
    for name, parts in (("DRIVE", ("_test",)), ("HRF", ("04_", "05_")), ("STARE", ("im",))):
        for path in files(data, name):
            if not any(part in path.name for part in parts):
                continue
            key = (name, path.name)
            image = read_image(path)
            fov = field_of_view.detect(to_unit(image))
            find_landmarks(image, fov)
            start = time.perf_counter()
            found = find_landmarks(image, fov)
            seconds = time.perf_counter() - start
            discs: dict[str, Any] = {}
            if key in table:
                names = ("TW-GAN", "easytorch") if name == "DRIVE" else ("TW-GAN",)
                discs = dict(zip(names, table[key], strict=True))
            if len(discs) == 2:
                discs["middle of both"] = tuple(np.mean(list(discs.values()), axis=0))
            if known[key].disc != "?":
                discs["this project"] = known[key].disc
            yield Judged(name, path.name, found, discs, known[key].fovea, known[key].eye, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    eyes: list[Judged] = list(judged(given.data))
    for eye in eyes:
        rows += discs_of(eye)
        if eye.fovea != "?":
            rows.append(fovea_of(eye))
        if eye.eye != "?":
            good = eye.found.eye == eye.eye
            row = {"set": eye.set, "image": eye.image, "what": "eye", "good": good, "found": eye.found.eye}
            rows.append(row)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["set"], row["what"]), []).append(row)
    for (name, what), some in groups.items():
        centre, radius = (
            f", median {key} {np.median([r[key] for r in some if r.get(key) is not None]):.3f}"
            if any(r.get(key) is not None for r in some)
            else ""
            for key in ("off", "radius")
        )
        print(f"{name}: {what}: {sum(r['good'] for r in some)} of {len(some)}{centre}{radius}")
    for row in rows:
        if not row["good"]:
            print("  missed", *(f"{k} {v}" for k, v in row.items()))
    seconds = np.median([eye.seconds for eye in eyes])
    print(f"{1000 * seconds:.0f} ms a photograph on one thread, the field of view given")
    if given.out:
        with given.out.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(
                file, ["set", "image", "what", "good", "off", "radius", "found"], lineterminator="\n"
            )
            table.writeheader()
            table.writerows(rows)


def discs_of(eye: Judged) -> Iterator[dict[str, Any]]:
    """A row for each reference of the disc."""
    for source, disc in eye.discs.items():
        row: dict[str, Any] = {"set": eye.set, "image": eye.image, "what": f"disc, {source}"}
        mine = eye.found.disc
        if disc is None or mine is None:
            yield row | {"good": disc is None and mine is None, "found": mine is not None}
            continue
        x, y, r = disc
        off, radius = float(np.hypot(mine.x - x, mine.y - y) / r), mine.r / r
        good = off <= CENTRE and abs(radius - 1) <= RADIUS
        yield row | {"good": good, "off": round(off, 3), "radius": round(radius, 3), "found": True}


def fovea_of(eye: Judged) -> dict[str, Any]:
    """The row of a fovea; the disc radius is that of the reference, or what was found where there is none."""
    row: dict[str, Any] = {"set": eye.set, "image": eye.image, "what": "fovea"}
    mine, circle = eye.found.fovea, next(iter(eye.discs.values()), None) or eye.found.disc
    if not isinstance(eye.fovea, tuple) or mine is None:
        return row | {"good": eye.fovea is None and mine is None, "found": mine is not None}
    r = circle[2] if circle else np.nan
    off = float(np.hypot(mine.x - eye.fovea[0], mine.y - eye.fovea[1]) / r)
    return row | {"good": off <= FOVEA, "off": round(off, 3), "found": True}


if __name__ == "__main__":
    main()
