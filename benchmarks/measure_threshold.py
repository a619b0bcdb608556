"""The threshold at which each photograph would have had its best F1: the error of the threshold."""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
from measure_photographs import MODEL
from numpy.typing import NDArray

from napari_saunetv2 import datasets, inference
from napari_saunetv2.datasets import Sample
from napari_saunetv2.files import read_image, read_mask
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit

LEVELS = 200
"""Thresholds that are tried."""

TRAINING: dict[str, Callable[[Sample], bool]] = {
    "DRIVE": lambda s: s.split == "train",
    "STARE": lambda s: s.name <= "im0139",
    "CHASE_DB1": lambda s: s.split == "train",
    "HRF": lambda s: s.name[:2] in ("01", "02", "03"),
}
"""Photographs that the model was trained on."""

UNSEEN = {"ARIA": 8, "ORVS": 8}
"""Every so many-th photograph of cameras that the model has never seen."""


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
    found: dict[str, list[tuple[float, float]]] = {}
    for name, chosen in TRAINING.items():
        samples = [s for s in datasets.read(data / name) if chosen(s)]
        for sample in samples[: first(len(samples))]:
            result = of_photograph(sample.image(), sample.labels() != 0)
            found.setdefault(f"{name}, of the training", []).append(result)
            yield f"threshold, {name}, {sample.name}"
    for name, every in UNSEEN.items():
        files = sorted((data / name / "images").glob("*.jpg"))[::every]
        for path in files[: first(len(files))]:
            labels = read_mask(path.parents[1] / "labels" / f"{path.stem}.png") != 0
            found.setdefault(f"{name}, unseen", []).append(of_photograph(read_image(path), labels))
            yield f"threshold, {name}, {path.stem}"
    lines = [
        "| set | photographs | best threshold, mean | standard deviation | F1 gained by it |",
        "|---|---|---|---|---|",
    ]
    for name, values in found.items():
        at, gain = np.array(values).T
        lines.append(f"| {name} | {len(at)} | {at.mean():.2f} | {at.std(ddof=1):.2f} | {gain.mean():.3f} |")
    return lines
