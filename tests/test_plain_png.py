"""PNG files of eight bits are read without Pillow, to the same pixels and with the same refusals."""

import io
import struct
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import _pictures
from napari_saunetv2.files._decoding import decode


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def png(pixels, **settings):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", **settings)
    return out.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(data, kind, content):
    """Put a chunk behind the header."""
    return data[:33] + chunk(kind, content) + data[33:]


def by_pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


@pytest.fixture
def used(monkeypatch):
    """How often the other decoder was called."""
    calls, decoder = [], _pictures.imagecodecs.png_decode
    monkeypatch.setattr(_pictures.imagecodecs, "png_decode", lambda data: [calls.append(1), decoder(data)][1])
    return calls


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (301, 64, 3), (1, 5, 3)])
@pytest.mark.parametrize("level", [0, 9])
def test_pixels_are_those_of_pillow(shape, level, used):
    data = png(noise(*shape), compress_level=level, dpi=(300, 300))
    np.testing.assert_array_equal(decode(data, "a.png").pixels, by_pillow(data))
    assert used


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"gAMA", struct.pack(">I", 100_000)),
        (b"gAMA", struct.pack(">I", 22_222)),
        (b"sRGB", b"\0"),
        (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        (b"sBIT", b"\5\6\5"),
        (b"bKGD", struct.pack(">3H", 9, 9, 9)),
        (b"iCCP", b"x\0\0" + zlib.compress(b"no profile")),
    ],
)
def test_no_chunk_changes_a_value(kind, content, used):
    pixels = noise(20, 30, 3)
    np.testing.assert_array_equal(decode(with_chunk(png(pixels), kind, content), "a.png").pixels, pixels)
    assert used


def test_what_says_more_is_left_to_pillow(used):
    pixels, exif = noise(20, 30, 3), Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", "x")
    seen = decode(png(pixels, exif=exif), "a.png")
    np.testing.assert_array_equal(seen.pixels, np.rot90(pixels, -1))
    clear = decode(png(pixels, transparency=(1, 2, 3)), "a.png")
    assert clear.alpha is not None
    for data in (png(pixels, pnginfo=text), png(noise(9, 9, 4)), png(noise(9, 9) > 99)):
        decode(data, "a.png")
    assert not used


@pytest.mark.parametrize("compress_level", [0, 6])
def test_what_is_damaged_is_refused_as_before(compress_level, monkeypatch):
    data = png(noise(40, 50, 3), compress_level=compress_level)
    wrong = [data[:cut] for cut in range(30, len(data), 97)] + [data[: len(data) - n] for n in range(1, 20)]
    for place in range(8, len(data), 61):
        bad = bytearray(data)
        bad[place] ^= 0x5A
        wrong.append(bytes(bad))
    # The stream is wrong, with the checksum of every chunk right.
    rows = bytes(40 * 151)
    body = zlib.compress(rows)
    streams = [zlib.compress(rows[:3000]), zlib.compress(rows + bytes(9)), zlib.compress(b"\x05" + rows[1:])]
    streams += [body[:-4] + bytes(4), body[:-4], body[:20], body + bytes(9), b"", bytes(40)]
    wrong += [data[:33] + chunk(b"IDAT", stream) + chunk(b"IEND", b"") for stream in streams]
    apart = chunk(b"IDAT", body[:20]) + chunk(b"tIME", bytes(7)) + chunk(b"IDAT", body[20:])
    wrong += [data[:33] + apart + chunk(b"IEND", b""), data + data[33:], data[:33] + data]

    def told(data):
        try:
            return decode(data, "a.png").pixels.tobytes()
        except FileFormatError as error:
            return str(error)

    found = [told(data) for data in wrong]
    monkeypatch.setattr(_pictures, "_plain_png", lambda *_: None)
    assert found == [told(data) for data in wrong]
    assert sum(isinstance(one, str) for one in found) > 100


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "I;16"])
def test_no_damaged_picture_is_read_as_another(mode):
    pixels = noise(40, 50, 4)
    image = Image.fromarray(noise(40, 50).astype(np.uint16) * 99) if mode == "I;16" else None
    image = image or Image.fromarray(pixels).convert(mode)
    out = io.BytesIO()
    image.save(out, "PNG")
    data = out.getvalue()
    whole = decode(data, "a.png").pixels
    for place in range(33, len(data), 41):
        bad = bytearray(data)
        bad[place] ^= 0x5A
        try:
            seen = decode(bytes(bad), "a.png").pixels
        except FileFormatError:
            continue
        np.testing.assert_array_equal(seen, whole)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_damaged_files_do_not_use_up_python(kind):
    """In Python 3.11 a None that is given back too often ends the process, after some 16,000 files."""
    pixels = noise(40, 50, 3).astype(kind)
    data, before = bytearray(imagecodecs.png_encode(pixels)), sys.getrefcount(None)
    data[99] ^= 0x5A
    for _ in range(100):
        with pytest.raises(FileFormatError):
            decode(bytes(data), "a.png")
    assert abs(sys.getrefcount(None) - before) < 50
