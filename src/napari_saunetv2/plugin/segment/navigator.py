"""Navigate between uncertain vessels: the camera moves and a ring marks the vessel."""

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
"""Maximum zoom in screen pixels per image pixel."""

SPAN = 300.0
"""Maximum size of a vessel on screen, in pixels."""

Ranking = list[tuple[int, Branch]]
"""Plane number and vessel, most uncertain first."""


class RankedVessels:
    """The vessels of one mask, most uncertain first, and the current one."""

    def __init__(self) -> None:
        self._mask: Any = None
        self._ranking: Ranking = []
        self._at = -1

    def is_of(self, vessels: Labels) -> bool:
        """Whether the ranking belongs to the vessels shown now."""
        return self._mask is not None and self._mask() is vessels.data

    def begin(self, vessels: Labels, ranking: Ranking) -> None:
        """Set a new ranking."""
        self._mask, self._ranking, self._at = lookup(vessels.data), ranking, -1

    def step(self, viewer: "ViewerModel", layer: Image, marker: Marker, by: int) -> str:
        """Go to the next vessel, or for -1 the previous one; returns its description."""
        if not self._ranking:
            return "There are no vessels to show."
        begin = -1 if by > 0 else 0  # the first step back goes to the last vessel
        self._at = (max(self._at, begin) + by) % len(self._ranking)
        number, branch = self._ranking[self._at]
        index = tuple(map(int, np.unravel_index(number, layer.data.shape[:-2])))
        pixel = look_at(viewer, layer, (*index, *branch.centre))
        viewer.camera.zoom = min(CLOSE, SPAN / max(branch.size)) / pixel
        marker.show(layer, index, branch.centre, branch.size)
        return f"Vessel {self._at + 1} of {len(self._ranking)}, variance {branch.value:.4f}."


class UncertainVesselNavigator:
    """Moves from one uncertain vessel of a result to the next; they are ranked in a thread.

    Parameters
    ----------
    viewer : ViewerModel
    say : callable
        Takes a message for the user.
    failed : callable
        Takes an exception of the ranking.
    """

    def __init__(
        self, viewer: "ViewerModel", say: Callable[[str], None], failed: Callable[[Exception], None]
    ) -> None:
        self._viewer, self._say = viewer, say
        self._ranked: WeakKeyDictionary[Result, RankedVessels] = WeakKeyDictionary()
        self._ranking = Latest(failed)
        self._marker = Marker(viewer, "uncertain vessel")

    def go(self, result: Result | None, by: int = 1) -> None:
        """Go to the next vessel, or for -1 the previous one, or report what is missing."""
        maps = result.maps() if result is not None else None
        if result is None or maps is None:
            self._say("Tick uncertainty in More settings and segment first.")
            return
        labels, spread = maps
        ranked = self._ranked.setdefault(result, RankedVessels())

        def go(ranking: Ranking) -> None:
            ranked.begin(labels, ranking)
            self._say(ranked.step(self._viewer, spread, self._marker, by))

        if ranked.is_of(labels):
            self._say(ranked.step(self._viewer, spread, self._marker, by))
        else:
            self._ranking.ask(rank(labels.data, spread.data), go)

    def unmark(self) -> None:
        """Remove the ring: its vessels are being recomputed."""
        self._marker.remove()

    def abandon(self) -> None:
        """Stop all further calls."""
        self._ranking.abandon()


def rank(mask: NDArray[np.uint8], spread: NDArray[np.float32]) -> Generator[None, None, Ranking]:
    """Rank the vessels of all planes by uncertainty, as a job: thinning a large mask takes a second."""
    mask = np.array(mask)  # somebody may be painting on
    masks, maps = (stack.reshape(-1, *stack.shape[-2:]) for stack in (mask, spread))
    found: Ranking = []
    for number, (one, values) in enumerate(zip(masks, maps, strict=True)):
        found += [(number, branch) for branch in branches.ranked(one, values)]
        yield None
    return sorted(found, key=lambda item: -item[1].value)
