"""The images of a training, prepared for sampling."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging import plausibility
from napari_saunetv2.training.blocks import in_blocks
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.on_demand import names_of
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.store import Store
from napari_saunetv2.training.views import Prepared, prepare


@dataclass(frozen=True)
class TrainingData:
    """Training and validation images of a training.

    Attributes
    ----------
    train, validation : sequence of Prepared
        Images to train on, and to validate on.
    names : (list of str, list of str)
        Names of the images in them.
    device : torch.device
    pairs : sequence of Pair
        The original pairs.
    folder : Path
        Of the run, for what does not fit into memory.
    in_blocks : bool
        Whether both are parts of one image.
    """

    train: Sequence[Prepared]
    validation: Sequence[Prepared]
    names: tuple[list[str], list[str]]
    device: torch.device
    pairs: Sequence[Pair]
    folder: Path
    in_blocks: bool = False

    @property
    def validated_on(self) -> str:
        """Names of the validation images, or of the held-out part of a single image."""
        return f"blocks of {self.train[0].name}" if self.in_blocks else ", ".join(self.names[1]) or "nothing"

    @property
    def sampled(self) -> list[Prepared]:
        """Training images that views are taken from: those of a data set with a share of 0 are not."""
        return [image for image in self.train if image.chance > 0]

    @property
    def learned(self) -> list[str]:
        """Names of these images."""
        pairs = zip(self.names[0], self.train, strict=True)
        return [name for name, image in pairs if image.chance > 0]

    def diameter(self) -> float | None:
        """Diameter of the field of view in pixels, median over the images as they were given."""
        found = [d for d in (pair.diameter() for pair in self.pairs) if d is not None]
        return float(np.median(found)) if found else None


def load(
    pairs: Sequence[Pair], config: TrainConfig, device: torch.device, folder: Path, store: Store | None = None
) -> TrainingData:
    """Split images into training and validation images, and pad them to their canvases.

    Each pair is read once, and its canvases are in memory only where they fit (:mod:`~.store`).

    Parameters
    ----------
    pairs : sequence of Pair
    config : TrainConfig
    device : torch.device
    folder : Path
        Of the run.
    store : Store, optional
        For the canvases; by default a new one in the folder.

    Raises
    ------
    SettingsError, ImageError
        If validation leaves nothing to train on, whole canvases differ in size, or labels are invalid.
    FileFormatError
        If a file cannot be read, or the folder cannot hold the images.
    """
    all_names, store = names_of(pairs), store or Store(folder)
    train, held = split(all_names, config.validation)
    names = [all_names[n] for n in train], [all_names[n] for n in held]
    blocks = len(pairs) == 1 and config.validation > 0
    cpu, found, sources, part = torch.device("cpu"), {}, {}, []
    for count, n in enumerate(train + held, start=1):
        pair = pairs[n]
        plausibility.log(pair.name, pair.remarks(sparse=config.sparse))
        image, sources[n] = prepare(pair, config), pair.source
        if blocks:
            image, own = in_blocks(image, config.validation)
            part = [own.put_in(store, cpu)]
        found[n] = image.put_in(store, device if n in train else cpu, more=len(pairs) - count)
    images = [found[n] for n in train]
    if config.views == "published":
        _check_one_size(images)
    if config.shares:
        images = _shared(images, [sources[n] for n in train], config.shares)
    return TrainingData(images, part or [found[n] for n in held], names, device, pairs, folder, blocks)


def split(names: Sequence[str], share: float) -> tuple[list[int], list[int]]:
    """Indices of the images to train on and to validate on; the latter at least one where share > 0.

    Raises
    ------
    SettingsError
        For a share that leaves no image to train on.
    """
    held = 0 if share == 0 or len(names) < 2 else max(1, round(share * len(names)))
    order = np.random.default_rng(0).permutation(len(names))
    if held >= len(names):
        raise SettingsError(
            f"validation is {share:g}: of {len(names)} images that leaves none to train on; use a smaller "
            "share."
        )
    return sorted(map(int, order[held:])), sorted(map(int, order[:held]))


def _shared(
    images: Sequence[Prepared], sources: Sequence[str], shares: Mapping[str, float]
) -> list[Prepared]:
    """Give each image its part of its data set's share."""
    missing = sorted({repr(source) for source in sources if source not in shares})
    if missing:
        raise SettingsError(
            f"shares name no {', '.join(missing)}: give a share for every data set, or leave them all out."
        )
    if not any(shares[source] for source in sources):
        given = ", ".join(sorted(set(sources)))
        wanted = ", ".join(repr(source) for source, share in shares.items() if share)
        raise SettingsError(f"shares are 0 for all these photographs ({given}): give some of {wanted}.")
    counts = Counter(sources)
    return [
        replace(image, chance=shares[source] / counts[source])
        for image, source in zip(images, sources, strict=True)
    ]


def _check_one_size(images: Sequence[Prepared]) -> None:
    """Refuse uncropped canvases of different sizes, which cannot form a batch."""
    shapes = sorted({tuple(image.in_use.held.shape[1:]) for image in images})
    if len(shapes) > 1:
        least, most = (f"{width} x {height}" for height, width in (shapes[0], shapes[-1]))
        raise SettingsError(
            f"views is published: whole canvases of {least} and {most} pixels cannot form a batch; train on "
            "images of one size or set views to random."
        )
