"""Labels as a window shows them, as vessels for another program: as they are, or traced and measured."""

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError
from napari_saunetv2.exchange.formats import Vessels
from napari_saunetv2.files import Spacing
from napari_saunetv2.imaging.classes import ARTERY, BOTH, UNKNOWN, VEIN
from napari_saunetv2.imaging.ignored import BESIDE, judged
from napari_saunetv2.measure.inputs import checked
from napari_saunetv2.measure.measurements import measure_steps
from napari_saunetv2.measure.units import Scale

NOT_JUDGED = 255
"""What stands for "not judged" in files beside small labels; no file here holds a negative label."""


@dataclass(frozen=True, eq=False)
class LabelPlane:
    """A plane of labels, and what belongs to it.

    Attributes
    ----------
    name : str
    labels : array, shape (H, W), integers
        A vessel where not 0; -1, or 255 beside small labels, where nobody judged.
    of_classes : bool
        Whether 1 is an artery, 2 a vein, 3 both and 4 a vessel of unknown class.
    probability : array, shape (H, W), optional
    threshold : float, optional
        At which the probability gave the labels.
    fov : array, shape (H, W), optional
        In view where not 0.
    photograph : array, shape (H, W) or (H, W, 3), optional
    scale : Scale
        For the measures.
    spacing : Spacing, optional
        For the file.
    file : Path, optional
        The photograph's DICOM file.
    """

    name: str
    labels: NDArray[np.integer[Any]]
    of_classes: bool = False
    probability: NDArray[np.float32] | None = None
    threshold: float | None = None
    fov: NDArray[Any] | None = None
    photograph: NDArray[Any] | None = None
    scale: Scale = field(default_factory=Scale)
    spacing: Spacing | None = None
    file: Path | None = None


def as_they_are(plane: LabelPlane) -> Vessels:
    """Give labels and masks without tracing the vessels.

    Raises
    ------
    ImageError
        For pixels that nobody judged beside labels that are too high to tell them apart from 255.
    """
    labels, ignored = judged(plane.labels)
    if ignored is not None:
        if labels.max(initial=0) > BESIDE:
            raise ImageError(
                f"'{plane.name}' has pixels that nobody judged, and labels up to {labels.max()}: a file "
                f"tells the two apart only up to label {BESIDE}. Set these pixels to 0, or use fewer labels."
            )
        labels = np.where(ignored, NOT_JUDGED, labels).astype(np.uint8)
    return Vessels(plane.name, labels, _masks(plane), spacing=plane.spacing, photograph=plane.file)


def traced(plane: LabelPlane) -> Generator[float, None, Vessels]:
    """Trace and measure the vessels, without a disc; yields the share done.

    Raises
    ------
    SaunetError
        When they cannot be measured.
    """
    labels, ignored = judged(plane.labels)
    seen = plane.fov
    if ignored is not None:
        seen = ~ignored if seen is None else (seen != 0) & ~ignored
    masks = _masks(plane)
    given = checked(
        labels,
        masks.get("arteries"),
        masks.get("veins"),
        plane.probability,
        seen,
        None,
        None,
        plane.photograph,
        plane.threshold,
    )
    found = yield from measure_steps(given, plane.scale)
    return Vessels(
        plane.name,
        found.labels,
        found.masks,
        found.segments,
        found.image,
        plane.spacing,
        plane.file,
        tuple(found.remarks),
    )


def _masks(plane: LabelPlane) -> dict[str, NDArray[np.bool_]]:
    labels, _ = judged(plane.labels)
    if not plane.of_classes:
        return {"vessels": labels != 0}
    masks = {"arteries": np.isin(labels, (ARTERY, BOTH)), "veins": np.isin(labels, (VEIN, BOTH))}
    # Else vessels of unknown class would be lost without a word.
    return masks if not (labels >= UNKNOWN).any() else masks | {"vessels": labels != 0}
