"""The layer that shows what a training makes of a validation image."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels

from napari_saunetv2.plugin._layers import spatial, vessel_colours
from napari_saunetv2.plugin._results import ROLE
from napari_saunetv2.training import Pair
from napari_saunetv2.training.validation import Preview

if TYPE_CHECKING:
    from napari.components import ViewerModel

NAME = "fine-tuning"


class LivePrediction:
    """It is shown on its image's layer where there is one, and else brings the image with it.

    Parameters
    ----------
    viewer : ViewerModel
    places : mapping of str to dict
        Spatial metadata of the layers that images come from, by the images' names.
    """

    def __init__(self, viewer: "ViewerModel", places: Mapping[str, dict[str, Any]]) -> None:
        self._viewer = viewer
        self._places = places
        self._pairs: dict[str, Pair] = {}
        self._layer: Labels | None = None
        self._shown: Preview | None = None

    def take(self, pairs: list[Pair]) -> None:
        """Get to know the images."""
        self._pairs = {pair.name: pair for pair in pairs}

    def show(self, preview: Preview | None) -> None:
        """Show a preview, unless it is shown or somebody removed the layer."""
        if preview is None or preview is self._shown:
            return
        first = self._shown is None
        self._shown = preview
        if first:
            self._add(preview)
        elif self._layer is not None and self._layer in self._viewer.layers:
            self._layer.data = preview.labels

    def remove(self) -> None:
        """Take the layer away."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)

    def _add(self, preview: Preview) -> None:
        place = self._places.get(preview.name, {})
        active = self._viewer.layers.selection.active
        if not place and preview.name in self._pairs:
            pixels = np.asarray(self._pairs[preview.name].image)
            self._viewer.add_layer(
                Image(
                    pixels,
                    rgb=pixels.ndim == 3,
                    name=f"{preview.name} (validation)",
                    metadata={ROLE: "preview"},
                )
            )
        colours = {"colormap": vessel_colours()} if preview.labels.max(initial=0) < 2 else {}
        self._layer = Labels(
            preview.labels,
            name=f"{preview.name} {NAME}",
            opacity=0.6,
            metadata={ROLE: "preview"},
            **colours,
            **place,
        )
        self._viewer.add_layer(self._layer)
        if active is not None:
            self._viewer.layers.selection.active = active


def place_of(layer: Image) -> dict[str, Any]:
    """Where a layer's picture lies; nothing for a stack, which lies in more dimensions than a picture."""
    return spatial(layer) if layer.ndim == 2 else {}
