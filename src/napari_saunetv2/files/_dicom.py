"""Decode a DICOM file: ophthalmic photographs, en face images, secondary captures and segmentations."""

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import _dicom_frames
from napari_saunetv2.files._decoded import (
    MAX_BYTES,
    MAX_PIXELS,
    ONE_PLANE,
    WAY_OUT,
    Decoded,
    Pixels,
    resolved,
    too_large,
)
from napari_saunetv2.files._dicom_dataset import dataset
from napari_saunetv2.files._dicom_frames import Frame, Layout

if TYPE_CHECKING:
    from pydicom import Dataset

_SAMPLES = {
    "MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1,
    "RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3, "YBR_RCT": 3, "YBR_ICT": 3,
}  # fmt: skip
"""Samples a pixel of the photometric interpretations that are read."""

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_PHOTOGRAPHS = (
    *("7", "7.1", "7.2", "7.3", "7.4", "77.1.1", "77.1.2", "77.1.4", "66.4"),
    *(f"77.1.5.{n}" for n in (1, 2, 5, 6, 7)),
)
"""Kinds of DICOM image that can hold a photograph of an eye, or a mask of one, below ``_STORAGE``."""

SEGMENTATION = f"{_STORAGE}66.4"
VOLUMES = {
    f"{_STORAGE}77.1.5.4": "a volume of OCT sections",
    f"{_STORAGE}77.1.5.8": "a volume of OCT sections",
}


def decode_dicom(data: bytes, name: str) -> Decoded:
    """Decode the image in a DICOM file; of several frames the first.

    Raises
    ------
    FileFormatError
        If pydicom is missing, or the file holds no image, one that is no photograph, or one stored in an
        unsupported way.
    Exception
        Anything that a decoder raises for damaged data.
    """
    found = dataset(data, name, pixels=True)
    layout = _layout(found, name)
    remarks = _remarks(found, layout)
    return _interpreted(found, layout, _frame(found, layout, 0, name), name, remarks)


def decode_frames(data: bytes, name: str) -> Pixels:
    """Decode all frames of a DICOM file: shape (N, H, W) or (N, H, W, 3); raises as :func:`decode_dicom`."""
    found = dataset(data, name, pixels=True)
    layout = _layout(found, name)
    if (
        layout.frames * layout.rows * layout.columns * layout.samples * max(layout.allocated, 8) // 8
        > MAX_BYTES
    ):
        raise too_large(name, f"{layout.frames} frames of {layout.columns} x {layout.rows} pixels")
    return np.stack(
        [
            _interpreted(found, layout, _frame(found, layout, n, name), name).pixels
            for n in range(layout.frames)
        ]
    )


def _frame(found: "Dataset", layout: Layout, number: int, name: str) -> Frame:
    syntax = found.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_encapsulated:
        data = found.PixelData
        if layout.big and layout.allocated == 8 and found["PixelData"].VR == "OW":  # bytes swapped in pairs
            data = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
        return _dicom_frames.plain(data, layout, number, name)
    return _dicom_frames.packed(found.PixelData, layout, number, str(syntax), name)


def _layout(found: "Dataset", name: str) -> Layout:
    """How the frames are stored; raises FileFormatError for what is not read."""
    if (volume := VOLUMES.get(str(found.get("SOPClassUID")))) is not None:
        raise FileFormatError(f"'{name}' holds {volume}, not a photograph: export its en face image instead.")
    if "PixelData" not in found or not found.get("Rows") or not found.get("Columns"):
        raise FileFormatError(
            f"'{name}' is a DICOM file without an image: choose the one with the photograph."
        )
    photometric = str(found.get("PhotometricInterpretation", "MONOCHROME2"))
    samples, allocated = int(found.get("SamplesPerPixel", 1)), int(found.BitsAllocated)
    if _SAMPLES.get(photometric) != samples:
        raise FileFormatError(
            f"'{name}' stores its colours as {photometric or 'unknown'} in {samples} samples, which is not "
            f"supported: {WAY_OUT}."
        )
    if allocated not in ((1, 8, 16) if samples == 1 else (8, 16)):
        raise FileFormatError(
            f"'{name}' stores {allocated} bits a sample, which is not supported: {WAY_OUT}."
        )
    if found.get("PixelRepresentation", 0):
        raise FileFormatError(
            f"'{name}' stores signed numbers, as CT and MR do and photographs do not: {WAY_OUT}."
        )
    rows, columns, count = int(found.Rows), int(found.Columns), int(found.get("NumberOfFrames") or 1)
    if rows * columns > MAX_PIXELS:
        raise too_large(name, f"{columns} x {rows} pixels")
    if count < 1 or (photometric == "YBR_FULL_422" and columns % 2):
        raise FileFormatError(f"'{name}' is a damaged DICOM file: export it again from its source.")
    syntax = found.file_meta.get("TransferSyntaxUID")
    return Layout(
        rows,
        columns,
        samples,
        allocated,
        planar=found.get("PlanarConfiguration") == 1,
        ycc=photometric in ("YBR_FULL", "YBR_FULL_422"),
        halved=photometric == "YBR_FULL_422",
        big=syntax == "1.2.840.10008.1.2.2",
        frames=count,
    )


def _remarks(found: "Dataset", layout: Layout) -> tuple[str, ...]:
    kind = found.get("SOPClassUID")
    said = []
    if kind and str(kind) not in {_STORAGE + end for end in _PHOTOGRAPHS} and str(kind).startswith(_STORAGE):
        said.append(f"The DICOM file is of the kind {kind.name}, not a photograph of an eye.")
    if layout.frames > 1:
        said.append(
            f"The file holds {layout.frames} frames: the first is read. To read another, {ONE_PLANE}."
        )
    return tuple(said)


def _interpreted(
    found: "Dataset", layout: Layout, frame: Frame, name: str, remarks: tuple[str, ...] = ()
) -> Decoded:
    """Give stored values their meaning: bit depth, palette, colours, inverted grey."""
    photometric = str(found.get("PhotometricInterpretation", "MONOCHROME2"))
    remarks += frame.remarks
    if layout.allocated == 1:
        return Decoded(frame.pixels, remarks=remarks)
    stored = int(found.get("BitsStored") or layout.allocated)
    pixels, bits = frame.pixels, min(frame.bits, stored)
    top = int(found.get("HighBit", stored - 1))
    if (
        frame.bits == layout.allocated
        and 0 < stored < layout.allocated
        and stored - 1 <= top < layout.allocated
    ):
        pixels = (pixels >> (top + 1 - stored)) & (2**stored - 1)  # other bits may hold an overlay
    if photometric == "PALETTE COLOR":
        return Decoded(resolved(pixels, _palette(found, pixels, name)), index=pixels, remarks=remarks)
    if frame.ycc:
        pixels = _rgb(pixels, bits)
    if photometric == "MONOCHROME1":
        pixels = (2**bits - 1) - np.minimum(pixels, 2**bits - 1)
    kind = np.uint8 if layout.allocated == 8 or pixels.dtype == np.uint8 else np.uint16
    return Decoded(
        pixels.astype(kind), bits=bits if bits < 8 * np.dtype(kind).itemsize else None, remarks=remarks
    )


def _rgb(colours: Pixels, bits: int) -> Pixels:
    """Convert YBR_FULL to RGB (DICOM PS3.3, C.7.6.3.1.2)."""
    luma, blue, red = np.moveaxis(colours.astype(np.float32), 2, 0)
    blue, red = blue - 2 ** (bits - 1), red - 2 ** (bits - 1)
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=2)
    return np.asarray(np.clip(np.rint(rgb), 0, 2**bits - 1), colours.dtype)


def _palette(found: "Dataset", index: Pixels, name: str) -> Any:
    """Colours of every index, shape (N, 3), uint8; the ends of the table go on (DICOM PS3.3, C.7.6.3.1.5)."""
    if "SegmentedRedPaletteColorLookupTableData" in found:
        raise FileFormatError(f"'{name}' stores its palette in segments, which is not supported: {WAY_OUT}.")
    columns = []
    for colour in ("Red", "Green", "Blue"):
        count, first, bits = (int(n) for n in found[f"{colour}PaletteColorLookupTableDescriptor"].value)
        table = found[f"{colour}PaletteColorLookupTableData"].value
        count = count or 2**16
        values = np.frombuffer(table, "<u2" if bits == 16 or len(table) >= 2 * count else "u1")[:count]
        shown = values >> 8 if values.max() > 255 else values  # 8-bit colours may be stored in 16 bits
        at = np.arange(int(index.max(initial=0)) + 1) - first
        columns.append(shown.astype(np.uint8)[np.clip(at, 0, len(shown) - 1)])
    return np.stack(columns, axis=1)
