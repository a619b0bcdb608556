"""Untrusted zarr arrays, read chunk by chunk; nothing that they refer to is run or followed.

The library zarr writes ours and is not asked to read. A list of allowed codecs would keep it from unpickling,
but not from the rest: version 3.1.6 unpacks 4 KB that should hold 64 bytes to 128 MiB, follows links out of
the folder and waits for pipes. Codecs and store would have to be replaced: most of what is here.
"""

import itertools
import json
import math
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import _zarr_codecs as codec

MAX_PIECE = 2**30
"""Maximum bytes of one chunk, which is always read whole: 1 GiB."""

MAX_PIECES = 2**22
"""Maximum chunks of an array: 4 million, 500,000 x 500,000 pixels in chunks of 256 x 256."""

_MAX_ABOUT = 2**26  # bytes of the metadata
_ABSENT = 2**64 - 1
_TYPES = {"bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))} | {
    f"float{bits}" for bits in (16, 32, 64)
}


@dataclass(frozen=True)
class Zarr:
    """An array in a folder; slices read only the chunks they touch, and missing chunks are ``fill``."""

    folder: Path
    root: Path
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any
    codecs: codec.Codecs
    key: Callable[[tuple[int, ...]], str]
    grid: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, part: slice | tuple[slice, ...]) -> NDArray[Any]:
        """Read a part; raises FileFormatError, or any error of a decoder for damaged data."""
        given = part if isinstance(part, tuple) else (part,)
        whole = (slice(None),) * (self.ndim - len(given))
        spans = [s.indices(n) for s, n in zip((*given, *whole), self.shape, strict=True)]
        if any(step != 1 for *_, step in spans):
            raise IndexError(part)
        within = tuple(slice(start, max(start, stop)) for start, stop, _ in spans)
        return self._assembled(within, self.grid, self._cell)

    def _assembled(
        self,
        within: tuple[slice, ...],
        size: tuple[int, ...],
        read: Callable[[tuple[int, ...], tuple[slice, ...]], NDArray[Any] | None],
    ) -> NDArray[Any]:
        """Assemble a part from the cells of a grid; ``read`` gets the cell's index and the part of it."""
        out = np.full([s.stop - s.start for s in within], self.fill, self.dtype)
        if 0 in out.shape:
            return out
        for index in itertools.product(
            *(range(s.start // n, (s.stop - 1) // n + 1) for s, n in zip(within, size, strict=True))
        ):
            axes = list(zip(index, size, within, strict=True))
            begin = [max(s.start, p * n) for p, n, s in axes]
            end = [min(s.stop, (p + 1) * n) for p, n, s in axes]
            bounds = list(zip(begin, end, axes, strict=True))
            found = read(index, tuple(slice(b - p * n, e - p * n) for b, e, (p, n, _) in bounds))
            if found is not None:
                out[tuple(slice(b - s.start, e - s.start) for b, e, (_, _, s) in bounds)] = found
        return out

    def _cell(self, index: tuple[int, ...], within: tuple[slice, ...]) -> NDArray[Any] | None:
        path = _inside(self.root, self.folder / self.key(index))
        if not path.exists():
            return None
        with _file(path).open("rb") as file:
            if self.codecs.shard is None:
                return codec.decoded(_all(file, self.grid, self.dtype), self.grid, self.codecs)[within]
            return self._sharded(file, self.codecs.shard, within)

    def _sharded(self, file: IO[bytes], shard: codec.Shard, within: tuple[slice, ...]) -> NDArray[Any]:
        counts = [n // m for n, m in zip(self.grid, shard.chunks, strict=True)]
        length = 16 * math.prod(counts) + 4 * shard.checked
        size = file.seek(0, 2)
        file.seek(0 if shard.at == "start" else size - length)
        table = file.read(length)
        table = codec.checked_off(table) if shard.checked else table
        indices = np.frombuffer(table, "<u8").reshape(*counts, 2)

        def read(index: tuple[int, ...], within: tuple[slice, ...]) -> NDArray[Any] | None:
            start, count = map(int, indices[index])
            if start == count == _ABSENT:
                return None
            if start + count > size or count > _most(shard.chunks, self.dtype):
                raise ValueError(start, count)
            file.seek(start)
            return codec.decoded(file.read(count), shard.chunks, shard.codecs)[within]

        return self._assembled(within, shard.chunks, read)


def is_zarr(path: Path) -> bool:
    """Whether a folder contains zarr metadata."""
    return any((path / name).is_file() for name in ("zarr.json", ".zarray", ".zgroup"))


def opened(path: Path) -> Zarr:
    """Open a zarr array, or the finest level of an OME-Zarr or a pyramid, of format 2 or 3.

    Raises
    ------
    FileFormatError
        If a codec is unsupported, or chunks are too large or too many; damaged metadata may raise anything.
    """
    root = path.resolve()
    folder, about = _level(root)
    return _array_3(folder, root, about) if about["zarr_format"] == 3 else _array_2(folder, root, about)


def _level(root: Path) -> tuple[Path, dict[str, Any]]:
    """Folder and metadata of the array."""
    about = _about(root, root)
    if "shape" in about:
        return root, about
    attributes = about.get("attributes") or {}
    scales = (attributes.get("ome") or attributes).get("multiscales")
    folder = _inside(root, root / (scales[0]["datasets"][0]["path"] if scales else "0"))
    return folder, _about(root, folder)


def _about(root: Path, folder: Path) -> dict[str, Any]:
    newer = folder / "zarr.json"
    if newer.exists():
        return _json(root, newer)
    array, group, attributes = (folder / name for name in (".zarray", ".zgroup", ".zattrs"))
    if array.exists():
        return _json(root, array)
    if not group.exists():
        raise FileNotFoundError(folder)
    return _json(root, group) | {"attributes": _json(root, attributes) if attributes.exists() else {}}


def _json(root: Path, path: Path) -> dict[str, Any]:
    file = _file(_inside(root, path))
    if file.stat().st_size > _MAX_ABOUT:
        raise FileFormatError(f"'{path}' is larger than 64 MiB: it is not the metadata of an image.")
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


def _array_2(folder: Path, root: Path, about: dict[str, Any]) -> Zarr:
    dtype = np.dtype(str(about["dtype"]))
    if about.get("filters"):
        raise codec.unknown(about["filters"][0]["id"])
    packed = (codec.known(about["compressor"]["id"], "zlib", "lz4"),) if about["compressor"] else ()
    shape = tuple(about["shape"])
    axes = tuple(range(len(shape)))
    codecs = codec.Codecs(axes[::-1] if about["order"] == "F" else axes, dtype, packed)
    separator = str(about.get("dimension_separator", "."))
    fill = about["fill_value"]
    return _array(
        folder, root, shape, about["chunks"], 0 if fill is None else fill, codecs,
        lambda index: separator.join(map(str, index)),
    )  # fmt: skip


def _array_3(folder: Path, root: Path, about: dict[str, Any]) -> Zarr:
    if about["data_type"] not in _TYPES:
        raise codec.unknown(about["data_type"])
    if about.get("storage_transformers") or about["chunk_grid"]["name"] != "regular":
        raise codec.unknown("of its grid")
    shape = tuple(about["shape"])
    codecs = codec.read(about["codecs"], np.dtype(about["data_type"]), len(shape))
    encoding = about["chunk_key_encoding"]
    kind = codec.known(encoding["name"], "default", "v2")
    separator = str((encoding.get("configuration") or {}).get("separator", "/" if kind == "default" else "."))
    first = ("c",) if kind == "default" else ()
    return _array(
        folder, root, shape, about["chunk_grid"]["configuration"]["chunk_shape"], about["fill_value"], codecs,
        lambda index: separator.join((*first, *map(str, index))),
    )  # fmt: skip


def _array(
    folder: Path,
    root: Path,
    shape: tuple[int, ...],
    grid: Sequence[int],
    fill: Any,
    codecs: codec.Codecs,
    key: Callable[[tuple[int, ...]], str],
) -> Zarr:
    dtype = codecs.dtype
    cells = tuple(grid)
    chunks = codecs.shard.chunks if codecs.shard is not None else cells
    lengths = (*shape, *cells, *chunks)
    if dtype.kind not in "biuf" or not all(type(n) is int and n > 0 for n in lengths):
        raise ValueError(dtype, lengths)
    if not len(shape) == len(cells) == len(chunks) or any(n % m for n, m in zip(cells, chunks, strict=True)):
        raise ValueError(shape, cells, chunks)
    if math.prod(chunks) * dtype.itemsize > MAX_PIECE:
        raise FileFormatError(
            f"'{root}' has chunks of {reprlib.repr(chunks)}, each larger than 1 GiB: rewrite it with "
            "smaller chunks."
        )
    # For a shard as a whole, because its index is read whole.
    count = math.prod(-(-max(n, m) // k) for n, m, k in zip(shape, cells, chunks, strict=True))
    if count > MAX_PIECES:
        raise FileFormatError(f"'{root}' has more than {MAX_PIECES:,} chunks: rewrite it with larger chunks.")
    filled = np.array(float(fill) if dtype.kind == "f" else int(fill), dtype)  # raises if it does not fit
    return Zarr(folder, root, shape, chunks, dtype.newbyteorder("="), filled[()], codecs, key, cells)


def _inside(root: Path, path: Path) -> Path:
    found = path.resolve()
    if not found.is_relative_to(root):
        raise FileFormatError(f"'{path}' lies outside '{root}': copy it into the zarr.")
    return found


def _file(path: Path) -> Path:
    if not path.is_file():  # a pipe or a device has no end
        raise FileFormatError(f"'{path}' is not a file, but should be a chunk of the image: copy it again.")
    return path


def _most(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Maximum bytes of a chunk: incompressible data grows a little."""
    return math.prod(shape) * dtype.itemsize * 9 // 8 + 2**16


def _all(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    most = _most(shape, dtype)
    data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(len(data), most)
    return data
