"""Decode the chunks of a zarr with a list of allowed codecs, each with a size limit."""

import math
import zlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError


class Codecs(NamedTuple):
    """How the bytes of a chunk become an array.

    Attributes
    ----------
    axes : tuple of int
        Order of the array's axes in the piece.
    dtype : dtype
        Including its byte order.
    packed : tuple of str
        Compression of the bytes, first to last.
    shard : Shard, optional
        If a chunk is a shard of smaller chunks.
    """

    axes: tuple[int, ...]
    dtype: np.dtype[Any]
    packed: tuple[str, ...] = ()
    shard: "Shard | None" = None


class Shard(NamedTuple):
    """Smaller chunks in one file, with an index at its start or end."""

    chunks: tuple[int, ...]
    codecs: Codecs
    checked: bool
    at: Literal["start", "end"]


def read(codecs: list[dict[str, Any]], dtype: np.dtype[Any], ndim: int) -> Codecs:
    """Codecs of format 3: [transpose], then bytes or a shard, then compression."""
    names = [str(codec["name"]) for codec in codecs]
    settings = [codec.get("configuration") or {} for codec in codecs]
    axes = tuple(range(ndim))
    first = names.index("transpose") + 1 if "transpose" in names[:1] else 0
    if first:
        axes = tuple(settings[0]["order"])
        if sorted(axes) != list(range(ndim)):
            raise ValueError(axes)
    kind = names[first]
    packed = tuple(known(name, "crc32c") for name in names[first + 1 :])
    if sum(name != "crc32c" for name in packed) > 1:  # codecs between them would have no size limit
        raise unknown(" and ".join(packed))
    if kind == "bytes":
        swapped = settings[first].get("endian", "little") == "big"
        return Codecs(axes, dtype.newbyteorder(">" if swapped else "<"), packed)
    if kind != "sharding_indexed" or packed or first:
        raise unknown(kind if kind != "sharding_indexed" else "around a shard")
    about = settings[first]
    inner = read(about["codecs"], dtype, ndim)
    table = read(about["index_codecs"], np.dtype("<u8"), ndim + 1)
    if inner.shard is not None or table.dtype != "<u8" or table.packed not in ((), ("crc32c",)):
        raise unknown("of a shard")
    at: Any = about.get("index_location", "end")
    if at not in ("start", "end"):
        raise ValueError(at)
    return Codecs(axes, dtype, shard=Shard(tuple(about["chunk_shape"]), inner, table.packed != (), at))


def decoded(data: bytes, shape: tuple[int, ...], codecs: Codecs) -> NDArray[Any]:
    size = math.prod(shape) * codecs.dtype.itemsize
    lengths = [size + 4 * codecs.packed[:n].count("crc32c") for n in range(len(codecs.packed))]
    for name, length in zip(reversed(codecs.packed), reversed(lengths), strict=True):
        data = _UNPACK[name](data, length)
    if len(data) != size:
        raise ValueError(len(data), size)
    piece = np.frombuffer(data, codecs.dtype).reshape([shape[axis] for axis in codecs.axes])
    return piece.transpose(np.argsort(codecs.axes))


def _inflated(data: bytes, length: int) -> bytes:
    """Unpack gzip or zlib, to at most one byte more than expected."""
    return zlib.decompressobj(47).decompress(data, length + 1)


def checked_off(data: bytes, _length: int = 0) -> bytes:
    """Remove a checksum (CRC-32C), and verify it if a library for it is installed."""
    try:
        import google_crc32c
    except ImportError:
        return data[:-4]
    if google_crc32c.value(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise ValueError("check sum")
    return data[:-4]


_UNPACK: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _inflated,
    "zlib": _inflated,
    "zstd": lambda data, length: bytes(imagecodecs.zstd_decode(data, out=length)),
    "blosc": lambda data, length: bytes(imagecodecs.blosc_decode(data, out=length)),
    "lz4": lambda data, length: bytes(imagecodecs.lz4_decode(data, header=True, out=length)),
    "crc32c": checked_off,
}


def known(name: Any, *more: str) -> str:
    if name not in ("gzip", "zstd", "blosc", *more):
        raise unknown(name)
    return str(name)


def unknown(name: Any) -> FileFormatError:
    return FileFormatError(
        f"This zarr needs {str(name)[:40]!r}, which is not supported: rewrite it as plain numbers, packed "
        "with zstd, blosc, gzip or not at all."
    )
