"""Two networks held against each other: the one that a training started from, and its best."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from napari_saunetv2.training import validation
from napari_saunetv2.training.material import Material
from napari_saunetv2.training.outcome import Corrected
from napari_saunetv2.training.views import Prepared


class Judge:
    """What a network, in evaluation mode, is worth on the images of a training.

    Parameters
    ----------
    network : Module
    material : Material
    """

    def __init__(self, network: nn.Module, material: Material) -> None:
        self._network, self._place = network, material.place
        self._images = material.watched or material.train
        self.answers = [validation.logits(network, image, self._place) for image in self._images]
        self.thresholds = validation.best_thresholds(self._images, self.answers)

    def f1(self) -> float:
        """Mean F1 at the thresholds that suit the network best."""
        return validation.mean_f1(self._images, self.answers, self.thresholds)

    def corrected(self, images: Sequence[Prepared], *, everywhere: bool) -> NDArray[np.bool_]:
        """Say of each pixel that somebody corrected whether it is right; as ``validation.corrected``."""
        marked = [image for image in images if image.corrections is not None]
        answers = [validation.logits(self._network, image, self._place) for image in marked]
        return validation.corrected(marked, answers, self.thresholds, everywhere=everywhere)


def compare(before: Judge, after: Judge, material: Material) -> Corrected | None:
    """Count the corrected pixels that are right; None where there are none."""
    # Blocks of one image are both the whole image, with other weights.
    images = material.train if material.in_blocks else [*material.train, *material.watched]
    if any(image.corrections is not None for image in images):
        held = _corrected(before, after, material.watched, everywhere=False)
        whole = _corrected(before, after, images, everywhere=True)
        return None if whole is None else Corrected(whole.pixels, whole.before, whole.after, held)
    if not material.watched:
        return None
    wrong, mended = validation.mended(
        material.watched,
        (before.answers, before.thresholds),
        (after.answers, after.thresholds),
    )
    return Corrected(wrong, 0.0, mended / wrong, painted=False) if wrong else None


def _corrected(
    before: Judge, after: Judge, images: Sequence[Prepared], *, everywhere: bool
) -> Corrected | None:
    one, other = (judge.corrected(images, everywhere=everywhere) for judge in (before, after))
    return Corrected(len(one), float(one.mean()), float(other.mean())) if len(one) else None
