"""Open a data set's files, and whole data sets, as layers."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from dask.delayed import delayed
from numpy.typing import NDArray

from napari_saunetv2 import datasets
from napari_saunetv2.datasets import DATASETS, Identified, Sample
from napari_saunetv2.errors import LayoutError
from napari_saunetv2.files import (
    is_photograph,
    read_acquisition,
    read_artery_vein,
    read_frames,
    read_image,
    read_labels,
    read_spacing,
)
from napari_saunetv2.files.dicom import begins_as_dicom
from napari_saunetv2.plugin.common.class_colours import (
    MARKED,
    artery_vein_colours,
    of_classes,
    read_label_layer,
)
from napari_saunetv2.plugin.common.layers import OBSERVERS, Colour, label_colours, placed, vessel_colours

LayerData = tuple[Any, dict[str, Any], str]
Reader = Callable[[str | list[str]], list[LayerData]]


_LIKE_RITE = re.compile(r"\d\d_(training|test)\.png", re.IGNORECASE)


def get_reader(path: str | list[str]) -> Reader | None:
    """Return the reader for a data set's file or folder; None for anything else, immediately."""
    paths = _paths(path)
    if all(_is_file_of_a_dataset(p) for p in paths) or all(datasets.recognise(p) for p in paths):
        return _read
    if all(_is_mask(p) for p in paths):
        return _read_masks
    if all(begins_as_dicom(p) for p in paths):
        return _read_dicom
    return None


def read_folder(folder: Path) -> list[LayerData]:
    """Open a data set as stacks: photographs, each observer's labels, fields of view.

    Images that differ in split, observers or masks go into separate stacks. The first photographs and their
    first labels are visible, the other layers hidden.

    Raises
    ------
    LayoutError
        If there is no data set, or its images differ in size.
    FileFormatError
        If a file cannot be read.
    """

    def kind(sample: Sample) -> tuple[str, tuple[str, ...], bool]:
        return sample.split or "", tuple(sample.label_paths), sample.fov_path is not None

    samples = sorted(datasets.read(folder), key=kind)
    layers = [layer for _, group in groupby(samples, kind) for layer in _stacks(list(group))]
    for number, (_, about, _) in enumerate(layers):
        about["visible"] = (number, about["metadata"]["role"]) in ((0, "image"), (1, "labels"))
    return layers


def _paths(path: str | list[str]) -> list[Path]:
    return [Path(p) for p in (path if isinstance(path, list) else [path])]


def _is_file_of_a_dataset(path: Path) -> bool:
    return datasets.identify(path) is not None and not path.is_dir()


def _is_mask(path: Path) -> bool:
    """Whether a file may be a mask of this program, by name: NAME_vessels.png, NAME_av.png, a saved layer."""
    if _LIKE_RITE.fullmatch(path.name):
        return True  # of RITE, whatever its folder, or a photograph of DRIVE as PNG
    ours = path.stem.lower().endswith(("vessels", "_av"))
    return ours and path.suffix.lower() in (".png", ".tif", ".tiff", ".gif")


def _read_masks(path: str | list[str]) -> list[LayerData]:
    return [_mask_or_photograph(one) for one in _paths(path)]


def _mask_or_photograph(path: Path) -> LayerData:
    """Open a file by its content: photographs may be called "retinal_vessels.png" too."""
    about = {"name": path.stem, **placed(read_spacing(path))}
    if is_photograph(path):
        image = read_image(path)
        return image, {"rgb": image.ndim == 3, **about}, "image"
    labels, look = read_label_layer(path)
    return labels, {"opacity": 0.7, **look, **about}, "labels"


def _read_dicom(path: str | list[str]) -> list[LayerData]:
    return [_dicom(one) for one in _paths(path)]


def _dicom(path: Path) -> LayerData:
    """Open all frames of a DICOM file; of what it says of the patient only the eye and the date."""
    said = read_acquisition(path)
    if said is None or said.frames == 1:
        data, about, kind = _mask_or_photograph(path)
    else:
        data, kind = read_frames(path), "image"
        place = placed(read_spacing(path))
        scale = {"scale": (1.0, *place["scale"]), "units": ("pixel", *place["units"])} if place else {}
        about = {"name": path.stem, "rgb": data.ndim == 4, **scale}
    if said is None:
        return data, about, kind
    told = {"eye": said.eye, "date": said.date, "spacing": said.spacing_source}
    return data, {**about, "metadata": {key: value for key, value in told.items() if value}}, kind


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
    if what.role == "image" or (DATASETS[what.dataset].has_classes and is_photograph(path)):
        image = read_image(path)
        return image, {"name": name, "rgb": image.ndim == 3, "metadata": about}, "image"
    if DATASETS[what.dataset].has_classes:
        look = {"colormap": artery_vein_colours(), "metadata": about | MARKED}
        return of_classes(read_artery_vein(path)), {"name": name, "opacity": 0.6, **look}, "labels"
    labels = read_labels(path).numbers()
    looks = {} if what.role == "fov" else {"colormap": label_colours(labels, _colour(what))}
    return labels, {"name": name, "metadata": about, "opacity": 0.6, **looks}, "labels"


def _colour(what: Identified) -> Colour:
    """Colour of an observer's labels, by the observer's place in the data set."""
    observers = list(DATASETS[what.dataset].observers)
    number = observers.index(what.observer) if what.observer in observers else 0
    return OBSERVERS[number % len(OBSERVERS)]


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
    like = first.image()
    reads = [partial(_of_size, like.shape[:2], s.image, s.name) for s in samples]
    layers: list[LayerData] = [
        (_lazy(reads, like), {"name": title, "rgb": True, "metadata": {**common, "role": "image"}}, "image")
    ]
    for number, observer in enumerate(first.label_paths):
        about: dict[str, Any] = {**common, "role": "labels", "observer": observer}
        read: Callable[..., NDArray[Any]] = Sample.labels
        colours = vessel_colours(OBSERVERS[number % len(OBSERVERS)])
        if first.has_classes:
            read, colours, about = _labels_of_classes, artery_vein_colours(), about | MARKED
        labels = [_of_size(like.shape[:2], partial(read, s, observer), s.name) for s in samples]
        named = {"name": f"{title} {observer}", "metadata": about, "opacity": 0.6, "colormap": colours}
        layers.append((np.stack(labels), named, "labels"))
    if first.fov_path is not None:
        fovs = [_of_size(like.shape[:2], s.fov, s.name) for s in samples]
        about = {**common, "role": "fov"}
        layers.append((np.stack(fovs), {"name": f"{title} FOV", "metadata": about}, "labels"))
    return layers


def _labels_of_classes(sample: Sample, observer: str) -> NDArray[Any]:
    return of_classes(sample.artery_vein(observer))


def _of_size(size: tuple[int, ...], read: Callable[[], NDArray[Any]], name: str) -> NDArray[Any]:
    """Read one plane of a stack."""
    pixels = read()
    if pixels.shape[:2] != size:
        raise LayoutError(
            f"A file of '{name}' has {pixels.shape[1]} x {pixels.shape[0]} pixels, the first photograph has "
            f"{size[1]} x {size[0]}: all images of a stack must have the same size, so open the files one "
            "by one."
        )
    return pixels


def _lazy(readers: Sequence[Callable[[], NDArray[Any]]], like: NDArray[Any]) -> da.Array:
    """Stack of lazily read images: a data set may be larger than memory."""
    parts = [da.from_delayed(delayed(r)(), like.shape, like.dtype) for r in readers]  # type: ignore[no-untyped-call]
    stack: da.Array = da.stack(parts)  # type: ignore[no-untyped-call]
    return stack
