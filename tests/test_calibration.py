from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from following import follow
from napari_saunetv2 import evaluation, inference
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import LayoutError
from napari_saunetv2.files import write_image, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import calibration


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """A synthetic photograph under the name of one that the bundled model was trained on."""
    made = fundus((120, 120), seed=3)
    image = write_image(tmp_path / "21_training.png", made.image)
    labels = write_mask(tmp_path / "21_manual1.png", made.vessels)
    return Sample("drive", "21_training", "21", None, "train", image, {"1st": labels}, reference="1st")


@pytest.mark.parametrize("tta", ["none", "d4"])
def test_the_threshold_found_is_the_best_there_is(sample: Sample, tta):
    model = checkpoint.load("saunetv2-drive")
    config = replace(evaluation.EXACT, tta=tta)
    _, header = follow(calibration.calibrate(calibration.known([sample], model), model, config))
    found = header.threshold if tta == "none" else header.tta_thresholds[tta]
    exact = {"engine": "torch", "precision": "float32"}  # as thresholds are found
    prediction = inference.segment(sample.image(), model, tta=tta, **exact).ravel()
    truth = sample.labels().ravel()
    best = max(f1_score(truth, prediction >= t) for t in np.arange(20, 81) / 100)
    assert f1_score(truth, prediction >= found) == pytest.approx(best)


def test_images_that_the_model_never_saw_choose_nothing(sample: Sample):
    model = checkpoint.load("saunetv2-drive")
    stranger = Sample("drive", "01_test", "01", None, "test", sample.image_path, sample.label_paths)
    assert calibration.known([stranger, sample], model) == [sample]
    with pytest.raises(LayoutError, match="trained"):
        calibration.known([stranger], model)


def test_ranges_are_measured_and_kept_in_the_file(sample: Sample, tmp_path: Path):
    pytest.importorskip("openvino")
    model = checkpoint.load("saunetv2-drive")
    _, header = follow(calibration.measure_ranges([sample], model))
    assert len(header.ranges) == 22
    assert header.ranges[0] == pytest.approx((0, sample.image().max() / 255), abs=0.01)
    checkpoint.save(tmp_path / "kept.safetensors", model.network, header)
    assert checkpoint.load(tmp_path / "kept.safetensors").header.ranges == header.ranges
