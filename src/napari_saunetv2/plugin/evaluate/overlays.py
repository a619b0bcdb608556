"""The layers that show the right and wrong pixels of a prediction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Labels, Layer
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_saunetv2.imaging.overlay import AGREEMENT
from napari_saunetv2.plugin.common.layers import add_beside, put, spatial
from napari_saunetv2.plugin.common.roles import ROLE
from napari_saunetv2.plugin.evaluate.scoring import Examined

if TYPE_CHECKING:
    from napari.components import ViewerModel


class Overlays:
    """One layer for each scored prediction; scoring it again updates it.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._drawn: WeakKeyDictionary[Layer, Labels] = WeakKeyDictionary()

    def show(self, found: Sequence[Examined]) -> None:
        """Show right and wrong pixels of all predictions that are still open."""
        for layer, codes in {x.pair.layer: x.agreement for x in found}.items():
            if layer in self._viewer.layers:
                self._show(layer, codes)

    def _show(self, layer: Layer, codes: NDArray[np.uint8]) -> None:
        old = self._drawn.get(layer)
        if old is not None and old in self._viewer.layers and old.ndim == codes.ndim:
            old.data = codes
            put(old, spatial(layer))
        else:
            self._add(layer, codes)

    def _add(self, layer: Layer, codes: NDArray[np.uint8]) -> None:
        overlay = self._drawn[layer] = Labels(
            codes,
            name=f"{layer.name} agreement",
            colormap=_colours(),
            opacity=1.0,
            metadata={ROLE: "agreement"},
            **spatial(layer),
        )
        add_beside(self._viewer, overlay)
        overlay.editable = False


def _colours() -> DirectLabelColormap:
    clear = (0.0, 0.0, 0.0, 0.0)
    colours: dict[int | None, tuple[float, ...]] = {None: clear, 0: clear}
    for code, (_, colour) in AGREEMENT.items():
        colours[code] = (*(c / 255 for c in colour), 1.0)
    return DirectLabelColormap(color_dict=colours)
