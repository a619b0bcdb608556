"""Compare two networks: the base model of a training, and its best weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from napari_saunetv2.training import validation
from napari_saunetv2.training.data import TrainingData
from napari_saunetv2.training.outcome import Corrected
from napari_saunetv2.training.views import Prepared


class Validator:
    """Scores of a network in evaluation mode on the images of a training.

    Parameters
    ----------
    network : Module
    training_data : TrainingData
    """

    def __init__(self, network: nn.Module, training_data: TrainingData) -> None:
        self._network, self._device, self._folder = network, training_data.device, training_data.folder
        self._images = training_data.validation or training_data.train
        self.predictions = validation.logits_of_all(network, self._images, self._device, self._folder)
        self.thresholds = validation.best_thresholds(self._images, self.predictions)

    def f1(self) -> float:
        """Mean F1 at the network's best thresholds."""
        return validation.mean_f1(self._images, self.predictions, self.thresholds)

    def corrected(self, images: Sequence[Prepared], *, everywhere: bool) -> NDArray[np.bool_]:
        """Whether each corrected pixel is right; as ``validation.corrected``."""
        marked = [image for image in images if image.corrections is not None]
        predictions = validation.logits_of_all(self._network, marked, self._device, self._folder)
        return validation.corrected(marked, predictions, self.thresholds, everywhere=everywhere)


def compare(before: Validator, after: Validator, training_data: TrainingData) -> Corrected | None:
    """Count the corrected pixels that are right; None if there are none."""
    # Both parts of one image have the whole image, with different weights.
    images = (
        training_data.train if training_data.in_blocks else [*training_data.train, *training_data.validation]
    )
    if any(image.corrections is not None for image in images):
        held = _corrected(before, after, training_data.validation, everywhere=False)
        whole = _corrected(before, after, images, everywhere=True)
        return None if whole is None else Corrected(whole.pixels, whole.before, whole.after, held)
    if not training_data.validation:
        return None
    wrong, mended = validation.mended(
        training_data.validation,
        (before.predictions, before.thresholds),
        (after.predictions, after.thresholds),
    )
    return Corrected(wrong, 0.0, mended / wrong, painted=False) if wrong else None


def _corrected(
    before: Validator, after: Validator, images: Sequence[Prepared], *, everywhere: bool
) -> Corrected | None:
    one, other = (validator.corrected(images, everywhere=everywhere) for validator in (before, after))
    return Corrected(len(one), float(one.mean()), float(other.mean())) if len(one) else None
