"""The layer that shows the current prediction for a validation image."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
from napari_saunetv2.training.on_demand import Pairs
from napari_saunetv2.training.validation import Preview

if TYPE_CHECKING:
    from napari.components import ViewerModel

NAME = "fine-tuning"

COLOUR = (1.0, 1.0, 1.0, 1.0)
"""Colour of the first class: white, because other colours are used by labels below it."""


@dataclass(frozen=True)
class Photograph:
    """The source layer of a training image.

    Attributes
    ----------
    layer : Image
    array : callable
        Returns the array that it showed then, or None once that is gone.
    labels : Labels
        The layer with its labels.
    """

    layer: Image
    array: Callable[[], Any]
    labels: Labels

    @classmethod
    def of(cls, layer: Image, labels: Labels) -> "Photograph":
        """Remember what a layer shows now."""
        return cls(layer, lookup(Planes(layer).array), labels)

    def shown_in(self, viewer: "ViewerModel") -> bool:
        """Whether its layer still exists and shows the same single image."""
        if self.layer not in viewer.layers or len(Planes(self.layer).shape) != 2:
            return False
        return Planes(self.layer).array is self.array()

    def transform(self) -> dict[str, Any]:
        """Spatial metadata of a plane: the layer's, or for a plane of a stack its scale and corner."""
        if len(Planes(self.layer).shape) == 2:
            return spatial(self.layer)
        return {"scale": self.layer.scale[-2:], "translate": self.layer.translate[-2:]}


class LivePrediction:
    """Shown over its photograph, or over a copy if no layer shows the photograph alone.

    Layers of other photographs that would cover it are hidden until the training ends. Then its own layer is
    hidden, and reused by the next training: when a layer is removed, napari collects garbage, which freezes
    the window for a moment.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._rows: list[Photograph | None] = []
        self._photographs: dict[str, Photograph] = {}
        self._pairs: Mapping[str, Callable[[], Pair]] = {}
        self._layer: Labels | None = None
        self._shown: Preview | None = None
        self._hidden: list[Layer] = []

    def begin(self, chosen: Sequence[Chosen] = ()) -> None:
        """Wait for a new training on these rows of the table."""
        self._photographs, self._pairs, self._shown = {}, {}, None
        # The layers' data now: it may change before the pairs are read.
        self._rows = [
            Photograph.of(row.image, row.labels) if isinstance(row.image, Image) else None for row in chosen
        ]

    def take(self, pairs: Pairs, rows: Mapping[str, int]) -> None:
        """Get to know the images, and for the names of some the row that each came from."""
        self._pairs = {name: partial(pairs.__getitem__, n) for n, name in enumerate(pairs.names)}
        found = {name: self._rows[row] for name, row in rows.items()}
        self._photographs = {name: one for name, one in found.items() if one is not None}

    def show(self, preview: Preview | None) -> Iterator[None]:
        """Show a preview in steps, unless it is already shown or its layer was removed."""
        if preview is None or preview is self._shown:
            return
        first = self._shown is None
        self._shown = preview
        if first:
            yield from self._bring(preview)
        elif (layer := self._present()) is not None:
            layer.data = preview.labels

    def hide(self) -> None:
        """Hide the layer, and show the layers hidden for it again."""
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
        transform = photograph.transform() if photograph else {}
        below: list[Layer] = []
        if photograph and photograph.shown_in(self._viewer):
            below = self._of(photograph)
        elif preview.name in self._pairs:
            pixels = np.asarray(self._pairs[preview.name]().image)
            name = f"{preview.name} (validation)"
            copy = Image(pixels, rgb=pixels.ndim == 3, name=name, metadata={ROLE: "preview"}, **transform)
            below = [copy]
            yield
            add_beside(self._viewer, copy)
            yield
        name, former = f"{preview.name} {NAME}", self._present()
        if former is not None and former.name == name:
            former.data, former.visible = preview.labels, True
            put(former, transform)
            self._viewer.layers.move(self._viewer.layers.index(former), self._above(below))
        else:
            about = {ROLE: "preview"}
            self._layer = Labels(
                preview.labels, name=name, opacity=0.8, metadata=about, colormap=_colours(), **transform
            )
            yield
            add_beside(self._viewer, self._layer, self._above(below))
        self._uncover()
        yield

    def _of(self, photograph: Photograph) -> list[Layer]:
        """Layers of the same photograph, all to be below the preview."""
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
        """Hide layers of other photographs above the preview."""
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
    """One colour for the first class, and others for further classes: a later training may have more."""
    further = np.arange(2, 256)
    shades = dict(zip(further.tolist(), label_colormap().map(further), strict=True))
    return DirectLabelColormap(color_dict={**vessel_colours().color_dict, 1: COLOUR, **shades})
