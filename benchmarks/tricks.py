"""What each trick of training is worth: a short cycle with it, one without, on DRIVE's training images.

``python benchmarks/tricks.py DRIVE -o RUNS``. Every third training image is kept to judge by; from the others
a network is trained, and from its weights one cycle for each trick, all else as in ``drive``'s third. F1 is
taken at the threshold that suits each best, so that a trick is not paid for moving the threshold. No test
image is read. What is done already in RUNS is not done again.

``--fold 2`` keeps the next third, and so on.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_saunetv2 import datasets, evaluation, inference
from napari_saunetv2.config import TestTime
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.metrics import best_threshold
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.training import Pair, TrainConfig, fine_tune
from napari_saunetv2.training.augmentation import Augmentation
from napari_saunetv2.training.losses import LOSSES, bce_mcc
from napari_saunetv2.training.recipes import RECIPES

_, _SECOND, _THIRD, *_ = RECIPES["drive"].cycles
FIRST = replace(
    _SECOND,
    steps=1500,
    learning_rate=2e-3,
    ema=0.995,
    augmentation=replace(_THIRD.augmentation, unresampled=0.0, overhang=0.2),
)
"""From a random start to the weights that every trick's cycle begins with."""

FOLDS = 3
CYCLE = replace(_THIRD, steps=300, warmup=50, ema=0.98)


def cldice(logits: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """The usual loss, and half of 1 - soft clDice (Shit et al., CVPR 2021) with skeletons in ten steps."""
    probability, truth = logits.float().sigmoid(), truth.float()
    lines_p, lines_t = _soft_skeleton(probability), _soft_skeleton(truth)
    precision = ((lines_p * truth).sum() + 1) / (lines_p.sum() + 1)
    sensitivity = ((lines_t * probability).sum() + 1) / (lines_t.sum() + 1)
    centre = 2 * precision * sensitivity / (precision + sensitivity)
    return bce_mcc(logits, truth, weight) + 0.5 * (1 - centre)


def _soft_skeleton(maps: Tensor) -> Tensor:
    def eroded(x: Tensor) -> Tensor:
        return torch.minimum(-F.max_pool2d(-x, (3, 1), 1, (1, 0)), -F.max_pool2d(-x, (1, 3), 1, (0, 1)))

    skeleton = torch.zeros_like(maps)
    for _ in range(10):
        opened = F.max_pool2d(eroded(maps), 3, 1, 1)
        rest = F.relu(maps - opened)
        skeleton = skeleton + F.relu(rest - skeleton * rest)
        maps = eroded(maps)
    return skeleton


LOSSES["bce_mcc_cldice"] = cldice


@dataclass(frozen=True)
class Trick:
    """A cycle that differs from the usual one.

    Attributes
    ----------
    says : str
    changes : dict
        Settings.
    anew : bool
        Whether they hold in the training before it too.
    synthetic : bool
        Whether synthetic photographs come before all.
    """

    says: str
    changes: dict[str, Any] = field(default_factory=dict)
    anew: bool = False
    synthetic: bool = False


_CLEAN = replace(_THIRD.augmentation, blur=0.0, noise=0.0)

TRICKS = {
    "usual": Trick("the usual cycle"),
    "seed": Trick("the usual by another seed", {"seed": 1}),
    "no-mean": Trick("without the mean of the weights", {"ema": 0.0}),
    "tenth": Trick("the rate in two steps, not along a cosine", {"schedule": "tenth"}),
    "small-views": Trick("views of 320 pixels, seven a step", {"crop": 320, "batch": 7}),
    "no-decay": Trick("without weight decay: Adam", {"weight_decay": 0.0}),
    "dropblock": Trick("DropBlock .15, as published, for .02", {"network_arguments": {"dropblock": 0.15}}),
    "no-crisp": Trick("all views resampled", {"augmentation": replace(_THIRD.augmentation, unresampled=0.0)}),
    "crisp": Trick("no view resampled", {"augmentation": replace(_THIRD.augmentation, unresampled=1.0)}),
    "unblurred": Trick("no blur and no noise", {"augmentation": _CLEAN}),
    "unblurred-seed": Trick("no blur and no noise, another seed", {"augmentation": _CLEAN, "seed": 1}),
    "unblurred-crisp": Trick(
        "no blur, no noise, no view resampled", {"augmentation": replace(_CLEAN, unresampled=1.0)}
    ),
    "unfiltered": Trick(
        "no blur and no noise in views that are not resampled",
        {"augmentation": replace(_THIRD.augmentation, unfiltered=True)},
    ),
    "strong": Trick(
        "strong colours", {"augmentation": replace(Augmentation(), overhang=0.0, unresampled=0.5)}
    ),
    "inside": Trick("loss in the field of view alone", {"inside_field": True}),
    "cldice": Trick("loss with clDice", {"loss": "bce_mcc_cldice"}),
    "bce": Trick("cross-entropy alone", {"loss": "bce"}),
    "enlarged": Trick("photographs 1.5 times as large, from the start", {"fov_diameter": 810.0}, anew=True),
    "synthetic": Trick("500 steps on synthetic photographs before all", synthetic=True),
}


def trained(pairs: Sequence[Pair], config: TrainConfig, run: Path, base: Checkpoint | None) -> Checkpoint:
    """Train one cycle, or go on with it; one that is done gives its model."""
    data = {"dataset": "drive", "split": "train"}
    for report in fine_tune(pairs, config, run, resume=True, base=base, data=data):
        if report.step % 100 == 0:
            print(f"  {run.name}: {report.step}/{report.steps}", file=sys.stderr)
    return checkpoint.load(run / "model.safetensors")


def sample_folds(data: Path) -> list[list[datasets.Sample]]:
    """Give the training images in three folds, every third in one."""
    samples = [s for s in datasets.read(data) if s.split == "train"]
    return [samples[n::FOLDS] for n in range(FOLDS)]


def model_of(name: str, pairs: Sequence[Pair], runs: Path) -> Checkpoint:
    """Train the cycle of a trick, and before it what it starts from."""
    trick, start, base = TRICKS[name], FIRST, None
    before = runs / (f"{name}-first" if trick.anew or trick.synthetic else "first")
    if trick.anew:
        start = replace(FIRST, **trick.changes)
    if trick.synthetic:
        made = [fundus(seed=n) for n in range(20)]
        drawn = [Pair(f"synthetic {n}", one.image, one.vessels, one.fov) for n, one in enumerate(made)]
        base = trained(drawn, replace(FIRST, steps=500), runs / "synthetic-before", None)
    base = trained(pairs, start, before, base)
    cycle = replace(CYCLE, **trick.changes)
    return trained(pairs, cycle, runs if name == "usual" else runs / name, base)


Maps = list[NDArray[np.float32]]


def segmented(samples: Sequence[datasets.Sample], model: Checkpoint, tta: TestTime) -> Maps:
    """Segment images at the model's own scale."""
    return [
        inference.segment(s.image(), model, tta=tta, engine="torch", precision="float32") for s in samples
    ]


def scores(samples: Sequence[datasets.Sample], maps: Maps, level: float) -> list[evaluation.ImageScore]:
    """Score images, whole frame."""
    return [
        evaluation.Case(s.name, None, s.labels(), map_, level).score()
        for s, map_ in zip(samples, maps, strict=True)
    ]


def main() -> None:
    """Train what is missing; print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=TRICKS, default=list(TRICKS))
    parser.add_argument("--fold", type=int, choices=range(1, FOLDS + 1), default=1)
    parser.add_argument("--tta", choices=["none", "flips", "d4"], default="none")
    options = parser.parse_args()
    folds = sample_folds(options.data)
    judges = folds[options.fold - 1]
    learned = sorted((s for fold in folds if fold is not judges for s in fold), key=lambda s: s.name)
    run = options.out / f"fold-{options.fold}"
    usual: list[evaluation.ImageScore] = []
    print("| cycle | F1 | gain over the usual | 95 % interval | better in |\n" + "|---" * 5 + "|", flush=True)
    for name, trick in TRICKS.items():
        if name not in {"usual", *options.only}:
            continue
        pairs = [Pair.of(sample) for sample in learned]
        maps = segmented(judges, model_of(name, pairs, run), options.tta)
        found = scores(judges, maps, best_threshold([s.labels() for s in judges], maps))
        usual = usual or found
        c = evaluation.compare(found, usual)["f1"]
        paired = f"{c.difference:+.4f} | {c.low:+.4f} to {c.high:+.4f} | {c.wins} of {c.images}"
        print(f"| {trick.says} | {c.first:.4f} | {paired if found is not usual else '| |'} |", flush=True)


if __name__ == "__main__":
    main()
