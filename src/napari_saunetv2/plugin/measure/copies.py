"""A measurement as Python code and as a command line."""

from collections.abc import Generator
from pathlib import Path

import numpy as np

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import write_image, write_mask, write_probability
from napari_saunetv2.imaging.ignored import judged
from napari_saunetv2.plugin.common.part import Part
from napari_saunetv2.plugin.measure.run import Measured
from napari_saunetv2.plugin.measure.source import ARTERY, BOTH, VEIN, Index, Source
from napari_saunetv2.reproduce.measuring import Measuring


def python(measured: Measured, index: Index) -> str:
    """Return code that measures a plane in napari's console."""
    source = measured.source
    photograph = _photograph(source, index)
    fov = source.fov
    return _recipe(measured, index).as_python(
        source.vessels.code(index),
        photograph=photograph,
        probability="" if source.probability is None else source.probability.code(index),
        fov=fov.code(index) if isinstance(fov, Part) else "auto" if fov == "auto" and photograph else "",
    )


def command(measured: Measured, index: Index) -> Generator[float, None, str]:
    """Write what belongs to a plane to files; returns the command line that measures it.

    Raises
    ------
    SettingsError
        For a photograph that no file can hold as it is.
    """
    from napari_saunetv2.training import folders, tasks  # which load torch

    source, plane = measured.source, measured.planes[index]
    folder = tasks.copies()
    name = folders.file_names([source.vessels.name])[0]
    labels, ignored = judged(plane.pixels)
    seen, _ = source.surroundings(index)
    if ignored is not None:
        seen = ~ignored if seen is None else (np.asarray(seen) != 0) & ~ignored
    files = {"vessels": write_mask(folder / f"{name}.png", labels)}
    yield 0.3
    if measured.classes:
        for kind, values in (("arteries", (ARTERY, BOTH)), ("veins", (VEIN, BOTH))):
            files[kind] = write_mask(folder / f"{kind}.png", np.isin(labels, values))
    if seen is not None:
        files["fov"] = write_mask(folder / "fov.png", seen)
    yield 0.6
    if source.probability is not None:
        files["probability"] = write_probability(folder / "probability.tif", source.probability.plane(index))
    if source.photograph is not None:
        files["photograph"] = _written(source, index, folder / "photograph.png")
    yield 1.0
    return _recipe(measured, index).as_command(files)


def _written(source: Source, index: Index, path: Path) -> Path:
    assert source.photograph is not None
    pixels = source.photograph[source.number_in_photograph(index)]
    if pixels.dtype != np.uint8:
        raise SettingsError(
            f"The photograph has pixels of type {pixels.dtype}, which no file holds as they are: "
            "copy as Python instead."
        )
    return write_image(path, pixels[..., :3] if pixels.ndim == 3 else pixels)


def _recipe(measured: Measured, index: Index) -> Measuring:
    plane = measured.planes[index]
    return Measuring(
        plane.measurements.landmarks,
        plane.scale,
        measured.classes,
        judged(plane.pixels)[1] is not None,
        measured.source.threshold,
    )


def _photograph(source: Source, index: Index) -> str:
    if source.photograph is None or source.picture is None:
        return ""
    stacked = len(source.photograph) > 1
    colours_first = tuple(source.picture.data.shape[1:]) == source.photograph.shape and not stacked
    return source.picture.code(index if stacked else ()) + ".transpose(1, 2, 0)" * colours_first
