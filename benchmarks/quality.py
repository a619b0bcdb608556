"""Choose the limits of the quality score, and compare it with known faults and with accuracy.

    python benchmarks/quality.py ../shared/data

writes the tables of docs/quality.md. The limits come from training photographs of DRIVE, STARE, CHASE_DB1
and HRF; the scores are compared with the accuracy of ``saunetv2-general`` on ARIA and ORVS. Neither the
limits nor the model come from these, but the measures of the score were chosen with a view to them. Every
fourth photograph is used, and ARIA's worst.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from napari_saunetv2 import datasets, inference
from napari_saunetv2.files import read_image, read_mask
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.quality import Limits, of_unit
from napari_saunetv2.imaging.quality._cells import Cells, cells_of

PAGE = Path(__file__).parents[1] / "docs" / "quality.md"
MARK = "<!-- tables -->"
MODEL = "saunetv2-general"

TRAINING = {
    "DRIVE": slice(0, 20, 2),
    "STARE": slice(0, 10),
    "CHASE_DB1": slice(0, 20, 2),
    "HRF": slice(0, 9, 2),
}
"""Photographs from which the limits are chosen: training parts only."""

KEEP = 0.05
"""Share of a camera's cells that may be beyond a limit."""

HAZE = np.float32([0.7, 0.6, 0.45])

WORST = "624"


def seen(path: Path) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    unit = to_unit(read_image(path))
    return unit, field_of_view.detect(unit)


def training(data: Path) -> dict[str, list[Path]]:
    return {name: [s.image_path for s in datasets.read(data / name)][few] for name, few in TRAINING.items()}


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


def by_camera(paths: Mapping[str, list[Path]]) -> Iterator[str]:
    """Table of the limits with each camera left out, and the scores of its photographs by those limits."""
    photographs = {name: [seen(path) for path in group] for name, group in paths.items()}
    cells = {name: [c for one in group if (c := cells_of(*one))] for name, group in photographs.items()}
    yield "| cameras | light | width | depth | relief | scores of the one left out, median (lowest) |"
    yield "|---|---|---|---|---|---|"
    yield f"| all four | {said(limits_of(cells))} | |"
    for out, group in photographs.items():
        limits = limits_of({name: some for name, some in cells.items() if name != out})
        scores = [of_unit(*one, limits).score for one in group]
        yield f"| without {out} | {said(limits)} | {np.median(scores):.2f} ({min(scores):.2f}) |"


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


def by_fault(paths: Mapping[str, list[Path]]) -> Iterator[str]:
    """Table of the mean score of copies that get worse, and in how many it never rises."""
    photographs = [seen(path) for group in paths.values() for path in group]
    yield "| copies | as they are | 1 | 2 | 3 | 4 | 5 | fall at every step |"
    yield "|---|---|---|---|---|---|---|---|"
    for fault, strengths in FAULTS.items():
        scores = np.array(
            [
                [of_unit(*one).score, *(of_unit(worse(*one, fault, s), one[1]).score for s in strengths)]
                for one in photographs
            ]
        )
        falls = int((np.diff(scores) < 0).all(axis=1).sum())
        row = " | ".join(f"{mean:.2f}" for mean in scores.mean(axis=0))
        yield f"| {fault} | {row} | {falls} of {len(scores)} |"


def by_accuracy(data: Path) -> Iterator[str]:
    """Table of the rank correlation with the F1 of photographs that were segmented, by set."""
    yield (
        "| set | photographs | rank correlation | AUC for the worst quarter | F1 with a score below 0.3 "
        "| F1 of the others |"
    )
    yield "|---|---|---|---|---|---|"
    every: list[tuple[float, float]] = []
    for name in ("ARIA", "ORVS"):
        files = sorted((data / name / "images").glob("*.jpg"))
        files = [path for number, path in enumerate(files) if number % 4 == 0 or path.stem == WORST]
        found = [accuracy(path) for path in files]
        every += found
        yield row(name, found)
    yield row("both", every)


def accuracy(path: Path) -> tuple[float, float]:
    """Score of a photograph, and F1 of its segmentation inside the field of view at .5."""
    unit, fov = seen(path)
    truth = read_mask(path.parents[1] / "labels" / f"{path.stem}.png")[fov] != 0
    vessels = inference.segment(unit, MODEL, engine="torch", precision="float32", fov=fov)[fov] >= 0.5
    f1 = 2 * (vessels & truth).sum() / max(1, vessels.sum() + truth.sum())
    return of_unit(unit, fov).score, float(f1)


def row(name: str, found: list[tuple[float, float]]) -> str:
    score, f1 = np.array(found).T
    rank = float(stats.spearmanr(score, f1)[0])
    poor = f1 <= np.quantile(f1, 0.25)
    higher = float(stats.mannwhitneyu(score[~poor], score[poor])[0] / (poor.sum() * (~poor).sum()))
    low = score < 0.3
    below = f"{f1[low].mean():.3f} ({low.sum()})" if low.any() else "none"
    above = f"{f1[~low].mean():.3f} ({(~low).sum()})"
    return f"| {name} | {len(f1)} | {rank:+.2f} | {higher:.2f} | {below} | {above} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    paths = training(data)
    copies = {name: group[:3] for name, group in paths.items() if name != "HRF"}
    copies["ORVS"] = sorted((data / "ORVS" / "images").glob("*.jpg"))[::16]
    tables = [list(by_camera(paths)), list(by_fault(copies)), list(by_accuracy(data))]
    text = "\n\n".join("\n".join(table) for table in tables)
    print(text)
    if PAGE.exists():
        parts = PAGE.read_text(encoding="utf-8").split(MARK)
        for number, table in enumerate(tables):
            parts[2 * number + 1] = "\n\n" + "\n".join(table) + "\n\n"
        PAGE.write_text(MARK.join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
