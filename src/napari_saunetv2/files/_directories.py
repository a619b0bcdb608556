"""The directories of a TIFF file, checked before a library follows them.

tifffile trusts counts and offsets: circular directories, or a tag of a billion values, keep it busy for
minutes. Here each directory is visited once, by the layout in "TIFF Revision 6.0" (Aldus, 1992) and its
64-bit extension, and nothing is decoded.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import tifffile

from napari_saunetv2.errors import FileFormatError

MAX_DIRECTORIES = 1000
"""A photograph has one directory; thumbnails and a pyramid add a few."""

MAX_TAGS = 1000
"""Maximum number of tags in a directory; cameras and microscopes write up to about a hundred."""

SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

_SIZES = dict.fromkeys((1, 2, 6, 7), 1) | dict.fromkeys((3, 8), 2) | dict.fromkeys((4, 9, 11, 13), 4)
_SIZES |= dict.fromkeys((5, 10, 12, 16, 17, 18), 8)
"""Bytes per value, by type number."""

_SUB_DIRECTORIES, _EXIF, _GPS = 330, 34665, 34853
_POINTERS = {4: "I", 13: "I", 16: "Q", 18: "Q"}
_SLACK = 2**16


class _Layout(NamedTuple):
    """How numbers are stored: byte order, and the formats of a tag count, a tag and an offset."""

    order: str
    tags: str
    tag: str
    offset: str

    def size(self, field: str) -> int:
        return struct.calcsize(self.order + field)


@contextmanager
def opened(path: Path) -> Iterator[tifffile.TiffFile | None]:
    """Open a file with tifffile after :func:`check`; None if it is no TIFF file."""
    with path.open("rb") as file:
        if file.read(4) not in SIGNATURES:
            yield None
            return
        check(file, path.name)
        with tifffile.TiffFile(file) as tiff:
            yield tiff


def check(file: IO[bytes], name: str) -> None:
    """Visit every directory of a TIFF file.

    Parameters
    ----------
    file : binary file
        Its position is reset to the start afterwards.
    name : str
        For messages.

    Raises
    ------
    FileFormatError
        If directories are circular or outside the file, or tags claim more than the file holds.
    """
    length = file.seek(0, os.SEEK_END)
    seen: set[int] = set()
    values = 0
    try:
        layout, waiting = _start(file)
        while waiting:
            chain, offset = waiting.pop()
            while offset:
                if offset in chain:
                    raise _damaged(name, "its directories are circular")
                if offset in seen:
                    break
                seen.add(offset)
                chain.add(offset)
                if len(seen) > MAX_DIRECTORIES:
                    raise FileFormatError(
                        f"'{name}' holds more than {MAX_DIRECTORIES:,} images: save the one you want as its "
                        "own file."
                    )
                offset, size, below = _visit(file, layout, offset, length, name)
                waiting += [(set(), start) for start in below]
                values += size
                if values > 2 * length + _SLACK:  # else many directories may claim the same bytes
                    raise _damaged(name, "its tags claim more than the file holds")
    except struct.error as error:
        raise FileFormatError(f"'{name}' is truncated: copy it again from its source.") from error
    file.seek(0)


def _start(file: IO[bytes]) -> tuple[_Layout, list[tuple[set[int], int]]]:
    """Layout of the file, and the offset of its first directory."""
    file.seek(0)
    start = file.read(4)
    order = "<" if start[:2] == b"II" else ">"
    if start[2:].strip(b"\0") == b"+":
        layout = _Layout(order, "Q", "HHQ8s", "Q")
        file.seek(8)
    else:
        layout = _Layout(order, "H", "HHI4s", "I")
    (offset,) = _read(file, layout, layout.offset)
    return layout, [(set(), offset)]


def _visit(
    file: IO[bytes], layout: _Layout, offset: int, length: int, name: str
) -> tuple[int, int, list[int]]:
    """Offset of the next directory, bytes of this directory's values, and offsets of its subdirectories."""
    if offset >= length:
        raise FileFormatError(f"'{name}' is truncated: copy it again from its source.")
    file.seek(offset)
    (count,) = _read(file, layout, layout.tags)
    if not 0 < count <= MAX_TAGS:
        raise _damaged(name, f"a directory claims {count:,} tags")
    entries = file.read(count * layout.size(layout.tag))
    (following,) = _read(file, layout, layout.offset)
    total, below = 0, []
    for code, kind, number, value in struct.iter_unpack(layout.order + layout.tag, entries):
        size = number * _SIZES.get(kind, 0)  # unknown types are skipped by every reader
        if size > len(value):
            (offset,) = struct.unpack(layout.order + layout.offset, value)
            if offset + size > length:
                raise _damaged(name, f"tag {code} claims {number:,} values, more than the file holds")
            total += size
        if code in (_SUB_DIRECTORIES, _EXIF, _GPS) and kind in _POINTERS:
            starts = _pointers(file, layout, kind, number, value)
            # An editor may leave a stale pointer to camera data, which does not matter for the pixels.
            below += [start for start in starts if code == _SUB_DIRECTORIES or start < length]
    return following, total, below


def _pointers(file: IO[bytes], layout: _Layout, kind: int, number: int, value: bytes) -> Iterator[int]:
    form = layout.order + _POINTERS[kind]
    size = struct.calcsize(form)
    number = min(number, MAX_DIRECTORIES + 1)
    if number * size > len(value):
        file.seek(struct.unpack(layout.order + layout.offset, value)[0])
        value = file.read(number * size)
    return (offset for (offset,) in struct.iter_unpack(form, value[: number * size]))


def _read(file: IO[bytes], layout: _Layout, field: str) -> tuple[int, ...]:
    return struct.unpack(layout.order + field, file.read(layout.size(field)))


def _damaged(name: str, why: str) -> FileFormatError:
    return FileFormatError(f"'{name}' is damaged, {why}: copy it again from its source.")
