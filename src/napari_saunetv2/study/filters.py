"""Which photographs a reviewer wants to see."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from napari_saunetv2.batch.looks import Look
from napari_saunetv2.study.review import EDITED, FAILED, NOT_DONE, Status

ANY, ALL = "any quality", "all cases"
"""Choices that show every photograph."""

QUALITIES: Mapping[str, Callable[[Look], bool]] = {
    ANY: lambda _: True,
    "0.75 or more": lambda look: _between(look, 0.75, 2),
    "0.5 or more": lambda look: _between(look, 0.5, 2),
    "below 0.5": lambda look: _between(look, -1, 0.5),
    "below 0.25": lambda look: _between(look, -1, 0.25),
    "cannot be read": lambda look: bool(look.error),
}
"""By what the list says of them. The quality of a photograph that was not looked at yet is not known."""

REVIEWS: Mapping[str, Callable[[Status], bool]] = {
    ALL: lambda _: True,
    "not reviewed": lambda status: not status.verdict or status.changed,
    "accepted": lambda status: status.verdict == "accepted",
    "set aside": lambda status: status.verdict == "set aside",
    "changed since review": lambda status: status.changed,
    "not done": lambda status: status.work == NOT_DONE,
    "edited, not measured": lambda status: status.work == EDITED,
    "failed": lambda status: status.work == FAILED,
}


class Wanted(NamedTuple):
    """Keys of both tables above."""

    quality: str = ANY
    review: str = ALL

    def holds(self, look: Look | None, status: Status | None) -> bool:
        """Whether a photograph is wanted; None where nothing is known of it yet."""
        known = self.quality == ANY or (look is not None and QUALITIES[self.quality](look))
        return known and (self.review == ALL or (status is not None and REVIEWS[self.review](status)))


def _between(look: Look, low: float, high: float) -> bool:
    return not look.error and look.score is not None and low <= look.score < high
