"""One case as a group of layers: photograph, labels, field of view."""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from napari.layers import Image, Labels, Layer

from napari_saunetv2.datasets import Sample
from napari_saunetv2.plugin.common.class_colours import (
    MARKED,
    artery_vein_colours,
    of_classes,
    read_label_layer,
)
from napari_saunetv2.plugin.common.layers import OBSERVERS, add_beside, vessel_colours
from napari_saunetv2.plugin.common.roles import OF
from napari_saunetv2.plugin.session import edits

if TYPE_CHECKING:
    from napari.components import ViewerModel

LayerData = tuple[Any, dict[str, Any], str]

TITLES = {"av": "arteries and veins", "vessels": "vessels"}
"""What the layer of a kind of mask is called; the first one that is there is shown."""


class Row(NamedTuple):
    """A case of the list, and the job that reads its layers."""

    name: str
    read: Callable[[], Generator[None, None, list[LayerData]]]


def read_with_masks(sample: Sample, masks: Mapping[str, Path]) -> Generator[None, None, list[LayerData]]:
    """Read a photograph and its masks, as a job.

    Parameters
    ----------
    sample : Sample
        Without labels.
    masks : mapping of str to Path
        By kind, "vessels" or "av"; those that exist are read.
    """
    layers = yield from read_case(sample)
    _, about, _ = layers[0]
    for kind, title in TITLES.items():
        if not masks[kind].exists():
            continue
        labels, look = read_label_layer(masks[kind])
        metadata = about["metadata"] | look.pop("metadata", {}) | {"role": "labels", "observer": kind}
        first = len(layers) == 1
        named = {"name": f"{sample.name} {title}", "metadata": metadata, "visible": first, "opacity": 0.6}
        layers.append((labels, named | look, "labels"))
        yield None
    return layers


def read_case(sample: Sample) -> Generator[None, None, list[LayerData]]:
    """Read the files of a case, the photograph first, as a job: a large photograph takes half a second."""
    about = {key: getattr(sample, key) for key in ("dataset", "subject", "eye", "split", "name")}
    about["path"] = str(sample.image_path)
    layers: list[LayerData] = []

    def add(data: Any, name: str, kind: str, role: str, observer: str | None = None, **looks: Any) -> None:
        metadata = about | {"role": role, "observer": observer}
        metadata |= MARKED if sample.has_classes and role == "labels" else {}
        layers.append((data, {"name": name, "metadata": metadata, **looks}, kind))

    pixels = sample.image()
    add(pixels, sample.name, "image", "image", rgb=pixels.ndim == 3)
    yield None
    for number, observer in enumerate(sample.label_paths):
        labels, colours = sample.labels(observer), vessel_colours(OBSERVERS[number % len(OBSERVERS)])
        if sample.has_classes:
            labels, colours = of_classes(sample.artery_vein(observer)), artery_vein_colours()
        look = {"visible": number == 0, "opacity": 0.6, "colormap": colours}
        add(labels, f"{sample.name} {observer}", "labels", "labels", observer, **look)
        yield None
    if sample.fov_path is not None:
        add(sample.fov(), f"{sample.name} FOV", "labels", "fov", visible=False, opacity=0.3)
    return layers


class Group:
    """The layers of the current case."""

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._layers: list[Layer] = []

    def all(self) -> list[Layer]:
        """List the layers of the case, including segmentation results."""
        here = [layer for layer in self._layers if layer in self._viewer.layers]
        names = {layer.name for layer in here}
        results = [
            layer for layer in self._viewer.layers if layer.metadata.get(OF) in names and layer not in here
        ]
        return here + results

    def photograph(self) -> Image | None:
        """Return the photograph of the case, if it is still open."""
        images = (layer for layer in self._layers if layer in self._viewer.layers)
        return next((layer for layer in images if isinstance(layer, Image)), None)

    def labels(self) -> list[Labels]:
        """List its Labels layers."""
        return [layer for layer in self.all() if isinstance(layer, Labels)]

    def unsaved(self) -> list[Labels]:
        """List the layers with unsaved painting."""
        return [layer for layer in self.labels() if edits.unsaved(layer)]

    def replace(self, case: list[LayerData], keep: list[Labels], active: str = "image") -> None:
        """Replace the case: the view and the layers' visibility stay the same.

        The first layer of the role ``active`` becomes the active one, else the photograph.
        """
        former = self.all()
        own = [layer for layer in self._layers if layer in former]
        looks = {_part(layer.metadata): (layer.visible, layer.opacity) for layer in own}
        shape = next((layer.data.shape for layer in own), None)
        camera = self._viewer.camera.center, self._viewer.camera.zoom
        rgb = bool(case[0][1]["rgb"])
        free = {_part(layer.metadata): layer for layer in own if layer not in keep and _is_plain(layer, rgb)}
        parts = [_part(about["metadata"]) for _, about, _ in case]
        if parts[0] not in free:  # a new photograph would cover the other layers
            free = {}
        self._layers = [
            self._show(one, free.get(part), looks.get(part)) for one, part in zip(case, parts, strict=True)
        ]
        for layer in former:
            if layer in keep:
                layer.visible = False
            elif layer not in self._layers:
                self._viewer.layers.remove(layer)
        roles = (layer for layer in self._layers if layer.metadata.get("role") == active)
        self._viewer.layers.selection.active = next(roles, self._layers[0])
        if shape == self._layers[0].data.shape:
            self._viewer.camera.center, self._viewer.camera.zoom = camera
        else:
            self._viewer.reset_view()

    def _show(self, one: LayerData, layer: Layer | None, look: tuple[bool, float] | None) -> Layer:
        """Reuse the layer of the last case for the same part of this one, if possible.

        When a layer is removed, napari collects garbage, which freezes the window for a moment.
        """
        data, about, _ = one
        if layer is None:
            layer = Layer.create(*one)
            if look is not None:
                layer.visible, layer.opacity = look
            add_beside(self._viewer, layer)
        else:
            layer.data, layer.name, layer.metadata = data, about["name"], about["metadata"]
            layer.editable = False  # clears the undo history, which belongs to the last case
            layer.editable = True
        if isinstance(layer, Labels):
            edits.remember(layer)
        return layer


def _is_plain(layer: Layer, rgb: bool) -> bool:
    """Whether a layer still shows one plane; the user may have replaced its data."""
    return layer.ndim == 2 and not layer.multiscale and getattr(layer, "rgb", True) == rgb


def _part(metadata: Mapping[str, Any]) -> tuple[Any, Any]:
    return metadata.get("role"), metadata.get("observer")
