"""The images of a training, prepared for sampling."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging import plausibility
from napari_saunetv2.training.blocks import in_blocks
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.views import Prepared, prepare, split


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
    in_blocks : bool
        Whether both are parts of one image.
    """

    train: Sequence[Prepared]
    validation: Sequence[Prepared]
    names: tuple[list[str], list[str]]
    device: torch.device
    pairs: Sequence[Pair]
    in_blocks: bool = False

    @property
    def validated_on(self) -> str:
        """Names of the validation images, or of the held-out part of a single image."""
        return f"blocks of {self.train[0].name}" if self.in_blocks else ", ".join(self.names[1]) or "nothing"

    def diameter(self) -> float | None:
        """Diameter of the field of view in pixels, median over the images as they were given."""
        found = [d for d in (pair.diameter() for pair in self.pairs) if d is not None]
        return float(np.median(found)) if found else None


def load(pairs: Sequence[Pair], config: TrainConfig, device: torch.device) -> TrainingData:
    """Split images into training and validation images, and pad them to their canvases.

    Raises
    ------
    SettingsError, ImageError
        If validation leaves nothing to train on, whole canvases differ in size, or labels are invalid.
    """
    for pair in pairs:
        plausibility.log(pair.name, pair.remarks(sparse=config.sparse))
    train, held = split([pair.name for pair in pairs], config.validation)
    names = [pairs[n].name for n in train], [pairs[n].name for n in held]
    images = [prepare(pairs[n], config) for n in train]
    validation = [prepare(pairs[n], config) for n in held]
    blocks = len(pairs) == 1 and config.validation > 0
    if blocks:
        images[0], part = in_blocks(images[0], config.validation)
        validation = [part]
    if config.views == "published":
        _check_one_size(images)
    if config.shares:
        images = _shared(images, [pairs[n].source for n in train], config.shares)
    if device.type != "cpu":
        images = [image.to(device) for image in images]
    return TrainingData(images, validation, names, device, pairs, blocks)


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
    shapes = sorted({tuple(image.canvas.shape[1:]) for image in images})
    if len(shapes) > 1:
        least, most = (f"{width} x {height}" for height, width in (shapes[0], shapes[-1]))
        raise SettingsError(
            f"views is published: whole canvases of {least} and {most} pixels cannot form a batch; train on "
            "images of one size or set views to random."
        )
