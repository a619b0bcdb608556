"""The scale of the vessels: what the user gave, the layer's, the file's, or none."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from napari.layers import Layer

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import Spacing, read_spacing
from napari_saunetv2.measure.units import Scale
from napari_saunetv2.plugin.common.layers import file_of, spacing_of


def scale_of(given: str, disc_diameter: float, *layers: Layer) -> Scale:
    """Give the scale, with where it comes from.

    Parameters
    ----------
    given : str
        Micrometres a pixel as the user typed them, or "".
    disc_diameter : float
        Micrometres that the disc is assumed to measure.
    *layers : Layer
        The vessels, and the photograph if there is one.

    Raises
    ------
    SettingsError
        For what is no number above 0, and for pixels that are not square.
    """
    if given.strip():
        try:
            spacing = float(given.replace(",", "."))
        except ValueError:
            raise SettingsError(
                f"The scale is '{given}': give the size of a pixel in micrometres, such as 20.4, or leave it "
                "empty."
            ) from None
        return Scale(spacing, disc_diameter=disc_diameter)
    for source, stated in _stated(layers):
        if stated is None or not stated.millimetres:
            continue
        if not np.isclose(stated.height, stated.width, rtol=0.01):
            raise SettingsError(
                f"The {source} gives pixels of {1000 * stated.height:.4g} x {1000 * stated.width:.4g} "
                "micrometres: they must be square. Give one size as the scale, or resample the image."
            )
        return Scale(500 * (stated.height + stated.width), source, disc_diameter)
    return Scale(disc_diameter=disc_diameter)


def spacing_of_layers(*layers: Layer) -> Spacing | None:
    """Give the size of a pixel that a layer or its file states in millimetres, for a file of the results."""
    known = (stated for _, stated in _stated(layers) if stated is not None and stated.millimetres)
    return next(known, None)


def in_words(scale: Scale, *, disc: bool) -> str:
    """Say the scale and where it comes from."""
    if scale.spacing is not None:
        return f"{scale.spacing:.4g} ({scale.source})"
    return f"assumed: disc {scale.disc_diameter:g} µm" if disc else "unknown"


def _stated(layers: tuple[Layer, ...]) -> list[tuple[str, Spacing | None]]:
    found = [("layer scale", spacing_of({"scale": x.scale, "units": x.units})) for x in layers]
    paths = [path for x in layers if (path := file_of(x)) is not None]
    return found + [("file resolution", _in_file(path, path.stat().st_mtime_ns)) for path in paths]


@lru_cache(maxsize=256)  # asked for at every change of a field
def _in_file(path: Path, _changed: int) -> Spacing | None:
    return read_spacing(path)
