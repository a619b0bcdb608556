"""Ophthalmic photographs as DICOM files, made by pydicom, all of the same eye."""

import io

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, generate_uid

from oddfiles.photographs import DEEP, GREY, RGB

OP8, OP16 = "1.2.840.10008.5.1.4.1.1.77.1.5.1", "1.2.840.10008.5.1.4.1.1.77.1.5.2"
WIDE, EN_FACE = "1.2.840.10008.5.1.4.1.1.77.1.5.5", "1.2.840.10008.5.1.4.1.1.77.1.5.7"
OCT, CAPTURE = "1.2.840.10008.5.1.4.1.1.77.1.5.4", "1.2.840.10008.5.1.4.1.1.7"
IMPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"
JPEG, LOSSLESS, LS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"
J2K, RLE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"
PERSON, BORN, IDENTITY = "Secretperson^Ada", "19231105", "ID-778899"


def stored(
    pixels, kind=OP8, syntax=ExplicitVRLittleEndian, frames=None, photometric=None, **elements
) -> bytes:
    """A DICOM file of these pixels, shape (H, W) or (H, W, 3), or of these encoded ``frames``."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = UID(kind), generate_uid(entropy_srcs=["eye"])
    made.PatientName, made.PatientBirthDate, made.PatientID = PERSON, BORN, IDENTITY
    made.OperatorsName, made.InstitutionName = "Secretoperator^Eve", "Secret Hospital"
    made.Modality = "OP"
    made.Rows, made.Columns = pixels.shape[:2]
    made.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    made.PhotometricInterpretation = photometric or ("MONOCHROME2" if pixels.ndim == 2 else "RGB")
    made.BitsAllocated = made.BitsStored = 8 * pixels.dtype.itemsize
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, 0
    if pixels.ndim == 3:
        made.PlanarConfiguration = 0
    data = pixels.astype(pixels.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<")).tobytes()
    made.PixelData = encapsulate(frames) if frames else data + b"\0" * (len(data) % 2)
    made["PixelData"].VR = "OB" if frames or pixels.dtype == np.uint8 else "OW"
    made["PixelData"].is_undefined_length = bool(frames)
    for name, value in elements.items():
        setattr(made, name, value)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def ycc(rgb):
    """JFIF's YCbCr of RGB."""
    r, g, b = np.moveaxis(rgb.astype(float), 2, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return np.clip(np.rint(np.stack([y, (b - y) / 1.772 + 128, (r - y) / 1.402 + 128], 2)), 0, 255).astype(
        np.uint8
    )


def halved(colours):
    """YBR_FULL_422: two neighbours share their chroma."""
    pairs = colours.reshape(colours.shape[0], -1, 2, 3)
    chroma = pairs[..., 1:].mean(axis=2).astype(np.uint8)
    return np.concatenate([pairs[..., 0], chroma], axis=2)


def rle(pixels) -> bytes:
    """One frame in DICOM's run lengths: a segment for every byte of every sample."""
    planes = [pixels] if pixels.ndim == 2 else list(np.moveaxis(pixels, 2, 0))
    shifts = range(8 * (pixels.dtype.itemsize - 1), -1, -8)
    segments = [
        imagecodecs.packbits_encode(np.ascontiguousarray((plane >> shift) & 255).astype(np.uint8))
        for plane in planes
        for shift in shifts
    ]
    segments = [s + b"\0" * (len(s) % 2) for s in segments]
    starts = 64 + np.cumsum([0, *map(len, segments[:-1])])
    head = np.zeros(16, "<u4")
    head[0], head[1 : 1 + len(segments)] = len(segments), starts
    return head.tobytes() + b"".join(segments)


def palette() -> bytes:
    """Photograph in 64 colours."""
    from oddfiles.photographs import PALETTE

    colours = np.array(PALETTE.getpalette("RGB"), np.uint8).reshape(-1, 3)
    about = {}
    for number, name in enumerate(("Red", "Green", "Blue")):
        about[f"{name}PaletteColorLookupTableDescriptor"] = [len(colours), 0, 16]
        about[f"{name}PaletteColorLookupTableData"] = (colours[:, number].astype("<u2") * 257).tobytes()
    return stored(np.asarray(PALETTE), CAPTURE, photometric="PALETTE COLOR", **about)


def spaced(*spacing, **more) -> Dataset:
    """Functional groups with a pixel size."""
    measures = Dataset()
    measures.PixelSpacing = list(spacing)
    item = Dataset()
    item.PixelMeasuresSequence = Sequence([measures])
    for name, value in more.items():
        setattr(item, name, value)
    return item


def of_eye(letter: str) -> Sequence:
    """FrameAnatomySequence of an eye."""
    anatomy = Dataset()
    anatomy.FrameLaterality = letter
    return Sequence([anatomy])


jpeg = imagecodecs.jpeg8_encode
EXACT = {
    "8 bits": lambda: stored(RGB),
    "8 bits, implicit": lambda: stored(RGB, syntax=IMPLICIT),
    "8 bits, big-endian": lambda: stored(RGB, syntax=ExplicitVRBigEndian),
    "8 bits, deflated": lambda: stored(RGB, syntax=DEFLATED),
    "wide field": lambda: stored(RGB, WIDE),
    "secondary capture": lambda: stored(RGB, CAPTURE),
    "planes": lambda: stored(RGB, PlanarConfiguration=1, PixelData=np.moveaxis(RGB, 2, 0).tobytes()),
    "16 bits": lambda: stored(DEEP, OP16),
    "RLE": lambda: stored(RGB, syntax=RLE, frames=[rle(RGB)]),
    "RLE, 16 bits": lambda: stored(DEEP, OP16, syntax=RLE, frames=[rle(DEEP)]),
    "JPEG 2000": lambda: stored(
        RGB,
        syntax=J2K,
        photometric="YBR_RCT",
        frames=[imagecodecs.jpeg2k_encode(RGB, codecformat="j2k", level=0)],
    ),
    "JPEG 2000, in its boxes": lambda: stored(
        RGB, syntax=J2K, frames=[imagecodecs.jpeg2k_encode(RGB, level=0)]
    ),
    "JPEG 2000, 16 bits": lambda: stored(
        DEEP, OP16, syntax=J2K, frames=[imagecodecs.jpeg2k_encode(DEEP, codecformat="j2k", level=0)]
    ),
    "JPEG-LS": lambda: stored(RGB, syntax=LS, frames=[imagecodecs.jpegls_encode(RGB)]),
    "JPEG, lossless": lambda: stored(RGB, syntax=LOSSLESS, frames=[jpeg(RGB, lossless=True)]),
    "two frames": lambda: stored(RGB, NumberOfFrames=2, PixelData=RGB.tobytes() + RGB[::-1].tobytes()),
    "two frames, RLE": lambda: stored(RGB, syntax=RLE, frames=[rle(RGB), rle(RGB[::-1])], NumberOfFrames=2),
}
"""Photographs of RGB that come back without loss."""

GREYS = {
    "en face": lambda: stored(GREY, EN_FACE),
    "inverted": lambda: stored(255 - GREY, photometric="MONOCHROME1"),
    "inverted, JPEG 2000": lambda: stored(
        255 - GREY, syntax=J2K, photometric="MONOCHROME1",
        frames=[imagecodecs.jpeg2k_encode(255 - GREY, codecformat="j2k", level=0)],
    ),
    "12 of 16 bits": lambda: stored(GREY.astype(np.uint16) << 4, OP16, BitsStored=12, HighBit=11),
    "12 high bits": lambda: stored(GREY.astype(np.uint16) << 8, OP16, BitsStored=12, HighBit=15),
    "inverted, 12 bits": lambda: stored(
        4095 - (GREY.astype(np.uint16) << 4), OP16, BitsStored=12, HighBit=11, photometric="MONOCHROME1"
    ),
    "RLE": lambda: stored(GREY, syntax=RLE, frames=[rle(GREY)]),
}  # fmt: skip

CLOSE = {
    "YBR_FULL": lambda: stored(ycc(RGB), photometric="YBR_FULL"),
    "YBR_FULL, RLE": lambda: stored(ycc(RGB), syntax=RLE, photometric="YBR_FULL", frames=[rle(ycc(RGB))]),
    "YBR_FULL, JPEG 2000": lambda: stored(
        ycc(RGB), syntax=J2K, photometric="YBR_FULL",
        frames=[imagecodecs.jpeg2k_encode(ycc(RGB), codecformat="j2k", level=0, mct=False)],
    ),
    "YBR_FULL_422": lambda: stored(
        RGB, photometric="YBR_FULL_422", PixelData=halved(ycc(RGB)).tobytes()
    ),
    "JPEG": lambda: stored(RGB, syntax=JPEG, photometric="YBR_FULL_422", frames=[jpeg(RGB, level=98)]),
    "JPEG in RGB": lambda: stored(
        RGB, syntax=JPEG, frames=[jpeg(RGB, level=98, colorspace="RGB", outcolorspace="RGB")]
    ),
    "JPEG that is called RGB": lambda: stored(RGB, syntax=JPEG, frames=[jpeg(RGB, level=98)]),
    "JPEG 2000 with loss": lambda: stored(
        RGB, syntax=J2K, photometric="YBR_ICT",
        frames=[imagecodecs.jpeg2k_encode(RGB, codecformat="j2k", level=45, reversible=False)],
    ),
}  # fmt: skip
"""Photographs of RGB that come back nearly."""


def everything() -> list[bytes]:
    """Files of every kind, for the fuzz."""
    made = [make() for kinds in (EXACT, GREYS, CLOSE) for make in kinds.values()]
    groups = {
        "SharedFunctionalGroupsSequence": Sequence([spaced(0.01, 0.01)]),
        "PerFrameFunctionalGroupsSequence": Sequence(
            [spaced(0.005, 0.005, FrameAnatomySequence=of_eye("L"))] * 2
        ),
        "NumberOfFrames": 2,
    }
    several = encapsulate_extended([rle(RGB), rle(RGB)])
    return [
        *made,
        palette(),
        stored(RGB, PixelData=RGB.tobytes() * 2, **groups),
        stored(
            RGB, syntax=RLE, frames=[rle(RGB)] * 2, NumberOfFrames=2, ExtendedOffsetTable=several[1],
            ExtendedOffsetTableLengths=several[2],
        ),
    ]  # fmt: skip
