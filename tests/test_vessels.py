import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold
from skimage.measure import label, regionprops

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.imaging import branches, vessels
from napari_saunetv2.imaging.synthetic import fundus

SMOOTH = ndimage.gaussian_filter(np.random.default_rng(0).random((90, 110)), 2).astype(np.float32)
PROBABILITY = (SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH)


def test_a_plain_threshold_takes_what_reaches_it():
    probability = np.array([[0.25, 0.5, 0.75]], np.float32)
    assert vessels.find(probability, 0.5).tolist() == [[0, 1, 1]]
    assert vessels.find(probability, 0.5).dtype == np.uint8


def test_connected_is_hysteresis():
    found = vessels.find(PROBABILITY, 0.7, connected=True)
    assert np.array_equal(found, apply_hysteresis_threshold(PROBABILITY, 0.35, 0.7))
    assert found.sum() > 1.5 * vessels.find(PROBABILITY, 0.7).sum()
    chain = np.array([[0.5, 0.25, 0.25, 0.2, 0.25]], np.float32)  # what reaches a threshold counts
    assert vessels.find(chain, 0.5, connected=True).tolist() == [[1, 1, 1, 0, 0]]


@pytest.mark.parametrize("size", [2, 5, 40])
def test_small_vessels_are_left_out(size):
    plain = PROBABILITY >= 0.6
    expected = np.zeros_like(plain)  # not by remove_small_objects, whose argument has another name since 0.26
    for region in regionprops(label(plain, connectivity=2)):
        expected[tuple(region.coords.T)] = region.area >= size
    assert np.array_equal(vessels.find(PROBABILITY, 0.6, min_size=size), expected)


@pytest.mark.parametrize(
    ("settings", "quick"),
    [({}, True), ({"min_size": 1}, True), ({"min_size": 2}, False), ({"connected": True}, False)],
)
def test_post_processing_is_find_with_its_settings_kept(settings, quick):
    post = vessels.PostProcessing(threshold=0.6, fov="auto", **settings)
    assert np.array_equal(vessels.extract(PROBABILITY, post), vessels.find(PROBABILITY, 0.6, **settings))
    assert post.quick == quick
    assert post.options() == {"threshold": 0.6, "min_size": 0, "connected": False} | settings


def test_planes_of_a_stack_do_not_touch():
    stack = np.zeros((2, 3, 5, 5), np.float32)
    stack[:, :, 2, 2] = 0.9
    assert not vessels.find(stack, 0.5, min_size=2).any()
    assert vessels.find(stack, 0.5, connected=True).sum() == 6


@pytest.mark.parametrize(
    "wrong", [{"threshold": 0}, {"threshold": 1}, {"threshold": "auto"}, {"threshold": 0.5, "min_size": -1}]
)
def test_settings_outside_their_range(wrong):
    with pytest.raises(SettingsError):
        vessels.find(PROBABILITY, **wrong)


def test_nothing_remains_outside_the_field_of_view():
    fov = np.zeros(PROBABILITY.shape, np.uint8)
    fov[20:60] = 3
    inside = vessels.restrict(PROBABILITY, fov)
    assert np.array_equal(inside[20:60], PROBABILITY[20:60])
    assert not inside[:20].any()
    assert not inside[60:].any()
    assert inside.dtype == np.float32
    with pytest.raises(ImageError, match="shape"):
        vessels.restrict(PROBABILITY, fov[1:])


def test_vessels_are_ranked_by_a_map():
    mask = np.zeros((60, 80), np.uint8)
    mask[10:13, 5:75] = 1  # a long one, crossed by another: four pieces
    mask[2:40, 39:42] = 1
    mask[50:53, 20:60] = 1  # one by itself
    values = np.zeros(mask.shape, np.float32)
    values[50:53] = 0.2
    values[20:40, 40] = 0.1
    found = branches.ranked(mask, values)
    assert len(found) == 5
    assert [b.value for b in found] == sorted((b.value for b in found), reverse=True)
    first, second = found[:2]
    assert first.centre == pytest.approx((51, 39.5), abs=1)
    assert first.size[1] == pytest.approx(38, abs=2)
    assert first.value == pytest.approx(0.2)
    assert second.centre == pytest.approx((25, 40), abs=3)
    assert not branches.ranked(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.float32))


def test_the_branches_of_an_eye_cover_its_skeleton():
    eye = fundus((200, 200)).vessels
    found = branches.ranked(eye, np.ones(eye.shape, np.float32))
    assert len(found) > 20
    assert all(b.value == 1 for b in found)
