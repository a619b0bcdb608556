"""Calibers of our segmentation and of hand-drawn masks, on the same cross-sections."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measure_photographs import MODEL
from numpy.typing import NDArray

from napari_saunetv2 import datasets, inference
from napari_saunetv2.datasets import Sample
from napari_saunetv2.files import read_artery_vein
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.measure.centreline import Floats, smooth
from napari_saunetv2.measure.graph import Depth, without_pinholes
from napari_saunetv2.measure.photograph import widths_at_half_height
from napari_saunetv2.measure.sections import _edges, _filled, _radius, _wavelength, edge_map
from napari_saunetv2.measure.tree import grow
from napari_saunetv2.models import checkpoint


class Calibers(NamedTuple):
    """Median widths of an image, pixels, and the share of hand-drawn sections that ours has too."""

    shared: float
    hand: float
    probability: float
    mask: float
    photograph: float
    wide_hand: float
    wide_probability: float


WIDE = 0.75
"""Sections at and above this quantile of width, by the mean of both masks, are those of wide vessels."""

Drawn = tuple[Sample, Callable[[], NDArray[np.bool_]]]
"""A photograph, and what reads its hand-drawn mask."""


def _rite(half: str, data: Path) -> list[Drawn]:
    split = "train" if half == "training" else "test"
    samples = [s for s in datasets.read(data / "DRIVE") if s.split == split]
    files = [data / "RITE" / half / f"{s.name}.png" for s in samples]
    return [(s, lambda f=f: read_artery_vein(f).vessel) for s, f in zip(samples, files, strict=True)]


def _hrf(data: Path, *, seen: bool) -> list[Drawn]:
    samples = [s for s in datasets.read(data / "HRF") if (s.name[:2] in ("01", "02", "03")) == seen]
    return [(s, lambda s=s: s.labels() != 0) for s in samples]


SETS: dict[str, Callable[[Path], list[Drawn]]] = {
    "RITE training": lambda data: _rite("training", data),
    "RITE test, held out, second observer": lambda data: _rite("test", data),
    "HRF, of the training": lambda data: _hrf(data, seen=True),
    "HRF, held out": lambda data: _hrf(data, seen=False),
}


def calibers(sample: Sample, hand: NDArray[np.bool_]) -> Calibers:
    """Compare widths on the cross-sections of the hand-drawn mask."""
    unit = to_unit(sample.image())
    threshold = checkpoint.load(MODEL).header.threshold
    probability = inference.segment(unit, MODEL, engine="torch", precision="float32")
    ours = probability >= threshold
    tree = grow("all", hand & (sample.fov() != 0))
    lines, clear = tree.sections.lines, tree.sections.clear
    whole = without_pinholes(tree.mask)
    radius = _radius(lines, Depth(whole))
    maps = (
        edge_map(whole, None, threshold),
        edge_map(ours, probability, threshold),
        edge_map(ours, None, threshold),
    )
    edges = [_edges(lines, radius, soft) for soft in maps]
    both = clear & np.isfinite(np.concatenate(edges)).all(axis=0)

    def widths(left: Floats, right: Floats) -> Floats:
        filled = _filled(left + right, both)
        return smooth(filled, lines.starts, _wavelength(radius), np.where(both, 1, 0.02))[both]

    found = [widths(*sides) for sides in edges]
    profile = widths_at_half_height(unit[..., 1], lines, *(np.where(both, side, np.nan) for side in edges[0]))
    middle = found[0] + found[1]
    wide = middle >= np.quantile(middle, WIDE)
    medians = [np.median(width) for width in found]
    of_wide = [np.median(width[wide]) for width in found[:2]]
    return Calibers(float(both.sum() / clear.sum()), *medians, np.nanmedian(profile), *of_wide)


def compared(data: Path, first: Callable[[int], int]) -> Generator[str, None, list[str]]:
    """Table of the difference of the median caliber of each image, by set, of the first of its images."""
    lines = [
        "| set | images | sections in both | hand-drawn, px | edges of the probability | images within 5 % "
        "| of the widest quarter of sections | edges of the mask | the photograph's profile |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, read in SETS.items():
        found = []
        samples = read(data)
        for sample, drawn in samples[: first(len(samples))]:
            found.append(calibers(sample, drawn()))
            yield f"{name}, {sample.name}"
        columns = Calibers(*np.array(found).T)
        ours, mask, profile = (c / columns.hand - 1 for c in columns[2:5])
        cells = (
            name,
            len(found),
            f"{100 * np.median(columns.shared):.0f} %",
            f"{np.median(columns.hand):.2f}",
            _spread(ours),
            np.count_nonzero(np.abs(ours) <= 0.05),
            _spread(columns.wide_probability / columns.wide_hand - 1),
            _spread(mask),
            _spread(profile),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def _spread(differences: Floats) -> str:
    low, middle, high = np.percentile(100 * differences, (0, 50, 100))
    return f"{middle:+.1f} % ({low:+.1f} to {high:+.1f})"
