"""Background work of the Fine-tune widget: read the pairs, start, train, and wait while paused."""

import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
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
from napari_saunetv2.training import Outcome, Pair, Report, Task, Tuning, steps, tasks
from napari_saunetv2.training.folders import Entry
from napari_saunetv2.training.on_demand import Pairs, for_model
from napari_saunetv2.training.tuning import check, remarks

_PATIENCE = 0.5
"""Seconds to wait for the first preview layer: reports in quick succession are not all shown."""


class Begun(NamedTuple):
    """The start of a training.

    Attributes
    ----------
    task : Task
    pairs : Pairs
        Of the task's files, read when needed: a stack in memory needs no second copy.
    rows : dict
        Row of the table for the name of each pair.
    remarks : list of str
        Remarks on anything unusual about labels and masks.
    """

    task: Task
    pairs: Pairs
    rows: dict[str, int]
    remarks: list[str]


@dataclass
class Control:
    """The buttons' state, shared with the thread."""

    stop: threading.Event = field(default_factory=threading.Event)
    paused: threading.Event = field(default_factory=threading.Event)
    shown: threading.Event = field(default_factory=threading.Event)
    """Set when the first preview is on the screen."""

    def toggle_pause(self) -> bool:
        """Pause, or go on; returns whether it is paused now."""
        if self.paused.is_set():
            self.paused.clear()
        else:
            self.paused.set()
        return self.paused.is_set()


class Picked:
    """A copy of a row's layers, which may change or be removed while the training runs."""

    def __init__(self, chosen: Chosen, *, values: bool) -> None:
        self._entry: Entry | None = chosen.image if isinstance(chosen.image, Entry) else None
        self._values = values
        self.name = chosen.name
        if isinstance(chosen.image, Image):
            self._planes = Planes(chosen.image)
            self._labels = _array(chosen.labels)
            self._prediction = _prediction(chosen.labels)
            self._fov = None if chosen.fov is None else _array(chosen.fov)

    def pairs(self) -> Pairs:
        """List it, to be read when needed: of a stack, every plane with annotations.

        Raises
        ------
        ImageError
            If nothing is annotated.
        """
        if self._entry is not None:
            return Pairs([self.name], [partial(self._entry.pair, values=self._values)])
        count = len(self._planes)
        drawn = [n for n in range(count) if np.any(self._labels[self._planes.index(n)])]
        if not drawn:
            raise ImageError(f"Nothing is annotated on '{self.name}': paint its vessels, or untick it.")
        names = [self.name if count == 1 else f"{self.name} {n:03}" for n in drawn]
        return Pairs(names, [partial(self._plane, *one) for one in zip(drawn, names, strict=True)])

    def _plane(self, number: int, name: str) -> Pair:
        index = self._planes.index(number)
        labels = np.array(self._labels[index])  # a copy: somebody may be painting on
        inside = None if self._fov is None else np.array(self._fov[index])
        before = None if self._prediction is None else self._prediction[index]
        return Pair(name, self._planes[number], labels, inside, prediction=before)


def warm_up() -> Generator[None, None, None]:
    """Import what a training needs in advance: otherwise the window would freeze at its start."""
    yield
    steps.warm_up()


def begin(
    picked: Sequence[Picked],
    name: str,
    base: str | None,
    tuning: Tuning,
    device: str,
    control: Control,
) -> Generator[Report | Begun, None, Outcome]:
    """Read pairs, save them as a task, and train."""
    by_row = [one.pairs() for one in picked]
    start = None if base is None else checkpoint.load(base)
    pairs = for_model(Pairs.joined(by_row), start)
    rows = [number for number, some in enumerate(by_row) for _ in some.names]
    config = tuning.config(pairs, start)
    for pair in pairs:
        check(pair, config)  # before writing anything
    task = tasks.begin(name, pairs, config, base, device)
    places = dict(zip(tasks.named(pairs, values=config.by_value).names, rows, strict=True))
    del pairs, by_row  # what was read of them is not needed again
    written = task.pairs()  # as when the task is resumed
    return (yield from _train(Begun(task, written, places, remarks(written, config)), control))


def go_on(task: Task, control: Control) -> Generator[Report | Begun, None, Outcome]:
    """Resume the training of a task."""
    return (yield from _train(Begun(task, task.pairs(), {}, []), control))


def _train(begun: Begun, control: Control) -> Generator[Report | Begun, None, Outcome]:
    """Train; while paused, the last report is yielded repeatedly."""
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
                    # Adding a layer is the window's heaviest work: let it have the processor to itself.
                    control.shown.wait(_PATIENCE)
                while control.paused.is_set() and not control.stop.is_set():
                    time.sleep(0.05)
                    yield report
        finally:
            work.close()


def export(picked: Sequence[Picked], folder: Path, *, values: bool) -> Generator[None, None, Path]:
    """Write pairs to a folder, for a script or a command line."""
    for one in picked:
        tasks.export(folder, one.pairs(), values=values)
        yield
    return folder


def _prediction(layer: Labels) -> NDArray[Any] | None:
    """The original prediction below painted labels."""
    before = edits.drawn(layer) if ROLE in layer.metadata else None
    return before if before is not None and before.shape == layer.data.shape else None


def _array(layer: Labels) -> Any:
    return layer.data[0] if layer.multiscale else layer.data
