"""Read the elements of a DICOM file that describe its image, within bounds.

Only the elements named here are kept, so names, birth dates and the like are not even read.
"""

import io
import logging
import re
import warnings
import zlib
from typing import TYPE_CHECKING, Any

from napari_saunetv2.errors import FileFormatError

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_READS = 400_000
"""Maximum number of reads while a file is parsed: each element takes one to three."""

MAX_INFLATED = 2**30
"""Maximum size of a file stored deflated: 1 GiB."""

PIXELS = ("PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths")

ELEMENTS = (
    *("SOPClassUID", "Modality", "NumberOfFrames", "Rows", "Columns"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("FloatPixelData", "DoubleFloatPixelData"),
    *(f"{c}PaletteColorLookupTableData" for c in ("Red", "Green", "Blue")),
    *(f"{c}PaletteColorLookupTableDescriptor" for c in ("Red", "Green", "Blue")),
    "SegmentedRedPaletteColorLookupTableData",
    *("ImageLaterality", "Laterality", "AcquisitionDateTime", "AcquisitionDate", "ContentDate"),
    *("SeriesDate", "StudyDate", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)  # fmt: skip

DICOM_SUFFIXES = (".dcm", ".dicom", ".dic")

_EXTRA = "is a DICOM file, which needs pydicom: pip install 'napari-saunetv2[dicom]'"
_META = re.compile(
    rb"\x02\x00\x00\x00UL|\x08\x00[\x00-\x1f]\x00(?:UI|CS|DA|UL)|\x00\x08\x00[\x00-\x1f](?:UI|CS|UL)"
)
_DEFLATED = "1.2.840.10008.1.2.1.99"

# A library must not print; odd values are checked by who reads them.
logging.getLogger("pydicom").addHandler(logging.NullHandler())
warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")


def is_dicom(data: bytes) -> bool:
    """Whether a file's first bytes are those of DICOM: its mark at byte 128, or an element at the start."""
    return data[128:132] == b"DICM" or _META.match(data) is not None


class _Counted(io.BytesIO):
    """Bytes that can be read only so often: a file of a million empty elements would take minutes."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self._name = name
        self._reads, self._bytes = MAX_READS, 4 * len(data) + 2**16

    def read(self, size: int | None = -1) -> bytes:
        got = super().read(size)
        self._reads -= 1
        self._bytes -= len(got)
        if self._reads < 0 or self._bytes < 0:
            raise FileFormatError(
                f"'{self._name}' holds too many DICOM elements: export the one image as a file of its own."
            )
        return got


def dataset(data: bytes, name: str, *, pixels: bool, more: tuple[str, ...] = ()) -> "Dataset":
    """Parse a DICOM file.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        For messages.
    pixels : bool
        Whether its pixels are wanted too.
    more : tuple of str
        Further elements that are wanted.

    Returns
    -------
    Dataset
        With ``file_meta``, and no elements but those of this module and ``more``.

    Raises
    ------
    FileFormatError
        If pydicom is missing, or the file is damaged or too large.
    """
    try:
        import pydicom
    except ImportError as error:
        raise FileFormatError(f"'{name}' {_EXTRA}.") from error
    wanted: list[Any] = [*ELEMENTS, *more, *(PIXELS if pixels else ())]
    try:
        return pydicom.dcmread(
            _Counted(_inflated(data, name), name),
            force=True,
            stop_before_pixels=not pixels,
            specific_tags=wanted,
        )
    except FileFormatError:
        raise
    except MemoryError as error:
        raise FileFormatError(f"'{name}' needs more memory than available: crop or shrink it.") from error
    except Exception as error:  # pydicom raises almost anything for damaged files
        raise FileFormatError(
            f"'{name}' is a damaged DICOM file: export it again from its source."
        ) from error


def _inflated(data: bytes, name: str) -> bytes:
    """Undo the one transfer syntax that packs the whole data set: pydicom would unpack it without a bound."""
    from pydicom import filereader
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import ExplicitVRLittleEndian

    begin = 132 if data[128:132] == b"DICM" else 0
    start = _Counted(data, name)
    start.seek(begin)
    meta = filereader._read_file_meta_info(start)  # noqa: SLF001 - pydicom has no public way that stops there
    if meta.get("TransferSyntaxUID") != _DEFLATED:
        return data
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    body = unpack.decompress(data[start.tell() :], MAX_INFLATED)
    if unpack.unconsumed_tail:
        raise FileFormatError(f"'{name}' is larger than {MAX_INFLATED / 2**30:.0f} GiB unpacked: shrink it.")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole = DicomBytesIO()
    write_file_meta_info(whole, meta, enforce_standard=False)
    return data[:begin] + whole.getvalue() + body
