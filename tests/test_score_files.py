import csv

import numpy as np
import pytest
from sklearn import metrics as sk
from typer.testing import CliRunner

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.cli import app
from napari_saunetv2.evaluation import file_pairs
from napari_saunetv2.files import write_mask, write_probability

SHAPE = (40, 50)


def score(*words):
    done = CliRunner().invoke(app, ["score", *map(str, words)])
    return done, " ".join(str(done.exception or done.output).split())


@pytest.fixture
def eyes(tmp_path):
    """Two predictions, two truths, a second observer of one, fields of view; and what scikit-learn says."""
    rng = np.random.default_rng(0)
    expected = {}
    for name in ("one", "two"):
        truth = (rng.random(SHAPE) < 0.3).astype(np.uint8)
        second = (rng.random(SHAPE) < 0.3).astype(np.uint8)
        prediction = np.clip(0.5 * truth + 0.6 * rng.random(SHAPE), 0, 1).astype(np.float32)
        inside = np.zeros(SHAPE, np.uint8)
        inside[5:, :40] = 1
        for folder, pixels in (("truth", truth), ("other", second), ("fov", inside)):
            (tmp_path / folder).mkdir(exist_ok=True)
            if (folder, name) != ("other", "two"):
                write_mask(tmp_path / folder / f"{name}.png", pixels)
        (tmp_path / "found").mkdir(exist_ok=True)
        write_probability(tmp_path / "found" / f"{name}_probability.tif", prediction)
        kept = inside != 0
        f1, auc = (
            sk.f1_score(truth[kept], prediction[kept] >= 0.6),
            sk.roc_auc_score(truth[kept], prediction[kept]),
        )
        expected[f"{name}_probability"] = f1, auc, sk.f1_score(truth[kept], second[kept])
    return tmp_path, expected


def test_folders_score_as_scikit_learn_does(eyes):
    root, expected = eyes
    table = root / "scores.csv"
    words = [root / "found", root / "truth", "--second", root / "other", "--fov", root / "fov"]
    done, text = score(*words, "--threshold", 0.6, "--csv", table)
    assert done.exit_code == 0, text
    rows = {row["image"]: row for row in csv.DictReader(table.read_text().splitlines())}
    for name, (f1, auc, _) in expected.items():
        assert float(rows[name]["f1"]) == pytest.approx(f1, abs=1e-6)
        assert float(rows[name]["auc"]) == pytest.approx(auc, abs=1e-6)
    assert float(rows["mean"]["f1"]) == pytest.approx(np.mean([f1 for f1, *_ in expected.values()]), abs=1e-6)
    second = "one_probability (second observer)"
    assert float(rows[second]["f1"]) == pytest.approx(expected["one_probability"][2], abs=1e-6)
    assert "two_probability (second observer)" not in rows
    assert {row["note"] for row in rows.values()} == {DISCLAIMER}
    done, text = score(*words, "--csv", table)
    assert "already exists" in text


def test_a_mask_and_one_file_for_all(eyes):
    root, _ = eyes
    done, text = score(root / "truth" / "one.png", root / "truth" / "one.png")
    assert done.exit_code == 0, text
    assert "1.0000" in text
    assert [pair.truth.name for pair in file_pairs.matched(root / "found", root / "fov/one.png")] == [
        "one.png"
    ] * 2


def test_a_file_without_a_partner_is_told(eyes):
    root, _ = eyes
    (root / "truth" / "two.png").unlink()
    done, text = score(root / "found", root / "truth")
    assert done.exit_code == 1
    assert "holds nothing for 'two_probability.tif'" in text
    (root / "empty").mkdir()
    assert "holds no prediction" in score(root / "empty", root / "truth")[1]
