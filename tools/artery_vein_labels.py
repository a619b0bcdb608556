"""Label arteries and veins where somebody drew vessels without classes: the recipe ``av`` learns from them.

``python tools/artery_vein_labels.py ../shared/data -o LABELS`` writes LABELS/aria, LABELS/orvs, ... with the
subfolders ``images`` and ``labels``, which ``saunetv2 train --recipe av RITE HRF LABELS/aria ...`` takes. The
photographs are copied: keep the folder to yourself, as the data sets ask.

The vessels are the observer's. Their classes are a model's, which never saw these photographs: mean of eight
views, then one class along each vessel. Where the views and pixels of a segment disagree it stays a vessel of
unknown class, and takes no part in the training; so do crossings. What is done already is not done again.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import datasets, inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import Sample
from napari_saunetv2.files import write_artery_vein, write_image
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.classes import ARTERY, BOTH, UNKNOWN, VEIN
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.measure.classes import segments, vote
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.training.recipes import RECIPES

SETS = ("stare", "chase", "orvs", "aria")
AGREED = 0.8
"""Share of the evidence along a segment that its class must have."""

SEEN = 0.3
"""Mean probability of a vessel along a segment: below, the model saw none, and its classes mean little."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds STARE, CHASE_DB1, ORVS and ARIA")
    parser.add_argument("--out", "-o", type=Path, required=True, help="folder to write to")
    parser.add_argument("--model", default="saunetv2-av")
    parser.add_argument("--tta", default="d4", choices=("none", "flips", "d4"))
    parser.add_argument("--engine", default="auto", help="engine that runs the network")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--every", type=int, default=1, help="label every nth photograph only")
    arguments = parser.parse_args()
    model = checkpoint.load(arguments.model)
    config = InferenceConfig(model=arguments.model, tta=arguments.tta, engine=arguments.engine)
    for key in arguments.sets:
        for sample in _trained_on(arguments.data, key)[:: arguments.every]:
            _label(sample, model, config, arguments.out / key)


def _trained_on(data: Path, key: str) -> list[Sample]:
    """Photographs that the general model was trained on: no test image of any set."""
    found = datasets.read(data / datasets.DATASETS[key].title, key)
    return [sample for sample in found if RECIPES["general"].takes(sample)]


def _label(sample: Sample, model: Checkpoint, config: InferenceConfig, folder: Path) -> None:
    # Under a name of its own, so that nothing takes the folder for the data set with its own labels.
    name = f"{sample.dataset}_{sample.name}"
    path = folder / "labels" / f"{name}_av.png"
    if path.exists():
        return
    image = sample.image()
    fov = field_of_view.detect(to_unit(image))
    vessels = (sample.labels() != 0) & fov
    maps = inference.predict(image, model, config, fov).classes
    labels = confident(maps, vessels)
    if not {ARTERY, VEIN} <= set(np.unique(labels).tolist()):
        print(f"{name}: left out, for the model is sure of no artery or of no vein", flush=True)
        return
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    suffix = sample.image_path.suffix.lower()
    if suffix == ".gz":
        write_image(folder / "images" / f"{name}.png", image, overwrite=True)
    else:
        shutil.copyfile(sample.image_path, folder / "images" / f"{name}{suffix}")
    write_artery_vein(path, labels)
    print(f"{name}: {np.mean(labels[vessels] != UNKNOWN):.0%} of the vessel pixels have a class", flush=True)


def confident(maps: NDArray[np.float32], vessels: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Classes of drawn vessels where the maps agree along the segment, else ``UNKNOWN``; 0 outside."""
    labels, number = vote(maps, vessels), segments(vessels)
    where = vessels & (labels != BOTH)
    of, artery, vein = number[where], maps[0][where], maps[1][where]
    own = np.where(labels[where] == ARTERY, artery, vein)
    count = int(number.max(initial=0)) + 1
    total = np.bincount(of, artery + vein, count)
    agreed = np.bincount(of, own, count) >= AGREED * total
    seen = np.bincount(of, np.maximum(artery, vein), count) >= SEEN * np.bincount(of, minlength=count)
    return np.where(where & (agreed & seen)[number], labels, np.where(vessels, UNKNOWN, 0)).astype(np.uint8)


if __name__ == "__main__":
    main()
