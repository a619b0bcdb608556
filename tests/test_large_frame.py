"""An image larger than memory is cut to its field of view as one in memory is."""

import numpy as np
import pytest
import tifffile
import torch

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging import frame as frames
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference import large, large_frame
from napari_saunetv2.inference.tiles import Tile
from napari_saunetv2.models.checkpoint import Checkpoint, Header
from napari_saunetv2.networks import NETWORKS

TORCH = {"device": "cpu", "engine": "torch", "precision": "float32"}
RIM = 130
"""Pixels beside the frame's border that the canvas of a tile shifts (tests/test_large.py)."""

EYE = fundus((620, 590), 3).image


def surrounded(image, above, below, left, right):
    return np.pad(image, ((above, below), (left, right), (0, 0)))


def tall(image):
    """Only the upper third is lit: no disc."""
    dark = surrounded(image, 20, 40, 9, 0)
    dark[220:] = 1
    return dark


PHOTOGRAPHS = {
    "as it is": EYE,
    "much black": surrounded(EYE, 300, 0, 80, 1),
    "black that moves the grid": surrounded(fundus((1300, 1250), 1).image, 5, 310, 700, 2),
    "cut at the sides": surrounded(EYE[:, 90:-90], 33, 0, 0, 50),
    "a crop on black": surrounded(EYE[200:400, 200:420], 40, 10, 300, 0),
    "not round": tall(EYE),
    "no black": EYE[200:400, 200:420],
    "black": np.zeros((300, 400, 3), np.uint8),
    "a banner": np.concatenate([np.full((40, 590, 3), 230, np.uint8), EYE]),
}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("block", [(256, 8192), (64, 100)])
def test_the_frame_is_that_of_the_same_image_in_memory(name, block, monkeypatch):
    monkeypatch.setattr(large_frame, "_ROWS", block[0])
    monkeypatch.setattr(large_frame, "_COLUMNS", block[1])
    image = PHOTOGRAPHS[name]
    unit = to_unit(image)
    expected = frames.of(unit, field_of_view.detect(unit))
    assert large_frame.find(lambda part: to_unit(image[part]), *image.shape[:2]) == expected


def test_parts_of_a_frame_are_those_of_its_picture():
    image = np.random.default_rng(0).random((40, 50, 3), np.float32)
    for frame in (frames.Frame(slice(5, 30), slice(10, 50), 4), frames.whole(40, 50)):
        whole = frames.cut(image, frame)
        read = large_frame.framed(lambda part: image[part], frame)
        for rows in ((0, 3), (0, frame.shape[0]), (2, 17), (frame.shape[0] - 2, frame.shape[0])):
            for columns in ((0, 2), (1, 30), (frame.shape[1] - 5, frame.shape[1])):
                part = Tile(slice(*rows), slice(*columns))
                np.testing.assert_array_equal(read(part), whole[part])


@pytest.mark.parametrize("rows", [1, 7, 16, 100])
@pytest.mark.parametrize("heights", [(33,), (10, 23), (16, 16, 1), (1,) * 33])
def test_bands_of_a_frame_become_bands_of_the_image(rows, heights):
    for frame in (
        frames.Frame(slice(5, 30), slice(10, 50), 4),
        frames.Frame(slice(0, 25), slice(0, 40), 4),
        frames.Frame(slice(7, 40), slice(3, 4), 0),
    ):
        picture = np.random.default_rng(0).random(frame.shape, np.float32)
        bands = np.split(picture, np.cumsum(heights)[:-1])
        found = list(large_frame.pasted(bands, frame, (40, 50), rows, picture.dtype))
        assert [len(band) for band in found[:-1]] == [rows] * (len(found) - 1)
        np.testing.assert_array_equal(np.concatenate(found), frames.paste(picture[None], frame, (40, 50))[0])


@pytest.fixture(scope="module")
def model() -> Checkpoint:
    torch.manual_seed(0)
    network = NETWORKS["saunetv2"](widths=(8, 8, 8, 8)).eval().requires_grad_(requires_grad=False)
    return Checkpoint("small", network, Header(fov_diameter=540))


def compared(image, model, config, tmp_path):
    """Difference from the image in memory, inside the rim of the frame, and what both are beyond it."""
    target = large.segment(image, tmp_path / "t.tif", model, config, what="probability")
    found = tifffile.imread(target)
    settings = {"engine": config.engine, "precision": config.precision}
    expected = inference.segment(image, model, device="cpu", rescale="off", tile=512, **settings)
    unit = to_unit(image)
    frame = frames.of(unit, field_of_view.detect(unit))
    assert frame != frames.whole(*image.shape[:2])
    beyond = np.ones(found.shape, bool)
    beyond[frame.rows, frame.columns] = False
    assert beyond.any()
    assert not found[beyond].any()
    assert not expected[beyond].any()
    rows, columns = (slice(part.start + RIM, part.stop - RIM) for part in (frame.rows, frame.columns))
    return np.abs(found - expected)[rows, columns], expected[rows, columns]


@pytest.mark.parametrize("black", [(300, 0, 80, 1), (13, 700, 0, 901)])
def test_a_large_photograph_is_segmented_as_one_in_memory(model, black, tmp_path):
    image = surrounded(EYE, *black)
    difference, expected = compared(image, model, InferenceConfig(tile=640, **TORCH), tmp_path)
    assert difference.max() < 1e-4
    assert np.ptp(expected) > 0.01  # and it is no constant


@pytest.mark.data
@pytest.mark.parametrize(("folder", "name"), [("CHASE_DB1", "Image_07L"), ("STARE", "im0001")])
def test_real_photographs_with_black_around_them(shared, folder, name, tmp_path):
    from napari_saunetv2 import datasets
    from napari_saunetv2.models import checkpoint

    image = next(s for s in datasets.read(shared / "data" / folder) if s.name == name).image()
    image = surrounded(image, 300, 0, 80, 1)
    general, config = checkpoint.load("saunetv2-general"), InferenceConfig(tile=640, **TORCH)
    difference, expected = compared(image, general, config, tmp_path)
    assert (expected > 0.5).mean() > 0.03
    assert difference.max() < 1e-3
