"""Zarr folders, made by hand: the library's thread would not live through the forks."""

import gzip
import json
import zlib

import imagecodecs
import numpy as np

from napari_saunetv2.imaging.synthetic import fundus

Files = dict[str, bytes]
"""What lies in a folder, by name."""

PACKED = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "zstd": imagecodecs.zstd_encode,
    "blosc": imagecodecs.blosc_encode,
    "lz4": lambda data: imagecodecs.lz4_encode(data, header=True),
    "crc32c": lambda data: data + _check_sum(data),
}

SETTINGS = {
    "gzip": {"level": 1},
    "zstd": {"level": 1, "checksum": False},
    "blosc": {"cname": "blosclz", "clevel": 1, "shuffle": "noshuffle", "blocksize": 0, "typesize": 1},
    "crc32c": {},
}
"""Which the library asks for; ours are packed as they come."""


def zarrs() -> list[Files]:
    """Arrays of both formats and all codecs, and OME-Zarr groups of two levels."""
    rgb = fundus((70, 90), 0).image
    deep = (rgb[..., 1] * np.uint16(257)).astype(">u2")
    real = rgb.astype(np.float32) / 255
    codecs = [[], ["gzip"], ["zstd"], ["blosc"], ["zstd", "crc32c"], ["crc32c"]]
    found = [_format_3(rgb, packed) for packed in codecs] + [_format_3(deep, ["zstd"]), _format_3(real, [])]
    found += [_format_3(rgb, ["gzip"], axes=(2, 0, 1))]
    found += [_sharded(rgb, packed, at) for packed in (["zstd"], []) for at in ("start", "end")]
    found += [_format_2(rgb, packed) for packed in (None, "zlib", "gzip", "zstd", "blosc", "lz4")]
    found += [
        _format_2(deep, "blosc"),
        _format_2(rgb, "zlib", separator="/"),
        _format_2(rgb, None, order="F"),
    ]
    scales = {"multiscales": [{"axes": [], "datasets": [{"path": "0"}, {"path": "1"}]}]}
    newer = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5"} | scales}}
    found.append({"zarr.json": json.dumps(newer).encode()} | _under("0", _format_3(rgb, ["zstd"])))
    older = {".zgroup": b'{"zarr_format": 2}', ".zattrs": json.dumps(scales).encode()}
    found.append(
        older | _under("0", _format_2(rgb, "blosc")) | _under("1", _format_2(rgb[::2, ::2], "blosc"))
    )
    return found


def _under(folder: str, files: Files) -> Files:
    return {f"{folder}/{name}": data for name, data in files.items()}


def _pieces(pixels, size):
    padded = np.pad(pixels, [(0, -n % m) for n, m in zip(pixels.shape, size, strict=True)])
    for place in np.ndindex(*(n // m for n, m in zip(padded.shape, size, strict=True))):
        yield place, padded[tuple(slice(p * n, (p + 1) * n) for p, n in zip(place, size, strict=True))]


def _packed(data: bytes, codecs) -> bytes:
    for name in codecs:
        data = bytes(PACKED[name](data))
    return data


def _format_2(pixels, codec, order="C", separator=".") -> Files:
    size = (32, 40, 3)[: pixels.ndim]
    about = {
        "zarr_format": 2,
        "shape": pixels.shape,
        "chunks": size,
        "dtype": pixels.dtype.str,
        "compressor": {"id": codec} if codec else None,
        "fill_value": 0,
        "order": order,
        "filters": None,
        "dimension_separator": separator,
    }
    pieces = {
        separator.join(map(str, place)): _packed(piece.tobytes(order), [codec] if codec else [])
        for place, piece in _pieces(pixels, size)
    }
    return {".zarray": json.dumps(about).encode()} | pieces


def _about_3(pixels, size, codecs) -> Files:
    about = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": pixels.shape,
        "data_type": pixels.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": size}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": codecs,
        "attributes": {},
    }
    return {"zarr.json": json.dumps(about).encode()}


def _listed(pixels, packed):
    endian = "big" if pixels.dtype.byteorder == ">" else "little"
    return [
        {"name": "bytes", "configuration": {"endian": endian}},
        *({"name": name, "configuration": SETTINGS[name]} for name in packed),
    ]


def _format_3(pixels, packed, axes=None) -> Files:
    size = (32, 40, 3)[: pixels.ndim]
    order = axes or tuple(range(pixels.ndim))
    turned = [{"name": "transpose", "configuration": {"order": axes}}] if axes else []
    pieces = {
        "/".join(("c", *map(str, place))): _packed(piece.transpose(order).tobytes(), packed)
        for place, piece in _pieces(pixels, size)
    }
    return _about_3(pixels, size, turned + _listed(pixels, packed)) | pieces


def _sharded(pixels, packed, at) -> Files:
    outer, inner = (64, 80, 3), (32, 40, 3)
    about = {
        "chunk_shape": inner,
        "codecs": _listed(pixels, packed),
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
        "index_location": at,
    }
    files = _about_3(pixels, outer, [{"name": "sharding_indexed", "configuration": about}])
    for place, shard in _pieces(pixels, outer):
        parts = [_packed(piece.tobytes(), packed) for _, piece in _pieces(shard, inner)]
        start = 16 * len(parts) + 4 if at == "start" else 0
        ends = np.cumsum([start, *map(len, parts)])
        table = np.stack([ends[:-1], np.diff(ends)], 1).astype("<u8").tobytes()
        table += _check_sum(table)
        body = b"".join(parts)
        files["/".join(("c", *map(str, place)))] = table + body if at == "start" else body + table
    return files


def _check_sum(data: bytes) -> bytes:
    """CRC-32C, bit by bit."""
    found = 0xFFFFFFFF
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = found >> 1 ^ (0x82F63B78 if found & 1 else 0)
    return (found ^ 0xFFFFFFFF).to_bytes(4, "little")
