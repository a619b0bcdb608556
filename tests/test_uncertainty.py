from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference import passes, uncertainty
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain


@pytest.fixture(scope="module")
def model():
    return checkpoint.load("saunetv2-drive")


EXACT = {"rescale": "off", "engine": "torch", "precision": "float32"}


def test_it_is_the_variance_over_the_eight_views(model):
    image = fundus((64, 80)).image
    predictions = []
    for mirror in (False, True):
        for turns in range(4):
            view = np.rot90(image, turns)
            view = view[:, ::-1] if mirror else view
            prediction = inference.segment(view.copy(), "saunetv2-drive", **EXACT)
            predictions.append(np.rot90(prediction[:, ::-1] if mirror else prediction, -turns))
    found = drain(uncertainty.steps(image, model, InferenceConfig(**EXACT)))
    assert found.dtype == np.float32
    assert np.allclose(found, np.var(predictions, axis=0), atol=1e-6)
    assert found.min() >= 0
    assert 1e-4 < found.max() <= 0.25
    mean = inference.segment(image, "saunetv2-drive", tta="d4", **EXACT)
    assert np.allclose(np.mean(predictions, axis=0), mean, atol=1e-5)


def test_a_network_that_turns_with_the_image_is_sure(model, monkeypatch):
    def steps(image, *_):
        yield inference.Progress(0, 1)
        yield inference.Progress(1, 1)
        return image[None, ..., 1].astype(np.float32) / 255

    monkeypatch.setattr(passes, "steps", steps)
    assert not drain(uncertainty.steps(fundus((64, 80)).image, model, InferenceConfig())).any()


def test_progress_counts_all_passes(model):
    image = fundus((70, 64)).image
    with torch.inference_mode():
        whole = np.ones((70, 64), bool)
        states = list(uncertainty.steps(image, model, InferenceConfig(rescale="off", tile=64), whole))
    assert states[0] == (0, 16)
    assert states[-1] == (16, 16)
    assert [s.done for s in states] == sorted(s.done for s in states)


@pytest.mark.parametrize("rescale", ["auto", 1.5])
def test_every_view_has_the_same_scale(rescale, model, monkeypatch):
    shapes = set()
    real = passes.steps

    def steps(image, model, config, field):
        shapes.add(tuple(sorted(passes.planned(image, model, config, field).working_shape)))
        return real(image, model, config, field)

    monkeypatch.setattr(passes, "steps", steps)
    larger = replace(model, header=replace(model.header, fov_diameter=150.0))
    small = fundus((100, 90), fov_diameter=80).image
    found = drain(uncertainty.steps(small, larger, InferenceConfig(rescale=rescale)))
    assert found.shape == small.shape[:2]
    assert len(shapes) == 1
    assert shapes != {tuple(sorted(small.shape[:2]))}


def test_a_tiny_picture_is_enlarged_as_in_a_segmentation(model, monkeypatch):
    """A field of view of four pixels is enlarged beyond what ``rescale`` allows a user to ask for."""

    def steps(image, model, config, field):
        yield inference.Progress(0, passes.planned(image, model, config, field).working_shape[0])
        return np.zeros((1, *image.shape[:2]), np.float32)

    monkeypatch.setattr(passes, "steps", steps)
    field = np.zeros((12, 12), bool)
    field[4:8, 5:7] = field[5:7, 4:8] = True
    states = uncertainty.steps(np.zeros((12, 12), np.uint8), model, InferenceConfig(), field)
    assert next(states).total > 8 * 100 * 4
    assert list(states)
