import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from following import follow
from napari_saunetv2 import checkpoint, cli, datasets, evaluation, inference, teachers, training
from napari_saunetv2.errors import FileFormatError, ImageError, LayoutError, SettingsError
from napari_saunetv2.evaluation import crossvalidation
from napari_saunetv2.metrics import best_threshold
from napari_saunetv2.training import Pair, Recipe, TrainConfig, fine_tune
from napari_saunetv2.training.copies import copy
from napari_saunetv2.training.material import gather
from napari_saunetv2.training.views import batch, meaning, prepare

CPU = torch.device("cpu")
CONFIG = TrainConfig(steps=2, batch=1, crop=32, warmup=0, validation=0)
TINY = Recipe((CONFIG,))
NAMES = [f"im{n:04}" for n in (1, 2, 3, 44)]


@pytest.fixture
def stare(tmp_path: Path) -> Path:
    """Four images in STARE's layout."""
    rng, folder = np.random.default_rng(0), tmp_path / "STARE"
    folder.mkdir()
    for name in NAMES:
        Image.fromarray(rng.integers(0, 256, (40, 48, 3), np.uint8)).save(folder / f"{name}.ppm")
        labels = (rng.random((40, 48)) < 0.2).astype(np.uint8) * 255
        Image.fromarray(labels).save(folder / f"{name}.ah.ppm", "PPM")
    return folder


def one(soft=None, name: str = "a") -> Pair:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (40, 30, 3)).astype(np.uint8)
    return Pair(name, image, (rng.random((40, 30)) < 0.2).astype(np.uint8), soft=soft)


def a_map(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((40, 30)).astype(np.float32)


# what is learned


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_what_is_learned_is_the_mixture(share):
    soft = a_map()
    vessels, _ = meaning(one(soft), replace(CONFIG, soft=share))
    truth = one().vessels
    np.testing.assert_allclose(vessels[..., 0], (1 - share) * truth + share * soft, atol=1e-6)
    without, _ = meaning(one(soft), CONFIG)
    assert set(np.unique(without)) == {0, 1}
    with pytest.raises(ImageError, match="'a' has no soft labels"):
        meaning(one(), replace(CONFIG, soft=share))


def test_soft_labels_are_resampled_as_smoothly_as_the_image():
    ramp = np.repeat(np.linspace(0, 1, 30, dtype=np.float32)[None], 40, axis=0)
    pair = Pair("a", np.repeat(np.round(255 * ramp).astype(np.uint8)[..., None], 3, axis=2), one().vessels)
    config = replace(CONFIG, soft=1, batch=4, crop=16)
    image = prepare(replace(pair, soft=ramp), config)
    images, vessels, _ = batch([image], replace(config, augmentation=STILL), 0)
    torch.testing.assert_close(vessels, images[:, :1], atol=0.004, rtol=0)
    # A turned copy: nearest would leave steps of a thirtieth, as far as half a pixel off.
    soft, hard = (copy(image, 1, 0, labels).canvas for labels in ("bilinear", "nearest"))
    inside = soft[0] > 0.1
    assert (soft[3] - soft[0])[inside].abs().mean() < 0.2 * (hard[3] - hard[0])[inside].abs().mean()


STILL = training.config.Augmentation(
    scale=(0.8, 1.25), elastic=0, brightness=0, contrast=0, saturation=0, channel=0, gamma=1, noise=0, blur=0,
    vignetting=0, grey=0, overhang=0,
)  # fmt: skip


@pytest.mark.parametrize("copies", [0, 5])
def test_validation_and_the_bias_go_by_the_labels_alone(copies):
    pairs = [one(a_map(n), f"n{n}") for n in range(4)]
    config = replace(CONFIG, soft=0.5, validation=0.3, copies=copies)
    material = gather(pairs, config, CPU)
    assert all(set(image.vessels.unique().tolist()) <= {0, 1} for image in material.watched)
    assert all(len(image.vessels.unique()) > 100 for image in material.train)
    assert material.judged(config) is material.watched
    everything = gather(pairs, replace(config, validation=0), CPU).judged(replace(config, validation=0))
    assert len(everything) == 4
    assert all(set(image.vessels.unique().tolist()) == {0, 1} for image in everything)


def test_where_soft_labels_make_no_sense_they_are_refused(tmp_path: Path):
    for share, others in ((1.1, {}), (-0.1, {}), (0.5, {"sparse": True}), (0.5, {"classes": ("a", "b")})):
        with pytest.raises(SettingsError, match="soft"):
            replace(CONFIG, soft=share, **others)
    with pytest.raises(SettingsError, match="several images"):
        gather([one(a_map())], replace(CONFIG, soft=0.5, validation=0.3), CPU)
    with pytest.raises(ImageError, match="soft labels are"):
        one(np.zeros((4, 4), np.float32))


# who teaches


def test_every_image_is_taught_by_the_model_that_has_not_seen_it(stare: Path, tmp_path: Path):
    samples, run = datasets.read(stare), tmp_path / "run"
    follow(crossvalidation.cross_validate(samples, TINY, run, folds=2, name="tiny"))
    _, folder = follow(teachers.teach(run, samples, tta="none"))
    assert folder == run / "soft"
    for number, held in ((1, samples[:2]), (2, samples[2:])):
        model = checkpoint.load(run / f"fold-{number}" / "model.safetensors")
        for sample in held:
            assert not evaluation.seen(sample, model.header)
            answer = inference.segment(sample.image(), model, engine="torch", precision="float32")
            np.testing.assert_allclose(teachers.read(folder, sample.name), answer, atol=0.6 / 65535)
    assert tifffile.imread(folder / "im0001.tif").dtype == np.uint16
    assert teachers.about(folder) == (NAMES, "none")


def test_an_image_that_every_model_has_seen_is_not_taught(stare: Path, tmp_path: Path):
    samples, run = datasets.read(stare), tmp_path / "run"
    work = crossvalidation.cross_validate(samples, TINY, run, folds=2)
    for report in work:
        if report.fold == 2:
            break
    work.close()
    with pytest.raises(SettingsError, match="'im0003'"):
        next(teachers.teach(run, samples))
    assert not (run / "soft").exists()
    with pytest.raises(LayoutError, match="cross-validate"):
        next(teachers.teach(tmp_path, samples))


def test_soft_labels_that_are_missing_or_none_are_told(tmp_path: Path):
    with pytest.raises(LayoutError, match="saunetv2 teach"):
        teachers.read(tmp_path, "a")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.uint8))
    with pytest.raises(FileFormatError, match="no soft labels"):
        teachers.read(tmp_path, "a")
    with pytest.raises(FileFormatError, match="does not tell"):
        teachers.about(tmp_path)


def test_the_commands_teach_a_student(stare: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setitem(training.RECIPES, "tiny", TINY)
    monkeypatch.setitem(training.RECIPES, "few", replace(TINY, images={"stare": frozenset(NAMES[:2])}))

    def call(*arguments) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["saunetv2", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out + printed.err

    run, student = tmp_path / "run", tmp_path / "student"
    assert call("cross-validate", "stare", stare, "-o", run, "--recipe", "tiny", "--folds", 2)[0] == 0
    code, text = call("teach", run, stare, "--tta", "none")
    assert (code, "--soft" in text) == (0, True), text
    code, text = call("calibrate", run / "fold-1" / "model.safetensors", stare, "--soft", run / "soft")
    assert (code, "--tta none, not d4" in text) == (1, True), text
    model = run / "fold-1" / "model.safetensors"
    assert call("calibrate", model, stare, "--soft", run / "soft", "--tta", "none")[0] == 0
    learned = [s for s in datasets.read(stare) if s.name in NAMES[2:]]
    best = best_threshold(
        [s.labels() for s in learned], [teachers.read(run / "soft", s.name) for s in learned]
    )
    assert checkpoint.load(model).header.threshold == best
    code, text = call("train", stare, "-o", student, "--recipe", "few", "--soft", run / "soft")
    assert code == 0, text
    header = checkpoint.load(student / "model.safetensors").header
    assert (header.recipe["soft"], header.data["train"]) == (0.5, NAMES[:2])
    # What its teachers saw it has seen too.
    assert all(evaluation.seen(sample, header) for sample in datasets.read(stare))
    code, text = call("train", stare, "-o", tmp_path / "x", "--recipe", "tiny", "--soft", tmp_path)
    assert (code, "saunetv2 teach" in text) == (1, True)


def test_a_student_learns_from_its_teachers(tmp_path: Path):
    pairs = [one(np.full((40, 30), 0.9, np.float32), f"n{n}") for n in range(2)]
    small = {"widths": (8, 8, 8, 8), "dropblock": 0.0}
    config = replace(
        CONFIG, network_arguments=small, steps=30, learning_rate=1e-2, ema=0.5, calibrated=False, loss="bce",
        precision="float32",
    )  # fmt: skip
    means = []
    for share in (0, 1):
        _, path = follow(fine_tune(pairs, replace(config, soft=share), tmp_path / str(share)))
        means.append(inference.segment(pairs[0].image, checkpoint.load(path), rescale="off").mean())
    assert means[0] < 0.5 < means[1]
