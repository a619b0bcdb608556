"""Conversion between layers and arrays."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap, label_colormap
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError
from napari_saunetv2.files import Spacing, channels_first, is_turned
from napari_saunetv2.imaging.depth import full_scale
from napari_saunetv2.imaging.ignored import not_judged
from napari_saunetv2.plugin.common.shown import as_in_file

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer

Colour = tuple[float, float, float, float]

VESSEL: Colour = (0.0, 0.9, 0.7, 1.0)
"""Colour of label 1 for new results: green-blue, a hue that no fundus has."""

EDITED: Colour = (1.0, 0.95, 0.2, 1.0)
"""Colour of label 1 for painted vessels next to new results."""

OBSERVERS: tuple[Colour, ...] = ((0.35, 0.65, 1.0, 1.0), (0.8, 0.55, 1.0, 1.0))
"""Colours of label 1 for the first and the second observer."""

SECOND: Colour = (1.0, 0.25, 0.8, 1.0)
"""Colour of label 2 on every layer."""

OTHERS: Colour = (1.0, 1.0, 1.0, 1.0)
"""Colour of labels above 2 on every layer."""


class Planes:
    """The two-dimensional planes of an image layer, at full resolution.

    It holds the layer's array, not the layer, so a worker may use it after the layer is removed.
    """

    def __init__(self, layer: "Image") -> None:
        # np.asarray of a multiscale layer returns its lowest resolution.
        self._data = layer.data[0] if layer.multiscale else layer.data
        self._picture_ndim = 3 if layer.rgb else 2
        self._colours_first = colours_first(layer)
        self._turned = shown_as_stored(layer)
        as_it_is = self._colours_first or self._turned or not isinstance(self._data, np.ndarray)
        self._path = None if as_it_is else file_of(layer)
        if not layer.rgb and self._data.ndim == 3 and self._data.shape[-1] in (3, 4):
            raise ImageError(
                f"'{layer.name}' has shape {self._data.shape} and is shown as a stack: open it with "
                "rgb=True to segment it as a colour image."
            )
        if self._data.ndim < self._picture_ndim:
            raise ImageError(
                f"'{layer.name}' has shape {self._data.shape}: an image must have two dimensions."
            )

    @property
    def array(self) -> Any:
        """The layer's array at full resolution."""
        return self._data

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result: stack axes, then height and width."""
        if self._colours_first:
            return tuple(self._data.shape[1:])
        return tuple(self._data.shape[:-1] if self._picture_ndim == 3 else self._data.shape)

    def __len__(self) -> int:
        return int(np.prod(self.shape[:-2]))

    def index(self, number: int) -> tuple[int, ...]:
        """Index in the stack of the plane with this number."""
        return tuple(map(int, np.unravel_index(number, self.shape[:-2])))

    def __getitem__(self, number: int) -> NDArray[Any]:
        if number >= len(self):
            raise IndexError(number)
        return self._photograph(number)[0]

    def remark(self, number: int) -> str:
        """Remark on a plane whose depth or orientation differs from its file or type, or ""."""
        return self._photograph(number)[1]

    def _photograph(self, number: int) -> tuple[NDArray[Any], str]:
        """Give a plane, with what :meth:`remark` says."""
        stored = self._stored(number)
        pixels, depth = full_scale(stored)
        remarks: tuple[str, ...] = ()
        if self._path is not None and len(self) == 1 and self._path.is_file():
            pixels, remarks = as_in_file(pixels, stored, self._path)
        said = [*remarks, self._turned] if remarks else [depth, self._turned]
        return pixels, " ".join(filter(None, said))

    def _stored(self, number: int) -> NDArray[Any]:
        if self._colours_first:
            return np.moveaxis(np.asarray(self._data), 0, -1)
        return np.asarray(self._data[self.index(number)])


def colours_first(layer: "Layer") -> bool:
    """Whether a layer of three grey planes is one colour photograph, by its axis labels or its file.

    napari opens a TIFF file whose colours lie in planes in that way.
    """
    if layer.ndim != 3 or getattr(layer, "rgb", True) or layer.multiscale or layer.data.shape[0] != 3:
        return False
    if str(layer.axis_labels[0]).lower() in ("c", "channel", "channels"):
        return True
    path = file_of(layer)
    return path is not None and _file_has_colours_first(path, path.stat().st_mtime_ns)


def shown_as_stored(layer: "Layer") -> str:
    """Remark if napari shows a photograph unrotated although its file states an orientation; else ""."""
    path = file_of(layer)
    if path is None or layer.source.reader_plugin == "napari-saunetv2":
        return ""
    if not _file_is_turned(path, path.stat().st_mtime_ns):
        return ""
    return (
        "napari ignores the orientation stored in this file; the command line and other programs turn it "
        "upright, so masks made there do not fit."
    )


@lru_cache(maxsize=256)
def _file_is_turned(path: Path, _changed: int) -> bool:
    return is_turned(path)


@lru_cache(maxsize=256)  # the widgets call this at every change of a setting
def _file_has_colours_first(path: Path, _changed: int) -> bool:
    return channels_first(path)


def spatial(layer: "Layer") -> dict[str, Any]:
    """Return the spatial metadata of a layer for its results, which do not inherit it automatically.

    For a colour photograph with colours first, the colour axis is left out.
    """
    skip = 1 if colours_first(layer) else 0
    return {
        "scale": layer.scale[skip:],
        "translate": layer.translate[skip:],
        "rotate": layer.rotate[skip:, skip:],
        "shear": layer.shear[2 * skip :],  # of three axes: 01, 02, 12
        "affine": layer.affine.affine_matrix[skip:, skip:],
        "units": layer.units[skip:],
        "axis_labels": layer.axis_labels[skip:],
    }


def put(layer: "Layer", transform: Mapping[str, Any]) -> None:
    """Apply :func:`spatial` metadata; unchanged values are not set, because napari would redraw."""
    for name, value in transform.items():
        former = getattr(layer, name)
        if not np.array_equal(getattr(former, "affine_matrix", former), value):
            setattr(layer, name, value)


def add_beside(viewer: "ViewerModel", layer: "Layer", at: int | None = None) -> None:
    """Add a layer, on top or at an index, and keep the active layer active."""
    selection = viewer.layers.selection
    active = selection.active
    place = len(viewer.layers) if at is None else at
    if active is None:
        viewer.layers.insert(place, layer)
        return
    # napari makes the new layer active: skip drawing its controls for that moment.
    with selection.events.blocker_all():
        viewer.layers.insert(place, layer)
        selection.active = active


def vessel_colours(first: Colour = VESSEL) -> DirectLabelColormap:
    """Colours of a vessel mask, with ``first`` for label 1; every label but 0 is visible."""
    return DirectLabelColormap(color_dict={None: OTHERS, 0: (0.0, 0.0, 0.0, 0.0), 1: first, 2: SECOND})


def label_colours(labels: NDArray[Any], first: Colour = VESSEL) -> DirectLabelColormap | CyclicLabelColormap:
    """Colours of labels: those of vessels up to label 2, else one for each, as napari gives them."""
    ignored = not_judged(labels)[0]
    classes = labels if ignored is None else labels[~ignored]
    return vessel_colours(first) if classes.max(initial=0) <= 2 else label_colormap()


def current_plane(layer: "Layer", planes: Planes, viewer: "ViewerModel") -> int:
    """Number of the layer's plane that the viewer shows."""
    stack = planes.shape[:-2]
    if not stack:
        return 0
    ndim = len(planes.shape)
    where = layer.world_to_data(viewer.dims.point[-ndim:])[: len(stack)]
    index = [int(np.clip(round(at), 0, length - 1)) for at, length in zip(where, stack, strict=True)]
    return int(np.ravel_multi_index(index, stack))


def file_of(layer: "Layer") -> Path | None:
    """File that a layer was opened from, if it still exists."""
    path = layer.source.path
    return Path(path) if path and Path(path).is_file() else None


def same_eye(one: "Layer", other: "Layer") -> bool:
    """Whether two layers are of the same photographs, by the reader's or sample's metadata."""
    said = ("dataset", "subject", "eye", "split", "names")
    return one.metadata.get("dataset") is not None and all(
        one.metadata.get(key) == other.metadata.get(key) for key in said
    )


def problem_of_fov(fov: Any, planes: Planes) -> str:
    """Reason why a Labels layer cannot be the field of view of these planes, or ""."""
    if isinstance(fov, str) or fov is None:
        return ""
    shape = tuple(fov.data.shape)
    if shape in (planes.shape, planes.shape[-2:]):
        return ""
    return f"'{fov.name}' has shape {shape}, the image {planes.shape}: choose the image's own field of view."


def spacing_of(meta: Mapping[str, Any]) -> Spacing | None:
    """Pixel size of a layer, from a writer's metadata; None if it is 1 without a unit."""
    scale = [float(one) for one in meta.get("scale", ())][-2:]
    if len(scale) != 2 or min(scale) <= 0:
        return None
    units = [str(one) for one in meta.get("units") or ()][-2:]
    factors = [_MILLIMETRES.get(one) for one in units]
    if len(factors) == 2 and None not in factors:
        height, width = (one * (factor or 1) for one, factor in zip(scale, factors, strict=True))
        return Spacing(height, width, millimetres=True)
    return None if scale == [1, 1] else Spacing(scale[0], scale[1], millimetres=False)


def placed(spacing: Spacing | None) -> dict[str, Any]:
    """Scale and unit of a layer with this pixel size."""
    if spacing is None:
        return {}
    about: dict[str, Any] = {"scale": (spacing.height, spacing.width)}
    return about | ({"units": ("millimeter", "millimeter")} if spacing.millimetres else {})


_MILLIMETRES = {
    "nanometer": 1e-6,
    "micrometer": 1e-3,
    "micron": 1e-3,
    "millimeter": 1.0,
    "centimeter": 10.0,
    "meter": 1e3,
}


def lookup(array: Any) -> Callable[[], Any]:
    """Return a function that returns an array without keeping it alive; None once it is gone.

    An array without weak references, such as a lazy one of an old dask, is kept alive.
    """
    try:
        return ref(array)
    except TypeError:
        return lambda: array
