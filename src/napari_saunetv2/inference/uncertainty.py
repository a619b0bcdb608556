"""How sure the network is: how far its answers to turned and mirrored views of one image lie apart."""

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2 import inference
from napari_saunetv2.imaging.symmetry import D4
from napari_saunetv2.inference import Progress


def steps(
    image: ArrayLike,
    model: inference.Model,
    *,
    rescale: Any = "auto",
    field: ArrayLike | None = None,
    **settings: Any,
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Segment the eight views of an image, one pass of the network at a time.

    Parameters
    ----------
    image, model, rescale, field, **settings
        As in :func:`napari_saunetv2.inference.steps`, without ``tta``.

    Yields
    ------
    Progress
        Before the first pass and after each.

    Returns
    -------
    array, shape (H, W), float32, range [0, 0.25]
        Variance of the probability over the views, turned back: test-time augmentation as a measure of
        aleatoric uncertainty (Wang et al., 2019, Neurocomputing 338, 34).
    """
    pixels = np.asarray(image)
    way = inference.planned(pixels, model, rescale=rescale, field=field, **settings)
    # One factor for all views: a field of view that is found anew in each would differ by a pixel.
    factor: float = max(way.working_shape) / max(way.shape)
    # Welford's recurrence: a sum of squares would lose the small variances to rounding.
    mean = np.zeros(pixels.shape[:2], np.float32)
    spread = np.zeros_like(mean)
    for number, view in enumerate(D4):
        work = inference.steps(np.ascontiguousarray(view.of(pixels)), model, rescale=factor, **settings)
        while True:
            try:
                done, total = next(work)
            except StopIteration as end:
                answer = view.undo(end.value)
                break
            if done or not number:
                yield Progress(number * total + done, len(D4) * total)
        off = answer - mean
        mean += off / np.float32(number + 1)
        spread += off * (answer - mean)
    return spread / np.float32(len(D4))


def variance(image: ArrayLike, model: inference.Model, **settings: Any) -> NDArray[np.float32]:
    """Variance of the probability over the eight views of an image; as :func:`steps`, at one go."""
    work = steps(image, model, **settings)
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: NDArray[np.float32] = end.value
            return found
