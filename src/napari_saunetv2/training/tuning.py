"""Fine-tuning: suitable settings, and checks that they match."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.classes import BOTH
from napari_saunetv2.imaging.scale import factor_between
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.training.augmentation import Augmentation
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.config import problems as rules_broken
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.views import meaning

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


def problems(values: Mapping[str, Any], images: int) -> dict[str, str]:
    """Return the settings of a form that are invalid or do not match, with the reasons.

    Parameters
    ----------
    values : mapping
        Fields of ``TrainConfig``, and dropblock.
    images : int
        Number of images to train on.
    """
    found = rules_broken(values)
    held = round(values["validation"] * images)
    checks = {
        "validation": (images > 1 and held >= images, f"less: of {images} images it leaves none to train on"),
        "validate_every": (values["validate_every"] > values["steps"], "no more than the steps"),
        "batch": (
            values["batch"] * values["crop"] ** 2 > _MOST,
            "less, or the crop smaller: batch x crop x crop fills the memory",
        ),
        "dropblock": (not 0 <= values["dropblock"] < 0.5, "at least 0 and below 0.5"),
    }
    for name, (wrong, why) in checks.items():
        if wrong:
            found.setdefault(name, why)
    return found


def augmentation(name: str) -> Augmentation:
    """Look up an augmentation by name; raises SettingsError for an unknown name."""
    if name not in AUGMENTATIONS:
        raise SettingsError(f"augmentation is '{name}': it must be one of {', '.join(AUGMENTATIONS)}.")
    return AUGMENTATIONS[name]


def settings(pairs: Sequence[Pair], base: Checkpoint | None, **changes: Any) -> TrainConfig:
    """Choose settings for the given images and base model.

    Parameters
    ----------
    pairs : sequence of Pair
    base : Checkpoint or None
        None trains from scratch.
    **changes
        Settings that differ from those of ``GENTLE`` or ``AFRESH``; also ``dropblock`` and ``scale``: "model"
        resamples images to the base's scale as inference would, "image" leaves them.

    Raises
    ------
    SettingsError
        For an invalid setting.
    """
    if not pairs:
        raise SettingsError("There is no image with labels to train on: give at least one.")
    scale, dropblock = changes.pop("scale", "model"), changes.pop("dropblock", None)
    if scale not in ("model", "image"):
        raise SettingsError(f"scale is {scale!r}: it must be 'model' or 'image'.")
    start = AFRESH if base is None else STROKES if changes.get("sparse") else GENTLE
    if base is not None:
        header = base.header
        arguments = {k: v for k, v in header.network_arguments.items() if k != "classes"}
        start = replace(
            start,
            network=header.network,
            network_arguments=arguments | dict(start.network_arguments),
            padding=header.padding,
            fov_diameter=scale_of(pairs, header.fov_diameter) if scale == "model" else None,
        )
    if dropblock is not None:
        changes["network_arguments"] = {**start.network_arguments, "dropblock": dropblock}
    steps = changes.get("steps", start.steps)
    # A short training needs a short warm-up.
    changes.setdefault("warmup", min(start.warmup, steps // 10))
    return replace(start, **changes)


def check(pair: Pair, config: TrainConfig) -> None:
    """Raise ImageError if labels hold invalid values, or nothing is annotated."""
    meaning(pair, config)


def remarks(pairs: Sequence[Pair], config: TrainConfig) -> list[str]:
    """Return remarks on anything unusual about labels and FOV masks; sparse labels may be few."""
    said = [f"{pair.name}: {one}" for pair in pairs for one in pair.remarks(sparse=config.sparse)]
    both = sum(int(np.count_nonzero(pair.vessels == BOTH)) for pair in pairs)
    if config.unknown is not None and both:
        said.append(f"{both:,} pixels of value 3 are learned as crossings: artery and vein at once.")
    return said


def scale_of(pairs: Sequence[Pair], trained: float | None) -> float | None:
    """Diameter to resample images to: the base's, if inference would resample any of them."""
    if trained is None:
        return None
    found = [d for d in (pair.diameter() for pair in pairs) if d is not None]
    off = any(factor_between(d, trained) != 1 for d in found)
    return round(float(np.clip(trained, 16, 10_000)), 1) if off else None
