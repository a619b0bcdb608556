"""Soft labels: what the models of a cross-validation make of the images that each of them has not seen.

A label is one observer's line, a pixel wide here and two there; the mean of models that never saw it is not
surprised by what cannot be known. A student learns from both.

References
----------
Zhou et al., "Study Group Learning: improving retinal vessel segmentation trained with noisy labels", MICCAI
2021 (out-of-fold labels; theirs are mixed by erasing vessels, ours by a share).
"""

import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_saunetv2 import checkpoint, inference
from napari_saunetv2.checkpoint import Checkpoint
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import FileFormatError, LayoutError, SettingsError
from napari_saunetv2.evaluation import seen
from napari_saunetv2.files import make_folder, read_image, write_beside

FOLDER, _ABOUT = "soft", "teachers.json"
_FULL = 65535


class Teachers(NamedTuple):
    """Who made soft labels: names of all images that they saw, and the test-time augmentation they used."""

    saw: list[str]
    tta: str


def teach(
    run: Path, samples: Sequence[Sample], *, tta: inference.TestTime = "d4", device: str = "auto"
) -> Generator[int, None, Path]:
    """Write soft labels of images, each by the models of a cross-validation that have not seen it.

    Parameters
    ----------
    run : Path
        Folder of the cross-validation, with ``fold-1/model.safetensors``, ...
    samples : sequence of Sample
        The images that were cross-validated.
    tta : "none", "flips" or "d4"
    device : str

    Yields
    ------
    int
        Images that are done.

    Returns
    -------
    Path
        Folder ``soft`` of the run: a 16-bit TIFF for each image, 65535 for a probability of 1, and what
        :func:`about` reads.

    Raises
    ------
    LayoutError
        When there is no model in the folder.
    SettingsError
        For an image that every model has seen.
    """
    models = [checkpoint.load(path) for path in sorted(run.glob(f"fold-*/model{checkpoint.SUFFIX}"))]
    if not models:
        raise LayoutError(f"'{run}' holds no model of a fold: make them by 'saunetv2 cross-validate'.")
    by_sample = [_strangers(sample, models, run) for sample in samples]
    folder = make_folder(run / FOLDER)
    for number, (sample, teachers) in enumerate(zip(samples, by_sample, strict=True), start=1):
        maps = [
            inference.segment(
                sample.image(), model, tta=tta, device=device, engine="torch", precision="float32"
            )
            for model in teachers
        ]
        _write(folder / f"{sample.name}.tif", np.mean(maps, axis=0))
        yield number
    saw = sorted({name for m in models for part in ("train", "validation") for name in m.header.data[part]})
    text = json.dumps(Teachers(saw, tta)._asdict(), indent=1)
    write_beside(folder / _ABOUT, lambda file: file.write(text.encode()), overwrite=True)
    return folder


def read(folder: Path, name: str) -> NDArray[np.float32]:
    """Read the soft labels of an image, shape (H, W), float32, range [0, 1].

    Raises
    ------
    LayoutError
        When there are none of that name.
    FileFormatError
        When the file is damaged or holds something else.
    """
    path = folder / f"{name}.tif"
    if not path.exists():
        raise LayoutError(f"There is no '{path}': make soft labels of all images by 'saunetv2 teach'.")
    pixels = read_image(path)
    if pixels.ndim != 2 or pixels.dtype != np.uint16:
        raise FileFormatError(f"'{path.name}' holds no soft labels: make them by 'saunetv2 teach'.")
    return (pixels / _FULL).astype(np.float32)


def about(folder: Path) -> Teachers:
    """Tell who made the soft labels in a folder; raises FileFormatError when it does not say."""
    try:
        told = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return Teachers([str(name) for name in told["saw"]], str(told["tta"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FileFormatError(
            f"'{folder}' does not tell what its teachers saw: make it again by 'saunetv2 teach'."
        ) from error


def _strangers(sample: Sample, models: Sequence[Checkpoint], run: Path) -> list[Checkpoint]:
    found = [model for model in models if not seen(sample, model.header)]
    if not found:
        raise SettingsError(
            f"Every model in '{run}' was trained on '{sample.name}': go on with the cross-validation to its "
            "last fold, or leave the image out."
        )
    return found


def _write(path: Path, probability: NDArray[np.floating]) -> None:
    pixels = np.round(probability * _FULL).astype(np.uint16)
    write_beside(
        path,
        lambda file: tifffile.imwrite(file, pixels, compression="zlib", photometric="minisblack"),
        overwrite=True,
    )
