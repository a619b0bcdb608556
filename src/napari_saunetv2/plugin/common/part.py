"""A layer's array without its layer, and the plane that the viewer shows of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer
from numpy.typing import NDArray

from napari_saunetv2.plugin.common.layers import colours_first

if TYPE_CHECKING:
    from napari.components import ViewerModel


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
        return plane_of(self.data, index)

    def code(self, index: tuple[int, ...]) -> str:
        """Python code that reads the same plane from a viewer."""
        within = _within(self.data, index)
        place = f"[{', '.join(map(str, within))}]" if within else ""
        return f"np.asarray(viewer.layers[{self.name!r}].data{'[0]' if self.multiscale else ''}{place})"


def plane_of(data: Any, index: tuple[int, ...]) -> NDArray[Any]:
    """Read one plane of an array, shape (..., H, W); if there is only one, that one."""
    return np.asarray(data[_within(data, index)])


def _within(data: Any, index: tuple[int, ...]) -> tuple[int, ...]:
    return index if data.ndim >= len(index) + 2 else ()


def frame_of(layer: Layer) -> tuple[int, ...]:
    """Shape at full resolution, without colours."""
    shape = tuple((layer.data[0] if layer.multiscale else layer.data).shape)
    if getattr(layer, "rgb", False):
        return shape[:-1]
    return shape[1:] if colours_first(layer) else shape


def shown_plane(layer: Labels, viewer: "ViewerModel") -> tuple[int, ...]:
    """Give the index of the plane that the viewer shows."""
    stack = frame_of(layer)[:-2]
    where = layer.world_to_data(viewer.dims.point[-layer.ndim :])[: len(stack)]
    return tuple(int(np.clip(round(at), 0, size - 1)) for at, size in zip(where, stack, strict=True))


def own_threshold(of: Labels) -> float | None:
    """Give the threshold by which Segment drew vessels; None where it did more than that."""
    about = of.metadata
    if about.get("min_size", 0) > 1 or about.get("connected") or "threshold" not in about:
        return None
    return float(about["threshold"])
