"""Photographs that are changed, segmented anew and measured anew."""

import json
from collections.abc import Callable, Generator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from measure_agreement import agreement, difference
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from napari_saunetv2 import __version__, datasets, inference
from napari_saunetv2.datasets import Sample
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.measure import MEASURES, REGIONS
from napari_saunetv2.measure.inputs import checked
from napari_saunetv2.measure.measurements import measure_steps
from napari_saunetv2.measure.part import Part, Pool
from napari_saunetv2.measure.regions import InView, Landmarks
from napari_saunetv2.measure.tree import grow
from napari_saunetv2.measure.units import Scale
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain

MODEL = "saunetv2-general"

FIELD = 540
"""Width of DRIVE's field of view in pixels: the blur is as strong in every field."""

HRF_SCALE = 0.4
"""HRF is reduced first, to the size at which the network sees it: five times faster."""

Pixels = NDArray[np.uint8]
Values = dict[str, float]


def _rounded(values: NDArray[np.floating]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _turned(photograph: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(photograph).rotate(10, Image.Resampling.BICUBIC, expand=True))


def _scaled(photograph: Pixels, factor: float) -> Pixels:
    size = [round(factor * side) for side in photograph.shape[1::-1]]
    return np.asarray(Image.fromarray(photograph).resize(size, Image.Resampling.LANCZOS))


def _blurred(photograph: Pixels) -> Pixels:
    field = field_of_view.diameter(field_of_view.detect(to_unit(photograph))) or max(photograph.shape)
    sigma = field / FIELD
    return _rounded(ndimage.gaussian_filter(photograph.astype(float), (sigma, sigma, 0)))


def _compressed(photograph: Pixels) -> Pixels:
    file = BytesIO()
    Image.fromarray(photograph).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file))


CHANGES: dict[str, tuple[float, Callable[[Pixels], Pixels]]] = {
    "as it is": (1.0, lambda p: p),
    "turned by 10 degrees": (1.0, _turned),
    "turned by 90 degrees": (1.0, lambda p: np.rot90(p).copy()),
    "scaled by 0.9": (0.9, lambda p: _scaled(p, 0.9)),
    "scaled by 1.1": (1.1, lambda p: _scaled(p, 1.1)),
    "blurred": (1.0, _blurred),
    "JPEG 75": (1.0, _compressed),
    "brightness x 0.8": (1.0, lambda p: _rounded(p * 0.8)),
    "brightness x 1.2": (1.0, lambda p: _rounded(p * 1.2)),
}
"""How much larger a changed photograph is, and how it is made."""

SETS: dict[str, tuple[str, float, Callable[[Sample], bool]]] = {
    "DRIVE training": ("DRIVE", 1.0, lambda s: s.split == "train"),
    "CHASE_DB1 training, right eyes": ("CHASE_DB1", 1.0, lambda s: s.split == "train" and s.eye == "right"),
    "HRF training": ("HRF", HRF_SCALE, lambda s: s.name[:2] in ("01", "02", "03")),
}
"""Folder, scale and choice of the photographs, all of which the model was trained on."""

WIDTHS = {
    "width_median": "median width, edges of the probability",
    "width_median mask": "median width, edges of the mask",
    "width_photograph": "median width, the photograph's profile",
}

SHOWN = {
    **WIDTHS,
    "width_mean": "mean width, edges of the probability",
    "area_density": "vessel density",
    "length_density": "vessel length density",
    "length": "length",
    "arc_over_chord": "arc over chord",
    "total_curvature": "total curvature",
    "tortuosity_density": "tortuosity density",
    "graded_tortuosity": "graded tortuosity",
    "fractal_d0": "capacity dimension",
    "fractal_d1": "information dimension",
    "fractal_d2": "correlation dimension",
    "lacunarity": "lacunarity",
    "branching_angle": "branching angle",
    "bifurcations": "bifurcations",
    "segments": "segments",
}

BY_CHANGE = (*WIDTHS, "area_density", "length_density", "arc_over_chord", "fractal_d0")


def numbers(photograph: Pixels, scale: float, rescale: Literal["auto", "off"]) -> Values:
    """Measures of the whole field, in pixels of the photograph before it was scaled."""
    unit = to_unit(photograph)
    fov = field_of_view.detect(unit)
    probability = inference.segment(
        unit, MODEL, engine="torch", precision="float32", rescale=rescale, fov=fov
    )
    threshold = checkpoint.load(MODEL).header.threshold
    vessels = probability >= threshold
    given = checked(vessels, None, None, probability, fov, None, None, unit, threshold)
    table = drain(measure_steps(given, Scale(), intervals=False)).image
    rows = table[(table.region == "whole") & (table.vessels == "all")].drop_duplicates("measure")
    values = dict(zip(rows.measure, rows.value.astype(float), strict=True))
    values["width_median mask"] = _bare(given.vessels)
    power = {m.key: m.power for m in MEASURES}
    return {key: value / scale ** power[key.split()[0]] for key, value in values.items()}


def _bare(vessels: NDArray[np.bool_]) -> float:
    """Median width of a mask without its probability."""
    pool = Pool([grow("all", vessels)], vessels, Landmarks())
    part = Part("all", REGIONS[0], pool, InView(1.0, np.nan), np.nan, np.nan)
    median = next(m for m in MEASURES if m.key == "width_median").function(part)
    return median[0] if isinstance(median, tuple) else median


def photographs(data: Path, name: str) -> list[Sample]:
    folder, _, chosen = SETS[name]
    return [sample for sample in datasets.read(data / folder) if chosen(sample)]


def measured(
    data: Path, kept: Path, name: str, first: Callable[[int], int]
) -> Iterator[tuple[str, list[Values]]]:
    """Values of every version of the first photographs of a set, and of those that ``kept`` holds.

    Yields
    ------
    str
        Name of the photograph.
    list of dict
        Values, in the order of ``CHANGES``.
    """
    reduced = SETS[name][1]
    folder = kept / f"{MODEL} {__version__}" / name
    folder.mkdir(parents=True, exist_ok=True)
    samples = photographs(data, name)
    for number, sample in enumerate(samples):
        file = folder / f"{sample.name}.json"
        if number >= first(len(samples)) and not file.exists():
            continue
        if not file.exists():
            photograph = sample.image()
            if reduced != 1:
                photograph = _scaled(photograph, reduced)
            rescale: Literal["auto", "off"] = "auto" if reduced == 1 else "off"
            versions = [numbers(make(photograph), scale, rescale) for scale, make in CHANGES.values()]
            part = file.with_suffix(".part")
            part.write_text(json.dumps(versions))
            part.replace(file)
        yield sample.name, json.loads(file.read_text())


def compared(data: Path, kept: Path, first: Callable[[int], int]) -> Generator[str, None, list[str]]:
    """Tables over all versions and for each change, of the first photographs of each set."""
    found = {}
    for name in SETS:
        found[name] = []
        for sample, values in measured(data, kept, name, first):
            found[name].append(values)
            yield f"{name}, {sample}"
    middle = [
        "",
        "Each change alone, against the photograph as it is: mean difference ± 1.96 standard deviations over "
        "all eyes, and the lowest ICC(3,1) of the sets:",
        "",
    ]
    return [*repeatability(found), *middle, *by_change(found)]


def repeatability(found: dict[str, list[list[Values]]]) -> Iterator[str]:
    """Table of ICC and CV of each measure over all versions, for every set."""
    yield "| measure | " + " | ".join(f"{name} ({len(eyes)} eyes)" for name, eyes in found.items()) + " |"
    yield "|---|" + "---|" * len(found)
    for key, title in SHOWN.items():
        cells = []
        for eyes in found.values():
            result = agreement(_table(eyes, key))
            few = "" if result.eyes == len(eyes) else f" ({result.eyes} eyes)"
            cells.append("-" if np.isnan(result.icc) else f"{result.icc:.3f}, {100 * result.cv:.1f} %{few}")
        yield f"| {title} | " + " | ".join(cells) + " |"


def by_change(found: dict[str, list[list[Values]]]) -> Iterator[str]:
    """Table of each change against the photograph as it is: difference, limits and lowest ICC of the sets."""
    yield "| change | " + " | ".join(SHOWN[key] for key in BY_CHANGE) + " |"
    yield "|---|" + "---|" * len(BY_CHANGE)
    for number, change in enumerate(CHANGES):
        if not number:
            continue
        cells = []
        for key in BY_CHANGE:
            pairs = [_table(eyes, key)[:, [0, number]] for eyes in found.values()]
            mean, limits = difference(*np.concatenate(pairs).T)
            lowest = np.nanmin([agreement(pair).icc for pair in pairs])
            cells.append(f"{100 * mean:+.1f} ± {100 * limits:.1f} %, {lowest:.2f}")
        yield f"| {change} | " + " | ".join(cells) + " |"


def _table(eyes: list[list[Values]], key: str) -> NDArray[np.float64]:
    """Values of one measure, shape (eyes, versions)."""
    return np.array([[version[key] for version in versions] for versions in eyes])
