"""Where no field of view is found, a photograph is scaled by its longer side, and the program says so."""

import numpy as np
import pytest

from napari_saunetv2.imaging import field_of_view, plausibility
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference import planning
from napari_saunetv2.training import Pair, TrainConfig
from napari_saunetv2.training.views import prepare

TRAINED = 540.0
RETINA = fundus((1100, 1100), 5, fov_diameter=2000)


def crop(side):
    """A square from inside the eye: no border shows."""
    return RETINA.image[:side, :side]


def planned(image):
    return planning.plan(to_unit(image), TRAINED, "auto", "auto", None, "torch")


@pytest.mark.parametrize(
    ("side", "factor"),
    [
        (1080, 0.5),  # as wide as the field of view of the training photographs
        (600, 1.0),  # within a quarter of it
        (300, 1.4),  # a crop of a small photograph is hardly enlarged
    ],
)
def test_the_longer_side_counts_as_the_field_of_view(side, factor):
    image = crop(side)
    assert field_of_view.diameter(field_of_view.detect(to_unit(image))) is None
    assert planned(image).working_shape == (round(side * factor), round(side * factor))


def test_no_photograph_is_reduced_below_the_limit():
    assert planning.factor_to(np.ones((4000, 4000), bool), TRAINED) == pytest.approx(0.4)


def test_a_rectangle_on_black_counts_by_its_own_size():
    on_black = np.zeros((1400, 1500, 3), np.uint8)
    on_black[150:1230, 200:1280] = crop(1080)
    assert planned(on_black).working_shape == (540, 540)


def test_a_user_who_gives_the_factor_is_obeyed():
    unit = to_unit(crop(1080))
    assert planning.factor_for(unit, TRAINED, "off", None) == 1
    assert planning.factor_for(unit, TRAINED, 0.8, None) == 0.8


def test_the_remark_says_how_the_scale_was_found_and_that_it_is_not_sure():
    inside = np.ones((1080, 1080), bool)
    (said,) = plausibility.of_scale(inside * 0 != 0, TRAINED, 0.5)
    assert "as if its longer side were one; if that is wrong" in said
    (said,) = plausibility.of_scale(inside * 0 != 0, TRAINED, 0.7)  # the user's own factor
    assert "as if" not in said


def test_a_network_is_trained_at_the_same_scale():
    pair = Pair("crop", crop(1080), RETINA.vessels[:1080, :1080])
    prepared = prepare(pair, TrainConfig(fov_diameter=TRAINED))
    assert prepared.frame == (slice(0, 540), slice(0, 540))
