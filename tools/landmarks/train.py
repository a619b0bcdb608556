"""Train the model of landmarks: disc, fovea, left or right eye.

    python tools/landmarks/train.py ../shared/data -o saunetv2-landmarks.safetensors

One thread and a fixed seed: the same weights each time on one machine.
"""

import argparse
import copy
import csv
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from samples import FINER, SIDE, SPAN, Photograph, View, photographs, view, without
from torch import Tensor, nn

from napari_saunetv2.inference.landmark_maps import CLASSES, look, places, to_the_right
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.header import Header
from napari_saunetv2.networks import NETWORKS


@dataclass(frozen=True)
class Cycle:
    """Settings of a cycle; the second one starts from the first one's weights.

    ``without`` is the share of pictures that are no photographs in visible light, ``eye`` the weight of the
    eye.
    """

    steps: int
    learning_rate: float
    without: float
    eye: float
    batch: int = 8
    warm_up: int = 100
    weight_decay: float = 1e-3
    ema: float = 0.99


CYCLES = (
    Cycle(steps=1400, learning_rate=3e-3, without=0.08, eye=0.5),
    Cycle(steps=1000, learning_rate=2e-3, without=0.2, eye=3.0),
)
"""In the first cycle infrared pictures and the eye were learned too little."""

WIDTHS = [8, 16, 24, 32, 40]

HELD_OUT = 6
"""Every so many-th photograph of all validates."""


def loss_of(logits: Tensor, views: list[View], eye_weight: float) -> Tensor:
    """Cross-entropy and Dice of the disc, cross-entropy of the fovea's place, cross-entropy of the eye."""
    known = torch.tensor([v.known for v in views])
    disc = torch.stack([v.disc for v in views])
    chance = logits[:, 0].sigmoid()
    each = F.binary_cross_entropy_with_logits(logits[:, 0], disc, reduction="none").mean((1, 2)) * 10
    overlap = 1 - (2 * (chance * disc).sum((1, 2)) + 2) / (chance.sum((1, 2)) + disc.sum((1, 2)) + 2)
    fovea = torch.stack([v.fovea for v in views]).flatten(1)
    log_chance = places(logits[:, 1])
    nowhere = 1 - fovea.sum(1)
    where = -(fovea * log_chance[:, 1:]).sum(1) - nowhere * log_chance[:, 0]
    inside = torch.stack([v.inside for v in views])
    right = torch.tensor([v.right for v in views])
    side = to_the_right(logits[:, 2], inside)
    eye = F.binary_cross_entropy_with_logits(side, right, reduction="none")
    per_view = torch.stack([each + overlap, 0.3 * where, eye_weight * eye], dim=1) * known
    return per_view.sum() / len(views)


def validated(network: nn.Module, photos: list[Photograph]) -> dict[str, float]:
    """Errors on photographs that are not trained on, in disc radii; 9 where nothing was found."""
    disc, radius, fovea, eye = [], [], [], []
    for photo in photos:
        if not isinstance(photo.disc, tuple):
            continue
        frame = photo.frame
        picture = frame.picture.reshape(SIDE, FINER, SIDE, FINER, 3).mean((1, 3))
        inside = frame.inside.reshape(SIDE, FINER, SIDE, FINER).mean((1, 3))
        found = look(network, picture, inside)
        x, y, r = photo.disc
        scaled = [(v + 0.5) * FINER - 0.5 for v in (found.disc or (99, 99))[:2]]
        disc.append(np.hypot(scaled[0] - x, scaled[1] - y) / r if found.disc else 9.0)
        radius.append(found.disc[2] * FINER / r if found.disc else 9.0)
        if isinstance(photo.fovea, tuple):
            at = [(v + 0.5) * FINER - 0.5 for v in found.fovea]
            fovea.append(np.hypot(at[0] - photo.fovea[0], at[1] - photo.fovea[1]) / r)
        if photo.eye != "?":
            eye.append((found.right > 0.5) == (photo.eye == "left"))
    off = np.abs(np.array(radius) - 1)
    return {
        "disc_median": float(np.median(disc)),
        "disc_good": float(np.mean((np.array(disc) <= 0.25) & (off <= 0.15))),
        "radius_mean": float(np.mean([r for r in radius if r < 5])),
        "fovea_median": float(np.median(fovea)),
        "fovea_good": float(np.mean(np.array(fovea) <= 0.5)),
        "eye_good": float(np.mean(eye)),
    }


class Trainer:
    """The network, its moving average, and the photographs."""

    def __init__(self, data: Path) -> None:
        every = list(photographs(data))
        self.held = every[HELD_OUT - 1 :: HELD_OUT]
        self.kept = [photo for place, photo in enumerate(every) if (place + 1) % HELD_OUT]
        self.others = list(without(data))
        self.arguments = {"classes": len(CLASSES), "widths": WIDTHS, "dropblock": 0.0}
        self.network = NETWORKS["saunetv2"](**self.arguments)
        self.average = copy.deepcopy(self.network).requires_grad_(requires_grad=False).eval()

    def run(self, cycle: Cycle, draw: np.random.Generator) -> Iterator[dict[str, float]]:
        """Train through a cycle, from the average of the one before; a row of the log every 200 steps."""
        network = self.network.train()
        network.load_state_dict(self.average.state_dict())
        chance = np.array([photo.weight for photo in self.kept])
        chance /= chance.sum()
        optimiser = torch.optim.AdamW(
            network.parameters(), cycle.learning_rate, weight_decay=cycle.weight_decay
        )
        rate = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda n: min((n + 1) / cycle.warm_up, 0.5 * (1 + np.cos(np.pi * n / cycle.steps)))
        )
        total = 0.0
        for step in range(1, cycle.steps + 1):
            views = []
            for _ in range(cycle.batch):
                if draw.random() < cycle.without:
                    photo = self.others[draw.integers(len(self.others))]
                else:
                    photo = self.kept[draw.choice(len(self.kept), p=chance)]
                views.append(view(photo, draw))
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(torch.stack([v.picture for v in views]))
            loss = loss_of(logits.float(), views, cycle.eye)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            rate.step()
            with torch.no_grad():
                weight = 1 - min(cycle.ema, (1 + step) / (10 + step))
                old, new = self.average.state_dict(), network.state_dict()
                for mean, value in zip(old.values(), new.values(), strict=True):
                    mean.lerp_(value, weight)
            total += loss.item()
            if step % 200 == 0:
                yield {"step": step, "loss": total / 200, **validated(self.average, self.held)}
                total = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    trainer = Trainer(given.data)
    began = time.monotonic()
    rows = []
    for number, cycle in enumerate(CYCLES):
        for row in trainer.run(cycle, np.random.default_rng(given.seed + number)):
            rows.append({"cycle": number + 1, **row})
            print(*(f"{k} {v:.4g}" for k, v in rows[-1].items()), flush=True)
            save(given.out, trainer, given.seed, round(time.monotonic() - began))
    with given.out.with_suffix(".log.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows({k: f"{v:.5g}" for k, v in row.items()} for row in rows)


def save(path: Path, trainer: Trainer, seed: int, seconds: int) -> None:
    """Write the model file."""
    header = Header(
        kind="landmarks",
        network="saunetv2",
        network_arguments=trainer.arguments,
        padding="centre",
        fov_diameter=float(SPAN),
        classes=CLASSES,
        data={
            "dataset": "drive, hrf, chase, orvs, aria, ravir, octa500-6m, rossa",
            "train": [Path(photo.name).stem for photo in (*trainer.kept, *trainer.others)],
            "validation": [Path(photo.name).stem for photo in trainer.held],
        },
        recipe={"name": "landmarks", "cycles": [asdict(cycle) for cycle in CYCLES], "seconds": seconds},
        seed=seed,
    )
    checkpoint.save(path, trainer.average, header, overwrite=True)


if __name__ == "__main__":
    main()
