"""Predictions and truths that lie in files: one of each, or folders in which they have the same names."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import LayoutError
from napari_saunetv2.evaluation.scores import Case
from napari_saunetv2.files import (
    Labels,
    make_folder,
    read_labels,
    read_mask,
    read_prediction,
    readable,
    write_mask,
    write_probability,
)

PREDICTIONS, TRUTHS, SECOND, FIELDS = "predictions", "truth", "second", "fov"
"""Folders that :func:`write` makes."""

_ENDINGS = ("_probability", "_vessels")
"""What ``saunetv2 segment`` puts behind an image's name."""


@dataclass(frozen=True)
class Filed:
    """Files that belong together.

    Attributes
    ----------
    name : str
    prediction, truth : Path
    second : Path or None
        The second observer's labels.
    field : Path or None
        Mask of the field of view.
    """

    name: str
    prediction: Path
    truth: Path
    second: Path | None = None
    field: Path | None = None

    def read(self, threshold: float = 0.5) -> tuple[Case, Case | None]:
        """Read the case and the second observer's.

        A prediction of floats or of shades of grey is a probability, any other a mask. Pixels that a truth
        marks as not judged do not count.

        Raises
        ------
        FileFormatError
            When a file cannot be read.
        ImageError
            When they differ in shape.
        """
        answer, truth = read_prediction(self.prediction), read_labels(self.truth)
        inside = _judged(None if self.field is None else read_mask(self.field), truth)
        case = Case(self.name, None, truth.pixels, answer, threshold, inside)
        if self.second is None:
            return case, None
        other = read_labels(self.second)
        return case, Case(self.name, None, truth.pixels, other.pixels, inside=_judged(inside, other))


def matched(
    predictions: str | os.PathLike[str],
    truths: str | os.PathLike[str],
    second: str | os.PathLike[str] | None = None,
    fields: str | os.PathLike[str] | None = None,
) -> list[Filed]:
    """Bring files together.

    Parameters
    ----------
    predictions : path
        A file, or a folder of them: probability maps (TIFF of floats) or masks.
    truths, second, fields : path
        A file for every prediction, or a folder that holds one under each prediction's name; a prediction
        may have "_vessels" or "_probability" behind it. A second observer may have left some out.

    Raises
    ------
    LayoutError
        When there is no prediction, or one has no partner.
    """
    folder = Path(predictions)
    found = sorted(p for p in folder.iterdir() if readable(p)) if folder.is_dir() else [folder]
    if not found:
        raise LayoutError(f"There is no prediction in '{folder}': give a file, or a folder of masks.")
    return [
        Filed(
            file.stem,
            file,
            _needed(file, Path(truths)),
            None if second is None else _partner(file, Path(second)),
            None if fields is None else _needed(file, Path(fields)),
        )
        for file in found
    ]


def write(folder: Path, cases: Iterable[tuple[str, Case, Case | None]]) -> Iterator[None]:
    """Write cases as files that :func:`matched` reads, one after another.

    Parameters
    ----------
    folder : Path
        Made if missing; files of these names may not exist.
    cases : iterable of (str, Case, Case or None)
        Name of the files, case, and the second observer's case. Probabilities become 32-bit floats.
    """
    for name, case, second in cases:
        maps = {TRUTHS: case.truth}
        maps |= {SECOND: second.answer} if second is not None else {}
        maps |= {FIELDS: case.inside} if case.inside is not None else {}
        maps |= {} if case.probable else {PREDICTIONS: case.answer}
        for place, pixels in maps.items():
            write_mask(make_folder(folder / place) / f"{name}.png", np.asarray(pixels != 0, np.uint8))
        if case.probable:
            write_probability(make_folder(folder / PREDICTIONS) / f"{name}.tif", case.answer)
        yield


def _judged(inside: NDArray[np.uint8] | None, labels: Labels) -> NDArray[np.uint8] | None:
    """Take the pixels that labels mark as not judged out of a field of view; None where all count."""
    if labels.ignored is None or (inside is not None and inside.shape != labels.ignored.shape):
        return inside
    judged = np.asarray(~labels.ignored, np.uint8)
    return judged if inside is None else inside * judged


def _partner(prediction: Path, place: Path) -> Path | None:
    if not place.is_dir():
        return place
    names = {prediction.stem, *(prediction.stem.removesuffix(ending) for ending in _ENDINGS)}
    return next((p for p in sorted(place.iterdir()) if p.stem in names and readable(p)), None)


def _needed(prediction: Path, place: Path) -> Path:
    found = _partner(prediction, place)
    if found is None:
        raise LayoutError(
            f"'{place}' holds nothing for '{prediction.name}': give it an image of the same name, or name "
            "the two files."
        )
    return found
