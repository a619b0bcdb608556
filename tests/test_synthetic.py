import numpy as np
import pytest
from scipy import ndimage

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.synthetic import Synthetic, fundus

SEEDS = range(4)


@pytest.fixture(scope="module", params=SEEDS)
def eye(request: pytest.FixtureRequest) -> Synthetic:
    return fundus(seed=request.param)


def test_same_seed_same_picture() -> None:
    for one, other in zip(fundus((200, 220), 3), fundus((200, 220), 3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_seed_other_eye() -> None:
    one, other = fundus((200, 220), 3), fundus((200, 220), 4)
    assert (one.vessels != other.vessels).any()
    assert (one.image != other.image).any()
    np.testing.assert_array_equal(one.fov, other.fov)


def test_same_seed_is_the_same_eye_at_another_size() -> None:
    small, large = fundus((300, 300), 1), fundus((600, 600), 1)
    near = ndimage.binary_dilation(large.vessels[::2, ::2], iterations=2)
    assert near[small.vessels > 0].mean() > 0.98


@pytest.mark.parametrize("shape", [(64, 64), (64, 200), (301, 173), (700, 1000)])
def test_any_shape(shape: tuple[int, int]) -> None:
    made = fundus(shape, 2)
    assert made.image.shape == (*shape, 3)
    assert made.vessels.shape == made.fov.shape == made.labels.shape == shape
    assert {part.dtype for part in made[:4]} == {np.dtype(np.uint8)}
    assert set(np.unique(made.vessels)) == set(np.unique(made.fov)) == {0, 1}
    assert not (made.vessels & ~made.fov & 1).any()


def test_arteries_are_narrower_and_brighter_than_veins(eye: Synthetic) -> None:
    np.testing.assert_array_equal(eye.labels > 0, eye.vessels > 0)
    assert set(np.unique(eye.labels)) == {0, 1, 2, 3}
    assert 0 < (eye.labels == 3).sum() < 0.1 * eye.vessels.sum()  # crossings
    disc_x, disc_y, radius = eye.disc
    rows, columns = np.indices(eye.vessels.shape)
    near = np.hypot(columns - disc_x, rows - disc_y)
    ring = (near > 1.5 * radius) & (near < 5 * radius)
    depth = [ndimage.distance_transform_edt(np.isin(eye.labels, (kind, 3))) for kind in (1, 2)]
    widest = [np.sort(one[ring])[-40:].mean() for one in depth]
    assert widest[0] < 0.95 * widest[1]
    free = ((eye.vessels == 0) & (eye.fov > 0)).astype(float)
    green = eye.image[..., 1].astype(float)
    around = ndimage.gaussian_filter(green * free, 8) / np.maximum(ndimage.gaussian_filter(free, 8), 1e-6)
    middle = [(one > 1.5) & ring & (eye.labels == kind) for kind, one in zip((1, 2), depth, strict=True)]
    dark = [1 - (green / around)[part].mean() for part in middle]
    assert 0.03 < dark[0] < 0.9 * dark[1]


def test_disc_and_fovea_lie_where_they_are_said_to_be(eye: Synthetic) -> None:
    x, y, radius = eye.disc
    rows, columns = np.indices(eye.vessels.shape)
    red = eye.image.astype(float).mean(axis=2)
    free = (eye.vessels == 0) & (eye.fov > 0)
    on_disc = np.hypot(columns - x, rows - y) < 0.9 * radius
    beside = np.abs(np.hypot(columns - x, rows - y) / radius - 2) < 0.5
    assert red[on_disc & free].mean() > 1.15 * red[beside & free].mean()
    pit = np.hypot(columns - eye.fovea[0], rows - eye.fovea[1])
    green = eye.image[..., 1].astype(float)
    middle = green[(pit < 0.3 * radius) & free].mean()
    assert middle < 0.95 * green[(pit > 2 * radius) & (pit < 3 * radius) & free].mean()
    assert not eye.vessels[pit < 0.5 * radius].any()
    assert 4 < np.hypot(x - eye.fovea[0], y - eye.fovea[1]) / radius < 6.5


def test_field_of_view_is_a_disc_of_the_diameter_asked_for() -> None:
    for diameter in (200, 333.5):
        disc = fundus((400, 420), fov_diameter=diameter).fov
        assert disc.sum() == pytest.approx(np.pi / 4 * diameter**2, rel=0.01)


def test_field_of_view_larger_than_the_frame_is_cut() -> None:
    made = fundus((200, 300), fov_diameter=250)
    assert made.fov[0].any()
    assert not made.fov[:, 0].any()


def test_field_of_view_is_found_again(eye: Synthetic) -> None:
    found = field_of_view.detect((eye.image / np.float32(255)).astype(np.float32))
    assert (found != eye.fov).mean() < 0.01


def test_share_of_vessels_is_that_of_real_eyes(eye: Synthetic) -> None:
    # DRIVE's training images: 0.087 to 0.168, mean 0.125.
    assert 0.10 < eye.vessels.sum() / eye.fov.sum() < 0.16


def test_black_outside_the_field_of_view(eye: Synthetic) -> None:
    assert eye.image[eye.fov == 0].max() < 15
    assert eye.image[eye.fov == 1, 0].mean() > 130


def test_colours_are_those_of_real_eyes(eye: Synthetic) -> None:
    # Means of DRIVE's training images: red 132 to 251, green 58 to 126, blue 34 to 83.
    red, green, blue = eye.image[eye.fov == 1].mean(axis=0)
    assert 130 < red < 251
    assert 58 < green < 127
    assert 33 < blue < 84


def contrast(eye: Synthetic, narrowest: float, widest: float) -> np.ndarray:
    """How much darker vessels of a range of widths are than what is around them, in grey levels, (3,)."""
    inner = ndimage.binary_erosion(eye.fov, iterations=12)
    ground = (inner & ~ndimage.binary_dilation(eye.vessels, iterations=3)).astype(float)
    depth = ndimage.distance_transform_edt(eye.vessels)
    ridge = (depth == ndimage.maximum_filter(depth, 5)) & (eye.vessels > 0) & inner
    chosen = ridge & (2 * depth - 1 > narrowest) & (2 * depth - 1 <= widest)
    weight = ndimage.gaussian_filter(ground, 10)
    around = [ndimage.gaussian_filter(eye.image[..., c] * ground, 10) / weight.clip(1e-3) for c in range(3)]
    return np.array([(around[c] - eye.image[..., c])[chosen].mean() for c in range(3)])


def test_vessels_are_as_dark_as_in_real_eyes(eye: Synthetic) -> None:
    # DRIVE's training images, green: about 16 at widths of 1.5 to 3.5 pixels, 32 at 5.5 to 7.5.
    narrow, wide = contrast(eye, 1.5, 3.5), contrast(eye, 5.5, 7.5)
    assert 10 < narrow[1] < 25
    assert 22 < wide[1] < 48
    for levels in (narrow, wide):
        assert levels[1] > levels[0] > levels[2] > 0


def test_vessels_are_connected(eye: Synthetic) -> None:
    labels, _ = ndimage.label(eye.vessels, np.ones((3, 3)))
    sizes = np.sort(np.bincount(labels.ravel())[1:])
    assert sizes[-5:].sum() > 0.9 * sizes.sum()


def test_brightest_place_is_the_disc_and_the_fovea_is_dark_and_free_of_vessels(eye: Synthetic) -> None:
    green = ndimage.gaussian_filter(eye.image[..., 1].astype(float), 8)
    row, column = np.unravel_index(green.argmax(), green.shape)
    height, width = green.shape
    diameter = field_of_view.diameter(eye.fov)
    assert diameter is not None
    assert 0.25 < np.hypot(row - height / 2, column - width / 2) / diameter < 0.45
    rows, columns = np.ogrid[:height, :width]
    away = np.hypot(rows - height / 2, columns - width / 2) / diameter
    assert eye.image[away < 0.03, 1].mean() < 0.9 * eye.image[(away > 0.2) & (away < 0.25), 1].mean()
    assert eye.vessels[away < 0.02].sum() == 0


@pytest.mark.parametrize(
    ("shape", "diameter"), [((31, 64), None), ((64, 64), 10.0), ((64, 64), float("nan"))]
)
def test_too_small_is_refused(shape: tuple[int, int], diameter: float | None) -> None:
    with pytest.raises(SettingsError, match="too small"):
        fundus(shape, fov_diameter=diameter)
