"""Nothing of a photograph is computed twice between its file and its results."""

from collections import Counter

import numpy as np
import pytest

from napari_saunetv2.batch import images
from napari_saunetv2.batch.looks import look
from napari_saunetv2.batch.measuring import MeasureOutputs, measure_one
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging import field_of_view, fundus, intensity, modality
from napari_saunetv2.imaging.quality import _cells, quality
from napari_saunetv2.imaging.synthetic import fundus as synthetic
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.inference import predict
from napari_saunetv2.measure.files import MeasureOptions
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain

EYE = synthetic((300, 290), seed=1).image
LARGE = synthetic((1300, 1290), seed=1).image
"""Of a small one all is looked at."""

CONFIG = InferenceConfig(device="cpu", engine="torch", precision="float32")


@pytest.fixture
def calls(monkeypatch):
    """How often what takes long was called, and how often a whole photograph was made floats."""
    count: Counter[str] = Counter()

    def counted(name, module, function, when=lambda *_: True):
        real = getattr(module, function)

        def call(*arguments):
            count[name] += when(*arguments)
            return real(*arguments)

        monkeypatch.setattr(module, function, call)

    counted("field", field_of_view, "detect")
    counted("doubts", fundus, "doubts")
    counted("cells", _cells, "_reduced")
    counted("floats", intensity, "_scaled", lambda part: part.ndim == 3 and part.size >= LARGE.size)
    return count


def test_a_file_to_its_mask(tmp_path, calls):
    file = write_image(tmp_path / "eye.png", LARGE)
    options, post = images.OutputOptions(tmp_path, overlay=True), PostProcessing(threshold=0.5, fov="auto")
    done = drain(images.segment_steps(file, "eye", checkpoint.load(), CONFIG, post, options))
    assert done.quality is not None
    # The network was given the field of view alone, and all of it was made floats once, for the overlay.
    assert calls == {"field": 1, "doubts": 1, "cells": 1, "floats": 1}


def test_a_mask_needs_no_photograph_in_floats(tmp_path, calls):
    file = write_image(tmp_path / "eye.png", LARGE)
    post = PostProcessing(threshold=0.5)
    drain(images.segment_steps(file, "eye", checkpoint.load(), CONFIG, post, images.OutputOptions(tmp_path)))
    assert calls["floats"] == 0


def test_an_array_to_its_probability(calls):
    predict(LARGE, checkpoint.load(), CONFIG)
    assert (calls["field"], calls["doubts"], calls["floats"]) == (1, 1, 0)


def test_a_file_to_its_measurements(tmp_path, calls):
    file = write_image(tmp_path / "eye.png", EYE)
    outputs = MeasureOutputs(tmp_path / "out")
    assert measure_one(file, "eye", MeasureOptions(), CONFIG, outputs).status == "done"
    assert calls["field"] == 1


def test_a_look_and_a_mark(tmp_path, calls, monkeypatch):
    monkeypatch.setattr("napari_saunetv2.batch.looks.folder", lambda: tmp_path / "kept")
    assert look(write_image(tmp_path / "eye.png", EYE)).score == pytest.approx(quality(EYE).score, abs=5e-4)
    assert (calls["field"], calls["doubts"], calls["cells"]) == (2, 2, 2)  # of two


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, bool])
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_any_part_of_what_is_stored_is_that_part_of_the_floats(dtype, channels):
    grey = EYE[..., 1] / np.float32(255)
    image = grey if channels is None else np.repeat(grey[..., None], channels, 2)
    top = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    image = image > 0.3 if dtype is bool else (image * top).astype(dtype)
    unit, stored = intensity.to_unit(image), intensity.stored(image)
    assert stored.shape == unit.shape
    np.testing.assert_array_equal(intensity.to_unit(stored[3::7, 5::3]), unit[3::7, 5::3])
    np.testing.assert_array_equal(field_of_view.detect(stored), field_of_view.detect(unit))
    np.testing.assert_array_equal(field_of_view.shown(stored), field_of_view.shown(unit))
    assert fundus.doubts(stored, grey > 0.1) == fundus.doubts(unit, grey > 0.1)
    assert modality.pictured(image).unit is not image
    assert not modality.pictured(image).unit.flags.writeable
    cells, others = (_cells.cells_of(one, grey > 0.1) for one in (stored, unit))
    for one, other in zip(cells, others, strict=True):
        np.testing.assert_array_equal(one, other)
