"""Label files of many kinds, all of the same vessels."""

from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage

from napari_saunetv2.imaging.synthetic import fundus

TRUE = fundus((120, 140), 3).vessels.astype(np.uint8)
VESSEL = TRUE != 0
KIND = np.where(VESSEL, 1 + (np.arange(140) >= 70), 0).astype(np.uint8)
"""1 for vessels on the left (arteries, say), 2 for those on the right."""
SINGLE = ndimage.label(VESSEL & (np.arange(140) % 40 > 0))[0]
"""Vessels cut to pieces, each with a number of its own; the cuts are 0."""
_FINE = ndimage.gaussian_filter(TRUE.repeat(4, 0).repeat(4, 1).astype(float), 2)
SOFT = np.round(255 * _FINE[2::4, 2::4]).astype(np.uint8)
"""Edges drawn smoothly."""

BLACK, WHITE, RED, BLUE, GREEN = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255), (0, 255, 0)


def coloured(*colours) -> np.ndarray:
    """Vessels in colours: of the background, then of kind 1, then of kind 2 (or of kind 1 again)."""
    return np.array([*colours, colours[-1]], np.uint8)[KIND]


def indexed(folder: Path, name: str, index, palette, **options) -> Path:
    image = Image.frombytes("P", index.shape[::-1], np.ascontiguousarray(index, np.uint8).tobytes())
    image.putpalette([value for colour in palette for value in colour])
    image.save(folder / name, **options)
    return folder / name


def saved(folder: Path, name: str, pixels, mode=None, **options) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(folder / name, **options)
    return folder / name


def tiff(folder: Path, name: str, pixels, **options) -> Path:
    tifffile.imwrite(folder / name, pixels, **options)
    return folder / name


def png16(folder: Path, pixels) -> Path:
    (folder / "deep.png").write_bytes(imagecodecs.png_encode(pixels))
    return folder / "deep.png"


def quantised(folder: Path, name: str, pixels, count: int) -> Path:
    Image.fromarray(pixels).quantize(count).save(folder / name)
    return folder / name


def framed(folder: Path, rgb, colour) -> Path:
    """Save a picture whose outermost pixels have another colour."""
    frame = np.ones(VESSEL.shape, bool)
    frame[1:-1, 1:-1] = False
    return saved(folder, "m.png", np.where(frame[..., None], colour, rgb).astype(np.uint8))


def with_alpha(rgb, alpha) -> np.ndarray:
    return np.dstack([rgb, np.asarray(alpha, np.uint8)])


VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), *[(64, 64, 64)] * 252, (224, 224, 192)]
"""As segmentation data sets colour their classes; the last is "void"."""

PALETTES = {
    "gif, background first": lambda f: indexed(f, "m.gif", TRUE, [BLACK, RED]),
    "gif, vessel first": lambda f: indexed(f, "m.gif", 1 - TRUE, [RED, BLACK]),
    "png, vessel first, white": lambda f: indexed(f, "m.png", 1 - TRUE, [WHITE, BLACK]),
    "png, arteries, veins, then the background": lambda f: indexed(
        f, "m.png", (KIND + 2) % 3, [RED, BLUE, BLACK]
    ),
    "png, arteries and veins on white": lambda f: indexed(f, "m.png", KIND, [WHITE, RED, BLUE]),
    "png, white last, arteries first": lambda f: indexed(f, "m.png", (KIND + 2) % 3, [RED, BLUE, WHITE]),
    "tif, vessel first": lambda f: indexed(f, "m.tif", 1 - TRUE, [GREEN, BLACK]),
    "bmp, vessel first": lambda f: indexed(f, "m.bmp", 1 - TRUE, [(255, 255, 0), BLACK]),
    "gif, nearly grey": lambda f: indexed(f, "m.gif", TRUE, [(4, 2, 4), (252, 254, 252)]),
    "gif, greys 3 and 253": lambda f: indexed(f, "m.gif", 1 - TRUE, [(253, 253, 253), (3, 3, 3)]),
    "png, yellow on violet": lambda f: indexed(f, "m.png", 1 - TRUE, [(253, 231, 37), (68, 1, 84)]),
    "png of Pillow's quantize": lambda f: quantised(f, "m.png", coloured(BLACK, RED, BLUE), 3),
    "gif of Pillow's quantize": lambda f: quantised(f, "m.gif", coloured(BLACK, RED, GREEN), 8),
    "png, transparent background": lambda f: indexed(f, "m.png", 1 - TRUE, [RED, WHITE], transparency=1),
    "png, classes of VOC": lambda f: indexed(f, "m.png", KIND, VOC),
}

COLOURS = {
    "red and blue on black": lambda f: saved(f, "m.png", coloured(BLACK, RED, BLUE)),
    "red and blue on white": lambda f: saved(f, "m.png", coloured(WHITE, RED, BLUE)),
    "dark red and dark green on grey": lambda f: saved(
        f, "m.png", coloured((128,) * 3, (90, 0, 0), (0, 90, 0))
    ),
    "black and red on white": lambda f: saved(f, "m.bmp", coloured(WHITE, BLACK, RED)),
    "white and red on black": lambda f: saved(
        f, "m.tif", coloured(BLACK, WHITE, RED), compression="tiff_lzw"
    ),
    "dark and bright on black": lambda f: saved(f, "m.png", coloured(BLACK, (96, 0, 0), (255, 128, 0))),
    "green on blue": lambda f: saved(f, "m.png", coloured(BLUE, GREEN)),
    "as 16 bits": lambda f: png16(f, coloured(BLACK, RED, BLUE).astype(np.uint16) * 257),
    "lossless WebP": lambda f: saved(f, "m.webp", coloured(BLACK, RED, BLUE), lossless=True),
    "CMYK": lambda f: saved(f, "m.tif", coloured(BLACK, RED, BLUE), "CMYK"),
}

NUMBERS = {
    "0 1 2": lambda f: saved(f, "m.png", KIND),
    "0 1 2, 16 bits": lambda f: tiff(f, "m.tif", KIND.astype(np.uint16)),
    "0 2 7": lambda f: saved(f, "m.png", np.array([0, 2, 7], np.uint8)[KIND]),
    "0 128 255": lambda f: saved(f, "m.png", np.array([0, 128, 255], np.uint8)[KIND]),
    "0 100 200 as RGB": lambda f: saved(f, "m.png", np.dstack([np.array([0, 100, 200], np.uint8)[KIND]] * 3)),
    "0 1 2 of floats": lambda f: tiff(f, "m.tif", KIND.astype(np.float32)),
    "0 1 2 as RGB": lambda f: saved(f, "m.png", np.dstack([KIND] * 3)),
    "0 20000 65535": lambda f: tiff(f, "m.tif", np.array([0, 20000, 65535], np.uint16)[KIND]),
    "1 2 3": lambda f: tiff(f, "m.tif", KIND + 1),
}

SINGLES = {
    "uint8": lambda f: tiff(f, "m.tif", SINGLE.astype(np.uint8)),
    "uint16": lambda f: tiff(f, "m.tif", SINGLE.astype(np.uint16)),
    "int32": lambda f: tiff(f, "m.tif", SINGLE.astype(np.int32), compression="zlib"),
    "int64": lambda f: tiff(f, "m.tif", SINGLE.astype(np.int64)),
    "png of 16 bits": lambda f: saved(f, "m.png", SINGLE.astype(np.uint16)),
    "spread to 65535": lambda f: tiff(f, "m.tif", (SINGLE * (65535 // SINGLE.max())).astype(np.uint16)),
    "hundreds": lambda f: tiff(f, "m.tif", (SINGLE * 100).astype(np.int32)),
}

TOP = np.zeros_like(VESSEL)
TOP[:20] = True
IGNORED = {
    "0 1 255": lambda f: saved(f, "m.png", np.where(TOP, 255, TRUE).astype(np.uint8)),
    "0 1 2 255": lambda f: tiff(f, "m.tif", np.where(TOP, 255, KIND).astype(np.uint8)),
    "0 1 65535": lambda f: tiff(f, "m.tif", np.where(TOP, 65535, TRUE).astype(np.uint16)),
    "0 1 255 as RGB": lambda f: saved(f, "m.png", np.dstack([np.where(TOP, 255, TRUE).astype(np.uint8)] * 3)),
    "-1 0 1": lambda f: tiff(f, "m.tif", np.where(TOP, -1, TRUE.astype(np.int16))),
    "not a number": lambda f: tiff(f, "m.tif", np.where(TOP, np.nan, TRUE).astype(np.float32)),
    "void of VOC": lambda f: indexed(f, "m.png", np.where(TOP, 255, KIND), VOC),
    "0 1 255 in a gif": lambda f: indexed(
        f, "m.gif", np.where(TOP, 255, TRUE), [(i, i, i) for i in range(256)]
    ),
}

_CLEAR_OUTSIDE = fundus((120, 140), 3).fov * 255
ALPHA = {
    "white on clear white": lambda f: saved(f, "m.png", with_alpha(coloured(WHITE, WHITE), TRUE * 255)),
    "black on clear black": lambda f: saved(f, "m.png", with_alpha(coloured(BLACK, BLACK), TRUE * 255)),
    "black on clear white": lambda f: saved(f, "m.png", with_alpha(coloured(WHITE, BLACK), TRUE * 255)),
    "red on clear black": lambda f: saved(f, "m.png", with_alpha(coloured(BLACK, RED), TRUE * 255)),
    "red and blue on clear": lambda f: saved(f, "m.png", with_alpha(coloured(WHITE, RED, BLUE), TRUE * 255)),
    "grey with alpha": lambda f: saved(f, "m.png", np.dstack([TRUE * 0, TRUE * 255])),
    "soft": lambda f: saved(f, "m.png", with_alpha(coloured(BLACK, BLACK), SOFT)),
    "tif": lambda f: tiff(
        f, "m.tif", with_alpha(coloured(WHITE, WHITE), TRUE * 255), photometric="rgb", extrasamples=[2]
    ),
    "tif of grey": lambda f: tiff(
        f, "m.tif", np.dstack([TRUE * 0 + 9, TRUE * 255]), photometric="minisblack", extrasamples=[2],
        planarconfig="contig",
    ),
    "16 bits": lambda f: png16(f, np.dstack([coloured(WHITE, WHITE), TRUE * 255]).astype(np.uint16) * 257),
    "webp": lambda f: saved(
        f, "m.webp", with_alpha(coloured(WHITE, WHITE), TRUE * 255), lossless=True, exact=True
    ),
    "clear outside of the field": lambda f: saved(
        f, "m.png", with_alpha(coloured(BLACK, WHITE), _CLEAR_OUTSIDE)
    ),
    "opaque all over": lambda f: saved(f, "m.png", with_alpha(coloured(BLACK, WHITE), TRUE * 0 + 255)),
}  # fmt: skip

SHADES = {
    "png": lambda f: saved(f, "m.png", SOFT),
    "gif": lambda f: saved(f, "m.gif", SOFT),
    "jpeg": lambda f: saved(f, "m.jpg", TRUE * 255, quality=60),
    "jpeg made a gif": lambda f: saved(f, "m.gif", np.asarray(Image.open(saved(f, "m.jpg", TRUE * 255)))),
    "16 bits": lambda f: tiff(f, "m.tif", SOFT.astype(np.uint16) * 257),
    "floats": lambda f: tiff(f, "m.tif", (SOFT / 255).astype(np.float32)),
    "RGB": lambda f: saved(f, "m.png", np.dstack([SOFT] * 3)),
    "sixteen shades": lambda f: saved(f, "m.png", SOFT // 17 * 17),
    "lossy WebP": lambda f: saved(f, "m.webp", np.dstack([TRUE * 255] * 3), quality=70),
    "red on black": lambda f: saved(f, "m.png", np.dstack([SOFT, SOFT * 0, SOFT * 0])),
    "red on white": lambda f: saved(f, "m.png", np.dstack([SOFT * 0 + 255, 255 - SOFT, 255 - SOFT])),
    "red jpeg": lambda f: saved(f, "m.jpg", coloured(BLACK, RED), quality=80),
    "greys in a palette out of order": lambda f: indexed(
        f, "m.gif", 255 - SOFT, [(255 - i,) * 3 for i in range(256)]
    ),
}
