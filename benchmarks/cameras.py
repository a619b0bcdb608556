"""Score models on every camera: F1, centre lines, and how wide they draw vessels.

    python benchmarks/cameras.py ../shared/data --models saunetv2-general --sets aria orvs ravir

prints a table and writes it, with every photograph, to ``--json``. A model is scored on the images that
neither it nor its base models were trained on: of a data set with a split on the test part. Scores are of the
field of view, by the reference observer; several ``--scales`` multiply the model's own scale.

    python benchmarks/cameras.py ../shared/data --left-out drive=runs/no-drive.safetensors stare=...

scores each model on all images of the data set that it was trained without, and beside it on the test part
where there is one. A model that has seen an image of it, or whose base model has, is refused.
"""

import argparse
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2 import datasets, evaluation
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import DATASETS, Sample
from napari_saunetv2.errors import LayoutError, SettingsError
from napari_saunetv2.evaluation import Case, Scoring
from napari_saunetv2.imaging import modality
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.skeleton import skeleton
from napari_saunetv2.inference import planning
from napari_saunetv2.metrics import METRICS, cldice, confusion
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint

FUNDUS = ("drive", "stare", "chase", "hrf", "aria", "orvs", "ravir")
OCTA = ("octa500-6m", "octa500-3m", "rossa")

PIECE = 1 / 30
"""Side of the squares in which widths are compared, as a share of the image's longer side."""

ENOUGH = 0.4
"""A square counts if both see vessels along this share of its side."""

REACH = 3.0
"""A predicted pixel belongs to a vessel of the observer if it is this many of its half widths from the centre
line, or nearer: beyond lies another vessel, or none."""

TOO_WIDE = 1.3

COLUMNS = {
    "f1": "F1", "worst": "worst F1", "se": "sensitivity", "precision": "precision", "cldice": "clDice",
    "width": "width", "wide": "too wide",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What is scored: a model on images of a data set, at so many times its own scale."""

    model: str
    dataset: str
    part: str
    scale: float


def widths_against(truth: NDArray[Any], found: NDArray[Any]) -> float:
    """Width of the predicted vessels over the observer's, where both see one: the median over the image.

    Widths of masks a few pixels wide are too coarse to be divided pixel by pixel. So in each square of the
    image the areas are divided, of the same stretches of vessel: the observer's centre lines that lie on
    predicted vessels, and the pixels of both masks that are nearest to them.
    """
    truth, found = truth != 0, found != 0
    lines = skeleton(truth)
    if not lines.any():
        return float("nan")
    both = lines & ndimage.binary_dilation(found, iterations=1)
    half = ndimage.distance_transform_edt(truth)
    distance, (rows, columns) = ndimage.distance_transform_edt(~lines, return_indices=True)
    near = both[rows, columns] & (distance <= np.maximum(REACH * half[rows, columns], 2))
    side = max(8, round(PIECE * max(truth.shape)))
    across = -(-truth.shape[1] // side)

    def in_squares(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        # A pixel counts where its point of the centre line lies, so that both masks share their length.
        squares = rows[chosen] // side * across + columns[chosen] // side
        return np.bincount(squares, minlength=across * -(-truth.shape[0] // side))

    length, drawn, seen = (in_squares(chosen) for chosen in (both, truth & near, found & near))
    counted = length >= ENOUGH * side
    return float(np.median(seen[counted] / drawn[counted])) if counted.any() else float("nan")


def scores_of(case: Case) -> dict[str, float]:
    """Numbers of one image."""
    vessels, counted = case.vessels(), case.counted
    counts = confusion(case.truth, vessels, counted)
    marked = counts.tp + counts.fp
    inside = np.ones(vessels.shape, bool) if counted is None else counted
    return {
        "f1": METRICS["f1"](counts),
        "se": METRICS["se"](counts),
        "precision": counts.tp / marked if marked else float("nan"),
        "cldice": cldice(case.truth, vessels, counted),
        "width": widths_against(case.truth * inside, vessels * inside),
    }


def mean_of(images: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Means over the images; of the widths their median, and the share of images drawn too wide."""
    table = {key: np.array([one[key] for one in images.values()]) for key in next(iter(images.values()))}
    means = {key: float(np.nanmean(values)) for key, values in table.items() if key != "width"}
    widths = table["width"][np.isfinite(table["width"])]
    return means | {
        "worst": float(np.nanmin(table["f1"])),
        "width": float(np.median(widths)) if widths.size else float("nan"),
        "wide": float(np.mean(widths > TOO_WIDE)) if widths.size else float("nan"),
    }


def cases(
    samples: Sequence[Sample], model: Checkpoint, scale: float, config: InferenceConfig
) -> Iterator[Case]:
    """Predictions at so many times the model's own scale."""
    for sample in samples:
        used = config
        if scale != 1:
            unit = to_unit(sample.image())
            fov = modality.field(unit, model.header.modality)
            own = planning.factor_for(unit, model.header.fov_diameter, "auto", fov)
            used = replace(config, rescale=own * scale)
        yield from evaluation.predictions([sample], model, used, Scoring("fov", None, 0.5))


def folder_of(data: Path, key: str) -> Path | None:
    """Folder of a data set, in a folder of data sets or one below; None where it is not."""
    title = DATASETS[key].title
    return next((found for place in ("", "*/") for found in sorted(data.glob(f"{place}{title}"))), None)


def samples_of(data: Path, key: str) -> list[Sample]:
    """Samples with labels of a data set, near-duplicates left out."""
    folder = folder_of(data, key)
    if folder is None:
        return []
    return [s for s in datasets.read(folder, key) if s.label_paths and s.split != "duplicate"]


def unseen(samples: Sequence[Sample], model: Checkpoint) -> tuple[str, list[Sample]]:
    """Part of a data set to score a model on: the test part, or the images that it has not seen."""
    try:
        kept = evaluation.chosen(samples, "unseen", model.header)
    except LayoutError:
        return "seen", []
    except SettingsError:  # the model does not say what it has seen
        return "test", [s for s in samples if s.split == "test"]
    test = [s for s in kept if s.split == "test"]
    if test:
        return "test", test
    return ("all" if len(kept) == len(samples) else "unseen"), kept


def left_out(samples: Sequence[Sample], key: str, model: Checkpoint) -> Iterator[tuple[str, list[Sample]]]:
    """All images of the data set that a model was trained without, and its test part.

    Raises
    ------
    SettingsError
        If the model or a base model has seen one of them.
    """
    known = [s.name for s in samples if evaluation.splits.seen(s, model.header)]
    if known:
        raise SettingsError(
            f"'{model.name}' or its base model was trained on {known[0]} and {len(known) - 1} others of "
            f"{DATASETS[key].title}: give a model that was trained without this data set."
        )
    yield "all", list(samples)
    test = [s for s in samples if s.split == "test"]
    if test and len(test) < len(samples):
        yield "test", test


def jobs(arguments: argparse.Namespace) -> Iterator[tuple[Row, Checkpoint, list[Sample]]]:
    """What to score, one model after another."""
    for word in arguments.left_out:
        key, _, name = word.partition("=")
        model = checkpoint.load(name)
        samples = samples_of(arguments.data, key)
        for part, kept in left_out(samples, key, model) if samples else ():
            for scale in arguments.scales:
                yield Row(name, key, part, scale), model, kept
    for name in arguments.models:
        model = checkpoint.load(name)
        for key in arguments.sets or (OCTA if model.header.modality == "octa" else FUNDUS):
            part, kept = unseen(samples_of(arguments.data, key), model)
            for scale in arguments.scales if kept else ():
                yield Row(name, key, part, scale), model, kept


def measured(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Lines of the table; the images of a part are not segmented again for a smaller part of them."""
    config = InferenceConfig(
        engine=arguments.engine, precision=arguments.precision, device=arguments.device, tta=arguments.tta
    )
    done: dict[tuple[str, str, float], dict[str, dict[str, float]]] = {}
    for row, model, samples in jobs(arguments):
        whole = (row.model, row.dataset, row.scale)
        if whole not in done:
            done = {key: images for key, images in done.items() if key[0] == row.model}
            done[whole] = {case.name: scores_of(case) for case in cases(samples, model, row.scale, config)}
        images = {sample.name: done[whole][sample.name] for sample in samples}
        yield {**vars(row), "images": images, "mean": mean_of(images)}


def as_table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, with the mean over data sets of each model that was scored on several."""
    text = [
        f"| model | data set | part | images | scale | {' | '.join(COLUMNS.values())} |",
        "|---|---|---|---|---|" + "---|" * len(COLUMNS),
    ]
    for line in lines:
        numbers = " | ".join(f"{line['mean'][key]:.4f}" for key in COLUMNS)
        about = f"{Path(line['model']).stem} | {DATASETS[line['dataset']].title} | {line['part']}"
        text.append(f"| {about} | {len(line['images'])} | {line['scale']:g} | {numbers} |")
    return "\n".join(text)


def mean_left_out(lines: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> str:
    """Mean over the data sets left out, each by the model that was trained without it; "" if none was."""
    own = [line for line in lines if line["part"] == "all" and line["scale"] == 1 and line["dataset"] in keys]
    if not keys or not own:
        return ""
    values = [line["mean"]["f1"] for line in own]
    mean, lowest = np.mean(values), min(values)
    return f"\nLeave one data set out, mean of {len(values)}: F1 {mean:.4f}, lowest {lowest:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder that holds DRIVE, STARE, ..., OCTA")
    parser.add_argument("--models", nargs="*", default=[], help="names or files")
    parser.add_argument("--sets", nargs="*", default=[], choices=[*FUNDUS, *OCTA])
    parser.add_argument("--left-out", nargs="*", default=[], metavar="SET=MODEL")
    parser.add_argument("--scales", nargs="*", type=float, default=[1.0])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--tta", default="none")
    parser.add_argument("--json", type=Path, help="also write every image here")
    arguments = parser.parse_args()
    if not arguments.models and not arguments.left_out:
        arguments.models = ["saunetv2-general"]
    logging.disable(logging.WARNING)  # remarks on single photographs
    lines = []
    for line in measured(arguments):
        lines.append(line)
        print(as_table(lines[-1:]).splitlines()[-1] if len(lines) > 1 else as_table(lines), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
    print(mean_left_out(lines, [word.partition("=")[0] for word in arguments.left_out]))


if __name__ == "__main__":
    main()
