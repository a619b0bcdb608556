"""Hand-drawn masks: turned and scaled, timed, and the disc that their vessels lead to."""

import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from measure_agreement import agreement
from scipy import ndimage

from napari_saunetv2.files import read_artery_vein, read_image, read_mask
from napari_saunetv2.measure import MEASURES, Circle, measure
from napari_saunetv2.measure.disc import find_disc
from napari_saunetv2.measure.tree import grow

CHANGES = {"turned 10": (10, 1.0), "turned 90": (90, 1.0), "scaled 0.9": (0, 0.9), "scaled 1.1": (0, 1.1)}

SHOWN = {
    ("width_mean", "whole", "all"): "mean width",
    ("width_median", "whole", "all"): "median width",
    ("length", "whole", "all"): "length",
    ("arc_over_chord", "whole", "all"): "arc over chord",
    ("branching_angle", "whole", "all"): "branching angle",
    ("bifurcations", "whole", "all"): "bifurcations",
    ("central_equivalent", "zone_b", "arteries"): "CRAE",
    ("central_equivalent", "zone_b", "veins"): "CRVE",
    ("avr", "zone_b", "all"): "AVR",
    ("fractal_d0", "whole", "all"): "capacity dimension",
    ("area_density", "whole", "all"): "vessel density",
}
"""Measure, region and vessels."""

POWER = {m.key: m.power for m in MEASURES}


class Eye(NamedTuple):
    """A photograph's hand-drawn arteries and veins, its field and its disc."""

    name: str
    arteries: np.ndarray
    veins: np.ndarray
    fov: np.ndarray
    disc: Circle


def rite(data: Path, half: str, count: int) -> Iterator[Eye]:
    """Eyes of the training or test half of RITE, on DRIVE's photographs."""
    discs = pd.read_csv(data / "optic_discs.csv")
    for path in sorted((data / "RITE" / half).glob("*.png"))[:count]:
        drawn = read_artery_vein(path)
        disc = discs[discs.image == f"{path.stem}.tif"].iloc[0]
        fov = read_mask(data / "DRIVE" / half / "mask" / f"{path.stem}_mask.gif") != 0
        yield Eye(path.stem, drawn.artery, drawn.vein, fov, Circle(disc.x, disc.y, disc.r))


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


def numbers(eye: Eye, scale: float) -> list[float]:
    """The measures ``SHOWN``, in pixels before the eye was scaled."""
    vessels = eye.arteries | eye.veins
    table = measure(vessels, arteries=eye.arteries, veins=eye.veins, fov=eye.fov, disc=eye.disc).image
    pixels = table[table.unit.isin(["px", "", "degrees"])].set_index(["measure", "region", "vessels"]).value
    return [float(pixels[key]) / scale ** POWER[key[0]] for key in SHOWN]


def repeated(data: Path, count: int) -> Generator[str, None, list[str]]:
    """Coefficient of variation of measures of masks that are turned and scaled."""
    columns = {}
    for half, title in (("training", "training"), ("test", "test, held out")):
        eyes = []
        for eye in rite(data, half, count):
            versions = [numbers(eye, 1.0)]
            versions += [numbers(changed(eye, degrees, scale), scale) for degrees, scale in CHANGES.values()]
            eyes.append(versions)
            yield f"RITE {half}, {eye.name}"
        columns[title] = np.array(eyes)  # (eyes, versions, measures)
    lines = [
        "| measure | " + " | ".join(f"{t}: CV, % ({len(v)} eyes)" for t, v in columns.items()) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for number, title in enumerate(SHOWN.values()):
        found = [agreement(values[..., number]) for values in columns.values()]
        lines.append(f"| {title} | " + " | ".join(f"{100 * f.cv:.1f}" for f in found) + " |")
    return lines


class Case(NamedTuple):
    """Arteries and veins whose measuring is timed."""

    name: str
    arteries: np.ndarray
    veins: np.ndarray
    disc: Circle


def cases(data: Path) -> Iterator[Case]:
    """A photograph of DRIVE and one of HRF at full size."""
    eye = next(rite(data, "training", 1))
    yield Case("DRIVE", eye.arteries, eye.veins, eye.disc)
    codes = read_image(next((data / "HRF" / "av").glob("*.png")))
    yield Case("HRF at full size", codes == 1, codes == 2, Circle(600, 1150, 190))


def seconds_of(case: Case, probability: np.ndarray | None = None) -> tuple[float, float]:
    """Seconds, and seconds of a processor, for all measures."""
    vessels = case.arteries | case.veins
    begun, cpu = time.perf_counter(), time.process_time()
    measure(vessels, arteries=case.arteries, veins=case.veins, disc=case.disc, probability=probability)
    return time.perf_counter() - begun, time.process_time() - cpu


def timed(data: Path) -> Generator[str, None, list[str]]:
    """Seconds for all measures of arteries and veins."""
    lines = ["| photograph | seconds | seconds of a processor |", "|---|---|---|"]
    for case in cases(data):
        yield case.name
        blurred = ndimage.gaussian_filter((case.arteries | case.veins).astype(np.float32), 1.0)
        for kind, probability in (("masks", None), ("with a probability", blurred)):
            seconds, processor = seconds_of(case, probability)
            lines.append(f"| {case.name}, {kind} | {seconds:.1f} | {processor:.1f} |")
    return lines


def discs(data: Path) -> Generator[str, None, list[str]]:
    """How many discs of DRIVE are found within half a radius of both sources, or of one."""
    table = pd.read_csv(data / "optic_discs.csv")
    near = []
    for image, rows in table[table["set"] == "DRIVE"].groupby("image"):
        stem = Path(image).stem
        part = data / "DRIVE" / ("test" if "test" in stem else "training")
        vessels = read_mask(part / "1st_manual" / f"{stem[:2]}_manual1.gif") != 0
        fov = read_mask(part / "mask" / f"{stem}_mask.gif") != 0
        found = find_disc(grow("all", vessels), fov, read_image(part / "images" / image) / np.float32(255))
        near.append(
            [
                found is not None and np.hypot(found.circle.x - r.x, found.circle.y - r.y) < r.r / 2
                for r in rows.itertuples()
            ]
        )
        yield image
    one, both = sum(map(any, near)), sum(map(all, near))
    return [
        "Without the model, from hand-drawn vessels and brightness alone, the disc is within half a radius",
        f"of one of two references on {one} of DRIVE's {len(near)} photographs, and of both on {both}.",
    ]
