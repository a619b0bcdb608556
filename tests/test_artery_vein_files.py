"""Photographs in, arteries and veins out: through every engine, view, tile and command."""

import csv

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_saunetv2 import batch, inference
from napari_saunetv2.batch import cluster, images
from napari_saunetv2.cli import app
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import inputs
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.exchange import bioimage
from napari_saunetv2.exchange.export import SUFFIXES, export
from napari_saunetv2.files import load_artery_vein, read_mask, write_artery_vein
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.measure.classes import by_pixel, vote
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain
from tiny import save_model, save_two_classes

EYE = fundus((160, 180), seed=1)
EXACT = {"engine": "torch", "precision": "float32"}


@pytest.fixture
def two(tmp_path):
    return save_model(tmp_path / "two.safetensors", classes=("artery", "vein"), threshold=0.4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return save_two_classes(tmp_path_factory.mktemp("models") / "trained.safetensors")


@pytest.fixture
def eyes(tmp_path):
    folder = tmp_path / "eyes"
    folder.mkdir()
    for name in "ab":
        Image.fromarray(EYE.image).save(folder / f"{name}.png")
    return folder


def call(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, " ".join(done.output.split())


def test_the_command_writes_them_in_rites_colours_and_passes_them_over_next_time(tmp_path, two, eyes):
    out = tmp_path / "out"
    options = ("-m", two, "--engine", "torch", "--precision", "float32")
    code, text = call("segment", eyes, "-o", out, *options)
    assert code == 0, text
    maps = inference.segment_classes(EYE.image, two, **EXACT)
    mask = maps.max(axis=0) >= 0.4
    found = load_artery_vein(out / "a_av.png")
    np.testing.assert_array_equal(found.labels, vote(maps, mask, threshold=0.4))
    np.testing.assert_array_equal(read_mask(out / "a_vessels.png"), found.vessel)
    assert not found.remarks
    plain = tmp_path / "plain"
    assert call("segment", eyes / "a.png", "-o", plain, *options, "--no-vote", "--format", "tif")[0] == 0
    by_itself = load_artery_vein(plain / "a_av.tif").labels
    np.testing.assert_array_equal(by_itself, by_pixel(maps, mask, threshold=0.4))
    code, text = call("segment", eyes, "-o", eyes, *options)
    assert code == 0, text
    assert sorted(p.name for p in inputs.gather([str(eyes)]).files) == ["a.png", "b.png"]
    code, text = call("segment", eyes, "-o", eyes, *options, "--resume")
    assert text.count("already has its results") == 2
    code, text = call("score", out, eyes, "--csv", tmp_path / "s.csv")
    assert code == 0, text
    with (tmp_path / "s.csv").open() as lines:
        assert [row["av_acc"] for row in csv.DictReader(lines)] == ["1.000000"] * 3


def test_a_model_of_vessels_writes_none_and_is_refused_where_they_are_asked_for(tmp_path, eyes):
    one = save_model(tmp_path / "one.safetensors")
    code, text = call("segment", eyes, "-o", tmp_path / "out", "-m", one)
    assert code == 0, text
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a_vessels.png", "b_vessels.png"]
    options = batch.OutputOptions(tmp_path / "av", artery_vein=True)
    post = PostProcessing(threshold=0.5)
    with pytest.raises(SettingsError, match="'one' knows vessel, not artery and vein: use a model"):
        drain(
            images.segment_steps(eyes / "a.png", "a", checkpoint.load(one), InferenceConfig(), post, options)
        )
    other = save_model(tmp_path / "other.safetensors", classes=("vessel", "lesion"))
    code, text = call("segment", eyes / "a.png", "-o", tmp_path / "three", "-m", other)
    assert code == 0, text
    assert "vessels of all classes (vessel, lesion) are written as one mask" in text
    assert not list((tmp_path / "three").glob("*_av*"))


def test_workers_write_the_same_files(tmp_path, two, eyes):
    pytest.importorskip("distributed")
    post = PostProcessing(threshold=0.4)
    results = []
    for workers in (1, 2):
        options = batch.OutputOptions(tmp_path / str(workers), artery_vein=True)
        config = InferenceConfig(model=str(two), **EXACT)
        rows = list(cluster.segment_files(sorted(eyes.iterdir()), config, post, options, workers=workers))
        assert {row.status for row in rows} == {"done"}
        results.append({p.name: p.read_bytes() for p in (tmp_path / str(workers)).iterdir()})
    assert results[0] == results[1]
    assert "a_av.png" in results[0]


def test_fine_tuning_goes_on_with_the_base_s_classes(tmp_path, two):
    for folder in ("images", "labels"):
        (tmp_path / "mine" / folder).mkdir(parents=True)
    Image.fromarray(EYE.image).save(tmp_path / "mine/images/a.png")
    write_artery_vein(tmp_path / "mine/labels/a_av.png", EYE.labels)
    words = ["finetune", tmp_path / "mine", "-o", tmp_path / "run", "--base", two, "--steps", 2]
    words += ["--crop", 64, "--batch", 1, "--validation", 0, "--scale", "image"]
    code, text = call(*words)
    assert code == 0, text
    assert "pixels of value 3 are learned as crossings" in text
    tuned = checkpoint.load(tmp_path / "run" / "model.safetensors")
    assert tuned.header.classes == ("artery", "vein")
    assert tuned.network.head.out_channels == 2
    assert tuned.header.recipe["overlapping"] is None


@pytest.mark.parametrize("tta", ["none", "flips", "d4"])
@pytest.mark.parametrize("tile", ["off", 64])
def test_views_and_tiles_keep_the_classes_apart(trained, tta, tile):
    maps = inference.segment_classes(EYE.image, trained, tta=tta, tile=tile, **EXACT)
    assert maps.shape == (2, 160, 180)
    assert maps.dtype == np.float32
    whole = inference.segment_classes(EYE.image, trained, **EXACT)
    likeness = np.corrcoef(maps.reshape(2, -1), whole.reshape(2, -1))[:2, 2:]
    assert np.diag(likeness).min() > 0.5
    assert max(likeness[0, 1], likeness[1, 0]) < 0  # each is like its own, and unlike the other
    if tta == "d4" and tile == "off":
        turned = inference.segment_classes(np.rot90(EYE.image), trained, tta=tta, tile=tile, **EXACT)
        np.testing.assert_allclose(np.rot90(maps, axes=(1, 2)), turned, atol=1e-4)


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_engines_give_both_maps(trained, engine):
    pytest.importorskip("openvino" if engine == "openvino" else "onnxruntime")
    exact = inference.segment_classes(EYE.image, trained, **EXACT)
    found = inference.segment_classes(EYE.image, trained, engine=engine, precision="float32")
    np.testing.assert_allclose(found, exact, atol=1e-4)


@pytest.mark.parametrize("form", ["onnx", "openvino", "bioimageio"])
def test_exports_give_both_maps(trained, tmp_path, form):
    pytest.importorskip({"onnx": "onnxruntime", "openvino": "openvino", "bioimageio": "onnxruntime"}[form])
    target = tmp_path / f"two{SUFFIXES[form]}"
    assert export(checkpoint.load(trained), target, form) <= 1e-4
    if form == "bioimageio":
        back = checkpoint.load(bioimage.unpack(target, tmp_path / "back.safetensors"))
        assert back.header.classes == ("artery", "vein")
        assert back.network.head.out_channels == 2
    elif form == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        picture = EYE.image[:160, :176].transpose(2, 0, 1)[None].astype(np.float32) / 255
        (found,) = session.run(None, {given.name: picture})
        assert found.shape == (1, 2, 160, 176)
