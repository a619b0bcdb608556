"""Image files in, result files out."""

import glob
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import fallback
from napari_saunetv2.checkpoint import Checkpoint
from napari_saunetv2.errors import OverwriteError, SettingsError
from napari_saunetv2.files import read_image, read_mask, readable, write_image, write_mask, write_probability
from napari_saunetv2.imaging import fov, vessels
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


@dataclass(frozen=True)
class Rule:
    """How vessels are taken from a probability; fields as in :func:`napari_saunetv2.imaging.vessels.find`.

    Attributes
    ----------
    threshold : float
    min_size : int, pixels
    connected : bool
    field : "none", "auto" or str
        Outside the field of view the probability is 0: none, the one that is found, or that in a mask file,
        which is also what an image's scale is measured by.
    """

    threshold: float
    min_size: int = 0
    connected: bool = False
    field: str = "none"

    def given(self) -> NDArray[np.uint8] | None:
        """Read the mask file of the field of view, where there is one."""
        return None if self.field in ("none", "auto") else read_mask(self.field)

    def restricted(
        self,
        probability: NDArray[np.float32],
        image: NDArray[Any],
        given: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.float32]:
        """Set a probability to 0 outside the field of view of its image: the one that is given, if any."""
        if self.field == "none":
            return probability
        return vessels.restrict(probability, fov.detect(to_unit(image)) if given is None else given)

    def mask(self, probability: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Give the vessels, 0 or 1, in a probability."""
        return vessels.find(probability, self.threshold, min_size=self.min_size, connected=self.connected)


class Summary(NamedTuple):
    """What became of an image: its size, the share that is vessel, the seconds it took, the mask's file."""

    height: int
    width: int
    share: float
    seconds: float
    path: Path


def segment_file(
    file: Path, name: str, model: Checkpoint, rule: Rule | float, wanted: Wanted, **settings: Any
) -> Summary:
    """Segment one file and write what is wanted of it.

    Parameters
    ----------
    file : Path
    name : str
        With which the results' names begin.
    model : Checkpoint
    rule : Rule or float
        How vessels are taken from the probability; a number is a threshold.
    wanted : Wanted
    **settings
        As :func:`napari_saunetv2.inference.segment`.

    Raises
    ------
    SaunetError
        When the file cannot be read or segmented, or a result exists; nothing is written then.
    """
    work = segment_steps(file, name, model, rule, wanted, **settings)
    while True:
        try:
            next(work)
        except StopIteration as end:
            done: Summary = end.value
            return done


def segment_steps(
    file: Path, name: str, model: Checkpoint, rule: Rule | float, wanted: Wanted, **settings: Any
) -> Generator[fallback.State, None, Summary]:
    """Do what :func:`segment_file` does, one pass of the network at a time; closing it stops the work."""
    rule = rule if isinstance(rule, Rule) else Rule(rule)
    paths = wanted.paths(name)
    for path in paths.values():  # before the work, not after it
        if path.exists() and not wanted.overwrite:
            raise OverwriteError(f"'{path}' exists already: choose another folder, or pass --overwrite.")
    begun = time.perf_counter()
    image = read_image(file)
    field = rule.given()
    segmentation = yield from fallback.steps(image, model, field=field, **settings)
    found = segmentation.probability
    probability = rule.restricted(found, image, field)
    mask = rule.mask(probability)
    write_mask(paths["vessels"], mask, maximum=wanted.maximum, overwrite=wanted.overwrite)
    if wanted.probability:
        write_probability(paths["probability"], probability, overwrite=wanted.overwrite)
    if wanted.overlay:
        write_image(paths["overlay"], outlined(to_unit(image), mask), overwrite=wanted.overwrite)
    height, width = mask.shape
    return Summary(height, width, float(mask.mean()), time.perf_counter() - begun, paths["vessels"])


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
        if path.suffix.lower() == ".zarr" and path.is_dir():
            raise SettingsError(
                f"'{path}' is a zarr: segment it by itself, into a file that ends in .zarr or .tif."
            )
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
