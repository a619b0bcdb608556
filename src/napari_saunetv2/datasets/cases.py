"""The photographs of any folder: those of a data set with their labels, and all others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_saunetv2 import datasets
from napari_saunetv2.datasets import DATASETS, Sample, inputs
from napari_saunetv2.datasets.partners import numbered
from napari_saunetv2.errors import LayoutError
from napari_saunetv2.files import read_image, reason

OTHER = "other"
"""Data set name of a photograph that belongs to none."""


class Photograph(Sample):
    """A photograph of no data set: without labels, of any size, depth and number of channels."""

    def image(self) -> NDArray[Any]:
        """Read it as :func:`napari_saunetv2.files.read_image` does."""
        return read_image(self.image_path)


@dataclass(frozen=True)
class Cases:
    """Contents of a folder.

    Attributes
    ----------
    samples : list of Sample
        Samples of the data set first, then the others by name.
    left_out : str
        What was left out and why ("3 masks, 1 text file"), or "".
    """

    samples: list[Sample]
    left_out: str

    def in_words(self) -> str:
        """Describe the contents: "18 photographs: 2 of DRIVE, 16 others. Left out: 3 masks."."""
        counts = Counter(DATASETS[s.dataset].title if s.dataset in DATASETS else "" for s in self.samples)
        others, total = counts.pop("", 0), len(self.samples)
        parts = [f"{count} of {title}" for title, count in counts.items()]
        parts += [f"{others} other{'s' * (others > 1)}"] if others and parts else []
        said = f"{total} photograph{'s' * (total > 1)}"
        said += f": {', '.join(parts)}" if parts else ""
        return f"{said}. Left out: {self.left_out}." if self.left_out else f"{said}."


def read(folder: Path) -> Cases:
    """List the photographs of a folder.

    Parameters
    ----------
    folder : Path
        Of a data set, as for :func:`napari_saunetv2.datasets.read`, or any other. Only the data set's own
        subfolders are searched.

    Raises
    ------
    LayoutError
        If it does not exist, cannot be opened, or holds no photograph.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise LayoutError(f"The folder '{folder}' {what}: choose a folder with photographs.")
    key = datasets.recognise(folder)
    samples = datasets.read(folder, key) if key else []
    found = _others(folder, samples)
    taken = {sample.name for sample in samples}
    for path, name in inputs.result_names(found.files).items():
        name = numbered(name, taken.__contains__)
        taken.add(name)
        # Two photographs of one name in different folders are of different eyes.
        samples.append(Photograph(OTHER, name, subject=str(path), eye=None, split=None, image_path=path))
    left_out = found.left_out_in_words()
    if not samples:
        raise LayoutError(
            f"No photograph was found in '{folder}'{f' ({left_out} left out)' if left_out else ''}: choose "
            "the folder that holds them."
        )
    return Cases(samples, left_out)


def _others(folder: Path, samples: Sequence[Sample]) -> inputs.Inputs:
    """Classify the files next to the photographs of a data set that do not belong to it."""
    used = {path for s in samples for path in (s.image_path, *s.label_paths.values(), s.fov_path) if path}
    places = dict.fromkeys([folder, *(sample.image_path.parent for sample in samples)])
    found = inputs.Inputs()
    for folder in places:
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            raise LayoutError(
                f"The folder '{folder}' cannot be opened ({reason(error)}): get read permission, or choose "
                "another."
            ) from error
        here = inputs.sort_out([path for path in entries if path.is_file() and path not in used])
        found.files.update(here.files)
        found.left_out.update(here.left_out)
        found.unread.update(here.unread)
        if not samples:
            below = sum(path.is_dir() and not path.name.startswith(".") for path in entries)
            found.left_out["subfolder"] += below
    found.left_out = +found.left_out
    return found
