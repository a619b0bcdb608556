"""Open a data set's files, and whole data sets, as layers."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from dask.delayed import delayed
from numpy.typing import NDArray

from napari_saunetv2 import datasets
from napari_saunetv2.datasets import DATASETS, Identified, Sample
from napari_saunetv2.files import read_image, read_mask

LayerData = tuple[Any, dict[str, Any], str]
Reader = Callable[[str | list[str]], list[LayerData]]


def get_reader(path: str | list[str]) -> Reader | None:
    """Give the reader for a data set's file or folder; None for anything else, at once."""
    paths = _paths(path)
    if all(datasets.identify(p) for p in paths) or all(datasets.recognise(p) for p in paths):
        return _read
    return None


def read_folder(folder: Path) -> list[LayerData]:
    """Open a data set as stacks: photographs, each observer's labels, fields of view.

    Images that differ in split, or in what belongs to them, go to stacks of their own.
    """

    def kind(sample: Sample) -> tuple[str, tuple[str, ...], bool]:
        return sample.split or "", tuple(sample.label_paths), sample.fov_path is not None

    samples = sorted(datasets.read(folder), key=kind)
    return [layer for _, group in groupby(samples, kind) for layer in _stacks(list(group))]


def _paths(path: str | list[str]) -> list[Path]:
    return [Path(p) for p in (path if isinstance(path, list) else [path])]


def _read(path: str | list[str]) -> list[LayerData]:
    layers = []
    for one in _paths(path):
        what = datasets.identify(one)
        layers += read_folder(one) if what is None else [_file(one, what)]
    return layers


def _file(path: Path, what: Identified) -> LayerData:
    about = {
        "dataset": what.dataset,
        "subject": what.subject,
        "eye": what.eye,
        "split": what.split,
        "observer": what.observer,
        "role": what.role,
        "name": what.name,
    }
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    if what.role == "image":
        image = read_image(path)
        return image, {"name": name, "rgb": image.ndim == 3, "metadata": about}, "image"
    return read_mask(path), {"name": name, "metadata": about, "opacity": 0.6}, "labels"


def _stacks(samples: list[Sample]) -> list[LayerData]:
    first = samples[0]
    title = " ".join(filter(None, [DATASETS[first.dataset].title, first.split]))
    common = {
        "dataset": first.dataset,
        "split": first.split,
        "names": [s.name for s in samples],
        "subject": [s.subject for s in samples],
        "observer": None,
    }
    images = _lazy([s.image for s in samples], first.image())
    layers: list[LayerData] = [
        (images, {"name": title, "rgb": True, "metadata": {**common, "role": "image"}}, "image")
    ]
    for observer in first.label_paths:
        labels = np.stack([s.labels(observer) for s in samples])
        about = {**common, "role": "labels", "observer": observer}
        layers.append((labels, {"name": f"{title} {observer}", "metadata": about, "opacity": 0.6}, "labels"))
    if first.fov_path is not None:
        fields = np.stack([s.fov() for s in samples])
        about = {**common, "role": "fov"}
        layers.append((fields, {"name": f"{title} FOV", "metadata": about, "visible": False}, "labels"))
    return layers


def _lazy(readers: list[Callable[[], NDArray[Any]]], like: NDArray[Any]) -> da.Array:
    """Stack of images that are read when they are looked at: a data set may be larger than memory."""
    parts = [da.from_delayed(delayed(r)(), like.shape, like.dtype) for r in readers]  # type: ignore[no-untyped-call]
    stack: da.Array = da.stack(parts)  # type: ignore[no-untyped-call]
    return stack
