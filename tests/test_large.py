import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_saunetv2 import cli, inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import runners
from napari_saunetv2.errors import FileFormatError, OverwriteError, SettingsError
from napari_saunetv2.files import tiled
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.inference import large, windows
from napari_saunetv2.inference.frozen import freeze
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint, Header
from napari_saunetv2.networks import NETWORKS

TORCH = {"engine": "torch", "precision": "float32"}


@pytest.fixture(scope="module")
def model() -> Checkpoint:
    torch.manual_seed(0)
    network = NETWORKS["saunetv2"](widths=(8, 8, 8, 8)).eval().requires_grad_(requires_grad=False)
    return Checkpoint("small", network, Header())


def _image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_beyond_the_reach_changes_an_answer(name):
    torch.manual_seed(0)
    network = NETWORKS[name]().eval().requires_grad_(requires_grad=False)
    samples = torch.rand(1, 3, 64, 64)
    frozen = freeze(network, samples, torch.ones(1))
    reach = runners.reach(network)
    length = -(-(reach + 32) // 16) * 16
    image = torch.rand(1, 3, 32, length)
    other = image.clone()
    other[..., reach + 1 :] = 0
    with torch.inference_mode():
        torch.testing.assert_close(frozen(image)[..., 0], frozen(other)[..., 0], atol=1e-6, rtol=0)
        other[...] = 0  # what lies within it does
        assert not torch.allclose(frozen(image)[..., 0], frozen(other)[..., 0], atol=1e-6)


def test_frozen_on_one_image_is_the_network_itself(model):
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        truth = model.network(image)
        prediction = freeze(model.network, image, torch.ones(1), border=0)(image)
    torch.testing.assert_close(prediction, truth, atol=1e-4, rtol=1e-4)


def test_statistics_are_joint_over_the_samples(model):
    """Two halves of equal share have the statistics of both together."""
    norm = torch.nn.Sequential(torch.nn.GroupNorm(2, 4))
    x = torch.rand(2, 4, 8, 8) * torch.tensor([1.0, 5.0])[:, None, None, None]
    frozen = freeze(norm, x, torch.full((2,), 0.5), border=0)
    together = x.transpose(0, 1).reshape(1, 4, 16, 8)
    torch.testing.assert_close(
        frozen(x).transpose(0, 1).reshape(1, 4, 16, 8), norm(together), atol=1e-5, rtol=1e-5
    )
    assert isinstance(norm[0], torch.nn.GroupNorm)  # what was frozen is a copy


@pytest.mark.parametrize(
    ("length", "side", "margin", "multiple"), [(900, 512, 110, 16), (4000, 1536, 110, 256), (300, 512, 9, 16)]
)
def test_cores_cover_once_with_their_context(length, side, margin, multiple):
    spans = windows.spans(length, side, margin, multiple)
    assert [s.core.start for s in spans[1:]] == [s.core.stop for s in spans[:-1]]
    assert (spans[0].core.start, spans[-1].core.stop) == (0, length)
    for span in spans:
        assert span.read.start % 16 == 0
        assert span.core.start - span.read.start >= margin or span.read.start == 0
        assert span.read.stop - span.core.stop >= margin or span.read.stop == length
        assert span.read.stop - span.read.start <= span.length
        assert span.length <= max(side, -(-length // 16) * 16)


def test_tiles_agree_wherever_they_have_their_context(model):
    """Another cut of the same image, the same answer; but at its rim, which the canvas of a tile shifts."""
    image = _image(640, 1040)
    one, other = (inference.segment(image, model, rescale="off", tile=side, **TORCH) for side in (512, 640))
    inside = slice(120, -120)
    assert np.abs(one - other)[inside, inside].max() < 1e-4
    assert np.abs(one - one.mean()).max() > 0.01  # and it is no constant


class Red(torch.nn.Module):
    """Answers the red channel, so that a wrong way back from a turn shows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :1]


def test_turned_views_come_back():
    image = _image(560, 700)
    prediction = inference.segment(
        image, Checkpoint("red", Red(), Header()), rescale="off", tile=512, tta="d4", **TORCH
    )
    np.testing.assert_allclose(prediction, 1 / (1 + np.exp(-(image[..., 0] / np.float32(255)))), rtol=1e-5)


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_from_file_to_file(model, suffix, tmp_path: Path):
    zarr = pytest.importorskip("zarr")
    image = _image(600, 900)
    source = tmp_path / f"source{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(source, image, photometric="rgb")
    else:
        zarr.save_array(source, image)
    opened = tiled.opened(source)
    assert type(opened) is not np.ndarray  # nothing was read
    seen, config = [], InferenceConfig(tile=768, **TORCH)
    target = large.segment(
        opened, tmp_path / f"t{suffix}", model, config, what="probability",
        progress=lambda *state: seen.append(state),
    )  # fmt: skip
    assert seen[-1] == (len(seen), len(seen))
    written = np.asarray(tiled.opened(target)[:])
    again = large.segment(image, tmp_path / "again.tif", model, config, what="vessels", threshold=0.5)
    np.testing.assert_array_equal(tifffile.imread(again), (written >= 0.5) * np.uint8(255))
    with pytest.raises(OverwriteError):
        large.segment(opened, target, model, config)


def test_files_agree_with_the_array(model, tmp_path: Path):
    image = _image(600, 900)
    target = large.segment(
        image, tmp_path / "t.tif", model, InferenceConfig(tile=1024, **TORCH), what="probability"
    )
    read = inference.segment(image, model, rescale="off", tile=768, **TORCH)
    inside = slice(120, -120)
    assert np.abs(tifffile.imread(target) - read)[inside, inside].max() < 1e-4


class TwoClasses(torch.nn.Module):
    """The red channel decides on one class, the blue one on the other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([4 * x[:, :1] - 2, 4 * x[:, 2:] - 2], dim=1)


def test_files_and_arrays_agree_for_a_model_of_several_classes(tmp_path: Path):
    two = Checkpoint("two", TwoClasses().eval(), Header(classes=("artery", "vein")))
    image = _image(600, 700)
    config = InferenceConfig(tile=512, rescale="off", **TORCH)
    target = large.segment(image, tmp_path / "t.tif", two, config, what="probability")
    classes = inference.segment_classes(image, two, rescale="off", tile=512, **TORCH)
    expected = 1 / (1 + np.exp(2 - image[..., [0, 2]].transpose(2, 0, 1) / 255 * 4))
    np.testing.assert_allclose(classes, expected, atol=1e-5)
    np.testing.assert_array_equal(tifffile.imread(target), classes.max(axis=0))
    np.testing.assert_array_equal(
        inference.segment(image, two, rescale="off", tile=512, **TORCH), classes.max(axis=0)
    )
    assert (classes[1] > classes[0]).mean() > 0.4  # where the first class alone is wrong


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"tta": "d4"}, "tta is 'd4': .* choose 'none'"),
        ({"rescale": 0.5}, "rescale is 0.5: .* choose 'off'"),
        ({"tile": 256}, "tile is 256: it must be 512 pixels or more"),
    ],
)
def test_what_a_large_image_cannot_have_is_said(model, tmp_path, wrong, says):
    with pytest.raises(SettingsError, match=says):
        large.segment(_image(600, 600), tmp_path / "t.tif", model, InferenceConfig(**wrong))
    assert not (tmp_path / "t.tif").exists()


def test_a_dask_array_is_read_in_parts(model, tmp_path: Path):
    da = pytest.importorskip("dask.array")
    image = _image(600, 600)
    lazy = da.from_array(image, chunks=(200, 200, 3))
    for name, array in (("a.tif", lazy), ("b.tif", image)):
        large.segment(array, tmp_path / name, model, InferenceConfig(tile=512, **TORCH))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), tifffile.imread(tmp_path / "b.tif"))


def test_other_suffixes_and_files_are_told(model, tmp_path: Path):
    with pytest.raises(FileFormatError, match=r"t\.png"):
        large.segment(_image(600, 600), tmp_path / "t.png", model, InferenceConfig())
    (tmp_path / "no.tif").write_bytes(b"no")
    with pytest.raises(FileFormatError, match=r"no\.tif"):
        tiled.opened(tmp_path / "no.tif")


def test_a_tiff_that_was_cut_is_not_read_as_black(tmp_path: Path):
    pytest.importorskip("zarr")
    path = tmp_path / "eye.tif"
    for options in ({}, {"tile": (64, 64), "compression": "zlib"}):
        tifffile.imwrite(path, _image(300, 300), photometric="rgb", **options)
        assert tiled.opened(path).shape == (300, 300, 3)
        path.write_bytes(path.read_bytes()[:-5000])
        with pytest.raises(FileFormatError, match=r"eye\.tif"):
            tiled.opened(path)


def test_the_samples_stand_for_the_whole_canvas():
    image = to_unit(np.full((400, 800, 3), 255, np.uint8))
    tiles, shares = windows.spread(lambda part: image[part], 400, 800, count=8, side=64)
    assert tiles.shape == (9, 64, 64, 3)
    assert shares.sum() == pytest.approx(1)
    assert (shares * tiles.mean((1, 2, 3))).sum() == pytest.approx(0.5)  # the other half is black


def test_checkpoint_models_run_large_images(tmp_path: Path):
    loaded = checkpoint.load()
    prediction = inference.segment(_image(520, 530), loaded, rescale="off", tile=512)
    assert prediction.shape == (520, 530)
    assert np.isfinite(prediction).all()


def test_a_zarr_takes_the_place_of_a_zarr_only_and_only_where_it_may(tmp_path: Path):
    pytest.importorskip("zarr")
    one, other = np.zeros((9, 9), np.uint8), np.ones((9, 9), np.uint8)
    target = tiled.write(tmp_path / "a.zarr", one)
    with pytest.raises(OverwriteError, match="already exists"):
        tiled._write_zarr(target, iter([other]), (9, 9), other.dtype, overwrite=False)  # it came meanwhile
    np.testing.assert_array_equal(tiled.opened(target)[:], one)
    tiled.write(target, other, overwrite=True)
    np.testing.assert_array_equal(tiled.opened(target)[:], other)
    (tmp_path / "photographs.zarr").mkdir()
    (tmp_path / "photographs.zarr" / "eye.png").touch()
    with pytest.raises(OverwriteError, match="is not a zarr"):
        tiled.write(tmp_path / "photographs.zarr", one, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr", "photographs.zarr"]


def test_a_disk_that_fills_up_leaves_the_older_zarr(tmp_path: Path, monkeypatch):
    pytest.importorskip("zarr")
    one = np.zeros((9, 9), np.uint8)
    target = tiled.write(tmp_path / "a.zarr", one)

    def bands():
        yield one[:4]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(FileFormatError, match="No space left"):
        tiled._write_zarr(target, bands(), (9, 9), one.dtype, overwrite=True)
    np.testing.assert_array_equal(tiled.opened(target)[:], one)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


@pytest.fixture
def command(model, tmp_path, monkeypatch, capsys):
    checkpoint.save(tmp_path / "m.safetensors", model.network, Header(network_arguments={"widths": [8] * 4}))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        engine = ["--engine", "torch", "--precision", "float32"]
        monkeypatch.setattr("sys.argv", ["saunetv2", "segment", *arguments, "-m", "m.safetensors", *engine])
        code = 0
        try:
            cli.main()
        except SystemExit as done:
            code = done.code or 0
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_the_command_goes_by_tiles_beyond_a_bound_and_says_so(command, model, suffix, tmp_path, monkeypatch):
    pytest.importorskip("zarr")
    tifffile.imwrite(tmp_path / "big.tif", _image(600, 900), photometric="rgb")
    code, told = command("big.tif", "-o", f"small{suffix}", "--rescale", "off", "--probability")
    assert (code, "in tiles" in told) == (0, False), told
    whole = np.asarray(tiled.opened(f"small{suffix}")[:])
    np.testing.assert_array_equal(
        whole, inference.segment(_image(600, 900), "m.safetensors", rescale="off", tile="auto", **TORCH)
    )
    monkeypatch.setattr(large, "IN_MEMORY", 1000)
    code, told = command("big.tif", "-o", f"tiled{suffix}", "--probability")
    assert code == 0, told
    assert "900 x 600 pixels are more than" in told
    python = large.segment(
        _image(600, 900), "python.tif", model, InferenceConfig(**TORCH), what="probability"
    )
    np.testing.assert_array_equal(tiled.opened(f"tiled{suffix}")[:], tiled.opened(python)[:])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["eye.tif", "eye.tif", "-o", "out.tif"], "is one file: give one image"),
        (["eye.tif", "-o", "eye.tif", "--overwrite"], "is the image itself"),
        (["eye.tif", "-o", "there.tif"], "there.tif' already exists"),
        (
            ["eye.tif", "-o", "out.zarr", "--overlay", "--table", "t.csv"],
            "--overlay, --table: this works only with",
        ),
        (["none.zarr", "-o", "out.zarr"], "neither an image nor a zarr"),
        (["deep.zarr", "-o", "out.tif"], r"has shape \(5, 6, 7, 3\)"),
        (["huge.zarr", "-o", "out.tif"], r"chunks of \(100000, 100000\)"),
        (["broken.zarr", "-o", "out.tif"], "neither an image nor a zarr"),
        (["deep.zarr", "-o", "folder"], "is a zarr: segment it alone"),
    ],
)
def test_what_the_command_refuses(command, arguments, says, tmp_path):
    zarr = pytest.importorskip("zarr")
    tifffile.imwrite(tmp_path / "eye.tif", _image(40, 50), photometric="rgb")
    (tmp_path / "there.tif").write_bytes(b"")
    zarr.save_array("deep.zarr", np.zeros((5, 6, 7, 3), np.uint8))
    zarr.create_array("huge.zarr", shape=(100_000, 100_000), chunks=(100_000, 100_000), dtype=np.uint8)
    zarr.save_array("broken.zarr", np.zeros((5, 6), np.uint8))
    (tmp_path / "broken.zarr/zarr.json").write_text('{"zarr_format": 3, "node_type": []}')
    code, told = command(*arguments)
    assert code == 1
    assert re.search(says, told), told
    assert told.count("\n") == 1


def test_a_damaged_piece_is_told(command, tmp_path):
    zarr = pytest.importorskip("zarr")
    zarr.save_array("eye.zarr", _image(64, 64))
    for piece in (tmp_path / "eye.zarr/c").rglob("*"):
        if piece.is_file():
            piece.write_bytes(b"no zstd")
    code, told = command("eye.zarr", "-o", "out.tif")
    assert (code, "A part of the image cannot be read" in told) == (1, True), told
    assert not (tmp_path / "out.tif").exists()
