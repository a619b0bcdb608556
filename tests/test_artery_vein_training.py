"""A cascade learns the classes of vessels, and leaves what finds them as it is."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import TrainConfig, fine_tune
from napari_saunetv2.training.meaning import meaning
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.recipes import RECIPES

CLASSES = ("artery", "vein")


def pair(seed: int = 0) -> Pair:
    """Vessels left of the middle are arteries, the others veins: two columns in the middle are both."""
    picture = fundus((128, 128), seed)
    left = np.arange(128)[None] < 66
    right = np.arange(128)[None] >= 64
    return Pair(f"{seed}", picture.image, (picture.vessels != 0) * (left + 2 * right).astype(np.uint8))


def config(**changes):
    return replace(
        RECIPES["av"].cycles[0], steps=3, batch=1, crop=64, fov_diameter=None, shares={}, warmup=0, ema=0.0,
        **changes,
    )  # fmt: skip


def test_only_vessels_count_and_a_crossing_is_of_both_classes():
    one = pair()
    vessels, weight = meaning(one, config())
    assert np.array_equal(weight[..., 0] > 0, one.vessels > 0)
    assert np.array_equal(vessels[..., 0] > 0, np.isin(one.vessels, (1, 3)))
    assert np.array_equal(vessels[..., 1] > 0, np.isin(one.vessels, (2, 3)))


def test_it_starts_from_a_model_of_vessels_whose_weights_stay(tmp_path):
    base = checkpoint.load("saunetv2-general")
    *_, _report = reports = list(fine_tune([pair(0), pair(1)], config(), tmp_path, base=base))
    assert reports
    model = checkpoint.load(tmp_path / "model.safetensors")
    assert model.header.classes == CLASSES
    for name, weight in base.network.state_dict().items():
        assert torch.equal(model.network.vessels.state_dict()[name], weight), name
    begun = model.network.classes.state_dict()["encoder.1.0.0.weight"]
    assert not torch.equal(begun, base.network.state_dict()["encoder.1.0.0.weight"])  # it has learned
    assert (begun - base.network.state_dict()["encoder.1.0.0.weight"]).abs().max() < 0.05  # from there
    # What such a model finds are the vessels of its base.
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        found = model.network.eval()(image).amax(1, keepdim=True) >= 0
        assert torch.equal(found, base.network.eval()(image) >= 0)


def test_such_a_model_is_trained_further(tmp_path):
    base = checkpoint.load("saunetv2-general")
    list(fine_tune([pair(0), pair(1)], config(), tmp_path / "first", base=base))
    first = checkpoint.load(tmp_path / "first" / "model.safetensors")
    settings = config(seed=1, compare_with_base=False)
    list(fine_tune([pair(0), pair(1)], settings, tmp_path / "second", base=first))
    second = checkpoint.load(tmp_path / "second" / "model.safetensors")
    assert [training["name"] for training in second.header.lineage][-1] == "model"
    vessels = second.network.vessels.state_dict()
    assert all(torch.equal(weight, vessels[k]) for k, weight in base.network.state_dict().items())


def test_one_class_is_refused():
    with pytest.raises(SettingsError, match="learns two classes or more"):
        TrainConfig(network="artery_vein")
