"""Fine-tuning: what a user sets, the settings that suit, and checks that they match."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.classes import BOTH
from napari_saunetv2.inference import planning
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.training.augmentation import Augmentation
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.config import problems as rules_broken
from napari_saunetv2.training.meaning import meaning
from napari_saunetv2.training.pair import Pair

AUGMENTATIONS: dict[str, Augmentation] = {
    "mild": Augmentation(
        scale=(0.8, 1.25), overhang=0.2, brightness=0.2, contrast=0.2, saturation=0.3, channel=0.1, gamma=1.3,
        blur=0.8, vignetting=0.2, grey=0.05,
    ),
    "strong": Augmentation(),
    "rotations only": Augmentation(
        scale=(1, 1), elastic=0, brightness=0, contrast=0, saturation=0, channel=0, gamma=1, noise=0, blur=0,
        vignetting=0, grey=0,
    ),
}  # fmt: skip
"""Augmentation strengths by name."""

GENTLE = TrainConfig(
    network_arguments={"dropblock": 0.05},
    steps=300,
    batch=4,
    crop=320,
    learning_rate=5e-4,
    warmup=20,
    ema=0.98,
    validation=0.25,
    validate_every=25,
    patience=6,
    compare_with_base=True,
    augmentation=AUGMENTATIONS["mild"],
)
"""Settings to fine-tune a model: a few hundred small steps."""

STROKES = replace(GENTLE, steps=30, batch=2, learning_rate=3e-4, validation=0)
"""Settings to fine-tune a model on sparse labels: strokes are few and quickly memorised."""

AFRESH = replace(
    GENTLE, network_arguments={"dropblock": 0.1}, steps=2000, learning_rate=2e-3, warmup=100, ema=0.998,
    validate_every=100, augmentation=Augmentation(),
)  # fmt: skip
"""Settings for training from scratch."""


_MOST = 8_000_000
"""Maximum pixels in a step: the activations must fit into a laptop's memory."""

_SCALES = ("model", "image")


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a user sets of a fine-tuning; the rest follows from the labels and the base model.

    It may hold anything, so that a form can show everything that is wrong at once (:meth:`problems`); it is
    checked where it becomes the settings of a training (:meth:`config`).

    Attributes
    ----------
    sparse, classes, inside_field, trains, seed
        As of :class:`~.config.TrainConfig`.
    scale : "model" or "image"
        "model" resamples images to the base's scale as inference would, "image" leaves them.
    minutes : float or None
        Maximum time; None for no limit.
    steps, learning_rate, batch, crop, validation, validate_every
        As of :class:`~.config.TrainConfig`; None for those of ``GENTLE``, ``STROKES`` or ``AFRESH``.
    patience : int or None
        Likewise; 0 for no limit.
    dropblock : float or None, [0, 0.5)
        Share of each feature map that is dropped in a step; None likewise.
    augmentation : str or None
        Key in ``AUGMENTATIONS``; None likewise.
    """

    sparse: bool = False
    classes: tuple[str, ...] = ("vessel",)
    inside_field: bool = False
    trains: Literal["all", "decoder", "head"] = "all"
    scale: Literal["model", "image"] = "model"
    minutes: float | None = None
    steps: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    crop: int | None = None
    dropblock: float | None = None
    augmentation: str | None = None
    validation: float | None = None
    validate_every: int | None = None
    patience: int | None = None
    seed: int = 0

    @property
    def by_value(self) -> bool:
        """Whether the label values distinguish more than vessel and background."""
        return self.sparse or len(self.classes) > 1

    def given(self) -> dict[str, Any]:
        """List what differs from the default, by name."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) != f.default}

    def wrong(self) -> dict[str, str]:
        """List the invalid settings by name, with what each must be."""
        found = rules_broken({name: v for name, v in self.given().items() if name != "patience"})
        checks = {
            "scale": (self.scale in _SCALES, " or ".join(_SCALES)),
            "augmentation": (
                self.augmentation in (None, *AUGMENTATIONS),
                f"one of {', '.join(AUGMENTATIONS)}",
            ),
            "dropblock": (0 <= (self.dropblock or 0) < 0.5, "at least 0 and below 0.5"),
            "patience": ((self.patience or 0) >= 0, "at least 0"),
        }
        return found | {name: rule for name, (holds, rule) in checks.items() if not holds}

    def problems(self, images: int) -> dict[str, str]:
        """As :meth:`wrong`, with what does not fit each other or the number of images to train on."""
        start = self._start(from_scratch=False)
        steps, batch, crop, share, every = (
            getattr(start, name) if (value := getattr(self, name)) is None else value
            for name in ("steps", "batch", "crop", "validation", "validate_every")
        )
        checks = {
            "validation": (
                images > 1 and round(share * images) >= images,
                f"less: of {images} images it leaves none to train on",
            ),
            "validate_every": (every > steps, "no more than the steps"),
            "batch": (
                batch * crop**2 > _MOST,
                "less, or the crop smaller: batch x crop x crop fills the memory",
            ),
        }
        return {name: why for name, (wrong, why) in checks.items() if wrong} | self.wrong()

    def config(self, pairs: Sequence[Pair], base: Checkpoint | None) -> TrainConfig:
        """Choose the settings of a training for the given images and base model.

        Parameters
        ----------
        pairs : sequence of Pair
        base : Checkpoint or None
            None trains from scratch.

        Raises
        ------
        SettingsError
            For an invalid setting, and without images.
        """
        if not pairs:
            raise SettingsError("There is no image with labels to train on: give at least one.")
        for name, rule in self.wrong().items():
            raise SettingsError(f"{name} is {getattr(self, name)!r}: it must be {rule}.")
        start = self._start(from_scratch=base is None)
        arguments = dict(start.network_arguments)
        if base is not None:
            header = base.header
            arguments = {k: v for k, v in header.network_arguments.items() if k != "classes"} | arguments
            scale = scale_of(pairs, header.scaled_to) if self.scale == "model" else None
            start = replace(start, network=header.network, padding=header.padding, fov_diameter=scale)
        own = {name: v for name, v in self.given().items() if name not in ("scale", "dropblock")}
        if self.dropblock is not None:
            arguments["dropblock"] = self.dropblock
        if self.augmentation is not None:
            own["augmentation"] = AUGMENTATIONS[self.augmentation]
        if self.patience is not None:
            own["patience"] = self.patience or None
        # A short training needs a short warm-up.
        warmup = min(start.warmup, (self.steps or start.steps) // 10)
        return replace(start, network_arguments=arguments, warmup=warmup, **own)

    def _start(self, *, from_scratch: bool) -> TrainConfig:
        return AFRESH if from_scratch else STROKES if self.sparse else GENTLE


def check(pair: Pair, config: TrainConfig) -> None:
    """Raise ImageError if labels hold invalid values, or nothing is annotated."""
    meaning(pair, config)


def remarks(pairs: Sequence[Pair], config: TrainConfig) -> list[str]:
    """Return remarks on anything unusual about labels and FOV masks; sparse labels may be few."""
    said, both = [], 0
    for pair in pairs:
        said += [f"{pair.name}: {one}" for one in pair.remarks(sparse=config.sparse)]
        both += int(np.count_nonzero(pair.vessels == BOTH))
    if config.unknown is not None and both:
        said.append(f"{both:,} pixels of value 3 are learned as crossings: artery and vein at once.")
    return said


def scale_of(pairs: Sequence[Pair], trained: float | None) -> float | None:
    """Diameter to resample images to: the base's, if inference would resample any of them."""
    if trained is None:
        return None
    off = any(planning.factor_to(pair.inside(), trained) != 1 for pair in pairs)
    return round(float(np.clip(trained, 16, 10_000)), 1) if off else None
