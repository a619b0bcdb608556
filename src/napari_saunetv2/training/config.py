"""What a training is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from napari_saunetv2.augmentation import Augmentation
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.canvas import POLICIES, Policy
from napari_saunetv2.losses import LOSSES
from napari_saunetv2.networks import NETWORKS


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one cycle of training; the defaults suit a training from the start.

    Attributes
    ----------
    network : str
        Key in ``NETWORKS``.
    network_arguments : mapping
        With which it is built, for example its DropBlock rate.
    padding : str
        Where an image lies on the canvas: "corner" or "centre".
    fov_diameter : float or None, pixels
        Images are brought to this diameter of the field of view; None leaves them as they are.
    loss : str
        Key in ``LOSSES``.
    steps : int
        Optimiser steps in all.
    batch : int
        Views in a step.
    crop : int, pixels
        Side of a view, a multiple of 16.
    learning_rate : float
        At its peak: it rises over ``warmup`` steps and falls to 0 along a cosine.
    warmup : int
        Steps.
    weight_decay : float
    ema : float, [0, 1)
        Decay of the running mean of the weights, which is what is validated and kept.
    precision : "auto", "bfloat16" or "float32"
        Of the convolutions; weights and loss are float32 always. "auto" is bfloat16 where the device has
        instructions for it.
    validation : float, [0, 1)
        Share of the images that are kept from training, at least one; 0 for none, when the last step's
        weights are kept. Which ones depends on their names alone, so that two cycles keep the same.
    validate_every : int
        Steps between two validations.
    seed : int
        Of every random draw but the choice of validation images.
    augmentation : Augmentation
    """

    network: str = "saunetv2"
    network_arguments: Mapping[str, Any] = field(default_factory=lambda: {"dropblock": 0.1})
    padding: Policy = "corner"
    fov_diameter: float | None = None
    loss: str = "bce_mcc"
    steps: int = 5000
    batch: int = 4
    crop: int = 320
    learning_rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.01
    ema: float = 0.998
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    validation: float = 0.1
    validate_every: int = 250
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        """Check every setting; raises SettingsError at the first that breaks its rule."""
        rules = {
            "network": (self.network in NETWORKS, f"one of {', '.join(NETWORKS)}"),
            "padding": (self.padding in POLICIES, f"one of {', '.join(POLICIES)}"),
            "fov_diameter": (
                self.fov_diameter is None or 16 <= self.fov_diameter <= 10_000,
                "None or a length from 16 to 10,000 pixels",
            ),
            "loss": (self.loss in LOSSES, f"one of {', '.join(LOSSES)}"),
            "steps": (self.steps >= 1, "at least 1"),
            "batch": (self.batch >= 1, "at least 1"),
            "crop": (self.crop >= 16 and self.crop % 16 == 0, "a multiple of 16"),
            "learning_rate": (0 < self.learning_rate < 1, "between 0 and 1"),
            "warmup": (self.warmup >= 0, "at least 0"),
            "ema": (0 <= self.ema < 1, "at least 0 and below 1"),
            "precision": (self.precision in ("auto", "bfloat16", "float32"), "auto, bfloat16 or float32"),
            "validation": (0 <= self.validation < 1, "at least 0 and below 1"),
            "validate_every": (self.validate_every >= 1, "at least 1"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise SettingsError(f"{name} is {getattr(self, name)!r}: it must be {rule}.")
