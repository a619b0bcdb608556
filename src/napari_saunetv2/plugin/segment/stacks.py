"""Maps of planes as the arrays of layers, put together in the job's thread: a stack is large."""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging.classes import ARTERY_VEIN
from napari_saunetv2.plugin.common.layers import Planes
from napari_saunetv2.plugin.segment.run import Segmented

if TYPE_CHECKING:
    from napari_saunetv2.inference.fallback import State

Maps = dict[str, NDArray[np.float32]]
"""Arrays in the shape of the layer's planes, by role: "probability", "uncertainty", "artery", "vein"."""


def stacked(
    work: "Generator[State, None, Segmented]", planes: Planes, former: Mapping[str, NDArray[np.float32]]
) -> "Generator[State, None, tuple[Segmented, Maps]]":
    """Run a segmentation and put its planes together.

    Parameters
    ----------
    work : generator
        As of :func:`~.run.segment_planes`.
    planes : Planes
        Of the picture.
    former : mapping of str to array
        Maps of the same picture from the last run, by role: their other planes are kept.

    Returns
    -------
    Segmented, dict
        The answer, and its maps by role.
    """
    answer = yield from work
    found = {"probability": answer.probability, "uncertainty": answer.variance}
    found |= {role: [maps[n] for maps in answer.classes] for n, role in enumerate(ARTERY_VEIN)}
    return answer, {
        role: _filled(planes, former.get(role), dict(zip(answer.numbers, maps, strict=True)))
        for role, maps in found.items()
        if maps
    }


def _filled(
    planes: Planes, former: NDArray[np.float32] | None, maps: Mapping[int, NDArray[Any]]
) -> NDArray[np.float32]:
    if len(planes.shape) == 2:
        return next(iter(maps.values()))
    keep = former is not None and former.shape == planes.shape
    stack = np.array(former) if keep else np.zeros(planes.shape, np.float32)
    for number, one in maps.items():
        stack[planes.index(number)] = one
    return stack
