"""Disc, fovea and eye of a photograph: the frame, the maps, the bundled model, the command line."""

import time

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage
from torch import nn
from typer.testing import CliRunner

from napari_saunetv2 import cli, find_landmarks, inference
from napari_saunetv2.errors import CheckpointError, ImageError
from napari_saunetv2.files import read_image, read_mask, write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference.framing import SIDE, framed
from napari_saunetv2.inference.landmark_maps import look
from napari_saunetv2.models import checkpoint, library


@pytest.mark.parametrize("shape", [(300, 400), (1700, 2600), (90, 60)])
def test_a_frame_knows_where_its_pixels_lie(shape):
    height, width = shape
    unit = np.full((*shape, 3), 0.2, np.float32)
    rows, columns = np.ogrid[:height, :width]
    y, x, r = height * 0.6, width * 0.3, max(shape) / 15
    unit[(rows - y) ** 2 + (columns - x) ** 2 <= r * r] = 1
    fov = np.zeros(shape, bool)
    fov[height // 20 :, width // 10 :] = True
    frame = framed(unit, fov)
    assert frame.picture.shape == (SIDE, SIDE, 3)
    spot = np.clip(frame.picture[..., 0] - 0.25, 0, None)
    row, column = ndimage.center_of_mass(spot)
    assert frame.x + column * frame.scale == pytest.approx(x, abs=0.15 * frame.scale + 0.5)
    assert frame.y + row * frame.scale == pytest.approx(y, abs=0.15 * frame.scale + 0.5)
    assert frame.inside.sum() * frame.scale**2 == pytest.approx(fov.sum(), rel=0.05)


class Drawn(nn.Module):
    """Sees the discs and foveas that are drawn into red and green, and takes blue for the side."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        disc, fovea, blue = x.unbind(1)
        half = SIDE // 2
        side = (blue[..., half:] - blue[..., :half]).mean((1, 2), keepdim=True).expand_as(blue)
        return torch.stack([20 * disc - 10, 40 * fovea - 20, side], dim=1)


def test_maps_become_a_circle_a_point_and_a_side():
    rows, columns = np.mgrid[:SIDE, :SIDE]
    disc = np.clip(7.3 + 0.5 - np.hypot(rows - 22.25, columns - 48.5), 0, 1)
    stray = np.hypot(rows - 52, columns - 15) < 3
    fovea = np.exp(-((rows - 30) ** 2 + (columns - 24) ** 2) / 0.5)
    blue = columns > 40
    picture = np.dstack([np.maximum(disc, stray), fovea, blue]).astype(np.float32)
    inside = np.ones((SIDE, SIDE), np.float32)
    inside[:, :30] = 0
    found = look(Drawn(), picture, inside)
    assert found.disc == pytest.approx((48.5, 22.25, 7.3), abs=0.15)
    assert found.disc_confidence > 0.9
    assert found.fovea == pytest.approx((24, 30), abs=0.1)
    assert found.fovea_confidence > 0.9
    assert found.right > 0.5
    nothing = look(Drawn(), np.zeros_like(picture), inside)
    assert nothing.disc is None
    assert nothing.fovea_confidence < 0.01


@pytest.mark.parametrize("seed", range(6))
def test_disc_fovea_and_eye_of_a_synthetic_eye(seed):
    eye = fundus((584, 565), seed=seed)
    found = find_landmarks(eye.image)
    light = ndimage.gaussian_filter(eye.image[..., :2].mean(axis=2) * eye.fov, 15)
    row, column = np.unravel_index(light.argmax(), light.shape)
    assert np.hypot(found.disc.x - column, found.disc.y - row) < 0.75 * found.disc.r, "the cup"
    assert found.disc.r == pytest.approx(0.07 * 540, rel=0.25)
    assert np.hypot(found.fovea.x - 282, found.fovea.y - 292) < 0.06 * 540, "near the middle of the field"
    assert found.eye == ("right" if column > 282 else "left")
    assert min(found.disc_confidence, found.fovea_confidence, found.eye_confidence) > 0.5
    assert found.note == ""


def test_a_mirrored_photograph_is_the_other_eye():
    eye = fundus((500, 501), seed=1)
    plain, mirrored = find_landmarks(eye.image), find_landmarks(eye.image[:, ::-1])
    assert mirrored.disc == pytest.approx((500 - plain.disc.x, *plain.disc[1:]), abs=2)
    assert {plain.eye, mirrored.eye} == {"left", "right"}


def test_it_bears_darkness_depth_of_bits_size_and_a_given_field():
    eye = fundus((584, 565), seed=2)
    known = find_landmarks(eye.image)
    for name, image, times in (
        ("dark", eye.image // 6, 1),
        ("16 bits", eye.image.astype(np.uint16) * 257, 1),
        ("large", fundus((1752, 1695), seed=2).image, 3),
        ("red-free", eye.image[..., 1], 1),
    ):
        found = find_landmarks(image)
        away = np.hypot(found.disc.x / times - known.disc.x, found.disc.y / times - known.disc.y)
        assert away < 0.25 * known.disc.r, name
    given = find_landmarks(eye.image, eye.fov)
    assert given.disc == pytest.approx(known.disc, abs=0.1 * known.disc.r)


def test_what_is_not_in_view_is_said_and_not_invented():
    eye = fundus((584, 565), seed=3)
    known = find_landmarks(eye.image)
    side = 1 if known.fovea.x > known.disc.x else -1
    x = round(known.disc.x + side * 2.2 * known.disc.r)  # a crop of the macula
    crop = eye.image[150:430, x:] if side > 0 else eye.image[150:430, :x]
    found = find_landmarks(crop)
    assert found.disc is None
    assert "No optic disc was found" in found.note
    x = round(known.disc.x + side * 2 * known.disc.r)
    found = find_landmarks(eye.image[:, :x] if side > 0 else eye.image[:, x:])
    assert found.fovea is None
    assert "No fovea was found" in found.note


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((80, 90, 3), np.uint8), "dark everywhere"),
        (np.full((80, 90, 3), 255, np.uint8), "not looked for in a grey picture"),
        (np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8), "No optic disc"),
        (np.tile(np.linspace(0, 255, 300, dtype=np.uint8), (200, 1)), "not looked for in a grey picture"),
        (np.full((1, 1), 9, np.uint8), "not looked for in a grey picture"),
        (np.full((2, 500, 3), (90, 40, 9), np.uint8), "No optic disc"),
    ],
    ids=["black", "white", "noise", "ramp", "pixel", "strip"],
)
def test_other_pictures_have_none_with_a_reason(image, says):
    found = find_landmarks(image)
    assert (found.disc, found.fovea, found.eye) == (None, None, None)
    assert (found.disc_confidence, found.fovea_confidence, found.eye_confidence) == (None, None, None)
    assert says in found.note


def test_wrong_arrays_are_refused():
    eye = fundus((100, 100))
    with pytest.raises(ImageError, match="shape"):
        find_landmarks(eye.image, np.ones((9, 9)))
    with pytest.raises(ImageError, match="empty"):
        find_landmarks(eye.image, np.zeros((100, 100)))
    with pytest.raises(ImageError, match="one plane at a time"):
        find_landmarks(np.zeros((4, 9, 9, 3), np.uint8))


def test_the_model_is_no_model_of_vessels():
    assert "saunetv2-landmarks" not in [model.name for model in library.available()]
    (model,) = library.available("landmarks")
    assert model.bundled
    assert model.parameters < 150_000
    for wrong in ("saunetv2-landmarks", model.path):
        with pytest.raises(CheckpointError, match="is a model of optic disc and fovea, not of vessels"):
            inference.segment(np.zeros((32, 32, 3), np.uint8), wrong)
    with pytest.raises(CheckpointError, match="is a model of vessels, not of optic disc and fovea"):
        checkpoint.load("saunetv2-drive", kind="landmarks")
    listed = CliRunner().invoke(cli.app, ["models"]).output
    assert "saunetv2-drive" in listed
    assert "landmarks" not in listed


def test_measure_uses_them(tmp_path):
    eye = fundus((400, 400), seed=1)
    write_image(tmp_path / "eye.png", eye.image)
    write_image(tmp_path / "black.png", np.zeros_like(eye.image))
    done = CliRunner().invoke(cli.app, ["measure", str(tmp_path), "-o", str(tmp_path / "o")])
    known = find_landmarks(eye.image)
    x, y, r = (f"{v:.0f}" for v in known.disc)
    words = " ".join(done.output.split())
    assert f"Optic disc found at {x},{y},{r}, {known.eye} eye, confidence" in words
    assert f"Fovea at {known.fovea.x:.0f},{known.fovea.y:.0f}, confidence" in words
    assert "No optic disc was found: give it with --disc" in words
    table = pd.read_csv(tmp_path / "o" / "measurements.csv")
    grid = table[(table.region == "etdrs") & (table.measure == "area_density")]
    assert set(grid[grid.value.notna()].file) == {"eye.png"}


@pytest.mark.exclusive
def test_a_photograph_takes_less_than_50_ms():
    eye = fundus((584, 565))
    find_landmarks(eye.image, eye.fov)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        find_landmarks(eye.image, eye.fov)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


@pytest.mark.data
def test_discs_of_drive_that_were_not_trained_on(shared):
    """All 20: see the model's card; here every fourth, for speed."""
    data = shared / "data"
    table = pd.read_csv(data / "optic_discs.csv")
    part = data / "DRIVE" / "test"
    for number in range(1, 21, 4):
        rows = table[table.image == f"{number:02}_test.tif"]
        fov = read_mask(part / "mask" / f"{number:02}_test_mask.gif")
        disc = find_landmarks(read_image(part / "images" / f"{number:02}_test.tif"), fov).disc
        x, y, r = rows[rows.source.str.startswith("easytorch")].iloc[0][["x", "y", "r"]]
        assert np.hypot(disc.x - x, disc.y - y) <= 0.25 * r, number
        assert disc.r == pytest.approx(r, rel=0.15), number


@pytest.mark.data
def test_infrared_pictures_and_flow_maps_have_none(shared):
    data = shared / "data"
    pictures = [
        *sorted((data / "RAVIR" / "images").glob("*.png"))[1::2],  # the others taught it
        *sorted((data / "OCTA" / "OCTA500_6M" / "val" / "images").glob("*.png"))[:10],
    ]
    found = [find_landmarks(read_image(path)) for path in pictures]
    assert not [path.name for path, one in zip(pictures, found, strict=True) if one.disc or one.eye]
