"""A photograph and what is seen in it: everything is computed once, when it is first asked for."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import field_of_view, fundus
from napari_saunetv2.imaging.intensity import to_unit


@dataclass(frozen=True, eq=False)
class Picture:
    """A photograph and what is seen in it; nothing of it may be changed.

    Attributes
    ----------
    pixels : array, shape (H, W, 3)
        In [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it.
    fov : array, shape (H, W), bool
        Its field of view.
    given : bool
        Whether the user gave the field of view; else it was detected.
    """

    pixels: NDArray[Any]
    fov: NDArray[np.bool_]
    given: bool = False

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """All of it in numbers, shape (H, W, 3), range [0, 1]: of a large one, much to write to memory."""
        found = to_unit(self.pixels).view()
        found.flags.writeable = False
        return found

    @cached_property
    def diameter(self) -> float | None:
        """Diameter of its field of view in pixels, as of :mod:`napari_saunetv2.imaging.field_of_view`."""
        return field_of_view.diameter(self.fov)

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """Reasons why it may not be a fundus photograph, as of :mod:`napari_saunetv2.imaging.fundus`."""
        return fundus.doubts(self.pixels, self.fov)
