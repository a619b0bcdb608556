"""Segment an image whose vessels are known exactly."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import inference
from napari_saunetv2.files import make_folder, write_image, write_mask, write_probability
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.overlay import outlined
from napari_saunetv2.imaging.synthetic import Synthetic, fundus
from napari_saunetv2.metrics import METRICS, confusion
from napari_saunetv2.models import checkpoint


@dataclass(frozen=True)
class Demonstration:
    """Result of the demo.

    Attributes
    ----------
    sample : Synthetic
    probability : array, shape (H, W), float32, range [0, 1]
    vessels : array, shape (H, W), uint8, 0 or 1
    f1 : float
        Against the exact vessels, over every pixel of the frame.
    seconds : float
        Time of the segmentation, without loading the model.
    model : str
    files : dict of str to Path
    """

    sample: Synthetic
    probability: NDArray[np.float32]
    vessels: NDArray[np.uint8]
    f1: float
    seconds: float
    model: str
    files: dict[str, Path]


def paths(folder: Path) -> dict[str, Path]:
    """Files that the demo writes into a folder, by contents."""
    names = {
        "image": "synthetic.png",
        "overlay": "synthetic_overlay.png",
        "vessels": "synthetic_vessels.png",
        "probability": "synthetic_probability.tif",
    }
    return {what: folder / name for what, name in names.items()}


def run(folder: Path, model: str = checkpoint.DEFAULT, *, overwrite: bool = False) -> Demonstration:
    """Segment the synthetic sample and write image, overlay, mask and probability into a folder.

    Raises
    ------
    OverwriteError
        If one of the files exists and may not be replaced.
    """
    sample = fundus()
    loaded = checkpoint.load(model)
    begun = time.perf_counter()
    probability = inference.segment(sample.image, loaded)
    seconds = time.perf_counter() - begun
    vessels = inference.binarise(probability, loaded.header.threshold)
    make_folder(folder)
    files = paths(folder)
    write_image(files["image"], sample.image, overwrite=overwrite)
    write_image(files["overlay"], outlined(to_unit(sample.image), vessels), overwrite=overwrite)
    write_mask(files["vessels"], vessels, overwrite=overwrite)
    write_probability(files["probability"], probability, overwrite=overwrite)
    f1 = METRICS["f1"](confusion(sample.vessels, vessels))
    return Demonstration(sample, probability, vessels, f1, seconds, loaded.name, files)


def has_screen() -> bool:
    """Whether a window can be opened on this machine."""
    on_linux = sys.platform.startswith("linux")
    return not on_linux or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
