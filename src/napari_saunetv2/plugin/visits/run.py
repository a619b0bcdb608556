"""Compare two visits, in a worker."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.plugin.visits.side import Side
from napari_saunetv2.progress import relay

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from napari_saunetv2.visits import Comparison, Visit

SEGMENTING, COMPARING = 3.0, 2.0
"""How long the parts of the work take, to each other."""


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be compared.

    Attributes
    ----------
    earlier, later : Side
    config : InferenceConfig
        For photographs without a layer of vessels.
    """

    earlier: Side
    later: Side
    config: InferenceConfig


@dataclass(frozen=True, eq=False)
class Compared:
    """Two visits that were compared.

    Attributes
    ----------
    request : Request
    visits : (Visit, Visit)
    found : Comparison
    registered : array, shape (H, W) or (H, W, 3), uint8, or None
        The later photograph in the frame of the earlier one.
    """

    request: Request
    visits: "tuple[Visit, Visit]"
    found: "Comparison"
    registered: "NDArray[np.uint8] | None"

    @cached_property
    def ranked(self) -> "pd.DataFrame":
        """The table of segments, those that changed first."""
        from napari_saunetv2.visits.ranking import ranked

        return ranked(self.found.segments)

    @cached_property
    def features(self) -> "pd.DataFrame":
        """Table whose row has the number of its segment, as napari's features table needs it; 0 is empty."""
        import pandas as pd

        rows = self.ranked.drop(columns="label")
        count = int(rows.index.max()) + 1 if len(rows) else 1
        rows = rows.reindex(pd.RangeIndex(count))
        rows.insert(0, "label", np.arange(count))
        return rows

    def in_words(self) -> str:
        """Say what changed, and how well the photographs fit."""
        from napari_saunetv2.visits.summary import in_words

        return f"{in_words(self.found.segments)} Registered: {self.found.registration.in_words()}."


def compare_sides(request: Request) -> Generator[float, None, Compared]:
    """Compare two visits; yields the share done.

    Raises
    ------
    SaunetError
        When a photograph cannot be segmented, or the two are not of one eye.
    """
    yield 0.0
    from napari_saunetv2.visits.comparison import compare_steps  # which load much
    from napari_saunetv2.visits.files import as_bytes
    from napari_saunetv2.visits.registration import refuse_two_eyes

    sides = request.earlier, request.later
    refuse_two_eyes(*((side.name, side.eye) for side in sides))  # before minutes of work
    lengths = [*(SEGMENTING if side.vessels is None else 0.0 for side in sides), COMPARING]
    ends = np.cumsum(lengths) / sum(lengths)
    begins = [0.0, *ends]

    def within(part: int) -> Callable[[float], float]:
        return lambda share: float(begins[part] + share * (ends[part] - begins[part]))

    earlier = yield from relay(request.earlier.visit(request.config), within(0))
    later = yield from relay(request.later.visit(request.config), within(1))
    found = yield from relay(compare_steps(earlier, later), within(2))
    registered = None
    if later.photograph is not None:
        registered = as_bytes(found.registration.warp(np.asarray(later.photograph, np.float32)))
    compared = Compared(request, (earlier, later), found, registered)
    compared.features  # noqa: B018 - made here, in the worker, and not when the window asks for it
    yield 1.0
    return compared
