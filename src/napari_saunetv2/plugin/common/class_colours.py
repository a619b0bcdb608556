"""Label layers of arteries and veins: their colours, and what marks them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_saunetv2.files import read_artery_vein, read_labels
from napari_saunetv2.imaging.classes import ARTERY, ARTERY_VEIN, BOTH, UNKNOWN, VEIN
from napari_saunetv2.imaging.ignored import VALUE
from napari_saunetv2.plugin.common.layers import OTHERS, VESSEL, Colour, label_colours
from napari_saunetv2.plugin.common.roles import CLASSES

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_saunetv2.files import ArteryVein

MARKED = {CLASSES: list(ARTERY_VEIN)}
"""Metadata of a label layer of arteries and veins."""


def artery_vein_colours() -> DirectLabelColormap:
    """The field's colours: red arteries, blue veins, green crossings, white for an unknown class."""
    colours: dict[int | None, Colour] = {
        None: OTHERS,
        0: (0.0, 0.0, 0.0, 0.0),
        ARTERY: (0.95, 0.1, 0.1, 1.0),
        VEIN: (0.15, 0.35, 1.0, 1.0),
        BOTH: (0.1, 0.85, 0.2, 1.0),
        UNKNOWN: (1.0, 1.0, 1.0, 1.0),
    }
    return DirectLabelColormap(color_dict=colours)


def is_of_classes(layer: "Layer") -> bool:
    """Whether a layer is marked as labels of arteries and veins."""
    return bool(layer.metadata.get(CLASSES) == list(ARTERY_VEIN))


def of_classes(found: "ArteryVein") -> NDArray[Any]:
    """Array of a label layer, shape (H, W): 0 to 4, and -1 where nobody judged."""
    if found.ignored is None:
        return found.labels
    return np.where(found.ignored, VALUE, found.labels.astype(np.int16))


def read_label_layer(path: Path, first: Colour = VESSEL) -> tuple[NDArray[Any], dict[str, Any]]:
    """Read a label file for a layer: its array, with colours and metadata.

    Arteries and veins are told by RITE's colours, or where the file's name ends in ``_av`` by numbers too.
    """
    labels = read_labels(path)
    by_name = path.stem.lower().endswith("_av") and labels.classes is not None
    if labels.artery_vein or by_name:
        look = {"colormap": artery_vein_colours(), "metadata": dict(MARKED)}
        return of_classes(read_artery_vein(path)), look
    numbers = labels.numbers()
    return numbers, {"colormap": label_colours(numbers, first)}
