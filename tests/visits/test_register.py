"""Registering two photographs, held against transforms that are known."""

from functools import lru_cache

import numpy as np
import pytest
from known import SMALL, Moved, synthetic

from napari_saunetv2.errors import ImageError, RegistrationError, SettingsError
from napari_saunetv2.visits import Visit, register

MOVES = {
    "upside down and smaller": Moved(178, 0.85, (0, 12)),
    "turned, larger and bent": Moved(12, 1.2, (12, -8), 5, 300),
}
FAR = Moved(-5, 1.0, (30, 230), 2, 300)
"""A third of it is out of view."""


@lru_cache
def registered(move):
    eye = synthetic()
    moved = MOVES[move].visit(eye)
    return moved, register(moved, eye)


@pytest.mark.parametrize("move", MOVES)
def test_a_known_transform_is_found(move):
    eye, (moved, found) = synthetic(), registered(move)
    errors = MOVES[move].errors(found, eye, moved)
    assert np.median(errors) <= 0.5  # 1.5 px are promised on photographs
    assert np.percentile(errors, 95) <= 3
    assert found.confidence > 0.9
    assert 0.3 < found.overlap <= 1
    assert not [warning for warning in found.warnings if "bent" not in warning]


def test_the_inverse_leads_back_and_the_photograph_is_drawn_where_it_belongs():
    eye, known = synthetic(photograph=True), MOVES["turned, larger and bent"]
    picture = known.image(np.asarray(eye.photograph))
    moved, found = registered("turned, larger and bent")
    points = np.random.default_rng(0).uniform(100, 450, (50, 2))
    assert np.allclose(found.transform.to_fixed(found.transform.to_moving(points)), points, atol=0.01)
    drawn = found.warp(picture)
    inside = np.s_[150:430, 150:430]
    before, after = (np.abs(image - eye.photograph)[inside].mean() for image in (picture, drawn))
    assert after < 0.6 * before
    assert drawn.dtype == picture.dtype
    mask = found.warp(np.asarray(moved.vessels), order=0)
    assert mask.dtype == bool
    both = np.logical_and(mask, eye.vessels)[inside].sum()
    assert both > 0.9 * np.asarray(eye.vessels)[inside].sum()


def test_derivatives_are_those_of_the_transform():
    transform = registered("turned, larger and bent")[1].transform
    points = np.random.default_rng(1).uniform(100, 450, (20, 2))
    for axis in (0, 1):
        step = np.eye(2)[axis] * 1e-4
        slope = (transform.to_moving(points + step) - transform.to_moving(points - step)) / 2e-4
        assert np.allclose(transform.jacobian(points)[:, :, axis], slope, atol=1e-4)


def test_two_eyes_are_refused():
    with pytest.raises(RegistrationError, match="'eye 1' do not fit those of 'eye 0'") as raised:
        register(synthetic(1, shape=SMALL), synthetic(0, shape=SMALL))
    assert str(raised.value).count(". ") == 0


def test_a_left_and_a_right_eye_are_refused_at_once():
    one, other = (Visit(np.ones((9, 9)), name=eye, eye=eye) for eye in ("left", "right"))
    with pytest.raises(
        RegistrationError, match=r"^'right' is of the right eye and 'left' of the left one: ch"
    ):
        register(one, other)


def test_a_mirrored_eye_is_refused():
    eye = synthetic(shape=SMALL)
    mirrored = Visit(np.fliplr(eye.vessels), np.fliplr(eye.fov), name="mirrored")
    with pytest.raises(RegistrationError, match="mirrored"):
        register(mirrored, eye)


def test_an_eye_without_enough_vessels_is_refused_in_a_sentence():
    eye = synthetic()
    few = np.zeros(eye.shape, bool)
    few[280:284, 100:400] = True
    for vessels in (few, np.zeros_like(few), np.ones_like(few)):
        with pytest.raises(ImageError, match=r"'hazy' shows \d+ pixels of vessels.*Choose"):
            register(Visit(vessels, eye.fov, name="hazy"), eye)
        with pytest.raises(ImageError, match="'hazy'"):
            register(eye, Visit(vessels, name="hazy"))


def test_of_a_part_in_view_without_a_field_of_view_the_vessels_tell_what_is_in_view():
    eye = synthetic()
    moved = FAR.visit(eye)
    found = register(Visit(moved.vessels), eye)
    assert np.median(FAR.errors(found, eye, moved)) < 1
    shown = FAR.image(np.asarray(eye.fov, np.float32)) > 0.5
    assert found.overlap == pytest.approx(shown.sum() / np.asarray(eye.fov).sum(), abs=0.15)


def test_a_part_that_does_not_fit_is_named():
    eye = synthetic()
    vessels = np.array(eye.vessels)
    vessels[:200, :230] = synthetic(3).vessels[:200, :230]
    found = register(Visit(vessels, eye.fov), eye)
    assert any("upper left" in warning for warning in found.warnings)


def test_pixel_sizes_that_contradict_the_vessels_are_said():
    eye = synthetic(shape=SMALL)
    one, same, other = (Visit(eye.vessels, eye.fov, spacing=size) for size in (10.0, 10.2, 12.0))
    assert not register(same, one).warnings
    (warning,) = register(other, one).warnings
    assert "micrometres" in warning


def test_what_cannot_be_is_refused():
    with pytest.raises(SettingsError, match="spacing of 'x' is -1"):
        Visit(np.ones((9, 9)), spacing=-1, name="x")
    with pytest.raises(ImageError, match="shape"):
        Visit(np.ones((9, 9)), np.ones((8, 9)))


@pytest.mark.data
def test_photographs_of_one_eye_are_registered_and_others_refused(shared):
    """By the observers' masks: DRIVE, and left and right eyes of CHASE_DB1."""
    from napari_saunetv2.files import read_mask

    drive = shared / "data" / "DRIVE" / "test"
    eye = Visit(
        read_mask(drive / "1st_manual" / "01_manual1.gif"), read_mask(drive / "mask" / "01_test_mask.gif")
    )
    second = read_mask(drive / "2nd_manual" / "01_manual2.gif")  # other vessels, other edges
    known = MOVES["turned, larger and bent"]
    moved = known.visit(Visit(second, eye.fov))
    assert np.median(known.errors(register(moved, eye), eye, moved)) <= 1.5
    chase = shared / "data" / "CHASE_DB1"
    left, right = (Visit(read_mask(chase / f"Image_01{side}_1stHO.png")) for side in "LR")
    with pytest.raises(RegistrationError):
        register(left, right)
