"""Ways to damage a file; every one draws from the generator it is given, so that it can be done again."""

import gzip
import json
import random
import struct
import zlib

from napari_saunetv2.models import _weights

NUMBERS = (0, 1, 2, 3, 7, 255, 256, 32767, 32768, 65535, 65536, 10**6, 2**31 - 1, 2**31, 2**32 - 1, 2**63)
JSON = (
    None,
    True,
    0,
    -1,
    1e308,
    2**70,
    "",
    "x" * 10_000,
    [],
    {},
    [[[]]],
    [10**9] * 40,
    {"a": {}},
    "../../etc",
)


def mutated(data: bytes, other: bytes, draw: random.Random) -> bytes:
    """One to three kinds of damage, one after another."""
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        data = draw.choice(MUTATIONS)(data, other, draw)
    return data


def _flip_bits(data, _, draw):
    changed = bytearray(data)
    for _n in range(draw.choice((1, 2, 8, 64))):
        if changed:
            changed[_place(len(changed), draw)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _set_bytes(data, _, draw):
    changed = bytearray(data)
    start = _place(len(changed), draw)
    length = draw.choice((1, 4, 64, 1024))
    changed[start : start + length] = bytes([draw.choice((0, 255, 127, 128, 10, 32))]) * length
    return bytes(changed[: len(data)])


def _cut(data, _, draw):
    return data[: draw.randrange(len(data) + 1)]


def _drop_block(data, _, draw):
    start = _place(len(data), draw)
    return data[:start] + data[start + draw.choice((1, 3, 16, 512)) :]


def _repeat_block(data, _, draw):
    start = _place(len(data), draw)
    block = data[start : start + draw.choice((1, 8, 512, 4096))]
    return data[:start] + block * draw.choice((2, 3, 30)) + data[start:]


def _splice(data, other, draw):
    start, length = _place(len(data), draw), draw.choice((8, 64, 512, 8192))
    begin = _place(len(other), draw)
    return data[:start] + other[begin : begin + length] + data[start + length :]


def _edit_number(data, _, draw):
    """A length, a count or an offset is often a number of 2, 4 or 8 bytes near the start."""
    kind = draw.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(kind)
    start = _place(len(data), draw)
    number = draw.choice(NUMBERS) % 2 ** (8 * size)
    return data[:start] + struct.pack(kind, number) + data[start + size :]


def _add_tail(data, other, draw):
    return data + other[: draw.choice((1, 100, 10_000))]


def _pack(data, _, __):
    return gzip.compress(data[: 2**20], 1)


def _edit_tag(data, other, draw):
    """A field of a TIFF's first directory: tag, type, count or value."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        return _edit_number(data, other, draw)
    big = data[2:4] in (b"+\0", b"\0+")
    (offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    head, entry = (8, 20) if big else (2, 12)
    if offset + head > len(data):
        return data
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, offset)
    start = offset + head + entry * draw.randrange(max(1, min(count, 64)))
    fields = ((0, "H"), (2, "H"), (4, "Q" if big else "I"), (12 if big else 8, "Q" if big else "I"))
    if draw.random() < 0.1:  # where the next directory lies: perhaps here again
        start, fields = offset + head + entry * count, ((0, "Q" if big else "I"),)
    place, kind = draw.choice(fields)
    if start + place + struct.calcsize(kind) > len(data):
        return data
    changed = bytearray(data)
    number = draw.choice((*NUMBERS, offset, len(data), draw.randrange(2**16)))
    struct.pack_into(order + kind, changed, start + place, number % 2 ** (8 * struct.calcsize(kind)))
    return bytes(changed)


def _edit_chunk(data, other, draw):
    """A chunk of a PNG, with a check sum that fits: it guards against damage, not against harm."""
    if not data.startswith(b"\x89PNG"):
        return _edit_number(data, other, draw)
    chunks, place = [], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    if not chunks:
        return data
    number = draw.randrange(len(chunks))
    kind, body = chunks[number]
    chunks[number] = (draw.choice((kind, kind, b"tEXt", b"iCCP", b"acTL")), _edit_number(body, other, draw))
    return data[:8] + b"".join(
        struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks
    )


def _edit_header(data, other, draw):
    """A value in the header of a safetensors file, or in a JSON file, however deep."""
    try:
        if data[:1] == b"{":
            return json.dumps(_edited(json.loads(data), draw)).encode()
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        about = header.get("__metadata__", {})
        key = next((k for k in ("saunetv2", "training") if k in about), None)
        if key and draw.random() < 0.8:
            about[key] = json.dumps(_edited(json.loads(about[key]), draw))
        else:
            header = _edited(header, draw)
        text = json.dumps(header).encode()
    except (ValueError, struct.error, AttributeError, TypeError, RecursionError):
        return _edit_number(data, other, draw)
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _edited(value, draw):
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(sorted(value))
        if draw.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return value | {key: _edited(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.7:
        place = draw.randrange(len(value))
        return [*value[:place], _edited(value[place], draw), *value[place + 1 :]]
    return draw.choice(JSON)


def _place(length: int, draw: random.Random) -> int:
    """Half of all damage to the first 512 bytes, where a file says what it is."""
    return draw.randrange(max(1, min(length, 512) if draw.random() < 0.5 else length))


def sealed(path) -> None:
    """Give a model file whose header was edited the hash that fits, as somebody who means harm would."""
    import safetensors.torch

    try:
        data = path.read_bytes()
        weights = safetensors.torch.load(data)
        (length,) = struct.unpack_from("<Q", data)
        outer = json.loads(data[8 : 8 + length])
        inner = json.loads(outer["__metadata__"]["saunetv2"])
        outer["__metadata__"]["saunetv2"] = json.dumps(inner | {"sha256": _weights.digest(inner, weights)})
        text = json.dumps(outer).encode()
    except Exception:  # noqa: BLE001 it is too damaged to be sealed: it goes in as it is
        return
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


MUTATIONS = (
    _flip_bits,
    _set_bytes,
    _cut,
    _drop_block,
    _repeat_block,
    _splice,
    _edit_number,
    _add_tail,
    _pack,
    _edit_tag,
    _edit_tag,
    _edit_chunk,
    _edit_header,
    _edit_header,
)
