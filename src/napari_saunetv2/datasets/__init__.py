"""The data sets of retinal photographs: from a folder to its samples; nothing is ever written there."""

import os
from itertools import chain
from pathlib import Path

from napari_saunetv2.datasets._layout import AT_MOST, Dataset, Identified
from napari_saunetv2.datasets._sample import Eye, Role, Sample, Split
from napari_saunetv2.datasets.aria import ARIA
from napari_saunetv2.datasets.chase import CHASE
from napari_saunetv2.datasets.drive import DRIVE
from napari_saunetv2.datasets.hrf import HRF
from napari_saunetv2.datasets.hrf_av import HRF_AV
from napari_saunetv2.datasets.octa import OCTA_3MM, OCTA_6MM, ROSSA
from napari_saunetv2.datasets.orvs import ORVS
from napari_saunetv2.datasets.ravir import RAVIR
from napari_saunetv2.datasets.rite import RITE
from napari_saunetv2.datasets.stare import STARE
from napari_saunetv2.errors import LayoutError

DATASETS: dict[str, Dataset] = {
    dataset.key: dataset
    for dataset in (DRIVE, STARE, CHASE, HRF, RITE, HRF_AV, ARIA, ORVS, RAVIR, OCTA_6MM, OCTA_3MM, ROSSA)
}

__all__ = [
    "DATASETS",
    "Dataset",
    "Eye",
    "Identified",
    "Role",
    "Sample",
    "Split",
    "identify",
    "photographs_of",
    "read",
    "recognise",
]


def identify(path: str | os.PathLike[str]) -> Identified | None:
    """Identify a file by its name, and by its size if its name is a number; None if it is of no data set."""
    file = Path(path)
    found = ((dataset, dataset.identify(file)) for dataset in DATASETS.values())
    return next((what for dataset, what in found if what is not None and dataset.has_size(file)), None)


def photographs_of(key: str) -> str:
    """Key of the data set whose photographs a data set has: "drive" for "rite", else its own."""
    theirs = DATASETS[key].photographs if key in DATASETS else None
    return key if theirs is None else theirs.key


def recognise(folder: str | os.PathLike[str]) -> str | None:
    """Key of the data set in a folder, or None; never raises.

    It reads names, and the size of two pictures where the names are numbers.
    Of several, the first with both photographs and labels: RITE comes with DRIVE's photographs.
    """
    where = Path(folder)
    roles = {key: dataset.roles(where, AT_MOST) for key, dataset in DATASETS.items()}
    whole = (key for key, found in roles.items() if len(found) == 2)
    photographs = (key for key, found in roles.items() if "image" in found)
    labels = (key for key, found in roles.items() if found and DATASETS[key].beside(where))
    return next(chain(whole, photographs, labels), None)


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
