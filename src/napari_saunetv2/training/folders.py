"""Photographs and labels in a folder: of a known data set, or matched by name."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_saunetv2 import datasets
from napari_saunetv2.datasets.partners import belonging, folded, is_mask, nearest, numbered, stem
from napari_saunetv2.errors import FileFormatError, LayoutError
from napari_saunetv2.files import (
    make_folder,
    read_artery_vein,
    read_image,
    read_labels,
    read_mask,
    read_values,
    readable,
    takes_no_part,
    write_beside,
)
from napari_saunetv2.imaging.ignored import VALUE
from napari_saunetv2.training.on_demand import Pairs
from napari_saunetv2.training.pair import Pair

IMAGES = ("images", "image", "photographs", "img")
LABELS = ("labels", "label", "masks", "mask", "vessels", "manual", "annotations", "ground_truth", "gt")
FOVS = ("fov", "fovs", "field")
PREDICTIONS = ("predictions", "prediction")
"""Subfolder names that say what a file is; without a final s also endings of file names."""


@dataclass(frozen=True)
class Entry:
    """A photograph on disk with its labels and masks.

    Attributes
    ----------
    name : str
    image : Path
    labels, fov : Path or None
        None where there is none.
    dataset : str or None
        Key in ``DATASETS``, if it is of a known data set.
    for_training : bool
        False for the test images of a data set, and for near-duplicates of others.
    prediction : Path or None
        The prediction that the labels were painted on, if known.
    """

    name: str
    image: Path
    labels: Path | None = None
    fov: Path | None = None
    dataset: str | None = None
    for_training: bool = True
    prediction: Path | None = None

    def pair(self, *, values: bool = False) -> Pair:
        """Read its files; with ``values`` the labels' own numbers, else 1 for a vessel.

        Raises
        ------
        LayoutError
            Without labels.
        FileFormatError
            For a file that cannot be read.
        """
        if self.labels is None:
            raise LayoutError(f"'{self.name}' has no labels: add them, or leave the image out.")
        vessels, ignored = _values(self.labels) if values else read_labels(self.labels)[:2]
        image = read_image(self.image)
        fov = None if self.fov is None else read_mask(self.fov)
        if fov is None and self.dataset and datasets.DATASETS[self.dataset].modality == "octa":
            fov = np.ones(image.shape[:2], np.uint8)  # an angiogram fills its frame
        prediction = None if self.prediction is None else _values(self.prediction)[0]
        return Pair(self.name, image, vessels, fov, prediction, ignored)


def entries(
    folder: Path, labels: Path | None = None, fovs: Path | None = None, *, known: bool = True
) -> list[Entry]:
    """List the photographs in a folder with their labels and masks.

    Parameters
    ----------
    folder : Path
        Of a known data set (DRIVE, STARE, CHASE_DB1, HRF), or any other with photographs; or its subfolders
        ``images`` and ``labels`` (or ``masks``, ``vessels``, ...), and ``fov`` where there are such masks,
        and ``predictions`` where the labels were painted on these.
    labels, fovs : Path, optional
        Their folders, if separate. Files are matched to photographs by name, as in
        :func:`napari_saunetv2.datasets.partners.belonging`; an ending such as ``_labels``, ``_mask``,
        ``_vessels`` or ``_fov`` is not part of the name.
    known : bool
        Whether to check for known data sets first.

    Returns
    -------
    list of Entry
        Sorted by name, including those without labels.

    Raises
    ------
    LayoutError
        If there is no photograph, none has labels, or the match is ambiguous.
    """
    if known and labels is None and datasets.recognise(folder):
        found = [_of_sample(sample) for sample in datasets.read(folder)]
        if any(entry.labels for entry in found):  # otherwise photographs of a data set with other labels
            return found
    images = _below(folder, IMAGES) or folder
    label_files = _files(labels or _below(folder, LABELS))
    fov_files = _files(fovs or _below(folder, FOVS))
    prediction_files = _files(_below(folder, PREDICTIONS))
    photographs = _files(images)
    if images == folder:  # all in one folder: separated by name endings and content
        label_files = label_files or _told_apart(photographs, LABELS)
        fov_files = fov_files or _told_apart(photographs, FOVS)
        apart = {*label_files, *fov_files}
        photographs = [path for path in photographs if path not in apart]
    photographs = _photographs(photographs)
    names = [stem(path) for path in photographs]
    parts = (belonging(names, files) for files in (label_files, fov_files, prediction_files))
    found = [
        Entry(name, path, label, fov, prediction=prediction)
        for name, path, label, fov, prediction in sorted(
            zip(names, photographs, *parts, strict=True), key=lambda row: row[:2]
        )
    ]
    if not any(entry.labels for entry in found):
        what = f"{len(found)} photographs without labels" if found else "no photographs"
        near = next(filter(None, (nearest(name, label_files) for name in names)), "")
        raise LayoutError(
            f"'{folder}' holds {what}{near}: give a folder with subfolders 'images' and 'labels', or with "
            "files such as eye.tif and eye_labels.png."
        )
    return found


def pairs(
    folder: Path,
    labels: Path | None = None,
    fovs: Path | None = None,
    *,
    values: bool = False,
    known: bool = True,
) -> Pairs:
    """List all photographs of a folder with labels for training, to be read when needed; as :func:`entries`.

    ``values`` reads the stored label values, as needed for sparse labels and several classes.
    """
    found = entries(folder, labels, fovs, known=known)
    chosen = [entry for entry in found if entry.labels and entry.for_training]
    return Pairs([one.name for one in chosen], [partial(one.pair, values=values) for one in chosen])


def write(folder: Path, given: Iterable[Pair]) -> None:
    """Write pairs as TIFF to a folder's ``images``, ``labels``, ``fov`` and ``predictions``.

    :func:`pairs` with ``values`` and without ``known`` reads the same pixels back.
    """
    for pair in given:
        labels = pair.vessels
        if pair.ignored is not None:
            labels = np.where(pair.ignored, VALUE, labels.astype(np.int32))
        parts = (
            ("images", _in_full_scale(pair.image)),
            ("labels", labels),
            ("fov", pair.fov),
            ("predictions", pair.prediction),
        )
        for part, pixels in parts:
            if pixels is not None:
                make_folder(folder / part)
                _write_tiff(folder / part / f"{pair.name}.tif", pixels)


def _in_full_scale(image: NDArray[Any]) -> NDArray[Any]:
    """Black and white as 0 and 255: a file cannot tell that its 1 was the brightest there is."""
    return image.astype(np.uint8) * np.uint8(255) if image.dtype == np.bool_ else image


def file_names(names: Sequence[str]) -> list[str]:
    """Turn texts into valid, distinct file names."""
    given: dict[str, str] = {}  # by its lower case, which is equal on some systems
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", name).strip("._") or "image"
        chosen = numbered(plain, lambda one: one.lower() in given, "-")
        given[chosen.lower()] = chosen
    return list(given.values())


def _of_sample(sample: datasets.Sample) -> Entry:
    reference = sample.reference or ""
    return Entry(
        sample.name,
        sample.image_path,
        sample.label_paths.get(reference),
        sample.fov_path,
        sample.dataset,
        sample.split in ("train", None),
    )


def _below(folder: Path, names: tuple[str, ...]) -> Path | None:
    try:
        below = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    except OSError as error:
        raise LayoutError(f"'{folder}' cannot be opened ({error.strerror}): give another folder.") from error
    return next((below[name] for name in names if name in below), None)


def _files(folder: Path | None) -> list[Path]:
    """List the readable files of a folder; empty without a folder."""
    return [] if folder is None else [p for p in sorted(folder.iterdir()) if p.is_file() and readable(p)]


def _told_apart(files: Sequence[Path], endings: tuple[str, ...]) -> list[Path]:
    """Select the files with such an ending; without endings, masks with a photograph's name."""
    words = "|".join(sorted({ending.removesuffix("s") for ending in endings}, key=len, reverse=True))
    pattern = re.compile(rf"[-_ .]({words})s?\d*$", re.IGNORECASE)
    some = [path for path in files if pattern.search(stem(path)) and is_mask(path)]
    if endings is FOVS:
        return some
    names = Counter(folded(stem(path)) for path in files)
    alike = [path for path in files if names[folded(stem(path))] > 1]
    return [path for path in files if path in some or (path in alike and is_mask(path))]


def _photographs(files: Sequence[Path]) -> list[Path]:
    """Select one photograph per name; of two files with one name, the one that is not a mask."""
    names: dict[str, list[Path]] = {}
    for path in files:
        names.setdefault(folded(stem(path)), []).append(path)
    found = []
    for group in names.values():
        some = group if len(group) == 1 else [path for path in group if not is_mask(path)]
        if len(some) > 1:
            shown = ", ".join(f"'{path.name}'" for path in some)
            raise LayoutError(f"Several photographs have the same name: {shown}. Keep only one of them.")
        found += some
    return found


def _values(path: Path) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Label values, and the pixels that nobody judged where these have no value of their own."""
    pixels = read_values(path)
    coloured = pixels.ndim == 3 and not (pixels[..., :3] == pixels[..., :1]).all()
    if coloured or takes_no_part(path):
        classes = read_artery_vein(path)
        return classes.labels, classes.ignored
    if pixels.ndim == 3 and (pixels[..., :3] == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    if pixels.dtype.kind == "f" and pixels.ndim == 2:
        pixels = _whole(pixels)
    if pixels.ndim != 2 or pixels.dtype.kind not in "biu":
        raise FileFormatError(
            f"'{path.name}' holds no label values ({pixels.dtype}, shape {pixels.shape}): save the labels as "
            "a TIFF or PNG of whole numbers."
        )
    return pixels, None


def _whole(pixels: NDArray[Any]) -> NDArray[Any]:
    """Turn whole numbers stored as floats into integers; NaN becomes "not judged", others stay floats."""
    known = np.isfinite(pixels)
    if not np.array_equal(pixels[known], np.round(pixels[known])):
        return pixels
    return np.where(known, pixels, VALUE).astype(np.int32)


def _write_tiff(path: Path, pixels: NDArray[Any]) -> None:
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8)
    elif pixels.dtype.kind in "iu" and pixels.ndim == 2 and pixels.dtype.itemsize > 2:
        pixels = pixels.astype(np.int32)
    colours = "rgb" if pixels.ndim == 3 else "minisblack"
    write_beside(
        path,
        lambda file: tifffile.imwrite(file, pixels, compression="zlib", photometric=colours),
        overwrite=True,
    )
