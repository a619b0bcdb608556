"""The end of a training: save the best weights as a model with its lineage."""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_saunetv2.datasets import DATASETS
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.models import checkpoint, lineage
from napari_saunetv2.models.checkpoint import Checkpoint, Header
from napari_saunetv2.training import state as run_folder
from napari_saunetv2.training import validation
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.data import TrainingData
from napari_saunetv2.training.observers import for_anybody
from napari_saunetv2.training.outcome import Outcome
from napari_saunetv2.training.state import State
from napari_saunetv2.training.steps import initial_state
from napari_saunetv2.training.validator import Validator, compare


def finish(
    state: State,
    training_data: TrainingData,
    config: TrainConfig,
    run: Path,
    data: Mapping[str, Any],
    recipe: str,
    base: Checkpoint | None,
) -> Path | None:
    """Write the outcome of a training and its best weights; parameters as of :func:`~.loop.fine_tune`.

    Returns the model's file, or None if no step beat the base: then no model is written.
    """
    outcome = _validated(state, training_data, config, run, base)
    if outcome.model is None:
        (run / run_folder.MODEL).unlink(missing_ok=True)
    else:
        _write_model(outcome, state, training_data, config, data, recipe, base)
    outcome.write(run)
    return outcome.model


def _validated(
    state: State, training_data: TrainingData, config: TrainConfig, run: Path, base: Checkpoint | None
) -> Outcome:
    """Compare the best weights with those that the training started from."""
    plain = Outcome(run / run_folder.MODEL, run / run_folder.LOG)
    if not config.compare_with_base:
        return plain
    state.mean.load_state_dict(state.best)
    start = initial_state(config, base, training_data.device).mean
    before = Validator(for_anybody(start, config), training_data)
    beaten = base is None or state.best_step > 0
    after = Validator(for_anybody(state.mean, config), training_data) if beaten else before
    corrected = None if base is None else compare(before, after, training_data)
    if not training_data.validation:
        return replace(plain, corrected=corrected)
    return replace(
        plain,
        model=plain.model if beaten else None,
        before=None if base is None else _rounded(before.f1()),
        after=_rounded(after.f1()),
        thresholds=tuple(before.thresholds),
        validated_on=training_data.validated_on,
        corrected=corrected,
    )


def _write_model(
    outcome: Outcome,
    state: State,
    training_data: TrainingData,
    config: TrainConfig,
    data: Mapping[str, Any],
    recipe: str,
    base: Checkpoint | None,
) -> None:
    state.mean.load_state_dict(state.best)
    network = for_anybody(state.mean, config)
    if config.calibrated and not config.among_vessels:  # a network of its own decides what a vessel is
        images = training_data.validation or training_data.sampled
        predictions = validation.logits_of_all(network, images, training_data.device, training_data.folder)
        validation.recalibrate_bias(network, images, predictions)
    scores: tuple[Mapping[str, Any], ...] = ()
    if config.compare_with_base and training_data.validation:
        data = {**data, "f1_before": outcome.before, "f1_after": outcome.after}
        about = {
            "dataset": data.get("dataset", "own images"),
            "split": "validation",
            "protocol": "annotated pixels" if config.sparse else "fov" if config.inside_field else "whole",
        }
        mean = {"f1": outcome.after}
        count = len(training_data.validation)
        scores = () if outcome.after is None else ({**about, "images": count, "mean": mean},)
    data = _without_unused(data, config)
    modality = _modality(data, base)
    diameter = None if modality == "octa" else config.fov_diameter or training_data.diameter()
    held = [training_data.validated_on] if training_data.in_blocks else training_data.names[1]
    took = {"steps_taken": state.step, "step_kept": state.best_step, "seconds": round(state.seconds, 3)}
    header = Header(
        network=config.network,
        network_arguments=config.arguments,
        padding=config.padding,
        modality=modality,
        fov_diameter=None if diameter is None else round(diameter, 1),
        classes=config.classes,
        data={**data, "train": training_data.learned, "validation": held},
        recipe={"name": recipe, **asdict(config), **took},
        seed=config.seed,
        lineage=lineage.after(base, checkpoint.load(config.finder) if config.finder else None),
        scores=scores,
    )
    path = outcome.model
    assert path is not None
    checkpoint.save(path, network, _with_what_was_measured(header, network, path), overwrite=True)


def _without_unused(data: Mapping[str, Any], config: TrainConfig) -> Mapping[str, Any]:
    """Leave out the data sets whose share is 0: a cycle of a recipe is given them and does not learn them."""
    if not config.shares or "dataset" not in data:
        return data
    kept = [key for key in str(data["dataset"]).split(", ") if config.shares.get(key, 1)]
    return {**data, "dataset": ", ".join(kept)}


def _modality(data: Mapping[str, Any], base: Checkpoint | None) -> str:
    """Modality of the data sets trained on; of several, or of other images, that of the base model."""
    keys = str(data.get("dataset", "")).split(", ")
    found = {DATASETS[key].modality if key in DATASETS else None for key in keys}
    one = found.pop() if len(found) == 1 else None
    return one or ("fundus" if base is None else base.header.modality)


def _with_what_was_measured(header: Header, network: nn.Module, path: Path) -> Header:
    """Keep the scores and thresholds of an earlier file with the same weights."""
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
