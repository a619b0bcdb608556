"""The threshold at which each photograph would have had its best F1: the error of the threshold."""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
from measure_photographs import MODEL
from numpy.typing import NDArray

from napari_saunetv2 import datasets, inference
from napari_saunetv2.datasets import Sample
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit

LEVELS = 200
"""Thresholds that are tried."""

TRAINING: dict[str, tuple[int, Callable[[Sample], bool]]] = {
    "DRIVE": (1, lambda s: s.split == "train"),
    "STARE": (1, lambda s: s.name <= "im0139"),
    "CHASE_DB1": (1, lambda s: s.split == "train"),
    "HRF": (1, lambda s: s.name[:2] in ("01", "02", "03")),
    "ARIA": (8, lambda _: True),
    "ORVS": (6, lambda _: True),
}
"""Photographs that the model was trained on, every so many-th of a set."""

HELD_OUT: dict[str, tuple[int, Callable[[Sample], bool]]] = {
    "DRIVE": (1, lambda s: s.split == "test"),
    "STARE": (1, lambda s: s.name > "im0139"),
    "CHASE_DB1": (1, lambda s: s.split == "test"),
    "HRF": (1, lambda s: s.name[:2] not in ("01", "02", "03")),
    "RAVIR": (2, lambda _: True),
}
"""Photographs that it was not trained on; the camera of RAVIR is unknown to it, too."""


def best(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Threshold with the best F1, and that F1 less the F1 at one half; both of shape (n,)."""
    level = np.minimum((probability * LEVELS).astype(np.intp), LEVELS - 1)
    right, wrong = (np.bincount(level[t], minlength=LEVELS)[::-1].cumsum()[::-1] for t in (truth, ~truth))
    f1 = 2 * right / (right + wrong + truth.sum())
    return float(f1.argmax()) / LEVELS, float(f1.max() - f1[LEVELS // 2])


def of_photograph(image: NDArray[np.generic], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """The same of a photograph that is segmented, inside its field of view."""
    unit = to_unit(image)
    fov = field_of_view.detect(unit)
    return best(inference.segment(unit, MODEL, fov=fov)[fov], truth[fov])


def compared(data: Path, first: Callable[[int], int]) -> Generator[str, None, list[str]]:
    """Table of the best thresholds of the first photographs of each set."""
    lines = [
        "| set | photographs | best threshold, mean | standard deviation | F1 gained by it |",
        "|---|---|---|---|---|",
    ]
    for title, sets in (("of the training", TRAINING), ("held out", HELD_OUT)):
        for name, (every, chosen) in sets.items():
            samples = [s for s in datasets.read(data / name) if chosen(s)][::every]
            found = []
            for sample in samples[: first(len(samples))]:
                found.append(of_photograph(sample.image(), sample.labels() != 0))
                yield f"threshold, {name}, {sample.name}"
            at, gain = np.array(found).T
            cells = f"{len(at)} | {at.mean():.2f} | {at.std(ddof=1):.2f} | {gain.mean():.3f}"
            lines.append(f"| {name}, {title} | {cells} |")
    return lines
