"""The result layers of a segmentation: probability, vessels and uncertainty."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.imaging import plausibility
from napari_saunetv2.imaging.classes import ARTERY_VEIN
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.plugin.common.class_colours import MARKED, artery_vein_colours, is_of_classes
from napari_saunetv2.plugin.common.class_keys import attach
from napari_saunetv2.plugin.common.layers import (
    EDITED,
    Planes,
    add_beside,
    lookup,
    put,
    spatial,
    vessel_colours,
)
from napari_saunetv2.plugin.common.modalities import MODALITY
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.segment.run import Request, Segmented
from napari_saunetv2.plugin.segment.stacks import Maps
from napari_saunetv2.plugin.session import edits

if TYPE_CHECKING:
    from napari.components import ViewerModel


EDITS = "saunetv2 edits of"
"""Key in the metadata of painted labels that were kept aside: the name of their image."""

BRUSH, MIN_BRUSH = 1 / 150, 2
"""Diameter of the brush, as a share of the longer side and in pixels: a middle-sized vessel."""

_LOOKS: dict[str, dict[str, Any]] = {
    "probability": {"contrast_limits": (0, 1), "colormap": "magma", "visible": False},
    "uncertainty": {"contrast_limits": (0, 0.05), "colormap": "inferno", "blending": "additive"},
}


class Source:
    """Snapshot of an image layer, which may have changed or be gone when the job ends."""

    def __init__(self, layer: Image) -> None:
        self.layer = layer
        self.name = layer.name
        self.planes = Planes(layer)
        self.spatial = spatial(layer)

    def changed(self) -> bool:
        """Whether the layer's data was replaced."""
        data = self.layer.data[0] if self.layer.multiscale else self.layer.data
        return data is not self.planes.array


class Result:
    """Probability, vessels and uncertainty of one image layer; segmenting again updates them.

    It holds no reference to the image layer, so that a removed layer can be freed.
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._name = ""
        self._spatial: dict[str, Any] = {}
        self._data: Any = None
        self._maps: dict[str, Image] = {}
        self._classes: Maps = {}
        self._labels: Labels | None = None
        self._fields: dict[tuple[int, ...], NDArray[np.bool_]] = {}
        self.ending = ""
        self.request: Request | None = None
        self.config: InferenceConfig | None = None

    def former(self, planes: Planes) -> Maps:
        """Give the maps that are there of this very picture."""
        same = self._data is not None and self._data() is planes.array
        shown = {role: layer.data for role, layer in self._maps.items() if same and self._there(role)}
        return shown | (self._classes if same else {})

    def show(self, source: Source, request: Request, prediction: Segmented, maps: Maps) -> Iterator[None]:
        """Show the maps of a segmentation, in the layers of the last one if they still exist.

        Yields
        ------
        None
            Before and after adding each layer, which takes napari a while.
        """
        same = self._data is not None and self._data() is source.planes.array
        self._name, self._spatial, self._data = source.name, source.spatial, lookup(source.planes.array)
        self.request, self.config = request, prediction.config
        places = [source.planes.index(number) for number in prediction.numbers]
        self._fields = (self._fields if same else {}) | dict(zip(places, prediction.fields, strict=True))
        about = {"model": prediction.config.model} | prediction.config.options()
        about |= {"fov": _word(request.fov), OF: self._name, MODALITY: prediction.modality}
        self._classes = {role: data for role, data in maps.items() if role in ARTERY_VEIN}
        for role, data in maps.items():
            if role not in ARTERY_VEIN:
                yield from self._show_map(role, data, about)
        if self.labels is None:
            # Still empty: adding it takes longest, so it gets its own step.
            labels = self._new_labels(np.zeros(source.planes.shape, np.uint8), about)
            yield
            self._add_labels(labels)
            yield

    def can_redraw(self) -> bool:
        """Whether there is a probability layer; the user may have removed it."""
        return self._there("probability")

    @property
    def probability(self) -> NDArray[np.float32]:
        """The probability that the vessels are computed from, shape (..., H, W)."""
        data: NDArray[np.float32] = self._maps["probability"].data
        return data

    @property
    def classes(self) -> tuple[NDArray[np.float32], ...]:
        """The maps of arteries and of veins, shape (..., H, W); empty where the model has none."""
        return tuple(self._classes.values())

    def show_vessels(self, mask: NDArray[np.uint8], post: PostProcessing) -> str:
        """Show the vessels, or labels of arteries and veins; returns a notice for the user, or "".

        Painted labels are not overwritten: they are kept under another name.
        """
        about = self._maps["probability"].metadata | {ROLE: "vessels"} | post.options() | self._marked()
        notice = self._set_painted_aside()
        if self._labels is None or not self._renew(self._labels, mask, about):
            self._add_labels(self._new_labels(mask, about))
        else:
            edits.remember(self._labels)
        return notice

    def in_words(self) -> str:
        """Say how the last run ended, and the share of the field of view that is vessel by now."""
        labels = self.labels
        if labels is None or not self._fields:
            return self.ending
        mask = np.stack([np.asarray(labels.data[place]) for place in self._fields])
        share = plausibility.share(mask, np.stack(list(self._fields.values())))
        return f"{self.ending} {plausibility.share_in_words(share)}"

    @property
    def labels(self) -> Labels | None:
        """The vessels layer, if it still exists."""
        return self._labels if self._labels in self._viewer.layers else None

    def activate(self, source: Image) -> None:
        """Make the vessels the active layer, unless the user selected another layer than the photograph."""
        selection = self._viewer.layers.selection
        if self.labels is not None and selection.active in (None, source):
            selection.active = self.labels

    def maps(self) -> "tuple[Labels, Image] | None":
        """Vessels and their uncertainty; None if one is missing."""
        labels = self.labels
        if labels is None or not self._there("uncertainty"):
            return None
        return labels, self._maps["uncertainty"]

    # Layers

    def _there(self, role: str) -> bool:
        return role in self._maps and self._maps[role] in self._viewer.layers

    def _show_map(self, role: str, data: NDArray[np.float32], about: dict[str, Any]) -> Iterator[None]:
        about = about | {ROLE: role}
        if not self._renew(self._maps.get(role), data, about):
            image = Image(data, name=f"{self._name} {role}", metadata=about, **_LOOKS[role], **self._spatial)
            yield
            self._maps[role] = image
            add_beside(self._viewer, image)
        yield

    def _new_labels(self, mask: NDArray[np.uint8], about: dict[str, Any]) -> Labels:
        labels = Labels(
            mask,
            name=f"{self._name} {self._title()}",
            colormap=self._colours(),
            opacity=0.7,
            metadata=about | {ROLE: "vessels"} | self._marked(),
            **self._spatial,
        )
        labels.brush_size = max(MIN_BRUSH, round(max(mask.shape[-2:]) * BRUSH))
        return labels

    def _add_labels(self, labels: Labels) -> None:
        self._labels = labels
        edits.remember(labels)
        add_beside(self._viewer, labels)

    def _renew(self, layer: Image | Labels | None, data: NDArray[Any], about: dict[str, Any]) -> bool:
        """Update a layer's data and spatial metadata; False if it is gone or has other axes."""
        if layer is None or layer not in self._viewer.layers or layer.ndim != data.ndim:
            return False
        other = isinstance(layer, Labels) and is_of_classes(layer) != bool(self._classes)
        layer.data, layer.metadata = data, about
        if other:
            layer.name, layer.colormap = f"{self._name} {self._title()}", self._colours()
            attach(self._viewer, layer)
        put(layer, self._spatial)
        return True

    def _title(self) -> str:
        return "arteries and veins" if self._classes else "vessels"

    def _marked(self) -> dict[str, Any]:
        return MARKED if self._classes else {}

    def _colours(self) -> DirectLabelColormap:
        return artery_vein_colours() if self._classes else vessel_colours()

    def _set_painted_aside(self) -> str:
        labels = self.labels
        if labels is None or not edits.painted(labels):
            return ""
        for layer in self._viewer.layers:  # of several edited ones only the last is visible
            if layer.metadata.get(EDITS) == self._name:
                layer.visible = False
        of_classes = is_of_classes(labels)
        labels.name = f"{self._name} {'arteries and veins' if of_classes else 'vessels'} (edited)"
        if not of_classes:
            labels.colormap = vessel_colours(EDITED)
        labels.metadata = labels.metadata | {EDITS: self._name}
        self._labels = None
        return f"Your painted labels are kept as '{labels.name}'."


def _word(fov: Any) -> str:
    return fov if isinstance(fov, str) else "layer"
