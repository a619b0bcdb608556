"""One photograph of a data set, with its labels and masks."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError, ImageError, LayoutError
from napari_saunetv2.files import ArteryVein, Labels, read_artery_vein, read_image, read_labels, read_mask
from napari_saunetv2.imaging.intensity import to_unit

Split = Literal["train", "test", "duplicate"]
"""A "duplicate" nearly equals a test image, or another training image: it is in neither part."""

Eye = Literal["left", "right"]
Role = Literal["image", "labels", "fov"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """One photograph; its files are read on demand and never written.

    Attributes
    ----------
    dataset : str
        Key in ``DATASETS``.
    name : str
        Common part of its file names: "21_training", "im0001", "Image_01L", "01_h".
    subject : str
        The subject, as far as the file name tells.
    eye : "left", "right" or None
    split : "train", "test", "duplicate" or None
        The official split; None if the data set has none. A duplicate nearly equals another image.
    image_path : Path
    label_paths : mapping of str to Path
        Label file of each available observer; the reference observer first.
    fov_path : Path or None
        The official mask of the field of view.
    reference : str or None
        The observer that the data set is scored against, even if those labels are missing.
    folder : Path or None
        Where its files were searched for.
    missing : mapping of Role to str
        Explanation for messages when labels or the field of view are missing.
    has_classes : bool
        Whether its labels tell arteries from veins, as :meth:`artery_vein` reads them.
    modality : str
        What the picture is, a key of ``imaging.modality.MODALITIES``.
    """

    dataset: str
    name: str
    subject: str
    eye: Eye | None
    split: Split | None
    image_path: Path
    label_paths: Mapping[str, Path] = field(default_factory=dict)
    fov_path: Path | None = None
    reference: str | None = None
    folder: Path | None = None
    missing: Mapping[Role, str] = field(default_factory=dict)
    has_classes: bool = False
    modality: str = "fundus"

    def image(self) -> NDArray[np.uint8]:
        """Read the photograph, as three channels of 8 bits.

        Returns
        -------
        array, shape (H, W, 3), uint8, range [0, 255]
            A grey picture gets three equal channels, and deeper values are rounded to 8 bits. Both are logged
            as a remark, the first only where photographs are in colour.

        Raises
        ------
        FileFormatError
            If the file cannot be read, or holds floats outside [0, 1].
        """
        pixels = read_image(self.image_path)
        if pixels.ndim == 2 and self.modality == "fundus":
            _LOG.warning("%s: The photograph is grey: used as three equal channels.", self.image_path.name)
        if pixels.dtype == np.uint8 and pixels.ndim == 3:
            return pixels[..., :3]
        if pixels.dtype != np.uint8:
            _LOG.warning("%s: Its values (%s) are rounded to 8 bits.", self.image_path.name, pixels.dtype)
        try:
            return (to_unit(pixels) * 255).round().astype(np.uint8)
        except ImageError as error:
            raise FileFormatError(f"'{self.image_path}' cannot be used. {error}") from error

    def labels(self, observer: str | None = None) -> NDArray[np.uint8]:
        """Read the vessels that an observer drew, by default the reference observer.

        Returns
        -------
        array, shape (H, W), uint8, 0 or 1

        Raises
        ------
        LayoutError
            If there are no labels by that observer for this photograph: another observer is never used
            instead.
        """
        return self.read_labels(observer).pixels

    def read_labels(self, observer: str | None = None) -> Labels:
        """Read what :meth:`labels` reads, with the pixels that the observer did not judge."""
        if self.has_classes:
            av = self.artery_vein(observer)
            return Labels(
                av.vessel.astype(np.uint8), av.ignored, av.remarks, av.labels.astype(np.int64), True
            )
        return read_labels(self._labels_of(observer))

    def artery_vein(self, observer: str | None = None) -> ArteryVein:
        """Read the arteries and veins that an observer drew, by default the reference observer.

        Raises
        ------
        LayoutError
            As :meth:`labels`.
        FileFormatError
            If the labels tell no arteries from veins.
        """
        return read_artery_vein(self._labels_of(observer))

    def _labels_of(self, observer: str | None) -> Path:
        chosen = observer or self.reference or next(iter(self.label_paths), None)
        if chosen is None or chosen not in self.label_paths:
            by = f" by observer '{chosen}'" if chosen else ""
            others = f"; there are labels by {' and '.join(self.label_paths)}" if self.label_paths else ""
            raise LayoutError(f"'{self.name}' has no labels{by} {self._looked('labels')}{others}.")
        return self.label_paths[chosen]

    def fov(self) -> NDArray[np.uint8]:
        """Read the official field of view: shape (H, W), uint8, 0 or 1.

        Raises
        ------
        LayoutError
            If there is none; ``imaging.field_of_view.detect`` finds one in the photograph.
        """
        if self.fov_path is None:
            raise LayoutError(f"'{self.name}' has no field-of-view mask {self._looked('fov')}.")
        return read_mask(self.fov_path)

    def known_field(self) -> NDArray[np.uint8] | None:
        """Official field of view, or all of an OCT angiogram, as :meth:`fov`; None if it must be detected."""
        if self.fov_path is not None:
            return self.fov()
        return np.ones(self.image().shape[:2], np.uint8) if self.modality == "octa" else None

    def _looked(self, role: Role) -> str:
        meaning = self.missing.get(role, "add the file, or continue without it")
        return f"in '{self.folder or self.image_path.parent}': {meaning}"
