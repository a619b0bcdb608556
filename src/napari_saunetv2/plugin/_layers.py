"""Between layers and arrays."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError

if TYPE_CHECKING:
    from napari.layers import Image, Layer

VESSEL = (0.0, 0.9, 0.7, 1.0)
"""Colour of label 1: green-blue, the hue that no fundus has."""


class Planes:
    """The two-dimensional pictures of an image layer, at full resolution.

    It holds the layer's array, not the layer: a worker may use it when the layer is gone.
    """

    def __init__(self, layer: "Image") -> None:
        # np.asarray of a multiscale layer would give its lowest resolution.
        self._data = layer.data[0] if layer.multiscale else layer.data
        self._picture_ndim = 3 if layer.rgb else 2
        if not layer.rgb and self._data.ndim == 3 and self._data.shape[-1] in (3, 4):
            raise ImageError(
                f"'{layer.name}' has shape {self._data.shape} and is shown as a stack: open it with rgb=True "
                "to have it segmented as a colour picture."
            )
        if self._data.ndim < self._picture_ndim:
            raise ImageError(f"'{layer.name}' has shape {self._data.shape}: a picture has two dimensions.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the answer: the stack's, then height and width."""
        return tuple(self._data.shape[:-1] if self._picture_ndim == 3 else self._data.shape)

    def __len__(self) -> int:
        return int(np.prod(self.shape[:-2]))

    def index(self, number: int) -> tuple[int, ...]:
        """Where in the stack the plane of that number lies."""
        return tuple(map(int, np.unravel_index(number, self.shape[:-2])))

    def __getitem__(self, number: int) -> NDArray[Any]:
        if number >= len(self):
            raise IndexError(number)
        return np.asarray(self._data[self.index(number)])


def spatial(layer: "Layer") -> dict[str, Any]:
    """Give what puts a layer in its place, to be passed on: a result inherits none of it by itself."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine.affine_matrix,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def vessel_colours() -> DirectLabelColormap:
    """Colours of a vessel mask."""
    clear = (0.0, 0.0, 0.0, 0.0)
    return DirectLabelColormap(color_dict={None: clear, 0: clear, 1: VESSEL})
