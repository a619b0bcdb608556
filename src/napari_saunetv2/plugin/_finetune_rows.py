"""Rows of the Fine-tune widget's table: from the open layers, or from a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin._layers import Planes
from napari_saunetv2.plugin._pairs_table import Choice, Row
from napari_saunetv2.plugin._results import ROLE
from napari_saunetv2.training.folders import entries
from napari_saunetv2.training.matching import Named, match

if TYPE_CHECKING:
    from napari.components import ViewerModel

PREVIEW = "preview"
"""Role of the layer that shows a training at work: no labels to learn from."""


def of_layers(viewer: "ViewerModel") -> list[Row]:
    """Give a row for each picture, with the Labels layers of its shape."""
    images = [(layer, shape) for layer in viewer.layers if (shape := _picture_shape(layer)) is not None]
    labels = [x for x in viewer.layers if isinstance(x, Labels) and x.metadata.get(ROLE) != PREVIEW]
    fields = [x for x in labels if x.metadata.get("role") == "fov"]
    labels = [x for x in labels if x not in fields]
    named = [Named(layer.name, shape) for layer, shape in images]
    rows = []
    for (layer, shape), mine, inside in zip(
        images, match(named, _named(labels)), match(named, _named(fields)), strict=True
    ):
        fitting = [x for x in (*labels, *fields) if _shape(x) == shape]
        choices = [Choice(x.name, x) for x in fitting]
        rows.append(
            Row(
                layer.name,
                layer,
                choices,
                choices,
                None if mine is None else labels[mine],
                None if inside is None else fields[inside],
            )
        )
    return rows


def of_folder(folder: Path) -> list[Row]:
    """Give a row for each photograph in a folder that has labels.

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
            [Choice(entry.field.name, entry.field)] if entry.field else [],
            entry.labels,
            entry.field,
            entry.for_training,
        )
        for entry in entries(folder)
        if entry.labels
    ]


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
