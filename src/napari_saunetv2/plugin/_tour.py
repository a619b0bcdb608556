"""From one uncertain vessel to the next: the camera goes there."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_saunetv2.imaging import branches
from napari_saunetv2.imaging.branches import Branch
from napari_saunetv2.plugin._layers import lookup

if TYPE_CHECKING:
    from napari.components import ViewerModel

CLOSE = 6.0
"""Screen pixels to a pixel of the image, at most."""

SPAN = 300.0
"""Screen pixels that a vessel fills, at most."""

Ranking = list[tuple[int, Branch]]
"""Number of the plane and vessel, the most uncertain first."""


class Tour:
    """A walk along the vessels of one mask, the most uncertain first."""

    def __init__(self) -> None:
        self._mask: Any = None
        self._ranking: Ranking = []
        self._place = -1

    def is_of(self, vessels: Labels) -> bool:
        """Say whether the ranking is of the vessels that are shown."""
        return self._mask is not None and self._mask() is vessels.data

    def begin(self, vessels: Labels, ranking: Ranking) -> None:
        """Take a new ranking."""
        self._mask, self._ranking, self._place = lookup(vessels.data), ranking, -1

    def step(self, viewer: "ViewerModel", layer: Image) -> str:
        """Move the camera to the next vessel; returns what to say of it."""
        if not self._ranking:
            return "There is no vessel to look at."
        self._place = (self._place + 1) % len(self._ranking)
        number, branch = self._ranking[self._place]
        look_at(viewer, layer, number, branch)
        return f"Vessel {self._place + 1} of {len(self._ranking)}, variance {branch.value:.4f}."


def rank(mask: NDArray[np.uint8], spread: NDArray[np.float32]) -> Generator[None, None, Ranking]:
    """Rank the vessels of all planes by uncertainty: a job, for thinning a large mask takes a second."""
    masks, maps = (stack.reshape(-1, *stack.shape[-2:]) for stack in (mask, spread))
    found: Ranking = []
    for number, (one, values) in enumerate(zip(masks, maps, strict=True)):
        found += [(number, branch) for branch in branches.ranked(one, values)]
        yield None
    return sorted(found, key=lambda item: -item[1].value)


def look_at(viewer: "ViewerModel", layer: Image, number: int, branch: Branch) -> None:
    """Show a vessel of a layer large, in the middle of the canvas."""
    index = np.unravel_index(number, layer.data.shape[:-2])
    world = layer.data_to_world((*index, *branch.centre))
    first = viewer.dims.ndim - len(world)
    for axis, at in enumerate(world[:-2]):
        viewer.dims.set_point(first + axis, at)
    viewer.camera.center = (0, *world[-2:])
    beside = layer.data_to_world((*index, branch.centre[0], branch.centre[1] + 1))
    pixel = float(np.linalg.norm(np.subtract(beside, world)))
    viewer.camera.zoom = min(CLOSE, SPAN / max(branch.size)) / pixel
