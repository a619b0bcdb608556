"""PNG files of masks are written by libpng and read by Pillow: the same pixels, and hardly larger."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from napari_saunetv2.files import _marks, is_own_mask, read_mask, read_spacing, write_artery_vein, write_mask
from napari_saunetv2.files._size import Spacing
from napari_saunetv2.files.writing import write_marked
from napari_saunetv2.imaging.synthetic import fundus


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 300), (300, 1), (9999, 1), (9999, 1, 3), (61, 64), (7, 5, 3), (1, 1, 3)]
)
def test_other_programs_read_the_same_pixels(shape, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    data = write_marked(tmp_path / "a.png", pixels, spacing=Spacing(0.02, 0.03, True)).read_bytes()
    with Image.open(io.BytesIO(data)) as seen:
        seen.verify()  # every check sum
    with Image.open(io.BytesIO(data)) as seen:
        np.testing.assert_array_equal(np.asarray(seen), pixels)
        assert seen.mode == ("L" if len(shape) == 2 else "RGB")
        assert seen.info["dpi"] == pytest.approx((25.4 / 0.03, 25.4 / 0.02), rel=1e-4)
        assert seen.info["Software"] == _marks.MARK
    np.testing.assert_array_equal(np.squeeze(imagecodecs.png_decode(data)), np.squeeze(pixels))


def test_a_mask_is_hardly_larger_than_that_of_pillow(tmp_path):
    eye = fundus((700, 700))
    grey = eye.vessels.astype(np.uint8) * 255
    colours = grey[..., None] * np.uint8([1, 0, 0]) | grey[::-1, :, None] * np.uint8([0, 0, 1])
    for pixels in (grey, colours):
        theirs = io.BytesIO()
        Image.fromarray(pixels).save(theirs, "PNG")
        ours = write_marked(tmp_path / "a.png", pixels, overwrite=True)
        assert ours.stat().st_size <= 1.05 * len(theirs.getvalue())


def test_the_files_of_the_program_are_known_as_its_own(tmp_path):
    mask, spacing = np.eye(30, 40, dtype=np.uint8), Spacing(0.0123, 0.0321, True)
    for file in (
        write_mask(tmp_path / "a.png", mask, spacing=spacing, maximum=7),
        write_artery_vein(tmp_path / "b.png", mask, spacing=spacing),
    ):
        assert is_own_mask(file)
        assert read_spacing(file) == spacing
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png") != 0, mask != 0)
    with Image.open(tmp_path / "a.png") as seen:
        assert np.asarray(seen).max() == 7


def test_a_pixel_too_small_for_the_chunk_is_kept_in_the_text(tmp_path):
    spacing = Spacing(1e-8, 1e-8, True)
    assert read_spacing(write_mask(tmp_path / "a.png", np.eye(5), spacing=spacing)) == spacing
    assert struct.pack(">4s", b"pHYs") not in (tmp_path / "a.png").read_bytes()
