"""Image files in, result files out."""

import glob
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from napari_saunetv2 import inference
from napari_saunetv2.checkpoint import Checkpoint
from napari_saunetv2.errors import OverwriteError, SettingsError
from napari_saunetv2.files import read_image, readable, write_image, write_mask, write_probability
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.overlay import outlined


@dataclass(frozen=True)
class Wanted:
    """What is written for an image, and where.

    Attributes
    ----------
    folder : Path
    suffix : "png", "tif" or "gif"
        Of the vessel mask.
    maximum : int, 1..255
        Value of a vessel in it.
    probability, overlay : bool
        Whether the probability map, and the vessels drawn on the image, are written too.
    overwrite : bool
        Whether existing files may be replaced.
    """

    folder: Path
    suffix: str = "png"
    maximum: int = 255
    probability: bool = False
    overlay: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        """Check the suffix; raises SettingsError."""
        if self.suffix not in ("png", "tif", "gif"):
            raise SettingsError(f"The format of a mask is '{self.suffix}': it must be png, tif or gif.")

    def paths(self, name: str) -> dict[str, Path]:
        """Files that are written for an image of that name, by what they hold."""
        parts = {"vessels": self.suffix}
        parts |= {"probability": "tif"} if self.probability else {}
        parts |= {"overlay": "png"} if self.overlay else {}
        return {what: self.folder / f"{name}_{what}.{suffix}" for what, suffix in parts.items()}


class Summary(NamedTuple):
    """What became of an image: its size, the share that is vessel, the seconds it took, the mask's file."""

    height: int
    width: int
    share: float
    seconds: float
    path: Path


def segment_file(
    file: Path, name: str, model: Checkpoint, threshold: float, wanted: Wanted, **settings: Any
) -> Summary:
    """Segment one file and write what is wanted of it.

    Parameters
    ----------
    file : Path
    name : str
        With which the results' names begin.
    model : Checkpoint
    threshold : float
    wanted : Wanted
    **settings
        As :func:`napari_saunetv2.inference.segment`.

    Raises
    ------
    SaunetError
        When the file cannot be read or segmented, or a result exists; nothing is written then.
    """
    paths = wanted.paths(name)
    for path in paths.values():  # before the work, not after it
        if path.exists() and not wanted.overwrite:
            raise OverwriteError(f"'{path}' exists already: choose another folder, or pass --overwrite.")
    begun = time.perf_counter()
    image = read_image(file)
    probability = inference.segment(image, model, **settings)
    vessels = inference.binarise(probability, threshold)
    write_mask(paths["vessels"], vessels, maximum=wanted.maximum, overwrite=wanted.overwrite)
    if wanted.probability:
        write_probability(paths["probability"], probability, overwrite=wanted.overwrite)
    if wanted.overlay:
        write_image(paths["overlay"], outlined(to_unit(image), vessels), overwrite=wanted.overwrite)
    height, width = vessels.shape
    return Summary(height, width, float(vessels.mean()), time.perf_counter() - begun, paths["vessels"])


def image_files(inputs: Sequence[str]) -> list[Path]:
    """List the images that files, folders and patterns name, each once.

    A file that is named is listed even where it does not exist: it fails by itself, and the others go on.

    Raises
    ------
    SettingsError
        When there is none.
    """
    found: dict[Path, None] = {}
    for entry in inputs:
        path = Path(entry)
        if path.is_dir():
            found.update(dict.fromkeys(p for p in sorted(path.iterdir()) if p.is_file() and readable(p)))
        elif path.exists() or not glob.has_magic(entry):
            found[path] = None
        else:
            # Not Path.glob: a pattern may be absolute, and a shell on Windows leaves it as it is.
            found.update(dict.fromkeys(map(Path, sorted(glob.glob(entry, recursive=True)))))  # noqa: PTH207
    if not found:
        raise SettingsError(f"No image was found in {', '.join(inputs)}: give images, folders or patterns.")
    return list(found)


def distinct_names(files: Sequence[Path]) -> dict[Path, str]:
    """Name each file's results: its stem, with a number where two would meet."""
    names: dict[Path, str] = {}
    for file in files:
        stem = file.name.removesuffix(".gz")
        stem = stem[: stem.rfind(".")] if "." in stem else stem
        name, number = stem, 2
        while name in names.values():
            name, number = f"{stem}_{number}", number + 1
        names[file] = name
    return names
