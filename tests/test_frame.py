"""How much black surrounds the eye changes nothing, whichever way a photograph goes through a network."""

import numpy as np
import pytest

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging import frame as frames
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference import uncertainty
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.validation import preview
from napari_saunetv2.training.views import prepare

EYE = fundus((250, 230), 3)
EXACT = {"device": "cpu", "engine": "torch", "precision": "float32"}
BLACK = [(40, 40, 40, 40), (300, 0, 0, 0), (0, 0, 0, 301), (3, 80, 0, 17)]
"""Pixels above, below, left and right."""


def surrounded(array, black):
    above, below, left, right = black
    return np.pad(array, ((above, below), (left, right), *((0, 0),) * (array.ndim - 2)))


def tight(fov):
    """Black that must be taken away, as a negative number, for the frame to touch the eye on every side."""
    rows, columns = field_of_view.extent(fov)
    return -rows.start, rows.stop - fov.shape[0], -columns.start, columns.stop - fov.shape[1]


def same_frame(array, black):
    """Take the black away again."""
    above, below, left, right = black
    return array[..., above : array.shape[-2] - below, left : array.shape[-1] - right]


@pytest.fixture(scope="module")
def model():
    return checkpoint.load("saunetv2-general")


@pytest.mark.parametrize("settings", [{}, {"tta": "flips"}, {"tile": 128}, {"rescale": 0.7}])
def test_black_around_the_eye_changes_nothing(model, settings):
    config = InferenceConfig(**(EXACT | {"rescale": "off"} | settings))
    expected = drain(inference.steps(EYE.image, model, config))
    assert (expected > 0.5).any()
    for black in BLACK:
        found = drain(inference.steps(surrounded(EYE.image, black), model, config))
        assert np.array_equal(same_frame(found, black), expected)


def test_a_frame_that_touches_the_eye_changes_nothing(model):
    above, below, left, right = (-n for n in tight(field_of_view.detect(to_unit(EYE.image))))
    assert min(above, below, left, right) > 0
    height, width = EYE.image.shape[:2]
    part = EYE.image[above : height - below, left : width - right]
    expected = inference.segment(EYE.image, model, **EXACT)
    found = inference.segment(part, model, **EXACT)
    assert np.array_equal(np.pad(found, ((above, below), (left, right))), expected)


def test_black_changes_nothing_where_the_field_of_view_is_given(model):
    config, black = InferenceConfig(**EXACT), (20, 90, 5, 300)
    expected = drain(inference.steps(EYE.image, model, config, EYE.fov))
    found = drain(inference.steps(surrounded(EYE.image, black), model, config, surrounded(EYE.fov, black)))
    assert np.array_equal(same_frame(found, black), expected)


def test_black_changes_nothing_in_the_uncertainty(model):
    config, black = InferenceConfig(rescale="off", **EXACT), (0, 90, 5, 30)
    expected = drain(uncertainty.steps(EYE.image, model, config))
    found = drain(uncertainty.steps(surrounded(EYE.image, black), model, config))
    assert np.array_equal(same_frame(found, black), expected)


def test_a_large_photograph_with_black_around_it_is_searched_on_the_same_grid():
    """Above 800 pixels the field of view is searched on every second or third pixel."""
    eye = fundus((1500, 1400), 1)
    expected = field_of_view.detect(to_unit(eye.image))
    for black in BLACK:
        found = field_of_view.detect(to_unit(surrounded(eye.image, black)))
        assert np.array_equal(same_frame(found, black), expected)
        assert field_of_view.roundness(found) == field_of_view.roundness(expected)


def test_a_crop_on_black_has_no_field_of_view_and_is_cut_out(model):
    """A rectangle of retina is no disc, whatever surrounds it: its scale cannot be told from its size."""
    crop = EYE.image[60:190, 50:180]
    around = surrounded(crop, (40, 10, 300, 0))
    assert field_of_view.is_rectangle(field_of_view.detect(to_unit(around)))
    expected = inference.segment(crop, model, **EXACT)
    found = inference.segment(around, model, **EXACT)
    assert np.array_equal(same_frame(found, (40, 10, 300, 0)), expected)


def test_training_sees_what_is_seen_in_use(model):
    image, black = EYE.image, (40, 0, 80, 10)
    config = TrainConfig(fov_diameter=model.header.fov_diameter)
    once, again = (
        prepare(Pair("eye", surrounded(image, b), surrounded(EYE.vessels, b)), config)
        for b in ((0, 0, 0, 0), black)
    )
    assert np.array_equal(once.canvas, again.canvas)
    plan = inference.planned(image, model, InferenceConfig(**EXACT))
    height, width = plan.working_shape
    assert once.frame == (slice(0, height), slice(0, width))
    from napari_saunetv2.inference.passes import at_scale

    np.testing.assert_array_equal(
        once.canvas[:3, :height, :width].permute(1, 2, 0), at_scale(to_unit(image), plan)
    )
    shown = preview(again, 20 * again.vessels[None] - 10).labels
    assert shown.shape == surrounded(image, black).shape[:2]
    overlap = np.count_nonzero(same_frame(shown, black) & EYE.vessels)
    assert overlap > 0.8 * np.count_nonzero(EYE.vessels)


def test_what_is_not_round_is_not_cut_away():
    """Part of an eye may be too dark to be found: only what is black is left out."""
    unit = to_unit(surrounded(EYE.image, (30, 30, 30, 30)))
    fov = field_of_view.detect(unit)
    expected = field_of_view.extent(fov)
    fov[120:] = False
    assert field_of_view.roundness(fov) < field_of_view.ROUND
    seen = frames.of(unit, fov)
    assert seen.margin == 0
    assert seen.rows.start <= expected[0].start
    assert seen.rows.stop >= expected[0].stop


def test_a_frame_is_cut_and_put_back():
    image = np.random.default_rng(0).random((40, 50, 3), np.float32)
    frame = frames.Frame(slice(5, 30), slice(10, 50), 4)
    part = frames.cut(image, frame)
    assert part.shape[:2] == frame.shape == (33, 48)
    assert part[4:-4, 4:-4].tolist() == image[5:30, 10:50].tolist()
    assert not part[:4].any()
    assert not part[-4:].any()
    assert not part[:, :4].any()
    assert not part[:, -4:].any()
    back = frames.paste(np.moveaxis(part, 2, 0), frame, (40, 50))
    assert np.array_equal(back[:, 5:30, 10:50], np.moveaxis(image[5:30, 10:50], 2, 0))
    assert not back[:, :5].any()
    assert not back[:, 30:].any()
    assert not back[:, :, :10].any()
    assert np.shares_memory(frames.cut(image, frames.whole(40, 50)), image)


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "name"), [("DRIVE", "39_training"), ("STARE", "im0001"), ("CHASE_DB1", "Image_07L")]
)
def test_real_photographs_with_black_around_them(shared, model, folder, name):
    from napari_saunetv2 import datasets

    image = next(s for s in datasets.read(shared / "data" / folder) if s.name == name).image()
    config, black = InferenceConfig(device="cpu"), (300, 0, 80, 1)
    expected = drain(inference.steps(image, model, config))
    found = drain(inference.steps(surrounded(image, black), model, config))
    assert np.array_equal(same_frame(found, black), expected)
