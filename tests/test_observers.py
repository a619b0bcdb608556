"""Training on several data sets: observers told apart, shares, scales, and the faults of cameras."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import SAUNetV2
from napari_saunetv2.training import Pair, TrainConfig, fine_tune
from napari_saunetv2.training.appearance import compressed
from napari_saunetv2.training.augmentation import Augmentation
from napari_saunetv2.training.data import load
from napari_saunetv2.training.observers import for_anybody
from napari_saunetv2.training.views import batch, prepare

CPU = torch.device("cpu")
TINY = TrainConfig(
    network_arguments={"widths": (8, 8), "dropblock": 0.0}, steps=2, batch=4, crop=32, warmup=0, validation=0,
    calibrated=False,
)  # fmt: skip


def _pairs() -> list[Pair]:
    eyes = [fundus((64, 64), seed) for seed in range(4)]
    sources = ("thin", "wide", "wide", "wide")
    return [
        Pair(f"eye {n}", eye.image, eye.vessels, source=source)
        for n, (eye, source) in enumerate(zip(eyes, sources, strict=True))
    ]


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_compression_is_that_of_jpeg(quality):
    image = fundus((160, 160), 3).image
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    expected = np.asarray(Image.open(file)).astype(np.float32) / 255
    unit = torch.from_numpy(image.transpose(2, 0, 1)).float() / 255
    found = compressed(unit, quality).numpy().transpose(1, 2, 0)
    # Chrominance is rounded to other steps than in the standard's table, so the two are close, not equal.
    damage = np.abs(expected - image / 255).mean()
    assert np.abs(found - expected).mean() < 0.8 * damage
    assert np.abs(found - image / 255).mean() == pytest.approx(damage, rel=0.35)


def test_the_map_for_anybody_is_the_common_one_or_the_mean_of_the_observers():
    config = replace(TINY, observers=("thin", "wide"))
    network = SAUNetV2(**config.training_arguments).eval()
    image = torch.rand(1, 3, 32, 32)
    maps = network(image)
    assert maps.shape[1] == 2
    torch.testing.assert_close(for_anybody(network, config)(image)[:, 0], maps.mean(1))
    shared = replace(config, common=0.5)
    network = SAUNetV2(**shared.training_arguments).eval()
    torch.testing.assert_close(for_anybody(network, shared)(image)[:, 0], network(image)[:, 2])


def test_each_observer_teaches_a_map_of_its_own_and_the_model_has_one(tmp_path):
    config = replace(TINY, observers=("thin", "wide"), shares={"thin": 0.5, "wide": 0.5})
    for _ in (work := fine_tune(_pairs(), config, tmp_path / "run")):
        pass
    del work
    model = checkpoint.load(tmp_path / "run" / "model.safetensors")
    assert model.network.get_parameter("head.bias").shape == (1,)


def test_shares_decide_how_often_a_data_set_is_seen(tmp_path):
    config = replace(TINY, observers=("thin", "wide"), shares={"thin": 3.0, "wide": 1.0}, batch=400, crop=16)
    images = load(_pairs(), config, CPU, tmp_path).train
    seen = batch(images, config, 0).observers
    assert (seen == 0).float().mean() == pytest.approx(0.75, abs=0.07)  # one of four images


def test_what_has_no_share_in_a_training_is_not_said_to_have_been_learned(tmp_path):
    config = replace(TINY, observers=("thin", "wide"), shares={"thin": 0.0, "wide": 1.0}, calibrated=True)
    about = {"dataset": "thin, wide", "split": "train"}
    for _ in (work := fine_tune(_pairs(), config, tmp_path / "run", data=about)):
        pass
    del work
    data = checkpoint.load(tmp_path / "run" / "model.safetensors").header.data
    assert data == {
        "dataset": "wide",
        "split": "train",
        "train": ["eye 1", "eye 2", "eye 3"],
        "validation": [],
    }
    without = load(_pairs(), config, CPU, tmp_path / "kept")
    assert [image.name for image in without.sampled] == without.learned == data["train"]
    assert without.names[0] == ["eye 0", *data["train"]]  # the run still is one of all


def test_a_data_set_without_a_share_is_named(tmp_path):
    with pytest.raises(SettingsError, match="'wide'"):
        load(_pairs(), replace(TINY, shares={"thin": 1.0}), CPU, tmp_path)


def test_views_are_taken_from_the_scale_that_they_need():
    eye = fundus((300, 300), 0)
    config = replace(TINY, fov_diameter=100.0, scales=(0.5, 2.0))
    image = prepare(Pair("eye", eye.image, eye.vessels), config)
    sides = [level.window[0].stop for level in image.levels]
    assert [level.factor for level in image.levels] == [0.5, 1.0, 2.0]
    assert sides[0] == pytest.approx(sides[1] / 2, abs=1)
    assert sides[2] == pytest.approx(sides[1] * 2, abs=1)


def test_unresampled_views_of_several_scales_hold_pixels_of_one_of_them():
    eye = fundus((300, 300), 0)
    still = Augmentation(
        rotation=0, flip=False, overhang=0, elastic=0, brightness=0, contrast=0, saturation=0, channel=0,
        gamma=1, noise=0, blur=0, vignetting=0, grey=0, unresampled=1, jpeg=1, haze=0.5, unfiltered=True,
    )  # fmt: skip
    config = replace(TINY, fov_diameter=100.0, scales=(0.5, 2.0), augmentation=still, batch=12, crop=16)
    image = prepare(Pair("eye", eye.image, eye.vessels), config)
    pieces = [level.canvas[:3].unfold(1, 16, 1).unfold(2, 16, 1) for level in image.levels]
    for view in batch([image], config, 0).views:
        near = [float((part - view[:, None, None]).abs().amax((0, 3, 4)).min()) for part in pieces]
        assert min(near) < 1e-4


def test_an_observer_who_is_not_named_and_a_common_map_for_nobody_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"'wide': observers must name it"):
        load(_pairs(), replace(TINY, observers=("thin",)), CPU, tmp_path)
    with pytest.raises(SettingsError, match=r"common is 0\.5"):
        replace(TINY, common=0.5)
