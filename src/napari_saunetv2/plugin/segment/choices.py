"""Which layers a widget offers, obstacles to segmenting one, and watching for replaced data."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.layers import Image, Labels, Layer

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.models.library import ModelInfo
from napari_saunetv2.plugin.common.layers import Planes, problem_of_fov
from napari_saunetv2.plugin.common.roles import ROLE

if TYPE_CHECKING:
    from napari.components import ViewerModel


def photographs(viewer: "ViewerModel") -> list[Image]:
    """List the image layers that are not results of this plugin."""
    return [x for x in viewer.layers if isinstance(x, Image) and ROLE not in x.metadata]


def fov_choices(viewer: "ViewerModel") -> list[str | Labels]:
    """List the choices for the field of view: none, auto, and labels that are not results."""
    labels = [x for x in viewer.layers if isinstance(x, Labels) and ROLE not in x.metadata]
    return ["none", "auto", *labels]


def obstacle(image: Image | None, model: ModelInfo | None, fov: str | Labels) -> str:
    """Reason why an image cannot be segmented, or ""."""
    if image is None:
        return "Open a photograph first: File > Open, or drop it on the canvas."
    if model is None:
        return "Choose another model: the file of this one is gone."
    try:
        planes = Planes(image)
    except SaunetError as error:
        return str(error)
    return problem_of_fov(fov, planes)


class DataWatch:
    """Calls back when the watched layer's data is replaced."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self._layer: Layer | None = None

    def watch(self, layer: Layer | None) -> None:
        """Watch only this layer."""
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.events.data.disconnect(self._call)
        if layer is not None:
            layer.events.data.connect(self._call)
        self._layer = layer
