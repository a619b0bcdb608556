"""The end of a training: the best weights as a model that says where it comes from."""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from napari_saunetv2 import checkpoint, lineage
from napari_saunetv2.checkpoint import Checkpoint, Header
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.training import state as run_folder
from napari_saunetv2.training import validation
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.material import Material
from napari_saunetv2.training.state import State
from napari_saunetv2.training.steps import fresh


def finish(
    state: State,
    material: Material,
    config: TrainConfig,
    run: Path,
    data: Mapping[str, Any],
    recipe: str,
    base: Checkpoint | None,
) -> Path:
    """Write the best weights of a training; parameters as of :func:`~.loop.fine_tune`, returns the file."""
    state.mean.load_state_dict(state.best)
    images = material.watched or material.train

    def answers() -> list[Tensor]:
        return [validation.logits(state.mean, image, material.place) for image in images]

    if config.calibrated:
        validation.calibrate(state.mean, images, answers())
    scores: tuple[Mapping[str, Any], ...] = ()
    if config.detailed and material.watched:
        after = _rounded(validation.mean_f1(images, answers()))
        before = None
        if base is not None:
            start = fresh(config, base, material.place).mean
            before = _rounded(
                validation.mean_f1(images, [validation.logits(start, x, material.place) for x in images])
            )
        data = {**data, "f1_before": before, "f1_after": after}
        about = {
            "dataset": data.get("dataset", "own images"),
            "split": "validation",
            "protocol": "annotated pixels" if config.sparse else "fov" if config.inside_field else "whole",
        }
        scores = () if after is None else ({**about, "images": len(images), "mean": {"f1": after}},)
    diameter = config.fov_diameter or material.diameter()
    held = [material.validated_on] if material.in_blocks else material.names[1]
    took = {"steps_taken": state.step, "step_kept": state.best_step, "seconds": round(state.seconds, 3)}
    header = Header(
        network=config.network,
        network_arguments=config.arguments,
        padding=config.padding,
        fov_diameter=None if diameter is None else round(diameter, 1),
        classes=config.classes,
        data={**data, "train": material.names[0], "validation": held},
        recipe={"name": recipe, **asdict(config), **took},
        seed=config.seed,
        lineage=lineage.after(base),
        scores=scores,
    )
    path = run / run_folder.MODEL
    checkpoint.save(path, state.mean, _with_what_was_measured(header, state.mean, path), overwrite=True)
    return path


def _with_what_was_measured(header: Header, network: nn.Module, path: Path) -> Header:
    """Keep the scores and thresholds that were found for the same weights when they were written before."""
    if not path.exists():
        return header
    try:
        found = checkpoint.load(path)
    except CheckpointError:
        return header
    old, new = found.network.state_dict(), network.state_dict()
    if old.keys() != new.keys() or not all(torch.equal(old[k], v.cpu()) for k, v in new.items()):
        return header
    kept = {
        name: getattr(found.header, name) for name in ("threshold", "tta_thresholds", "ranges", "created")
    }
    return replace(header, scores=found.header.scores or header.scores, **kept)


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 5)
