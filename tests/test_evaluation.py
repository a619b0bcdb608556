from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from napari_saunetv2 import datasets, evaluation, inference


@pytest.mark.data
def test_scores_of_a_real_image_are_scikit_learns(shared: Path):
    sample = evaluation.chosen(datasets.read(shared / "data" / "DRIVE"), "test")[0]
    probability = inference.segment(sample.image())
    truth, field = sample.labels(), sample.fov() != 0
    for protocol, inside in (("whole", np.ones_like(field)), ("fov", field)):
        (score,) = evaluation.evaluate([sample], "saunetv2-drive", protocol=protocol)
        answer = probability >= 0.5
        assert score.metrics["f1"] == pytest.approx(sk.f1_score(truth[inside], answer[inside]))
        assert score.metrics["mcc"] == pytest.approx(sk.matthews_corrcoef(truth[inside], answer[inside]))
        assert score.metrics["auc"] == pytest.approx(sk.roc_auc_score(truth[inside], probability[inside]))


@pytest.mark.data
def test_the_bundled_model_holds_what_is_promised_for_drive(shared: Path):
    """The first five test images stand for all twenty, which make evaluate scores."""
    samples = evaluation.chosen(datasets.read(shared / "data" / "DRIVE"), "test")[:5]
    scores = list(evaluation.evaluate(samples, "saunetv2-drive"))
    assert evaluation.mean(scores)["f1"] > 0.82
    assert evaluation.mean(scores)["auc"] > 0.98


@pytest.mark.data
def test_the_second_observer_scores_as_published(shared: Path):
    samples = evaluation.chosen(datasets.read(shared / "data" / "DRIVE"), "test")
    scores = list(evaluation.evaluate_observer(samples, "2nd"))
    assert evaluation.mean(scores)["f1"] == pytest.approx(0.788, abs=0.0005)


def test_a_mean_leaves_out_what_has_no_value():
    empty = dict.fromkeys(evaluation.TITLES, float("nan"))
    full = dict.fromkeys(evaluation.TITLES, 0.5)
    scores = [evaluation.ImageScore("a", empty), evaluation.ImageScore("b", full)]
    assert evaluation.mean(scores) == full
    assert '"f1": null' in evaluation.as_json(scores, {})


def test_without_a_split_the_test_images_are_scored_never_those_of_the_training():
    def sample(name, split):
        return datasets.Sample("drive", name, name, None, split, Path(name))

    halves = [sample("a", "train"), sample("b", "test")]
    unsplit = [sample("c", None), sample("d", None)]
    assert [s.name for s in evaluation.chosen(halves, None)] == ["b"]
    assert [s.name for s in evaluation.chosen(halves, "all")] == ["a", "b"]
    assert [s.name for s in evaluation.chosen(unsplit, None)] == ["c", "d"]
