import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_saunetv2 import files
from napari_saunetv2.errors import FileFormatError, ImageError, OverwriteError, SettingsError

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (9, 8), dtype=np.uint8)
RGB = RNG.integers(0, 256, (9, 8, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (9, 8, 3), dtype=np.uint16)
BITS = RNG.random((9, 8)) > 0.5
MASK = BITS.astype(np.uint8)


def pillow(path: Path, pixels: np.ndarray, mode: str | None = None, **options) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def palette_file(path: Path, indices: np.ndarray, colours: list[int]) -> Path:
    image = Image.fromarray(indices).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette(colours)
    image.save(path)
    return path


def tiff(path: Path, pixels: np.ndarray, **options) -> Path:
    tifffile.imwrite(path, pixels, **options)
    return path


@pytest.mark.parametrize(
    ("name", "stored", "expected"),
    [
        ("grey.png", GREY, GREY),
        ("rgb.png", RGB, RGB),
        ("rgba.png", np.dstack([RGB, GREY]), np.dstack([RGB, GREY])),
        ("grey16.png", DEEP[..., 0], DEEP[..., 0]),
        ("bits.png", BITS, MASK * 255),
        ("rgb.ppm", RGB, RGB),
        ("grey.ppm", GREY, GREY),  # STARE's labels are grey and called .ppm
        ("grey.pgm", GREY, GREY),
        ("rgb.bmp", RGB, RGB),
        ("grey.gif", GREY, GREY),
        ("lies.tif.png", RGB, RGB),
    ],
)
def test_an_image_is_read_as_it_is_stored(tmp_path, name, stored, expected):
    read = files.read_image(pillow(tmp_path / name, stored))
    if read.ndim == 3 and expected.ndim == 2:  # a palette is expanded
        assert (read == read[..., :1]).all()
        read = read[..., 0]
    assert read.dtype == expected.dtype
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize(
    ("stored", "options", "expected"),
    [
        (GREY, {}, GREY),
        (RGB, {}, RGB),
        (RGB[:1], {}, RGB[:1]),
        (GREY[:1, :1], {}, GREY[:1, :1]),
        (GREY[None], {}, GREY),
        (GREY[..., None], {}, GREY),
        (GREY[None, None], {}, GREY),
        (DEEP, {"compression": "zlib", "photometric": "rgb"}, DEEP),
        (DEEP[..., 0], {"byteorder": ">"}, DEEP[..., 0]),
        (GREY.astype(np.float32) / 255, {}, GREY.astype(np.float32) / 255),
        (np.moveaxis(RGB, 2, 0), {"photometric": "rgb", "planarconfig": "separate"}, RGB),
        (np.moveaxis(RGB, 2, 0), {"imagej": True, "metadata": {"axes": "CYX"}}, RGB),
        (GREY, {"photometric": "miniswhite"}, 255 - GREY),
        (BITS, {}, MASK * 255),
        (BITS, {"photometric": "miniswhite", "software": "scanner"}, (1 - MASK) * 255),
        (RGB, {"compression": "lzw"}, RGB),
        (RGB, {"bigtiff": True}, RGB),
    ],
)
def test_a_tiff_is_read_as_one_plane_with_colours_last(tmp_path, stored, options, expected):
    read = files.read_image(tiff(tmp_path / "x.tif", stored, **options))
    assert read.dtype == expected.dtype
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, expected)


def test_16_bit_colours_of_a_png_keep_their_depth(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    path = tmp_path / "deep.png"
    path.write_bytes(imagecodecs.png_encode(DEEP))
    np.testing.assert_array_equal(files.read_image(path), DEEP)


def test_grey_with_alpha_loses_the_alpha_and_cmyk_becomes_rgb(tmp_path):
    grey = pillow(tmp_path / "la.png", GREY, "LA")
    np.testing.assert_array_equal(files.read_image(grey), GREY)
    flat = np.full((16, 16, 3), (200, 40, 40), np.uint8)
    read = files.read_image(pillow(tmp_path / "cmyk.jpg", flat, "CMYK", quality=100))
    np.testing.assert_allclose(read, flat, atol=3)


def test_a_palette_image_becomes_rgb(tmp_path):
    path = palette_file(tmp_path / "p.gif", MASK, [9, 20, 30, 200, 100, 50])
    np.testing.assert_array_equal(
        files.read_image(path), np.where(BITS[..., None], (200, 100, 50), (9, 20, 30))
    )


@pytest.mark.parametrize("name", ["x.ppm.gz", "x.ppm", "x.tif"])
def test_gzip_is_told_by_content_whatever_the_name(tmp_path, name):
    plain = io.BytesIO()
    Image.fromarray(RGB).save(plain, "PPM")
    (tmp_path / name).write_bytes(gzip.compress(plain.getvalue()))
    np.testing.assert_array_equal(files.read_image(tmp_path / name), RGB)


def test_what_is_read_may_be_written_to(tmp_path):
    assert files.read_image(pillow(tmp_path / "x.png", RGB)).flags.writeable


@pytest.mark.parametrize(
    "make",
    [
        lambda f: pillow(f / "m.png", BITS),
        lambda f: pillow(f / "m.png", MASK),
        lambda f: pillow(f / "m.png", MASK * 255),
        lambda f: pillow(f / "m.png", np.dstack([MASK * 255] * 3)),
        lambda f: pillow(f / "m.png", np.dstack([MASK * 255] * 3 + [np.full_like(MASK, 255)])),
        lambda f: pillow(f / "m.png", np.dstack([MASK * 0, MASK * 90, MASK * 0])),
        lambda f: tiff(f / "m.tif", np.dstack([MASK * 255] * 3)),
        lambda f: tiff(f / "m.tif", MASK[None] * 255),
        lambda f: tiff(f / "m.tif", MASK.astype(np.uint16) * 65535),
        lambda f: tiff(f / "m.tif", BITS),
        lambda f: palette_file(f / "m.gif", MASK, [4, 2, 4, 252, 254, 252, 0, 19, 0]),  # DRIVE's 2nd observer
        lambda f: palette_file(f / "m.png", MASK, [0, 0, 0, 1, 1, 1]),
        lambda f: palette_file(f / "m.png", MASK, [255, 255, 255, 128, 0, 0]),  # red on white: index counts
        lambda f: palette_file(f / "m.gif", 1 - MASK, [255, 255, 255, 0, 0, 0]),  # two greys, white first
    ],
)
def test_a_mask_is_set_relative_to_its_own_file(tmp_path, make):
    read = files.read_mask(make(tmp_path))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, MASK)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".gif", ".PNG"])
@pytest.mark.parametrize("maximum", [255, 1])
@pytest.mark.parametrize(
    "mask", [MASK, MASK * 0, MASK * 0 + 1, MASK[:1, :1] * 0 + 1], ids=lambda m: str(m.sum())
)
def test_a_written_mask_is_read_back_by_us_and_others(tmp_path, suffix, maximum, mask):
    path = files.write_mask(tmp_path / f"m{suffix}", mask, maximum=maximum)
    np.testing.assert_array_equal(files.read_mask(path), mask)
    if suffix.startswith(".tif"):
        others = tifffile.imread(path)
    else:
        with Image.open(path) as image:
            others = np.asarray(image.convert("L"))
    np.testing.assert_array_equal(others, mask * maximum)


def test_any_kind_of_mask_is_written_as_0_and_255(tmp_path):
    for number, mask in enumerate((BITS, MASK.astype(np.int64) * 7, MASK.astype(float))):
        np.testing.assert_array_equal(
            files.read_mask(files.write_mask(tmp_path / f"{number}.png", mask)), MASK
        )


def test_a_probability_map_keeps_every_bit(tmp_path):
    probability = RNG.random((9, 8), dtype=np.float32)
    read = tifffile.imread(files.write_probability(tmp_path / "p.tif", probability))
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, probability)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_picture_is_read_back(tmp_path, suffix):
    np.testing.assert_array_equal(files.read_image(files.write_image(tmp_path / f"x{suffix}", RGB)), RGB)


def test_nothing_is_replaced_unasked_and_nothing_else_is_left_behind(tmp_path):
    path = files.write_mask(tmp_path / "m.png", MASK)
    before = path.read_bytes()
    with pytest.raises(OverwriteError, match=r"'.*m\.png' already exists"):
        files.write_mask(path, 1 - MASK)
    assert path.read_bytes() == before
    files.write_mask(path, 1 - MASK, overwrite=True)
    np.testing.assert_array_equal(files.read_mask(path), 1 - MASK)
    assert names(tmp_path) == ["m.png"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "m.bin"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        files.write_beside(path, fail, overwrite=True)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["m.bin"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"'.*nowhere.*' cannot be written"):
        files.write_mask(tmp_path / "nowhere" / "m.png", MASK)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(FileFormatError, match="cannot be written"):
        files.write_mask(tmp_path / "folder.png", MASK, overwrite=True)
    assert names(tmp_path) == ["folder.png"]


@pytest.mark.parametrize(
    ("write", "error", "says"),
    [
        (
            lambda f: files.write_mask(f / "m.jpg", MASK),
            FileFormatError,
            r"'m\.jpg'.*\.png, \.tif, \.tiff, \.gif",
        ),
        (lambda f: files.write_mask(f / "m", MASK), FileFormatError, "unsupported suffix"),
        (lambda f: files.write_image(f / "x.gif", RGB), FileFormatError, r"use \.png, \.tif"),
        (lambda f: files.write_probability(f / "p.png", GREY), FileFormatError, r"name it \.tif"),
        (lambda f: files.write_mask(f / "m.png", RGB), ImageError, r"\(9, 8, 3\)"),
        (lambda f: files.write_mask(f / "m.png", MASK[:0]), ImageError, r"\(0, 8\)"),
        (lambda f: files.write_image(f / "x.png", DEEP), ImageError, "uint16"),
        (lambda f: files.write_probability(f / "p.tif", RGB), ImageError, r"\(9, 8, 3\)"),
        (lambda f: files.write_mask(f / "m.png", MASK, maximum=256), SettingsError, "256"),
        (lambda f: files.write_mask(f / "m.png", MASK, maximum=0), SettingsError, "1 to 255"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_appears(tmp_path, write, error, says):
    with pytest.raises(error, match=says):
        write(tmp_path)
    assert names(tmp_path) == []


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def text(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def frames(path: Path) -> Path:
    first, second = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    first.save(path, save_all=True, append_images=[second])
    return path


def two_writes(path: Path) -> Path:
    with tifffile.TiffWriter(path) as writer:
        writer.write(GREY)
        writer.write(255 - GREY)
    return path


LARGE = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
HUGE_PPM = b"P6 60000 60000 255\n" + b"\0" * 64


def huge_tiff(path: Path) -> Path:
    """A small file whose header claims 60,000 x 60,000 16-bit RGB pixels."""
    tiff(path, DEEP, photometric="rgb", compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as file:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            file.pages[0].tags[tag].overwrite(60000)
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: text(f / "x.tif", b""), "is empty"),
        (lambda f: text(f / "x.tif", b"not an image\n" * 9), "unknown format"),
        (lambda f: text(f / "x.tif", b"II*\0"), "truncated"),
        (
            lambda f: text(f / "x.png", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
            "is a PostScript file, which is not supported",
        ),
        (lambda f: cut(tiff(f / "x.tif", LARGE), 0.5), "truncated|damaged"),
        (lambda f: cut(tiff(f / "x.tif", LARGE, compression="zlib"), 0.5), "truncated|damaged"),
        (
            lambda f: cut(tiff(f / "x.tif", LARGE, compression="lzw", rowsperstrip=8), 0.9),
            "truncated|damaged",
        ),
        (lambda f: cut(pillow(f / "x.png", LARGE), 0.7), "damaged"),
        (lambda f: cut(pillow(f / "x.jpg", LARGE), 0.7), "damaged"),
        (lambda f: cut(pillow(f / "x.ppm", LARGE), 0.7), "damaged"),
        (lambda f: cut(text(f / "x.ppm.gz", gzip.compress(LARGE.tobytes())), 0.5), "damaged gzip"),
        (lambda f: text(f / "x.ppm.gz", gzip.compress(b"")), "is empty"),
        (lambda f: text(f / "x.ppm.gz", b"\x1f\x8bnonsense"), "damaged gzip"),
        (
            lambda f: tiff(f / "x.tif", np.zeros((9, 8, 5), np.uint8), photometric="minisblack"),
            r"\(9, 8, 5\)",
        ),
        (
            lambda f: tiff(f / "x.tif", np.zeros((5, 9, 8), np.uint8), photometric="minisblack"),
            r"\(5, 9, 8\)",
        ),
        (
            lambda f: tiff(f / "x.tif", np.zeros((3, 9, 8), np.uint8), photometric="minisblack"),
            r"\(3, 9, 8\)",
        ),
        (lambda f: tiff(f / "x.tif", np.zeros((9, 8, 2), np.uint8)), r"one grey or RGB"),
        (lambda f: tiff(f / "x.tif", np.zeros((9, 8, 3), np.uint8), photometric="cielab"), "CIELAB"),
        (lambda f: two_writes(f / "x.tif"), "holds 2 images"),
        (lambda f: frames(f / "x.gif"), "holds 2 images"),
        (lambda f: frames(f / "x.png"), "holds 2 images"),
        (lambda f: text(f / "x.ppm", HUGE_PPM), "which is too large"),
        (lambda f: text(f / "x.ppm.gz", gzip.compress(HUGE_PPM)), "which is too large"),
        (lambda f: huge_tiff(f / "x.tif"), "claims 20 GiB"),
        (lambda f: f / "gone.tif", "does not exist"),
        (lambda f: f, "is a folder"),
    ],
)
@pytest.mark.parametrize("read", [files.read_image, files.read_mask])
def test_a_bad_file_gives_one_sentence_that_names_it(tmp_path, capfd, make, says, read):
    path = make(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(FileFormatError, match=says) as caught:
            read(path)
    message = str(caught.value)
    assert path.name in message
    assert message.endswith(".")
    assert "\n" not in message
    assert capfd.readouterr().err == ""


def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_saunetv2.files._contents.MAX_UNPACKED", 2**20)
    path = text(tmp_path / "x.ppm.gz", gzip.compress(b"\0" * 2**21))
    with pytest.raises(FileFormatError, match="is larger than"):
        files.read_image(path)


def test_only_names_of_images_are_readable():
    given = ["a.tif", "b.PPM.GZ", "c.JPG", "._a.tif", "Thumbs.db", "d.txt", "e.gz", "f.h5"]
    assert [name for name in given if files.readable(Path(name))] == ["a.tif", "b.PPM.GZ", "c.JPG"]
