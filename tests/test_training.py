import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.metrics import f1_score

import tiny
from following import follow
from napari_saunetv2 import evaluation, inference
from napari_saunetv2.datasets import DATASETS, Sample
from napari_saunetv2.errors import CheckpointError, ImageError, OverwriteError, SettingsError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import _weights, checkpoint, lineage
from napari_saunetv2.networks import SAUNetV2
from napari_saunetv2.training import RECIPES, Pair, Recipe, TrainConfig, fine_tune
from napari_saunetv2.training.appearance import recolour
from napari_saunetv2.training.augmentation import Augmentation, Level, random_view, view_settings
from napari_saunetv2.training.views import batch, prepare, split

TINY = TrainConfig(
    network_arguments={"widths": (8, 8, 8, 8), "dropblock": 0.1},
    steps=12,
    batch=2,
    crop=32,
    warmup=2,
    ema=0.9,
    precision="float32",
    validation=0.3,
    validate_every=4,
)


def _pairs(count: int = 4) -> list[Pair]:
    return tiny.pairs(count, 60, 50)


def _train(run: Path, config: TrainConfig = TINY, stop_at: int | None = None, **options):
    """Train; with ``stop_at`` leave off after so many reports, as a user who closes the window."""
    return follow(fine_tune(_pairs(), config, run, **options), stop_at)


def test_it_learns_what_can_be_learned(tmp_path: Path):
    config = replace(TINY, steps=150, validate_every=50, learning_rate=1e-2)
    reports, path = _train(tmp_path / "run", config)
    assert reports[-1].best_f1 > 0.8
    assert reports[-1].loss < reports[0].loss / 2
    header = checkpoint.load(path).header
    assert set(header.data["train"]) | set(header.data["validation"]) == {p.name for p in _pairs()}
    assert not set(header.data["train"]) & set(header.data["validation"])
    assert header.recipe["steps"] == 150
    lines = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert lines[0] == "step,loss,validation_f1,learning_rate,seconds"
    assert [line.split(",")[0] for line in lines[1:]] == ["50", "100", "150"]


@pytest.mark.parametrize("stop_at", [1, 5, 8, 11])
def test_a_resumed_training_ends_at_the_weights_of_an_unbroken_one(tmp_path: Path, stop_at: int):
    _, whole = _train(tmp_path / "whole")
    _train(tmp_path / "broken", stop_at=stop_at)
    reports, resumed = _train(tmp_path / "broken", resume=True)
    assert reports[0].step == stop_at + 1
    for name, tensor in tiny.weights(whole).items():
        torch.testing.assert_close(tiny.weights(resumed)[name], tensor, rtol=0, atol=1e-6)


def test_a_run_that_is_done_resumes_to_its_model(tmp_path: Path):
    _, path = _train(tmp_path / "run")
    reports, again = _train(tmp_path / "run", resume=True)
    assert (reports, again) == ([], path)


def test_an_existing_run_is_not_overwritten(tmp_path: Path):
    _train(tmp_path / "run", stop_at=2)
    with pytest.raises(OverwriteError, match="--resume"):
        _train(tmp_path / "run")


def test_a_run_with_other_settings_is_not_resumed(tmp_path: Path):
    _train(tmp_path / "run", stop_at=2)
    with pytest.raises(CheckpointError, match="other settings"):
        _train(tmp_path / "run", replace(TINY, seed=1), resume=True)


def test_a_run_from_another_base_is_not_resumed(tmp_path: Path):
    base = checkpoint.load(_train(tmp_path / "base")[1])
    options = {"resume": True, "base": base}
    work = fine_tune(_pairs(), TINY, tmp_path / "run", **options)
    follow(work, stop_at=2)
    for other in (None, checkpoint.load(_train(tmp_path / "other", replace(TINY, seed=1))[1])):
        with pytest.raises(CheckpointError, match="another base"):
            next(fine_tune(_pairs(), TINY, tmp_path / "run", resume=True, base=other))
    assert next(fine_tune(_pairs(), TINY, tmp_path / "run", **options)).step == 3


def test_a_run_of_an_older_version_that_named_no_base_is_resumed(tmp_path: Path):
    _train(tmp_path / "run", stop_at=2)
    path = tmp_path / "run" / "settings.json"
    told = json.loads(path.read_text())
    del told["base"]
    path.write_text(json.dumps(told))
    reports, _ = _train(tmp_path / "run", resume=True)
    assert reports[0].step == 3


def test_a_damaged_state_is_told(tmp_path: Path):
    _train(tmp_path / "run", stop_at=2)
    (tmp_path / "run" / "state.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="damaged"):
        _train(tmp_path / "run", resume=True)


def test_another_seed_gives_other_weights_the_same_the_same(tmp_path: Path):
    paths = [_train(tmp_path / str(n), replace(TINY, seed=seed))[1] for n, seed in enumerate((0, 0, 1))]
    first, same, other = ((tiny.weights(p)["head.weight"]) for p in paths)
    torch.testing.assert_close(first, same, rtol=0, atol=0)
    assert not torch.equal(first, other)


def test_a_base_model_is_where_it_starts(tmp_path: Path):
    _, path = _train(tmp_path / "base")
    base = checkpoint.load(path)
    _, tuned = _train(tmp_path / "tuned", replace(TINY, steps=1, learning_rate=1e-9), base=base)
    for name, tensor in tiny.weights(path).items():
        if name != "head.bias":  # which the calibration moves
            torch.testing.assert_close(tiny.weights(tuned)[name], tensor, rtol=0, atol=1e-5)


def test_f1_on_the_validation_images_peaks_at_one_half(tmp_path: Path):
    _, path = _train(tmp_path / "run", replace(TINY, steps=40, learning_rate=1e-2))
    model = checkpoint.load(path)
    held = [pair for pair in _pairs() if pair.name in model.header.data["validation"]]
    exact = {"rescale": "off", "engine": "torch", "precision": "float32"}
    predictions = [inference.segment(pair.image, model, **exact) for pair in held]

    def f1(threshold):
        return np.mean(
            [
                f1_score(p.vessels.ravel(), (a >= threshold).ravel())
                for p, a in zip(held, predictions, strict=True)
            ]
        )

    assert held
    assert f1(0.5) > 0.3
    assert f1(0.5) >= max(f1(t) for t in np.arange(0.2, 0.81, 0.05)) - 0.01


def test_without_validation_the_last_weights_are_kept(tmp_path: Path):
    reports, path = _train(tmp_path / "run", replace(TINY, validation=0.0))
    assert reports[-1].best_step == TINY.steps
    assert checkpoint.load(path).header.data["validation"] == []


def test_without_images_there_is_nothing_to_train_on(tmp_path: Path):
    with pytest.raises(SettingsError, match="no image"):
        next(fine_tune([], TINY, tmp_path))


def test_labels_of_another_size_are_told():
    with pytest.raises(ImageError, match="'a' is"):
        Pair("a", np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("crop", 30),
        ("learning_rate", 0),
        ("ema", 1),
        ("validation", 1),
        ("network", "x"),
        ("loss", "x"),
    ],
)
def test_a_setting_outside_its_range_is_told(name, value):
    with pytest.raises(SettingsError, match=name):
        replace(TINY, **{name: value})


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_validation_images_are_held_back(share):
    names = [f"n{i}" for i in range(20)]
    train, held = split(names, share)
    assert len(held) == round(20 * share)
    assert sorted(train + held) == list(range(20))
    assert split(names[:1], share) == ([0], [])
    assert len(split(names[:2], 0.01)[1]) == 1


# recipes


def test_every_recipe_takes_training_images_only():
    assert {"drive", "saunet-drive", "rsan-drive"} <= RECIPES.keys()
    for recipe in RECIPES.values():
        for dataset in DATASETS:
            test = Sample(dataset, "01_test", "01", None, "test", Path("a"), {"1st": Path("b")})
            assert not recipe.takes(test)
        assert not recipe.takes(Sample("drive", "21_training", "21", None, "train", Path("a")))  # no labels


def test_a_recipe_takes_the_named_images_of_a_set():
    recipe = Recipe((TINY,), images={"stare": frozenset({"im0001"})})
    labels = {"ah": Path("b")}
    taken = [
        name
        for name in ("im0001", "im0324")
        if recipe.takes(Sample("stare", name, name, None, None, Path("a"), labels))
    ]
    assert taken == ["im0001"]


def test_the_second_cycle_starts_from_the_first_and_resumes(tmp_path: Path):
    recipe = Recipe((TINY, replace(TINY, steps=6)))

    def run(folder, stop_at=None, **options):
        work = recipe.train(_pairs(), tmp_path / folder, name="two", **options)
        for count, _ in enumerate(iter(lambda: next(work, None), None), start=1):
            if count == stop_at:
                work.close()
                return None
        return tiny.weights(tmp_path / folder / "model.safetensors")

    whole = run("whole")
    first = tiny.weights(tmp_path / "whole" / "cycle-1" / "model.safetensors")
    assert not torch.equal(first["head.weight"], whole["head.weight"])
    assert checkpoint.load(tmp_path / "whole" / "model.safetensors").header.seed == 1
    for stop_at in (5, 15):  # within the first cycle, and within the second
        run(str(stop_at), stop_at)
        resumed = run(str(stop_at), resume=True)
        for name, tensor in whole.items():
            torch.testing.assert_close(resumed[name], tensor, rtol=0, atol=1e-6)


def _without(path: Path, *fields: str) -> None:
    """Write a model as a version that did not know these fields of the header did."""
    with safetensors.safe_open(path, framework="pt") as file:
        plain = json.loads(file.metadata()["saunetv2"])
    weights = safetensors.torch.load_file(path)
    plain = {k: v for k, v in plain.items() if k not in fields}
    plain["recipe"] = {k: v for k, v in plain["recipe"].items() if k not in ("seconds", "steps_taken")}
    plain["sha256"] = _weights.digest(plain, weights)
    path.write_bytes(safetensors.torch.save(weights, {"saunetv2": json.dumps(plain)}))


def test_a_model_says_all_that_it_was_made_from(tmp_path: Path):
    _, base = follow(fine_tune(_pairs(2), replace(TINY, steps=2), tmp_path / "base", data={"dataset": "hrf"}))
    recipe = Recipe((TINY, replace(TINY, steps=6, validation=0), replace(TINY, steps=3, patience=9)))
    options = {"data": {"dataset": "drive"}, "name": "three", "base": checkpoint.load(base)}
    _, path = follow(recipe.train(_pairs(), tmp_path / "run", **options))
    header = checkpoint.load(path).header
    told = [*lineage.trainings(header)]
    assert [t["name"] for t in told] == ["model", "cycle 1", "cycle 2", "this model"]
    assert [t["data"]["dataset"] for t in told] == ["hrf", "drive", "drive", "drive"]
    assert [t["recipe"]["name"] for t in told] == ["own", "three", "three", "three"]
    assert [t["recipe"]["steps_taken"] for t in told] == [2, 12, 6, 3]
    assert [t["seed"] for t in told] == [0, 0, 1, 2]
    assert all(t["recipe"]["seconds"] > 0 for t in told)
    assert [len(t["data"]["validation"]) for t in told] == [1, 1, 0, 1]
    assert header.lineage[0]["sha256"] == checkpoint.load(base).header.sha256
    first = checkpoint.load(tmp_path / "run" / "cycle-1" / "model.safetensors").header
    assert [t["name"] for t in first.lineage] == ["model"]


def test_a_finished_run_of_an_older_version_gets_the_full_header_without_a_step(tmp_path: Path):
    recipe, run = Recipe((TINY, replace(TINY, steps=3))), tmp_path / "run"
    options = {"data": {"dataset": "drive"}, "name": "two"}
    _, path = follow(recipe.train(_pairs(), run, **options))
    whole, weights = checkpoint.load(path).header, tiny.weights(path)
    for folder in (run, run / "cycle-1"):
        _without(folder / "model.safetensors", "lineage")
    assert checkpoint.load(path).header.lineage == ()
    score = {"dataset": "drive", "split": "test", "protocol": "whole", "mean": {"f1": 0.8}}
    checkpoint.record(path, score)
    reports, again = follow(recipe.train(_pairs(), run, resume=True, **options))
    assert (reports, again) == ([], path)
    header = checkpoint.load(path).header
    assert header.scores == (score,)  # which was measured on the same weights
    for one, other in zip(lineage.trainings(header), lineage.trainings(whole), strict=True):
        assert {**one, "sha256": ""} == {**other, "sha256": ""}
    for name, tensor in weights.items():
        assert torch.equal(tiny.weights(path)[name], tensor)


@pytest.mark.parametrize("diameter", [60, 76, 100, 120, 180, 400])
def test_training_sees_an_image_at_the_scale_at_which_it_is_used(diameter: int):
    side = diameter + 20
    image = fundus((side, side), fov_diameter=diameter).image
    trained = checkpoint.Checkpoint(
        "m", SAUNetV2(widths=(8, 8, 8, 8)), checkpoint.Header(fov_diameter=90.0, network_arguments={})
    )
    rows, columns = prepare(
        Pair("a", image, np.zeros((side, side), np.uint8)), replace(TINY, fov_diameter=90.0)
    ).frame
    in_use = inference.planned(image, trained, evaluation.EXACT).working_shape
    assert (rows.stop - rows.start, columns.stop - columns.start) == in_use


def test_images_are_brought_to_the_scale_that_is_asked_for():
    y, x = np.mgrid[:200, :300]
    disc = (x - 150) ** 2 + (y - 100) ** 2 < 90**2
    image = np.repeat((disc * 200).astype(np.uint8)[..., None], 3, axis=2)
    vessels = (disc & (np.abs(x - y) < 3)).astype(np.uint8)
    prepared = prepare(Pair("a", image, vessels), replace(TINY, fov_diameter=90.0))
    rows, columns = prepared.window
    assert (rows.stop, columns.stop) == (
        95,
        95,
    )  # half of the disc's 179 pixels with 5 of black on every side
    assert prepared.canvas[3].mean() == pytest.approx(
        vessels.sum() / 4 / prepared.canvas[3].numel(), rel=0.02
    )


# augmentation

STILL = Augmentation(
    rotation=0, flip=False, scale=(1, 1), overhang=0.2, elastic=0, brightness=0, contrast=0,
    saturation=0, channel=0, gamma=1, noise=0, blur=0, vignetting=0, grey=0,
)  # fmt: skip


def _draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_view_that_is_not_changed_is_a_crop():
    image = torch.rand(4, 64, 64)
    view = random_view(
        [Level(1.0, image, (slice(0, 40), slice(0, 40)))], 66, STILL, _draw()
    )  # no room to move: centred on the frame
    torch.testing.assert_close(view[:, 13:53, 13:53], image[:, :40, :40], atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", range(8))
def test_a_crisp_view_holds_pixels_of_the_image_unchanged(seed):
    image = torch.rand(1, 40, 40)
    settings = replace(STILL, rotation=180, flip=True, scale=(0.5, 2), elastic=4, overhang=0, unresampled=1)
    view = random_view([Level(1.0, image, (slice(0, 40), slice(0, 40)))], 16, settings, _draw(seed))
    pieces = image[0].unfold(0, 16, 1).unfold(1, 16, 1)
    turned = [torch.rot90(v, k, (0, 1)) for v in (view[0], view[0].flip(1)) for k in range(4)]
    assert min(float((pieces - t).abs().amax((2, 3)).min()) for t in turned) < 1e-4


@pytest.mark.parametrize("unfiltered", [False, True])
def test_clean_spares_the_crisp_views_blur_and_noise_and_no_others(unfiltered):
    settings, draw = replace(STILL, unresampled=0.5, unfiltered=unfiltered, noise=0.3, blur=2), _draw()
    kinds = [view_settings(settings, draw) for _ in range(400)]
    unresampled = [kind for kind in kinds if kind.unresampled == 1]
    assert 160 < len(unresampled) < 240
    assert {(kind.blur, kind.noise) for kind in unresampled} == {(0, 0) if unfiltered else (2, 0.3)}
    assert {(kind.blur, kind.noise) for kind in kinds if kind.unresampled == 0} == {(2, 0.3)}


def test_a_step_gives_clean_crisp_views_as_the_photograph_is():
    rng = np.random.default_rng(0)
    pair = Pair("a", rng.integers(0, 256, (48, 48, 3), np.uint8), np.zeros((48, 48), np.uint8))
    settings = replace(STILL, unresampled=0.5, unfiltered=True, noise=0.3, overhang=0)
    config = replace(TINY, batch=16, crop=48, augmentation=settings)
    images, *_ = batch([prepare(pair, config)], config, 1)
    photograph = torch.from_numpy(pair.image.transpose(2, 0, 1) / 255).float()
    far = [float((view - photograph).abs().max()) for view in images]
    as_it_is = sum(one < 1e-4 for one in far)
    assert 0 < as_it_is < 16
    assert all(one < 1e-4 or one > 0.01 for one in far)


def test_colours_that_are_not_changed_stay():
    image = torch.rand(3, 32, 32)
    torch.testing.assert_close(recolour(image, STILL, _draw()), image, atol=1e-6, rtol=0)


def test_labels_follow_their_image():
    pair = Pair("a", np.zeros((80, 80, 3), np.uint8), np.zeros((80, 80), np.uint8))
    pair.vessels[30:34] = 1
    pair.image[pair.vessels == 1] = 255
    config = replace(TINY, augmentation=replace(STILL, rotation=180, flip=True, scale=(0.7, 1.4), elastic=5))
    images, truth, *_ = batch([prepare(pair, config)] * 3, config, 7)
    torch.testing.assert_close(images[:, :1], truth, atol=1e-5, rtol=0)
    assert 0 < truth.mean() < 0.5


def test_views_depend_on_seed_and_step_alone():
    images = [prepare(pair, TINY) for pair in _pairs()]
    first, again, later = batch(images, TINY, 3)[0], batch(images, TINY, 3)[0], batch(images, TINY, 4)[0]
    assert torch.equal(first, again)
    assert not torch.equal(first, later)


@pytest.mark.parametrize("seed", range(10))
def test_colours_stay_in_range_and_black_stays_dark(seed):
    image = torch.rand(3, 48, 48)
    image[:, :10] = 0
    prediction = recolour(image, replace(Augmentation(), noise=0, blur=0), _draw(seed))
    assert prediction.min() >= 0
    assert prediction.max() <= 1
    assert prediction[:, :10].max() == 0
