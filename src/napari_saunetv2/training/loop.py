"""The training loop: a generator of reports, which can be stopped between any two of them."""

import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_saunetv2.engines import devices
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import corrections, heap, processes, validation
from napari_saunetv2.training import state as run_folder
from napari_saunetv2.training.ahead import Ahead
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.data import TrainingData, load
from napari_saunetv2.training.finish import finish
from napari_saunetv2.training.observers import for_anybody
from napari_saunetv2.training.on_demand import for_model
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.state import State
from napari_saunetv2.training.steps import initial_state, one_step, rate
from napari_saunetv2.training.validation import Preview

SAVE_EVERY = 60.0
"""Maximum seconds of work lost if the process is killed."""


@dataclass(frozen=True)
class Report:
    """Progress of a training.

    Attributes
    ----------
    step, steps : int
    loss : float
        Mean loss over the last steps.
    validation_f1, best_f1 : float or None
        F1 of the last validation and of the best one; mean over the validation images at threshold 0.5, or
        with ``compare_with_base`` at the best threshold of the weights. The best one has the highest F1; if
        pixels were corrected, these count too (:mod:`~.corrections`).
    best_step : int
    seconds_left : float
    device : str
    validated_on : str
        Names of the validation images, or which part of the only image it is.
    history : tuple of mappings
        Log of all validations: step, loss, validation_f1, learning_rate, seconds, and validation_loss if the
        settings use it.
    preview : Preview or None
        Prediction for the first validation image at the last validation.
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
@run_folder.exclusive_run
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
    """Train a network from scratch or from another model.

    Closing the generator stops the training after the current step; its state is saved, and ``resume``
    continues to the same weights as an uninterrupted training.

    In several processes (:mod:`napari_saunetv2.training.processes`) the main one reports and writes; the
    others share its steps, yield nothing, and return with it.

    Parameters
    ----------
    pairs : sequence of Pair
        Images with labels; some are used only to validate. With a single image, blocks of it are
        (:mod:`napari_saunetv2.training.blocks`).
    config : TrainConfig
    run : Path
        Run folder: settings, log, state, and at the end the model.
    resume : bool
        Continue the run in this folder.
    base : Checkpoint, optional
        Model to start from.
    device : str
        As :func:`napari_saunetv2.engines.devices.resolve`.
    data : mapping, optional
        Data set entries for the model's header, besides the names of the images.
    recipe : str
        Name of the recipe, for the header.
    should_stop : callable, optional
        Called after every step; True ends the training and saves the best weights so far.

    Yields
    ------
    Report
        After every step; with ``compare_with_base`` also before the first.

    Returns
    -------
    Path or None
        The model file: the running mean of the weights at the best validation. None with
        ``compare_with_base`` if no step beat the base: then no file is written. For details see
        :meth:`~.outcome.Outcome.read`.

    Raises
    ------
    SettingsError
        Without images.
    OverwriteError, CheckpointError
        If the folder holds a run that cannot be continued, or another process trains there.
    DeviceError
        If the device does not exist, or has too little memory.
    """
    if not pairs:
        raise SettingsError("There is no image with labels to train on: give at least one.")
    torch_device = devices.resolve(device)
    heap.share()
    processes.share(config.batch)
    _refuse_alone(config)
    training_data = load(for_model(pairs, base), config, torch_device, run)
    settings = run_folder.settings(config, *training_data.names, base.network if base else None)
    has_state = processes.is_main_process() and run_folder.start(run, settings, resume=resume)
    state = initial_state(config, base, torch_device)
    if processes.broadcast(has_state):
        run_folder.restore(state, run)
    if not processes.is_main_process():
        return _assist(state, training_data, config, run)
    try:
        with processes.leading(), closing(Ahead(training_data.train, config)) as source:
            yield from _loop(state, source, training_data, config, run, should_stop)
    finally:
        # Also when the generator is closed or a step failed: the last complete step is saved.
        run_folder.save(state, run)
    path = finish(state, training_data, config, run, data or {}, recipe, base)
    processes.broadcast(float(path is not None))  # whether there is a model
    return path


def _refuse_alone(config: TrainConfig) -> None:
    """Refuse several processes if a step depends on data that only the main process has."""
    if processes.size() > 1 and config.schedule == "plateau":
        raise SettingsError(
            "schedule is plateau: a learning rate that follows the validation loss needs a single process, "
            "start the training without torchrun."
        )


def _assist(state: State, training_data: TrainingData, config: TrainConfig, run: Path) -> Path | None:
    """Take part in the steps of the main process."""
    with closing(Ahead(training_data.train, config)) as source:
        for state.seconds in processes.follow():
            one_step(state, source, config, training_data.device)
    return run / run_folder.MODEL if processes.broadcast(0.0) else None


def _loop(
    state: State,
    source: Ahead,
    training_data: TrainingData,
    config: TrainConfig,
    run: Path,
    should_stop: Callable[[], bool] | None,
) -> Generator[Report, None, None]:
    saved = time.monotonic()
    done_before, seconds_before = state.step, state.seconds
    losses: list[float] = []
    shown: Preview | None = None
    if config.compare_with_base and training_data.validation and not state.history:
        shown = _validate(state, training_data, config, math.nan, last=False)
        yield _report(state, config, training_data, losses, math.nan, shown)
    while not _is_over(state, config):
        # Time spent by the consumer between two reports does not count.
        begun, before = time.monotonic(), processes.broadcast(state.seconds)
        losses.append(one_step(state, source, config, training_data.device))
        state.seconds = before + time.monotonic() - begun
        stopped = should_stop is not None and should_stop()
        # Without validation the last weights are used.
        nothing_kept = not state.best or not training_data.validation
        last = _used_up(state, config) or (stopped and nothing_kept)
        if state.step % config.validate_every == 0 or last:
            shown = _validate(state, training_data, config, float(np.mean(losses)), last=last) or shown
            losses.clear()
        if time.monotonic() - saved > SAVE_EVERY:
            run_folder.save(state, run)
            saved = time.monotonic()
        state.seconds = before + time.monotonic() - begun
        pace = (state.seconds - seconds_before) / (state.step - done_before)
        yield _report(state, config, training_data, losses, pace * (config.steps - state.step), shown)
        if stopped:
            return


def _used_up(state: State, config: TrainConfig) -> bool:
    """Whether the maximum of steps or minutes is reached."""
    return state.step >= config.steps or (config.minutes is not None and state.seconds >= 60 * config.minutes)


def _is_over(state: State, config: TrainConfig) -> bool:
    since_best = sum(row["step"] > state.best_step for row in state.history)
    tired = config.patience is not None and bool(state.best) and since_best >= config.patience
    return tired or _used_up(state, config)


def _validate(
    state: State, training_data: TrainingData, config: TrainConfig, loss: float, *, last: bool
) -> Preview | None:
    """Score the mean weights on the validation images, log the score, and keep the best weights."""
    held_out = training_data.validation
    network = for_anybody(state.mean, config)
    predictions = validation.logits_of_all(network, held_out, training_data.device, training_data.folder)
    # The saved weights will be recalibrated, so weights are compared at their own best thresholds.
    levels = (
        validation.best_thresholds(held_out, predictions) if config.compare_with_base and held_out else None
    )
    f1 = validation.mean_f1(held_out, predictions, levels)
    row = {
        "step": state.step,
        "loss": loss,
        "validation_f1": f1,
        "learning_rate": rate(state, config),
        "seconds": state.seconds,
    }
    if levels is not None:
        right = validation.corrected(held_out, predictions, levels)
        row |= {corrections.COLUMN: float(right.mean())} if len(right) >= corrections.FEWEST else {}
    if config.compare_with_base or config.watches_loss:
        row["validation_loss"] = validation.mean_loss(held_out, predictions, config.loss)
    better = _is_better(row, state, config)
    state.history.append(row)
    if better or (last and (not held_out or not state.best)):
        state.keep_mean(f1)
    return validation.preview(held_out[0], predictions[0]) if held_out else None


def _is_better(row: Mapping[str, float], state: State, config: TrainConfig) -> bool:
    if config.best_by == "last":
        return True
    if config.best_by == "loss":
        before = (earlier["validation_loss"] for earlier in state.history)
        return row["validation_loss"] < min(before, default=math.inf)
    if not config.compare_with_base:
        return row["validation_f1"] >= state.best_f1
    # Of equally good weights the older ones win: patience counts from them.
    best = next((r for r in state.history if state.best and r["step"] == state.best_step), None)
    return corrections.better(row, best or {"validation_f1": state.best_f1}, (*state.history, row)[0])


def _report(
    state: State,
    config: TrainConfig,
    training_data: TrainingData,
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
        device=str(training_data.device),
        validated_on=training_data.validated_on,
        history=tuple(state.history),
        preview=preview,
    )
