"""The training itself: a generator that reports, and can be stopped between any two reports."""

import math
import time
from collections.abc import Generator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_saunetv2 import checkpoint, devices
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.losses import LOSSES
from napari_saunetv2.metrics import METRICS, best_threshold, confusion
from napari_saunetv2.networks import NETWORKS
from napari_saunetv2.training import state as run_folder
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.state import State
from napari_saunetv2.training.views import Pair, Prepared, batch, prepare, split

SAVE_EVERY = 60.0
"""Seconds of work that a kill may cost."""


@dataclass(frozen=True)
class Report:
    """Where a training stands.

    Attributes
    ----------
    step, steps : int
    loss : float
        Mean over the last steps.
    validation_f1, best_f1 : float or None
        Of the last validation and of the best one; mean over the validation images at threshold 0.5.
    best_step : int
    seconds_left : float
    device : str
    """

    step: int
    steps: int
    loss: float
    validation_f1: float | None
    best_f1: float | None
    best_step: int
    seconds_left: float
    device: str


@devices.told_when_full
@run_folder.alone
def fine_tune(
    pairs: Sequence[Pair],
    config: TrainConfig,
    run: Path,
    *,
    resume: bool = False,
    base: checkpoint.Checkpoint | None = None,
    device: str = "auto",
    data: Mapping[str, Any] | None = None,
    recipe: str = "own",
) -> Generator[Report, None, Path]:
    """Train a network, from the start or from another model.

    Closing the generator stops the training after the step that runs; what was reached is saved, and
    ``resume`` goes on from there to the same weights as an unbroken training.

    Parameters
    ----------
    pairs : sequence of Pair
        Images with labels; some of them are kept for validation.
    config : TrainConfig
    run : Path
        Folder of the run: settings, log, state, and in the end the model.
    resume : bool
        Go on with the run that lies there.
    base : Checkpoint, optional
        Model whose weights to start from.
    device : str
        As :func:`napari_saunetv2.devices.resolve`.
    data : mapping, optional
        What the model's header says of the data, beside the names of the images.
    recipe : str
        Name of the recipe, for the header.

    Yields
    ------
    Report
        After every step.

    Returns
    -------
    Path
        The model file: the weights' running mean where it validated best.

    Raises
    ------
    SettingsError
        Without images.
    OverwriteError, CheckpointError
        When the folder holds a run that cannot be gone on with, or another process trains there.
    DeviceError
        When the device is not there, or has too little memory.
    """
    if not pairs:
        raise SettingsError("There is no image with labels to train on: give at least one.")
    place = devices.resolve(device)
    train, held = split([pair.name for pair in pairs], config.validation)
    names = [pairs[n].name for n in train], [pairs[n].name for n in held]
    has_state = run_folder.start(run, run_folder.settings(config, *names), resume=resume)
    state = _fresh(config, base, place)
    if has_state:
        run_folder.restore(state, run)
    images = [prepare(pairs[n], config) for n in train]
    watched = [prepare(pairs[n], config) for n in held]

    saved = begun = time.monotonic()
    done_before, seconds_before = state.step, state.seconds
    losses: list[float] = []
    try:
        while state.step < config.steps:
            losses.append(_step(state, images, config, place))
            last = state.step == config.steps
            now = time.monotonic()
            state.seconds = seconds_before + now - begun
            if state.step % config.validate_every == 0 or last:
                _validate(state, watched, config, place, float(np.mean(losses)), last=last)
                losses.clear()
            if now - saved > SAVE_EVERY:
                run_folder.save(state, run)
                saved = now
            pace = (time.monotonic() - begun) / (state.step - done_before)
            yield _report(state, config, losses, pace * (config.steps - state.step), place)
    finally:
        # Also when the generator is closed, and when a step failed: the last whole step is kept.
        run_folder.save(state, run)
    return _finish(state, pairs, watched or images, config, run, names, data or {}, recipe, place)


def _fresh(config: TrainConfig, base: checkpoint.Checkpoint | None, place: torch.device) -> State:
    torch.manual_seed(config.seed)
    network = NETWORKS[config.network](**config.network_arguments)
    if base is not None:
        network.load_state_dict(base.network.state_dict())
    network.to(place).train()
    mean = deepcopy(network).eval().requires_grad_(requires_grad=False)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    return State(network, mean, optimiser)


def _rate(step: int, config: TrainConfig) -> float:
    """Learning rate of a step: up in a line, down along half a cosine (Loshchilov and Hutter, 2017)."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def _step(state: State, images: Sequence[Prepared], config: TrainConfig, place: torch.device) -> float:
    for group in state.optimiser.param_groups:
        group["lr"] = _rate(state.step, config)
    views, truth = batch(images, config, state.step)
    # DropBlock draws from the global generator: seeded by step, it too is the same after a resume.
    torch.manual_seed(config.seed * 1_000_003 + state.step)
    state.network.train()
    with torch.autocast(place.type, torch.bfloat16, enabled=_in_bfloat16(config, place)):
        logits = state.network(views.to(place))
    loss: Tensor = LOSSES[config.loss](logits.float(), truth.to(place))
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimiser.step()
    state.step += 1
    _follow(state, config)
    return float(loss.detach())


def _in_bfloat16(config: TrainConfig, place: torch.device) -> bool:
    return config.precision == "bfloat16" or (config.precision == "auto" and devices.prefers_bfloat16(place))


@torch.no_grad()
def _follow(state: State, config: TrainConfig) -> None:
    """Move the mean towards the weights; young means follow faster, to forget the random start."""
    decay = min(config.ema, (1 + state.step) / (10 + state.step))
    for kept, new in zip(state.mean.state_dict().values(), state.network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def _maps(state: State, watched: Sequence[Prepared], place: torch.device) -> list[np.ndarray[Any, Any]]:
    with torch.inference_mode():
        return [
            state.mean(image.canvas[None, :3].to(place)).sigmoid()[0, 0].float().cpu().numpy()
            for image in watched
        ]


def _truths(watched: Sequence[Prepared]) -> list[np.ndarray[Any, Any]]:
    return [(image.canvas[3].numpy() >= 0.5).astype(np.uint8) for image in watched]


def _validate(
    state: State,
    watched: Sequence[Prepared],
    config: TrainConfig,
    place: torch.device,
    loss: float,
    *,
    last: bool,
) -> None:
    """Score the mean of the weights on the validation images, log it, and keep it if it is the best."""
    # The canvas around an image is without vessels in truth and answer, so it changes no F1.
    maps = zip(_truths(watched), _maps(state, watched, place), strict=True)
    f1 = float(np.mean([METRICS["f1"](confusion(t, p >= 0.5)) for t, p in maps])) if watched else math.nan
    state.history.append(
        {
            "step": state.step,
            "loss": loss,
            "validation_f1": f1,
            "learning_rate": _rate(state.step, config),
            "seconds": state.seconds,
        }
    )
    if f1 >= state.best_f1 or (last and not watched):
        state.keep_mean(f1)


def _report(
    state: State, config: TrainConfig, losses: Sequence[float], seconds_left: float, place: torch.device
) -> Report:
    logged = state.history[-1] if state.history else None
    return Report(
        step=state.step,
        steps=config.steps,
        loss=float(np.mean(losses[-50:])) if losses else logged["loss"] if logged else math.nan,
        validation_f1=logged["validation_f1"] if logged else None,
        best_f1=state.best_f1 if state.best else None,
        best_step=state.best_step,
        seconds_left=seconds_left,
        device=str(place),
    )


def _calibrate(state: State, watched: Sequence[Prepared], place: torch.device) -> None:
    """Shift the logits so that F1 on the validation images peaks at a probability of 0.5.

    Where none are kept for validation it is the training images: a threshold is one number, too little to
    fit them by. Training sees crops, use sees whole canvases: GroupNorm averages over other shares of black
    there, which moves all probabilities the same way.
    """
    best = best_threshold(_truths(watched), _maps(state, watched, place))
    with torch.no_grad():
        state.mean.get_parameter("head.bias").sub_(math.log(best / (1 - best)))


def _finish(
    state: State,
    pairs: Sequence[Pair],
    watched: Sequence[Prepared],
    config: TrainConfig,
    run: Path,
    names: tuple[list[str], list[str]],
    data: Mapping[str, Any],
    recipe: str,
    place: torch.device,
) -> Path:
    """Write the best weights as a model that says where it comes from."""
    state.mean.load_state_dict(state.best)
    _calibrate(state, watched, place)
    diameters = [d for d in (pair.diameter() for pair in pairs) if d is not None]
    diameter = config.fov_diameter or (float(np.median(diameters)) if diameters else None)
    header = checkpoint.Header(
        network=config.network,
        network_arguments=dict(config.network_arguments),
        padding=config.padding,
        fov_diameter=None if diameter is None else round(diameter, 1),
        data={**data, "train": names[0], "validation": names[1]},
        recipe={"name": recipe, **asdict(config)},
        seed=config.seed,
    )
    path = run / run_folder.MODEL
    checkpoint.save(path, state.mean, header, overwrite=True)
    return path
