"""The data sets of retinal photographs: a folder in, its samples out; nothing is ever written there."""

from collections.abc import Iterator
from pathlib import Path

from napari_saunetv2.datasets._sample import Dataset, Identified, Role, Sample
from napari_saunetv2.datasets.chase import CHASE
from napari_saunetv2.datasets.drive import DRIVE
from napari_saunetv2.datasets.hrf import HRF
from napari_saunetv2.datasets.stare import STARE
from napari_saunetv2.errors import LayoutError

DATASETS: dict[str, Dataset] = {d.key: d for d in (DRIVE, STARE, CHASE, HRF)}

_DEPTH = 3
"""Folders below the root that are looked into: DRIVE/training/images."""

__all__ = ["DATASETS", "Dataset", "Identified", "Role", "Sample", "identify", "read", "recognise"]


def identify(path: Path) -> Identified | None:
    """Say what a file is by its name, or None when no data set names its files so."""
    return next(filter(None, (dataset.identify(path) for dataset in DATASETS.values())), None)


def recognise(folder: Path) -> str | None:
    """Name the data set that a folder holds, or None; looks at names only, and never raises."""
    for path in _files(folder):
        found = identify(path)
        if found is not None and found.role == "image":
            return found.dataset
    return None


def read(root: str | Path, key: str | None = None) -> list[Sample]:
    """List the samples of a data set.

    Parameters
    ----------
    root : path
        Its folder, as downloaded; for DRIVE also the folder of one split.
    key : str, optional
        Key in ``DATASETS``; by default it is recognised.

    Returns
    -------
    list of Sample, sorted by name, training images before test images

    Raises
    ------
    LayoutError
        When no such data set lies there.
    """
    folder = Path(root)
    if key is not None and key not in DATASETS:
        raise LayoutError(f"There is no data set '{key}': choose {', '.join(DATASETS)}.")
    if not folder.is_dir():
        raise LayoutError(f"'{folder}' is no folder: give the one that holds the data set.")
    dataset = DATASETS.get(key or recognise(folder) or "")
    if dataset is None:
        known = "; ".join(f"{d.title}: {d.looks_like}" for d in DATASETS.values())
        raise LayoutError(f"No data set that is known lies in '{folder}': give its top folder ({known}).")
    found: dict[str, dict[tuple[Role, str | None], tuple[Identified, Path]]] = {}
    for path in _files(folder):
        what = dataset.identify(path)
        if what is not None:  # the same file packed and unpacked: the first one serves
            found.setdefault(what.name, {}).setdefault((what.role, what.observer), (what, path))
    samples = [_sample(dataset, parts) for parts in found.values() if ("image", None) in parts]
    if not samples:
        raise LayoutError(f"No {dataset.title} images lie in '{folder}': it should hold {dataset.looks_like}.")
    return sorted(samples, key=lambda s: (s.split == "test", s.name))


def _sample(dataset: Dataset, parts: dict[tuple[Role, str | None], tuple[Identified, Path]]) -> Sample:
    what, image = parts["image", None]
    observers = [o for o in dataset.observers if ("labels", o) in parts]
    fov = parts.get(("fov", None))
    return Sample(
        dataset=dataset.key,
        name=what.name,
        subject=what.subject,
        eye=what.eye,
        split=what.split,
        image_path=image,
        label_paths={observer: parts["labels", observer][1] for observer in observers},
        fov_path=fov and fov[1],
    )


def _files(folder: Path, depth: int = _DEPTH) -> Iterator[Path]:
    """Files in and below a folder, near ones first; folders that may not be read are passed over."""
    try:
        entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except OSError:
        return
    yield from (p for p in entries if p.is_file())
    if depth > 1:
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                yield from _files(entry, depth - 1)
