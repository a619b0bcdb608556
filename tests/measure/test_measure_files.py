"""``saunetv2 measure`` on files, and the finder of the disc."""

import numpy as np
import pandas as pd
import pytest
import shapes
import tifffile
from PIL import Image
from typer.testing import CliRunner

from napari_saunetv2 import cli
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import read_image, read_mask, write_image, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure import MEASURES, SEGMENT_COLUMNS, measure
from napari_saunetv2.measure.disc import find_disc, guess_fovea
from napari_saunetv2.measure.regions import Circle
from napari_saunetv2.measure.tree import grow


def run(*arguments):
    return CliRunner().invoke(cli.app, ["measure", *map(str, arguments)])


def test_masks_give_the_same_numbers_as_python(tmp_path):
    bar = shapes.bar(200, 8, 150, 20) < 0
    write_mask(tmp_path / "one.png", bar.astype(np.uint8))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    done = run(tmp_path / "one.png", tmp_path / "broken.png", "-o", tmp_path / "out", "--disc", "100,100,20")
    assert done.exit_code == 1
    assert "1 of 2 images measured" in done.output
    table = pd.read_csv(tmp_path / "out" / "measurements.csv", keep_default_na=False)
    failed = table[table.file == "broken.png"]
    assert len(failed) == 1
    assert failed.note.iloc[0].startswith("failed: ")
    assert failed.value.iloc[0] == "", "empty, not -1"
    ours = measure(bar, disc=(100, 100, 20)).image
    theirs = pd.read_csv(tmp_path / "out" / "measurements.csv")
    theirs = theirs[theirs.file == "one.png"].reset_index(drop=True)
    np.testing.assert_allclose(theirs.value, ours.value, rtol=1e-12)
    assert list(theirs.measure) == list(ours.measure)
    segments = pd.read_csv(tmp_path / "out" / "segments.csv")
    assert list(segments.columns) == ["file", *SEGMENT_COLUMNS]
    assert segments.width_median.iloc[0] == pytest.approx(8, abs=0.1)
    labels = tifffile.imread(tmp_path / "out" / "one_segments.tif")
    assert ((labels > 0) == bar).all()
    columns = pd.read_csv(tmp_path / "out" / "columns.csv")
    assert set(SEGMENT_COLUMNS) | {m.key for m in MEASURES} <= set(columns.key)
    assert run(tmp_path / "one.png", "-o", tmp_path / "out").exit_code != 0, "nothing is replaced unasked"


def test_the_scale_comes_from_the_file_or_the_user(tmp_path):
    bar = shapes.bar(100, 8, 70) < 0
    Image.fromarray(np.uint8(bar) * 255).save(tmp_path / "a.tif", resolution=100, resolution_unit=3)
    for options, micrometres, source in (
        ([], 8 * 100, "spacing given"),
        (["--spacing", "5"], 40, "spacing given"),
        (["--spacing", "none"], 8 * 1800 / 40, "assumed: disc diameter 1800 µm"),
    ):
        done = run(tmp_path / "a.tif", "-o", tmp_path / "o", "--disc", "50,50,20", "--overwrite", *options)
        assert done.exit_code == 0, done.output
        table = pd.read_csv(tmp_path / "o" / "measurements.csv")
        row = table[
            (table.measure == "width_median") & (table.region == "whole") & (table.unit == "µm")
        ].iloc[0]
        assert row.value == pytest.approx(micrometres, rel=0.01)
        assert row.scale_source == source


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--disc", "3,4"], "x,y,r"),
        (["--disc", "left"], "x,y,r"),
        (["--fovea", "3"], "x,y"),
        (["--spacing", "0"], "above 0"),
        (["--spacing", "wide"], "a number"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, says):
    write_mask(tmp_path / "a.png", np.eye(9, dtype=np.uint8))
    done = run(tmp_path / "a.png", "-o", tmp_path / "o", *options)
    assert isinstance(done.exception, SettingsError)
    assert says in str(done.exception)


def test_a_photograph_is_segmented_and_its_disc_found(tmp_path):
    eye = fundus((300, 300), seed=1)
    write_image(tmp_path / "eye.png", eye.image)
    done = run(tmp_path / "eye.png", "-o", tmp_path / "o")
    assert done.exit_code == 0, done.output
    assert "Optic disc found at" in done.output
    table = pd.read_csv(tmp_path / "o" / "measurements.csv")
    exact = measure(eye.vessels, fov=eye.fov).image
    ours, theirs = (
        t[(t.measure == "width_mean") & (t.region == "whole") & (t.unit == "px")].value.iloc[0]
        for t in (table, exact)
    )
    assert ours == pytest.approx(theirs, rel=0.15)
    known = table[table.value.notna()]
    assert (known.low <= known.value + 1e-12).all()
    assert (known.value <= known.high + 1e-12).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_disc_of_a_synthetic_eye_is_found(seed):
    eye = fundus((400, 400), seed=seed)
    unit = eye.image / np.float32(255)
    found = find_disc(grow("all", eye.vessels > 0), eye.fov > 0, unit)
    # The brightest spot of a synthetic eye is its disc.
    from scipy import ndimage

    light = ndimage.gaussian_filter(unit[..., :2].mean(axis=2) * eye.fov, 15)
    row, column = np.unravel_index(light.argmax(), light.shape)
    assert np.hypot(found.circle.y - row, found.circle.x - column) < 2 * found.circle.r
    assert 0 <= found.doubt <= 1


def test_no_vessels_no_disc_and_a_fovea_only_where_its_side_is_known():
    assert find_disc(grow("all", np.zeros((60, 60), bool)), np.ones((60, 60), bool)) is None
    field = np.ones((400, 400), bool)
    fovea = guess_fovea(Circle(80, 200, 30), field)
    assert fovea.x == pytest.approx(80 + 4.9 * 30, abs=2)
    assert fovea.y > 200
    assert guess_fovea(Circle(320, 200, 30), field).x < 200
    assert guess_fovea(Circle(210, 200, 30), field) is None, "in the middle, either side may be temporal"


@pytest.mark.data
def test_an_experts_order_of_tortuosity_is_followed(shared):
    from scipy import stats
    from scipy.interpolate import CubicSpline

    from napari_saunetv2.measure.centreline import Lines, join, resample, smooth
    from napari_saunetv2.measure.tortuosity import tortuosity

    table = pd.read_csv(shared / "data" / "RET_TORT" / "centrelines.csv")
    for kind, least in (("arteries", 0.9), ("veins", 0.865)):
        found = []
        for (_, order), points in table[table["class"] == kind].groupby(["image", "clinical_order"]):
            clicks = points[["y", "x"]].to_numpy(float)
            along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(clicks, axis=0).T))])
            kept = np.concatenate([[True], np.diff(along) > 0])
            line = resample(join([CubicSpline(along[kept], clicks[kept])(np.arange(0, along[-1]))]))
            line = Lines(smooth(line.points, line.starts, np.full(len(line.points), 60.0)), line.starts)
            found.append((order, tortuosity(resample(line)).graded[0]))
        assert stats.spearmanr(*np.array(found).T)[0] > least


@pytest.mark.data
def test_discs_of_drive_are_found(shared):
    """All 40: 38 within half a radius of either source; here every fourth of the test images, for speed."""
    data = shared / "data"
    table = pd.read_csv(data / "optic_discs.csv")
    part = data / "DRIVE" / "test"
    for number in range(1, 21, 4):
        rows = table[table.image == f"{number:02}_test.tif"]
        vessels = read_mask(part / "1st_manual" / f"{number:02}_manual1.gif") != 0
        fov = read_mask(part / "mask" / f"{number:02}_test_mask.gif") != 0
        photograph = read_image(part / "images" / f"{number:02}_test.tif") / np.float32(255)
        x, y, r = find_disc(grow("all", vessels), fov, photograph).circle
        assert min(np.hypot(x - row.x, y - row.y) / row.r for row in rows.itertuples()) < 0.5, number
        assert r == pytest.approx(rows.r.mean(), rel=0.3)
