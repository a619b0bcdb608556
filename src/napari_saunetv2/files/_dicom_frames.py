"""Decode one frame of a DICOM file's pixel data to its stored values.

What a codestream claims is compared with the file's own rows and columns before it is decoded. The decoder
is chosen by the codestream itself: what the file says of it is wrong in many files.
"""

import struct
from typing import NamedTuple

import imagecodecs
import numpy as np

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files._codestreams import codestream
from napari_saunetv2.files._decoded import WAY_OUT, Pixels

MAX_FRAGMENTS = 100_000
"""Maximum number of pieces in which the pixel data are stored: usually one for each frame."""

_RLE = "1.2.840.10008.1.2.5"
_PLAIN = "1.2.840.10008.1.2.1.98"  # encapsulated, but not compressed
_ITEM, _END = 0xE000, 0xE0DD
_UNDEFINED = 2**32 - 1


class Layout(NamedTuple):
    """How a frame is stored.

    Attributes
    ----------
    rows, columns, samples : int
    allocated : 1, 8 or 16
        Bits that a sample takes.
    planar : bool
        Whether each colour is a plane of its own.
    ycc : bool
        Whether the file says that colours are stored as YCbCr.
    halved : bool
        Whether two neighbours share their chroma (YBR_FULL_422), where nothing is compressed.
    big : bool
        Whether the most significant byte comes first.
    frames : int
        Number of frames.
    """

    rows: int
    columns: int
    samples: int
    allocated: int
    planar: bool
    ycc: bool
    halved: bool
    big: bool
    frames: int

    @property
    def bits(self) -> int:
        """Size of a frame that is not compressed."""
        return self.rows * self.columns * (2 if self.halved else self.samples) * self.allocated


class Frame(NamedTuple):
    """A decoded frame.

    Attributes
    ----------
    pixels : array, shape (H, W) or (H, W, 3), uint8 or uint16
    ycc : bool
        Whether its colours are YCbCr still, where the file says that they are stored so.
    bits : int
        That a sample can use.
    remarks : tuple of str
    """

    pixels: Pixels
    ycc: bool
    bits: int
    remarks: tuple[str, ...] = ()


def plain(data: bytes, layout: Layout, number: int, name: str) -> Frame:
    """Frame of pixel data that are not compressed; raises FileFormatError where the file is too short."""
    first, last = (layout.bits * n for n in (number, number + 1))
    if (layout.bits * layout.frames + 7) // 8 > len(data):
        raise FileFormatError(f"'{name}' is truncated: export it again from its source.")
    part = data[first // 8 : (last + 7) // 8]
    if layout.allocated == 1:
        bits = np.unpackbits(np.frombuffer(part, np.uint8), bitorder="little")[first % 8 :]
        return Frame(bits[: layout.bits].reshape(layout.rows, layout.columns) * np.uint8(255), False, 8)
    kind = np.dtype(f"{'>' if layout.big else '<'}u{layout.allocated // 8}")
    values = np.frombuffer(part, kind, layout.bits // layout.allocated)
    shaped = _whole_chroma(values, layout) if layout.halved else _shaped(values, layout, planar=layout.planar)
    return Frame(shaped, layout.ycc, layout.allocated)


def packed(data: bytes, layout: Layout, number: int, syntax: str, name: str) -> Frame:
    """Frame of encapsulated pixel data.

    Raises
    ------
    FileFormatError
        If it is missing, truncated, of another size than the file says, or in an unknown format.
    Exception
        Anything that a decoder raises for damaged data.
    """
    frames = _grouped(_fragments(data, name), layout.frames)
    if number >= len(frames):
        raise FileFormatError(f"'{name}' is truncated: export it again from its source.")
    stream = b"".join(frames[number])
    if syntax == _RLE:
        size = layout.rows * layout.columns * layout.samples * layout.allocated // 8
        out = bytearray(size)
        kind = np.dtype(f"<u{layout.allocated // 8}")
        if len(imagecodecs.dicomrle_decode(stream, kind, out=out)) < size:
            raise FileFormatError(f"'{name}' is truncated: export it again from its source.")
        return Frame(_shaped(np.frombuffer(out, kind), layout, planar=True), layout.ycc, layout.allocated)
    found = codestream(stream)
    if found is None:
        if syntax == _PLAIN:
            return plain(stream, layout._replace(frames=1), 0, name)
        raise _unknown(name, syntax)
    claimed = (found.rows, found.columns, found.samples)
    if claimed != (layout.rows, layout.columns, layout.samples):
        raise FileFormatError(
            f"'{name}' is damaged, its compressed image has another size than the file says: export it again "
            "from its source."
        )
    if found.truncated:
        raise FileFormatError(f"'{name}' is truncated: export it again from its source.")
    pixels, ycc = found.decode(ycc=layout.ycc)
    remarks: tuple[str, ...] = ()
    if found.kind == "jpeg" and found.ycc not in (None, layout.ycc):
        remarks = (
            "The file and the JPEG inside disagree on how colours are stored: the JPEG is followed; compare "
            "its colours with those in another program.",
        )
    return Frame(_shaped(pixels, layout, planar=False), ycc, found.bits, remarks)


def _unknown(name: str, syntax: str) -> FileFormatError:
    from pydicom.uid import UID

    return FileFormatError(
        f"'{name}' is compressed as {UID(syntax).name or 'unknown'}, which is not supported: {WAY_OUT}."
    )


def _shaped(values: Pixels, layout: Layout, *, planar: bool) -> Pixels:
    if layout.samples == 1:
        return values.reshape(layout.rows, layout.columns)
    if planar:
        return np.moveaxis(values.reshape(layout.samples, layout.rows, layout.columns), 0, 2)
    return values.reshape(layout.rows, layout.columns, layout.samples)


def _whole_chroma(values: Pixels, layout: Layout) -> Pixels:
    """Two pixels are stored as Y, Y, Cb, Cr."""
    pairs = values.reshape(layout.rows, layout.columns // 2, 4)
    whole = np.empty((layout.rows, layout.columns // 2, 2, 3), values.dtype)
    whole[..., 0] = pairs[..., :2]
    whole[..., 1:] = pairs[:, :, None, 2:]
    return whole.reshape(layout.rows, layout.columns, 3)


def _fragments(data: bytes, name: str) -> tuple[list[int], list[tuple[int, bytes]]]:
    """Offsets of the frames, where the file has them, and the fragments with their own offsets."""
    found: list[tuple[int, bytes]] = []
    offsets: list[int] | None = None
    at = start = 0
    while at + 8 <= len(data):
        group, element, size = struct.unpack_from("<HHI", data, at)
        if (group, element) == (0xFFFE, _END):
            break
        if (group, element) != (0xFFFE, _ITEM) or size == _UNDEFINED or at + 8 + size > len(data):
            raise FileFormatError(f"'{name}' is truncated: export it again from its source.")
        value = data[at + 8 : at + 8 + size]
        if offsets is None:  # the first item is the table of offsets
            offsets = [n for (n,) in struct.iter_unpack("<I", value[: size - size % 4])]
            start = at + 8 + size
        else:
            found.append((at - start, value))
            if len(found) > MAX_FRAGMENTS:
                raise FileFormatError(
                    f"'{name}' stores its image in over {MAX_FRAGMENTS:,} pieces: export it again."
                )
        at += 8 + size
    return offsets or [], found


def _grouped(table: tuple[list[int], list[tuple[int, bytes]]], count: int) -> list[list[bytes]]:
    """Fragments of each frame: by the table of offsets, else one each, else by where a codestream begins."""
    offsets, fragments = table
    values = [value for _, value in fragments]
    if count == 1:
        return [values] if values else []
    if len(values) == count:
        return [[value] for value in values]
    begins = set(offsets) if len(offsets) == count else None
    frames: list[list[bytes]] = []
    for at, value in fragments:
        new = value[:2] in (b"\xff\xd8", b"\xff\x4f") if begins is None else at in begins
        if new or not frames:
            frames.append([])
        frames[-1].append(value)
    return frames
