"""Which layers a widget offers, what keeps one from being segmented, and when one shows other data."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.layers import Image, Labels, Layer

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.models.library import ModelInfo
from napari_saunetv2.plugin.common.layers import Planes, problem_of_field
from napari_saunetv2.plugin.common.roles import ROLE

if TYPE_CHECKING:
    from napari.components import ViewerModel


def photographs(viewer: "ViewerModel") -> list[Image]:
    """List the image layers that are no results of this plugin."""
    return [x for x in viewer.layers if isinstance(x, Image) and ROLE not in x.metadata]


def fields(viewer: "ViewerModel") -> list[str | Labels]:
    """List what can tell the field of view: none, auto, and labels that are no results."""
    labels = [x for x in viewer.layers if isinstance(x, Labels) and ROLE not in x.metadata]
    return ["none", "auto", *labels]


def obstacle(image: Image | None, model: ModelInfo | None, field: str | Labels) -> str:
    """Say why an image cannot be segmented, or "" where it can."""
    if image is None:
        return "Open a photograph first: File > Open, or drop it on the canvas."
    if model is None:
        return "Choose a model first: its file has gone."
    try:
        planes = Planes(image)
    except SaunetError as error:
        return str(error)
    return problem_of_field(field, planes)


class DataWatch:
    """Calls when the watched layer's data is replaced."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self._layer: Layer | None = None

    def watch(self, layer: Layer | None) -> None:
        """Watch this layer and no other."""
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.events.data.disconnect(self._call)
        if layer is not None:
            layer.events.data.connect(self._call)
        self._layer = layer
