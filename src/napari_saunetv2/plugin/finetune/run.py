"""What the Fine-tune widget does in its thread: read the pairs, begin, train, and wait while it is paused."""

import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_saunetv2.engines import devices
from napari_saunetv2.errors import ImageError
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.common.layers import Planes
from napari_saunetv2.plugin.common.roles import ROLE
from napari_saunetv2.plugin.finetune.pairs_table import Chosen
from napari_saunetv2.plugin.session import edits
from napari_saunetv2.training import Outcome, Pair, Report, Task, steps, tasks, tuning
from napari_saunetv2.training.folders import Entry

_PATIENCE = 0.5
"""Seconds to wait for the first prediction's layer: a report too soon after another is not shown."""


class Begun(NamedTuple):
    """A training that begins.

    Attributes
    ----------
    task : Task
    pairs : list of Pair
    rows : dict
        For the name of each pair the row of the table that it came from.
    remarks : list of str
        What is unusual about labels and masks.
    """

    task: Task
    pairs: list[Pair]
    rows: dict[str, int]
    remarks: list[str]


@dataclass
class Control:
    """The buttons, as the thread sees them."""

    stop: threading.Event = field(default_factory=threading.Event)
    paused: threading.Event = field(default_factory=threading.Event)
    shown: threading.Event = field(default_factory=threading.Event)
    """That the first prediction is on the screen."""

    def toggle_pause(self) -> bool:
        """Pause, or go on; returns whether it is paused now."""
        if self.paused.is_set():
            self.paused.clear()
        else:
            self.paused.set()
        return self.paused.is_set()


class Picked:
    """A row of the table, taken out of its layers: these may change or go while the training runs."""

    def __init__(self, chosen: Chosen, *, values: bool) -> None:
        self._entry: Entry | None = chosen.image if isinstance(chosen.image, Entry) else None
        self._values = values
        self.name = chosen.name
        if isinstance(chosen.image, Image):
            self._planes = Planes(chosen.image)
            self._labels = _array(chosen.labels)
            self._prediction = _prediction(chosen.labels)
            self._field = None if chosen.field is None else _array(chosen.field)

    def pairs(self) -> list[Pair]:
        """Read it: of a stack every plane on which somebody annotated something.

        Raises
        ------
        ImageError
            Where nothing is annotated.
        """
        if self._entry is not None:
            return [self._entry.pair(values=self._values)]
        planes, found = self._planes, []
        for number in range(len(planes)):
            index = planes.index(number)
            labels = np.array(self._labels[index])  # a copy: somebody may be painting on
            if labels.any():
                name = self.name if len(planes) == 1 else f"{self.name} {number:03}"
                inside = None if self._field is None else np.array(self._field[index])
                drawn = None if self._prediction is None else self._prediction[index]
                found.append(Pair(name, planes[number], labels, inside, prediction=drawn))
        if not found:
            raise ImageError(f"Nothing is annotated on '{self.name}': paint its vessels, or untick it.")
        return found


def warm_up() -> Generator[None, None, None]:
    """Load what a training needs before one is begun: the window would stand still at its start."""
    yield
    steps.warm_up()


def begin(
    picked: Sequence[Picked],
    name: str,
    base: str | None,
    changes: dict[str, Any],
    device: str,
    control: Control,
) -> Generator[Report | Begun, None, Outcome]:
    """Read pairs, write them down as a task, and train."""
    by_row = [one.pairs() for one in picked]
    pairs = [pair for some in by_row for pair in some]
    rows = [number for number, some in enumerate(by_row) for _ in some]
    start = None if base is None else checkpoint.load(base)
    config = tuning.settings(pairs, start, **_looked_up(changes))
    for pair in pairs:
        tuning.check(pair, config)  # before anything is written
    task = tasks.begin(name, pairs, config, base, device)
    named = tasks.named(pairs, values=config.by_value)
    places = {pair.name: row for pair, row in zip(named, rows, strict=True)}
    remarks = tuning.remarks(named, config)
    named.sort(key=lambda pair: pair.name)  # as they are read when the task is gone on with
    return (yield from _train(Begun(task, named, places, remarks), control))


def go_on(task: Task, control: Control) -> Generator[Report | Begun, None, Outcome]:
    """Train a task on, from where it was left."""
    return (yield from _train(Begun(task, task.pairs(), {}, []), control))


def _train(begun: Begun, control: Control) -> Generator[Report | Begun, None, Outcome]:
    """Train; a pause yields the last report over and over."""
    with devices.sparing_a_core():
        yield begun
        work = begun.task.run(control.stop.is_set, begun.pairs)
        try:
            while True:
                try:
                    report = next(work)
                except StopIteration as end:
                    outcome: Outcome = end.value
                    return outcome
                yield report
                if report.preview is not None:
                    # A new layer is the window's heaviest work: it is not to share the processor meanwhile.
                    control.shown.wait(_PATIENCE)
                while control.paused.is_set() and not control.stop.is_set():
                    time.sleep(0.05)
                    yield report
        finally:
            work.close()


def export(picked: Sequence[Picked], folder: Path, *, values: bool) -> Generator[None, None, Path]:
    """Write pairs into a folder, for a program or a command line."""
    for one in picked:
        tasks.export(folder, one.pairs(), values=values)
        yield
    return folder


def _looked_up(changes: dict[str, Any]) -> dict[str, Any]:
    return {**changes, "augmentation": tuning.augmentation(changes["augmentation"])}


def _prediction(layer: Labels) -> NDArray[Any] | None:
    """What the program had drawn on labels of its own before somebody painted on them."""
    before = edits.drawn(layer) if ROLE in layer.metadata else None
    return before if before is not None and before.shape == layer.data.shape else None


def _array(layer: Labels) -> Any:
    return layer.data[0] if layer.multiscale else layer.data
