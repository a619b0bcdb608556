"""Choose the limits of the quality score, and compare it with known faults and with accuracy.

    python benchmarks/quality.py ../shared/data --left-out drive=runs/no-drive.safetensors stare=... aria=...

writes the tables of docs/quality.md. The limits come from training photographs of DRIVE, STARE, CHASE_DB1
and HRF. Accuracy is that of networks which were trained without the data set of the photograph
(``saunetv2 train --recipe left-out``); tables for which one is not given stay as they are. The limits do not
come from ARIA and ORVS, but the measures of the score were chosen with a view to them.
"""

import argparse
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cameras import samples_of
from numpy.typing import NDArray
from scipy import ndimage, stats

from napari_saunetv2 import evaluation, inference
from napari_saunetv2.datasets import DATASETS, Sample
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.quality import Limits, of_unit
from napari_saunetv2.imaging.quality._cells import Cells, cells_of
from napari_saunetv2.models import checkpoint

PAGE = Path(__file__).parents[1] / "docs" / "quality.md"
MARK = "<!-- tables -->"

TRAINING = {"drive": slice(0, 20, 2), "stare": slice(0, 10), "chase": slice(0, 20, 2), "hrf": slice(0, 9, 2)}
"""Photographs from which the limits are chosen: training parts only."""

COPIED = {
    "drive": slice(0, 6, 2), "stare": slice(3), "chase": slice(0, 6, 2), "aria": slice(0, 142, 48),
    "orvs": slice(0, 48, 16),
}  # fmt: skip
"""Photographs of which copies are made worse."""

JUDGED = ("aria", "orvs")
"""Data sets whose photographs are all compared with their accuracy."""

Models = Mapping[str, checkpoint.Checkpoint]

KEEP = 0.05
"""Share of a camera's cells that may be beyond a limit."""

HAZE = np.float32([0.7, 0.6, 0.45])


def seen(sample: Sample) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    unit = to_unit(sample.image())
    return unit, field_of_view.detect(unit)


def limits_of(cells: Mapping[str, list[Cells]]) -> Limits:
    """Limits that all but ``KEEP`` of the cells of each camera keep."""
    every = {
        name: [np.concatenate(column) for column in zip(*group, strict=True)] for name, group in cells.items()
    }
    columns = {name: dict(zip(Cells._fields, values, strict=True)) for name, values in every.items()}
    least = {
        q: min(float(np.quantile(values[q], KEEP)) for values in columns.values())
        for q in ("light", "depth", "relief")
    }
    width = max(float(np.quantile(values["width"], 1 - KEEP)) for values in columns.values())
    return Limits(width=width, **least)


def said(limits: Limits) -> str:
    return f"{limits.light:.3f} | {limits.width:.2%} | {limits.depth:.3f} | {limits.relief:.1f}"


def by_camera(samples: Mapping[str, list[Sample]]) -> Iterator[str]:
    """Table of the limits with each camera left out, and the scores of its photographs by those limits."""
    photographs = {name: [seen(sample) for sample in group] for name, group in samples.items()}
    cells = {name: [c for one in group if (c := cells_of(*one))] for name, group in photographs.items()}
    yield "| cameras | light | width | depth | relief | scores of the one left out, median (lowest) |"
    yield "|---|---|---|---|---|---|"
    yield f"| all four | {said(limits_of(cells))} | |"
    for out, group in photographs.items():
        limits = limits_of({name: some for name, some in cells.items() if name != out})
        scores = [of_unit(*one, limits).score for one in group]
        found = f"{np.median(scores):.2f} ({min(scores):.2f})"
        yield f"| without {DATASETS[out].title} | {said(limits)} | {found} |"


def worse(
    unit: NDArray[np.float32], fov: NDArray[np.bool_], fault: str, strength: float
) -> NDArray[np.float32]:
    """Copy with a fault, in 8 bits, as a camera would give it."""
    if fault == "darker":
        unit = unit * (1 - strength)
    elif fault == "blurred":
        sigma = strength * (field_of_view.diameter(fov) or max(fov.shape))
        unit = ndimage.gaussian_filter(unit, (sigma, sigma, 0))
    else:
        unit = np.where(fov[..., None], unit * (1 - strength) + strength * HAZE, unit)
    return to_unit((unit * 255).round().astype(np.uint8))


FAULTS = {
    "darker": (0.3, 0.5, 0.65, 0.8, 0.9),
    "blurred": (0.001, 0.002, 0.004, 0.008, 0.016),
    "hazy": (0.2, 0.4, 0.6, 0.8, 0.9),
}
"""Share of the light that is lost; standard deviation of the blur as a share of the field; share of haze."""


def versions(sample: Sample) -> Iterator[tuple[str, list[NDArray[np.float32]], NDArray[np.bool_]]]:
    """For each fault a photograph and its copies, the worst last, with the field of view of the original."""
    unit, fov = seen(sample)
    for fault, strengths in FAULTS.items():
        yield fault, [unit, *(worse(unit, fov, fault, strength) for strength in strengths)], fov


def by_fault(samples: Mapping[str, list[Sample]], models: Models) -> Iterator[list[str]]:
    """Tables of copies that get worse: mean score, and mean F1 by a network that never saw the camera."""
    scores: dict[str, list[list[float]]] = {fault: [] for fault in FAULTS}
    f1s: dict[str, list[list[float]]] = {fault: [] for fault in FAULTS}
    for key, group in samples.items():
        for sample in group:
            drawn = sample.labels() != 0
            for fault, copies, fov in versions(sample):
                scores[fault].append([of_unit(copy, fov).score for copy in copies])
                if key in models:
                    f1s[fault].append([f1_of(copy, fov, drawn, models[key]) for copy in copies])
    yield [
        "| copies | as they are | 1 | 2 | 3 | 4 | 5 | fall at every step |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {fault} | {means(rows)} | {(np.diff(rows) < 0).all(axis=1).sum()} of {len(rows)} |"
            for fault, rows in scores.items()
        ),
    ]
    if samples.keys() <= models.keys():
        ranks = {
            fault: [float(stats.spearmanr(*pair)[0]) for pair in zip(scores[fault], f1s[fault], strict=True)]
            for fault in FAULTS
        }
        yield [
            "| copies | as they are | 1 | 2 | 3 | 4 | 5 | rank correlation with the score, median (lowest) |",
            "|---|---|---|---|---|---|---|---|",
            *(
                f"| {fault} | {means(rows)} | {np.median(ranks[fault]):+.2f} ({min(ranks[fault]):+.2f}) |"
                for fault, rows in f1s.items()
            ),
        ]


def means(rows: list[list[float]]) -> str:
    return " | ".join(f"{mean:.2f}" for mean in np.mean(rows, axis=0))


class Judged(NamedTuple):
    """A photograph: median of the green channel in its field, score, words, and F1 of its segmentation."""

    light: float
    score: float
    note: str
    f1: float


def judged(sample: Sample, model: checkpoint.Checkpoint) -> Judged:
    unit, fov = seen(sample)
    found = of_unit(unit, fov)
    f1 = f1_of(unit, fov, sample.labels() != 0, model)
    return Judged(float(np.median(unit[fov][:, 1])), found.score, found.note, f1)


def by_accuracy(every: Mapping[str, list[Judged]]) -> Iterator[str]:
    """Table of the rank correlation with the F1 of photographs that were segmented, by set."""
    yield (
        "| set | photographs | rank correlation | AUC for the worst quarter | F1 with a score below 0.3 "
        "| F1 of the others |"
    )
    yield "|---|---|---|---|---|---|"
    for key, found in every.items():
        yield row(DATASETS[key].title, found)
    yield row("both", [one for group in every.values() for one in group])


def row(name: str, found: list[Judged]) -> str:
    score, f1 = (np.array([getattr(one, column) for one in found]) for column in ("score", "f1"))
    rank = float(stats.spearmanr(score, f1)[0])
    poor = f1 <= np.quantile(f1, 0.25)
    higher = float(stats.mannwhitneyu(score[~poor], score[poor])[0] / (poor.sum() * (~poor).sum()))
    low = score < 0.3
    below = f"{f1[low].mean():.3f} ({low.sum()})" if low.any() else "none"
    above = f"{f1[~low].mean():.3f} ({(~low).sum()})"
    return f"| {name} | {len(f1)} | {rank:+.2f} | {higher:.2f} | {below} | {above} |"


def by_light(found: list[Judged]) -> Iterator[str]:
    """Table of a set's photographs from the darkest to the brightest."""
    yield "| photographs | light (range) | score (lowest) | called too dark | F1 (lowest) |"
    yield "|---|---|---|---|---|"
    darkest = sorted(found)
    tenth, quarter = (math.ceil(len(found) / part) for part in (10, 4))
    parts = {"darkest tenth": darkest[:tenth], "rest of the darkest quarter": darkest[tenth:quarter]}
    names = ("second quarter", "third quarter", "brightest quarter")
    for number, name in enumerate(names, start=1):
        parts[name] = darkest[number * quarter : (number + 1) * quarter]
    for name, some in parts.items():
        light, score, f1 = (np.array([getattr(one, key) for one in some]) for key in ("light", "score", "f1"))
        dark = sum("too dark" in one.note for one in some)
        yield (
            f"| {name} ({len(some)}) | {np.median(light):.2f} ({light.min():.2f} to {light.max():.2f}) "
            f"| {np.median(score):.2f} ({score.min():.2f}) | {dark} | {f1.mean():.3f} ({f1.min():.3f}) |"
        )


def f1_of(
    unit: NDArray[np.float32], fov: NDArray[np.bool_], drawn: NDArray[np.bool_], model: checkpoint.Checkpoint
) -> float:
    """F1 of a segmentation inside the field of view at .5."""
    found = inference.segment(unit, model, engine="torch", precision="float32", fov=fov) >= 0.5
    return float(2 * (found & drawn)[fov].sum() / max(1, found[fov].sum() + drawn[fov].sum()))


def left_out(words: list[str], samples: Mapping[str, list[Sample]]) -> Models:
    """Models by the data set that each was trained without; one that has seen a photograph is refused."""
    models = {key: checkpoint.load(name) for key, _, name in (word.partition("=") for word in words)}
    for key, model in models.items():
        for sample in samples[key]:
            if evaluation.splits.seen(sample, model.header):
                raise SettingsError(
                    f"'{model.name}' has seen {sample.name}: give one trained without {DATASETS[key].title}."
                )
    return models


def renew(page: Path, tables: Mapping[int, list[str]]) -> None:
    """Write tables where those of the same number are."""
    parts = page.read_text(encoding="utf-8").split(MARK)
    for number, table in tables.items():
        parts[2 * number + 1] = "\n\n" + "\n".join(table) + "\n\n"
    page.write_text(MARK.join(parts), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--left-out", nargs="+", default=[], metavar="DATASET=MODEL")
    arguments = parser.parse_args()
    samples = {key: samples_of(arguments.data, key) for key in (*TRAINING, *JUDGED)}
    models = left_out(arguments.left_out, samples)
    training = {key: samples[key][few] for key, few in TRAINING.items()}
    copied = {key: samples[key][few] for key, few in COPIED.items()}
    tables = dict(enumerate([list(by_camera(training)), *by_fault(copied, models)]))
    if set(JUDGED) <= models.keys():
        every = {key: [judged(sample, models[key]) for sample in samples[key]] for key in JUDGED}
        tables |= {3: list(by_accuracy(every)), 4: list(by_light(every["aria"]))}
    print("\n\n".join("\n".join(table) for table in tables.values()))
    renew(PAGE, tables)


if __name__ == "__main__":
    main()
