import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_saunetv2 import reproduce
from napari_saunetv2.cli import app
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import read_image, read_mask, write_image, write_mask
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.imaging.vessels import PostProcessing

CONFIG = InferenceConfig(
    model="saunetv2-drive",
    device="cpu",
    tta="flips",
    rescale=1.5,
    tile=128,
    engine="torch",
    precision="float32",
)


@pytest.fixture
def eye(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sample = fundus((90, 80))
    folder = tmp_path / "it's here"
    folder.mkdir()
    write_image(folder / "an eye.tif", sample.image)
    write_mask(folder / "fov.png", np.roll(sample.fov, 20, 0))
    return folder


@pytest.mark.parametrize("fov", ["none", "auto", "own"])
def test_python_and_command_give_the_same_pixels(eye, fov):
    post = PostProcessing(threshold=0.34, min_size=12, connected=True, fov=fov)
    recipe = reproduce.Segmentation(CONFIG, post)
    image, field = eye / "an eye.tif", eye / "fov.png" if fov == "own" else None
    python = recipe.as_python(
        reproduce.from_file(image), reproduce.from_file(field, mask=True) if field else ""
    )
    names = {}
    exec(python, names)
    command = shlex.split(recipe.as_command(image, field))
    assert command[0] == "saunetv2"
    done = CliRunner().invoke(app, command[1:])
    assert done.exit_code == 0, done.output
    assert np.array_equal(read_image("results/an eye_probability.tif"), names["probability"])
    assert np.array_equal(read_mask("results/an eye_vessels.png"), names["mask"])
    assert 0 < names["mask"].mean() < 0.5
    box = field_of_view.extent(field_of_view.detect(to_unit(read_image(image))))
    assert (names["probability"][box] == 0).any() == (fov != "none")


def test_what_lies_in_no_file_has_no_command():
    recipe = reproduce.Segmentation(CONFIG, PostProcessing(threshold=0.5))
    with pytest.raises(SettingsError, match="image is not saved in a file"):
        recipe.as_command(None)
    with pytest.raises(SettingsError, match="field of view is not saved in a file"):
        replace(recipe, post=replace(recipe.post, fov="own")).as_command(Path("x.tif"))
