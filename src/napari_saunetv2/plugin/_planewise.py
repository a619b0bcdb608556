"""Segment the planes of a layer, one pass of the network at a time."""

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import checkpoint, inference
from napari_saunetv2.plugin._layers import Planes


def segment_planes(
    planes: Planes, model: str, **settings: Any
) -> Generator[float, None, NDArray[np.float32]]:
    """Segment a picture, or a stack plane by plane.

    Parameters
    ----------
    planes : Planes
    model : str
        Name of a model.
    **settings
        As in :func:`napari_saunetv2.inference.segment`.

    Yields
    ------
    float, [0, 1]
        Share that is done.

    Returns
    -------
    array, shape of the stack, float32, range [0, 1]
    """
    loaded = checkpoint.load(model)
    result = np.empty(planes.shape, np.float32)
    for number in range(len(planes)):
        work = inference.steps(planes[number], loaded, **settings)
        while True:
            try:
                done, total = next(work)
            except StopIteration as end:
                result[planes.index(number)] = end.value
                break
            yield (number + done / total) / len(planes)
    return result
