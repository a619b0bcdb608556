import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from napari_saunetv2 import cli
from napari_saunetv2.engines import _check
from napari_saunetv2.errors import CheckpointError, FileFormatError, OverwriteError, SettingsError
from napari_saunetv2.exchange import bioimage, export
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint, Header
from napari_saunetv2.networks import NETWORKS

NEEDS = {"onnx": "onnxruntime", "openvino": "openvino", "bioimageio": "onnxruntime"}


@pytest.fixture
def model(tmp_path: Path) -> Checkpoint:
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    header = Header(network="saunet", network_arguments={"widths": [8, 16]}, fov_diameter=540.0)
    checkpoint.save(path, NETWORKS["saunet"](widths=(8, 16)), header)
    return checkpoint.load(path)


@pytest.mark.parametrize("form", NEEDS)
def test_what_is_written_is_compared_and_written_whole(form, model, tmp_path, monkeypatch):
    pytest.importorskip(NEEDS[form])
    target = tmp_path / "out" / f"model{export.SUFFIXES[form]}"
    assert export.export(model, target, form) <= 1e-4
    with pytest.raises(OverwriteError):
        export.export(model, target, form)
    monkeypatch.setattr(_check, "SAME", -1.0)
    other = target.with_stem("other")
    with pytest.raises(CheckpointError, match="something else"):
        export.export(model, other, form)
    assert not other.exists()


@pytest.mark.parametrize("form", NEEDS)
def test_a_model_of_two_classes_is_exported(form, tmp_path):
    pytest.importorskip(NEEDS[form])
    torch.manual_seed(0)
    path, arguments = tmp_path / "two.safetensors", {"widths": [8, 16], "classes": 2}
    header = Header(network="saunet", network_arguments=arguments, classes=("artery", "vein"))
    checkpoint.save(path, NETWORKS["saunet"](widths=(8, 16), classes=2), header)
    target = tmp_path / f"model{export.SUFFIXES[form]}"
    assert export.export(checkpoint.load(path), target, form) <= 1e-4
    if form == "bioimageio":
        with zipfile.ZipFile(target) as packed:
            (output,) = json.loads(packed.read("rdf.yaml"))["outputs"]
        assert output["axes"][1]["channel_names"] == ["artery", "vein"]


@pytest.mark.parametrize("name", [info.name for info in checkpoint.available() if info.bundled])
def test_every_bundled_model_gives_the_same_answer_as_onnx(name, tmp_path):
    pytest.importorskip("onnxruntime")
    # The cascade compares its classes sixteen times as steeply as a network alone rounds.
    bound = 16 * 2e-5 if name == "saunetv2-av" else 2e-5
    assert export.export(checkpoint.load(name), tmp_path / "model.onnx", "onnx") < bound


def test_the_onnx_takes_any_size_and_batch(model, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    target = tmp_path / "model.onnx"
    export.export(model, target, "onnx")
    session = onnxruntime.InferenceSession(target.read_bytes(), providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 32, 64), (2, 3, 48, 16)):
        image = np.random.default_rng(0).random(shape, np.float32)
        with torch.inference_mode():
            truth = model.network(torch.from_numpy(image)).sigmoid().numpy()
        np.testing.assert_allclose(session.run(None, {"image": image})[0], truth, atol=1e-5)


def test_a_package_holds_its_test_tensors_and_opens_again(model, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    target = tmp_path / "package.zip"
    export.export(model, target, "bioimageio")
    with zipfile.ZipFile(target) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    about = json.loads(parts["rdf.yaml"])
    assert about["inputs"][0]["axes"][2]["size"] == {"min": 16, "step": 16}
    assert Image.open(io.BytesIO(parts["cover.png"])).size == (512, 256)
    given, wanted = (np.load(io.BytesIO(parts[f"test_{what}.npy"])) for what in ("input", "output"))
    session = onnxruntime.InferenceSession(parts["weights.onnx"], providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"image": given})[0], wanted, atol=1e-5)
    again = checkpoint.load(bioimage.unpack(target, tmp_path / "again.safetensors"))
    assert again.header == model.header
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], tensor)


@pytest.fixture
def package(model, tmp_path) -> Path:
    pytest.importorskip("onnxruntime")
    export.export(model, tmp_path / "package.zip", "bioimageio")
    return tmp_path / "package.zip"


def test_a_package_passes_the_bioimage_io_validator(package, tmp_path):
    spec = pytest.importorskip("bioimageio.spec", minversion="0.5.14")
    summary = spec.load_description(package, perform_io_checks=True).validation_summary
    assert summary.status == "valid-format", summary.display()
    with zipfile.ZipFile(package) as packed, zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        for name in packed.namelist():
            damage = b"x" if name == "test_input.npy" else b""
            other.writestr(name, packed.read(name) + damage)
    summary = spec.load_description(tmp_path / "other.zip", perform_io_checks=True).validation_summary
    assert summary.status == "failed"  # it does look at the files


def test_a_package_runs_in_bioimage_ios_own_program(package):
    pytest.importorskip("bioimageio.spec", minversion="0.5.14")
    core = pytest.importorskip("bioimageio.core")
    summary = core.test_description(package)
    assert summary.status == "passed", summary.display()


def test_a_foreign_zip_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.writestr("a", "b")
    with pytest.raises(FileFormatError, match=r"x\.zip"):
        bioimage.unpack(tmp_path / "x.zip", tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("name", "form", "says"), [("m.onnx", "coreml", "coreml"), ("m.xml", "onnx", r"end it in \.onnx")]
)
def test_a_wrong_format_is_told(model, tmp_path, name, form, says):
    with pytest.raises(SettingsError, match=says):
        export.export(model, tmp_path / name, form)


def test_the_commands(model, tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    for arguments in (
        ["export", tmp_path / "small.safetensors", "-o", tmp_path / "p.zip", "--format", "bioimageio"],
        ["import", tmp_path / "p.zip", "-o", tmp_path / "back.safetensors"],
    ):
        monkeypatch.setattr("sys.argv", ["saunetv2", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            cli.main()
        assert done.value.code == 0
    assert checkpoint.load(tmp_path / "back.safetensors").header == model.header
