"""The tables of an image, their regions and units, and what cannot be measured."""

import time

import numpy as np
import pytest
import shapes

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure import IMAGE_COLUMNS, MEASURES, REGIONS, SEGMENT_COLUMNS, measure

DISC = (150.0, 150.0, 30.0)


def value(result, key, region="whole", vessels="all", unit=None):
    return float(row(result, key, region, vessels, unit).value)


def row(result, key, region="whole", vessels="all", unit=None):
    table = result.image
    found = table[(table.measure == key) & (table.region == region) & (table.vessels == vessels)]
    found = found if unit is None else found[found.unit == unit]
    return found.iloc[0]


def spokes(count, width, first=0.0, scale=1):
    """Vessels from the disc's margin outwards, at equal angles."""
    side = 300 * scale
    strokes = [
        shapes.stroke(
            side,
            shapes.turned([(0, 35 * scale)], degrees, 150 * scale)[0],
            shapes.turned([(0, 140 * scale)], degrees, 150 * scale)[0],
            width * scale,
        )
        for degrees in first + np.arange(count) * 360 / count
    ]
    return np.min(strokes, axis=0)


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("turn", [0, 10, 45])
def test_six_arteries_and_six_veins_give_knudtsons_values(turn, scale):
    arteries, veins = spokes(6, 8, turn, scale), spokes(6, 12, turn + 30, scale)
    probability = shapes.soft(np.minimum(arteries, veins))
    result = measure(
        probability >= 0.5,
        arteries=shapes.soft(arteries) >= 0.5,
        veins=shapes.soft(veins) >= 0.5,
        probability=probability,
        disc=tuple(scale * n for n in DISC),
        spacing=10,
    )
    crae, crve = (value(result, "central_equivalent", "zone_b", kind, "px") for kind in ("arteries", "veins"))
    assert crae / scale == pytest.approx(27.97488 / 2, rel=0.005)
    assert crve / scale == pytest.approx(51.30266 / 2, rel=0.005)
    assert value(result, "avr", "zone_b") == pytest.approx(0.54529, rel=0.005)
    assert row(result, "avr", "zone_b").note == ""
    micrometres = row(result, "central_equivalent", "zone_b", "arteries", "µm")
    assert micrometres.value == pytest.approx(10 * crae)
    assert micrometres.scale_source == "spacing given"


def test_fewer_than_six_vessels_are_told():
    arteries, veins = spokes(4, 8), spokes(6, 12, 40)
    result = measure(np.minimum(arteries, veins) < 0, arteries=arteries < 0, veins=veins < 0, disc=DISC)
    assert row(result, "central_equivalent", "zone_b", "arteries").note == "from 4 arteries instead of 6"
    assert row(result, "avr", "zone_b").note == "from 4 arteries instead of 6"
    assert row(result, "central_equivalent", "zone_b", "veins").note == ""


def test_units_and_their_sources():
    bar = shapes.bar(300, 8, 200) < 0
    plain = measure(bar)
    assert set(plain.image.unit) & {"µm", "DD"} == set()
    assumed = measure(bar, disc=DISC)
    width = row(assumed, "width_median", unit="µm")
    assert width.value == pytest.approx(8 * 1800 / 60, rel=0.01)
    assert width.scale_source == "assumed: disc diameter 1800 µm"
    assert value(assumed, "width_median", unit="DD") == pytest.approx(8 / 60, rel=0.01)
    known = measure(bar, disc=DISC, spacing=5)
    assert row(known, "width_median", unit="µm").value == pytest.approx(40, rel=0.01)
    assert value(known, "length_density", unit="1/µm") == pytest.approx(
        value(known, "length_density", unit="1/px") / 5
    )
    assert (known.image.scale_source != "").all()
    assert known.segments.length_um.iloc[0] == pytest.approx(1000, rel=0.01)


def test_densities_are_of_the_field_in_view():
    bar = shapes.bar(200, 10, 100) < 0
    field = np.zeros((200, 200), bool)
    field[50:150] = True
    result = measure(bar, fov=field)
    assert value(result, "area_density") == pytest.approx(bar.sum() / field.sum())
    assert value(result, "length_density") == pytest.approx(100 / field.sum(), rel=0.01)
    assert value(result, "length") == pytest.approx(100, rel=0.01)


def test_regions_know_their_side_and_their_share():
    vessel = shapes.stroke(400, (100, 60), (100, 340), 8) < 0  # above, all across
    result = measure(vessel, disc=(150, 200, 20), fovea=(250, 200))
    assert value(result, "length", "superior") == pytest.approx(288, rel=0.02)
    assert value(result, "length", "inferior") == 0
    assert value(result, "length", "temporal") == pytest.approx(194, rel=0.03)
    assert value(result, "length", "superior_nasal") == pytest.approx(94, rel=0.05)
    assert row(result, "length", "zone_b").in_view == pytest.approx(1, abs=0.01)
    # 288 px at a height of 100 px over the disc: a chord of zone C, whose outer radius is 100.
    assert value(result, "length", "zone_c") < 30
    assert set(result.image.region) == {region.key for region in REGIONS}


def test_a_region_that_is_mostly_out_of_view_is_empty():
    vessel = shapes.bar(300, 8, 250) < 0
    border = measure(vessel, disc=(-20, 150, 30))
    zone = border.image[border.image.region == "zone_b"]
    assert zone.value.isna().all()
    assert zone.note.str.contains("of the region is in view").all()
    outside = measure(vessel, disc=(-500, 150, 30))
    assert outside.image[outside.image.region == "zone_c"].value.isna().all()


def test_tables_have_their_columns_and_labels_their_segments():
    eye = fundus((260, 260))
    result = measure(eye.vessels, fov=eye.fov)
    assert list(result.image.columns) == list(IMAGE_COLUMNS)
    assert list(result.segments.columns) == list(SEGMENT_COLUMNS)
    assert result.labels.dtype == np.int32
    assert ((result.labels > 0) == (eye.vessels * eye.fov > 0)).all()
    numbers = np.unique(result.labels)[1:]
    assert set(numbers) <= set(result.segments.label)
    assert (result.segments.index == result.segments.label).all()
    assert {m.key for m in MEASURES if "all" in m.classes and not m.regions} <= set(result.image.measure)
    for kind in ("bifurcation", "end"):
        assert (result.junctions.kind == kind).any()


def test_intervals_hold_the_value_and_a_blurred_map_has_wide_ones():
    from scipy import ndimage

    sharp = shapes.soft(shapes.bar(200, 10, 150, 20))
    blurred = ndimage.gaussian_filter(sharp, 3)
    spans = []
    for probability in (sharp, blurred):
        width = row(measure(probability >= 0.5, probability=probability), "width_median")
        assert width.low <= width.value <= width.high
        spans.append(width.high - width.low)
    assert spans[1] > 3 * spans[0] > 0


@pytest.mark.parametrize("told_apart", [False, True])
def test_intervals_know_of_vessels_that_a_threshold_loses_or_adds(told_apart):
    sure, faint, fainter = (
        np.roll(shapes.soft(shapes.bar(200, 6, 120, 0)), by, axis=0) for by in (0, 40, -40)
    )
    probability = np.maximum(sure, np.maximum(0.55 * faint, 0.45 * fainter))
    mask = probability >= 0.5
    kinds = {"arteries": mask, "veins": np.zeros_like(mask)} if told_apart else {}
    found = row(measure(mask, probability=probability, threshold=0.5, **kinds), "length")
    one = row(measure(sure >= 0.5), "length").value
    assert found.value == pytest.approx(2 * one, rel=0.05)
    assert found.low == pytest.approx(one, rel=0.05)
    # A vessel that a lower threshold adds is neither an artery nor a vein.
    assert found.high == pytest.approx((2 if told_apart else 3) * one, rel=0.05)


def test_interval_of_a_width_is_where_the_moved_thresholds_cut_the_profile():
    distance = shapes.bar(200, 10, 150, 20)
    probability = np.clip(0.5 - distance / 8, 0, 1)  # falls by 1/8 a pixel
    mask = probability >= 0.5
    empty = np.zeros_like(mask)
    found = measure(mask, arteries=mask, veins=empty, probability=probability, threshold=0.5)
    width = row(found, "width_median")
    for bound, threshold in ((width.low, 0.7), (width.high, 0.3)):
        # Edges lie where the odds are those of the threshold, on either side of the bar.
        assert bound == pytest.approx(10 + 2 * 8 * (0.5 - threshold), abs=0.15)


def test_a_photograph_gives_the_width_whatever_the_mask():
    distance = shapes.bar(200, 9, 150, 25)
    photograph = 0.6 - 0.3 * shapes.soft(distance)
    photograph += 0.2 * shapes.soft(shapes.bar(200, 2, 150, 25))  # the reflex along the middle
    for drawn in (7, 9, 11):
        mask = shapes.bar(200, drawn, 150, 25) < 0
        result = measure(mask, photograph=np.stack([photograph] * 3, axis=-1))
        assert value(result, "width_photograph") == pytest.approx(9, abs=0.4)
        assert value(result, "width_median") == pytest.approx(drawn, abs=0.3)


@pytest.mark.parametrize(
    "mask",
    [np.zeros((40, 50)), np.pad([[1]], 20), np.ones((60, 60)), np.eye(1), np.ones((1, 30)), np.ones((3, 3))],
    ids=["empty", "one pixel", "all vessel", "one pixel alone", "a row", "tiny"],
)
@pytest.mark.parametrize("disc", [None, (20, 20, 5)])
def test_odd_masks_give_empty_values_with_a_reason(mask, disc):
    result = measure(mask, disc=disc)
    empty = result.image[result.image.value.isna()]
    assert (empty.note != "").all()
    assert (result.image.value.dropna() != -1).all()
    assert np.isfinite(result.image.value.dropna()).all()
    if not mask.any():
        assert "empty" in result.remarks[0]
    elif mask.all():
        assert "inverted" in result.remarks[0]


def test_a_ring_shaped_field_is_measured():
    y, x = shapes.grid(300) - 150
    radius = np.hypot(y, x)
    field = (radius < 140) & (radius > 60)
    vessel = shapes.bar(300, 8, 290) < 0
    result = measure(vessel, fov=field)
    assert len(result.segments) == 2
    assert value(result, "length") == pytest.approx(160, rel=0.03)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"fov": np.ones((5, 5))}, ImageError, "field of view has the shape"),
        ({"probability": np.full((30, 40), 2.0)}, ImageError, "leaves the range"),
        ({"probability": np.full((30, 40), np.nan)}, ImageError, "leaves the range"),
        ({"arteries": np.ones((30, 40))}, ImageError, "give both"),
        ({"fov": np.zeros((30, 40))}, ImageError, "is empty"),
        ({"photograph": np.zeros((30, 41, 3))}, ImageError, "photograph has the shape"),
        ({"spacing": 0}, SettingsError, "above 0"),
        ({"spacing": -3}, SettingsError, "above 0"),
        ({"spacing": np.nan}, SettingsError, "above 0"),
        ({"disc": (3, 4, 0)}, SettingsError, "radius above 0"),
        ({"disc": (3, 4, np.inf)}, SettingsError, "radius above 0"),
        ({"fovea": (np.nan, 3)}, SettingsError, "fovea"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(given, error, says):
    with pytest.raises(error, match=says):
        measure(np.zeros((30, 40)), **given)


def test_a_stack_is_refused():
    with pytest.raises(ImageError, match="one plane"):
        measure(np.zeros((3, 30, 40)))


def test_turning_by_a_right_angle_changes_little():
    eye = fundus((300, 300), seed=3)
    first, second = (measure(np.rot90(eye.vessels, n), fov=np.rot90(eye.fov, n)) for n in (0, 1))
    for key, bound in (
        ("width_mean", 0.01),
        ("length", 0.01),
        ("arc_over_chord", 0.01),
        ("fractal_d0", 0.01),
    ):
        assert value(second, key) == pytest.approx(value(first, key), rel=bound), key


@pytest.mark.parametrize("shift", [0, 0.25, 0.5])
def test_the_threshold_is_found_from_the_mask(shift):
    probability = shapes.soft(shapes.bar(150, 8.5, 110, 0, (0, shift)))
    sharp = measure(probability >= 0.5, probability=probability)
    assert value(sharp, "width_median") == pytest.approx(8.5, abs=0.1)
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(shapes.soft(shapes.bar(150, 8.5, 110, 20, (0, shift))), 2)
    wide = measure(smooth >= 0.3, probability=smooth)
    told = measure(smooth >= 0.3, probability=smooth, threshold=0.3)
    assert value(wide, "width_median") == pytest.approx(value(told, "width_median"), abs=0.1)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        measure(smooth >= 0.3, probability=smooth, threshold=1)


@pytest.mark.parametrize("at", [70, 72, 78])
def test_a_branching_within_the_zone_changes_central_equivalents_little(at):
    """Six vessels of which one forks within zone B (60 to 90 px), into daughters that join to it."""
    daughter = 8 / np.sqrt(2) / 0.88
    arms = spokes(6, 8)
    y, x = shapes.grid(300) - 150
    arms = np.where((x > at) & (np.abs(y) < x / 2), np.inf, arms)
    for row_of_end in (100, 200):
        arms = np.minimum(arms, shapes.stroke(300, (150, 150 + at), (row_of_end, 290), daughter))
    probability = shapes.soft(arms)
    vessels = probability >= 0.5
    none = np.zeros_like(vessels)
    result = measure(vessels, arteries=vessels, veins=none, probability=probability, disc=DISC)
    found = row(result, "central_equivalent", "zone_b", "arteries", "px")
    assert found.value == pytest.approx(27.97488 / 2, rel=0.02)
    assert row(result, "central_equivalent", "zone_b", "veins").note == "no veins cross the zone"


def test_twenty_thousand_segments_take_bounded_time():
    """A photograph of HRF's size full of vessels: no recursion, and under a minute of one processor."""
    mask = np.zeros((2336, 3504), bool)
    for first in (0, 1, 2):
        mask[12 + first :: 28, 10:-10] = True
        mask[10:-10, 12 + first :: 28] = True
    begun = time.process_time()
    result = measure(mask)
    assert len(result.segments) > 20_000
    assert value(result, "crossings") > 10_000
    assert value(result, "width_median") == pytest.approx(3, abs=0.1)
    assert time.process_time() - begun < 60
