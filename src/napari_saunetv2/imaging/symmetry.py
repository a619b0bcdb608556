"""Views of an image under the symmetries of the square (the dihedral group D4)."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


class View(NamedTuple):
    """A view: quarter turns counter-clockwise, then optionally flipped left to right."""

    turns: int
    mirrored: bool

    def of(self, image: NDArray[T]) -> NDArray[T]:
        """Transform an image, shape (H, W) or (H, W, C), without copying it."""
        turned = np.rot90(image, self.turns)
        return turned[:, ::-1] if self.mirrored else turned

    def undo(self, seen: NDArray[T]) -> NDArray[T]:
        """Undo the transform, for an image or a prediction."""
        return np.rot90(seen[:, ::-1] if self.mirrored else seen, -self.turns)


D4 = tuple(View(turns, mirrored) for mirrored in (False, True) for turns in range(4))
"""All eight; the first is the image itself."""

FLIPS = tuple(View(turns, mirrored) for turns in (0, 2) for mirrored in (False, True))
"""The four that keep height and width."""
