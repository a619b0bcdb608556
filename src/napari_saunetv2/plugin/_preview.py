"""The layer that shows what a training makes of a validation image."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap, label_colormap

from napari_saunetv2.plugin._layers import add_beside, put, spatial, vessel_colours
from napari_saunetv2.plugin._results import ROLE
from napari_saunetv2.training import Pair
from napari_saunetv2.training.validation import Preview

if TYPE_CHECKING:
    from napari.components import ViewerModel

NAME = "fine-tuning"


class LivePrediction:
    """It is shown on its image's layer where there is one, and else brings the image with it.

    After a training its layer is hidden and the next one takes it up again: to remove a layer napari collects
    all garbage of the program, for which the window stands still.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._places: Mapping[str, dict[str, Any]] = {}
        self._pairs: dict[str, Pair] = {}
        self._layer: Labels | None = None
        self._shown: Preview | None = None

    def begin(self, places: Mapping[str, dict[str, Any]]) -> None:
        """Wait for a new training; ``places`` are the spatial metadata of its images' layers, by name."""
        self._places, self._pairs, self._shown = places, {}, None

    def take(self, pairs: list[Pair]) -> None:
        """Get to know the images."""
        self._pairs = {pair.name: pair for pair in pairs}

    def show(self, preview: Preview | None) -> Iterator[None]:
        """Show a preview in steps, unless it is shown or somebody removed the layer."""
        if preview is None or preview is self._shown:
            return
        first = self._shown is None
        self._shown = preview
        if first:
            yield from self._bring(preview)
        elif (layer := self._present()) is not None:
            layer.data = preview.labels

    def hide(self) -> None:
        """Take the layer out of sight."""
        if (layer := self._present()) is not None:
            layer.visible = False

    def _present(self) -> Labels | None:
        return self._layer if self._layer is not None and self._layer in self._viewer.layers else None

    def _bring(self, preview: Preview) -> Iterator[None]:
        place = self._places.get(preview.name, {})
        if not place and preview.name in self._pairs:
            pixels = np.asarray(self._pairs[preview.name].image)
            yield from self._add(
                Image(
                    pixels,
                    rgb=pixels.ndim == 3,
                    name=f"{preview.name} (validation)",
                    metadata={ROLE: "preview"},
                )
            )
        name, former = f"{preview.name} {NAME}", self._present()
        if former is not None and former.name == name:
            former.data, former.visible = preview.labels, True
            put(former, place)
            return
        self._layer = Labels(
            preview.labels, name=name, opacity=0.6, metadata={ROLE: "preview"}, colormap=_colours(), **place
        )
        yield from self._add(self._layer)

    def _add(self, layer: Image | Labels) -> Iterator[None]:
        yield
        add_beside(self._viewer, layer)
        yield


def _colours() -> DirectLabelColormap:
    """Those of a vessel mask, and others for further kinds: a later training may have more of them."""
    further = np.arange(2, 256)
    shades = dict(zip(further.tolist(), label_colormap().map(further), strict=True))
    return DirectLabelColormap(color_dict={**vessel_colours().color_dict, **shades})


def place_of(layer: Image) -> dict[str, Any]:
    """Where a layer's picture lies; nothing for a stack, which lies in more dimensions than a picture."""
    return spatial(layer) if layer.ndim == 2 else {}
