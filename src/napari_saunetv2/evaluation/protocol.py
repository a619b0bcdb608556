"""How a prediction is scored: in which pixels, against whose labels, from which threshold."""

from dataclasses import dataclass
from typing import Literal, get_args

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SettingsError

Protocol = Literal["whole", "fov"]


@dataclass(frozen=True)
class Scoring:
    """How an image is scored.

    Attributes
    ----------
    protocol : "whole" or "fov"
        Every pixel of the original frame (as the authors of SA-UNetv2 score), or only the field of view:
        the official mask, or where there is none the one that is found.
    observer : str, optional
        Whose labels are the truth, by default the reference observer's.
    threshold : "auto" or float
        0.5 as in the papers, or the model's own.

    Raises
    ------
    SettingsError
        For an unknown protocol, or a threshold outside (0, 1).
    """

    protocol: Protocol = "whole"
    observer: str | None = None
    threshold: Literal["auto"] | float = 0.5

    def __post_init__(self) -> None:
        """Check protocol and threshold."""
        check_protocol(self.protocol)
        inference.check_threshold(self.threshold)


def check_protocol(protocol: str) -> None:
    """Raise SettingsError for an unknown protocol."""
    if protocol not in get_args(Protocol):
        raise SettingsError(f"protocol is {protocol!r}: it must be one of {', '.join(get_args(Protocol))}.")


EXACT = InferenceConfig(engine="torch", precision="float32")
"""Inference for scores, which must not depend on the machine."""

AS_PUBLISHED = Scoring()
"""Every pixel of the frame, from 0.5 on, as the papers score."""
