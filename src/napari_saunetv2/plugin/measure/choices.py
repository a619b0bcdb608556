"""Which layers Measure offers, and which of them are most likely meant."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer, Points, Shapes

from napari_saunetv2.plugin.common.layers import same_eye
from napari_saunetv2.plugin.common.part import Part, frame_of
from napari_saunetv2.plugin.common.roles import NOT_VESSELS, OF, ROLE

if TYPE_CHECKING:
    from napari.components import ViewerModel

AUTO, NONE, FIND = "auto", "none", "find"

DISC, FOVEA, SEGMENTS, MARKS, ZONES = "disc", "fovea", "segments", "marks", "zones"
"""Roles of the layers of this widget."""


def vessels(viewer: "ViewerModel") -> list[Labels]:
    """List the labels that can be vessels."""
    return [x for x in viewer.layers if isinstance(x, Labels) and not _is_other(x)]


def likely_vessels(viewer: "ViewerModel", before: Labels | None) -> Labels | None:
    """Give the vessels that are meant: those that Segment drew last, else an observer's, else any.

    What was chosen before stays unless another layer is more likely by its kind.
    """
    found = vessels(viewer)
    likely = max(reversed(found), key=_likelihood, default=None)
    stays = before in found and likely is not None and _likelihood(before) >= _likelihood(likely)
    return before if stays else likely


def _likelihood(layer: Labels | None) -> tuple[bool, bool]:
    about = {} if layer is None else layer.metadata
    return about.get(ROLE) == "vessels", about.get("role") == "labels"


def photographs(viewer: "ViewerModel") -> list[Any]:
    """List what can be the photograph: none, and images that are not results."""
    return [NONE, *(x for x in viewer.layers if isinstance(x, Image) and ROLE not in x.metadata)]


def likely_photograph(viewer: "ViewerModel", of: Labels | None) -> Any:
    """Give the photograph of some vessels, or "none"."""
    if of is None:
        return NONE
    found = [x for x in photographs(viewer)[1:] if _same_frame(x, of)]
    stranger = of.metadata.get(OF) is None and of.metadata.get("dataset") is None
    ranks = {x: (x.name == of.metadata.get(OF), same_eye(x, of), x.rgb and stranger) for x in found}
    best = max(found, key=ranks.__getitem__, default=None)
    return best if best is not None and any(ranks[best]) else NONE


def layer_of(viewer: "ViewerModel", part: Part | None) -> Image | None:
    """Give the image that still shows an array; None where there is none."""
    images = (x for x in viewer.layers if isinstance(x, Image) and part is not None)
    return next((x for x in images if part is not None and Part.of(x).data is part.data), None)


def probabilities(viewer: "ViewerModel") -> list[Any]:
    """List what can be the probability: auto, none, and grey images of floats."""
    floats = [x for x in viewer.layers if isinstance(x, Image) and not x.rgb and _is_float(x)]
    return [AUTO, NONE, *(x for x in floats if x.metadata.get(ROLE) != "uncertainty")]


def own_probability(viewer: "ViewerModel", of: Labels) -> Image | None:
    """Give the probability that Segment drew these vessels from, if it is still open."""
    if of.metadata.get(ROLE) != "vessels" or of.metadata.get(OF) is None:
        return None
    found = [x for x in probabilities(viewer)[2:] if x.metadata.get(OF) == of.metadata[OF]]
    fitting = [x for x in found if x.metadata.get(ROLE) == "probability" and _same_frame(x, of)]
    return fitting[-1] if fitting else None


def fields_of_view(viewer: "ViewerModel") -> list[Any]:
    """List what can be the field of view: auto, none, and labels that are not results."""
    return [AUTO, NONE, *(x for x in viewer.layers if isinstance(x, Labels) and ROLE not in x.metadata)]


def own_fov(viewer: "ViewerModel", of: Layer) -> Labels | None:
    """Give the mask of the field of view of the same eye, if it is open."""
    masks = [x for x in fields_of_view(viewer)[2:] if x.metadata.get("role") == "fov"]
    return next((x for x in masks if same_eye(x, of) and _same_frame(x, of)), None)


def discs(viewer: "ViewerModel") -> list[Any]:
    """List what can be the disc: find, none, and shapes that are not of other results."""
    return [FIND, NONE, *(x for x in viewer.layers if isinstance(x, Shapes) and _may_be(x, DISC))]


def foveas(viewer: "ViewerModel") -> list[Any]:
    """List what can be the fovea: find, none, and points that are not of other results."""
    return [FIND, NONE, *(x for x in viewer.layers if isinstance(x, Points) and _may_be(x, FOVEA))]


def of(viewer: "ViewerModel", layer: Labels, role: str) -> Layer | None:
    """Give the layer of this widget with a role that belongs to some vessels, if there is one."""
    name = layer.metadata.get(OF, layer.name)
    found = [x for x in viewer.layers if x.metadata.get(ROLE) == role and x.metadata.get(OF) == name]
    return found[-1] if found else None


def _may_be(layer: Layer, role: str) -> bool:
    return bool(layer.metadata.get(ROLE, role) == role)


def _is_other(layer: Layer) -> bool:
    return layer.metadata.get(ROLE) in NOT_VESSELS or layer.metadata.get("role") == "fov"


def _is_float(layer: Layer) -> bool:
    return bool(np.issubdtype(layer.dtype, np.floating))


def _same_frame(layer: Layer, of: Layer) -> bool:
    return frame_of(layer)[-2:] == frame_of(of)[-2:]
