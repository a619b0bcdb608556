import json
import pickle
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from napari_saunetv2.errors import CheckpointError, OverwriteError
from napari_saunetv2.models import _weights, checkpoint, lineage
from napari_saunetv2.models.checkpoint import Header
from napari_saunetv2.networks import SAUNetV2

WIDTHS = [8, 8, 8, 8]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's model folder."""
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def _save(path: Path, **header) -> tuple[SAUNetV2, Header]:
    torch.manual_seed(0)
    network = SAUNetV2(widths=WIDTHS)
    return network, checkpoint.save(path, network, Header(network_arguments={"widths": WIDTHS}, **header))


def _rewrite(path: Path, **changes) -> None:
    """Write a file again with another header, as somebody who means harm would."""
    with safetensors.safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["saunetv2"])
    weights = safetensors.torch.load_file(path)
    path.write_bytes(safetensors.torch.save(weights, {"saunetv2": json.dumps(header | changes)}))


def test_what_was_saved_is_loaded(tmp_path: Path):
    score = {"dataset": "drive", "split": "test", "protocol": "whole", "mean": {"f1": 0.8}}
    network, header = _save(
        tmp_path / "own.safetensors",
        threshold=0.4,
        tta_thresholds={"d4": 0.45},
        fov_diameter=540.0,
        scores=(score,),
        data={"train": ["a"]},
    )
    loaded = checkpoint.load(tmp_path / "own.safetensors")
    assert loaded.header == header
    assert (loaded.name, loaded.header.threshold, loaded.header.scores) == ("own", 0.4, (score,))
    assert not loaded.network.training
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(loaded.network(image), network.eval()(image), rtol=0, atol=0)


def test_a_header_with_a_field_of_a_later_version_is_no_damage(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    network, header = _save(path)
    later = {**asdict(header), "invented_later": 1, "sha256": ""}
    digest = _weights.digest(later, network.state_dict())
    _rewrite(path, invented_later=1, sha256=digest)
    assert checkpoint.load(path).header.sha256 == digest


def test_a_header_without_a_lineage_has_an_empty_one(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    told = {"name": "a", "data": {"train": ["x"], "validation": []}, "recipe": {"steps": 3}}
    network, header = _save(path, lineage=(told,))
    assert checkpoint.load(path).header.lineage == (told,)
    older = {k: v for k, v in asdict(header).items() if k != "lineage"}
    older["sha256"] = _weights.digest(older, network.state_dict())
    weights = safetensors.torch.load_file(path)
    path.write_bytes(safetensors.torch.save(weights, {"saunetv2": json.dumps(older)}))
    assert checkpoint.load(path).header.lineage == ()


def test_a_training_stands_once_in_a_lineage_whatever_was_recorded_since(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    _save(path)
    base = checkpoint.load(path)
    score = {"dataset": "drive", "split": "test", "protocol": "fov", "observer": "1st", "tta": "none"}
    checkpoint.record(path, {**score, "mean": {"f1": 0.8}, "images": 20})
    finder = checkpoint.load(path)
    assert finder.header.sha256 != base.header.sha256
    assert [training["name"] for training in lineage.after(base, finder)] == ["m"]


@pytest.mark.parametrize(
    "lineage",
    [3, "abc", [3], [{}], [{"data": [], "recipe": {}}], [{"data": {"train": 3}, "recipe": {}}], {"a": 1}],
)
def test_a_lineage_that_is_none_is_told(tmp_path: Path, lineage):
    path = tmp_path / "m.safetensors"
    _save(path)
    _rewrite(path, lineage=lineage)
    with pytest.raises(CheckpointError, match=r"'m\.safetensors'"):
        checkpoint.info(path)


def test_the_users_models_load_by_name(folder: Path):
    _save(folder / "mine.safetensors")
    assert [info.name for info in checkpoint.available() if not info.bundled] == ["mine"]
    assert checkpoint.load("mine").name == "mine"


def test_a_file_trained_again_is_read_again(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    network, _ = _save(path)
    checkpoint.load(path)
    torch.nn.init.zeros_(network.head.weight)
    checkpoint.save(path, network, Header(network_arguments={"widths": WIDTHS}), overwrite=True)
    assert checkpoint.load(path).network.head.weight.count_nonzero() == 0


def test_an_unknown_name_lists_the_known_ones(folder: Path):
    _save(folder / "mine.safetensors")
    with pytest.raises(CheckpointError, match=r"'nobody'.*mine"):
        checkpoint.load("nobody")


def test_an_existing_file_is_not_replaced_unasked(tmp_path: Path):
    _save(tmp_path / "m.safetensors")
    before = (tmp_path / "m.safetensors").read_bytes()
    with pytest.raises(OverwriteError):
        _save(tmp_path / "m.safetensors", threshold=0.1)
    assert (tmp_path / "m.safetensors").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("share", np.linspace(0, 0.999, 25))
def test_a_flipped_byte_anywhere_is_told(tmp_path: Path, share: float):
    path = tmp_path / "m.safetensors"
    _save(path)
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 0x01
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"'m\.safetensors'"):
        checkpoint.load(path)


@pytest.mark.parametrize("keep", [0, 7, 100, 5000])
def test_a_cut_file_is_told(tmp_path: Path, keep: int):
    path = tmp_path / "m.safetensors"
    _save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(path)


def test_a_pickle_runs_no_code(tmp_path: Path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "exploded",))

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match=r"'model\.safetensors' is not a model file"):
        checkpoint.load(path)
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not a model file"):
        checkpoint.load(path)
    assert not (tmp_path / "exploded").exists()


def test_a_missing_weight_is_told_by_name(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    _save(path)
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    weights = safetensors.torch.load_file(path)
    del weights["head.bias"]
    path.write_bytes(safetensors.torch.save(weights, metadata))
    with pytest.raises(CheckpointError, match=r"head\.bias"):
        checkpoint.load(path)


def test_weights_without_our_header_are_told(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(safetensors.torch.save({"a": torch.zeros(2)}))
    with pytest.raises(CheckpointError, match="no header of this program"):
        checkpoint.load(path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"network": "resnet"}, "resnet"),
        ({"padding": "left"}, "left"),
        ({"threshold": 2}, "threshold"),
        ({"threshold": "high"}, "damaged"),
        ({"fov_diameter": -1}, "diameter"),
        ({"normalisation": "mean"}, "mean"),
        ({"format_version": 99}, "update napari-saunetv2"),
        ({"format_version": None}, "format None"),
        ({"network_arguments": {"widths": [10**6, 10**6]}}, "not a few small numbers"),
        ({"network_arguments": {"widths": [8] * 10**5}}, "not a few small numbers"),
        ({"network_arguments": {"widths": [16, 32, 48, 64]}}, "does not hold the weights"),
        ({"network_arguments": {"dropblock": 1e300}}, "not a few small numbers"),
        ({"network": "x" * 10**6}, "known are"),
        ({"network_arguments": {"widths": [7]}}, "cannot be built"),
        ({"network_arguments": {"depth": 3}}, "cannot be built"),
        ({"network_arguments": 3}, "damaged"),
        ({"scores": 3}, "damaged"),
        ({"scores": [{"mean": 3}]}, "damaged"),
        ({"data": 3}, "damaged"),
        ({"licence": "mine"}, "damaged"),
    ],
)
def test_a_header_that_breaks_a_rule_is_told(tmp_path: Path, changes: dict, says: str):
    path = tmp_path / "m.safetensors"
    _save(path)
    _rewrite(path, **changes)
    with pytest.raises(CheckpointError, match=says) as caught:
        checkpoint.load(path)
    assert len(str(caught.value)) < 500


def test_damaged_models_are_left_out_of_the_list(folder: Path):
    (folder / "broken.safetensors").write_bytes(b"nothing")
    assert "broken" not in [info.name for info in checkpoint.available()]


def test_a_score_is_recorded_once(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    _save(path)
    about = {"dataset": "drive", "split": "test", "protocol": "whole"}
    checkpoint.record(path, about | {"mean": {"f1": 0.1}, "images": 20})
    checkpoint.record(path, about | {"mean": {"f1": 0.2}, "images": 20})
    assert [s["mean"]["f1"] for s in checkpoint.load(path).header.scores] == [0.2]


def test_the_bundled_model_says_what_it_was_trained_on():
    header = checkpoint.load("saunetv2-drive").header
    tests = {f"{n:02}_test" for n in range(1, 21)}
    trained = set(header.data["train"]) | set(header.data["validation"])
    assert trained == {f"{n}_training" for n in range(21, 41)}
    assert not trained & tests
    assert header.fov_diameter == pytest.approx(540, abs=5)
    assert "esearch" in header.licence


def test_loading_a_model_does_not_load_torchs_compiler():
    code = (
        "import sys; from napari_saunetv2.models import checkpoint; checkpoint.load(); "
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"  # it would cost 95 MB and a second at every start
