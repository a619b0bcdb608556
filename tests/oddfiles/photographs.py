"""Photographs in many kinds of file, all of the same eye."""

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from napari_saunetv2.imaging.synthetic import fundus
from oddfiles.masks import png16, saved, tiff

RGB = fundus((72, 96), 5).image
GREY = RGB[..., 1]
DEEP = RGB.astype(np.uint16) * 257
UNIT = (RGB / 255).astype(np.float32)
FIRST = np.moveaxis(RGB, 2, 0)


def pillow_tiff(folder: Path, image: Image.Image, **options) -> Path:
    image.save(folder / "p.tif", **options)
    return folder / "p.tif"


CMYK = Image.fromarray(RGB).convert("CMYK")
INKS = np.asarray(CMYK)
CONVERTED = {
    "cmyk": lambda f: pillow_tiff(f, CMYK),
    "cmyk, LZW": lambda f: pillow_tiff(f, CMYK, compression="tiff_lzw"),
    "cmyk, deflate": lambda f: pillow_tiff(f, CMYK, compression="tiff_adobe_deflate"),
    "cmyk, planes": lambda f: tiff(
        f, "p.tif", np.moveaxis(INKS, 2, 0), photometric="separated", planarconfig="separate"
    ),
    "cmyk, 16 bits": lambda f: tiff(f, "p.tif", INKS.astype(np.uint16) * 257, photometric="separated"),
    "cmyk, tiles": lambda f: tiff(f, "p.tif", INKS, photometric="separated", tile=(32, 32)),
}
"""Other colours than RGB, converted without loss."""

PALETTE = Image.fromarray(RGB).quantize(64)
IN_64_COLOURS = np.asarray(PALETTE.convert("RGB"))


def of_palette(folder: Path, name: str, **options) -> Path:
    PALETTE.save(folder / name, **options)
    return folder / name


PALETTES = {
    "tif": lambda f: of_palette(f, "p.tif"),
    "tif, LZW": lambda f: of_palette(f, "p.tif", compression="tiff_lzw"),
    "png": lambda f: of_palette(f, "p.png"),
    "gif": lambda f: of_palette(f, "p.gif"),
    "bmp": lambda f: of_palette(f, "p.bmp"),
    "tif, 8-bit colour map": lambda f: tiff(
        f, "p.tif", np.asarray(PALETTE), photometric="palette",
        colormap=np.resize(np.array(PALETTE.getpalette("RGB"), np.uint16).reshape(-1, 3), (256, 3)).T,
    ),
}  # fmt: skip

GREYS = {
    "white is zero": lambda f: tiff(f, "p.tif", 255 - GREY, photometric="miniswhite"),
    "white is zero, LZW": lambda f: tiff(f, "p.tif", 255 - GREY, photometric="miniswhite", compression="lzw"),
    "white is zero, tiles": lambda f: tiff(f, "p.tif", 255 - GREY, photometric="miniswhite", tile=(32, 32)),
    "white is zero, big end first": lambda f: tiff(
        f, "p.tif", 65535 - DEEP[..., 1], photometric="miniswhite", byteorder=">"
    ),
    "white is zero, 12 bits": lambda f: tiff(
        f, "p.tif", np.round(4095 - GREY / 255 * 4095).astype(np.uint16), photometric="miniswhite",
        bitspersample=12,
    ),
    "grey with alpha": lambda f: saved(f, "p.png", np.dstack([GREY, GREY * 0 + 255])),
    "tif of grey with alpha": lambda f: tiff(
        f, "p.tif", np.dstack([GREY, GREY * 0 + 255]), photometric="minisblack", extrasamples=[2],
        planarconfig="contig",
    ),
}  # fmt: skip

COLOURS_FIRST = {
    "planes": lambda f: tiff(f, "p.tif", FIRST, photometric="rgb", planarconfig="separate"),
    "planes, deflate": lambda f: tiff(
        f, "p.tif", FIRST, photometric="rgb", planarconfig="separate", compression="zlib"
    ),
    "planes, tiles": lambda f: tiff(
        f, "p.tif", FIRST, photometric="rgb", planarconfig="separate", tile=(32, 32)
    ),
    "planes, 16 bits": lambda f: tiff(
        f, "p.tif", np.moveaxis(DEEP, 2, 0), photometric="rgb", planarconfig="separate"
    ),
    "OME": lambda f: tiff(f, "p.ome.tif", FIRST, metadata={"axes": "CYX"}, photometric="minisblack"),
    "OME, LZW": lambda f: tiff(
        f, "p.ome.tif", FIRST, metadata={"axes": "CYX"}, photometric="minisblack", compression="lzw"
    ),
    "ImageJ": lambda f: tiff(f, "p.tif", FIRST, imagej=True, metadata={"axes": "CYX"}),
    "ImageJ, 16 bits": lambda f: tiff(
        f, "p.tif", np.moveaxis(DEEP, 2, 0), imagej=True, metadata={"axes": "CYX"}
    ),
}


def of_bits(bits: int) -> np.ndarray:
    return np.round(RGB / 255 * (2**bits - 1)).astype(np.uint16)


def with_sbit(folder: Path, pixels, bits: int) -> Path:
    data = imagecodecs.png_encode(pixels)
    count = 1 if pixels.ndim == 2 else 3
    body = b"sBIT" + bytes([bits] * count)
    chunk = struct.pack(">I", count) + body + struct.pack(">I", imagecodecs.zlib_crc32(body))
    (folder / "p.png").write_bytes(data[:33] + chunk + data[33:])
    return folder / "p.png"


RECOGNISED = {
    **{
        f"{bits} bits, {kind}": lambda f, b=bits, k=kind: (
            tiff(f, "p.tif", of_bits(b), photometric="rgb", compression="zlib")
            if k == "tif"
            else png16(f, of_bits(b))
        )
        for bits in (8, 10, 12, 14)
        for kind in ("tif", "png")
    },
    "8 bits in int32": lambda f: tiff(f, "p.tif", of_bits(8).astype(np.int32), photometric="rgb"),
    "12 bits in int16": lambda f: tiff(f, "p.tif", of_bits(12).astype(np.int16), photometric="rgb"),
    "16 bits in uint32": lambda f: tiff(f, "p.tif", DEEP.astype(np.uint32), photometric="rgb"),
}
"""Depths that nothing states."""

_DARK = RGB // 8  # its brightest value does not show the depth
STATED = {
    **{
        f"packed {bits} bits": lambda f, b=bits: tiff(
            f, "p.tif", np.round(_DARK / 255 * (2**b - 1)).astype(np.uint16), photometric="rgb",
            bitspersample=b,
        )
        for bits in (10, 12, 14)
    },
    "sBIT": lambda f: with_sbit(f, np.round(_DARK / 255 * 4095).astype(np.uint16), 12),
    "sBIT, scaled as the standard wants": lambda f: with_sbit(
        f, (np.round(_DARK / 255 * 4095)).astype(np.uint16) << 4, 12
    ),
    "MaxSampleValue": lambda f: tiff(
        f, "p.tif", np.round(_DARK / 255 * 4095).astype(np.uint16), photometric="rgb",
        extratags=[(281, 3, 3, (4095,) * 3, True)],
    ),
    "SMaxSampleValue": lambda f: tiff(
        f, "p.tif", np.round(_DARK / 255 * 16383).astype(np.uint16), photometric="rgb",
        extratags=[(341, 3, 3, (16383,) * 3, True)],
    ),
    "OME": lambda f: tiff(
        f, "p.ome.tif", np.round(_DARK / 255 * 4095).astype(np.uint16), photometric="rgb",
        metadata={"axes": "YXS", "SignificantBits": 12},
    ),
}  # fmt: skip
"""Depths that the file states, of a photograph an eighth as bright."""


def pages(folder: Path, *made: tuple[np.ndarray, dict], name: str = "p.tif") -> Path:
    with tifffile.TiffWriter(folder / name) as writer:
        for pixels, options in made:
            writer.write(pixels, **{"photometric": "rgb", "metadata": None} | options)
    return folder / name


SMALL, HALF = RGB[::4, ::4], RGB[::2, ::2]
THUMBNAILS = {
    "thumbnail first": lambda f: pages(f, (SMALL, {"subfiletype": 1}), (RGB, {})),
    "thumbnail last": lambda f: pages(f, (RGB, {}), (SMALL, {"subfiletype": 1})),
    "thumbnail not marked": lambda f: pages(f, (SMALL, {}), (RGB, {"compression": "zlib"})),
    "two thumbnails": lambda f: pages(f, (SMALL, {}), (HALF, {"subfiletype": 1}), (RGB, {})),
    "photograph below its thumbnail": lambda f: pages(
        f, (SMALL, {"subifds": 1, "subfiletype": 1}), (RGB, {})
    ),
    "pyramid": lambda f: pages(
        f, (RGB, {"subifds": 2, "tile": (16, 16)}), (HALF, {"subfiletype": 1, "tile": (16, 16)}),
        (SMALL, {"subfiletype": 1, "tile": (16, 16)}),
    ),
    "transparency mask": lambda f: pages(
        f, (RGB, {}), (np.ones((72, 96), bool), {"subfiletype": 4, "photometric": "mask"})
    ),
}  # fmt: skip


def turned(folder: Path, name: str, orientation: int) -> Path:
    """Store the photograph so that the orientation brings it upright."""
    stored = {
        1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.swapaxes(0, 1),
        6: np.rot90(RGB), 7: np.rot90(RGB, 2).swapaxes(0, 1), 8: np.rot90(RGB, -1),
    }[orientation]  # fmt: skip
    stored = np.ascontiguousarray(stored)
    if name.endswith(".tif"):
        return tiff(folder, name, stored, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    exif = Image.Exif()
    exif[274] = orientation
    options = {"p.jpg": {"quality": 100, "subsampling": 0}, "p.webp": {"lossless": True}}.get(name, {})
    return saved(folder, name, stored, exif=exif, **options)


FLOATS = {
    "1.0000001": lambda f: tiff(f, "p.tif", UNIT * np.float32(1.0000001), photometric="rgb"),
    "below 0": lambda f: tiff(f, "p.tif", UNIT - np.float32(1e-6), photometric="rgb"),
    "half": lambda f: tiff(f, "p.tif", (UNIT * 1.0008).astype(np.float16), photometric="rgb"),
    "double": lambda f: tiff(f, "p.tif", UNIT.astype(np.float64) * (1 + 1e-12), photometric="rgb"),
    "1.0005": lambda f: tiff(f, "p.tif", UNIT * np.float32(1.0005), photometric="rgb"),
}

_STEREO = {"save_all": True, "append_images": [Image.fromarray(RGB[::-1].copy())], "quality": 95}
FORMATS = {
    "jfif": lambda f: saved(f, "p.jfif", RGB, format="JPEG", quality=95),
    "jpe": lambda f: saved(f, "p.jpe", RGB, quality=95),
    "progressive": lambda f: saved(f, "p.jpg", RGB, quality=95, progressive=True),
    "mpo": lambda f: saved(f, "p.mpo", RGB, **_STEREO),
    "mpo called jpg": lambda f: saved(f, "p.jpg", RGB, format="MPO", **_STEREO),
    "webp": lambda f: saved(f, "p.webp", RGB, quality=95),
    "lossless webp": lambda f: saved(f, "p.webp", RGB, lossless=True),
    "jp2": lambda f: saved(f, "p.jp2", RGB),
    "j2k": lambda f: saved(f, "p.j2k", RGB, no_jp2=True),
    "lossy jp2": lambda f: saved(f, "p.jp2", RGB, irreversible=True, quality_layers=[20]),
    "cmyk jpeg": lambda f: saved(f, "p.jpg", RGB, "CMYK", quality=95),
    "jpeg in a tif": lambda f: tiff(
        f, "p.tif", RGB, photometric="rgb", compression="jpeg", compressionargs={"level": 95}
    ),
    "alpha": lambda f: saved(f, "p.png", np.dstack([RGB, GREY * 0 + 255])),
}
"""Formats that are read, some with loss."""


def text(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


NOT_READ = {
    "heic": lambda f: text(f, "p.heic", b"\0\0\0\x18ftypheic" + bytes(99)),
    "avif": lambda f: text(f, "p.avif", b"\0\0\0\x18ftypavif" + bytes(99)),
    "jxl": lambda f: text(f, "p.jxl", b"\xff\x0a" + bytes(99)),
    "psd": lambda f: saved_psd(f),
    "pdf": lambda f: text(f, "p.pdf", b"%PDF-1.7\n" + bytes(99)),
    "text": lambda f: text(f, "p.png", b"not an image at all\n" * 9),
    "tga": lambda f: saved(f, "p.tga", RGB),
    "numpy": lambda f: text(f, "p.npy", b"\x93NUMPY\x01\x00" + bytes(99)),
    "icon": lambda f: saved(f, "p.ico", RGB),
}


def saved_psd(folder: Path) -> Path:
    return text(folder, "p.psd", b"8BPS\x00\x01" + bytes(99))


REFUSED = {
    "CIELAB": lambda f: tiff(f, "p.tif", RGB, photometric="cielab"),
    "ICCLAB": lambda f: tiff(f, "p.tif", RGB, photometric="icclab", compression="lzw"),
    "LAB of Pillow": lambda f: pillow_tiff(f, Image.frombytes("LAB", (96, 72), RGB.tobytes())),
    "YCBCR": lambda f: tiff(f, "p.tif", RGB, photometric="ycbcr", compression="zlib"),
    "LOGLUV": lambda f: tiff(f, "p.tif", RGB, photometric="logluv"),
    "CFA": lambda f: tiff(f, "p.tif", GREY, photometric="cfa"),
    "4 channels": lambda f: tiff(
        f, "p.ome.tif", np.stack([GREY] * 4), metadata={"axes": "CYX"}, photometric="minisblack"
    ),
}
"""Colours that are not read: one sentence in every door."""


def _classic(*directories: tuple[int, list[tuple[int, int, int, int]], int]) -> bytes:
    """A TIFF of directories (place, entries, place of the next); the first is at the first place."""
    data = bytearray(4096)
    data[:8] = b"II*\0" + struct.pack("<I", directories[0][0])
    for place, entries, following in directories:
        packed = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries)
        packed += struct.pack("<I", following)
        data[place : place + len(packed)] = packed
    return bytes(data)


_PLAIN = [
    (256, 4, 1, 16),
    (257, 4, 1, 16),
    (258, 3, 1, 8),
    (262, 3, 1, 1),
    (273, 4, 1, 2000),
    (279, 4, 1, 256),
]


def _many(count: int) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _ in range(count):
            writer.write(np.zeros((4, 4), np.uint8), metadata=None)
    return file.getvalue()


SLOW = {
    "directory that is its own next": lambda f: text(f, "p.tif", _classic((8, _PLAIN, 8))),
    "circle of two": lambda f: text(f, "p.tif", _classic((8, _PLAIN, 500), (500, _PLAIN, 8))),
    "circle after the first": lambda f: text(
        f, "p.tif", _classic((8, _PLAIN, 500), (500, _PLAIN, 900), (900, _PLAIN, 500))
    ),
    "billion values": lambda f: text(f, "p.tif", _classic((8, [*_PLAIN, (700, 1, 2**30, 100)], 0))),
    "billion widths": lambda f: text(f, "p.tif", _classic((8, [(256, 4, 2**30, 80), *_PLAIN[1:]], 0))),
    "billion rationals": lambda f: text(f, "p.tif", _classic((8, [*_PLAIN, (282, 5, 2**28, 100)], 0))),
    "directory of 60,000 tags": lambda f: text(
        f, "p.tif", _classic((8, _PLAIN, 500)) [:500] + struct.pack("<H", 60_000) + bytes(2**20)
    ),
    "circle below": lambda f: text(
        f, "p.tif", _classic((8, [*_PLAIN, (330, 4, 1, 500)], 0), (500, _PLAIN, 500))
    ),
    "2,000 pages": lambda f: text(f, "p.tif", _many(2000)),
}  # fmt: skip
"""Damaged files over which a library that believes them would spend minutes."""
