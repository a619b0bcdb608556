import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from following import follow
from napari_saunetv2 import calibration, checkpoint, cli, evaluation, inference, soup
from napari_saunetv2.checkpoint import Checkpoint, Header
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import write_image, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.metrics import best_threshold
from napari_saunetv2.networks import NETWORKS

SMALL = {"widths": [8, 8, 8, 8]}


def model(seed: int, name: str = "m", network: str = "saunetv2", **header) -> Checkpoint:
    arguments = header.pop("network_arguments", SMALL)
    torch.manual_seed(seed)
    built = NETWORKS[network](**arguments).eval()
    with torch.no_grad():
        for part in built.state_dict().values():
            if part.is_floating_point():
                part.add_(0.1 * torch.randn(part.shape).abs())
    return Checkpoint(f"{name}{seed}", built, Header(network=network, network_arguments=arguments, **header))


def tells(names: list[str], dataset: str = "drive", **header) -> dict:
    return {"data": {"dataset": dataset, "train": names, "validation": []}, **header}


@pytest.mark.parametrize("network", ["saunetv2", "saunet"])
@pytest.mark.parametrize("count", [2, 3])
def test_the_weights_are_the_mean(network, count):
    models = [model(seed, network=network) for seed in range(count)]
    mixed = soup.mix(models)
    for name, tensor in mixed.network.state_dict().items():
        parts = [m.network.state_dict()[name].numpy() for m in models]
        if tensor.is_floating_point():
            np.testing.assert_allclose(
                tensor.numpy(), np.mean(parts, axis=0, dtype=float), rtol=1e-6, atol=1e-7
            )
    assert not mixed.network.training
    assert not any(p.requires_grad for p in mixed.network.parameters())


def test_where_only_heads_differ_the_logits_are_the_mean():
    models = [model(0), model(0), model(0)]
    draw = torch.Generator().manual_seed(1)
    for one in models:
        torch.nn.init.normal_(one.network.head.weight, generator=draw)
        torch.nn.init.normal_(one.network.head.bias, generator=draw)
    image = torch.rand(2, 3, 32, 32, generator=draw)
    with torch.inference_mode():
        answers = torch.stack([m.network(image) for m in models])
        torch.testing.assert_close(soup.mix(models).network(image), answers.mean(0), rtol=1e-5, atol=1e-5)


def test_a_model_mixed_with_itself_is_itself():
    one = model(0)
    for name, tensor in soup.mix([one, one]).network.state_dict().items():
        assert torch.equal(tensor, one.network.state_dict()[name])


def test_the_header_names_the_parents_and_all_before_them():
    before = {"name": "base", "data": {"dataset": "hrf", "train": ["01_h"], "validation": []}, "recipe": {}}
    score = {"dataset": "drive", "split": "test", "protocol": "whole", "mean": {"f1": 0.8}}
    found = {"tta_thresholds": {"d4": 0.4}, "scores": (score,), "lineage": (before,), "ranges": ((0, 1),)}
    a = model(1, "a", fov_diameter=540.0, threshold=0.4, sha256="1", **tells(["21"]), **found)
    b = model(2, "b", fov_diameter=550.0, threshold=0.6, sha256="2", **tells(["22", "21"], "chase"), **found)
    header = soup.mix([a, b]).header
    assert [t["name"] for t in header.lineage] == ["base", "a1", "b2"]  # the base of both stands there once
    assert header.recipe == {
        "name": "soup",
        "parents": [{"name": "a1", "sha256": "1"}, {"name": "b2", "sha256": "2"}],
    }
    assert header.data == {"dataset": "drive, chase", "train": ["21", "22"], "validation": []}
    assert (header.fov_diameter, header.threshold) == (545, 0.5)
    assert (header.scores, header.tta_thresholds, header.ranges) == ((), {}, ())

    def sample(name, dataset):
        return Sample(dataset, name, name, None, None, Path(name))

    assert evaluation.seen(sample("01_h", "hrf"), header)
    assert evaluation.seen(sample("22", "chase"), header)
    assert not evaluation.seen(sample("01", "drive"), header)
    unknown = soup.mix([a, model(3, data={"imported from": "x.h5"})]).header
    with pytest.raises(SettingsError, match="train, test"):
        evaluation.seen(sample("01", "drive"), unknown)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (model(1, network="saunet"), "network is saunetv2 and saunet"),
        (model(1, network_arguments={"widths": [8, 8, 8, 16]}), "network arguments"),
        (model(1, network_arguments=SMALL | {"classes": 2}), "network arguments"),
        (model(1, padding="centre"), "padding is corner and centre"),
        (model(1, classes=("artery",)), "classes"),
    ],
)
def test_models_that_do_not_fit_together_are_refused(other, says):
    with pytest.raises(SettingsError, match=says):
        soup.mix([model(0), model(2), other])


def test_dropblock_does_nothing_in_use_and_may_differ():
    mixed = soup.mix([model(0), model(1, network_arguments=SMALL | {"dropblock": 0.05})])
    assert mixed.header.network_arguments == SMALL


def test_one_model_is_no_soup():
    with pytest.raises(SettingsError, match="two or more"):
        soup.mix([model(0)])


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Synthetic photographs under names of some that the bundled model was trained on."""
    made = []
    for number in (21, 22):
        eye = fundus((160, 160), seed=number)
        image = write_image(tmp_path / f"{number}_training.png", eye.image)
        labels = write_mask(tmp_path / f"{number}_manual1.png", eye.vessels)
        made.append(
            Sample("drive", image.stem, str(number), None, "train", image, {"1st": labels}, reference="1st")
        )
    return made


def test_a_bias_that_was_moved_puts_the_best_threshold_at_one_half(samples):
    bundled = checkpoint.load("saunetv2-drive")
    header = replace(bundled.header, fov_diameter=None)  # so that nothing is resampled, which mixes pixels
    off = Checkpoint("off", NETWORKS["saunetv2"](**header.network_arguments).eval(), header)
    off.network.load_state_dict(bundled.network.state_dict())
    with torch.no_grad():
        off.network.head.bias -= 1
    mixed = soup.mix([off, off])
    _, settled = follow(soup.settle(calibration.known(samples, mixed), mixed))

    def best(one: Checkpoint) -> float:
        maps = [inference.segment(s.image(), one) for s in samples]
        return best_threshold([s.labels() for s in samples], maps)

    before = best(mixed)
    assert abs(before - 0.5) > 0.05
    assert best(settled) == pytest.approx(0.5, abs=0.011)
    moved = settled.network.head.bias - mixed.network.head.bias
    assert float(moved) == pytest.approx(-np.log(before / (1 - before)), abs=1e-5)
    assert torch.equal(settled.network.head.weight, mixed.network.head.weight)
    several = model(0, network_arguments=SMALL | {"classes": 2}, classes=("artery", "vein"))
    with pytest.raises(SettingsError, match="artery, vein"):
        next(soup.settle(samples, several))


def test_the_command_writes_a_model(tmp_path: Path, monkeypatch, capsys):
    def call(*arguments) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["saunetv2", "soup", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out + printed.err

    paths = []
    for seed in (1, 2):
        one = model(seed, **tells(["21_training"]))
        paths.append(tmp_path / f"run{seed}" / "model.safetensors")
        paths[-1].parent.mkdir()
        checkpoint.save(paths[-1], one.network, one.header)
    target = tmp_path / "mixed.safetensors"
    code, text = call(*paths, "-o", target)
    assert (code, "2 models" in text) == (0, True), text
    header = checkpoint.load(target).header
    assert [t["name"] for t in header.lineage] == ["run1", "run2"]
    assert [p["name"] for p in header.recipe["parents"]] == ["run1", "run2"]
    assert call(*paths, "-o", target)[0] == 1  # it is there already
    code, text = call(paths[0], "-o", tmp_path / "x.safetensors")
    assert (code, "two or more" in text) == (1, True)
