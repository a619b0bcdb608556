"""Labels that another writer than ours has saved: napari tells nobody, so its files are looked at.

They are where napari's dialogue saved last. Only a file that holds the very same labels counts.
"""

import heapq
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from napari.settings import get_settings
from numpy.typing import NDArray

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin import _painted

NEWEST = 50
"""TIFF files that are looked at, of all folders together."""


def in_a_file(labels: NDArray[Any]) -> bool:
    """Say whether labels lie in one of the TIFF files that were saved last; blank ones tell nothing."""
    return bool(labels.any()) and any(_holds(path, labels) for path in _newest())


def without_the_saved(copies: list[Path], remove: Callable[[Path], object]) -> dict[Path, str]:
    """Remove the copies of labels that lie in a file; gives the others with the names of their layers."""
    others: dict[Path, str] = {}
    for path in copies:
        try:
            copy = _painted.read(path)
        except SaunetError:  # to be told when it is opened
            others[path] = path.stem
            continue
        if in_a_file(copy.labels):
            remove(path)
        else:
            others[path] = copy.name
    return others


def _newest() -> list[Path]:
    return [path for _, path in heapq.nlargest(NEWEST, _tiffs())]


def _tiffs() -> Iterator[tuple[float, Path]]:
    for folder in dict.fromkeys(get_settings().application.save_history):
        with suppress(OSError):
            for path in Path(folder).iterdir():
                if path.suffix.lower() in (".tif", ".tiff"):
                    with suppress(OSError):
                        yield path.stat().st_mtime, path


def _holds(path: Path, labels: NDArray[Any]) -> bool:
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            return (
                series.shape == labels.shape
                and series.dtype is not None
                and series.dtype.kind in "iub"
                and np.array_equal(series.asarray(), labels)
            )
    except Exception:  # noqa: BLE001 - a damaged file holds no labels
        return False
