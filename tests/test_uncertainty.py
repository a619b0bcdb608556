import numpy as np
import pytest
import torch

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference import passes, uncertainty
from napari_saunetv2.models import checkpoint


@pytest.fixture(scope="module")
def model():
    return checkpoint.load("saunetv2-drive")


def test_it_is_the_variance_over_the_eight_views(model):
    image = fundus((64, 80)).image
    answers = []
    for mirror in (False, True):
        for turns in range(4):
            view = np.rot90(image, turns)
            view = view[:, ::-1] if mirror else view
            answer = inference.segment(view.copy(), "saunetv2-drive", rescale="off")
            answers.append(np.rot90(answer[:, ::-1] if mirror else answer, -turns))
    found = uncertainty.variance(image, model, InferenceConfig(rescale="off"))
    assert found.dtype == np.float32
    assert np.allclose(found, np.var(answers, axis=0), atol=1e-6)
    assert found.min() >= 0
    assert 1e-4 < found.max() <= 0.25
    mean = inference.segment(image, "saunetv2-drive", tta="d4", rescale="off")
    assert np.allclose(np.mean(answers, axis=0), mean, atol=1e-5)


def test_a_network_that_turns_with_the_image_is_sure(model, monkeypatch):
    def steps(image, *_):
        yield inference.Progress(0, 1)
        yield inference.Progress(1, 1)
        return image[None, ..., 1].astype(np.float32) / 255

    monkeypatch.setattr(passes, "steps", steps)
    assert not uncertainty.variance(fundus((64, 80)).image, model, InferenceConfig()).any()


def test_progress_counts_all_passes(model):
    image = fundus((70, 64)).image
    with torch.inference_mode():
        states = list(uncertainty.steps(image, model, InferenceConfig(rescale="off", tile=64)))
    assert states[0] == (0, 16)
    assert states[-1] == (16, 16)
    assert [s.done for s in states] == sorted(s.done for s in states)


@pytest.mark.parametrize("rescale", ["auto", 1.5])
def test_every_view_has_the_same_scale(rescale, model, monkeypatch):
    asked = []
    real = passes.steps

    def steps(image, model, config):
        asked.append(config.rescale)
        return real(image, model, config)

    monkeypatch.setattr(passes, "steps", steps)
    small = fundus((100, 90), fov_diameter=360).image if rescale == "auto" else fundus((64, 64)).image
    found = uncertainty.variance(small, model, InferenceConfig(rescale=rescale))
    assert found.shape == small.shape[:2]
    assert len(set(asked)) == 1
