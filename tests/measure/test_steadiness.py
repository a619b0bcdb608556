"""Counts and lengths have an interval of their own: that of the grid of pixels."""

import numpy as np
import pytest
import shapes
from test_measure import row

from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure import MEASURES, measure
from napari_saunetv2.measure.steadiness import COUNT, LENGTH

EYE = fundus((300, 300), seed=3)


def test_a_count_is_as_unsteady_as_its_root_says():
    found = measure(EYE.vessels, fov=EYE.fov)
    for key, share in COUNT.items():
        one = row(found, key)
        sd = share * np.sqrt(max(one.value, 1))
        assert one.high - one.value == pytest.approx(sd)
        assert one.value - one.low == pytest.approx(min(sd, one.value))


def test_a_length_is_as_unsteady_as_its_width_says_in_every_unit():
    vessel = shapes.bar(300, 8, 200, 20) < 0
    found = measure(vessel, spacing=5)
    sd = LENGTH * np.sqrt(200 * 8)
    for unit, factor in (("px", 1), ("µm", 5)):
        one = row(found, "length", unit=unit)
        assert one.high - one.value == pytest.approx(factor * sd, rel=0.01)
    one = row(found, "length_density", unit="1/px")
    assert one.high - one.value == pytest.approx(sd / vessel.size, rel=0.01)


def test_other_measures_of_a_bare_mask_have_none():
    image = measure(EYE.vessels, fov=EYE.fov).image
    own = {m.key for m in MEASURES if m.unsteady is not None}
    others = image[~image.measure.isin(own) & image.value.notna()]
    assert (others.low == others.value).all()
    assert (others.high == others.value).all()


def test_the_threshold_and_the_grid_add_as_independent_errors():
    sure = shapes.soft(shapes.bar(200, 6, 120))
    probability = np.maximum(sure, 0.55 * np.roll(sure, 40, axis=0))  # the second goes at a higher threshold
    mask = probability >= 0.5
    given = {"arteries": mask, "veins": np.zeros_like(mask)}
    bare = row(measure(mask, **given), "length")
    both = row(measure(mask, probability=probability, threshold=0.5, **given), "length")
    sd = bare.high - bare.value
    assert sd > 0
    assert both.value - both.low == pytest.approx(np.hypot(both.value / 2, sd), rel=0.05)
    assert both.high - both.value == pytest.approx(sd, rel=0.1)


def test_nothing_is_unsteady_where_there_is_nothing():
    image = measure(np.zeros((40, 50))).image
    known = image[image.value.notna()]
    assert (known.low == known.value).all()
    assert (known.high == known.value).all()


def test_turning_and_mirroring_stay_mostly_within_the_interval():
    """The synthetic eyes are not those on which the constants were measured."""
    inside = []
    for seed in range(4):
        eye = fundus((300, 300), seed=seed)
        first = measure(eye.vessels, fov=eye.fov)
        for change in (np.rot90, np.fliplr, np.transpose):
            other = measure(change(eye.vessels), fov=change(eye.fov))
            for key in ("segments", "bifurcations", "ends", "length"):
                one, value = row(first, key), row(other, key).value
                half = max(one.high - one.value, 1e-9)
                inside.append(abs(value - one.value) <= 2 * half)
    assert np.mean(inside) > 0.9
