"""What a click did, as Python and as a command line: both give the same pixels.

The text is made from the settings that were really used, after all that "auto" and a full memory decided.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_saunetv2.errors import SettingsError


@dataclass(frozen=True)
class Recipe:
    """All that decides about the pixels of a vessel mask.

    Attributes
    ----------
    model : str
        Name or file.
    threshold : float, (0, 1)
    settings : mapping
        device, tta, rescale, tile, engine and precision, as in :func:`napari_saunetv2.inference.segment`.
    fov : "none", "auto" or str
        Outside the field of view nothing is a vessel: no field of view, the one that is found, or an
        expression (Python) or file (command line) that holds one.
    min_size : int, pixels
    connected : bool
        As in :func:`napari_saunetv2.imaging.vessels.find`.
    """

    model: str
    threshold: float
    settings: Mapping[str, Any]
    fov: str = "none"
    min_size: int = 0
    connected: bool = False


def as_python(recipe: Recipe, image: str, field: str = "") -> str:
    """Give Python code that ends with ``probability`` and ``mask``.

    Parameters
    ----------
    recipe : Recipe
    image, field : str
        Expressions for the picture and, where the recipe's field of view is neither "none" nor "auto", for
        its mask; ``read_image`` and ``read_mask`` are imported.
    """
    settings = "".join(f", {key}={value!r}" for key, value in recipe.settings.items())
    own = recipe.fov not in ("none", "auto")
    inside = "field" if own else "fov.detect(to_unit(image))"
    restrict = [] if recipe.fov == "none" else [f"probability = vessels.restrict(probability, {inside})"]
    return "\n".join(
        [
            "from napari_saunetv2 import inference",
            "from napari_saunetv2.files import read_image, read_mask",
            "from napari_saunetv2.imaging import fov, vessels",
            "from napari_saunetv2.imaging.intensity import to_unit",
            "",
            f"image = {image}",
            *([f"field = {field}"] if own else []),
            f"probability = inference.segment(image, {recipe.model!r}{settings}{', field=field' * own})",
            *restrict,
            f"mask = vessels.find(probability, {recipe.threshold!r}, min_size={recipe.min_size}, "
            f"connected={recipe.connected})",
            "",
        ]
    )


def from_file(path: Path, *, mask: bool = False) -> str:
    """Give the expression that reads an image, or a mask, from its file."""
    return f"{'read_mask' if mask else 'read_image'}({str(path)!r})"


def as_command(recipe: Recipe, image: Path | None, field: Path | None = None) -> str:
    """Give the command that writes the mask into ``results/``.

    Parameters
    ----------
    recipe : Recipe
    image : Path or None
        The picture's file.
    field : Path, optional
        File of the field of view, where the recipe has one of its own.

    Raises
    ------
    SettingsError
        When the picture, or the field of view, lies in no file.
    """
    fov = str(field) if field is not None else recipe.fov
    if image is None or (field is None and recipe.fov not in ("none", "auto")):
        what = "picture" if image is None else "field of view"
        raise SettingsError(f"The {what} lies in no file: save it, open the file, and segment that.")
    options: list[str] = [str(image), "--out", "results", "--probability", "--model", recipe.model]
    options += ["--threshold", repr(recipe.threshold)]
    for key, value in recipe.settings.items():
        options += [f"--{key}", str(value)]
    options += ["--fov", fov, "--min-size", str(recipe.min_size)]
    options += ["--connected"] if recipe.connected else []
    return shlex.join(["saunetv2", "segment", *options])
