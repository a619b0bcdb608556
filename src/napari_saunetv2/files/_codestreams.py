"""What a JPEG, JPEG-LS or JPEG 2000 codestream says of itself, read before it is decoded."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import imagecodecs
import numpy as np

from napari_saunetv2.files._decoded import Pixels

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_J2K = b"\xff\x4f\xff\x51"
_JP2 = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_LOSSLESS, _LS = 0xC3, 0xF7
_FRAMES = {*range(0xC0, 0xD0), _LS} - {0xC4, 0xC8, 0xCC}  # of these three none begins a frame
_SCAN, _JFIF, _ADOBE, _CODING = 0xDA, 0xE0, 0xEE, 0x52

Kind = Literal["jpeg", "lossless", "ls", "2000"]


@dataclass(frozen=True)
class Codestream:
    """A codestream and its head.

    Attributes
    ----------
    data : bytes
    kind : "jpeg", "lossless", "ls" or "2000"
        JPEG with loss, without (process 14), JPEG-LS, JPEG 2000.
    rows, columns, samples, bits : int
        As it claims, ``bits`` for each sample.
    ycc : bool or None
        Whether its colours are stored as YCbCr; None where it does not say.
    truncated : bool
        Whether its end is missing: decoders would fill in grey.
    """

    data: bytes
    kind: Kind
    rows: int
    columns: int
    samples: int
    bits: int
    ycc: bool | None
    truncated: bool

    def decode(self, *, ycc: bool) -> tuple[Pixels, bool]:
        """Decode it; raises anything for damaged data.

        Parameters
        ----------
        ycc : bool
            Whether the file around it says that colours are stored as YCbCr.

        Returns
        -------
        array, shape (H, W) or (H, W, 3)
        bool
            Whether YCbCr is still to be converted to RGB.
        """
        if self.kind == "jpeg":
            if self.samples == 1:
                return np.asarray(imagecodecs.jpeg8_decode(self.data)), False
            stored = "YCBCR" if (ycc if self.ycc is None else self.ycc) else "RGB"
            found = imagecodecs.jpeg8_decode(self.data, colorspace=stored, outcolorspace="RGB")
            return np.asarray(found), False
        if self.kind == "2000":
            return np.asarray(imagecodecs.jpeg2k_decode(self.data)), ycc and self.ycc is False
        decode = imagecodecs.jpegls_decode if self.kind == "ls" else imagecodecs.jpegsof3_decode
        return np.asarray(decode(self.data)), ycc


def codestream(data: bytes) -> Codestream | None:
    """Recognise a codestream by its first bytes; None for another format, or without a head."""
    if data.startswith(_SOI):
        return _jpeg(data)
    if data.startswith((_J2K, _JP2)) and (start := data.find(_J2K)) >= 0:
        return _jpeg2000(data[start:])
    return None


def _jpeg(data: bytes) -> Codestream | None:
    jfif, adobe = False, None
    for marker, value in _segments(data):
        if marker == _JFIF and value[:4] == b"JFIF":
            jfif = True
        elif marker == _ADOBE and value[:5] == b"Adobe" and len(value) >= 12:
            adobe = value[11]
        elif marker in _FRAMES and len(value) >= 6:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", value)
            kind: Kind = {_LOSSLESS: "lossless", _LS: "ls"}.get(marker, "jpeg")  # type: ignore[assignment]
            ycc = None
            if kind == "jpeg" and samples == 3:
                red_green_blue = value[6:15:3] == b"RGB"
                ycc = adobe != 0 if adobe is not None else True if jfif else False if red_green_blue else None
            return Codestream(data, kind, rows, columns, samples, bits, ycc, data.rfind(_EOI) < 0)
    return None


def _jpeg2000(data: bytes) -> Codestream | None:
    if len(data) < 42:
        return None
    right, down, left, top = struct.unpack_from(">4I", data, 8)
    (samples,) = struct.unpack_from(">H", data, 40)
    bits = (data[42] & 0x7F) + 1 if len(data) > 42 else 0
    # The fifth byte of the coding style says whether a colour transform is undone in decoding.
    coding = next((value for marker, value in _segments(data) if marker == _CODING), b"")
    ycc = None if len(coding) < 5 or coding[4] else False
    return Codestream(data, "2000", down - top, right - left, samples, bits, ycc, data.rfind(_EOI) < 0)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers of the head with their values, up to the first scan or tile."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, size = struct.unpack_from(">BH", data, at + 1)
        if marker == 0xFF:  # a filling byte
            at += 1
            continue
        if marker in (_SCAN, 0x90):
            return
        yield marker, data[at + 4 : at + 2 + size]
        at += 2 + size
