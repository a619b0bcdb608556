"""Write the vessels that are shown for another program."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_saunetv2.exchange.formats import FORMATS
from napari_saunetv2.exchange.label_layers import LabelPlane, as_they_are, traced
from napari_saunetv2.imaging import modality
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.measure.units import DISC_DIAMETER, Scale
from napari_saunetv2.plugin.common.class_colours import is_of_classes
from napari_saunetv2.plugin.common.export_menu import Work, written
from napari_saunetv2.plugin.common.layers import Planes
from napari_saunetv2.plugin.common.modalities import modality_of
from napari_saunetv2.plugin.common.part import Part, frame_of, own_threshold, plane_of, shown_plane
from napari_saunetv2.plugin.common.scale import scale_of, spacing_of_layers
from napari_saunetv2.plugin.session.save import dicom_file
from napari_saunetv2.progress import relay

if TYPE_CHECKING:
    from napari.components import ViewerModel

NO_DISC = "Measured without a disc; Measure vessels has the zones."


def export(
    key: str,
    target: Path,
    labels: Labels,
    photograph: Image | None,
    probability: NDArray[np.float32] | None,
    fov: Any,
    viewer: "ViewerModel",
) -> Work:
    """Take the plane that is shown from the layers, and give the job that writes it.

    Parameters
    ----------
    key : str
        Of the format.
    target : Path
    labels : Labels
    photograph : Image, optional
        Used if it has the size of the labels.
    probability : array, shape (..., H, W), optional
        That the labels were drawn from.
    fov : array, shape (..., H, W), or str
        Without an array the field of view is detected in the photograph, as Measure does, but that of an
        angiogram is its frame: densities are those of the field of view.
    viewer : ViewerModel

    Raises
    ------
    SaunetError
        For pixels that are not square, where lengths are measured.
    """
    index = shown_plane(labels, viewer)
    if photograph is not None and frame_of(photograph)[-2:] != frame_of(labels)[-2:]:
        photograph = None
    layers = (labels,) if photograph is None else (labels, photograph)
    plane = LabelPlane(
        labels.name,
        np.array(Part.of(labels).plane(index)),  # which is not painted on while it is written
        is_of_classes(labels),
        None if probability is None else plane_of(probability, index),
        own_threshold(labels) if probability is not None else None,
        None if isinstance(fov, str) else plane_of(fov, index),
        None,
        scale_of("", DISC_DIAMETER, *layers) if FORMATS[key].traced else Scale(),
        spacing_of_layers(*layers),
        dicom_file(photograph),
    )
    if not FORMATS[key].traced:
        return _write_as_is(key, target, plane)
    planes = None if photograph is None else Planes(photograph)
    return _write_traced(key, target, plane, planes, index, modality_of(labels, photograph))


def _write_as_is(key: str, target: Path, plane: LabelPlane) -> Work:
    yield 0.0
    FORMATS[key].write(target, as_they_are(plane))
    return written(target)


def _write_traced(
    key: str, target: Path, plane: LabelPlane, planes: Planes | None, index: tuple[int, ...], wanted: str
) -> Work:
    yield 0.0
    if planes is not None:
        number = int(np.ravel_multi_index(index, planes.shape[:-2])) if len(planes) > 1 else 0
        photograph = to_unit(planes[number])
        fov = modality.field(photograph, wanted) if plane.fov is None else plane.fov
        plane = replace(plane, photograph=photograph, fov=fov)
    vessels = yield from relay(traced(plane), lambda share: 0.1 + 0.9 * share)
    FORMATS[key].write(target, vessels)
    return written(target, NO_DISC, *vessels.remarks)
