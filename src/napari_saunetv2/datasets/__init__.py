"""The data sets of retinal photographs: from a folder to its samples; nothing is ever written there."""

import os
from pathlib import Path

from napari_saunetv2.datasets._layout import Dataset, Identified
from napari_saunetv2.datasets._sample import Eye, Role, Sample, Split
from napari_saunetv2.datasets.chase import CHASE
from napari_saunetv2.datasets.drive import DRIVE
from napari_saunetv2.datasets.hrf import HRF
from napari_saunetv2.datasets.stare import STARE
from napari_saunetv2.errors import LayoutError

DATASETS: dict[str, Dataset] = {d.key: d for d in (DRIVE, STARE, CHASE, HRF)}

_AT_MOST = 2000
"""Maximum number of names read per folder to recognise a data set, because any folder may be tested."""

__all__ = [
    "DATASETS",
    "Dataset",
    "Eye",
    "Identified",
    "Role",
    "Sample",
    "Split",
    "identify",
    "read",
    "recognise",
]


def identify(path: str | os.PathLike[str]) -> Identified | None:
    """Identify a file by its name; None if no data set uses such names."""
    return next(filter(None, (dataset.identify(Path(path)) for dataset in DATASETS.values())), None)


def recognise(folder: str | os.PathLike[str]) -> str | None:
    """Key of the data set in a folder, or None; reads names only, never raises."""
    return next((key for key, d in DATASETS.items() if d.recognise(Path(folder), _AT_MOST)), None)


def read(root: str | os.PathLike[str], key: str | None = None) -> list[Sample]:
    """List the samples of a data set.

    Parameters
    ----------
    root : path
        Its folder as downloaded; for DRIVE also the folder of one split.
    key : str, optional
        Key in ``DATASETS``; by default it is recognised.

    Returns
    -------
    list of Sample
        Training images before test images, then by name.

    Raises
    ------
    LayoutError
        If there is no data set of that key, or the folder holds none.
    """
    folder = Path(root)
    if key is not None and key not in DATASETS:
        raise LayoutError(f"There is no data set '{key}': choose {', '.join(DATASETS)}.")
    key = key or recognise(folder)
    if key is None:
        known = "; ".join(f"{d.title} ({d.looks_like})" for d in DATASETS.values())
        raise LayoutError(f"'{folder}' holds no known data set: give the folder of one of {known}.")
    return DATASETS[key].read(folder)
