"""What a training is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.canvas import POLICIES, Policy
from napari_saunetv2.networks import NETWORKS
from napari_saunetv2.training.augmentation import Augmentation
from napari_saunetv2.training.losses import LOSSES


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
        Images are brought to this diameter of the field of view, those that are not near it already
        (:func:`napari_saunetv2.imaging.scale.factor_between`); None leaves all as they are.
    loss : str
        Key in ``LOSSES``.
    steps : int
        Optimiser steps in all.
    batch : int
        Views in a step.
    crop : int, pixels
        Side of a view, a multiple of 16.
    learning_rate : float
        At its peak: it rises over ``warmup`` steps, then falls as ``schedule`` says.
    warmup : int
        Steps.
    schedule : "cosine", "plateau" or "tenth"
        To 0 along half a cosine; halved after every ``halve_after`` validations whose loss is not lower by
        0.0001 than the lowest; or to a tenth after two thirds of the steps.
    halve_after : int
        Validations.
    weight_decay : float
        0 makes AdamW plain Adam.
    clip : float or None
        Length to which a longer gradient is cut; None for none.
    ema : float, [0, 1)
        Decay of the running mean of the weights, which is what is validated and kept.
    precision : "auto", "bfloat16" or "float32"
        Of the convolutions; weights and loss are float32 always. "auto" is bfloat16 where the device has
        instructions for it.
    validation : float, [0, 1)
        Share of the images that are kept from training, at least one; 0 for none, when the last step's
        weights are kept. Which ones depends on their number and order, so that two cycles keep the same.
    validate_every : int
        Steps between two validations.
    best_by : "f1", "loss" or "last"
        Which weights are kept: of the highest F1 or the lowest loss on the validation images, or the last.
    calibrated : bool
        Whether the bias is moved in the end, so that F1 peaks at a probability of 0.5.
    detailed : bool
        Validate before the first step too, so that a base model that is never beaten is what is kept; compare
        weights at the threshold that suits each best; and log the loss on the validation images.
    patience : int or None
        Validations without a better one after which the training ends; None goes on to the last step.
    minutes : float or None
        Time after which the training ends, if its steps have not; the learning rate falls accordingly.
    trains : "all", "decoder" or "head"
        Parts of the network that learn; "decoder" is all that comes after the bridge.
    classes : tuple of str
        Kinds of vessel, one map each, in the order of their values in the labels.
    sparse : bool
        What the labels mean. Dense labels hold 0 for the background and 1, 2, ... for the kinds of vessel (of
        one kind, anything but 0). Sparse labels hold 0 where nobody annotated, then the kinds of vessel, and
        for the background the value after the last of them; what is not annotated takes no part in anything.
    inside_field : bool
        Whether only the field of view takes part.
    seed : int
        Of every random draw but the choice of validation images.
    augmentation : Augmentation
    views : "random" or "published"
        Random crops as ``crop`` and ``augmentation`` say, or whole canvases as SA-UNet's and SA-UNetv2's
        authors augment them (:mod:`napari_saunetv2.training.published`), whatever these say.
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
    schedule: Literal["cosine", "plateau", "tenth"] = "cosine"
    halve_after: int = 10
    weight_decay: float = 0.01
    clip: float | None = 1.0
    ema: float = 0.998
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    validation: float = 0.1
    validate_every: int = 250
    best_by: Literal["f1", "loss", "last"] = "f1"
    calibrated: bool = True
    detailed: bool = False
    patience: int | None = None
    minutes: float | None = None
    trains: Literal["all", "decoder", "head"] = "all"
    classes: tuple[str, ...] = ("vessel",)
    sparse: bool = False
    inside_field: bool = False
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    views: Literal["random", "published"] = "random"

    def __post_init__(self) -> None:
        """Check every setting; raises SettingsError at the first that breaks its rule."""
        for name, why in problems(vars(self)).items():
            raise SettingsError(f"{name} is {getattr(self, name)!r}: it must be {why}.")
        if self.watches_loss and self.validation == 0:
            raise SettingsError(
                "validation is 0: schedule plateau and best_by loss need images to validate on, keep some."
            )

    @property
    def watches_loss(self) -> bool:
        """Whether the loss on the validation images decides about something."""
        return self.schedule == "plateau" or self.best_by == "loss"

    @property
    def by_value(self) -> bool:
        """Whether the values in the labels tell more than vessel from background."""
        return self.sparse or len(self.classes) > 1

    @property
    def weighted(self) -> bool:
        """Whether some pixels may take no part."""
        return self.sparse or self.inside_field

    @property
    def arguments(self) -> dict[str, Any]:
        """With which the network is built: ``network_arguments``, and a map for each class."""
        maps = {"classes": len(self.classes)} if len(self.classes) > 1 else {}
        return {**self.network_arguments, **maps}


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "network": (lambda x: x in NETWORKS, f"one of {', '.join(NETWORKS)}"),
    "padding": (lambda x: x in POLICIES, f"one of {', '.join(POLICIES)}"),
    "fov_diameter": (lambda x: x is None or 16 <= x <= 10_000, "None or a length from 16 to 10,000 pixels"),
    "loss": (lambda x: x in LOSSES, f"one of {', '.join(LOSSES)}"),
    "steps": (lambda x: x >= 1, "at least 1"),
    "batch": (lambda x: x >= 1, "at least 1"),
    "crop": (lambda x: x >= 16 and x % 16 == 0, "a multiple of 16"),
    "learning_rate": (lambda x: 0 < x < 1, "between 0 and 1"),
    "warmup": (lambda x: x >= 0, "at least 0"),
    "schedule": (lambda x: x in ("cosine", "plateau", "tenth"), "cosine, plateau or tenth"),
    "halve_after": (lambda x: x >= 1, "at least 1"),
    "clip": (lambda x: x is None or x > 0, "None or above 0"),
    "best_by": (lambda x: x in ("f1", "loss", "last"), "f1, loss or last"),
    "views": (lambda x: x in ("random", "published"), "random or published"),
    "ema": (lambda x: 0 <= x < 1, "at least 0 and below 1"),
    "precision": (lambda x: x in ("auto", "bfloat16", "float32"), "auto, bfloat16 or float32"),
    "validation": (lambda x: 0 <= x < 1, "at least 0 and below 1"),
    "validate_every": (lambda x: x >= 1, "at least 1"),
    "patience": (lambda x: x is None or x >= 1, "None or at least 1"),
    "minutes": (lambda x: x is None or x > 0, "None or above 0"),
    "trains": (lambda x: x in ("all", "decoder", "head"), "all, decoder or head"),
    "classes": (
        lambda x: len(x) >= 1 and len(set(x)) == len(x) and all(x),
        "one name or more, each another",
    ),
}


def problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Tell which settings break their rule, and the rule: for a form, which shows them all at once."""
    return {
        name: rule for name, (holds, rule) in _RULES.items() if name in values and not holds(values[name])
    }


def from_plain(plain: Mapping[str, Any]) -> TrainConfig:
    """Make settings of what ``asdict`` and JSON made of them; what is missing has its default value."""
    look = dict(plain.get("augmentation", {}))
    if "scale" in look:
        look["scale"] = tuple(look["scale"])
    known = {f.name for f in fields(TrainConfig)}
    values = {k: v for k, v in plain.items() if k in known} | {"augmentation": Augmentation(**look)}
    if "classes" in values:
        values["classes"] = tuple(values["classes"])
    return TrainConfig(**values)
