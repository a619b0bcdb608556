"""Score saunetv2-av on the photographs that it never saw, and compare what is measured with its labels.

``make benchmark-artery-vein`` writes docs/models/arteries-veins.md, and arteries-veins.json beside it with
the ratio of every photograph, which docs/figures.py draws.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from measure_agreement import icc

from napari_saunetv2 import datasets, inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import Sample
from napari_saunetv2.evaluation.classes import CLASS_TITLES, class_metrics
from napari_saunetv2.imaging.classes import UNKNOWN, split
from napari_saunetv2.measure import measure
from napari_saunetv2.measure.classes import by_pixel, vote
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training.recipes import HRF_FIRST_THREE

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "models" / "arteries-veins.md"
MODEL = "saunetv2-av"
SHOWN = ("av_acc", "av_se", "av_sp", "found", "dice_artery", "dice_vein", "dice_vessel", "line_av_acc")
WAYS = {"pixel by pixel": by_pixel, "voted along each vessel": vote}
MEASURES = {
    "crae": ("central_equivalent", "arteries"),
    "crve": ("central_equivalent", "veins"),
    "avr": ("avr", "all"),
}
"""By what they are called, the measure and the vessels."""


@dataclass(frozen=True)
class Photograph:
    """What is known of a photograph after it was segmented."""

    name: str
    scores: Mapping[str, Mapping[str, float]]
    ours: Mapping[str, float]
    drawn: Mapping[str, float]


SETS = {"rite": "RITE test", "hrf-av": "HRF 04 and 05"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds RITE, DRIVE, HRF and optic_discs.csv")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--out", type=Path, default=PAGE)
    arguments = parser.parse_args()
    discs = pd.read_csv(arguments.data / "optic_discs.csv", dtype={"image": str})
    found = {
        key: [_judged(sample, arguments.model, discs) for sample in _unseen(arguments.data, key)]
        for key in SETS
    }
    text = "\n".join(_page(found, arguments.model)) + "\n"
    arguments.out.write_text(text, encoding="utf-8")
    rows = [
        {"set": key, "image": one.name, "drawn": one.drawn["avr"], "ours": one.ours["avr"]}
        for key, images in found.items()
        for one in images
        if not math.isnan(one.drawn["avr"] + one.ours["avr"])
    ]
    arguments.out.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(text)


def _unseen(data: Path, key: str) -> list[Sample]:
    samples = datasets.read(data / datasets.DATASETS[key].title.split()[0], key)
    return [s for s in samples if s.split == "test" or (key == "hrf-av" and s.name not in HRF_FIRST_THREE)]


def _judged(sample: Sample, name: str, discs: pd.DataFrame) -> Photograph:
    """Segment a photograph once, score its classes, and measure it with both labels about the same disc."""
    model, image, truth = checkpoint.load(name), sample.image(), sample.artery_vein()
    fov = sample.fov() != 0
    prediction = inference.predict(image, model, InferenceConfig(model=name), fov)
    mask = inference.binarise(prediction.probability * fov, model.header.threshold)
    labels = {way: of(prediction.classes, mask) for way, of in WAYS.items()}
    counted = fov if truth.ignored is None else fov & ~truth.ignored
    scores = {way: class_metrics(truth.labels, found, counted) for way, found in labels.items()}
    disc = _disc(discs, sample)
    ours = split(labels["voted along each vessel"], 2, overlapping=True)
    drawn = split(np.where(truth.labels == UNKNOWN, 0, truth.labels), 2, overlapping=True)
    return Photograph(
        sample.name,
        scores,
        _measured(ours, disc, fov, prediction.probability),
        _measured(drawn, disc, fov, None),
    )


def _disc(discs: pd.DataFrame, sample: Sample) -> tuple[float, float, float]:
    """Disc of a photograph: the mean of the circles that others drew."""
    short = sample.name.split("_test")[0] if sample.dataset == "rite" else sample.name
    theirs = "HRF" if sample.dataset == "hrf-av" else "DRIVE"
    names = discs["image"].str.replace(r"(_test|_training)?\.\w+$", "", regex=True)
    rows = discs[(discs["set"] == theirs) & (names == short)]
    x, y, r = rows[["x", "y", "r"]].astype(float).mean()
    return float(x), float(y), float(r)


def _measured(
    masks: np.ndarray, disc: tuple[float, float, float], fov: np.ndarray, probability: np.ndarray | None
) -> dict[str, float]:
    """Central equivalents in zone B, pixels."""
    arteries, veins = np.moveaxis(masks, 2, 0)
    table = measure(
        arteries | veins, arteries=arteries, veins=veins, probability=probability, fov=fov, disc=disc
    ).image
    shown = table[(table["region"] == "zone_b") & table["unit"].isin(["px", ""])]
    zone = shown.set_index(["measure", "vessels"])["value"]
    return {name: float(zone.get(key, math.nan)) for name, key in MEASURES.items()}


def _page(found: Mapping[str, Sequence[Photograph]], name: str) -> Iterator[str]:
    yield from (
        "# Arteries and veins",
        "",
        f"`{name}` was scored on photographs that it was neither trained nor validated on. RITE's test "
        "labels were drawn by another observer than its training labels. Each number is a mean over "
        "photographs.",
        "",
        "- **A/V ACC** is the share of the right class among the vessel pixels that were found and that the "
        "reference calls artery or vein. Crossings and vessels of unknown class are left out.",
        "- **artery SE** is the share of the true arteries that are called artery, **artery SP** the share "
        "of the true veins that are called vein.",
        "- **found** is the share of the true vessel pixels that were found. **Dice** is the overlap with "
        "the reference: 1 is perfect.",
        "- **A/V ACC, lines** counts centre lines, so that wide vessels do not weigh more than fine ones.",
        "",
        "`make benchmark-artery-vein` makes this page again.",
        "",
        f"| photographs | class | {' | '.join(CLASS_TITLES[key] for key in SHOWN)} |",
        "|---|---" + "|---" * len(SHOWN) + "|",
    )
    for key, images in found.items():
        for way in WAYS:
            means = [float(np.nanmean([one.scores[way][score] for one in images])) for score in SHOWN]
            yield f"| {SETS[key]} ({len(images)}) | {way} | {' | '.join(f'{m:.3f}' for m in means)} |"
    worst = {key: min(images, key=lambda one: _accuracy(one)) for key, images in found.items()}
    yield from (
        "",
        "Worst photograph, voted: "
        + "; ".join(f"{SETS[key]}, {one.name} with {_accuracy(one):.3f}" for key, one in worst.items())
        + ".",
        "",
        "## Central equivalents from our labels and from drawn ones",
        "",
        "CRAE and CRVE are the central retinal artery and vein equivalents in zone B, AVR is their ratio "
        "([definitions](../measurements.md)). Both columns use the same disc, which others drew. ICC is the "
        "intraclass correlation ICC(3,1): 1 is perfect agreement. Ninety-five in a hundred differences lie "
        "within the limits.",
        "",
        "| photographs | measure | mean, drawn | mean difference | limits | ICC | photographs measured |",
        "|---|---|---|---|---|---|---|",
    )
    for key, images in found.items():
        for measured in MEASURES:
            pairs = np.array([(one.drawn[measured], one.ours[measured]) for one in images])
            pairs = pairs[~np.isnan(pairs).any(axis=1)]
            if len(pairs) < 3:
                continue
            gaps = pairs[:, 1] - pairs[:, 0]
            middle, spread = gaps.mean(), 1.96 * gaps.std(ddof=1)  # Bland and Altman, Lancet 327:307, 1986
            unit = "" if measured == "avr" else " px"
            digits = 3 if measured == "avr" else 2
            yield (
                f"| {SETS[key]} | {measured.upper()} | {pairs[:, 0].mean():.{digits}f}{unit} | "
                f"{middle:+.{digits}f} | {middle - spread:+.{digits}f} to {middle + spread:+.{digits}f} | "
                f"{icc(pairs):.2f} | {len(pairs)} |"
            )
    yield from (
        "",
        "![Difference of the ratio of arteries to veins over its mean](../images/artery-vein-ratio.svg)",
    )


def _accuracy(one: Photograph) -> float:
    return one.scores["voted along each vessel"]["av_acc"]


if __name__ == "__main__":
    main()
