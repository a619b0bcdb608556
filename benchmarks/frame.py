"""Measure what black around the eye changes, and what margin is best, on training images of DATA.

``make benchmark-frame ARGS="--model saunetv2-general --sets DRIVE STARE"`` prints two tables.
"""

import argparse
from pathlib import Path

import numpy as np

from napari_saunetv2 import datasets, inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.evaluation import score
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging import frame as frames
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain
from napari_saunetv2.training.recipes import HRF_FIRST_THREE, STARE_FIRST_TEN

CONFIG = InferenceConfig(precision="float32")
BLACK = (40, 80, 300)
MARGINS = (0.0, 0.02, 0.03, 0.04, 0.06)
CHOSEN = {"STARE": STARE_FIRST_TEN, "HRF": HRF_FIRST_THREE}
"""Images of a set that may choose; of the others the training part."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default=checkpoint.DEFAULT)
    parser.add_argument("--sets", nargs="+", default=["DRIVE", "STARE", "CHASE_DB1", "HRF"])
    parser.add_argument("--every", type=int, default=1, help="take every n-th image")
    arguments = parser.parse_args()
    model = checkpoint.load(arguments.model)
    print(f"{model.name}: share of vessel pixels that change (worst image), and F1 (fov, .5) by margin")
    for name in arguments.sets:
        samples = [s for s in datasets.read(arguments.data / name) if _may_choose(s, name)]
        changed, f1 = [], []
        for sample in samples[:: arguments.every]:
            image = sample.image()
            changed.append([_changed(image, model, black) for black in BLACK])
            f1.append([_f1(sample, image, model, margin) for margin in MARGINS])
        worst = dict(zip(BLACK, np.max(changed, axis=0).round(4).tolist(), strict=True))
        means = dict(zip(MARGINS, np.mean(f1, axis=0).round(4).tolist(), strict=True))
        print(f"{name} ({len(f1)}): {worst} {means}", flush=True)


def _may_choose(sample: datasets.Sample, name: str) -> bool:
    return sample.name in CHOSEN[name] if name in CHOSEN else sample.split == "train"


def _vessels(image: np.ndarray, model: checkpoint.Checkpoint) -> np.ndarray:
    return inference.most_probable(drain(inference.steps(image, model, CONFIG))) >= 0.5


def _changed(image: np.ndarray, model: checkpoint.Checkpoint, black: int) -> float:
    """Share of the vessel pixels whose decision changes with so much black on every side."""
    before = _vessels(image, model)
    around = np.pad(image, ((black, black), (black, black), (0, 0)))
    after = _vessels(around, model)[black:-black, black:-black]
    return float((before != after).sum() / max(1, before.sum()))


def _f1(sample: datasets.Sample, image: np.ndarray, model: checkpoint.Checkpoint, margin: float) -> float:
    fov = sample.fov() if sample.fov_path else field_of_view.detect(to_unit(image))
    chosen, frames.MARGIN = frames.MARGIN, margin
    try:
        return score(sample.labels(), _vessels(image, model), inside=fov)["f1"]
    finally:
        frames.MARGIN = chosen


if __name__ == "__main__":
    main()
