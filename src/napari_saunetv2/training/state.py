"""The run folder: everything needed to resume a training.

``state.safetensors`` holds weights, their running mean, the best of it and the optimiser's moments, with
the step and the history in its header; it is replaced atomically, so it is always complete.
"""

import csv
import hashlib
import io
import json
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from napari_saunetv2.errors import CheckpointError, OverwriteError
from napari_saunetv2.files import reason, write_beside
from napari_saunetv2.files.locks import exclusive
from napari_saunetv2.training import processes
from napari_saunetv2.training.config import RENAMED, TrainConfig
from napari_saunetv2.training.corrections import COLUMN

STATE, SETTINGS, LOG, MODEL = "state.safetensors", "settings.json", "log.csv", "model.safetensors"
COLUMNS = ("step", "loss", "validation_f1", "learning_rate", "seconds")


Run = ParamSpec("Run")
R = TypeVar("R")
T = TypeVar("T")


def exclusive_run(
    train: Callable[Concatenate[Any, Any, Path, Run], Generator[R, None, T]],
) -> Callable[Concatenate[Any, Any, Path, Run], Generator[R, None, T]]:
    """Lock the run folder, the third argument, for a training and all its processes."""

    @wraps(train)
    def locked(
        pairs: Any, config: Any, run: Path, /, *args: Run.args, **options: Run.kwargs
    ) -> Generator[R, None, T]:
        with exclusive(run) if processes.is_main_process() else nullcontext():
            return (yield from train(pairs, config, run, *args, **options))

    return locked


@dataclass
class State:
    """A training between two steps."""

    network: nn.Module
    mean: nn.Module
    optimiser: Optimizer
    step: int = 0
    best_step: int = 0
    best_f1: float = -1.0
    best: dict[str, Tensor] = field(default_factory=dict)
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    def keep_mean(self, f1: float) -> None:
        """Keep the running mean of the weights as the best so far."""
        self.best_step, self.best_f1 = self.step, f1
        self.best = {name: tensor.detach().clone() for name, tensor in self.mean.state_dict().items()}


def settings(
    config: TrainConfig, train: list[str], validation: list[str], base: nn.Module | None
) -> dict[str, Any]:
    """Everything that must be equal to resume a training."""
    weights = None if base is None else _digest({k: v.cpu() for k, v in base.state_dict().items()})
    settings = {"config": asdict(config), "train": train, "validation": validation, "base": weights}
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def start(folder: Path, settings: Mapping[str, Any], *, resume: bool) -> bool:
    """Open a run folder; returns whether there is a state to resume.

    Raises
    ------
    OverwriteError
        If the folder holds a run that is not to be resumed.
    CheckpointError
        If the run there has other settings or images, or started from other weights.
    """
    path = folder / SETTINGS
    if os.path.lexists(path):
        if not resume:
            raise OverwriteError(
                f"'{folder}' already holds a training: continue it with --resume, or choose another folder."
            )
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(f"'{path}' is damaged or cannot be read: use another folder.") from error
        if _completed(found, settings) != settings:
            raise CheckpointError(
                f"'{folder}' holds a training with other settings or images, or another base: use another "
                "folder."
            )
    else:
        text = json.dumps(settings, indent=1)
        write_beside(path, lambda file: file.write(text.encode()))
    return os.path.lexists(folder / STATE)


_RETIRED = {"soft": 0, "copies": 0}
"""Retired settings of older versions, with the value at which they had no effect."""


def _completed(found: Any, settings: Mapping[str, Any]) -> Any:
    """Complete the settings written by an older version with the defaults of newer ones.

    If it did not record its base, that is not compared. A retired setting that had an effect stays, so that
    the run differs from current ones.
    """
    try:
        known = json.loads(json.dumps(asdict(TrainConfig())))
        config = known | {
            RENAMED.get(k, k): v for k, v in found["config"].items() if (k, v) not in _RETIRED.items()
        }
        look = {RENAMED.get(k, k): v for k, v in config["augmentation"].items()}
        config["augmentation"] = known["augmentation"] | look
    except (TypeError, KeyError):
        return None
    return {"base": settings["base"], **found, "config": config}


def save(state: State, folder: Path) -> None:
    """Write the state and the log."""
    moments = {
        f"optimiser.{index}.{name}": value
        for index, values in state.optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }
    tensors = {
        **{f"network.{k}": v for k, v in state.network.state_dict().items()},
        **{f"mean.{k}": v for k, v in state.mean.state_dict().items()},
        **{f"best.{k}": v for k, v in state.best.items()},
        **moments,
    }
    plain = {k: getattr(state, k) for k in ("step", "best_step", "best_f1", "seconds", "history")}
    # Cloned, because safetensors refuses tensors that share memory.
    contiguous = {k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}
    about = {"training": json.dumps(plain), "sha256": _digest(contiguous)}
    data = safetensors.torch.save(contiguous, about)
    write_beside(folder / STATE, lambda file: file.write(data), overwrite=True)
    write_beside(folder / LOG, lambda file: file.write(_as_csv(state.history).encode()), overwrite=True)


def saved_step(folder: Path) -> int:
    """Number of steps of the state in a folder; 0 if there is none or it is damaged."""
    try:
        with safetensors.safe_open(folder / STATE, framework="pt") as file:
            return int(json.loads(file.metadata()["training"])["step"])
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError):
        return 0


def restore(state: State, folder: Path) -> None:
    """Restore in place the state written by :func:`save`; raises CheckpointError if it is damaged."""
    path = folder / STATE
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            about = file.metadata()
        plain = json.loads(about["training"])
        tensors = safetensors.torch.load(path.read_bytes())
        if "sha256" in about and about["sha256"] != _digest(tensors):  # the first version did not write one
            raise ValueError("sha256")  # noqa: TRY301
        _fill(state, tensors, plain)
    except OSError as error:
        raise CheckpointError(
            f"'{path}' cannot be read ({reason(error)}): get read permission, or use another folder."
        ) from error
    except Exception as error:  # an untrusted file may hold any names, shapes and types
        raise CheckpointError(f"'{path}' is damaged: use another folder.") from error


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _fill(state: State, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> None:
    def part(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    best = part("best.")
    if best:  # to check that it fits; a copy is kept
        state.mean.load_state_dict(best)
    state.best = best
    state.network.load_state_dict(part("network."))
    state.mean.load_state_dict(part("mean."))
    moments: dict[int, dict[str, Tensor]] = {}
    parameters = [p for group in state.optimiser.param_groups for p in group["params"]]
    for name, value in part("optimiser.").items():
        index, key = name.split(".")
        if value.ndim and value.shape != parameters[int(index)].shape:
            raise ValueError(name)
        moments.setdefault(int(index), {})[key] = value
    state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": moments})
    state.step, state.best_step = int(plain["step"]), int(plain["best_step"])
    state.best_f1, state.seconds = float(plain["best_f1"]), float(plain["seconds"])
    state.history = [
        {str(k): float(v) for k, v in row.items()} | {"step": int(row["step"])} for row in plain["history"]
    ]
    if min(state.step, state.best_step) < 0:
        raise ValueError(state.step)


def _as_csv(history: list[dict[str, float]]) -> str:
    text = io.StringIO()
    columns = [*COLUMNS]
    columns += [name for name in (COLUMN, "validation_loss") if any(name in row for row in history)]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: round(v, 6) for k, v in row.items()} for row in history)
    return text.getvalue()
