"""How a prediction is scored: in which pixels, against whose labels, from which threshold."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.measure.classes import by_pixel, vote

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
    voted : bool
        Whether each vessel has one class along its length (:func:`napari_saunetv2.measure.classes.vote`), or
        each pixel its own.

    Raises
    ------
    SettingsError
        For an unknown protocol, or a threshold outside (0, 1).
    """

    protocol: Protocol = "whole"
    observer: str | None = None
    threshold: Literal["auto"] | float = 0.5
    voted: bool = True

    def __post_init__(self) -> None:
        """Check protocol and threshold."""
        check_protocol(self.protocol)
        inference.check_threshold(self.threshold)

    def classify(
        self, maps: NDArray[np.float32], vessels: NDArray[np.uint8], threshold: float
    ) -> NDArray[np.uint8]:
        """Labels of arteries and veins, as of :func:`napari_saunetv2.measure.classes.vote`."""
        return (vote if self.voted else by_pixel)(maps, vessels, threshold=threshold)


def check_protocol(protocol: str) -> None:
    """Raise SettingsError for an unknown protocol."""
    if protocol not in get_args(Protocol):
        raise SettingsError(f"protocol is {protocol!r}: it must be one of {', '.join(get_args(Protocol))}.")


EXACT = InferenceConfig(engine="torch", precision="float32")
"""Inference for scores, which must not depend on the machine."""

AS_PUBLISHED = Scoring()
"""Every pixel of the frame, from 0.5 on, as the papers score."""
