"""One vessel, one class: the vote along centre lines, on crossings whose vessels are known."""

import time

import numpy as np
import pytest
from scipy import ndimage

from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure.classes import by_pixel, vote

SIZE = 200
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE].astype(float)


def line(angle: float, width: float, bend: float = 0.0, through=(100, 100)) -> np.ndarray:
    """Mask of a vessel of that angle to the rows, degrees, and width, pixels, slightly bent."""
    turn = np.radians(angle)
    along = (COLUMNS - through[1]) * np.cos(turn) + (ROWS - through[0]) * np.sin(turn)
    beside = -(COLUMNS - through[1]) * np.sin(turn) + (ROWS - through[0]) * np.cos(turn)
    return (np.abs(beside - bend * along**2) <= width / 2) & (np.abs(along) < 88)


def maps_of(artery: np.ndarray, vein: np.ndarray, sure: float = 0.8) -> np.ndarray:
    """Maps that are right everywhere, and say both where vessels cross."""
    return np.stack([np.where(artery, sure, np.where(vein, 1 - sure, 0)),
                     np.where(vein, sure, np.where(artery, 1 - sure, 0))]).astype(np.float32)  # fmt: skip


def truth(artery, vein):
    return (artery + 2 * vein).astype(np.uint8)


@pytest.mark.parametrize("bend", [0, 0.001])
@pytest.mark.parametrize("widths", [(4, 6), (5, 9), (3, 3)])
@pytest.mark.parametrize("angles", [(0, 90), (20, 80), (10, 55), (-30, 25)])
def test_a_crossing_is_both_and_its_vessels_keep_their_class(angles, widths, bend):
    artery, vein = line(angles[0], widths[0], bend), line(angles[1], widths[1], -bend)
    found = vote(maps_of(artery, vein) * 0.6, artery | vein)  # too faint for the threshold of both
    wanted = truth(artery, vein)
    assert (found[wanted == 0] == 0).all()
    assert (found == wanted)[wanted > 0].mean() > 0.97
    cross = wanted == 3
    assert (found == 3)[cross].mean() > 0.6
    assert (ndimage.distance_transform_edt(~cross)[found == 3] <= 2.5).all()


@pytest.mark.parametrize("seed", range(4))
def test_short_contradictions_go_and_long_ones_stay(seed):
    rng = np.random.default_rng(seed)
    artery, vein = line(15, 5), line(70, 6)
    maps = maps_of(artery, vein)
    for row, column in rng.integers(20, 180, (60, 2)):  # the network changes its mind here and there
        maps[:, row : row + 5, column : column + 5] = maps[::-1, row : row + 5, column : column + 5]
    wanted = truth(artery, vein)
    one_class = np.isin(wanted, (1, 2))
    before = (by_pixel(maps, wanted) == wanted)[one_class].mean()
    after = (vote(maps, wanted) == wanted)[one_class].mean()
    assert before < 0.98 < 0.99 < after
    half = maps.copy()
    half[:, :, 100:] = maps[::-1, :, 100:]  # half of the vessels: what a map says for long is believed
    found = vote(half, wanted)
    assert (found[:, 110:][wanted[:, 110:] == 1] == 2).mean() > 0.8


def test_beyond_a_crossing_a_vessel_keeps_the_class_of_its_other_side():
    artery, vein = line(0, 5), line(90, 7)
    maps = maps_of(artery, vein)
    maps[:, 70:130, 112:] = 0.5  # the map does not know beyond the crossing
    maps[:, 80:120, 150:156] = np.array([0.3, 0.7])[:, None, None]  # and errs once
    found = vote(maps, artery | vein)
    assert (found[artery & (COLUMNS > 115)] == 1).all()


def test_a_branch_follows_its_vessel_unless_the_map_is_sure():
    stem = line(0, 6)
    branch = line(50, 4, through=(100, 100)) & (ROWS > 100)
    unsure = np.where(branch, 0.5, 0.8) * np.stack([stem | branch, 0.2 * (stem | branch)])
    found = vote(unsure.astype(np.float32), stem | branch)
    assert (found[stem | branch] == 1).all()
    sure = maps_of(stem, branch & ~stem, 0.95)
    found = vote(sure, stem | branch)
    assert (found[branch & ~ndimage.binary_dilation(stem, iterations=4)] == 2).all()


def test_specks_blanks_and_whole_masks_are_no_trouble():
    nothing = np.zeros((SIZE, SIZE), bool)
    assert not vote(np.zeros((2, SIZE, SIZE)), nothing).any()
    speck = nothing.copy()
    speck[50:52, 50:52] = True
    speck[90, 90] = True
    maps = np.zeros((2, SIZE, SIZE), np.float32)
    maps[0, 50:52, 50:52], maps[1, 90, 90] = 0.4, 0.4
    found = vote(maps, speck)
    assert set(found[50:52, 50:52].ravel()) == {1}
    assert found[90, 90] == 2
    full = vote(np.full((2, 40, 60), 0.3), np.ones((40, 60)))
    assert set(np.unique(full)) <= {1, 2}
    edge = np.zeros((30, 40), bool)
    edge[:, :4], edge[10:15] = True, True
    assert (vote(np.stack([edge * 0.9, edge * 0.1]), edge)[edge] == 1).all()
    ring = np.abs(np.hypot(ROWS - 100, COLUMNS - 100) - 50) < 3
    assert (vote(np.stack([ring * 0.2, ring * 0.7]), ring)[ring] == 2).all()


@pytest.mark.parametrize("seed", [7, 8, 10, 22])
def test_ragged_masks_bring_no_warning(seed):
    """Centre lines of such a mask leave it here and there, where a vessel has no width."""
    rng = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(rng.random((40, 40)), 1.0) > 0.5
    found = vote(rng.random((2, 40, 40), dtype=np.float32), mask)
    np.testing.assert_array_equal(found > 0, mask)


def test_both_maps_beside_an_artery_and_a_vein_are_both():
    """Vessels that lie upon each other have one centre line: only the maps know that they are two."""
    artery, vein = line(90, 6), line(90, 6, through=(100, 105))
    maps = maps_of(artery, vein)
    assert (by_pixel(maps, artery | vein) == truth(artery, vein)).all()
    lone = vote(maps_of(artery, artery), artery)
    assert 3 not in lone  # nothing but one vessel: a network that cannot decide, no crossing


def test_maps_of_another_shape_are_refused():
    with pytest.raises(ImageError, match=r"\(3, 9, 9\), the vessels \(9, 9\): give maps"):
        vote(np.zeros((3, 9, 9)), np.zeros((9, 9)))
    with pytest.raises(ImageError, match="give maps"):
        vote(np.zeros((2, 9, 8)), np.zeros((9, 9)))


def test_turning_the_image_turns_the_classes():
    artery, vein = line(20, 4, 0.001), line(75, 6)
    maps, mask = maps_of(artery, vein) * 0.6, artery | vein
    plain = vote(maps, mask)
    turned = vote(np.rot90(maps, axes=(1, 2)), np.rot90(mask))
    assert (np.rot90(plain) == turned)[np.rot90(mask)].mean() > 0.98
    swapped = vote(maps[::-1], mask)
    assert (swapped == np.array([0, 2, 1, 3])[plain])[mask].mean() > 0.99


@pytest.mark.exclusive
def test_a_photograph_of_drives_size_takes_a_tenth_of_a_second():
    mask = fundus(seed=3).vessels != 0
    maps = np.stack([mask * 0.6, mask * 0.4]).astype(np.float32)
    vote(maps, mask)
    begun = time.process_time()
    vote(maps, mask)
    assert time.process_time() - begun < 0.2  # 0.06 s where nothing else runs
