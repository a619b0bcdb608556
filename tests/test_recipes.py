import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from following import follow
from napari_saunetv2 import datasets
from napari_saunetv2.errors import CheckpointError, SettingsError
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import RECIPES, Pair, TrainConfig, fine_tune
from napari_saunetv2.training.config import from_plain
from napari_saunetv2.training.data import load
from napari_saunetv2.training.published import published_view
from napari_saunetv2.training.state import State, restore
from napari_saunetv2.training.steps import halvings, initial_state, rate
from napari_saunetv2.training.views import batch, prepare

CPU = torch.device("cpu")
TINY = TrainConfig(
    network_arguments={"widths": (8, 8, 8, 8), "dropblock": 0.1}, steps=12, validate_every=2, batch=3,
    warmup=0, schedule="plateau", halve_after=2, weight_decay=0, clip=None, ema=0, precision="float32",
    best_by="loss", calibrated=False, views="published", validation=0.2,
)  # fmt: skip


def pairs(count: int = 3) -> list[Pair]:
    return tiny.pairs(count, 40, 30)


# the published settings

PUBLISHED = {
    # network, DropBlock, canvas, loss, batch, learning rate, halved after, stopped after, images
    "paper-drive": ("saunetv2", 0.15, 592, "corner", "bce_mcc", 8, 10, 20, 20),
    "paper-stare": ("saunetv2", 0.15, 704, "corner", "bce_mcc", 2, 20, 30, 16),
    "paper-chase": ("saunet", 0.13, 1008, "centre", "bce", 2, None, None, 20),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_papers_recipes_are_the_published_settings(name):
    network, dropblock, canvas, padding, loss, size, halved, stopped, images = PUBLISHED[name]
    (config,) = RECIPES[name].cycles
    assert RECIPES[name].base is None
    assert (config.network, config.arguments) == (network, {"dropblock": dropblock})
    assert (config.crop, config.padding, config.loss, config.batch) == (canvas, padding, loss, size)
    # Adam at 0.001; 150 epochs, each as many views as nine tenths of 13 copies of every image.
    assert (config.learning_rate, config.weight_decay, config.warmup, config.clip) == (1e-3, 0, 0, None)
    assert (config.views, config.validation, config.ema) == ("published", 0.1, 0)
    assert config.precision == "float32"
    epoch = -(-(13 * images - round(13 * images * 0.1)) // size)
    assert (config.validate_every, config.steps) == (epoch, 150 * epoch)
    assert not config.calibrated
    if halved:
        assert (config.schedule, config.halve_after, config.patience) == ("plateau", halved, stopped)
        assert config.best_by == "loss"
    else:  # 100 epochs, then 50 at a tenth, the last weights
        assert (config.schedule, config.patience, config.best_by) == ("tenth", None, "last")
        rates = [rate(State(None, None, None, step=epoch * n), config) for n in (0, 99, 100, 149)]
        assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4])


@pytest.mark.data
@pytest.mark.parametrize(("name", "folder"), [("drive", "DRIVE"), ("stare", "STARE"), ("chase", "CHASE_DB1")])
def test_a_papers_recipe_starts_on_the_real_images(shared: Path, tmp_path: Path, name, folder):
    recipe = RECIPES[f"paper-{name}"]
    (config,) = recipe.cycles
    samples = [s for s in datasets.read(shared / "data" / folder) if recipe.takes(s)]
    assert len(samples) == PUBLISHED[f"paper-{name}"][-1]
    two = [Pair.of(sample) for sample in samples[:2]]
    # One canvas in a step and one image to validate on: enough to see that it starts.
    quick = replace(config, steps=1, batch=1)
    reports, path = follow(fine_tune(two, quick, tmp_path / "run"))
    assert [r.step for r in reports] == [1]
    assert all(np.isfinite(r.loss) for r in reports)
    header = checkpoint.load(path).header
    assert (header.network, header.recipe["views"]) == (config.network, "published")
    canvas = prepare(two[0], config).canvas
    assert canvas.shape[1:] == (config.crop, config.crop)


# the schedules


@pytest.mark.parametrize("patience", [1, 2, 10])
@pytest.mark.parametrize("seed", range(5))
def test_the_plateau_schedule_is_torchs(patience, seed):
    rng = np.random.default_rng(seed)
    losses = (1 / np.arange(1, 80) + 0.05 * rng.random(79)).round(4)
    losses[40:50] = losses[:40].min() - 0.00005  # better, but by too little to count
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3)
    # Keras counts to its patience, torch beyond it.
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=0.5, patience=patience - 1, threshold=1e-4, threshold_mode="abs", eps=0
    )
    config = replace(TINY, halve_after=patience, learning_rate=1e-3)
    for n, loss in enumerate(losses, start=1):
        theirs.step(loss)
        state = State(None, None, None, step=n, history=[{"validation_loss": x} for x in losses[:n]])
        assert rate(state, config) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
    assert halvings(losses.tolist(), patience) > 0


def test_adamw_without_decay_is_adam():
    state = initial_state(TINY, None, CPU)
    mine = list(state.network.parameters())
    theirs = [p.detach().clone().requires_grad_() for p in mine]
    adam = torch.optim.Adam(theirs, lr=TINY.learning_rate)
    draw = torch.Generator().manual_seed(0)
    for _ in range(3):
        for one, other in zip(mine, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=draw)
            other.grad = one.grad.clone()
        state.optimiser.step()
        adam.step()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


# the published views


def line() -> Pair:
    """A vertical line left of the centre, short enough to stay in the frame when it is rotated."""
    y, x = np.mgrid[:64, :48]
    vessels = ((np.abs(x - 20) < 3) & ((x - 23.5) ** 2 + (y - 31.5) ** 2 < 20**2)).astype(np.uint8)
    return Pair("line", np.repeat(vessels[..., None] * 255, 3, axis=2), vessels)


def kind_of(view: torch.Tensor, same: torch.Tensor) -> str:
    """Say what was done to an image, from the pixels alone."""
    if torch.equal(view, same):
        return "unchanged"
    for name, axes in {"left-right": (2,), "top-bottom": (1,), "both": (1, 2)}.items():
        if torch.equal(view, same.flip(axes)):
            return name
    if not torch.equal(view[3], same[3]):
        return "rotated"
    return "noisy" if (view[:3] - same[:3]).abs().max() < 0.01 else "recoloured"


@pytest.mark.parametrize("padding", ["corner", "centre"])
def test_the_published_views(padding):
    image = prepare(pairs(1)[0], replace(TINY, padding=padding))
    rows, columns = image.frame
    same, found, noise = image.canvas[:, rows, columns], Counter(), []
    for seed in range(1300):
        view = published_view(image.canvas, image.frame, torch.Generator().manual_seed(seed))
        outside = view.clone()
        outside[:, rows, columns] = 0
        assert not outside.any()  # the black around the frame stays
        part = view[:, rows, columns]
        kind = kind_of(part, same)
        found[kind] += 1
        assert 0 <= part.min() <= part.max() <= 1
        assert set(part[3].unique().tolist()) <= {0.0, 1.0}
        if kind == "noisy":
            noise.append(255 * (part - same)[:3])
    # Of 13 one is the image itself, three each are rotated, recoloured, noisy, and one mirrored each way.
    odds = {"unchanged": 1, "rotated": 3, "recoloured": 3, "noisy": 3, "left-right": 1}
    odds |= {"top-bottom": 1, "both": 1}
    assert found.keys() == odds.keys()
    chi_squared = sum((found[kind] - 100 * n) ** 2 / (100 * n) for kind, n in odds.items())
    assert chi_squared < 22.5  # 6 degrees of freedom, p = 0.001
    assert torch.stack(noise).mean() == pytest.approx(0.2, abs=0.01)
    assert torch.stack(noise).std() == pytest.approx(0.3, abs=0.01)


def test_a_rotated_view_rotates_the_labels_with_the_image():
    image = prepare(line(), TINY)
    vessels, rotated = line().vessels, 0
    for seed in range(40):
        view = published_view(image.canvas, image.frame, torch.Generator().manual_seed(seed))
        if kind_of(view[:, :64, :48], image.canvas[:, :64, :48]) != "rotated":
            continue
        rotated += 1
        assert view[3].sum() == pytest.approx(vessels.sum(), rel=0.05)  # nothing of it leaves the frame
        assert ((view[0] > 0.5).float() - view[3]).abs().mean() < 0.01
        # The distance of the line from the centre of the frame stays.
        rows, columns = np.nonzero(view[3].numpy())
        distance = np.hypot(rows.mean() - 31.5, columns.mean() - 23.5)
        assert distance == pytest.approx(np.hypot(*(np.argwhere(vessels).mean(0) - (31.5, 23.5))), abs=0.3)
    assert rotated >= 5


def test_a_step_of_whole_canvases_depends_on_seed_and_step_alone(tmp_path: Path):
    images = load(pairs(4), TINY, CPU, tmp_path).train
    first, again = (batch(images, TINY, 5) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first[:2], again[:2], strict=True))
    assert first[0].shape == (3, 3, 48, 48)
    for other in (batch(images, TINY, 6), batch(images, replace(TINY, seed=1), 5)):
        assert not torch.equal(first[0], other[0])
    # Processes that share a step draw its parts.
    parts = [batch(images, TINY, 5, share) for share in (slice(0, 1), slice(1, 3))]
    assert torch.equal(torch.cat([part[0] for part in parts]), first[0])


def test_every_image_is_seen_and_weights_go_with_it(tmp_path: Path):
    config = replace(TINY, inside_field=True)
    fov = np.zeros((40, 30), np.uint8)
    fov[:25] = 1
    images = load([replace(pair, fov=fov) for pair in pairs(4)], config, CPU, tmp_path).train
    views, vessels, weight, _ = batch(images, replace(config, batch=400), 0)
    assert (views.shape, vessels.shape, weight.shape) == ((400, 3, 48, 48), *[(400, 1, 48, 48)] * 2)
    assert (vessels[weight == 0] == 0).all()
    unchanged = {n for n, image in enumerate(images) for view in views if torch.equal(view, image.canvas[:3])}
    assert unchanged == set(range(3))


# the training


@pytest.mark.parametrize("stop_at", [1, 5, 8])
def test_a_resumed_training_ends_at_the_weights_of_an_unbroken_one(tmp_path: Path, stop_at):
    config = replace(TINY, halve_after=1, learning_rate=0.3, validate_every=1)
    _, whole = follow(fine_tune(pairs(), config, tmp_path / "whole"))
    follow(fine_tune(pairs(), config, tmp_path / "broken"), stop_at)
    reports, resumed = follow(fine_tune(pairs(), config, tmp_path / "broken", resume=True))
    assert reports[0].step == stop_at + 1
    assert len({row["learning_rate"] for row in reports[-1].history}) > 1  # it was halved on the way
    for name, tensor in tiny.weights(whole).items():
        torch.testing.assert_close(tiny.weights(resumed)[name], tensor, rtol=0, atol=1e-6)


def test_the_weights_of_the_lowest_loss_are_kept(tmp_path: Path):
    config = replace(TINY, steps=30, learning_rate=0.05, patience=3)
    reports, path = follow(fine_tune(pairs(), config, tmp_path / "run"))
    history = reports[-1].history
    best = min(history, key=lambda row: row["validation_loss"])
    assert reports[-1].best_step == best["step"]
    assert reports[-1].step == min(30, best["step"] + 3 * 2)
    assert checkpoint.load(path).header.recipe["step_kept"] == best["step"]


def test_the_last_weights_are_kept_where_they_are_to_be(tmp_path: Path):
    config = replace(TINY, steps=7, best_by="last", schedule="tenth", ema=0)
    reports, path = follow(fine_tune(pairs(), config, tmp_path / "run"))
    assert (reports[-1].best_step, reports[-1].step) == (7, 7)
    state = initial_state(config, None, CPU)
    restore(state, tmp_path / "run")
    for name, tensor in tiny.weights(path).items():  # not averaged, and without a bias that was moved
        assert torch.equal(state.network.state_dict()[name], tensor)


def test_whole_canvases_of_several_sizes_make_no_batch(tmp_path: Path):
    large = Pair("large", np.zeros((70, 70, 3), np.uint8), np.zeros((70, 70), np.uint8))
    with pytest.raises(SettingsError, match="48 x 48 and 80 x 80 pixels"):
        load([*pairs(), large], TINY, CPU, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "x"}, {"best_by": "x"}, {"halve_after": 0}, {"clip": 0}, {"views": "x"},
        {"validation": 0}, {"validation": 0, "schedule": "cosine"}, {"validation": 0, "best_by": "f1"},
    ],
)  # fmt: skip
def test_settings_outside_their_range_are_told(change):
    with pytest.raises(SettingsError, match=next(iter(change))):
        replace(TINY, **change)


def test_a_run_that_knows_nothing_of_the_new_settings_goes_on(tmp_path: Path):
    config = TrainConfig(
        network_arguments={"widths": (8, 8, 8, 8)}, steps=6, batch=1, crop=32, validate_every=2, warmup=0
    )
    new = {"schedule", "halve_after", "clip", "best_by", "calibrated", "views"}
    old = {k: v for k, v in asdict(config).items() if k not in new}
    assert from_plain(json.loads(json.dumps(old))).views == "random"
    follow(fine_tune(pairs(), config, tmp_path / "run"), 3)
    path = tmp_path / "run" / "settings.json"
    plain = json.loads(path.read_text())
    plain["config"] = {k: v for k, v in plain["config"].items() if k not in new}
    path.write_text(json.dumps(plain))
    reports, _ = follow(fine_tune(pairs(), config, tmp_path / "run", resume=True))
    assert [r.step for r in reports] == [4, 5, 6]


@pytest.mark.parametrize(("soft", "goes_on"), [(0.0, True), (0.5, False)])
def test_an_older_run_resumes_unless_a_retired_setting_did_something(tmp_path: Path, soft, goes_on):
    config = TrainConfig(
        network_arguments={"widths": (8, 8, 8, 8)}, steps=6, batch=1, crop=32, validate_every=2, warmup=0
    )
    follow(fine_tune(pairs(), config, tmp_path / "run"), 3)
    path = tmp_path / "run" / "settings.json"
    plain = json.loads(path.read_text())
    plain["config"] |= {"soft": soft, "copies": 0}
    path.write_text(json.dumps(plain))
    work = fine_tune(pairs(), config, tmp_path / "run", resume=True)
    if goes_on:
        assert [r.step for r in follow(work)[0]] == [4, 5, 6]
    else:
        with pytest.raises(CheckpointError, match="other settings"):
            next(work)
