import math

import numpy as np
import pytest
from skimage import data, draw

from napari_saunetv2 import datasets, inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging import field_of_view, fundus
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus as synthetic
from napari_saunetv2.inference import preflight, uncertainty
from napari_saunetv2.models import checkpoint

NOT_FUNDI = ("astronaut", "camera", "coffee", "chelsea", "coins", "moon", "page", "brick", "rocket")


@pytest.fixture(scope="module")
def model():
    return checkpoint.load()


def doubt(image):
    unit = to_unit(image)
    return next(iter(fundus.doubts(unit, field_of_view.detect(unit))), "")


# --- is it a fundus photograph?


@pytest.mark.parametrize("seed", range(3))
def test_a_synthetic_eye_looks_like_one(seed):
    image = synthetic((300, 280), seed).image
    assert doubt(image) == ""
    assert doubt(image[..., 1]) == ""  # grey


@pytest.mark.parametrize("name", NOT_FUNDI)
def test_other_photographs_do_not(name):
    assert doubt(getattr(data, name)())


def test_noise_and_blank_pictures_do_not():
    rng = np.random.default_rng(0)
    assert doubt(rng.integers(0, 256, (120, 120, 3), np.uint8))
    assert "dark" in doubt(np.zeros((20, 20, 3), np.uint8))
    assert "border" in doubt(np.full((20, 20), 255, np.uint8))
    assert "border" in doubt(synthetic((300, 280)).image[100:200, 100:200])
    assert "colours" in doubt(synthetic((300, 280)).image[..., ::-1])
    square = np.zeros((100, 100), np.uint8)
    square[20:80, 20:80] = 200
    assert "round" in doubt(square)


@pytest.mark.data
@pytest.mark.parametrize("key", ["drive", "stare", "chase", "hrf"])
def test_real_photographs_look_like_ones(shared, key):
    folder = {"drive": "DRIVE", "stare": "STARE", "chase": "CHASE_DB1", "hrf": "HRF"}[key]
    samples = datasets.read(shared / "data" / folder, key)
    every = 5 if key == "hrf" else 3  # the others are of the same cameras
    for sample in samples[::every]:
        assert doubt(sample.image()) == "", sample.name


# --- the outline


def test_the_outline_of_a_disc():
    fov = np.zeros((120, 140), bool)
    fov[draw.disk((60, 70), 40)] = True
    corners = field_of_view.outline(fov)
    assert np.hypot(*(corners - [60, 70]).T) == pytest.approx(40, abs=1)
    (y, x), (next_y, next_x) = corners.T, np.roll(corners, 1, axis=0).T
    area = 0.5 * abs(np.dot(y, next_x) - np.dot(x, next_y))  # the shoelace formula
    assert area == pytest.approx(math.pi * 40**2, rel=0.01)
    assert len(field_of_view.outline(np.zeros((9, 9), bool))) == 0
    assert field_of_view.outline(np.ones((9, 9), bool)).min() < 0.5  # closed along the frame


# --- the card


def test_a_drive_sized_image(model):
    card = preflight.describe(synthetic().image, model, InferenceConfig())
    lines = card.lines()
    assert lines[0] == "RGB uint8, FOV 539 px"
    assert lines[1] == "565x584, field with margin 571x570, padded to 576x576, cropped back"
    assert lines[2].startswith("1 pass, about ")
    assert lines[2].endswith("MB on cpu")
    assert not card.advice
    assert card.canvas == (576, 576)
    assert 50e6 < card.memory < 500e6
    assert card.seconds > 0


def test_its_passes_are_those_of_the_work(model):
    image = synthetic((200, 260)).image
    config = InferenceConfig(tta="flips", rescale=1.5, tile=160)
    card = preflight.describe(image, model, config, measure=False, planes=3)
    work = inference.steps(image, model, config)
    assert card.passes == 3 * next(work).total
    work.close()
    spread = uncertainty.steps(image, model, config)
    with_it = preflight.describe(image, model, config, measure=False, uncertainty=True)
    assert with_it.passes == card.passes // 3 + next(spread).total
    spread.close()
    assert card.seen_shape == (202, 202)  # the eye is 192 pixels wide
    assert card.working_shape == (303, 303)
    assert card.seconds is None
    assert (
        card.lines()[1] == "260x200, field with margin 202x202, scaled to 303x303, "
        f"{card.tiles} tiles padded to 160x160, blended"
    )


def test_kinds_of_pictures(model):
    eye = synthetic((64, 64)).image
    for image, kind, dtype in (
        (eye[..., 1], "grey", "uint8"),
        (eye.astype(np.uint16) * 257, "RGB", "uint16"),
        (np.dstack([eye, eye[..., :1]]).astype(np.float32) / 255, "RGBA", "float32"),
    ):
        card = preflight.describe(image, model, InferenceConfig(), measure=False)
        assert (card.kind, card.dtype) == (kind, dtype)
    with pytest.raises(ImageError):
        preflight.describe(np.full((9, 9), np.nan), model, InferenceConfig(), measure=False)


def advice(image, model, **settings):
    return " ".join(preflight.describe(image, model, InferenceConfig(**settings), measure=False).advice)


def test_it_warns_of_another_scale(model):
    twice = synthetic((1100, 1100)).image
    assert "set rescale to auto" in advice(twice, model, rescale="off")
    assert advice(twice, model) == ""
    assert "fine vessels" in advice(synthetic((100, 100)).image, model)


def test_it_warns_of_no_fundus(model):
    assert "not be a fundus photograph" in advice(data.camera(), model)


def test_times_are_said_as_people_do():
    assert [preflight.duration(s) for s in (0.01, 3.14, 60, 600)] == ["0.1 s", "3.1 s", "60 s", "10 min"]
