"""A named training: which photographs it takes, and its cycles, one after the other."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from napari_saunetv2 import datasets
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import LayoutError, SettingsError
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import folders
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.loop import Report, fine_tune
from napari_saunetv2.training.on_demand import Pairs
from napari_saunetv2.training.pair import Pair


@dataclass(frozen=True)
class Recipe:
    """A named training.

    Attributes
    ----------
    cycles : tuple of TrainConfig
        Trained in sequence, each from the weights of the previous one.
    images : mapping of str to frozenset of str
        Names of the images to train on, for data sets of which only some training images are used.
    base : str or None
        Model whose weights the first cycle starts from.
    labels : mapping of str to str
        Data sets whose photographs are used with other labels: key of the data set found in a folder, and the
        key to read it by.
    first : int
        Number of the first of its cycles, where earlier ones are left out.
    """

    cycles: tuple[TrainConfig, ...]
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)
    base: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    first: int = 1

    def beginning_with(self, number: int) -> "Recipe":
        """Leave out the cycles before a number; the others keep their seeds. Raises SettingsError."""
        skipped = number - self.first
        if not 0 <= skipped < len(self.cycles):
            last = self.first + len(self.cycles) - 1
            raise SettingsError(f"There is no cycle {number}: choose one from {self.first} to {last}.")
        return replace(self, cycles=self.cycles[skipped:], first=number)

    def pairs(self, root: Path) -> Pairs:
        """List photographs to train on in the folder of a data set, or in one that the shares name.

        The latter has the subfolders ``images`` and ``labels``, and its name in ``shares``. Its files are
        called by data set and photograph, as "aria_500", so that nothing takes it for the data set itself.

        Raises
        ------
        LayoutError
            If it is neither, or its labels do not tell the classes that are learned.
        """
        key = root.resolve().name
        if datasets.recognise(root) is None and any(key in cycle.shares for cycle in self.cycles):
            found = folders.pairs(root, values=self.cycles[0].by_value, known=False)
            names = [name.removeprefix(f"{key}_") for name in found.names]
            readers = [
                partial(_called, read, name, key) for read, name in zip(found.readers, names, strict=True)
            ]
            return Pairs(names, readers)
        samples = self.samples(root)
        if len(self.cycles[0].classes) > 1 and not all(sample.has_classes for sample in samples):
            raise LayoutError(
                f"'{root}' has labels of vessels, which do not tell {' from '.join(self.cycles[0].classes)}: "
                "give a data set that does, or a folder with such labels."
            )
        return Pairs.of(samples)

    def source(self, root: Path) -> str:
        """Key of the data set that :meth:`pairs` reads in a folder."""
        found = datasets.recognise(root)
        return root.resolve().name if found is None else self.labels.get(found, found)

    def samples(self, root: Path) -> list[Sample]:
        """Photographs in the folder of a data set to train on; raises LayoutError if it is of none."""
        found = datasets.recognise(root)
        return [s for s in datasets.read(root, self.labels.get(found or "")) if self.takes(s)]

    def takes(self, sample: Sample) -> bool:
        """Whether to train on a photograph."""
        if not sample.label_paths:
            return False
        names = self.images.get(sample.dataset)
        return sample.split in ("train", None) if names is None else sample.name in names

    def train(
        self,
        pairs: Sequence[Pair],
        run: Path,
        *,
        resume: bool = False,
        base: checkpoint.Checkpoint | None = None,
        device: str = "auto",
        data: Mapping[str, Any] | None = None,
        name: str = "own",
    ) -> Generator[Report, None, Path]:
        """Train through all cycles; parameters, reports and errors as of :func:`fine_tune`.

        The last cycle's folder is ``run`` itself; earlier ones are subfolders ``cycle-1``, ...
        """
        base = base or (checkpoint.load(self.base) if self.base else None)
        seeded = enumerate(self.cycles, start=self.first)
        *before, last = (replace(config, seed=config.seed + number - 1) for number, config in seeded)
        for number, config in enumerate(before, start=self.first):
            path = yield from fine_tune(
                pairs, config, run / f"cycle-{number}", resume=resume, base=base, device=device, data=data,
                recipe=name,
            )  # fmt: skip
            base = replace(checkpoint.load(_kept(path)), name=f"cycle {number}")
        path = yield from fine_tune(
            pairs, last, run, resume=resume, base=base, device=device, data=data, recipe=name
        )
        return _kept(path)


def _kept(path: Path | None) -> Path:
    if path is None:
        raise SettingsError(
            "compare_with_base is True: no step beat the base of the cycle, so no model was written; set it "
            "to False in a recipe to always get one."
        )
    return path


def _called(read: Callable[[], Pair], name: str, source: str) -> Pair:
    return replace(read(), name=name, source=source)
