from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from skimage.draw import disk

from napari_saunetv2 import datasets
from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging import canvas, field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.overlay import COLOUR, outlined
from napari_saunetv2.imaging.scale import resize, scaled_shape
from napari_saunetv2.inference.tiles import Blend, tiles

RNG = np.random.default_rng(0)


# canvas


@pytest.mark.parametrize("policy", canvas.POLICIES)
def test_pad_and_crop_are_exact_for_every_size_up_to_80(policy):
    for height in range(1, 81):
        for width in range(1, 81):
            image = RNG.random((height, width), np.float32) + 1
            padded = canvas.pad(image, policy)
            assert padded.shape[0] == padded.shape[1] >= max(height, width)
            assert padded.shape[0] % 16 == 0
            assert padded.shape[0] - max(height, width) < 16
            np.testing.assert_array_equal(canvas.crop(padded, height, width, policy), image)
            assert np.count_nonzero(padded) == image.size  # all that is not image is 0


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [(584, 565, 592), (605, 700, 704), (960, 999, 1008), (1, 1, 16), (16, 16, 16), (1, 1024, 1024)],
)
def test_canvases_are_the_published_ones(height, width, side):
    assert canvas.shape(height, width) == (side, side)
    assert canvas.window(height, width, "corner") == (slice(0, height), slice(0, width))


@pytest.mark.parametrize("policy", canvas.POLICIES)
def test_the_canvas_of_a_large_image_is_no_square(policy):
    assert canvas.shape(2336, 3504) == (2336, 3504)
    image = RNG.random((20, 1025, 3), np.float32)
    padded = canvas.pad(image, policy)
    assert padded.shape == (32, 1040, 3)
    np.testing.assert_array_equal(canvas.crop(padded, 20, 1025, policy), image)


# intensity


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_are_divided_by_their_full_scale_not_their_maximum(dtype, full):
    image = np.array([[0, 1], [full // 4, full // 2]], dtype)
    np.testing.assert_array_equal(to_unit(image)[..., 0], (image / full).astype(np.float32))


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4), (1, 1), (3, 4, 3)])
def test_every_layout_becomes_three_channels(shape):
    image = RNG.integers(0, 256, shape, np.uint8)
    unit = to_unit(image)
    assert unit.shape == (*shape[:2], 3)
    assert unit.dtype == np.float32
    colours = image[..., :3] if image.ndim == 3 else image[..., None]
    np.testing.assert_array_equal(unit, np.broadcast_to(colours / np.float32(255), unit.shape))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_in_the_unit_range_stay(dtype):
    image = RNG.random((4, 4, 3)).astype(dtype)
    np.testing.assert_array_equal(to_unit(image), image.astype(np.float32))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((4, 4, 5)), r"shape \(4, 4, 5\)"),
        (np.zeros((4, 4, 2)), r"shape \(4, 4, 2\)"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.zeros((2, 4, 4, 3)), "one plane at a time"),
        (np.zeros((0, 4)), "empty"),
        (np.full((2, 2), np.nan), "NaN"),
        (np.full((2, 2), np.inf), "NaN or infinite"),
        (np.full((2, 2), 200.0), "divide it by its full"),
        (np.full((2, 2), -0.1), r"\[0, 1\]"),
        (np.zeros((2, 2), np.int32), "int32"),
        (np.zeros((2, 2), np.complex64), "complex64"),
        (np.array([["a"]]), "no known full scale"),
    ],
)
def test_what_is_no_image_is_refused_in_a_sentence(image, says):
    with pytest.raises(ImageError, match=says):
        to_unit(image)


# field of view


def _disc(shape, centre, radius):
    field = np.zeros(shape, bool)
    field[disk(centre, radius, shape=shape)] = True
    return field


@pytest.mark.parametrize(
    ("shape", "centre", "radius"),
    [((300, 320), (150, 160), 130), ((200, 320), (100, 160), 130), ((1800, 2000), (900, 1000), 850)],
)
def test_a_disc_is_found(shape, centre, radius):
    field = _disc(shape, centre, radius)
    image = np.where(field[..., None], [0.6, 0.3, 0.1], [0.02, 0.01, 0.01]).astype(np.float32)
    image[centre[0], centre[1]] = 0  # a dark fovea is inside all the same
    found = field_of_view.detect(image)
    assert (found & field).sum() / (found | field).sum() > 0.98
    assert field_of_view.diameter(found) == pytest.approx(np.sqrt(4 / np.pi * field.sum()), rel=0.01)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_frame_without_a_disc_has_no_diameter(value):
    found = field_of_view.detect(np.full((40, 50, 3), value, np.float32))
    assert found.all()
    assert field_of_view.diameter(found) is None


@pytest.mark.data
@pytest.mark.parametrize(("folder", "least"), [("DRIVE", 0.98), ("HRF", 0.99)])
def test_official_fields_of_view_are_found(folder, least, shared: Path):
    for sample in datasets.read(shared / "data" / folder)[::3]:
        found, official = field_of_view.detect(to_unit(sample.image())), sample.fov() != 0
        assert (found & official).sum() / (found | official).sum() > least
        assert sample.labels()[found].sum() > 0.99 * sample.labels().sum()


@pytest.mark.data
def test_the_field_of_view_of_stare_holds_its_vessels(shared: Path):
    diameters = []
    for sample in datasets.read(shared / "data" / "STARE"):
        found = field_of_view.detect(to_unit(sample.image()))
        assert sample.labels()[found].sum() > 0.999 * sample.labels().sum()
        diameters.append(field_of_view.diameter(found))
    # One photograph's corners are as bright as its rim: its field is found too large by a tenth.
    assert np.median(diameters) == pytest.approx(640, abs=10)
    assert max(diameters) < 720


# scale


def test_resizing_keeps_a_constant_and_the_mean():
    image = RNG.random((64, 48, 3), np.float32)
    assert np.ptp(resize(np.full((10, 20), 0.25, np.float32), 33, 7)) < 1e-6
    assert resize(image, 32, 24).mean() == pytest.approx(image.mean(), abs=1e-3)
    assert resize(image, 100, 77).shape == (100, 77, 3)


def test_shrinking_is_bicubic_as_pillows_and_stays_in_range():
    edges = np.kron(RNG.integers(0, 2, (16, 12)), np.ones((4, 4))).astype(np.float32)
    small = resize(edges, 26, 31)
    theirs = np.asarray(Image.fromarray(edges).resize((31, 26), Image.Resampling.BICUBIC))
    assert (theirs.min(), theirs.max()) != (0, 1)  # it goes beyond the edges
    np.testing.assert_allclose(small, theirs.clip(0, 1), atol=1e-5)


def test_enlarging_is_bilinear_as_pillows():
    image = RNG.random((20, 30), np.float32)
    theirs = np.asarray(Image.fromarray(image).resize((67, 45), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(resize(image, 45, 67), theirs, atol=1e-5)


def test_a_scaled_shape_is_never_empty():
    assert scaled_shape(3, 1000, 0.01) == (1, 10)


# tiles


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 300), width=st.integers(1, 300), side=st.integers(64, 128))
def test_tiles_cover_and_blending_gives_back_what_was_cut(height, width, side):
    maps = np.random.default_rng(height * width).random((2, height, width), np.float32)
    blend = Blend(height, width)
    for tile in tiles(height, width, side):
        part = maps[:, tile.rows, tile.columns]
        assert max(part.shape[1:]) <= side
        blend.add(tile, part)
    np.testing.assert_allclose(blend.result(), maps, rtol=1e-5)


def test_neighbouring_tiles_overlap_by_a_quarter():
    columns = [tile.columns for tile in tiles(100, 1000, 128)]
    assert all(a.stop - b.start >= 32 for a, b in pairwise(columns))


# overlay


def test_the_overlay_tints_vessels_and_leaves_the_rest():
    vessels = np.zeros((9, 9), np.uint8)
    vessels[2:7, 2:7] = 1
    picture = outlined(np.full((9, 9, 3), 0.4, np.float32), vessels)
    assert (picture[vessels == 0] == 102).all()
    border = np.abs(picture[2, 2].astype(int) - COLOUR).max()
    assert border < np.abs(picture[4, 4].astype(int) - COLOUR).max()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2), (3, 3), (40, 53)])
def test_the_median_of_nine_is_scipys(shape):
    plane = np.random.default_rng(0).random(shape, np.float32)
    np.testing.assert_array_equal(field_of_view._median_of_nine(plane), ndimage.median_filter(plane, size=3))


def test_holes_of_the_field_of_view_are_filled_as_scipy_does():
    image = np.full((120, 120, 3), 0.02, np.float32)
    rows, columns = np.mgrid[:120, :120] - 60
    far = np.hypot(rows, columns)
    image[(far < 50) & ~((far > 10) & (far < 20))] = 1  # a dark ring, with a lit spot in it
    lit = ndimage.binary_closing(np.pad(image[..., 0] > 0.02, 1))[1:-1, 1:-1]
    np.testing.assert_array_equal(field_of_view.detect(image), ndimage.binary_fill_holes(lit))


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize("to", [(31, 45), (150, 120), (31, 200), (77, 120), (1, 1)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_resampling_is_that_of_torch(to, channels, shares):
    """The networks were trained on photographs that torch had scaled."""
    image = np.random.default_rng(0).random((77, 120, *channels), np.float32)
    planes = torch.from_numpy(np.atleast_3d(image).transpose(2, 0, 1)[None].copy())
    cubic = to[0] * to[1] < 77 * 120 and not shares
    mode = "bicubic" if cubic else "bilinear"
    truth = torch.nn.functional.interpolate(planes, to, mode=mode, antialias=True)
    truth = truth.clamp(float(image.min()), float(image.max()))[0].numpy().transpose(1, 2, 0)
    found = resize(image, *to, shares=shares)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.atleast_3d(found), truth, rtol=0, atol=2e-6)
