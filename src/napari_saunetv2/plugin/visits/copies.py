"""A comparison as Python code and as a command line."""

from collections.abc import Generator
from pathlib import Path

import numpy as np

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import write_image, write_mask
from napari_saunetv2.imaging.ignored import judged
from napari_saunetv2.plugin.common.models import portable
from napari_saunetv2.plugin.visits.run import Request
from napari_saunetv2.plugin.visits.side import Side
from napari_saunetv2.reproduce.visiting import Visiting, VisitOf


def python(request: Request) -> str:
    """Return code that compares the visits in napari's console."""
    earlier, later = (_of_layers(side) for side in (request.earlier, request.later))
    return Visiting(earlier, later, portable(request.config)).as_python()


def command(request: Request) -> Generator[float, None, str]:
    """Write the layers to files; returns the command line that compares them.

    Raises
    ------
    SettingsError
        For what no file can hold as it is.
    """
    from napari_saunetv2.training import folders, tasks  # which load torch

    folder = tasks.copies()
    names = folders.file_names([request.earlier.name, request.later.name])
    earlier = _of_files(request.earlier, folder, names[0])
    yield 0.5
    later = _of_files(request.later, folder, names[1])
    yield 1.0
    return Visiting(earlier, later, portable(request.config)).as_command()


def _of_layers(side: Side) -> VisitOf:
    photograph = None
    if side.picture is not None:
        photograph = side.picture.code(()) + ".transpose(1, 2, 0)" * side.colours_first
    vessels = None if side.vessels is None else side.vessels.code(())
    return VisitOf(side.name, photograph, vessels, side.spacing, side.eye)


def _of_files(side: Side, folder: Path, name: str) -> VisitOf:
    photograph = vessels = None
    if side.photograph is not None:
        pixels = side.photograph[0]
        if pixels.dtype != np.uint8:
            raise SettingsError(
                f"The photograph has pixels of type {pixels.dtype}, which no file holds as they are: "
                "copy as Python instead."
            )
        colours = pixels[..., :3] if pixels.ndim == 3 else pixels
        photograph = write_image(folder / f"{name}_photograph.png", colours)
    if side.vessels is not None:
        labels, ignored = judged(np.asarray(side.vessels.data))
        if ignored is not None:
            raise SettingsError(
                f"'{side.vessels.name}' has pixels that are not annotated, which a mask cannot hold: copy as "
                "Python instead."
            )
        vessels = write_mask(folder / f"{name}_vessels.png", labels)
    return VisitOf(side.name, photograph, vessels, side.spacing, side.eye)
