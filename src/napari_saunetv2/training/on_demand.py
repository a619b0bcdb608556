"""Pairs that are read when they are needed, so that memory does not grow with their number."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, overload

import numpy as np

from napari_saunetv2.datasets import Sample
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.training.pair import Pair

KEPT = 16 * 2**20
"""Bytes of pairs that are kept once read: some ten photographs of DRIVE."""


class Pairs(Sequence[Pair]):
    """A sequence of pairs, of which the first that are read are kept and the others read each time.

    Parameters
    ----------
    names : sequence of str
        Names of the pairs.
    readers : sequence of callable
        Each reads the pair of that name.
    kept : int
        Bytes of pairs that are kept.
    """

    def __init__(
        self, names: Sequence[str], readers: Sequence[Callable[[], Pair]], *, kept: int = KEPT
    ) -> None:
        self.names, self.readers = list(names), list(readers)
        self._room = kept
        self._kept: dict[int, Pair] = {}

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> "Pairs":
        """Pairs of samples of data sets, as :meth:`Pair.of`."""
        samples = list(samples)
        return cls([sample.name for sample in samples], [partial(Pair.of, sample) for sample in samples])

    @classmethod
    def joined(cls, parts: Iterable["Pairs"]) -> "Pairs":
        """All pairs of some sequences, one after the other."""
        parts = list(parts)
        readers = [reader for part in parts for reader in part.readers]
        return cls([name for part in parts for name in part.names], readers)

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, number: int) -> Pair: ...
    @overload
    def __getitem__(self, number: slice) -> "Pairs": ...
    def __getitem__(self, number: int | slice) -> "Pair | Pairs":
        """Read a pair; or take some, without reading them."""
        if isinstance(number, slice):
            return self._some(range(len(self))[number])
        place = range(len(self))[number]
        if place in self._kept:
            return self._kept[place]
        pair = self.readers[place]()
        self._room -= (size := _bytes(pair))
        if self._room >= 0:
            self._kept[place] = pair
        else:
            self._room += size
        return pair

    def only(self, wanted: Callable[[str], bool]) -> "Pairs":
        """Take those whose name is wanted, without reading any."""
        return self._some([place for place, name in enumerate(self.names) if wanted(name)])

    def _some(self, places: Iterable[int]) -> "Pairs":
        places = list(places)
        return Pairs([self.names[n] for n in places], [self.readers[n] for n in places], kept=self._room)


def names_of(pairs: Sequence[Pair]) -> list[str]:
    """Names of pairs, without reading those that are not in memory."""
    return list(pairs.names) if isinstance(pairs, Pairs) else [pair.name for pair in pairs]


def for_model(pairs: Sequence[Pair], base: Checkpoint | None) -> Sequence[Pair]:
    """Give pairs the field of view that a model sees: an OCT angiogram fills its frame."""
    if base is None or base.header.modality != "octa":
        return pairs
    return Pairs(names_of(pairs), [partial(_whole, pairs, number) for number in range(len(pairs))], kept=0)


def _whole(pairs: Sequence[Pair], number: int) -> Pair:
    pair = pairs[number]
    return pair if pair.fov is not None else replace(pair, fov=np.ones(pair.image.shape[:2], np.uint8))


def _bytes(pair: Pair) -> int:
    parts: list[Any] = [pair.image, pair.vessels, pair.fov, pair.prediction, pair.ignored]
    return sum(part.nbytes for part in parts if part is not None)
