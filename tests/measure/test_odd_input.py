"""What is no clean mask of a fundus photograph: refused in one sentence, empty with a reason, or remarked."""

import warnings

import numpy as np
import pytest
import shapes
from test_measure import row, value

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.measure import measure

SIDE = 200


def bar(width=8.0, length=140.0, turned=0.0):
    return shapes.bar(SIDE, width, length, turned) < 0


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"vessels": np.full((30, 40), np.nan)}, ImageError, "no numbers"),
        ({"vessels": np.full((30, 40), 0.4)}, ImageError, "between 0 and 1, as a probability"),
        ({"vessels": np.full((30, 40), "a")}, ImageError, "give an array of numbers"),
        ({"fov": np.full((30, 40), np.nan)}, ImageError, "field of view has values that are no numbers"),
        ({"probability": np.full((30, 40), "a")}, ImageError, "probability is of type"),
        ({"photograph": np.zeros((30, 40, 2))}, ImageError, "2 channels"),
        ({"spacing": "20"}, SettingsError, "spacing is '20'"),
        ({"spacing": 1e-300}, SettingsError, "above 0"),
        ({"disc_diameter": "x"}, SettingsError, "disc diameter is 'x'"),
        ({"threshold": "x"}, SettingsError, "between 0 and 1"),
        ({"disc": 5}, SettingsError, "radius above 0"),
        ({"disc": "auto"}, SettingsError, "disc is 'auto'"),
        ({"disc": ("a", "b", "c")}, SettingsError, "radius above 0"),
        ({"fovea": (1, 2, 3)}, SettingsError, "give x and y"),
    ],
)
def test_what_is_no_number_is_refused_in_one_sentence(given, error, says):
    with pytest.raises(error, match=says):
        measure(given.pop("vessels", np.zeros((30, 40))), **given)


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_a_photograph_may_have_one_channel_or_three(channels):
    picture = np.where(bar(), 0.2, 0.6)
    if channels:
        picture = np.repeat(picture[..., None], channels[0], axis=-1)
    assert value(measure(bar(), photograph=picture), "width_photograph") == pytest.approx(8, abs=0.5)


def test_in_an_angiogram_vessels_are_bright_and_as_wide():
    distance = shapes.bar(SIDE, 9, 140, 25)
    for sign in (-1, 1):
        picture = 0.5 + sign * 0.3 * shapes.soft(distance)
        found = measure(distance < 0, photograph=picture)
        assert value(found, "width_photograph") == pytest.approx(9, abs=0.4), sign


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"probability": np.where(bar(), 0.1, 0.9)}, "inverted"),
        ({"probability": np.zeros((SIDE, SIDE))}, "agrees little with the mask"),
        ({"arteries": bar(), "veins": bar()}, "share 100%"),
        ({"spacing": 0.0204}, "unlikely on a retina"),
        ({"disc": (-10, 100, 20)}, "outside the frame"),
        ({"disc": (100, 100, 400)}, "check its radius"),
        ({"disc": (100, 100, 0.2)}, "check its radius"),
    ],
)
def test_what_is_possible_and_hardly_meant_is_remarked(given, said):
    found = measure(bar(), **given)
    assert len(found.remarks) == 1
    assert said in found.remarks[0]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"probability": np.where(bar(), 0.8, 0.1)},
        {"arteries": bar(), "veins": bar(turned=90)},
        {"arteries": bar(), "veins": np.zeros((SIDE, SIDE))},
        {"spacing": 20},
        {"disc": (100, 100, 15), "fovea": (150, 100)},
        {"disc": (0, 100, 15)},
    ],
)
def test_nothing_is_remarked_on_what_is_usual(given):
    assert measure(bar(), **given).remarks == []


def test_dots_alone_are_told():
    dots = np.zeros((60, 60))
    dots[::20, ::20] = 1
    found = measure(dots)
    assert len(found.segments) == 0
    assert "dots alone" in found.remarks[0]


def test_a_vessel_that_the_border_of_the_frame_cuts_has_no_width_there():
    mask = np.zeros((100, 200), bool)
    mask[:4, 20:180] = True  # of a vessel that may be of any width
    found = measure(mask)
    width = row(found, "width_median")
    assert np.isnan(width.value)
    assert width.note == "no cross-section"
    assert value(found, "length") == pytest.approx(160, rel=0.03)
    mask[40:46, 20:180] = True
    assert value(measure(mask), "width_median") == pytest.approx(6, abs=0.05)
    whole = np.roll(mask, 1, axis=0)  # one row of background says where the vessel ends
    assert measure(whole).segments.width_median.tolist() == pytest.approx([4, 6], abs=0.05)


def test_branches_too_short_for_a_direction_make_no_crossing_and_no_warning():
    from napari_saunetv2.measure.branching import _fork, _straight_pairs

    directions = np.full((4, 2, 2), np.nan)
    directions[:2, 0] = [(0, 1), (0, -1)]
    arms = [(n, 0) for n in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _straight_pairs(arms, directions) is None
        assert np.isnan(_fork(arms[1:], directions, np.ones((4, 2)))[3])


@pytest.mark.parametrize("seed", range(3))
def test_noise_on_small_photographs_warns_of_nothing(seed):
    random = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for side in (3, 8, 24):
            mask = random.random((side, side)) < 0.4
            found = measure(
                mask, probability=np.where(mask, 0.8, 0.3), photograph=random.random((side, side, 3))
            )
            empty = found.image[found.image.value.isna()]
            assert (empty.note != "").all()
            assert np.isfinite(found.image.value.dropna()).all()
