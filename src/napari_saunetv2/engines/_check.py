"""Whether an engine gives the answer of torch in float32."""

import copy
import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from napari_saunetv2.checkpoint import Checkpoint
from napari_saunetv2.imaging import canvas
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.metrics import METRICS, confusion

if TYPE_CHECKING:
    from napari_saunetv2.imaging.synthetic import Synthetic

SAME = 1e-4
"""Probabilities that differ by less are the same answer in float32."""

F1_SHIFT = 5e-4
"""A precision that moves F1 by more is never chosen by itself."""


class Verdict(NamedTuple):
    """How far an engine is from torch: the largest difference of a probability, and the change of F1."""

    largest: float
    f1_shift: float

    @property
    def same_f1(self) -> bool:
        """Whether a score stays what it is; that of what is no number does not."""
        return math.isfinite(self.largest) and abs(self.f1_shift) <= F1_SHIFT


def compare(model: Checkpoint, run: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Verdict:
    """Run the synthetic sample, whose vessels are known exactly, through an engine and through torch."""
    sample = _sample()
    laid = canvas.pad(to_unit(sample.image), model.header.padding)
    planes = torch.from_numpy(np.ascontiguousarray(laid.transpose(2, 0, 1)[None]))
    # In planes: torch's GroupNorm sums channels-last maps less exactly, to the fourth digit of a probability.
    network = copy.deepcopy(model.network).to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    with torch.inference_mode():
        truth = network(planes)[0].sigmoid().numpy()
    answer = run(laid)
    shift = _f1(model, answer[0], sample) - _f1(model, truth[0], sample)
    return Verdict(float(np.abs(answer - truth).max()), shift)


def _f1(model: Checkpoint, probability: NDArray[np.float32], sample: "Synthetic") -> float:
    height, width = sample.vessels.shape
    inside = canvas.crop(probability, height, width, model.header.padding)
    return METRICS["f1"](confusion(sample.vessels, (inside >= model.header.threshold).astype(np.uint8)))


@lru_cache(maxsize=1)
def _sample() -> "Synthetic":
    from napari_saunetv2.imaging.synthetic import fundus  # with what it needs, half a second

    return fundus()
