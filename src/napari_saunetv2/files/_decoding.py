"""Decode the bytes of an image file to one image.

Every file is untrusted: the size it claims is checked before memory is allocated, and only the decoders of
the formats named here are tried.
"""

import logging
from dataclasses import replace

import numpy as np
from PIL import Image

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files._decoded import MAX_PIXELS, WAY_OUT, Decoded, too_large
from napari_saunetv2.files._dicom import decode_dicom
from napari_saunetv2.files._dicom_dataset import DICOM_SUFFIXES, is_dicom
from napari_saunetv2.files._directories import SIGNATURES as TIFF
from napari_saunetv2.files._pictures import decode_picture
from napari_saunetv2.files._tiff import decode_tiff

# A library must not print: without a handler, tifffile's warnings on odd files would be printed.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_READ = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM"),
    *(b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf", b"PF"),
    *(b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
)
"""First bytes of the formats that Pillow reads here; WebP is recognised by two parts."""

_NOT_READ = (
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"8BPS", "Photoshop"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"\x89HDF", "HDF5"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\x00\x00\x01\x00", "icon"),
    (0, b"\x0a\x05\x01", "PCX"),
    (0, b"v/1\x01", "OpenEXR"),
    (0, b"ZISRAW", "CZI"),
    (0, b"\x93NUMPY", "NumPy"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "XML"),
    (0, b"<!DOCTYPE", "HTML"),
    (0, b"<html", "HTML"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIF"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftyp", "video"),
    (344, b"n+1\x00", "NIfTI"),
)
"""Offset and bytes that identify files of other formats, for the message."""


def decode(data: bytes, name: str) -> Decoded:
    """Decode a TIFF, PNG, JPEG, MPO, JPEG 2000, WebP, GIF, BMP, PNM or DICOM file, recognised by content.

    Parameters
    ----------
    data : bytes
        The whole file, unpacked.
    name : str
        For messages.

    Returns
    -------
    Decoded
        Arrays in native byte order; one-bit images as uint8 0 and 255.

    Raises
    ------
    FileFormatError
        If it is not one complete two-dimensional image in one of these formats.
    """
    if not data:
        raise FileFormatError(f"'{name}' is empty: copy it again from its source.")
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    other = data.startswith((*TIFF, *_READ)) or is_webp
    # First: a DICOM file may begin like a TIFF, to be both. An old one begins with nothing to know it by.
    dicom = is_dicom(data) or (not other and name.lower().removesuffix(".gz").endswith(DICOM_SUFFIXES))
    if not (dicom or other):
        raise _not_read(data, name)
    decoder = decode_dicom if dicom else decode_tiff if data.startswith(TIFF) else decode_picture
    try:
        found = decoder(data, name)
    except FileFormatError:
        raise
    except MemoryError as error:
        raise FileFormatError(f"'{name}' needs more memory than available: crop or shrink it.") from error
    except Image.DecompressionBombError as error:
        raise too_large(name, f"over {MAX_PIXELS / 1e6:.0f} megapixels") from error
    except Exception as error:  # decoders raise almost anything for damaged files
        raise FileFormatError(f"'{name}' is damaged: copy it again, or {WAY_OUT}.") from error
    pixels = found.pixels
    if pixels.size == 0:
        raise FileFormatError(f"'{name}' holds an image without pixels: {WAY_OUT}.")
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    return replace(found, pixels=np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("=")))


def _not_read(data: bytes, name: str) -> FileFormatError:
    known = next(
        (f"a {title} file" for at, sign, title in _NOT_READ if data[at : at + len(sign)] == sign), None
    )
    what = f"is {known or 'of an unknown format'}, which is not supported"
    return FileFormatError(f"'{name}' {what}: save it as a TIFF, PNG or JPEG.")
