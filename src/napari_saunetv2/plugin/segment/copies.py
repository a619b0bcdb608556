"""A segmentation as Python code and as a command line."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Labels

from napari_saunetv2 import reproduce
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import CheckpointError, SaunetError
from napari_saunetv2.files import read_image, read_mask
from napari_saunetv2.imaging.classes import is_artery_vein
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.models import library
from napari_saunetv2.models.header import Header
from napari_saunetv2.plugin.common.layers import Planes, colours_first, current_plane, file_of
from napari_saunetv2.plugin.common.models import portable
from napari_saunetv2.reproduce import Segmentation

if TYPE_CHECKING:
    from napari.components import ViewerModel


def recipe_of(config: InferenceConfig, post: PostProcessing) -> Segmentation:
    """Collect all that determines the pixels; of a model that is gone, as if it were for fundus vessels."""
    try:
        header = library.info(library.find(config.model)).header
    except CheckpointError:
        header = Header()
    return Segmentation(
        portable(config), post, is_artery_vein(header.classes), whole_frame=header.modality == "octa"
    )


def python(recipe: Segmentation, viewer: "ViewerModel", layer: Image, fov: str | Labels) -> str:
    """Return code that reads the file, or in napari's console the layer's current plane."""
    fov = "" if isinstance(fov, str) else _expression(viewer, fov, mask=True)
    return recipe.as_python(_expression(viewer, layer), fov)


def command(recipe: Segmentation, _viewer: "ViewerModel", layer: Image, fov: str | Labels) -> str:
    """Return the command; raises SettingsError if the image is not saved in a file of its own."""
    fov = None if isinstance(fov, str) else _own_file(fov)
    return recipe.as_command(_own_file(layer), fov)


LANGUAGES = {"Python": python, "a command": command}


def _own_file(layer: Image | Labels) -> Path | None:
    """File with exactly this image; None if the layer was changed or comes from elsewhere."""
    one_picture = (layer.ndim == 2 and not layer.multiscale) or colours_first(layer)
    file = file_of(layer) if one_picture else None
    if file is None:
        return None
    try:
        if isinstance(layer, Labels):
            same = np.array_equal(read_mask(file), np.asarray(layer.data) != 0)
        else:
            same = np.array_equal(read_image(file), Planes(layer)[0])
    except SaunetError:
        return None
    return file if same else None


def _expression(viewer: "ViewerModel", layer: Image | Labels, *, mask: bool = False) -> str:
    file = _own_file(layer)
    if file is not None:
        return reproduce.from_file(file, mask=mask)
    data = f"viewer.layers[{layer.name!r}].data{'[0]' if layer.multiscale else ''}"
    if layer.ndim == 2:
        return data
    if colours_first(layer):
        return f"{data}.transpose(1, 2, 0)"
    planes = Planes(layer)
    index = planes.index(current_plane(layer, planes, viewer))
    return data + "".join(f"[{at}]" for at in index)
