"""The median of widths does not jump where they have gaps, as those of masks do."""

import numpy as np
import pytest
import shapes
from scipy.stats import mstats
from test_measure import value

from napari_saunetv2.measure import measure
from napari_saunetv2.measure.middle import equal_parts, median
from napari_saunetv2.measure.tree import grow


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_the_median_is_that_of_harrell_and_davis(count):
    values = np.random.default_rng(count).exponential(size=count)
    known = values.mean() if count == 1 else float(mstats.hdmedian(values))  # scipy gives one value back
    assert median(values, np.ones(count), count) == pytest.approx(known)
    # A value in several pieces is still one observation.
    assert median(np.repeat(values, 3), np.full(3 * count, 1 / 3), count) == pytest.approx(known)


def test_equal_parts():
    assert equal_parts(np.array([4.0, 4, 4])) == pytest.approx(3)
    assert equal_parts(np.array([100.0, 1, 0])) == pytest.approx(1, abs=0.03)
    assert equal_parts(np.zeros(3)) == 1


def vessels(thin, wide):
    """So many bars of 2 and of 4 rows."""
    mask = np.zeros((12 * (thin + wide) + 12, 120), bool)
    for number in range(thin + wide):
        mask[12 * number + 8 :][: 2 if number < thin else 4, 10:110] = True
    return mask


def test_one_vessel_more_does_not_move_the_median_from_one_width_to_the_other():
    found = [value(measure(vessels(*counts)), "width_median") for counts in ((11, 10), (10, 10), (10, 11))]
    assert found[1] == pytest.approx(3, abs=0.05)
    assert 2.5 < found[0] < found[1] < found[2] < 3.5


def test_many_alike_leave_the_median_where_it_is():
    assert value(measure(vessels(16, 3)), "width_median") == pytest.approx(2, abs=0.05)


def test_no_width_is_no_median():
    found = measure(np.zeros((40, 40)), photograph=np.ones((40, 40))).image
    rows = found[found.measure.isin(["width_median", "width_photograph"]) & (found.region == "whole")]
    assert rows.value.isna().all()
    assert (rows.note != "").all()


@pytest.mark.parametrize("quarters", range(4))
def test_a_gap_of_the_grid_does_not_end_a_vessel_of_one_pixel(quarters):
    """A drawn vessel, scaled by .9: thinning takes the corner at the lower end, beside the missing row."""
    mask = np.zeros((40, 40), bool)
    for row, columns in enumerate([(21,), (21,), (20, 21), (19, 20), (19,), (18, 19)], start=10):
        mask[row, columns] = True
    for row, columns in enumerate([(17,), (15, 16, 17), (15,)], start=18):
        mask[row, columns] = True
    mask[4:10, 21] = mask[21:30, 15] = True
    assert len(grow("all", np.rot90(mask, quarters)).graph.paths) == 1


def test_another_vessel_that_ends_further_off_is_another_vessel():
    distance = np.minimum(
        shapes.stroke(120, (60, 10), (60, 50), 1), shapes.stroke(120, (60, 57), (60, 110), 1)
    )
    assert len(grow("all", shapes.mask(distance)).graph.paths) == 2
