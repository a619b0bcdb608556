"""The two layers that a segmentation leaves: its probability and its vessels."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_saunetv2 import inference
from napari_saunetv2.plugin._layers import spatial, vessel_colours

if TYPE_CHECKING:
    from napari.components import ViewerModel

ROLE = "saunetv2 role"
"""Key in a layer's metadata that tells results from photographs."""


class Source:
    """What a job must know of its image layer, which may have changed or be gone when the job ends."""

    def __init__(self, layer: Image) -> None:
        self.layer = layer
        self.name = layer.name
        self.spatial = spatial(layer)


class Result:
    """Probability and vessels of one image layer; running again renews them.

    It keeps no image layer, so that one that was removed can go.
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._name = ""
        self._spatial: dict[str, Any] = {}
        self._probability: Image | None = None
        self._labels: Labels | None = None
        self._drawn: NDArray[np.uint8] | None = None

    def show_probability(
        self, source: Source, probability: NDArray[np.float32], settings: dict[str, Any]
    ) -> None:
        """Show a probability, in the layer that shows the last one if it is still there."""
        self._name, self._spatial = source.name, source.spatial
        about = settings | {ROLE: "probability"}
        if self._renew(self._probability, probability, about):
            return
        self._probability = Image(
            probability,
            name=f"{self._name} probability",
            contrast_limits=(0, 1),
            colormap="magma",
            visible=False,
            metadata=about,
            **self._spatial,
        )
        self._add(self._probability)

    def show_vessels(self, threshold: float) -> str:
        """Show the vessels at a threshold; returns what the user must know, else "".

        Nothing happens where somebody removed the probability. Labels that somebody painted on are not
        touched: they keep their work under another name.
        """
        if self._probability is None or self._probability not in self._viewer.layers:
            return ""
        vessels = inference.binarise(self._probability.data, threshold)
        about = self._probability.metadata | {ROLE: "vessels", "threshold": threshold}
        notice = self._set_painted_aside()
        if not self._renew(self._labels, vessels, about):
            self._labels = Labels(
                vessels,
                name=f"{self._name} vessels",
                colormap=vessel_colours(),
                opacity=0.7,
                metadata=about,
                **self._spatial,
            )
            self._add(self._labels)
        # The layer paints into its own array: only a copy tells later what was painted.
        self._drawn = vessels.copy()
        return notice

    def _renew(self, layer: Image | Labels | None, data: NDArray[Any], about: dict[str, Any]) -> bool:
        """Give a layer new contents and the source's place; False where it is gone or has other axes."""
        if layer is None or layer not in self._viewer.layers or layer.ndim != data.ndim:
            return False
        layer.data, layer.metadata = data, about
        for name, value in self._spatial.items():
            setattr(layer, name, value)
        return True

    def _set_painted_aside(self) -> str:
        labels = self._labels
        if labels is None or self._drawn is None or labels not in self._viewer.layers:
            return ""
        if np.array_equal(labels.data, self._drawn):
            return ""
        labels.name = f"{self._name} vessels (edited)"
        self._labels = None
        return f"Your painted labels are kept as '{labels.name}'."

    def _add(self, layer: Image | Labels) -> None:
        """Add a layer, and leave the one that the user works on active."""
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(layer)
        if active is not None:
            self._viewer.layers.selection.active = active
