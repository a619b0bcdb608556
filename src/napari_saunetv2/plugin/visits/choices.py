"""Which layers Compare visits offers, and which of them are most likely meant."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_saunetv2.plugin.common.part import frame_of
from napari_saunetv2.plugin.common.roles import NOT_VESSELS, OF, ROLE
from napari_saunetv2.plugin.session import edits

if TYPE_CHECKING:
    from napari.components import ViewerModel

NONE, SEGMENT = "none", "segment"
"""Instead of a photograph: none, vessels alone. Instead of vessels: found in the photograph by the model."""

REGISTERED, DIFFERENCE, CHANGES = "registered", "difference", "changes"
"""Roles of the layers of this widget."""


def photographs(viewer: "ViewerModel") -> list[Any]:
    """List what can be the photograph of a visit: images that are not results, and none."""
    return [*_images(viewer), NONE]


def vessels(viewer: "ViewerModel") -> list[Any]:
    """List what can be the vessels of a visit: the model's, and labels that can be vessels."""
    return [SEGMENT, *(x for x in viewer.layers if isinstance(x, Labels) and not _is_other(x))]


def likely_photographs(viewer: "ViewerModel") -> tuple[Any, Any]:
    """Give the two photographs that are most likely meant, the earlier first; "none" where there is none.

    By their dates where both are known, else in the order of the layers.
    """
    found = _images(viewer)[:2]
    dates = [str(x.metadata.get("date") or "") for x in found]
    if len(found) == 2 and all(dates):
        found.sort(key=lambda x: str(x.metadata["date"]))
    one, other, *_ = (*found, NONE, NONE)
    return one, other


def own_vessels(viewer: "ViewerModel", photograph: Any) -> Any:
    """Give the vessels of a photograph that Segment drew and somebody corrected; else the model's.

    Vessels that are as Segment drew them are found again, with the probability that a layer of them lacks.
    """
    if photograph == NONE:
        return SEGMENT
    fitting = [x for x in vessels(viewer)[1:] if np.array_equal(frame_of(x), frame_of(photograph))]
    mine = [x for x in fitting if x.metadata.get(ROLE) == "vessels" and x.metadata.get(OF) == photograph.name]
    corrected = [x for x in mine if edits.painted(x)]
    return corrected[-1] if corrected else SEGMENT


def is_layer(choice: Any) -> bool:
    """Whether a choice is a layer and not a word such as "none"."""
    return isinstance(choice, Layer)


def _images(viewer: "ViewerModel") -> list[Image]:
    return [x for x in viewer.layers if isinstance(x, Image) and ROLE not in x.metadata]


def _is_other(layer: Labels) -> bool:
    return layer.metadata.get("role") == "fov" or layer.metadata.get(ROLE) in NOT_VESSELS
