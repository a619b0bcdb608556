import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from following import follow
from napari_saunetv2 import inference
from napari_saunetv2.cli import app
from napari_saunetv2.errors import CheckpointError, ImageError, LayoutError, SettingsError
from napari_saunetv2.files import write_image, write_mask
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.reproduce import FineTuning
from napari_saunetv2.training import (
    Outcome,
    Pair,
    TrainConfig,
    Tuning,
    fine_tune,
    folders,
    tasks,
    tuning,
    validation,
)
from napari_saunetv2.training.blocks import in_blocks
from napari_saunetv2.training.config import from_plain
from napari_saunetv2.training.corrections import better, between
from napari_saunetv2.training.losses import bce, bce_mcc, soft_mcc
from napari_saunetv2.training.matching import Named, match
from napari_saunetv2.training.meaning import VESSEL_SHARE, meaning
from napari_saunetv2.training.validation import corrected, logits, mean_f1
from napari_saunetv2.training.views import balanced, batch, prepare
from tiny import save_model

EXACT = {"engine": "torch", "precision": "float32"}
"""As quick as it gets for a model that nobody has run yet: "auto" first tries every engine."""

TINY = TrainConfig(
    network_arguments={"widths": (8, 8), "dropblock": 0.0},
    steps=6,
    batch=2,
    crop=32,
    warmup=0,
    ema=0.5,
    precision="float32",
    validation=0,
    validate_every=3,
    compare_with_base=True,
)


def pair(name: str = "eye", size: int = 96, seed: int = 0) -> Pair:
    sample = fundus((size, size), seed)
    return Pair(name, sample.image, sample.vessels, sample.fov)


def easy(one: Pair) -> Pair:
    """The same eye with vessels that a tiny network tells apart within a few steps."""
    image = np.full((*one.vessels.shape, 3), 90, np.uint8)
    image[one.vessels > 0] = (200, 60, 40)
    return replace(one, image=image)


LEARNING = replace(TINY, learning_rate=0.02, steps=10, crop=48, validate_every=2, validation=0.4)


def train(run: Path, pairs: list[Pair], config: TrainConfig, stop_at: int | None = None, **options):
    """Train; with ``stop_at`` ask it to stop after so many steps."""
    reports = []
    work = fine_tune(pairs, config, run, should_stop=lambda: len(reports) + 1 == stop_at, **options)
    while True:
        try:
            reports.append(next(work))
        except StopIteration as end:
            return reports, None if end.value is None else checkpoint.load(end.value)


def weights(model: checkpoint.Checkpoint) -> dict[str, torch.Tensor]:
    return model.network.state_dict()


@pytest.fixture
def base(tmp_path_factory) -> checkpoint.Checkpoint:
    """A tiny model that a fine-tuning can start from."""
    return checkpoint.load(
        save_model(tmp_path_factory.mktemp("base") / "base.safetensors", fov_diameter=90.0)
    )


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """Another user's folder."""
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path / "home" / "models"))
    return tmp_path / "home"


# --- what takes part


def test_a_weight_of_one_changes_no_loss_and_zero_leaves_pixels_out():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 8, 8, generator=draw)
    truth = (torch.rand(2, 1, 8, 8, generator=draw) > 0.7).float()
    half = torch.zeros(2, 1, 8, 8)
    half[..., :4] = 1
    for loss in (bce, bce_mcc):
        torch.testing.assert_close(loss(logits, truth, torch.ones_like(half)), loss(logits, truth, None))
        torch.testing.assert_close(loss(logits, truth, half), loss(logits[..., :4], truth[..., :4], None))
        assert loss(logits, truth, torch.zeros_like(half)).isfinite()
    assert soft_mcc(truth, truth, half) == pytest.approx(1)


def test_the_loss_of_two_kinds_is_the_mean_of_theirs():
    logits, truth = torch.randn(2, 2, 8, 8), (torch.rand(2, 2, 8, 8) > 0.5).float()
    each = [bce_mcc(logits[:, k : k + 1], truth[:, k : k + 1]) for k in range(2)]
    torch.testing.assert_close(bce_mcc(logits, truth), sum(each) / 2)


def test_what_is_not_annotated_changes_nothing(tmp_path):
    """Views look where something is annotated, and what is not has no vessels and no weight."""
    whole = pair()
    sparse = np.where(whole.vessels > 0, 1, 2).astype(np.uint8)
    sparse[:, 48:] = 0
    config = replace(TINY, sparse=True)
    image = prepare(Pair("eye", whole.image, sparse), config)
    assert image.window == (slice(3, 95), slice(3, 49))  # views look where something is annotated
    _, truth, weight, _ = batch([image] * 2, config, 3)
    assert weight is not None
    assert truth[weight == 0].max() == 0
    assert 0 < weight.mean() < 1
    # As much vessel counts as there is in an eye, however much of it was painted.
    counted = balanced(image.weight, image.vessels, image.balance)
    assert (counted * image.vessels).sum() / counted.sum() == pytest.approx(VESSEL_SHARE, rel=1e-3)
    dense = batch([prepare(whole, TINY)] * 2, TINY, 3)
    assert dense[2] is None
    _, model = train(tmp_path / "run", [Pair("eye", whole.image, sparse)], config)
    assert model.header.recipe["sparse"] is True


def test_resampled_strokes_stay_pure():
    """At half the scale a vessel that was painted beside nothing is all vessel still, not half of one."""
    image = fundus((128, 128)).image
    labels = np.zeros((128, 128), np.uint8)
    labels[61:64, 30:90], labels[70:73, 30:90] = 1, 2
    config = replace(TINY, sparse=True, fov_diameter=60.0)
    prepared = prepare(Pair("eye", image, labels), config)
    touched = prepared.weight > 0.05
    values = prepared.vessels[touched]
    assert prepared.canvas.shape[-1] < 128
    assert touched.any()
    assert ((values < 0.01) | (values > 0.99)).all()


def test_only_the_field_of_view_takes_part():
    one = pair()
    prepared = prepare(one, replace(TINY, inside_field=True))
    assert np.array_equal(prepared.weight[0].numpy()[prepared.frame] > 0, one.framed()[0].fov)
    assert prepare(one, TINY).weight is None


@pytest.mark.parametrize(
    ("changes", "value", "told"),
    [
        ({"sparse": True}, 3, "2 background"),
        ({"classes": ("artery", "vein")}, 5, "3 artery and vein, 4 a vessel of unknown class"),
        ({"classes": ("artery", "vein"), "overlapping": False}, 3, "2 vein"),
        ({"classes": ("a", "b", "c")}, 4, "3 c"),
        ({"classes": ("artery", "vein"), "sparse": True, "overlapping": True}, 5, "4 background"),
        ({"classes": ("artery", "vein"), "sparse": True}, 4, "3 background"),
    ],
)
def test_values_that_mean_nothing_are_told(changes, value, told):
    labels = np.full((96, 96), value, np.uint8)
    with pytest.raises(ImageError, match=told):
        prepare(Pair("eye", pair().image, labels), replace(TINY, **changes))


def test_an_image_without_strokes_is_told():
    with pytest.raises(ImageError, match="Nothing is annotated on 'eye'"):
        prepare(Pair("eye", pair().image, np.zeros((96, 96), np.uint8)), replace(TINY, sparse=True))


# --- several kinds of vessel


def test_two_kinds_of_vessel_are_learned_apart(tmp_path, base):
    image = np.full((64, 64, 3), 60, np.uint8)
    labels = np.zeros((64, 64), np.uint8)
    labels[10:20], labels[40:50] = 1, 2
    image[labels == 1], image[labels == 2] = (220, 60, 60), (60, 60, 220)
    config = replace(
        TINY, classes=("artery", "vein"), steps=150, learning_rate=1e-2, validate_every=50, crop=64
    )
    config = replace(config, augmentation=tuning.AUGMENTATIONS["rotations only"])
    _, model = train(tmp_path / "run", [Pair("eye", image, labels)], config, base=base)
    assert model.header.classes == ("artery", "vein")
    assert model.network.head.out_channels == 2
    maps = dict(zip(model.header.classes, inference.segment_classes(image, model, **EXACT), strict=True))
    assert maps["artery"][12:18].mean() > 0.7 > 0.3 > maps["artery"][42:48].mean()
    assert maps["vein"][42:48].mean() > 0.7 > 0.3 > maps["vein"][12:18].mean()
    # The answer for all vessels is that of the more probable kind.
    both = inference.segment(image, model, **EXACT)
    np.testing.assert_array_equal(both, np.maximum(*maps.values()))


def test_a_crossing_is_artery_and_vein_and_an_unknown_vessel_takes_no_part():
    labels = np.zeros((96, 96), np.uint8)
    labels[10:20], labels[40:50], labels[60:70] = 1, 2, 4
    labels[10:50, 30:40] |= 3
    config = replace(TINY, classes=("artery", "vein"))
    vessels, weight = meaning(Pair("eye", pair().image, labels), config)
    np.testing.assert_array_equal(vessels[..., 0] == 1, (labels == 1) | (labels == 3))
    np.testing.assert_array_equal(vessels[..., 1] == 1, (labels == 2) | (labels == 3))
    np.testing.assert_array_equal(weight[..., 0] == 0, labels == 4)
    apart, _ = meaning(Pair("eye", pair().image, labels % 3), replace(config, overlapping=False))
    assert not apart.all(axis=2).any()


def test_overlapping_classes_are_previewed_and_scored():
    labels = np.zeros((96, 96), np.uint8)
    labels[10:30] = 1
    labels[:, 30:50] |= 2
    seen = field_of_view.extent(pair().fov != 0)
    beside = np.ones_like(labels, bool)
    beside[seen] = False
    labels[beside] = 0  # what lies beside the eye is not seen
    config = replace(TINY, classes=("artery", "vein"))
    image = prepare(Pair("eye", pair().image, labels, prediction=np.minimum(labels, 2)), config)
    right = 20 * image.vessels[None] - 10
    np.testing.assert_array_equal(validation.preview(image, right).labels, labels)
    assert validation.mean_f1([image], [right]) == 1
    assert len(image.corrections.rows) == 20 * 20
    assert validation.corrected([image], [right], [0.5, 0.5]).all()
    one_of_both = right.clone()
    one_of_both[:, 0][right.min(dim=1).values > 0] = -10
    assert not validation.corrected([image], [one_of_both], [0.5, 0.5]).any()
    assert (validation.preview(image, one_of_both).labels == np.where(labels == 3, 2, labels)).all()


# --- what learns, and for how long


@pytest.mark.parametrize(("trains", "still"), [("decoder", ("encoder", "bridge")), ("head", ("dec", "up"))])
def test_only_the_parts_that_are_asked_for_learn(tmp_path, base, trains, still):
    _, model = train(tmp_path / "run", [pair()], replace(TINY, trains=trains), base=base)
    before, after = weights(base), weights(model)
    for name, tensor in before.items():
        if name.startswith(still):
            assert torch.equal(after[name], tensor), name
    assert not torch.equal(after["head.weight"], before["head.weight"])


def test_patience_ends_it(tmp_path):
    config = replace(TINY, steps=100, validate_every=1, patience=2, learning_rate=1e-12, validation=0.5)
    config = replace(config, crop=64)
    reports, _ = train(tmp_path / "run", [pair(size=160)], config)
    # Nothing gets better by such steps: the best is one of the first, and two more are waited for.
    assert reports[-1].step <= 20
    assert reports[-1].step - reports[-1].best_step == 2


def test_minutes_end_it(tmp_path):
    config = replace(TINY, steps=10**6, minutes=0.5 / 60)
    reports, _ = train(tmp_path / "run", [pair()], config)
    assert reports[-1].step < 10**4
    assert reports[-1].history[-1]["step"] == reports[-1].step  # the end is validated, and kept
    assert reports[-1].history[-1]["learning_rate"] < 0.2 * TINY.learning_rate


@pytest.mark.parametrize("validation", [0, 0.4])
@pytest.mark.parametrize("stop_at", [1, 4])
def test_a_stop_keeps_the_best_so_far(tmp_path, stop_at, validation):
    config = replace(TINY, validation=validation)
    _, model = train(tmp_path / "run", [pair(size=160)], config, stop_at)
    assert model.header.recipe["steps"] == 6
    assert inference.segment(pair().image, model, **EXACT).shape == (96, 96)


def test_a_base_that_is_never_beaten_leaves_no_model(tmp_path, base):
    config = replace(TINY, learning_rate=0.9, ema=0, validation=0.4, steps=3)  # steps that ruin it
    reports, model = train(tmp_path / "run", [pair(size=160)], config, base=base)
    assert [row["step"] for row in reports[-1].history] == [0, 3]
    assert (reports[-1].best_step, model) == (0, None)
    assert not (tmp_path / "run" / "model.safetensors").exists()
    outcome = Outcome.read(tmp_path / "run")
    assert outcome.model is None
    assert outcome.before == outcome.after == round(reports[0].validation_f1, 5)
    assert "No step beat the base model; no copy was kept." in outcome.describe()
    assert f"at its best threshold, {outcome.thresholds[0]:.2f}." in outcome.describe()
    again, model = train(tmp_path / "run", [pair(size=160)], config, base=base, resume=True)
    assert (again, model) == ([], None)


def test_what_beats_the_base_is_kept_and_told(tmp_path, base):
    one = easy(pair())
    reports, model = train(tmp_path / "run", [one], LEARNING, base=base)
    outcome = Outcome.read(tmp_path / "run")
    assert outcome.model == tmp_path / "run" / "model.safetensors"
    assert outcome.before == round(reports[0].validation_f1, 5)
    assert outcome.after == round(reports[-1].best_f1, 5) > outcome.before
    assert model.header.data["f1_after"] == model.header.scores[0]["mean"]["f1"] == outcome.after
    # The bias was moved: at a threshold of 0.5 the model has the F1 that was told.
    held = in_blocks(prepare(one, LEARNING), LEARNING.validation)[1]
    answer = logits(model.network, held, torch.device("cpu"))
    assert mean_f1([held], [answer]) == pytest.approx(outcome.after, abs=1e-3)
    # Nobody painted on a prediction: the labels are held against what the base says.
    assert not outcome.corrected.painted
    assert outcome.corrected.before == 0
    assert 0 < outcome.corrected.after < 1


# --- what somebody corrected


def corrected_pair(name: str = "eye", size: int = 128) -> Pair:
    """Labels that were painted on a prediction with the vessels of the left half too low by 6 pixels."""
    one = pair(name, size)
    wrong = one.vessels.copy()
    wrong[:, : size // 2] = np.roll(one.vessels, 6, axis=0)[:, : size // 2]
    return replace(easy(one), prediction=wrong)


@pytest.mark.parametrize(
    ("labels", "prediction", "sparse", "highest", "rows"),
    [
        ([0, 1, 255, 0], [0, 0, 1, 7], False, 1, [1, 3]),
        ([0, 1, 2, 2], [1, 0, 1, 0], True, 1, [1, 2]),
        ([0, 1, 2, 1], [1, 1, 1, 2], False, 2, [0, 2, 3]),
        ([3, 3, 1, 4], [1, 3, 3, 0], False, 3, [0, 2]),
    ],
)
def test_corrections_are_where_labels_differ_in_meaning(labels, prediction, sparse, highest, rows):
    weight = (np.array([labels]).T != 0)[..., None].astype("f4") if sparse else None
    by_value = sparse or highest > 1
    found = between(np.array([labels]).T, np.array([prediction]).T, highest, by_value=by_value, weight=weight)
    assert found.rows.tolist() == rows


def _corrected_in_view(one: Pair) -> int:
    """Corrected pixels in what the network is given: it predicts nothing elsewhere."""
    seen, _ = one.framed()
    return int((seen.prediction != seen.vessels).sum())


@pytest.mark.parametrize("scale", ["image", "model"])
def test_corrected_pixels_are_counted_at_the_images_own_scale(tmp_path, base, scale):
    one = corrected_pair()
    config = replace(LEARNING, steps=2, fov_diameter=90.0 if scale == "model" else None)
    train(tmp_path / "run", [one], config, base=base)
    found = Outcome.read(tmp_path / "run").corrected
    assert found.painted
    assert found.pixels == _corrected_in_view(one)
    assert 0 < found.held.pixels < found.pixels
    assert "corrected_right" in (tmp_path / "run" / "log.csv").read_text().splitlines()[0]


def test_a_network_that_says_the_labels_has_all_corrections_right_and_one_that_says_the_old_none():
    one = corrected_pair()
    image = prepare(one, TINY)
    rows, columns = image.frame
    seen, _ = one.framed()
    for says, share in ((seen.vessels, 1.0), (seen.prediction, 0.0)):
        answer = torch.full((1, 1, *image.canvas.shape[1:]), -9.0)
        answer[0, 0, rows, columns] = torch.from_numpy(np.where(says > 0, 9.0, -9.0)).float()
        right = corrected([image], [answer], [0.5])
        assert len(right) == _corrected_in_view(one)
        assert right.mean() == share


def test_the_best_step_goes_by_f1_and_by_what_was_corrected():
    def row(f1, right=None):
        return {"validation_f1": f1} | ({} if right is None else {"corrected_right": right})

    first = row(0.98, 0.1)
    assert better(row(0.96, 0.8), first, first)  # F1 alone would keep the base
    assert not better(row(0.98, 0.1), first, first)
    assert not better(row(0.90, 1.0), first, first)  # too much else was spoilt
    assert not better(row(0.97, 0.12), row(0.96, 0.8), first)
    assert better(row(0.99), row(0.98), row(0.98))
    assert not better(row(0.98), row(0.98), row(0.98))


def test_blocks_that_are_kept_hold_some_of_the_corrections_and_leave_most():
    one = pair(size=240)
    prediction = one.vessels.copy()
    prediction[60:180, 60:180] = 0  # all that was corrected lies in the middle
    image = prepare(replace(one, prediction=prediction), TINY)
    answer = torch.zeros(1, 1, *image.canvas.shape[1:])
    training, held = (len(corrected([x], [answer], [0.5])) for x in in_blocks(image, 0.3))
    assert held >= 0.1 * image.corrections.rows.size
    assert training >= 0.3 * image.corrections.rows.size


def test_the_command_line_says_what_came_out(tmp_path, base, home):
    path, folder = tmp_path / "base.safetensors", tmp_path / "eyes"
    checkpoint.save(path, base.network, base.header)
    one = corrected_pair()
    tasks.export(folder, [one], values=False)
    assert (folder / "predictions" / "eye.tif").exists()
    words = ["finetune", str(folder), "--base", str(path), "--batch", "1", "--crop", "32", "--name", "mine"]
    words += ["--validate-every", "2", "--device", "cpu", "--dropblock", "0"]
    spoilt = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "spoilt"), "--steps", "2", "--lr", "0.9"])
    assert spoilt.exit_code == 0, spoilt.output
    said = " ".join(spoilt.output.split())
    assert "No step beat the base model; no copy was kept." in said
    assert "Model:" not in said
    assert "mine" not in [info.name for info in checkpoint.available()]
    kept = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "kept"), "--steps", "10", "--lr", "0.02"])
    said = " ".join(kept.output.split())
    assert f"Of the {_corrected_in_view(one):,} pixels you corrected, " in said
    assert "Model:" in said


def test_inverted_labels_get_a_word_on_the_command_line(tmp_path, base, home):
    path, folder = tmp_path / "base.safetensors", tmp_path / "eyes"
    checkpoint.save(path, base.network, base.header)
    one = pair(size=160)
    tasks.export(folder, [replace(one, vessels=1 - one.vessels)], values=False)
    words = ["finetune", str(folder), "-o", str(tmp_path / "run"), "--base", str(path), "--device", "cpu"]
    answer = CliRunner().invoke(app, [*words, "--steps", "1", "--batch", "1", "--crop", "32"])
    assert "the mask may be inverted" in " ".join(answer.output.split())


# --- validation within one image


def test_blocks_never_touch_what_is_trained_on():
    image = prepare(pair(size=240), TINY)
    training, held = in_blocks(image, 0.3)
    assert not (training.weight * held.weight).any()
    grown = torch.nn.functional.max_pool2d(held.weight[None], 9, stride=1, padding=4)[0]
    assert not (training.weight * grown).any()  # nor lie side by side
    share = (held.vessels * held.weight).sum() / image.vessels.sum()
    assert 0.3 <= share < 0.6
    _, truth, weight, _ = batch([training], replace(TINY, batch=8, crop=128), 0)
    assert truth[weight == 0].max() == 0


def test_one_image_is_validated_on_blocks_of_itself_and_says_so(tmp_path):
    reports, model = train(tmp_path / "run", [pair(size=160)], replace(TINY, validation=0.3))
    assert reports[0].step == 0
    assert reports[-1].validated_on == "blocks of eye"
    assert model.header.data["validation"] == ["blocks of eye"]
    assert reports[-1].preview.labels.shape == (160, 160)
    log = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert log[0].endswith("validation_loss")


def test_too_little_to_spare_a_block_is_told(tmp_path):
    labels = np.zeros((96, 96), np.uint8)
    labels[40:43, 40:60], labels[50:53, 40:60] = 1, 2
    config = replace(TINY, sparse=True, validation=0.25)
    with pytest.raises(ImageError, match="Too little is annotated"):
        train(tmp_path / "run", [Pair("eye", pair().image, labels)], config)


def test_validation_leaves_an_image_to_train_on(tmp_path):
    with pytest.raises(SettingsError, match="leaves none"):
        train(tmp_path / "run", [pair("a"), pair("b")], replace(TINY, validation=0.9))


# --- settings


def test_a_run_of_an_older_version_is_gone_on_with(tmp_path):
    """Settings that were not there when it began count as their defaults, and as nothing else."""
    config = replace(TINY, compare_with_base=False)
    train(tmp_path / "run", [pair()], config, stop_at=3)
    path = tmp_path / "run" / "settings.json"
    plain = json.loads(path.read_text())
    new = {"compare_with_base", "patience", "minutes", "trains", "classes", "sparse", "inside_field",
           "overlapping"}  # fmt: skip
    plain["config"] = {k: v for k, v in plain["config"].items() if k not in new}
    path.write_text(json.dumps(plain))
    with pytest.raises(CheckpointError, match="other settings"):
        train(tmp_path / "run", [pair()], replace(config, sparse=True), resume=True)
    reports, _ = train(tmp_path / "run", [pair()], config, resume=True)
    assert reports[0].step == 4


def test_settings_survive_json():
    look = replace(tuning.AUGMENTATIONS["mild"], unresampled=0.5, unfiltered=True)
    config = replace(TINY, classes=("artery", "vein"), augmentation=look, compare_with_base=True)
    config = replace(config, network_arguments={"dropblock": 0.1})
    plain = json.loads(json.dumps(asdict(config)))
    assert from_plain(plain) == config
    plain["detailed"] = plain.pop("compare_with_base")  # as an older version named them
    look = plain["augmentation"]
    look["crisp"], look["clean"] = look.pop("unresampled"), look.pop("unfiltered")
    assert from_plain(plain) == config


def test_images_are_brought_to_the_bases_scale_where_inference_would(base):
    near, far = pair(size=96), pair(size=160)
    assert Tuning().config([near], base).fov_diameter is None
    assert Tuning().config([far], base).fov_diameter == 90.0
    assert Tuning(scale="image").config([far], base).fov_diameter is None
    with pytest.raises(SettingsError, match="scale is 'big': it must be model or image"):
        Tuning(scale="big").config([far], base)


def test_every_wrong_setting_of_a_form_is_told():
    assert Tuning().problems(4) == Tuning(sparse=True, validate_every=5).problems(1) == {}
    wrong = {"crop": 30, "validation": 0.9, "validate_every": 400, "dropblock": 0.7, "learning_rate": 0.0}
    assert Tuning(**wrong).problems(4).keys() == wrong.keys()
    assert "batch" in Tuning(crop=1600).problems(4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("dropblock", 0.5), ("augmentation", "wild"), ("patience", -1), ("crop", 40), ("trains", "none")],
)
def test_what_is_wrong_is_told_before_a_training(base, name, value):
    with pytest.raises(SettingsError, match=f"{name} is {value!r}: it must be "):
        Tuning(**{name: value}).config([pair()], base)


# --- folders


def _write(folder: Path, names: dict[str, np.ndarray]) -> None:
    for name, pixels in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (write_image if pixels.ndim == 3 else write_mask)(folder / name, pixels)


@pytest.mark.parametrize(
    "names",
    [
        ("images/a.tif", "images/b.tif", "labels/a.png", "labels/b_mask.png", "fov/a.png"),
        ("a.png", "b.png", "a_labels.png", "b-vessels.tif", "a_fov.png"),
        ("Images/a.tif", "Images/b.tif", "masks/a.png", "masks/b.png", "FOV/a_fov.png"),
    ],
)
def test_a_plain_folder_is_matched_by_name(tmp_path, names):
    one = pair()
    pixels = (one.image, one.image, one.vessels, one.vessels, one.fov)
    _write(tmp_path, dict(zip(names, pixels, strict=True)))
    found = folders.pairs(tmp_path)
    assert [p.name for p in found] == ["a", "b"]
    assert [p.fov is None for p in found] == [False, True]
    for p in found:
        assert np.array_equal(p.vessels, one.vessels)
        assert np.array_equal(p.image, one.image)


def test_a_folder_without_labels_is_told(tmp_path):
    _write(tmp_path, {"a.png": pair().image})
    with pytest.raises(LayoutError, match="1 photographs without labels"):
        folders.entries(tmp_path)
    with pytest.raises(LayoutError, match="cannot be opened"):
        folders.entries(tmp_path / "nowhere")


def test_what_is_written_is_read(tmp_path):
    one = pair()
    images = [one.image, one.image[..., 0], one.image.astype(np.uint16) * 257, (one.image / 255).astype("f4")]
    labels = [one.vessels.astype(t) for t in (np.uint8, np.int64, np.uint16, np.int32)]
    given = [Pair(f"n{k}", i, v * 2, one.fov) for k, (i, v) in enumerate(zip(images, labels, strict=True))]
    folders.write(tmp_path, given)
    for before, after in zip(given, folders.pairs(tmp_path, values=True), strict=True):
        for part in ("image", "vessels", "fov"):
            assert np.array_equal(getattr(before, part), getattr(after, part)), (before.name, part)


def test_names_become_names_of_files():
    assert folders.file_names(["a/b", "a b", "eye", "Eye", "..", "ö"]) == [
        "a_b",
        "a_b-2",
        "eye",
        "Eye-2",
        "image",
        "ö",
    ]


@pytest.mark.data
def test_a_known_data_set_gives_its_training_images(shared):
    found = folders.entries(shared / "data/CHASE_DB1")
    assert sum(entry.for_training for entry in found) == 20
    assert len(found) == 28


def test_labels_find_their_image():
    images = [Named("eye 1", (4, 5)), Named("eye 2", (4, 5)), Named("21_training", (9, 9))]
    others = [
        Named("eye 2 vessels", (4, 5)),
        Named("eye 1 vessels (edited)", (4, 5)),
        Named("21_manual1", (9, 8)),
        Named("eye 1 labels", (9, 9)),
    ]
    assert match(images, others) == [1, 0, None]
    assert match([Named("a", (2, 2))], [Named("Labels", (2, 2))]) == [0]  # alone with each other
    both = [Named("anna OD", (4, 5)), Named("anna OS", (4, 5))]
    assert match(both, [Named("anna OD vessels", (4, 5))]) == [0, None]  # as near as they are
    assert match(both, [Named("anna OS vessels", (4, 5)), Named("anna OD vessels", (4, 5))]) == [1, 0]


# --- a task that outlives its program


def test_a_task_that_was_killed_is_gone_on_with(home, base):
    pairs = [pair("eye/1", 160), pair("eye 1", 160, 1)]
    config = replace(TINY, validation=0.5)

    def begin():
        return tasks.begin("mine", pairs, config, str(base_path), "cpu")

    home.mkdir()
    base_path = home / "base.safetensors"
    checkpoint.save(base_path, base.network, base.header)
    whole = begin()
    _, outcome = follow(whole.run())
    assert tasks.unfinished() == []
    assert outcome.name == "mine"
    assert outcome.before is not None
    assert outcome.after >= outcome.before
    assert outcome.log.read_text().startswith("step,loss")
    assert "mine" in [info.name for info in checkpoint.available()]

    killed = begin()
    work = killed.run()
    for _ in range(4):
        next(work)
    work.close()
    (waiting,) = tasks.unfinished()
    assert (waiting.name, waiting.step(), waiting.config.steps) == ("mine", 3, 6)
    again = list(waiting.run())
    assert again[0].step == 4
    resumed = checkpoint.load("mine-2")  # the name was taken
    for name, tensor in weights(checkpoint.load("mine")).items():
        torch.testing.assert_close(weights(resumed)[name], tensor, rtol=0, atol=1e-6)
    assert tasks.unfinished() == []


def test_a_damaged_task_is_no_task(home):
    (tasks.root() / "broken").mkdir(parents=True)
    (tasks.root() / "broken" / "task.json").write_text("{")
    assert tasks.unfinished() == []


@pytest.mark.parametrize(("name", "why"), [("", "name"), ("a/b", "letters"), ("saunetv2-drive", "another")])
def test_names_that_a_model_cannot_have(home, name, why):
    assert why in tasks.problem_of_name(name)
    assert tasks.problem_of_name("mine") is None


# --- as code


def test_python_and_command_line_give_the_same_weights(tmp_path, base, home):
    path = tmp_path / "base.safetensors"
    checkpoint.save(path, base.network, base.header)
    folder = tmp_path / "eyes"
    tasks.export(folder, [easy(pair(f"eye{n}", 96, n)) for n in range(3)], values=False)
    changes = Tuning(
        steps=12, batch=1, crop=32, validation=0.5, validate_every=3, learning_rate=0.02, patience=0,
        augmentation="rotations only", inside_field=True, dropblock=0.0,
    )  # fmt: skip
    found = []
    for how in ("python", "command"):
        snippet = FineTuning(folder, ["eye0", "eye2"], str(path), changes, "cpu", tmp_path / how)
        if how == "python":
            exec(snippet.as_python(), {"print": lambda *args: None})
        else:
            words = shlex.split(snippet.as_command())[1:]
            answer = CliRunner().invoke(app, [*words, "--name", "mine"])
            assert answer.exit_code == 0, answer.output
            assert "before" in answer.output
        model = checkpoint.load(tmp_path / how / "model.safetensors")
        assert {*model.header.data["train"], *model.header.data["validation"]} == {"eye0", "eye2"}
        found.append(weights(model))
    for name, tensor in found[0].items():
        assert torch.equal(tensor, found[1][name]), name
    assert checkpoint.find("mine").exists()
