"""Rows of the Fine-tune widget's table: from the open layers, or from a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin.common.layers import Planes, same_eye
from napari_saunetv2.plugin.common.roles import NOT_VESSELS, OF, ROLE
from napari_saunetv2.plugin.finetune.pairs_table import Choice, Row
from napari_saunetv2.plugin.session import edits
from napari_saunetv2.training.folders import entries
from napari_saunetv2.training.matching import Named, match

if TYPE_CHECKING:
    from napari.components import ViewerModel

NO_LABELS = "choose or paint labels of its size"
UNCORRECTED = "the labels are an uncorrected model result"
EMPTY = "the labels are empty"
FOR_TESTING = "a test image of the data set"
"""Why a row is not ticked."""

NOT_TO_LEARN = ("preview", *NOT_VESSELS)
"""Roles of layers that show a training preview, an evaluation or a measurement."""


def of_source(viewer: "ViewerModel", source: str, folder: str) -> tuple[list[Row], str]:
    """Give the rows of "layers" or of a "folder", and why that folder cannot be read, or ""."""
    if source == "layers":
        return of_layers(viewer), ""
    if folder in ("", "."):
        return [], ""
    try:
        return of_folder(Path(folder)), ""
    except SaunetError as error:
        return [], str(error)


def of_layers(viewer: "ViewerModel") -> list[Row]:
    """Return a row for each image, with the Labels layers of its shape.

    Corrected labels are chosen first, then labels of the same photograph by the reader's metadata, then those
    with the nearest name; uncorrected model results only if there is nothing else of that name. These are not
    ticked: they would teach the model nothing new.
    """
    images = [(layer, shape) for layer in viewer.layers if (shape := _picture_shape(layer)) is not None]
    labels = [x for x in viewer.layers if isinstance(x, Labels) and x.metadata.get(ROLE) not in NOT_TO_LEARN]
    fovs = [x for x in labels if x.metadata.get("role") == "fov"]
    # Of equally near names the last one is used.
    labels = sorted((x for x in labels if x not in fovs), key=lambda x: not _only_found(x))
    named = [Named(layer.name, shape) for layer, shape in images]
    rows = []
    for (layer, shape), mine, inside in zip(
        images, match(named, _named(labels)), match(named, _named(fovs)), strict=True
    ):
        fitting = [x for x in (*labels, *fovs) if _shape(x) == shape]
        choices = [Choice(x.name, x) for x in fitting]
        own = [x for x in fitting if same_eye(layer, x)]
        corrected = [x for x in fitting if x.metadata.get(OF) == layer.name and edits.painted(x)]
        by_name = None if mine is None else labels[mine], None if inside is None else fovs[inside]
        best = next((x for x in (*corrected[::-1], *own) if x in labels), by_name[0])
        fov = next((x for x in own if x in fovs), by_name[1])
        rows.append(Row(layer.name, layer, choices, choices, best, fov, _why_not(best)))
    return rows


def uncorrected(viewer: "ViewerModel") -> list[Labels]:
    """Return the results and empty labels that would tick a row once the user paints on them."""
    return [x for x in viewer.layers if isinstance(x, Labels) and _why_not(x)]


def _why_not(labels: Labels | None) -> str:
    """Reason why labels are not used by default, or ""."""
    if labels is None:
        return NO_LABELS
    if _only_found(labels):
        return UNCORRECTED
    # Lazy or large arrays are not read for this; the training reports it if nothing is annotated.
    return EMPTY if isinstance(labels.data, np.ndarray) and not labels.data.any() else ""


def of_folder(folder: Path) -> list[Row]:
    """Return a row for each photograph with labels in a folder.

    Raises
    ------
    LayoutError
        When there is none.
    """
    return [
        Row(
            entry.name,
            entry,
            [Choice(entry.labels.name, entry.labels)],
            [Choice(entry.fov.name, entry.fov)] if entry.fov else [],
            entry.labels,
            entry.fov,
            "" if entry.for_training else FOR_TESTING,
        )
        for entry in entries(folder)
        if entry.labels
    ]


def _only_found(layer: Labels) -> bool:
    """Whether these labels are an uncorrected model result."""
    return ROLE in layer.metadata and not edits.painted(layer)


def _picture_shape(layer: Any) -> tuple[int, ...] | None:
    if not isinstance(layer, Image) or ROLE in layer.metadata:
        return None
    try:
        return Planes(layer).shape
    except SaunetError:
        return None


def _named(layers: Sequence[Labels]) -> list[Named]:
    return [Named(layer.name, _shape(layer)) for layer in layers]


def _shape(layer: Labels) -> tuple[int, ...]:
    return tuple((layer.data[0] if layer.multiscale else layer.data).shape)
