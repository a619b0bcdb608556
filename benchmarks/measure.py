"""How exact, how repeatable and how fast the measurements are: prints the tables of docs/measurements.md.

    PYTHONPATH=tests/measure python benchmarks/measure.py ../shared/data

Shapes with known values need no data; the expert's ranking (RET-TORT), hand-drawn masks (RITE, HRF) and discs
(DRIVE) are read from the folder of data sets.
"""

import argparse
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapes
from scipy import ndimage, stats
from scipy.interpolate import CubicSpline

from napari_saunetv2.files import read_image, read_mask
from napari_saunetv2.measure import Circle, measure
from napari_saunetv2.measure.centreline import Lines, join, resample, smooth
from napari_saunetv2.measure.disc import find_disc
from napari_saunetv2.measure.tortuosity import tortuosity
from napari_saunetv2.measure.tree import grow

CHANGES = {"turned 10": (10, 1.0), "turned 90": (90, 1.0), "scaled 0.9": (0, 0.9), "scaled 1.1": (0, 1.1)}

CLICKS = 60.0
"""Pixels: centre lines that were clicked by hand in RET-TORT are smoothed over six widths of its vessels."""

POWER = {"width_median": 1, "width_mean": 1, "length": 1, "central_equivalent": 1}
"""Measures of lengths grow with the picture."""


class Eye(NamedTuple):
    """A photograph's hand-drawn arteries and veins, its field and its disc."""

    name: str
    arteries: np.ndarray
    veins: np.ndarray
    fov: np.ndarray
    disc: Circle


def bars() -> None:
    """Width, length and straightness of bars."""
    for name in ("soft edges", "bare mask"):
        widths, lengths, arcs = [], [], []
        for width, degrees, shift, scale in itertools.product(
            (3, 5, 8.5, 12, 16), (0, 15, 30, 45, 60, 90), ((0, 0), (0.5, 0.5)), (1, 2)
        ):
            shift = shift if name == "soft edges" else (shift[0] + 1e-4, shift[1] + 1e-4)
            distance = shapes.bar(200 * scale, width * scale, 160 * scale, degrees, shift)
            soft = shapes.soft(distance)
            drawn = soft >= 0.5 if name == "soft edges" else distance <= 0
            found = measure(drawn, probability=soft if name == "soft edges" else None).segments.iloc[0]
            widths.append(abs(found.width_median / scale - width))
            lengths.append(abs(found.length / scale / 160 - 1))
            arcs.append(found.arc_over_chord)
        print(
            f"bars, {name}: width {np.mean(widths):.3f} / {np.max(widths):.3f} px (mean / largest error), "
            f"length {np.max(lengths):.2%} at most, arc over chord {np.max(arcs):.5f} at most"
        )


def expert(data: Path) -> None:
    """Rank correlation with the expert who ordered RET-TORT's vessels."""
    table = pd.read_csv(data / "RET_TORT" / "centrelines.csv")
    for kind, vessels in table.groupby("class"):
        rows = []
        for (_, order), points in vessels.groupby(["image", "clinical_order"]):
            bends = tortuosity(clicked(points[["y", "x"]].to_numpy(float)))
            rows.append(
                (order, bends.arc_over_chord[0], bends.total_curvature[0], bends.density[0], bends.graded[0])
            )
        order, *measures = np.array(rows).T
        found = [stats.spearmanr(order, m)[0] for m in measures]
        names = ("arc over chord", "total curvature", "density", "graded")
        print(f"RET-TORT, {kind}: " + ", ".join(f"{n} {r:.3f}" for n, r in zip(names, found, strict=True)))


def clicked(points: np.ndarray) -> Lines:
    """A smooth line through points that were clicked by hand."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    kept = np.concatenate([[True], np.diff(along) > 0])
    spline = CubicSpline(along[kept], points[kept])
    lines = resample(join([spline(np.arange(0, along[-1], 1.0))]))
    return resample(
        Lines(smooth(lines.points, lines.starts, np.full(len(lines.points), CLICKS)), lines.starts)
    )


def rite(data: Path, count: int) -> Iterator[Eye]:
    """Eyes of RITE, on DRIVE's photographs."""
    discs = pd.read_csv(data / "optic_discs.csv")
    for path in sorted((data / "RITE" / "training").glob("*.png"))[:count]:
        colours = read_image(path)[..., :3] > 127
        disc = discs[discs.image == f"{path.stem}.tif"].iloc[0]
        fov = read_mask(data / "DRIVE" / "training" / "mask" / f"{path.stem}_mask.gif") != 0
        both = colours[..., 1] & ~colours[..., 0] & ~colours[..., 2]
        arteries, veins = (colours[..., c] & ~colours.all(axis=2) | both for c in (0, 2))
        yield Eye(path.stem, arteries, veins, fov, Circle(disc.x, disc.y, disc.r))


def changed(eye: Eye, degrees: float, scale: float) -> Eye:
    """The same eye turned about the middle of its frame, and scaled."""
    height, width = eye.fov.shape
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    corners = np.array([(0, 0), (0, width), (height, 0), (height, width)]) @ turn.T * scale
    shape = np.ceil(np.ptp(corners, axis=0)).astype(int)
    middle, new = np.array([height - 1, width - 1]) / 2, (shape - 1) / 2
    back = turn.T / scale

    def move(mask: np.ndarray) -> np.ndarray:
        moved = ndimage.affine_transform(
            mask.astype(np.float32), back, middle - back @ new, tuple(shape), order=1
        )
        return moved >= 0.5

    y, x = new + turn @ (np.array([eye.disc.y, eye.disc.x]) - middle) * scale
    return Eye(eye.name, move(eye.arteries), move(eye.veins), move(eye.fov), Circle(x, y, eye.disc.r * scale))


def numbers(eye: Eye) -> dict[str, float]:
    """The measures whose repeatability is asked for."""
    vessels = eye.arteries | eye.veins
    table = measure(vessels, arteries=eye.arteries, veins=eye.veins, fov=eye.fov, disc=eye.disc).image
    pixels = table[table.unit.isin(["px", "", "degrees"])].set_index(["measure", "region", "vessels"]).value
    wanted = [(k, "whole", "all") for k in ("width_median", "width_mean", "length", "arc_over_chord")]
    wanted += [(k, "whole", "all") for k in ("branching_angle", "bifurcations", "fractal_d0", "area_density")]
    wanted += [("central_equivalent", "zone_b", "arteries"), ("central_equivalent", "zone_b", "veins")]
    wanted += [("avr", "zone_b", "all")]
    return {" ".join(key): float(pixels[key]) for key in wanted}


def repeated(data: Path, count: int) -> None:
    """Coefficient of variation of measures of masks that are turned and scaled."""
    spreads: dict[str, list[float]] = {}
    for eye in rite(data, count):
        versions = [(1.0, numbers(eye))]
        versions += [(scale, numbers(changed(eye, degrees, scale))) for degrees, scale in CHANGES.values()]
        for key in versions[0][1]:
            values = [found[key] / scale ** POWER.get(key.split()[0], 0) for scale, found in versions]
            spreads.setdefault(key, []).append(float(np.std(values) / np.mean(values)))
    for key, values in spreads.items():
        print(f"RITE turned and scaled, {key}: CV {100 * np.nanmean(values):.2f} %")


def timed(data: Path) -> None:
    """Processor seconds for all measures of arteries and veins."""
    eye = next(rite(data, 1))
    codes = read_image(next((data / "HRF" / "av").glob("*.png")))
    cases = {
        "RITE": (eye.arteries, eye.veins, eye.disc),
        "HRF": (codes == 1, codes == 2, Circle(600, 1150, 190)),
    }
    for name, (arteries, veins, disc) in cases.items():
        vessels = arteries | veins
        blurred = ndimage.gaussian_filter(vessels.astype(np.float32), 1.0)
        for kind, probability in (("masks only", None), ("with low and high", blurred)):
            begun, cpu = time.perf_counter(), time.process_time()
            measure(vessels, arteries=arteries, veins=veins, disc=disc, probability=probability)
            print(
                f"{name} at full size, {kind}: {time.perf_counter() - begun:.2f} s, "
                f"{time.process_time() - cpu:.2f} s of a processor"
            )


def discs(data: Path) -> None:
    """How many discs of DRIVE are found within half a radius of either source."""
    table = pd.read_csv(data / "optic_discs.csv")
    away = []
    for image, rows in table[table["set"] == "DRIVE"].groupby("image"):
        stem = Path(image).stem
        part = data / "DRIVE" / ("test" if "test" in stem else "training")
        vessels = read_mask(part / "1st_manual" / f"{stem[:2]}_manual1.gif") != 0
        fov = read_mask(part / "mask" / f"{stem}_mask.gif") != 0
        found = find_disc(grow("all", vessels), fov, read_image(part / "images" / image) / np.float32(255))
        if found is not None:
            away.append(
                min(np.hypot(found.circle.x - r.x, found.circle.y - r.y) / r.r for r in rows.itertuples())
            )
    print(f"discs of DRIVE within half a radius: {sum(a < 0.5 for a in away)} of {len(away)}")


def main() -> None:
    """Print every table that the data allow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", help="folder of data sets")
    parser.add_argument("--eyes", type=int, default=20, help="of RITE, to turn and scale")
    given = parser.parse_args()
    bars()
    if given.data is not None:
        expert(given.data)
        repeated(given.data, given.eyes)
        timed(given.data)
        discs(given.data)


if __name__ == "__main__":
    main()
