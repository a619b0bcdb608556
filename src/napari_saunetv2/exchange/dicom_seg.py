"""Masks as a DICOM Segmentation, which refers to the photograph that they belong to."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import __version__
from napari_saunetv2.errors import FileFormatError, ImageError, SettingsError
from napari_saunetv2.files import Spacing, write_beside

if TYPE_CHECKING:
    from pydicom import Dataset

CODES = {
    "vessels": ("59820001", "Blood vessel"),
    "arteries": ("51114001", "Artery"),
    "veins": ("29092000", "Vein"),
}
"""SNOMED CT codes of the masks."""

_REFERRED = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "Rows", "Columns", "PixelSpacing"),
    *("ImageLaterality", "Modality"),
)
"""What is taken over from the photograph's file: nothing that names the patient."""

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
"""Without these no other file can refer to a photograph; programs that remove names may remove them too."""

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def write_dicom_seg(
    path: Path,
    masks: Mapping[str, NDArray[np.bool_]],
    photograph: Path | None = None,
    spacing: Spacing | None = None,
    *,
    algorithm: str = "napari-saunetv2",
    overwrite: bool = False,
) -> None:
    """Write masks of vessels as a binary DICOM Segmentation.

    Parameters
    ----------
    path : Path
        ``.dcm``.
    masks : mapping of str to array, shape (H, W), bool
        "vessels", "arteries", "veins"; each becomes a segment.
    photograph : Path, optional
        DICOM file that the segmentation refers to. Its study and series are taken over, but not the patient's
        name, number or birth date: fill them in where the segmentation is stored.
    spacing : Spacing, optional
        For a photograph that is no DICOM file.
    algorithm : str
        Name of the model.
    overwrite : bool

    Raises
    ------
    SettingsError
        Without the package highdicom, or for a mask of another name.
    ImageError
        If the masks differ in shape, or from the photograph.
    FileFormatError, OverwriteError
        If it cannot or may not be written.
    """
    try:
        import highdicom as hd
        from pydicom.sr.codedict import codes
        from pydicom.uid import UID, ExplicitVRLittleEndian
    except ImportError as error:
        raise SettingsError(
            "DICOM Segmentation needs highdicom: pip install 'napari-saunetv2[results]'."
        ) from error
    unknown = sorted(set(masks) - set(CODES))
    if unknown or not masks:
        raise SettingsError(f"The masks are {', '.join(masks) or 'none'}: they must be {', '.join(CODES)}.")
    shape = next(iter(masks.values())).shape
    source = _new(shape, spacing) if photograph is None else _of(photograph)
    wanted = (int(source.Rows), int(source.Columns))
    for name, mask in masks.items():
        if mask.shape != wanted:
            raise ImageError(f"The mask of {name} has the shape {mask.shape}, the photograph {wanted}.")
    how = hd.AlgorithmIdentificationSequence(
        name=algorithm, version=__version__, family=codes.DCM.ArtificialIntelligence
    )
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=hd.sr.CodedConcept(CODES[name][0], "SCT", CODES[name][1]),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=how,
        )
        for number, name in enumerate(masks, start=1)
    ]
    # highdicom wants functional groups in the kinds of file that can hold several frames, and photographs
    # have none: it is given a plain kind, and what refers to the photograph gets its kind afterwards.
    kind, source.SOPClassUID = source.SOPClassUID, UID(_SECONDARY_CAPTURE)
    made = hd.seg.Segmentation(
        source_images=[source],
        pixel_array=np.stack([mask.astype(np.uint8) for mask in masks.values()], axis=-1)[None],
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=hd.UID(),
        series_number=1,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="napari-saunetv2",
        manufacturer_model_name=algorithm,
        software_versions=__version__,
        device_serial_number="none",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=False,
    )
    for element in made.iterall():
        if element.keyword == "ReferencedSOPClassUID":
            element.value = kind
    file = io.BytesIO()
    made.save_as(file)
    write_beside(path, lambda out: out.write(file.getvalue()), overwrite=overwrite)


def _of(photograph: Path) -> "Dataset":
    """The parts of the photograph's file that the segmentation refers to."""
    import pydicom

    try:
        found = pydicom.dcmread(photograph, stop_before_pixels=True, specific_tags=list(_REFERRED))
    except Exception as error:  # pydicom raises almost anything for damaged files
        raise FileFormatError(
            f"'{photograph.name}' is no whole DICOM file: give the photograph that the masks belong to."
        ) from error
    lacking = [name for name in _NEEDED if found.get(name) in (None, "")]
    if lacking:
        raise FileFormatError(
            f"'{photograph.name}' has no {', '.join(lacking)}: a DICOM Segmentation must refer to its "
            "photograph by it. Use the file as the camera wrote it, or another format."
        )
    return _without_patient(found)


def _new(shape: tuple[int, ...], spacing: Spacing | None) -> "Dataset":
    """A study of its own, for a photograph that is no DICOM file."""
    from pydicom.dataset import Dataset
    from pydicom.uid import UID, generate_uid

    made = Dataset()
    made.SOPClassUID = UID(_SECONDARY_CAPTURE)
    for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(made, name, generate_uid())
    made.Modality = "OT"
    made.Rows, made.Columns = shape
    if spacing is not None and spacing.millimetres:
        made.PixelSpacing = [spacing.height, spacing.width]
    return _without_patient(made)


def _without_patient(found: "Dataset") -> "Dataset":
    empty: dict[str, Any] = dict.fromkeys(
        ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"), ""
    )
    if "PixelSpacing" in found:
        found.SliceThickness = 0.0  # which its readers want beside the size of a pixel
    for name, value in {**empty, "StudyDate": None, "StudyTime": None}.items():
        if name not in found:
            setattr(found, name, value)
    return found
