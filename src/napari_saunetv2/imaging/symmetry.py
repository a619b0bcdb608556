"""Views of an image under the symmetries of the square (the dihedral group D4)."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


class View(NamedTuple):
    """A view: quarter turns counter-clockwise, then mirrored from left to right or not."""

    turns: int
    mirrored: bool

    def of(self, image: NDArray[T]) -> NDArray[T]:
        """Show an image, shape (H, W) or (H, W, C), in this view; a view of its memory."""
        turned = np.rot90(image, self.turns)
        return turned[:, ::-1] if self.mirrored else turned

    def undo(self, seen: NDArray[T]) -> NDArray[T]:
        """Bring back what :meth:`of` gave, or what a network made of it."""
        return np.rot90(seen[:, ::-1] if self.mirrored else seen, -self.turns)


D4 = tuple(View(turns, mirrored) for mirrored in (False, True) for turns in range(4))
"""All eight; the first is the image itself."""

FLIPS = tuple(View(turns, mirrored) for turns in (0, 2) for mirrored in (False, True))
"""The four that keep height and width."""
