"""Registering two photographs, held against transforms that are known."""

import numpy as np
import pytest
from known import Moved, synthetic

from napari_saunetv2.errors import ImageError, RegistrationError, SettingsError
from napari_saunetv2.visits import Visit, register

MOVES = {
    "turned": Moved(25, 1.0, (10, -20)),
    "upside down": Moved(178, 1.0, (0, 12)),
    "smaller": Moved(-7, 0.85, (20, 5)),
    "larger": Moved(6, 1.2, (-15, 10)),
    "bent": Moved(4, 1.03, (12, -8), 5, 300),
    "partly in view": Moved(-5, 1.0, (30, 230), 2, 300),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_known_transform_is_found(move):
    eye, known = synthetic(), MOVES[move]
    moved = known.visit(eye)
    found = register(moved, eye)
    errors = known.errors(found, eye, moved)
    assert np.median(errors) <= 0.5  # 1.5 px are promised on photographs
    assert np.percentile(errors, 95) <= 3
    assert found.confidence > 0.9
    assert 0.3 < found.overlap <= 1
    assert not [warning for warning in found.warnings if "bent" not in warning]


def test_the_inverse_leads_back_and_the_photograph_is_drawn_where_it_belongs():
    eye, known = synthetic(photograph=True), MOVES["bent"]
    picture = known.image(np.asarray(eye.photograph))
    moved = known.visit(eye, picture)
    found = register(moved, eye)
    points = np.random.default_rng(0).uniform(100, 450, (50, 2))
    assert np.allclose(found.transform.to_fixed(found.transform.to_moving(points)), points, atol=0.01)
    drawn = found.warp(picture)
    inside = np.s_[150:430, 150:430]
    assert (
        np.abs(drawn - eye.photograph)[inside].mean() < 0.6 * np.abs(picture - eye.photograph)[inside].mean()
    )
    assert drawn.dtype == picture.dtype
    mask = found.warp(np.asarray(moved.vessels), order=0)
    assert mask.dtype == bool
    assert (
        np.logical_and(mask, eye.vessels).sum()
        > 0.85 * np.asarray(eye.vessels)[mask.any() or ...].sum() * 0.9
    )


def test_derivatives_are_those_of_the_transform():
    eye = synthetic()
    transform = register(MOVES["bent"].visit(eye), eye).transform
    points = np.random.default_rng(1).uniform(100, 450, (20, 2))
    for axis in (0, 1):
        step = np.eye(2)[axis] * 1e-4
        slope = (transform.to_moving(points + step) - transform.to_moving(points - step)) / 2e-4
        assert np.allclose(transform.jacobian(points)[:, :, axis], slope, atol=1e-4)


@pytest.mark.parametrize("other", [1, 2])
def test_two_eyes_are_refused(other):
    with pytest.raises(RegistrationError, match="do not fit"):
        register(synthetic(other), synthetic(0))


def test_a_mirrored_eye_is_refused():
    eye = synthetic()
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


def test_without_a_field_of_view_the_vessels_tell_what_is_in_view():
    eye, known = synthetic(), MOVES["partly in view"]
    moved = known.visit(eye)
    found = register(Visit(moved.vessels), Visit(eye.vessels))
    assert np.median(known.errors(found, eye, moved)) < 1
    assert abs(found.overlap - register(moved, eye).overlap) < 0.15


def test_a_part_that_does_not_fit_is_named():
    eye = synthetic()
    vessels = np.array(eye.vessels)
    vessels[:200, :230] = synthetic(3).vessels[:200, :230]
    found = register(Visit(vessels, eye.fov), eye)
    assert any("upper left" in warning for warning in found.warnings)


def test_pixel_sizes_that_contradict_the_vessels_are_said():
    eye = synthetic()
    one = Visit(eye.vessels, eye.fov, spacing=10.0)
    assert not register(Visit(eye.vessels, eye.fov, spacing=10.0), one).warnings
    (warning,) = register(Visit(eye.vessels, eye.fov, spacing=12.0), one).warnings
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
    for known in (MOVES["smaller"], MOVES["bent"]):
        moved = known.visit(Visit(second, eye.fov))
        assert np.median(known.errors(register(moved, eye), eye, moved)) <= 1.5
    chase = shared / "data" / "CHASE_DB1"
    left, right = (Visit(read_mask(chase / f"Image_01{side}_1stHO.png")) for side in "LR")
    with pytest.raises(RegistrationError):
        register(left, right)
