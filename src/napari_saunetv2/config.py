"""How an image goes through a network: the settings of a segmentation, checked once."""

from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import Any, Literal, get_args

from napari_saunetv2.errors import SettingsError

DEFAULT = "saunetv2-general"
"""The default model."""

TestTime = Literal["none", "flips", "d4"]
Engine = Literal["auto", "torch", "openvino", "onnx"]
Precision = Literal["auto", "float32", "bfloat16", "int8"]

_CHOICES = {"tta": TestTime, "engine": Engine, "precision": Precision}


@dataclass(frozen=True, kw_only=True)
class InferenceConfig:
    """Settings of the inference for an image.

    Attributes
    ----------
    model : str
        Name or file. A model that is loaded already is passed beside the configuration.
    device : str
        "auto", "cpu", "cuda", "cuda:1" or "mps".
    tta : "none", "flips" or "d4"
        Test-time augmentation: the mean over 1, 4 (mirrored) or 8 (mirrored and turned) views of the image.
    rescale : "auto", "off" or float
        "auto" works at the model's scale, a number is the factor to work at, from 0.01 to 100.
    tile : "auto", "off" or int, pixels
        Side of the tiles, at least 64; "auto" uses tiles for large images.
    engine : "auto", "torch", "openvino" or "onnx"
    precision : "auto", "float32", "bfloat16" or "int8"

    Raises
    ------
    SettingsError
        When a setting is outside its range. What depends on the machine, the model or the image is checked
        where it is used.
    """

    model: str = DEFAULT
    device: str = "auto"
    tta: TestTime = "none"
    rescale: Literal["auto", "off"] | float = "auto"
    tile: Literal["auto", "off"] | int = "auto"
    engine: Engine = "auto"
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        """Check every setting that needs neither a machine nor an image."""
        for name, choices in _CHOICES.items():
            value, known = getattr(self, name), get_args(choices)
            if value not in known:
                raise SettingsError(f"{name} is {value!r}: it must be one of {', '.join(known)}.")
        if self.rescale not in ("auto", "off") and not _is_factor(self.rescale):
            raise SettingsError(
                f"rescale is {self.rescale!r}: it must be 'auto', 'off' or a factor from 0.01 to 100."
            )
        if self.tile not in ("auto", "off") and not (isinstance(self.tile, Integral) and self.tile >= 64):
            raise SettingsError(
                f"tile is {self.tile!r}: it must be 'auto', 'off' or a side of at least 64 pixels."
            )

    def options(self) -> dict[str, Any]:
        """Give every setting but the model by name, for metadata, Python code and command lines."""
        return {name: value for name, value in asdict(self).items() if name != "model"}


def _is_factor(value: object) -> bool:
    # True is a number too, 1: whoever writes it means "auto".
    return isinstance(value, Real) and not isinstance(value, bool) and 0.01 <= float(value) <= 100
