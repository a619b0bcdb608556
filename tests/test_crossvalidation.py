import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from following import follow
from napari_saunetv2 import cli, datasets, evaluation, training
from napari_saunetv2.errors import CheckpointError, OverwriteError, SettingsError
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import Recipe, TrainConfig, crossvalidation

NAMES = [f"im{n:04}" for n in (1, 2, 3, 44, 77)]
TINY = Recipe((TrainConfig(steps=2, batch=1, crop=32, warmup=0, validation=0),))


@pytest.fixture
def stare(tmp_path: Path) -> Path:
    """Five images in STARE's layout."""
    rng, folder = np.random.default_rng(0), tmp_path / "STARE"
    folder.mkdir()
    for name in NAMES:
        Image.fromarray(rng.integers(0, 256, (40, 48, 3), np.uint8)).save(folder / f"{name}.ppm")
        labels = (rng.random((40, 48)) < 0.2).astype(np.uint8) * 255
        Image.fromarray(labels).save(folder / f"{name}.ah.ppm", "PPM")
    return folder


@pytest.mark.parametrize(("images", "count", "sizes"), [(20, 5, [4] * 5), (5, 2, [2, 3]), (3, 3, [1] * 3)])
def test_folds_are_cut_in_order(images, count, sizes):
    folds = crossvalidation.folds_of(range(images), count)
    assert [len(fold) for fold in folds] == sizes
    assert [n for fold in folds for n in fold] == list(range(images))


@pytest.mark.parametrize("count", [0, 1, 6])
def test_there_are_two_folds_at_least_and_no_more_than_images(count):
    with pytest.raises(SettingsError, match="at least 2"):
        crossvalidation.folds_of(range(5), count)


def test_every_image_is_scored_by_a_model_that_has_not_seen_it(stare: Path, tmp_path: Path):
    samples, run = datasets.read(stare), tmp_path / "run"
    reports, scores = follow(crossvalidation.cross_validate(samples, TINY, run, folds=2, name="tiny"))
    assert [s.name for s in scores] == NAMES
    assert [(r.fold, r.training is None) for r in reports] == [
        (f, done) for f in (1, 2) for done in (0, 0, 1)
    ]
    for number, held in ((1, NAMES[:2]), (2, NAMES[2:])):
        model = run / f"fold-{number}" / "model.safetensors"
        header = checkpoint.load(model).header
        assert sorted(header.data["train"] + held) == NAMES
        assert header.data["dataset"] == "stare"
        unseen = evaluation.chosen(samples, "unseen", header)
        assert [s.name for s in unseen] == held
        again = {s.name: s.metrics for s in evaluation.evaluate(unseen, model)}
        for one in scores:
            if one.name in again:
                assert one.metrics == pytest.approx(again[one.name], nan_ok=True)


def test_a_run_that_was_stopped_goes_on_without_doing_a_fold_again(stare: Path, tmp_path: Path):
    samples = datasets.read(stare)
    whole = follow(crossvalidation.cross_validate(samples, TINY, tmp_path / "whole", folds=2))[1]
    run = tmp_path / "run"
    work = crossvalidation.cross_validate(samples, TINY, run, folds=2)
    for report in work:
        if report.fold == 2:  # in the middle of its training
            break
    work.close()
    with pytest.raises(OverwriteError, match="--resume"):
        next(crossvalidation.cross_validate(samples, TINY, run, folds=2))
    for other in ({"folds": 3}, {"scoring": evaluation.Scoring("fov")}):
        with pytest.raises(CheckpointError, match="other settings"):
            next(crossvalidation.cross_validate(samples, TINY, run, resume=True, **{"folds": 2} | other))
    first = (run / "fold-1" / "model.safetensors").stat().st_mtime_ns
    reports, scores = follow(crossvalidation.cross_validate(samples, TINY, run, folds=2, resume=True))
    assert [(r.fold, r.training and r.training.step) for r in reports] == [(1, None), (2, 2), (2, None)]
    assert (run / "fold-1" / "model.safetensors").stat().st_mtime_ns == first
    for one, other in zip(scores, whole, strict=True):
        assert one.metrics == pytest.approx(other.metrics, nan_ok=True)


def test_a_base_that_has_seen_the_images_is_refused(stare: Path, tmp_path: Path):
    samples = datasets.read(stare)
    *_, (model,) = follow_model(samples, tmp_path / "base")
    leaky = replace(TINY, base=str(model))
    with pytest.raises(SettingsError, match="im0001"):
        next(crossvalidation.cross_validate(samples, leaky, tmp_path / "run", folds=2))
    assert not (tmp_path / "run").exists()


def follow_model(samples, run):
    pairs = [training.Pair(s.name, s.image(), s.labels()) for s in samples]
    reports, path = follow(TINY.train(pairs, run, data={"dataset": "stare"}))
    return reports, (path,)


def test_the_command_prints_and_writes_one_table(stare: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setitem(training.RECIPES, "tiny", TINY)
    arguments = ["saunetv2", "cross-validate", "stare", str(stare), "-o", str(tmp_path / "run")]

    def call(*more: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", [*arguments, *more])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out + printed.err

    code, text = call("--recipe", "tiny", "--folds", "2", "--steps", "1")
    assert code == 0, text
    assert "over 5 images so far" in text
    for name in (*NAMES, "clDice"):
        assert name in text
    found = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert [image["name"] for image in found["images"]] == NAMES
    assert (found["protocol"], found["folds"], found["recipe"]) == ("whole", 2, "tiny")
    assert (tmp_path / "run" / "scores.csv").read_text().startswith("image,se,")
    assert call("--recipe", "tiny", "--folds", "2", "--steps", "1")[0] == 1
    assert call("--recipe", "tiny", "--folds", "2", "--steps", "1", "--resume")[0] == 0
    for wrong, says in ((["--recipe", "secret"], "secret"), (["--folds", "9"], "folds is 9")):
        code, text = call("--recipe", "tiny", *wrong, "--resume")
        assert (code, says in text) == (1, True), text
