"""The end of a training: the best weights as a model that says where it comes from."""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.models import checkpoint, lineage
from napari_saunetv2.models.checkpoint import Checkpoint, Header
from napari_saunetv2.training import state as run_folder
from napari_saunetv2.training import validation
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.judging import Judge, compare
from napari_saunetv2.training.material import Material
from napari_saunetv2.training.outcome import Outcome
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
) -> Path | None:
    """Write what a training came to, and its best weights; parameters as of :func:`~.loop.fine_tune`.

    Returns the model's file, or None where no step beat the base: then none is kept.
    """
    outcome = _judged(state, material, config, run, base)
    if outcome.model is None:
        (run / run_folder.MODEL).unlink(missing_ok=True)
    else:
        _write_model(outcome, state, material, config, data, recipe, base)
    outcome.write(run)
    return outcome.model


def _judged(
    state: State, material: Material, config: TrainConfig, run: Path, base: Checkpoint | None
) -> Outcome:
    """Compare the best weights with those that the training started from."""
    plain = Outcome(run / run_folder.MODEL, run / run_folder.LOG)
    if not config.detailed:
        return plain
    state.mean.load_state_dict(state.best)
    before = Judge(fresh(config, base, material.place).mean, material)
    beaten = base is None or state.best_step > 0
    after = Judge(state.mean, material) if beaten else before
    corrected = None if base is None else compare(before, after, material)
    if not material.watched:
        return replace(plain, corrected=corrected)
    return replace(
        plain,
        model=plain.model if beaten else None,
        before=None if base is None else _rounded(before.f1()),
        after=_rounded(after.f1()),
        thresholds=tuple(before.thresholds),
        validated_on=material.validated_on,
        corrected=corrected,
    )


def _write_model(
    outcome: Outcome,
    state: State,
    material: Material,
    config: TrainConfig,
    data: Mapping[str, Any],
    recipe: str,
    base: Checkpoint | None,
) -> None:
    state.mean.load_state_dict(state.best)
    if config.calibrated:
        images = material.watched or material.train
        answers = [validation.logits(state.mean, image, material.place) for image in images]
        validation.calibrate(state.mean, images, answers)
    scores: tuple[Mapping[str, Any], ...] = ()
    if config.detailed and material.watched:
        data = {**data, "f1_before": outcome.before, "f1_after": outcome.after}
        about = {
            "dataset": data.get("dataset", "own images"),
            "split": "validation",
            "protocol": "annotated pixels" if config.sparse else "fov" if config.inside_field else "whole",
        }
        mean = {"f1": outcome.after}
        count = len(material.watched)
        scores = () if outcome.after is None else ({**about, "images": count, "mean": mean},)
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
    path = outcome.model
    assert path is not None
    checkpoint.save(path, state.mean, _with_what_was_measured(header, state.mean, path), overwrite=True)


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
