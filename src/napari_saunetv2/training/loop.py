"""The training itself: a generator that reports, and can be stopped between any two reports."""

import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_saunetv2.engines import devices
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import corrections, together, validation
from napari_saunetv2.training import state as run_folder
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.finish import finish
from napari_saunetv2.training.material import Material, gather
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.state import State
from napari_saunetv2.training.steps import fresh, one_step, rate
from napari_saunetv2.training.validation import Preview

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
        Of the last validation and of the best one; mean over the validation images at threshold 0.5, or
        where the settings ask for detail at the threshold that suits the weights best. The best one has the
        highest F1, or where pixels were corrected goes by these too (:mod:`~.corrections`).
    best_step : int
    seconds_left : float
    device : str
    validated_on : str
        Names of the validation images, or which part of the only image it is.
    history : tuple of mappings
        What was logged at every validation: step, loss, validation_f1, learning_rate, seconds, and
        validation_loss where the settings ask for detail or go by it.
    preview : Preview or None
        Of the first validation image, at the last validation.
    """

    step: int
    steps: int
    loss: float
    validation_f1: float | None
    best_f1: float | None
    best_step: int
    seconds_left: float
    device: str
    validated_on: str = ""
    history: tuple[Mapping[str, float], ...] = ()
    preview: Preview | None = None

    @property
    def share(self) -> float:
        """Share of the steps that are done, range [0, 1]."""
        return self.step / self.steps


@devices.raise_on_out_of_memory
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
    should_stop: Callable[[], bool] | None = None,
) -> Generator[Report, None, Path | None]:
    """Train a network, from the start or from another model.

    Closing the generator stops the training after the step that runs; what was reached is saved, and
    ``resume`` goes on from there to the same weights as an unbroken training.

    In several processes (:mod:`napari_saunetv2.training.together`) the first one reports and writes; the
    others share its steps, yield nothing, and return when it does.

    Parameters
    ----------
    pairs : sequence of Pair
        Images with labels; some of them are kept for validation. Where there is one only, blocks of it are
        (:mod:`napari_saunetv2.training.blocks`).
    config : TrainConfig
    run : Path
        Folder of the run: settings, log, state, and in the end the model.
    resume : bool
        Go on with the run that lies there.
    base : Checkpoint, optional
        Model whose weights to start from.
    device : str
        As :func:`napari_saunetv2.engines.devices.resolve`.
    data : mapping, optional
        What the model's header says of the data, beside the names of the images.
    recipe : str
        Name of the recipe, for the header.
    should_stop : callable, optional
        Asked after every step; True ends the training with the best weights so far as its model.

    Yields
    ------
    Report
        After every step; where the settings ask for detail also before the first.

    Returns
    -------
    Path or None
        The model file: the weights' running mean where it validated best. None where the settings ask for
        detail and no step beat the base: then no file is kept. :meth:`~.outcome.Outcome.read` tells more.

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
    together.share(config.batch)
    _refuse_alone(config)
    material = gather(pairs, config, place)
    settings = run_folder.settings(config, *material.names, base.network if base else None)
    has_state = together.leads() and run_folder.start(run, settings, resume=resume)
    state = fresh(config, base, place)
    if together.told(has_state):
        run_folder.restore(state, run)
    if not together.leads():
        return _assist(state, material, config, run)
    try:
        with together.leading():
            yield from _loop(state, material, config, run, should_stop)
    finally:
        # Also when the generator is closed, and when a step failed: the last whole step is kept.
        run_folder.save(state, run)
    path = finish(state, material, config, run, data or {}, recipe, base)
    together.told(float(path is not None))  # whether there is a model
    return path


def _refuse_alone(config: TrainConfig) -> None:
    """Refuse several processes where a step depends on what the first one alone knows."""
    if together.size() > 1 and config.schedule == "plateau":
        raise SettingsError(
            "schedule is plateau: a learning rate that follows the validation loss needs a single process, "
            "start the training without torchrun."
        )


def _assist(state: State, material: Material, config: TrainConfig, run: Path) -> Path | None:
    """Take part in the steps that the first process leads."""
    for state.seconds in together.led():
        one_step(state, material.train, config, material.place)
    return run / run_folder.MODEL if together.told(0.0) else None


def _loop(
    state: State,
    material: Material,
    config: TrainConfig,
    run: Path,
    should_stop: Callable[[], bool] | None,
) -> Generator[Report, None, None]:
    saved = time.monotonic()
    done_before, seconds_before = state.step, state.seconds
    losses: list[float] = []
    shown: Preview | None = None
    if config.detailed and material.watched and not state.history:
        shown = _validate(state, material, config, math.nan, last=False)
        yield _report(state, config, material, losses, math.nan, shown)
    while not _is_over(state, config):
        # What the consumer does between two reports is not the training's time.
        begun, before = time.monotonic(), together.told(state.seconds)
        losses.append(one_step(state, material.train, config, material.place))
        state.seconds = before + time.monotonic() - begun
        stopped = should_stop is not None and should_stop()
        # Without validation the last weights are the best.
        nothing_kept = not state.best or not material.watched
        last = _used_up(state, config) or (stopped and nothing_kept)
        if state.step % config.validate_every == 0 or last:
            shown = _validate(state, material, config, float(np.mean(losses)), last=last) or shown
            losses.clear()
        if time.monotonic() - saved > SAVE_EVERY:
            run_folder.save(state, run)
            saved = time.monotonic()
        state.seconds = before + time.monotonic() - begun
        pace = (state.seconds - seconds_before) / (state.step - done_before)
        yield _report(state, config, material, losses, pace * (config.steps - state.step), shown)
        if stopped:
            return


def _used_up(state: State, config: TrainConfig) -> bool:
    """Whether steps or minutes are used up."""
    return state.step >= config.steps or (config.minutes is not None and state.seconds >= 60 * config.minutes)


def _is_over(state: State, config: TrainConfig) -> bool:
    since_best = sum(row["step"] > state.best_step for row in state.history)
    tired = config.patience is not None and bool(state.best) and since_best >= config.patience
    return tired or _used_up(state, config)


def _validate(
    state: State, material: Material, config: TrainConfig, loss: float, *, last: bool
) -> Preview | None:
    """Score the mean of the weights on the validation images, log it, and keep it if it is the best."""
    watched = material.watched
    answers = [validation.logits(state.mean, image, material.place) for image in watched]
    # What is kept will be calibrated, so weights are compared at the thresholds that suit them best.
    levels = validation.best_thresholds(watched, answers) if config.detailed and watched else None
    f1 = validation.mean_f1(watched, answers, levels)
    row = {
        "step": state.step,
        "loss": loss,
        "validation_f1": f1,
        "learning_rate": rate(state, config),
        "seconds": state.seconds,
    }
    if levels is not None:
        right = validation.corrected(watched, answers, levels)
        row |= {corrections.COLUMN: float(right.mean())} if len(right) >= corrections.FEWEST else {}
    if config.detailed or config.watches_loss:
        row["validation_loss"] = validation.mean_loss(watched, answers, config.loss)
    better = _is_better(row, state, config)
    state.history.append(row)
    if better or (last and (not watched or not state.best)):
        state.keep_mean(f1)
    return validation.preview(watched[0], answers[0]) if watched else None


def _is_better(row: Mapping[str, float], state: State, config: TrainConfig) -> bool:
    if config.best_by == "last":
        return True
    if config.best_by == "loss":
        before = (earlier["validation_loss"] for earlier in state.history)
        return row["validation_loss"] < min(before, default=math.inf)
    if not config.detailed:
        return row["validation_f1"] >= state.best_f1
    # Weights that are as good and older are better: patience counts from them.
    best = next((r for r in state.history if state.best and r["step"] == state.best_step), None)
    return corrections.better(row, best or {"validation_f1": state.best_f1}, (*state.history, row)[0])


def _report(
    state: State,
    config: TrainConfig,
    material: Material,
    losses: Sequence[float],
    seconds_left: float,
    preview: Preview | None,
) -> Report:
    logged = state.history[-1] if state.history else None
    if config.minutes is not None:
        left = max(0.0, 60 * config.minutes - state.seconds)
        seconds_left = left if math.isnan(seconds_left) else min(seconds_left, left)
    return Report(
        step=state.step,
        steps=config.steps,
        loss=float(np.mean(losses[-50:])) if losses else logged["loss"] if logged else math.nan,
        validation_f1=logged["validation_f1"] if logged else None,
        best_f1=state.best_f1 if state.best else None,
        best_step=state.best_step,
        seconds_left=seconds_left,
        device=str(material.place),
        validated_on=material.validated_on,
        history=tuple(state.history),
        preview=preview,
    )
