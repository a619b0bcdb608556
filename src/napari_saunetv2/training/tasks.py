"""A fine-tuning that can be resumed after a restart: everything it needs is in one folder.

Beside the run itself (:mod:`napari_saunetv2.training.state`) the folder holds the images and labels as they
were at its start, and its settings; so it can be resumed when layers and files are gone.
"""

import json
import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from napari_saunetv2.datasets.partners import numbered
from napari_saunetv2.errors import CheckpointError, OverwriteError, SaunetError
from napari_saunetv2.files import make_folder, write_beside
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import folders
from napari_saunetv2.training import state as run_folder
from napari_saunetv2.training.config import TrainConfig, from_plain
from napari_saunetv2.training.loop import Report, fine_tune
from napari_saunetv2.training.on_demand import Pairs, names_of
from napari_saunetv2.training.outcome import Outcome
from napari_saunetv2.training.pair import Pair

_TASK, _DATA = "task.json", "data"


@dataclass(frozen=True)
class Task:
    """A fine-tuning in its folder.

    Attributes
    ----------
    folder : Path
    name : str
        Name for its model.
    base : str or None
        Name or path of its base model; None for training from scratch.
    config : TrainConfig
    device : str
    """

    folder: Path
    name: str
    base: str | None
    config: TrainConfig
    device: str = "auto"

    @property
    def data(self) -> Path:
        """Folder of its images and labels."""
        return self.folder / _DATA

    def pairs(self) -> Pairs:
        """List its images and labels, to be read when needed."""
        return folders.pairs(self.data, values=self.config.by_value, known=False)

    def step(self) -> int:
        """Number of saved steps."""
        return run_folder.saved_step(self.folder)

    def discard(self) -> None:
        """Delete the task's folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(
        self, should_stop: Callable[[], bool] | None = None, pairs: Sequence[Pair] | None = None
    ) -> Generator[Report, None, Outcome]:
        """Train or resume, and add the model, if there is one, to the user's own.

        Parameters
        ----------
        pairs : sequence of Pair, optional
            Result of :meth:`pairs`, if already read.
        should_stop : callable, optional
            Called after every step; True ends the training with the best model so far.

        Yields
        ------
        Report

        Returns
        -------
        Outcome
        """
        base = None if self.base is None else checkpoint.load(self.base)
        about = {"dataset": "own images", "base": self.base or "none"}
        yield from fine_tune(
            self.pairs() if pairs is None else pairs, self.config, self.folder, resume=True, base=base,
            device=self.device, data=about, recipe="fine-tune", should_stop=should_stop,
        )  # fmt: skip
        outcome = keep(Outcome.read(self.folder), self.name)
        self.discard()
        return outcome


def root() -> Path:
    """Folder of unfinished tasks (it may not exist yet)."""
    return checkpoint.user_folder().parent / "runs"


def begin(
    name: str, pairs: Sequence[Pair], config: TrainConfig, base: str | None, device: str = "auto"
) -> Task:
    """Write a task to a new folder; raises ImageError if labels and settings do not match."""
    folder = _free(root(), folders.file_names([name])[0])
    task = Task(folder, name, base, config, device)
    export(task.data, pairs, values=config.by_value)
    text = json.dumps({"name": name, "base": base, "device": device, "config": asdict(config)}, indent=1)
    # Last: a folder without it is not a task, so a kill while writing images leaves no task.
    write_beside(folder / _TASK, lambda file: file.write(text.encode()))
    return task


def export(folder: Path, pairs: Sequence[Pair], *, values: bool) -> None:
    """Write pairs to a folder for :func:`folders.pairs` and the command line; parameters as there."""
    folders.write(folder, named(pairs, values=values))


def named(pairs: Sequence[Pair], *, values: bool) -> Pairs:
    """Return pairs as :func:`export` writes them: with valid file names, and labels of 0 and 1.

    With ``values`` the labels are unchanged.
    """
    names = folders.file_names(names_of(pairs))
    readers = [partial(_renamed, pairs, n, name, values=values) for n, name in enumerate(names)]
    return Pairs(names, readers, kept=0)


def _renamed(pairs: Sequence[Pair], number: int, name: str, *, values: bool) -> Pair:
    pair = pairs[number]
    return replace(pair, name=name, vessels=pair.vessels if values else pair.vessels != 0)


def copies() -> Path:
    """Return a new folder for images and labels to be used outside this program."""
    return _free(checkpoint.user_folder().parent / "pairs", "pairs")


def unfinished() -> list[Task]:
    """List the unfinished tasks, newest first; damaged ones are left out."""
    if not root().is_dir():
        return []
    found = [task for folder in root().iterdir() if (task := _read(folder)) is not None]
    return sorted(found, key=lambda task: task.folder.stat().st_mtime, reverse=True)


def keep(outcome: Outcome, name: str) -> Outcome:
    """Add a run's model and log to the user's models, with that name or, if taken, a similar one.

    An outcome without a model is returned unchanged.
    """
    if outcome.model is None:
        return outcome
    folder = checkpoint.user_folder()
    make_folder(folder)
    taken = {info.name for info in checkpoint.available(kind=None)} | {p.stem for p in folder.iterdir()}
    chosen = numbered(name, taken.__contains__, "-")
    contents, log = outcome.model.read_bytes(), outcome.log.read_bytes()
    path = write_beside(folder / f"{chosen}{checkpoint.SUFFIX}", lambda file: file.write(contents))
    log_path = write_beside(folder / f"{chosen}.csv", lambda file: file.write(log), overwrite=True)
    return outcome.kept_as(chosen, path, log_path)


def free_name(base: str | None) -> str:
    """Suggest a name for a model trained from another, or from scratch."""
    return numbered(
        (base or "own").removesuffix("-mine") + "-mine", lambda name: bool(problem_of_name(name)), "-"
    )


def problem_of_name(name: str) -> str | None:
    """Reason why a model cannot have that name, or None."""
    if not name.strip():
        return "it must have a name"
    if folders.file_names([name])[0] != name:
        return "letters, digits, '-', '_' and '.' only"
    if any(info.name == name for info in checkpoint.available(kind=None)):
        return "a model of that name exists: choose another"
    return None


def _read(folder: Path) -> Task | None:
    try:
        plain: dict[str, Any] = json.loads((folder / _TASK).read_text(encoding="utf-8"))
        config = from_plain(plain["config"])
        return Task(folder, str(plain["name"]), plain["base"], config, str(plain["device"]))
    except (OSError, ValueError, KeyError, TypeError, SaunetError):
        return None


def _free(parent: Path, name: str) -> Path:
    for number in range(1, 10_000):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise CheckpointError(
                f"'{folder}' cannot be created ({error.strerror}): free disk space."
            ) from error
        return folder
    raise OverwriteError(f"'{parent}' is full of runs called '{name}': choose another name.")
