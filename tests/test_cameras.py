"""The script that scores models on every camera."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_saunetv2 import datasets
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from tiny import save_model

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "cameras.py"
CAMERAS = runpy.run_path(str(SCRIPT))


def lines(width, angle=0.3, count=6, side=300):
    """Straight vessels of one width, in all directions."""
    y, x = np.mgrid[:side, :side] - side / 2
    drawn = np.zeros((side, side), bool)
    for n in range(count):
        turned = angle + n * 0.5
        across = x * np.sin(turned) + y * np.cos(turned) - (n - count / 2) * side / 20
        drawn |= np.abs(across) <= width / 2
    return drawn


@pytest.mark.parametrize("width", [2, 3, 4.5, 8])
@pytest.mark.parametrize("ratio", [0.7, 1, 1.3, 1.6])
def test_the_width_against_the_observer_is_the_ratio_of_the_widths(width, ratio):
    found = CAMERAS["widths_against"](lines(width), lines(width * ratio))
    assert found == pytest.approx(ratio, abs=0.03)


def test_vessels_that_only_one_of_them_sees_do_not_change_the_width():
    truth, found = lines(4), lines(5.2)
    expected = CAMERAS["widths_against"](truth, found)
    half = np.arange(300) < 130
    missed = np.where(half[None], False, found)
    invented = found | lines(7, angle=0.55, count=2)
    for other in (missed, invented):
        assert CAMERAS["widths_against"](truth, other) == pytest.approx(expected, abs=0.04)
    assert np.isnan(CAMERAS["widths_against"](truth, np.zeros_like(truth)))
    assert np.isnan(CAMERAS["widths_against"](np.zeros_like(truth), found))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """ROSSA with synthetic angiograms, and a model that was trained on one of them."""
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    for part, numbers in {"train_manual": (1, 42), "val": (101, 131)}.items():
        for number in numbers:
            eye = fundus((320, 320), number)
            for kind, pixels in (("images", 255 - eye.image[..., 1]), ("labels", eye.vessels != 0)):
                (tmp_path / "data" / "OCTA" / "ROSSA" / part / kind).mkdir(parents=True, exist_ok=True)
                place = tmp_path / "data" / "OCTA" / "ROSSA" / part / kind / f"{number}.png"
                Image.fromarray(pixels).save(place)
    trained = {"dataset": "rossa", "train": ["1"], "validation": []}
    other = {"dataset": "drive", "train": ["21_training"], "validation": []}
    for name, about in {"trained": trained, "other": other}.items():
        save_model(tmp_path / "models" / f"{name}.safetensors", modality="octa", data=about)
    return tmp_path / "data"


def run(data, monkeypatch, capsys, *words):
    out = data / "cameras.json"
    monkeypatch.setattr(sys, "argv", ["cameras.py", str(data), *words, "--json", str(out)])
    # As the program sets it for itself alone.
    monkeypatch.setattr("logging.disable", lambda level: None)
    runpy.run_path(str(SCRIPT), run_name="__main__")
    return json.loads(out.read_text(encoding="utf-8")), capsys.readouterr().out


def test_a_model_is_scored_on_what_it_has_not_seen(data, monkeypatch, capsys):
    plain = ("--engine", "torch", "--precision", "float32")
    scored, said = run(
        data, monkeypatch, capsys, "--models", "trained", "other", "--scales", "1", "1.3", *plain
    )
    about = [(line["model"], line["dataset"], line["part"], line["scale"]) for line in scored]
    assert about == [(name, "rossa", "test", scale) for name in ("trained", "other") for scale in (1, 1.3)]
    assert all(line["images"].keys() == {"101", "131"} for line in scored)
    whole, larger = (line["images"]["101"]["f1"] for line in scored[:2])
    assert whole != larger
    sample = datasets.read(data / "OCTA" / "ROSSA")[-1]
    found = scored[0]["images"][sample.name]
    truth = sample.labels()
    assert found["f1"] == pytest.approx(
        2 * found["se"] * found["precision"] / (found["se"] + found["precision"])
    )
    assert scored[0]["mean"]["worst"] == min(one["f1"] for one in scored[0]["images"].values())
    assert 0.03 < truth.mean() < 0.3
    assert "| trained | ROSSA | test | 2 | 1 |" in said


def test_a_data_set_that_was_left_out_is_scored_whole(data, monkeypatch, capsys):
    plain = ("--engine", "torch", "--precision", "float32")
    scored, said = run(data, monkeypatch, capsys, "--left-out", "rossa=other", *plain)
    assert [(line["part"], len(line["images"])) for line in scored] == [("all", 3), ("test", 2)]
    assert "42" not in scored[0]["images"]  # nearly equals an image of the test part
    mean = np.mean([one["f1"] for one in scored[0]["images"].values()])
    assert f"mean of 1: F1 {mean:.4f}" in said


def test_a_model_that_has_seen_the_data_set_is_refused(data, monkeypatch, capsys):
    with pytest.raises(SettingsError, match=r"'trained' or its base model was trained on 1 .*without this"):
        run(data, monkeypatch, capsys, "--left-out", "rossa=trained")
