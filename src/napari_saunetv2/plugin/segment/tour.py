"""From one uncertain vessel to the next, and back: the camera goes there and a ring marks it."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_saunetv2.imaging import branches
from napari_saunetv2.imaging.branches import Branch
from napari_saunetv2.plugin.common.camera import look_at
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.layers import lookup
from napari_saunetv2.plugin.common.marker import Marker
from napari_saunetv2.plugin.segment.results import Result

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

    def step(self, viewer: "ViewerModel", layer: Image, marker: Marker, by: int) -> str:
        """Go to the vessel after this one, or for -1 the one before; returns what to say of it."""
        if not self._ranking:
            return "There is no vessel to look at."
        begin = -1 if by > 0 else 0  # the first step back goes to the last vessel
        self._place = (max(self._place, begin) + by) % len(self._ranking)
        number, branch = self._ranking[self._place]
        index = tuple(map(int, np.unravel_index(number, layer.data.shape[:-2])))
        pixel = look_at(viewer, layer, (*index, *branch.centre))
        viewer.camera.zoom = min(CLOSE, SPAN / max(branch.size)) / pixel
        marker.show(layer, index, branch.centre, branch.size)
        return f"Vessel {self._place + 1} of {len(self._ranking)}, variance {branch.value:.4f}."


class Guide:
    """Leads from one uncertain vessel of a result to the next; ranking them takes a thread a while.

    Parameters
    ----------
    viewer : ViewerModel
    say : callable
        Takes what to tell the user.
    failed : callable
        Takes what a ranking raised.
    """

    def __init__(
        self, viewer: "ViewerModel", say: Callable[[str], None], failed: Callable[[Exception], None]
    ) -> None:
        self._viewer, self._say = viewer, say
        self._tours: WeakKeyDictionary[Result, Tour] = WeakKeyDictionary()
        self._ranking = Latest(failed)
        self._marker = Marker(viewer, "uncertain vessel")

    def go_on(self, result: Result | None, by: int = 1) -> None:
        """Go to the next vessel, or for -1 to the one before, or say what is missing."""
        maps = result.maps() if result is not None else None
        if result is None or maps is None:
            self._say("Tick uncertainty in More settings and segment first.")
            return
        labels, spread = maps
        tour = self._tours.setdefault(result, Tour())

        def go(ranking: Ranking) -> None:
            tour.begin(labels, ranking)
            self._say(tour.step(self._viewer, spread, self._marker, by))

        if tour.is_of(labels):
            self._say(tour.step(self._viewer, spread, self._marker, by))
        else:
            self._ranking.ask(rank(labels.data, spread.data), go)

    def unmark(self) -> None:
        """Take the ring away: its vessels are found anew."""
        self._marker.remove()

    def abandon(self) -> None:
        """Call nobody any more."""
        self._ranking.abandon()


def rank(mask: NDArray[np.uint8], spread: NDArray[np.float32]) -> Generator[None, None, Ranking]:
    """Rank the vessels of all planes by uncertainty: a job, for thinning a large mask takes a second."""
    mask = np.array(mask)  # somebody may be painting on
    masks, maps = (stack.reshape(-1, *stack.shape[-2:]) for stack in (mask, spread))
    found: Ranking = []
    for number, (one, values) in enumerate(zip(masks, maps, strict=True)):
        found += [(number, branch) for branch in branches.ranked(one, values)]
        yield None
    return sorted(found, key=lambda item: -item[1].value)
