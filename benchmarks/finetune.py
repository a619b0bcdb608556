"""What fine-tuning brings: on four annotated images of another camera, and on a few strokes on one image.

``make benchmark-finetune``; the photographs of CHASE_DB1 are looked for in ``$SAUNETV2_SHARED/data``.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2 import datasets, evaluation, inference
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.skeleton import skeleton
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import Pair, Tuning, fine_tune

FOUR = ("Image_01L", "Image_04R", "Image_07L", "Image_10R")
"""Of the 20 training images, one a child, spread over them."""

ONE = "Image_02L"
BASE = "saunetv2-drive"


def scribbles(
    truth: NDArray[np.uint8], prediction: NDArray[np.uint8], inside: NDArray[np.bool_], strokes: int
) -> NDArray[np.uint8]:
    """Paint as a user would who looks at a model's answer: 1 along vessels, 2 where there is none.

    Half of the strokes lie where the answer is wrong, half anywhere. They are 40 pixels long and 3 wide.
    """
    draw = np.random.default_rng(0)
    painted = np.zeros(truth.shape, np.uint8)
    vessel, found = truth > 0, prediction > 0
    rows, columns = np.indices(truth.shape)
    lines = {  # value: the lines to paint along, and those of them where the answer is wrong
        1: (skeleton(vessel) & inside, ~found),
        2: (inside & ~ndimage.binary_dilation(vessel, iterations=2), found),
    }
    for value, (line, wrong) in lines.items():
        for number in range(strokes):
            places = np.argwhere(line & wrong if number % 2 else line)
            y, x = places[draw.integers(len(places))]
            angle = draw.uniform(0, np.pi)
            straight = np.abs((rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)) < 0.7
            path = line if value == 1 else (skeleton(found) if number % 2 else straight)
            near = np.hypot(rows - y, columns - x) <= 20
            stroke = ndimage.binary_dilation(path & near) & inside & (vessel == (value == 1))
            painted[stroke & (painted == 0)] = value
    return painted


def train(
    pairs: list[Pair], options: argparse.Namespace, *, sparse: bool = False
) -> tuple[checkpoint.Checkpoint, str]:
    """Fine-tune; returns the model, and what it took in words."""
    base = checkpoint.load(BASE)
    config = Tuning(minutes=options.minutes, steps=options.steps, sparse=sparse).config(pairs, base)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        work = fine_tune(pairs, config, Path(folder) / "run", base=base)
        while True:
            try:
                report = next(work)
            except StopIteration as end:
                model = checkpoint.load(end.value or BASE)  # none where no step beat the base
                break
    minutes = (time.monotonic() - begun) / 60
    return model, f"{report.step} steps in {minutes:.1f} minutes, best at {report.best_step}"


def other_camera(samples: list[datasets.Sample], options: argparse.Namespace) -> None:
    """Fine-tune on four images; score all others, which nothing was chosen on."""
    pairs = [Pair(s.name, s.image(), s.labels()) for s in samples if s.name in FOUR]
    others = [s for s in samples if s.name not in FOUR]
    model, took = train(pairs, options)
    before, after = (
        evaluation.mean(list(evaluation.evaluate(others, m, protocol="fov")))["f1"] for m in (BASE, model)
    )
    print(f"four images of CHASE_DB1: {took}")
    print(
        f"F1 on the {len(others)} others, field of view: {before:.4f} -> {after:.4f} ({after - before:+.4f})"
    )


def strokes(samples: list[datasets.Sample], options: argparse.Namespace) -> None:
    """Fine-tune on a few strokes on one image; score the rest of it."""
    sample = next(s for s in samples if s.name == ONE)
    image, truth = sample.image(), sample.labels()
    inside = field_of_view.detect(to_unit(image))
    prediction = inference.binarise(inference.segment(image, BASE), 0.5)
    drawn = scribbles(truth, prediction, inside, options.strokes)
    model, took = train([Pair(ONE, image, drawn)], options, sparse=True)
    rest = inside & (drawn == 0)
    before, after = (
        evaluation.score(truth, inference.segment(image, m), 0.5, rest)["f1"] for m in (BASE, model)
    )
    share = np.mean(drawn[inside] > 0)
    print(f"{options.strokes} strokes on vessels and on background of {ONE} ({share:.1%} of it): {took}")
    print(
        f"F1 on all that was not painted on: {before:.4f} -> {after:.4f} ({after - before:+.4f})", flush=True
    )


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, help="instead of those that fine-tuning takes by itself")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--strokes", type=int, default=20)
    parser.add_argument("--only", choices=["images", "strokes"])
    options = parser.parse_args()
    folder = Path(os.environ.get("SAUNETV2_SHARED") or Path(__file__).parents[2] / "shared")
    samples = datasets.read(folder / "data" / "CHASE_DB1")
    if options.only != "strokes":
        other_camera(samples, options)
    if options.only != "images":
        strokes(samples, options)


if __name__ == "__main__":
    main()
