import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn import metrics as sk

from napari_saunetv2 import datasets, evaluation, inference
from napari_saunetv2.errors import ImageError, LayoutError, SettingsError
from napari_saunetv2.evaluation import report
from napari_saunetv2.imaging import overlay
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import calibration


@pytest.mark.data
def test_scores_of_a_real_image_are_scikit_learns(shared: Path):
    sample = evaluation.chosen(datasets.read(shared / "data" / "DRIVE"), "test")[0]
    probability = inference.segment(sample.image(), "saunetv2-drive", engine="torch", precision="float32")
    truth, field = sample.labels(), sample.fov() != 0
    for protocol, inside in (("whole", np.ones_like(field)), ("fov", field)):
        (score,) = evaluation.evaluate([sample], "saunetv2-drive", protocol=protocol)
        prediction = probability >= 0.5
        assert score.metrics["f1"] == pytest.approx(sk.f1_score(truth[inside], prediction[inside]))
        assert score.metrics["mcc"] == pytest.approx(sk.matthews_corrcoef(truth[inside], prediction[inside]))
        assert score.metrics["auc"] == pytest.approx(sk.roc_auc_score(truth[inside], probability[inside]))


@pytest.mark.data
def test_the_bundled_model_holds_what_is_promised_for_drive(shared: Path):
    """The first five test images stand for all twenty, which make evaluate scores."""
    samples = evaluation.chosen(datasets.read(shared / "data" / "DRIVE"), "test")[:5]
    scores = list(evaluation.evaluate(samples, "saunetv2-drive"))
    assert evaluation.mean(scores)["f1"] > 0.82
    assert evaluation.mean(scores)["auc"] > 0.98
    observer = list(evaluation.evaluate_observer(samples, "2nd"))
    found = evaluation.compare(scores, observer)
    assert (found["f1"].wins, found["f1"].low > 0, found["auc"].images) == (5, True, 0)


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


def test_the_unseen_images_are_those_that_made_no_model():
    def sample(name, dataset="drive"):
        return datasets.Sample(dataset, name, name, None, None, Path(name))

    samples = [sample("21"), sample("22"), sample("01")]
    header = checkpoint.Header(data={"dataset": "drive, stare", "train": ["21"], "validation": ["22"]})
    assert [s.name for s in evaluation.chosen(samples, "unseen", header)] == ["01"]
    # An image of another data set that happens to have the name was not seen.
    assert len(evaluation.chosen([sample("21", "hrf")], "unseen", header)) == 1
    # A model that names no data set has seen what has the name.
    anywhere = checkpoint.Header(data={"train": ["21"], "validation": []})
    assert not evaluation.seen(sample("22", "hrf"), anywhere)
    assert evaluation.seen(sample("21", "hrf"), anywhere)
    with pytest.raises(LayoutError, match="trained on every image"):
        evaluation.chosen(samples[:2], "unseen", header)
    for unknown in (None, checkpoint.Header(data={"imported from": "x.h5"})):
        with pytest.raises(SettingsError, match="train, test"):
            evaluation.chosen(samples, "unseen", unknown)


def test_what_any_training_before_saw_was_seen():
    def sample(name, dataset="drive"):
        return datasets.Sample(dataset, name, name, None, None, Path(name))

    def told(**data):
        return {"name": "a", "data": data, "recipe": {}}

    before = (
        told(dataset="drive", train=["21"], validation=["22"]),
        told(dataset="chase", train=["11L"], validation=[]),
    )
    own = {"dataset": "stare", "train": ["im0001"], "validation": []}
    header = checkpoint.Header(data=own, lineage=before)
    samples = [sample("21"), sample("22"), sample("11L", "chase"), sample("im0001", "stare"), sample("01")]
    assert [evaluation.seen(s, header) for s in samples] == [True, True, True, True, False]
    assert [s.name for s in evaluation.chosen(samples, "unseen", header)] == ["01"]
    model = checkpoint.Checkpoint("m", torch.nn.Identity(), header)
    assert [s.name for s in calibration.known(samples, model)] == ["21", "22", "11L", "im0001"]
    # Older versions could train on soft labels by models that had seen more images.
    taught = replace(header, data=own | {"teachers": ["im0044"]})
    assert evaluation.seen(sample("im0044", "stare"), taught)
    assert not evaluation.seen(sample("im0044", "stare"), header)
    # From weights of an unknown training nobody knows what was not seen, only what was.
    unknown = replace(header, lineage=(told(**{"imported from": "x.h5"}), *before))
    assert evaluation.seen(sample("21"), unknown)
    with pytest.raises(SettingsError, match="train, test"):
        evaluation.seen(sample("01"), unknown)
    assert len(calibration.known(samples, replace(model, header=unknown))) == 4
    with pytest.raises(SettingsError, match="train, test"):
        calibration.known(samples[-1:], replace(model, header=unknown))


# --- pairs


def scored(f1, **others):
    """Scores of images 0, 1, ... that differ in F1 only, unless told."""
    same = dict.fromkeys(evaluation.TITLES, 0.5)
    return [evaluation.ImageScore(str(n), {**same, "f1": v, **others}) for n, v in enumerate(f1)]


def test_a_comparison_is_of_pairs():
    first, second = scored([0.8, 0.7, 0.9, 0.6, 0.8]), scored([0.7, 0.65, 0.8, 0.58, 0.77])
    found = evaluation.compare(first, second[::-1])["f1"]
    assert (found.images, found.wins, found.losses) == (5, 5, 0)
    assert found.difference == pytest.approx(0.06)
    assert found.p_value == pytest.approx(2 / 2**5)  # all five of one sign: two of 32 equally likely cases
    assert 0.02 <= found.low < found.difference < found.high <= 0.1
    assert evaluation.compare(first, second)["f1"] == found  # the draws are seeded
    turned = evaluation.compare(second, first)["f1"]
    assert (turned.difference, turned.wins, turned.losses) == (pytest.approx(-0.06), 0, 5)


def test_the_bootstrap_interval_covers_the_mean_as_often_as_it_says():
    """Of 60 experiments with a known mean about 57 should hold it; 50 is six standard deviations away."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(60):
        differences = rng.normal(0.01, 0.013, 20)
        found = evaluation.compare(scored(0.8 + differences), scored([0.8] * 20))["f1"]
        hits += found.low <= 0.01 <= found.high
    assert 50 <= hits < 60


def test_where_lower_is_better_the_lower_wins():
    few, many = scored([0.5] * 3, betti0=2.0), scored([0.5] * 3, betti0=9.0)
    found = evaluation.compare(few, many)
    assert (found["betti0"].wins, found["betti0"].difference) == (3, -7)
    assert (found["f1"].wins, found["f1"].losses, found["f1"].p_value) == (0, 0, 1)
    assert (found["f1"].low, found["f1"].high) == (0, 0)


def test_what_has_no_value_is_in_no_pair():
    found = evaluation.compare(scored([0.8, float("nan")]), scored([0.7, 0.6], auc=float("nan")))
    assert (found["f1"].images, found["f1"].difference) == (1, pytest.approx(0.1))
    assert np.isnan(found["f1"].low)
    assert found["auc"].images == 0
    json.loads(evaluation.as_json(scored([0.5]), {}, found), parse_constant=pytest.fail)


@pytest.mark.parametrize("others", [["0"], ["0", "2"], ["0", "1", "1"]])
def test_other_images_cannot_be_compared(others):
    second = [evaluation.ImageScore(name, scored([0.5])[0].metrics) for name in others]
    with pytest.raises(SettingsError, match="same images"):
        evaluation.compare(scored([0.5, 0.6]), second)


# --- curves and misses


def test_the_curve_is_scikit_learns():
    rng = np.random.default_rng(0)
    truth = rng.random((50, 60)) < 0.2
    probability = np.clip(0.4 * truth + 0.6 * rng.random(truth.shape), 0, 1).astype(np.float32)
    inside = rng.random(truth.shape) < 0.8
    line = evaluation.curve(truth, probability, inside)
    for n in range(0, 200, 7):
        prediction = probability[inside] >= evaluation.THRESHOLDS[n]
        assert line.recall[n] == pytest.approx(sk.recall_score(truth[inside], prediction))
        if prediction.any():
            assert line.precision[n] == pytest.approx(sk.precision_score(truth[inside], prediction))
    middle = list(evaluation.THRESHOLDS).index(0.5)
    point = line.recall[middle], line.precision[middle]
    assert evaluation.operating_point(truth, probability >= 0.5, inside) == pytest.approx(point)
    assert np.isnan(evaluation.curve(truth * 0, probability).recall).all()
    mean = evaluation.mean_curve([line, evaluation.curve(truth * 0, probability)])
    np.testing.assert_allclose(mean.recall, line.recall)


def test_a_missed_branch_is_found_with_its_place_and_length():
    truth = np.zeros((80, 100), np.uint8)
    truth[38:43, 5:95] = 1  # the trunk
    truth[42:75, 49:52] = 1  # a branch downwards
    truth[5:8, 10:14] = 1  # a speck, too short to be a vessel
    prediction = truth.copy()
    prediction[46:, 49:52] = 0
    prediction[5:8] = 0
    (miss,) = evaluation.misses(truth, prediction)
    assert abs(miss.column - 50) <= 1
    assert abs(miss.row - (46 + 74) // 2) <= 2
    assert 28 <= miss.length <= 34
    assert 0 <= miss.recall < 0.2
    assert evaluation.misses(truth, truth) == []
    assert evaluation.misses(truth * 0, truth) == []
    inside = np.ones_like(truth)
    inside[44:] = 0
    assert evaluation.misses(truth, prediction, inside) == []
    everything = evaluation.misses(truth, truth * 0)
    assert [m.recall for m in everything] == [0] * 3  # two halves of the trunk, and the branch
    assert everything[0].length >= everything[-1].length


def test_a_case_refuses_what_cannot_be_compared():
    truth = np.zeros((4, 5), np.uint8)
    for wrong in (np.zeros((5, 4), np.float32), np.full((4, 5), 2.0), np.full((4, 5), np.nan)):
        with pytest.raises(ImageError, match="'eye'"):
            evaluation.Case("eye", None, truth, wrong)
    with pytest.raises(ImageError, match="'eye'"):
        evaluation.Case("eye", None, truth, truth, inside=truth[1:])


def test_labels_have_no_area_under_a_curve():
    truth = (np.arange(20).reshape(4, 5) % 3 == 0).astype(np.uint8)
    score = evaluation.Case("eye", None, truth, truth * 7).score()
    assert np.isnan(score.metrics["auc"])
    assert score.metrics["f1"] == 1


# --- tables and the page


def test_markdown_is_a_table_whose_cells_hold():
    scores = [evaluation.ImageScore("a|b", scored([0.5])[0].metrics), *scored([0.75])]
    text = evaluation.as_markdown(scores, "title", evaluation.compare(scores, scores))
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in tables[:5]} == {len(evaluation.TITLES) + 2}
    assert r"a\|b" in text
    assert "| **mean** | 0.5000 | 0.5000 | 0.5000 | 0.5000 | 0.6250 |" in text


def test_the_page_holds_everything_and_loads_nothing():
    rng = np.random.default_rng(0)
    entries = []
    for name, noise in (("good", 0.1), ("<script>bad</script>", 0.9)):
        image = rng.integers(0, 256, (40, 50, 3), np.uint8)
        truth = rng.random((40, 50)) < 0.3
        prediction = (truth * (1 - noise) + noise * rng.random(truth.shape)).astype(np.float32)
        entries.append(report.entry(evaluation.Case(name, image, truth, prediction)))
    about = {"scored": "<b>me</b>", "compared with": "you & me"}
    html = report.page(entries, "<i>", about, model=checkpoint.load("saunetv2-drive"), others=entries)
    for raw in ("<script", "<b>me", "<i>", "you & me", "http://", "https://", 'src="/'):
        assert raw not in html, raw
    assert "&lt;script&gt;bad" in html
    assert html.index("&lt;script&gt;bad") < html.index("<td>good")  # the worst first
    for part in ("260,521", "not a medical device", "Wilcoxon", "<polyline", "&lt;b&gt;me", "21_training"):
        assert part in html, part
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert len(pictures) == 2
    for text in pictures:
        assert Image.open(io.BytesIO(base64.b64decode(text))).size == (50, 40)
    assert not re.search(r"\$[a-z]", html)


def test_right_and_wrong_have_fixed_colours():
    truth, prediction = np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]])
    codes = overlay.agreement(truth, prediction)
    assert codes.tolist() == [[1, 3, 2, 0]]
    assert overlay.agreement(truth, prediction, np.array([[1, 1, 0, 1]])).tolist() == [[1, 3, 0, 0]]
    picture = overlay.agreement_picture(np.full((1, 4, 3), 0.5, np.float32), codes, 700).convert("RGB")
    colours = [picture.getpixel((x, 0)) for x in range(4)]
    assert colours[:3] == [(0, 158, 115), (86, 180, 233), (240, 228, 66)]
    assert len(set(colours[3])) == 1  # grey
    large = np.zeros((90, 201), np.uint8)
    assert overlay.agreement_picture(np.zeros((90, 201, 3), np.float32), large, 100).size == (67, 30)
