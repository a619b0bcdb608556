import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from following import follow
from napari_saunetv2 import checkpoint, datasets
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.training import RECIPES, Pair, TrainConfig, fine_tune
from napari_saunetv2.training.config import from_plain
from napari_saunetv2.training.copies import Copies, copy
from napari_saunetv2.training.material import gather
from napari_saunetv2.training.state import State, restore
from napari_saunetv2.training.steps import fresh, halvings, rate
from napari_saunetv2.training.views import Prepared, batch, prepare

CPU = torch.device("cpu")
TINY = TrainConfig(
    network_arguments={"widths": (8, 8, 8, 8), "dropblock": 0.1}, steps=12, validate_every=2, batch=3,
    warmup=0, schedule="plateau", halve_after=2, weight_decay=0, clip=None, ema=0, precision="float32",
    best_by="loss", calibrated=False, copies=5, validation=0.2,
)  # fmt: skip


def pairs(count: int = 3) -> list[Pair]:
    """Grey pictures with dark lines."""
    rng, made = np.random.default_rng(0), []
    for number in range(count):
        vessels = np.zeros((40, 30), np.uint8)
        vessels[rng.integers(5, 35, 3)] = 1
        image = (150 - 100 * vessels[..., None] + rng.integers(0, 9, (40, 30, 3))).astype(np.uint8)
        made.append(Pair(f"image{number}", image, vessels))
    return made


def weights(path: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(path).network.state_dict()


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
    # Adam at 0.001, of all 13 copies of an image nine tenths to train on, 150 times.
    assert (config.learning_rate, config.weight_decay, config.warmup, config.clip) == (1e-3, 0, 0, None)
    assert (config.copies, config.validation, config.ema, config.precision) == (13, 0.1, 0, "float32")
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
    one = Pair(samples[0].name, samples[0].image(), samples[0].labels())
    # One canvas in a step and one copy to validate on: enough to see that it starts.
    quick = replace(config, steps=2, batch=1, validation=0.04)
    reports, path = follow(fine_tune([one], quick, tmp_path / "run"))
    assert [r.step for r in reports] == [1, 2]
    assert all(np.isfinite(r.loss) for r in reports)
    header = checkpoint.load(path).header
    assert (header.network, header.recipe["copies"]) == (config.network, 13)
    canvas = prepare(one, config).canvas
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
    state = fresh(TINY, None, CPU)
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


# the copies


def drawn(config: TrainConfig = TINY, count: int = 3) -> tuple[Copies, Copies]:
    material = gather(pairs(count), config, CPU)
    return material.train, material.watched


def test_every_copy_is_there_once_to_train_or_to_validate_on():
    config = replace(TINY, copies=13, validation=0.1)
    train, watched = drawn(config, 20)
    assert (len(train), len(watched)) == (234, 26)
    assert Counter([*train.chosen, *watched.chosen]) == Counter((n, k) for n in range(20) for k in range(13))
    material = gather(pairs(20), config, CPU)
    assert material.names[0] == [p.name for p in pairs(20)]
    assert set(material.names[1]) == {f"image{n}" for n, _ in watched.chosen}


def test_a_copy_is_the_same_whenever_it_is_drawn():
    config = replace(TINY, copies=13)
    first, again, other = (drawn(replace(config, seed=seed))[0] for seed in (0, 0, 1))
    assert first.chosen == again.chosen == other.chosen
    for n in range(len(first)):
        assert torch.equal(first[n].canvas, again[n].canvas)
    assert not all(torch.equal(first[n].canvas, other[n].canvas) for n in range(len(first)))
    assert len({first[n].canvas.numpy().tobytes() for n in range(len(first))}) == len(first)


def test_an_epoch_takes_every_copy_once():
    train, _ = drawn()
    steps = -(-len(train) // TINY.batch)
    for epoch in range(2):
        canvases = [batch(train, TINY, epoch * steps + n)[0] for n in range(steps)]
        assert [len(c) for c in canvases] == [3, 3, 3, 3]
        taken = Counter(c.numpy().tobytes() for step in canvases for c in step)
        assert taken == Counter(train[n].canvas[:3].numpy().tobytes() for n in range(len(train)))
    assert not torch.equal(batch(train, TINY, 0)[0], batch(train, TINY, steps)[0])


@pytest.mark.parametrize("padding", ["corner", "centre"])
def test_the_kinds_of_copies(padding):
    image = prepare(pairs(1)[0], replace(TINY, padding=padding))
    rows, columns = image.frame

    def part(number: int) -> torch.Tensor:
        made = copy(image, number, 0)
        outside = made.canvas.clone()
        outside[:, rows, columns] = 0
        assert not outside.any()  # the black around the frame stays
        return made.canvas[:, rows, columns]

    same = part(0)
    for number, axes in ((4, (2,)), (8, (1,)), (12, (1, 2))):
        assert torch.equal(part(number), same.flip(axes))
    for number in (2, 6, 10):
        recoloured = part(number)
        assert torch.equal(recoloured[3], same[3])
        assert (recoloured[:3] - same[:3]).abs().mean() > 0.02
        assert recoloured.min() >= 0
        assert recoloured.max() <= 1
    for number in (3, 7, 11):
        noise = 255 * (part(number) - same)
        assert torch.equal(part(number)[3], same[3])
        assert noise[:3].mean() == pytest.approx(0.2, abs=0.03)
        assert noise[:3].std() == pytest.approx(0.3, abs=0.03)
    for number in (1, 5, 9):
        turned = part(number)
        assert set(turned[3].unique().tolist()) <= {0.0, 1.0}
        assert not torch.equal(turned, same)


def test_a_turned_copy_turns_the_labels_with_the_image():
    y, x = np.mgrid[:64, :48]
    vessels = ((np.abs(x - 20) < 3) & ((x - 23.5) ** 2 + (y - 31.5) ** 2 < 20**2)).astype(np.uint8)
    image = np.repeat(vessels[..., None] * 255, 3, axis=2)
    prepared = prepare(Pair("a", image, vessels), TINY)
    for number in (1, 5, 9):
        turned = copy(prepared, number, 3).canvas
        assert turned[3].sum() == pytest.approx(vessels.sum(), rel=0.05)  # nothing of it leaves the frame
        assert ((turned[0] > 0.5).float() - turned[3]).abs().mean() < 0.01
        # The distance of the line from the middle of the frame stays.
        rows, columns = np.nonzero(turned[3].numpy())
        middle = np.hypot(rows.mean() - 31.5, columns.mean() - 23.5)
        assert middle == pytest.approx(np.hypot(*(np.argwhere(vessels).mean(0) - (31.5, 23.5))), abs=0.3)


def test_weights_of_pixels_go_with_their_copy():
    config = replace(TINY, inside_field=True)
    one = pairs(1)[0]
    field = np.zeros((40, 30), np.uint8)
    field[:25] = 1
    train = Copies([prepare(replace(one, field=field), config)], [(0, n) for n in range(5)], 0)
    assert isinstance(train[4], Prepared)
    images, vessels, weight = batch(train, replace(config, batch=5), 0)
    assert (images.shape, vessels.shape, weight.shape) == ((5, 3, 48, 48), (5, 1, 48, 48), (5, 1, 48, 48))
    assert (vessels[weight == 0] == 0).all()


# the training


@pytest.mark.parametrize("stop_at", [1, 5, 8])
def test_a_resumed_training_ends_at_the_weights_of_an_unbroken_one(tmp_path: Path, stop_at):
    config = replace(TINY, halve_after=1, learning_rate=0.3, validate_every=1)
    _, whole = follow(fine_tune(pairs(), config, tmp_path / "whole"))
    follow(fine_tune(pairs(), config, tmp_path / "broken"), stop_at)
    reports, resumed = follow(fine_tune(pairs(), config, tmp_path / "broken", resume=True))
    assert reports[0].step == stop_at + 1
    assert len({row["learning_rate"] for row in reports[-1].history}) > 1  # it was halved on the way
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(weights(resumed)[name], tensor, rtol=0, atol=1e-6)


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
    state = fresh(config, None, CPU)
    restore(state, tmp_path / "run")
    for name, tensor in weights(path).items():  # not averaged, and without a bias that was moved
        assert torch.equal(state.network.state_dict()[name], tensor)


def test_canvases_of_several_sizes_make_no_copies():
    large = Pair("large", np.zeros((70, 70, 3), np.uint8), np.zeros((70, 70), np.uint8))
    with pytest.raises(SettingsError, match="48 x 48 and 80 x 80 pixels"):
        gather([*pairs(), large], TINY, CPU)


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "x"}, {"best_by": "x"}, {"halve_after": 0}, {"clip": 0}, {"copies": -1},
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
    new = {"schedule", "halve_after", "clip", "best_by", "calibrated", "copies"}
    old = {k: v for k, v in asdict(config).items() if k not in new}
    assert from_plain(json.loads(json.dumps(old))).copies == 0
    follow(fine_tune(pairs(), config, tmp_path / "run"), 3)
    path = tmp_path / "run" / "settings.json"
    plain = json.loads(path.read_text())
    plain["config"] = {k: v for k, v in plain["config"].items() if k not in new}
    path.write_text(json.dumps(plain))
    reports, _ = follow(fine_tune(pairs(), config, tmp_path / "run", resume=True))
    assert [r.step for r in reports] == [4, 5, 6]
