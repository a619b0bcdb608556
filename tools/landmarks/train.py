"""Train the model of landmarks: disc, fovea, left or right eye.

    python tools/landmarks/train.py ../shared/data -o saunetv2-landmarks.safetensors

One thread and a fixed seed: the same weights each time on one machine.
"""

import argparse
import copy
import csv
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from samples import FINER, SIDE, Photograph, View, photographs, view, without
from torch import Tensor, nn

from napari_saunetv2.inference.landmark_maps import CLASSES, look, places, to_the_right
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.header import Header
from napari_saunetv2.networks import NETWORKS


@dataclass(frozen=True)
class Settings:
    """Settings of the training."""

    steps: int = 1800
    batch: int = 8
    learning_rate: float = 3e-3
    warm_up: int = 100
    weight_decay: float = 1e-3
    ema: float = 0.995
    widths: tuple[int, ...] = (8, 16, 24, 32, 40)
    without: float = 0.08
    held_out: int = 6
    """Every so many-th photograph of a set validates."""


def loss_of(logits: Tensor, views: list[View]) -> Tensor:
    """Cross-entropy and Dice of the disc, cross-entropy of the fovea's place, cross-entropy of the eye."""
    known = torch.tensor([v.known for v in views])
    disc = torch.stack([v.disc for v in views])
    chance = logits[:, 0].sigmoid()
    each = F.binary_cross_entropy_with_logits(logits[:, 0], disc, reduction="none").mean((1, 2)) * 10
    overlap = 1 - (2 * (chance * disc).sum((1, 2)) + 8) / (chance.sum((1, 2)) + disc.sum((1, 2)) + 8)
    fovea = torch.stack([v.fovea for v in views]).flatten(1)
    log_chance = places(logits[:, 1])
    nowhere = 1 - fovea.sum(1)
    where = -(fovea * log_chance[:, 1:]).sum(1) - nowhere * log_chance[:, 0]
    inside = torch.stack([v.inside for v in views])
    right = torch.tensor([v.right for v in views])
    side = to_the_right(logits[:, 2], inside)
    eye = F.binary_cross_entropy_with_logits(side, right, reduction="none")
    per_view = torch.stack([each + overlap, 0.3 * where, 0.5 * eye], dim=1) * known
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    draw = np.random.default_rng(given.seed)
    settings = Settings(steps=given.steps)
    every = list(photographs(given.data))
    held = every[settings.held_out - 1 :: settings.held_out]
    kept = [photo for photo in every if photo not in held]
    others = list(without(given.data))
    chance = np.array([photo.weight for photo in kept])
    chance /= chance.sum()
    arguments = {"classes": len(CLASSES), "widths": list(settings.widths), "dropblock": 0.0}
    network = NETWORKS["saunetv2"](**arguments)
    average = copy.deepcopy(network).requires_grad_(requires_grad=False)
    optimiser = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda n: min((n + 1) / settings.warm_up, 0.5 * (1 + np.cos(np.pi * n / settings.steps))),
    )
    began, total = time.monotonic(), 0.0
    rows = []
    for step in range(1, settings.steps + 1):
        network.train()
        views = []
        for _ in range(settings.batch):
            if draw.random() < settings.without:
                photo = others[draw.integers(len(others))]
            else:
                photo = kept[draw.choice(len(kept), p=chance)]
            views.append(view(photo, draw))
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(torch.stack([v.picture for v in views]))
        loss = loss_of(logits.float(), views)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        rate.step()
        with torch.no_grad():
            weight = min(settings.ema, (1 + step) / (10 + step))
            for mean, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
                mean.lerp_(new, 1 - weight)
        total += loss.item()
        if step % 300 == 0 or step == settings.steps:
            average.eval()
            rows.append({"step": step, "loss": total / 300, **validated(average, held)})
            total = 0.0
            print(
                " ".join(f"{k} {v:.4g}" for k, v in rows[-1].items()),
                f"{time.monotonic() - began:.0f} s",
                flush=True,
            )
            save(given, settings, average, arguments, kept, held, others, time.monotonic() - began, step)
    with given.out.with_suffix(".log.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows({k: f"{v:.5g}" for k, v in row.items()} for row in rows)


def save(given, settings, network, arguments, kept, held, others, seconds, step) -> None:  # type: ignore[no-untyped-def]
    header = Header(
        kind="landmarks",
        network="saunetv2",
        network_arguments=arguments,
        padding="centre",
        fov_diameter=112.0,
        classes=CLASSES,
        data={
            "dataset": "drive, hrf, chase, orvs, aria",
            "train": [Path(photo.name).stem for photo in (*kept, *others)],
            "validation": [Path(photo.name).stem for photo in held],
        },
        recipe={"name": "landmarks", **asdict(settings), "steps_taken": step, "seconds": round(seconds, 1)},
        seed=given.seed,
    )
    checkpoint.save(given.out, network, header, overwrite=True)


if __name__ == "__main__":
    main()
