"""Trainings that have a name: which photographs, and the cycles that a network goes through."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_saunetv2 import checkpoint
from napari_saunetv2.augmentation import Augmentation
from napari_saunetv2.datasets import Sample
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.loop import Report, fine_tune
from napari_saunetv2.training.views import Pair

DRIVE_DIAMETER = 540.0
"""Diameter in pixels of DRIVE's field of view."""

STARE_FIRST_TEN = frozenset(f"im{n:04}" for n in (1, 2, 3, 4, 5, 44, 77, 81, 82, 139))
"""STARE has no split; this half and the other are the one that Galdran et al. (2022) train and test on."""

HRF_FIRST_THREE = frozenset(f"{n:02}_{group}" for n in (1, 2, 3) for group in ("h", "g", "dr"))
"""Of the five of each group that are training images; the others stay unseen."""


@dataclass(frozen=True)
class Recipe:
    """A training with a name.

    Attributes
    ----------
    cycles : tuple of TrainConfig
        One after another, each from the weights of the one before.
    images : mapping of str to frozenset of str
        Names of the images to train on, for data sets of which not all training images are taken.
    base : str or None
        Model whose weights the first cycle starts from.
    """

    cycles: tuple[TrainConfig, ...]
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)
    base: str | None = None

    def takes(self, sample: Sample) -> bool:
        """Say whether a photograph is one to train on."""
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

        The last cycle's folder is ``run`` itself, those before are in it: ``cycle-1``, ...
        """
        base = base or (checkpoint.load(self.base) if self.base else None)
        *before, last = (replace(config, seed=config.seed + n) for n, config in enumerate(self.cycles))
        for number, config in enumerate(before, start=1):
            path = yield from fine_tune(
                pairs, config, run / f"cycle-{number}", resume=resume, base=base, device=device, data=data,
                recipe=name,
            )  # fmt: skip
            base = replace(checkpoint.load(path), name=f"cycle {number}")
        return (
            yield from fine_tune(
                pairs, last, run, resume=resume, base=base, device=device, data=data, recipe=name
            )
        )


_MILD = Augmentation(
    scale=(0.8, 1.25), overhang=0.2, brightness=0.2, contrast=0.2, saturation=0.3, channel=0.1, gamma=1.3,
    blur=0.8, vignetting=0.2, grey=0.05,
)  # fmt: skip

# Larger views, about as dark as whole canvases, stronger colours, less dropped, nothing kept for validation.
_SECOND = TrainConfig(
    network_arguments={"dropblock": 0.05}, steps=6000, batch=2, crop=448, learning_rate=1.5e-3, validation=0
)

# Whole canvases as in use, half of them not resampled; hardly anything dropped: by now the network fits its
# training images little better than others.
_THIRD = replace(
    _SECOND,
    network_arguments={"dropblock": 0.02},
    steps=1500,
    crop=592,
    learning_rate=1e-3,
    warmup=100,
    ema=0.995,
    augmentation=replace(_MILD, overhang=0.0, crisp=0.5),
)

# The same again from a high rate, and nothing dropped: the third cycle was still gaining when it ended.
_FOURTH = replace(_THIRD, network_arguments={"dropblock": 0.0}, steps=3000, ema=0.998)

# From a model that knows vessels to another camera: shorter, at a lower rate.
_TRANSFER = replace(_SECOND, steps=2000, learning_rate=1e-3)

RECIPES: dict[str, Recipe] = {
    "drive": Recipe((TrainConfig(augmentation=_MILD), _SECOND, _THIRD, _FOURTH)),
    "stare": Recipe((_TRANSFER,), images={"stare": STARE_FIRST_TEN}, base="saunetv2-drive"),
    # At three quarters of their scale CHASE's labels keep an F1 of .992 against themselves.
    "chase": Recipe((replace(_TRANSFER, fov_diameter=690.0),), base="saunetv2-drive"),
    "general": Recipe(
        (replace(_SECOND, fov_diameter=DRIVE_DIAMETER),),
        images={"stare": STARE_FIRST_TEN, "hrf": HRF_FIRST_THREE},
        base="saunetv2-drive",
    ),
    "saunet-drive": Recipe((TrainConfig(network="saunet", padding="centre", steps=6000, validation=0),)),
    "rsan-drive": Recipe((TrainConfig(network="rsan", padding="centre", steps=6000, validation=0),)),
}
"""Each is one command: ``saunetv2 train --recipe NAME DATA... -o RUN``."""
