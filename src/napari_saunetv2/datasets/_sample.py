"""One photograph of a data set, with what belongs to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import LayoutError
from napari_saunetv2.files import read_image, read_mask

Split = Literal["train", "test"]
Eye = Literal["left", "right"]
Role = Literal["image", "labels", "fov"]


@dataclass(frozen=True)
class Sample:
    """One photograph; files are read when they are asked for.

    Attributes
    ----------
    dataset : str
        Key in ``DATASETS``.
    name : str
        What its files are called after: "21_training", "im0001", "Image_01L", "01_h".
    subject : str
        Whose eye it is, as far as the file name tells.
    eye : "left", "right" or None
    split : "train", "test" or None
        The official split; None where the data set has none.
    image_path : Path
    label_paths : mapping of str to Path
        Label file of each observer; the reference observer first.
    fov_path : Path or None
        The official mask of the field of view.
    """

    dataset: str
    name: str
    subject: str
    eye: Eye | None
    split: Split | None
    image_path: Path
    label_paths: Mapping[str, Path] = field(default_factory=dict)
    fov_path: Path | None = None

    def image(self) -> NDArray[np.uint8]:
        """Read the photograph: shape (H, W, 3), uint8."""
        return read_image(self.image_path)

    def labels(self, observer: str | None = None) -> NDArray[np.uint8]:
        """Read the vessels that an observer drew, by default the reference's.

        Returns
        -------
        array, shape (H, W), uint8, 0 or 1

        Raises
        ------
        LayoutError
            When the data set, as it lies there, has no labels by that observer for this photograph.
        """
        if not self.label_paths:
            raise LayoutError(
                f"There are no labels for '{self.image_path.name}': the download may lack them "
                "(DRIVE's has none for its test images); put the label files in their folder."
            )
        chosen = observer or next(iter(self.label_paths))
        if chosen not in self.label_paths:
            raise LayoutError(
                f"Observer '{chosen}' has no labels for '{self.image_path.name}': choose "
                f"{' or '.join(self.label_paths)}."
            )
        return read_mask(self.label_paths[chosen])

    def fov(self) -> NDArray[np.uint8]:
        """Read the official field of view: shape (H, W), uint8, 0 or 1.

        Raises
        ------
        LayoutError
            When there is none: :func:`napari_saunetv2.imaging.fov.detect` finds one.
        """
        if self.fov_path is None:
            raise LayoutError(
                f"There is no field-of-view mask for '{self.image_path.name}': let it be detected instead."
            )
        return read_mask(self.fov_path)


@dataclass(frozen=True)
class Identified:
    """What the name of a file says that it is."""

    role: Role
    dataset: str
    name: str
    subject: str
    eye: Eye | None
    split: Split | None
    observer: str | None


@dataclass(frozen=True)
class Dataset:
    """A data set that can be read.

    Attributes
    ----------
    key, title : str
        "drive" and "DRIVE".
    citation, terms : str
        What to cite, and under which terms the photographs may be used.
    looks_like : str
        Its folders in a few words, for messages.
    observers : tuple of str
        The reference observer first.
    identify : callable
        Path -> Identified or None, from the name alone.
    """

    key: str
    title: str
    citation: str
    terms: str
    looks_like: str
    observers: tuple[str, ...]
    identify: Callable[[Path], Identified | None]
