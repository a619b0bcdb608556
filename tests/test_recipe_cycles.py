"""A recipe that begins with a later cycle, takes a folder it names, or lets another model find vessels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import tiny
from following import follow
from napari_saunetv2.cli import app
from napari_saunetv2.errors import LayoutError, SettingsError
from napari_saunetv2.files import write_artery_vein, write_image, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint, lineage
from napari_saunetv2.training import RECIPES, Recipe, TrainConfig, fine_tune
from napari_saunetv2.training.data import load
from napari_saunetv2.training.pair import Pair

TINY = TrainConfig(
    network_arguments={"widths": (8, 8, 8, 8)}, steps=3, batch=1, crop=32, warmup=0, precision="float32",
    validation=0,
)  # fmt: skip


def test_a_later_cycle_alone_ends_at_the_weights_of_the_whole_training(tmp_path):
    recipe, pairs = Recipe((TINY, replace(TINY, steps=4), replace(TINY, steps=2))), tiny.pairs(2, 60, 50)
    _, whole = follow(recipe.train(pairs, tmp_path / "whole"))
    first = checkpoint.load(tmp_path / "whole" / "cycle-1" / "model.safetensors")
    _, later = follow(recipe.beginning_with(2).train(pairs, tmp_path / "later", base=first))
    assert (tmp_path / "later" / "cycle-2").is_dir()
    for name, weight in tiny.weights(whole).items():
        torch.testing.assert_close(tiny.weights(later)[name], weight, rtol=0, atol=1e-6)
    for number in (0, 4):
        with pytest.raises(SettingsError, match=f"There is no cycle {number}: choose one from 1 to 3"):
            recipe.beginning_with(number)
    words = ["train", str(tmp_path), "-o", str(tmp_path / "x"), "--recipe", "av", "--from-cycle", "4"]
    with pytest.raises(SettingsError, match="give with --base the model that the cycles before it made"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_folder_that_the_shares_name_is_trained_on_and_no_other(tmp_path):
    eye = fundus((96, 112), seed=1)
    labels = eye.labels.astype(np.uint8)
    labels[:20][labels[:20] > 0] = 4
    for name in ("aria", "others"):
        for part in ("images", "labels"):
            (tmp_path / name / part).mkdir(parents=True)
        write_image(tmp_path / name / "images" / "aria_500.png", eye.image)
        write_artery_vein(tmp_path / name / "labels" / "aria_500_av.png", labels)
    (pair,) = RECIPES["av"].pairs(tmp_path / "aria")
    assert (pair.name, pair.source) == ("500", "aria")
    assert np.array_equal(pair.vessels, labels)
    assert np.array_equal(pair.image, eye.image)
    with pytest.raises(LayoutError, match="holds no known data set"):
        RECIPES["av"].pairs(tmp_path / "others")
    # Cameras without drawn classes come in with the fourth cycle.
    with pytest.raises(SettingsError, match=r"shares are 0 .* \(aria\): give some of 'rite', 'hrf-av'"):
        load([pair], RECIPES["av"].cycles[0], torch.device("cpu"), tmp_path)
    assert load([pair], RECIPES["av"].cycles[3], torch.device("cpu"), tmp_path).train


def test_labels_of_vessels_alone_are_not_taken_for_arteries(tmp_path):
    eye = fundus((96, 112), seed=1)
    write_image(tmp_path / "Image_01L.png", eye.image)
    (tmp_path / "Image_01L.png").rename(tmp_path / "Image_01L.jpg")
    write_mask(tmp_path / "Image_01L_1stHO.png", eye.labels)
    assert RECIPES["general"].pairs(tmp_path)[0].source == "chase"
    with pytest.raises(LayoutError, match="labels of vessels, which do not tell artery from vein"):
        RECIPES["av"].pairs(tmp_path)


def test_the_finder_is_what_finds_vessels_and_the_header_tells_of_both(tmp_path):
    eye = fundus((96, 96), seed=2)
    pairs = [Pair("a", eye.image, eye.labels)]
    config = replace(
        RECIPES["av"].cycles[0], steps=2, batch=1, crop=64, fov_diameter=None, warmup=0, shares={}, ema=0.0
    )
    general, drive = (checkpoint.load(f"saunetv2-{name}") for name in ("general", "drive"))
    _, first = follow(fine_tune(pairs, config, tmp_path / "first", base=drive))
    base = checkpoint.load(first)
    changed = replace(config, finder="saunetv2-general")
    _, path = follow(fine_tune(pairs, changed, tmp_path / "second", base=base))
    model = checkpoint.load(path)
    for name, weight in general.network.state_dict().items():
        assert torch.equal(model.network.vessels.state_dict()[name], weight), name
    begun, ended = (one.network.classes.state_dict()["head.bias"] for one in (base, model))
    assert 0 < (begun - ended).abs().max() < 0.1  # trained further, from the base
    told = [sha for training in lineage.trainings(model.header) if (sha := training["sha256"])]
    assert {general.header.sha256, drive.header.sha256, base.header.sha256} <= set(told)
    assert len(told) == len(set(told))  # what both were made from stands once
    with pytest.raises(SettingsError, match="only the network artery_vein has"):
        replace(TINY, finder="saunetv2-general")
    with pytest.raises(SettingsError, match="finder is 'saunet-drive', a saunet of 1 classes"):
        follow(fine_tune(pairs, replace(changed, finder="saunet-drive"), tmp_path / "third", base=base))
