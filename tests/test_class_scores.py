"""Scores of arteries and veins, against scikit-learn's."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from skimage.morphology import skeletonize
from sklearn.metrics import accuracy_score, f1_score, recall_score
from typer.testing import CliRunner

from napari_saunetv2 import evaluation
from napari_saunetv2.cli import app
from napari_saunetv2.errors import ImageError
from napari_saunetv2.evaluation import CLASS_MEANINGS, CLASS_TITLES, Case, ImageScore, class_metrics
from napari_saunetv2.files import write_artery_vein, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from tiny import save_model


def labels(seed: int) -> np.ndarray:
    """Stripes of every label, some pixels wrong."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((80, 90), np.uint8)
    for number, row in enumerate(range(4, 76, 6)):
        drawn[row : row + 3, 3:85] = (1, 2, 1, 2, 3, 4)[number % 6]
    noise = rng.random(drawn.shape) < 0.15 * (seed > 0)
    drawn[noise] = rng.integers(0, 4, noise.sum())
    return drawn


TRUTH, FOUND = labels(0), labels(1)
FOUND[FOUND == 4] = 1
COUNTED = np.random.default_rng(5).random(TRUTH.shape) < 0.9


@pytest.mark.parametrize("counted", [None, COUNTED])
@pytest.mark.parametrize("part", ["", "line_"])
def test_they_are_scikit_learns_on_the_pixels_of_the_protocol(counted, part):
    got = class_metrics(TRUTH, FOUND, counted)
    assert list(got) == list(CLASS_TITLES) == list(CLASS_MEANINGS)
    judged = np.ones(TRUTH.shape, bool) if counted is None else counted
    if part:
        judged = judged & skeletonize(TRUTH > 0, method="lee").astype(bool)
    vessel = judged & (TRUTH > 0)
    assert got[f"{part}found"] == pytest.approx(recall_score(vessel[vessel], FOUND[vessel] > 0))
    compared = judged & np.isin(TRUTH, (1, 2)) & (FOUND > 0)
    true, said = TRUTH[compared], FOUND[compared]
    assert (said == 3).any()  # neither artery nor vein alone: wrong
    assert got[f"{part}av_acc"] == pytest.approx(accuracy_score(true, said))
    of_artery, of_vein = recall_score(true, said, labels=[1, 2], average=None, zero_division=0)
    assert got[f"{part}av_se"] == pytest.approx(of_artery)
    assert got[f"{part}av_sp"] == pytest.approx(of_vein)


@pytest.mark.parametrize("counted", [None, COUNTED])
def test_dice_is_scikit_learns_with_crossings_as_both(counted):
    got = class_metrics(TRUTH, FOUND, counted)
    judged = np.ones(TRUTH.shape, bool) if counted is None else counted
    known = judged & (TRUTH != 4)
    for name, values in (("dice_artery", (1, 3)), ("dice_vein", (2, 3))):
        true, said = np.isin(TRUTH, values)[known], np.isin(FOUND, values)[known]
        assert got[name] == pytest.approx(f1_score(true, said))
    assert got["dice_vessel"] == pytest.approx(f1_score(TRUTH[judged] > 0, FOUND[judged] > 0))


def test_the_right_labels_score_one_and_swapped_ones_none():
    sure = np.where(TRUTH == 4, 1, TRUTH)
    assert set(class_metrics(TRUTH, sure).values()) == {1.0}
    swapped = np.array([0, 2, 1, 3])[sure]
    got = class_metrics(TRUTH, swapped)
    assert (got["av_acc"], got["av_se"], got["av_sp"], got["found"]) == (0, 0, 0, 1)
    empty = class_metrics(TRUTH * 0, FOUND)
    assert np.isnan([empty["found"], empty["av_acc"]]).all()


def test_other_labels_are_refused():
    with pytest.raises(ImageError, match=r"reference holds labels from 0 to 8.*\n?.*1 artery, 2 vein"):
        class_metrics(TRUTH * 2, FOUND)
    with pytest.raises(ImageError, match="labels of one image"):
        class_metrics(TRUTH, FOUND[:-1])


def test_the_mean_and_the_comparison_have_them_where_all_images_do():
    case = Case("a", None, TRUTH, FOUND, classes=(TRUTH, FOUND))
    plain = Case("b", None, TRUTH, FOUND).score()
    both = [case.score(), ImageScore("b", case.score().metrics)]
    assert evaluation.mean(both)["av_acc"] == case.score().metrics["av_acc"]
    assert "av_acc" not in evaluation.mean([case.score(), plain])
    assert evaluation.compare(both, both)["dice_artery"].difference == 0


def rite(root):
    """Make the folder of RITE beside that of DRIVE, with two synthetic test images."""
    for number in (1, 2):
        eye = fundus((160, 160), seed=number)
        for folder in ("DRIVE/test/images", "DRIVE/test/mask", "RITE/test"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(eye.image).save(root / f"DRIVE/test/images/{number:02}_test.tif")
        write_mask(root / f"DRIVE/test/mask/{number:02}_test_mask.gif", eye.fov)
        drawn = np.where(eye.vessels, 1 + (np.indices(eye.vessels.shape)[1] > 80), 0)
        write_artery_vein(root / f"RITE/test/{number:02}_test.png", drawn)
    return root / "RITE"


def test_the_command_scores_a_data_set_by_class(tmp_path):
    root, model = rite(tmp_path), save_model(tmp_path / "av.safetensors", classes=("artery", "vein"))
    words = ["evaluate", "rite", root, "--split", "test", "-m", model, "--threshold", "0.3"]
    files = {"--csv": "s.csv", "--json": "s.json", "--markdown": "s.md", "--report": "s.html"}
    out = [str(x) for option, name in files.items() for x in (option, tmp_path / name)]
    done = CliRunner().invoke(app, [*map(str, words), *out], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "A/V ACC" in done.output
    with (tmp_path / "s.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["image"] for row in rows] == ["01_test", "02_test", "mean"]
    mean = json.loads((tmp_path / "s.json").read_text())["mean"]
    assert float(rows[-1]["av_acc"]) == pytest.approx(mean["av_acc"], abs=1e-6)
    assert 0 <= mean["av_se"] <= 1
    assert "| A/V ACC |" in (tmp_path / "s.md").read_text()
    assert "<th>artery SE, lines</th>" in (tmp_path / "s.html").read_text()
    done = CliRunner().invoke(app, [*map(str, words), "--no-vote", "--json", str(tmp_path / "p.json")])
    assert done.exit_code == 0, done.output
    pixels = json.loads((tmp_path / "p.json").read_text())["mean"]
    assert pixels["f1"] == mean["f1"]
    assert pixels["av_acc"] != mean["av_acc"]


def test_a_model_of_vessels_is_scored_on_vessels_alone(tmp_path):
    root, model = rite(tmp_path), save_model(tmp_path / "one.safetensors")
    done = CliRunner().invoke(app, ["evaluate", "rite", str(root), "-m", str(model)])
    assert done.exit_code == 0, done.output
    assert "A/V ACC" not in done.output
