"""Settings of a training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.canvas import POLICIES, Policy
from napari_saunetv2.imaging.classes import UNKNOWN, is_artery_vein
from napari_saunetv2.networks import NETWORKS
from napari_saunetv2.training.augmentation import Augmentation
from napari_saunetv2.training.losses import LOSSES


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training cycle; the defaults suit training from scratch.

    Attributes
    ----------
    network : str
        Key in ``NETWORKS``.
    network_arguments : mapping
        Arguments to build it, for example its DropBlock rate.
    padding : str
        Where an image lies on the canvas: "corner" or "centre".
    fov_diameter : float or None, pixels
        Images are resampled to this diameter of the field of view, unless they are already close
        (:func:`napari_saunetv2.imaging.scale.factor_between`); None leaves all images unchanged.
    scales : tuple of float
        Scales at which a photograph is held in training, relative to that in use (1, which is always held):
        views of other magnifications are taken from them, as sharp as photographs of that scale.
    shares : mapping of str to float
        Relative frequency of views of each data set, by its key; empty for images of all data sets alike.
    observers : tuple of str
        Data sets whose observers are told apart: the last layer has an output map for each while training,
        because one draws vessels wider than another. The model that is written has one map
        (:mod:`napari_saunetv2.training.observers`).
    common : float, [0, 1)
        Share of views from which a map learns that tells no observers apart, instead of the observer's own.
    loss : str
        Key in ``LOSSES``.
    steps : int
        Total number of optimiser steps.
    batch : int
        Views in a step.
    crop : int, pixels
        Side of a view, a multiple of 16.
    learning_rate : float
        Peak value: it rises over ``warmup`` steps, then falls according to ``schedule``.
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
        Maximum gradient norm; None for no clipping.
    ema : float, [0, 1)
        Decay of the running mean of the weights, which is validated and saved.
    precision : "auto", "bfloat16" or "float32"
        Of the convolutions; weights and loss are float32 always. "auto" is bfloat16 where the device has
        instructions for it.
    validation : float, [0, 1)
        Share of the images used only to validate, at least one; 0 for none, then the last step's weights are
        kept. The choice depends on their number and order, so that two cycles choose the same.
    validate_every : int
        Steps between two validations.
    best_by : "f1", "loss" or "last"
        Which weights are kept: of the highest F1 or the lowest loss on the validation images, or the last.
    calibrated : bool
        Whether to recalibrate the bias at the end, so that F1 peaks at a probability of 0.5.
    compare_with_base : bool
        Validate the base model before the first step too, so that it is kept if no step beats it; compare
        weights at their own best thresholds; and log the loss on the validation images.
    patience : int or None
        Number of validations without improvement after which training ends; None for no limit.
    minutes : float or None
        Maximum time; the learning rate falls accordingly.
    trains : "all", "decoder" or "head"
        Trainable layers; "decoder" is everything after the bridge.
    classes : tuple of str
        Classes, one output map each, in the order of their label values.
    sparse : bool
        Meaning of the labels. Dense labels hold 0 for background and 1, 2, ... for the classes (with one
        class, anything but 0). Sparse labels hold 0 for unannotated pixels, then the classes, then one value
        for background; unannotated pixels are ignored.
    overlapping : bool or None
        Whether a pixel may belong to several classes: label values are then sums of 1, 2, 4, ..., and the
        value of sparse background follows the largest sum. None for dense labels of arteries and veins, where
        3 is a crossing, and only these; there, 4 is a vessel of unknown class, which takes no part.
    inside_field : bool
        Whether to use only pixels in the field of view.
    seed : int
        Random seed of everything but the choice of validation images.
    augmentation : Augmentation
    views : "random" or "published"
        Random crops by ``crop`` and ``augmentation``, or whole canvases augmented as by the authors of
        SA-UNet and SA-UNetv2 (:mod:`napari_saunetv2.training.published`), which ignore both.
    """

    network: str = "saunetv2"
    network_arguments: Mapping[str, Any] = field(default_factory=lambda: {"dropblock": 0.1})
    padding: Policy = "corner"
    fov_diameter: float | None = None
    scales: tuple[float, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    observers: tuple[str, ...] = ()
    common: float = 0.0
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
    compare_with_base: bool = False
    patience: int | None = None
    minutes: float | None = None
    trains: Literal["all", "decoder", "head"] = "all"
    classes: tuple[str, ...] = ("vessel",)
    sparse: bool = False
    overlapping: bool | None = None
    inside_field: bool = False
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    views: Literal["random", "published"] = "random"

    def __post_init__(self) -> None:
        """Check every setting; raises SettingsError for the first invalid one."""
        for name, why in problems(vars(self)).items():
            raise SettingsError(f"{name} is {getattr(self, name)!r}: it must be {why}.")
        if self.overlaps and len(self.classes) > 7:
            raise SettingsError(
                f"classes are {len(self.classes)}: of overlapping ones there may be at most 7, whose sums "
                "fit into labels of 8 bits; use fewer."
            )
        if self.watches_loss and self.validation == 0:
            raise SettingsError(
                "validation is 0: schedule plateau and best_by loss need validation images; use a value "
                "above 0."
            )

        if self.among_vessels and len(self.classes) < 2:
            raise SettingsError(
                f"classes is {self.classes!r}: the network artery_vein learns two classes or more, "
                "such as artery and vein; name them, or start from a model of vessels."
            )
        if self.common and not self.observers:
            raise SettingsError(
                f"common is {self.common:g}: it is for observers that are told apart; name them in "
                "observers, or leave it at 0."
            )
        if self.observers and len(self.classes) > 1:
            raise SettingsError(
                f"observers are {self.observers!r}: they are told apart for one class, not for "
                f"{len(self.classes)}; leave them out."
            )

    @property
    def watches_loss(self) -> bool:
        """Whether the validation loss is used for a decision."""
        return self.schedule == "plateau" or self.best_by == "loss"

    @property
    def by_value(self) -> bool:
        """Whether the label values distinguish more than vessel and background."""
        return self.sparse or len(self.classes) > 1

    @property
    def overlaps(self) -> bool:
        """Whether label values are sums of overlapping classes."""
        if self.overlapping is None:
            return not self.sparse and is_artery_vein(self.classes)
        return self.overlapping

    @property
    def highest(self) -> int:
        """Highest label value of a class, or of several at once."""
        return int(2 ** len(self.classes) - 1 if self.overlaps else len(self.classes))

    @property
    def unknown(self) -> int | None:
        """Label value of a vessel of unknown class, which takes no part; None where there is none."""
        return UNKNOWN if self.overlaps and not self.sparse and is_artery_vein(self.classes) else None

    @property
    def among_vessels(self) -> bool:
        """Whether only vessels count: a network of its own has found them, this one learns their classes."""
        return self.network == "artery_vein"

    @property
    def weighted(self) -> bool:
        """Whether some pixels may be ignored."""
        return self.sparse or self.inside_field or self.among_vessels

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments to build the network: ``network_arguments``, and an output map for each class."""
        return self._arguments(len(self.classes))

    @property
    def training_arguments(self) -> dict[str, Any]:
        """Arguments to build the network for training, which has an output map for each observer."""
        return self._arguments(self.maps)

    @property
    def maps(self) -> int:
        """Output maps while training: of each class, or of each observer and the one for all of them."""
        return len(self.observers) + (self.common > 0) if self.observers else len(self.classes)

    def _arguments(self, maps: int) -> dict[str, Any]:
        return {**self.network_arguments, **({"classes": maps} if maps > 1 else {})}


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "network": (lambda x: x in NETWORKS, f"one of {', '.join(NETWORKS)}"),
    "padding": (lambda x: x in POLICIES, f"one of {', '.join(POLICIES)}"),
    "fov_diameter": (lambda x: x is None or 16 <= x <= 10_000, "None or a length from 16 to 10,000 pixels"),
    "scales": (lambda x: all(0.1 <= scale <= 10 for scale in x), "numbers from 0.1 to 10"),
    "shares": (
        lambda x: not x or (min(x.values()) >= 0 and max(x.values()) > 0),
        "at least 0 for each data set, and above 0 for one",
    ),
    "common": (lambda x: 0 <= x < 1, "at least 0 and below 1"),
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
        "one or more different names",
    ),
    "overlapping": (lambda x: x in (True, False, None), "true, false or none"),
}


def problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the invalid settings with their rules, for a form that shows them all at once."""
    return {
        name: rule for name, (holds, rule) in _RULES.items() if name in values and not holds(values[name])
    }


RENAMED = {"detailed": "compare_with_base", "crisp": "unresampled", "clean": "unfiltered"}
"""Settings by their names in files of older versions."""


def from_plain(plain: Mapping[str, Any]) -> TrainConfig:
    """Make settings from their ``asdict`` as JSON; missing ones have their default values."""
    plain = {RENAMED.get(k, k): v for k, v in plain.items()}
    look = {RENAMED.get(k, k): v for k, v in plain.get("augmentation", {}).items()}
    look = _with_tuples(look, ("scale",))
    known = {f.name for f in fields(TrainConfig)}
    values = {k: v for k, v in plain.items() if k in known} | {"augmentation": Augmentation(**look)}
    return TrainConfig(**_with_tuples(values, ("classes", "scales", "observers")))


def _with_tuples(plain: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Make tuples of the lists that JSON has for them."""
    return {k: tuple(v) if k in names else v for k, v in plain.items()}
