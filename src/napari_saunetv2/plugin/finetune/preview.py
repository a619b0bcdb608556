"""The layer that shows what a training makes of a validation image."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap, label_colormap

from napari_saunetv2.plugin.common.layers import (
    Planes,
    add_beside,
    lookup,
    put,
    same_eye,
    spatial,
    vessel_colours,
)
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.finetune.pairs_table import Chosen
from napari_saunetv2.training import Pair
from napari_saunetv2.training.validation import Preview

if TYPE_CHECKING:
    from napari.components import ViewerModel

NAME = "fine-tuning"

COLOUR = (1.0, 1.0, 1.0, 1.0)
"""Of the first kind of vessel: white, for every other colour is that of labels it may lie over."""


@dataclass(frozen=True)
class Photograph:
    """The layer that a training image was taken from.

    Attributes
    ----------
    layer : Image
    array : callable
        Gives the array that it showed then, or None once that is gone.
    labels : Labels
        The layer with its labels.
    """

    layer: Image
    array: Callable[[], Any]
    labels: Labels

    @classmethod
    def of(cls, layer: Image, labels: Labels) -> "Photograph":
        """Note what a layer shows now."""
        return cls(layer, lookup(Planes(layer).array), labels)

    def shown_in(self, viewer: "ViewerModel") -> bool:
        """Say whether its layer is there and shows the same single picture."""
        if self.layer not in viewer.layers or len(Planes(self.layer).shape) != 2:
            return False
        return Planes(self.layer).array is self.array()

    def place(self) -> dict[str, Any]:
        """Where a plane of it lies: as the layer, or for a plane of a stack with its scale and corner."""
        if len(Planes(self.layer).shape) == 2:
            return spatial(self.layer)
        return {"scale": self.layer.scale[-2:], "translate": self.layer.translate[-2:]}


class LivePrediction:
    """It lies over its photograph, and brings a copy of that where no layer shows it alone.

    Layers of other photographs that would cover it are hidden until the training ends. Its own layer is
    hidden then, and the next training takes it up again: to remove a layer napari collects all garbage of
    the program, for which the window stands still.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._rows: list[Photograph | None] = []
        self._photographs: dict[str, Photograph] = {}
        self._pairs: dict[str, Pair] = {}
        self._layer: Labels | None = None
        self._shown: Preview | None = None
        self._hidden: list[Layer] = []

    def begin(self, chosen: Sequence[Chosen] = ()) -> None:
        """Wait for a new training on these rows of the table."""
        self._photographs, self._pairs, self._shown = {}, {}, None
        # What the layers show now: they may show something else by the time their pairs are read.
        self._rows = [
            Photograph.of(row.image, row.labels) if isinstance(row.image, Image) else None for row in chosen
        ]

    def take(self, pairs: Sequence[Pair], rows: Mapping[str, int]) -> None:
        """Get to know the images, and for the names of some the row that each came from."""
        self._pairs = {pair.name: pair for pair in pairs}
        found = {name: self._rows[row] for name, row in rows.items()}
        self._photographs = {name: one for name, one in found.items() if one is not None}

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
        """Take the layer out of sight, and show again what was hidden for it."""
        if (layer := self._present()) is not None:
            layer.visible = False
        for other in self._hidden:
            if other in self._viewer.layers:
                other.visible = True
        self._hidden = []
        self.begin()

    def _present(self) -> Labels | None:
        return self._layer if self._layer is not None and self._layer in self._viewer.layers else None

    def _bring(self, preview: Preview) -> Iterator[None]:
        photograph = self._photographs.get(preview.name)
        place = photograph.place() if photograph else {}
        below: list[Layer] = []
        if photograph and photograph.shown_in(self._viewer):
            below = self._of(photograph)
        elif preview.name in self._pairs:
            pixels = np.asarray(self._pairs[preview.name].image)
            name = f"{preview.name} (validation)"
            copy = Image(pixels, rgb=pixels.ndim == 3, name=name, metadata={ROLE: "preview"}, **place)
            below = [copy]
            yield
            add_beside(self._viewer, copy)
            yield
        name, former = f"{preview.name} {NAME}", self._present()
        if former is not None and former.name == name:
            former.data, former.visible = preview.labels, True
            put(former, place)
            self._viewer.layers.move(self._viewer.layers.index(former), self._above(below))
        else:
            about = {ROLE: "preview"}
            self._layer = Labels(
                preview.labels, name=name, opacity=0.8, metadata=about, colormap=_colours(), **place
            )
            yield
            add_beside(self._viewer, self._layer, self._above(below))
        self._uncover()
        yield

    def _of(self, photograph: Photograph) -> list[Layer]:
        """Layers of the same photograph: the preview is to lie above them all."""
        image = photograph.layer
        return [
            x
            for x in self._viewer.layers
            if x in (image, photograph.labels) or x.metadata.get(OF) == image.name or same_eye(image, x)
        ]

    def _above(self, below: list[Layer]) -> int:
        layers = self._viewer.layers
        return max((layers.index(x) + 1 for x in below if x in layers), default=len(layers))

    def _uncover(self) -> None:
        """Hide what lies above the preview: layers of other photographs."""
        preview, layers = self._present(), self._viewer.layers
        if preview is None or self._viewer.grid.enabled:
            return
        above = layers[layers.index(preview) + 1 :]
        for layer in [x for x in above if x.visible and _overlap(x, preview)]:
            layer.visible = False
            self._hidden.append(layer)


def _overlap(one: Layer, other: Layer) -> bool:
    (low, high), (from_, to) = (x.extent.world[:, -2:] for x in (one, other))
    return bool((low <= to).all() and (from_ <= high).all())


def _colours() -> DirectLabelColormap:
    """One for vessels, and others for further kinds: a later training may have more of them."""
    further = np.arange(2, 256)
    shades = dict(zip(further.tolist(), label_colormap().map(further), strict=True))
    return DirectLabelColormap(color_dict={**vessel_colours().color_dict, 1: COLOUR, **shades})
