"""A layer's array without its layer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray


@dataclass(frozen=True)
class Part:
    """A layer's array without the layer, so a worker may use it after the layer is removed.

    Attributes
    ----------
    name : str
        The layer's.
    data : array
        At full resolution.
    multiscale : bool
    """

    name: str
    data: Any
    multiscale: bool

    @classmethod
    def of(cls, layer: Layer) -> "Part":
        """Make it from a layer."""
        return cls(layer.name, layer.data[0] if layer.multiscale else layer.data, bool(layer.multiscale))

    def plane(self, index: tuple[int, ...]) -> NDArray[Any]:
        """Read one plane; if there is only one, that one."""
        return np.asarray(self.data[self._within(index)])

    def code(self, index: tuple[int, ...]) -> str:
        """Python code that reads the same plane from a viewer."""
        within = self._within(index)
        place = f"[{', '.join(map(str, within))}]" if within else ""
        return f"np.asarray(viewer.layers[{self.name!r}].data{'[0]' if self.multiscale else ''}{place})"

    def _within(self, index: tuple[int, ...]) -> tuple[int, ...]:
        return index if self.data.ndim >= len(index) + 2 else ()
