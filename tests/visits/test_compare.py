"""What changed between two visits, held against changes that were made."""

import numpy as np
import pandas as pd
import pytest
from known import Moved, synthetic
from PIL import Image
from scipy import ndimage
from typer.testing import CliRunner

from napari_saunetv2.cli import app
from napari_saunetv2.files import read_mask, write_image, write_mask
from napari_saunetv2.measure import measure
from napari_saunetv2.visits import SEGMENT_COLUMNS, SUMMARY_COLUMNS, Visit, compare
from napari_saunetv2.visits.widths import of_blur

KNOWN = Moved(8, 1.1, (15, -10), 2, 300)


@pytest.fixture(scope="module")
def eye():
    return synthetic()


@pytest.fixture(scope="module")
def thick(eye):
    """The longest wide segment of the eye, as measured, and where it is."""
    found = measure(eye.vessels, fov=eye.fov)
    table = found.segments[found.segments["width_median"] > 5]
    label = table["length"].idxmax()
    return found, label


@pytest.fixture(scope="module")
def changed(eye, thick):
    """Later: one segment wider by two pixels, another one gone, and all of it turned, scaled and bent."""
    found, label = thick
    wider = ndimage.binary_dilation(found.labels == label, ndimage.generate_binary_structure(2, 1))
    table = found.segments.drop(index=label)
    gone = table[table["width_median"] < 4]["length"].idxmax()
    vessels = ((np.asarray(eye.vessels) != 0) & (found.labels != gone)) | wider
    later = KNOWN.visit(Visit(vessels, eye.fov))
    return compare(eye, later), label, gone


def test_what_did_not_change_is_within_its_uncertainty(eye):
    found = compare(eye, KNOWN.visit(eye))
    both = found.segments[found.segments["found"] == "both"]
    assert len(both) > 0.8 * len(found.segments)
    for what in ("width", "length"):
        change, doubt = both[f"{what}_change"].dropna(), both[f"{what}_uncertainty"].dropna()
        assert len(change) > 40
        assert (change.abs() > doubt).mean() < 0.1
        assert abs(change.median()) < 0.35
    assert (found.difference == 1).sum() > 0.97 * (found.difference > 0).sum()


def test_a_wider_segment_is_found_with_its_change(changed):
    found, label, _ = changed
    row = found.segments.loc[label]
    assert row["found"] == "both"
    assert row["width_verdict"] == "wider"
    assert row["width_change"] == pytest.approx(2, abs=0.6)
    assert row["width_low"] < row["width_change"] < row["width_high"]


def test_a_vessel_that_is_gone_is_found(changed):
    found, _, gone = changed
    assert found.segments.loc[gone, "found"] == "earlier only"
    own = found.labels == gone
    assert (found.difference[own] == 2).mean() > 0.7


def test_a_new_vessel_is_found(eye, changed):
    found, _, gone = changed
    vessels = np.where(found.labels == gone, 0, eye.vessels)
    back = compare(Visit(vessels, eye.fov), KNOWN.visit(eye))
    new = back.segments[back.segments["found"] == "later only"]
    row = changed[0].segments.loc[gone]
    assert np.hypot(new["row"] - row["row"], new["column"] - row["column"]).min() < 10
    label = new["label"][np.hypot(new["row"] - row["row"], new["column"] - row["column"]).idxmin()]
    assert (back.difference[back.labels == label] == 3).mean() > 0.5


def test_micrometres_are_those_of_the_earlier_photograph(eye):
    scaled = Visit(eye.vessels, eye.fov, spacing=8.0)
    found = compare(scaled, KNOWN.visit(eye))
    both = found.segments.dropna(subset=["width_change"])
    assert np.allclose(both["width_change_um"], 8 * both["width_change"])
    assert np.allclose(both["length_uncertainty_um"].dropna(), 8 * both["length_uncertainty"].dropna())
    assert compare(eye, KNOWN.visit(eye)).segments["width_change_um"].isna().all()


def test_blur_widens_the_uncertainty_and_is_said():
    eye = synthetic(photograph=True)
    sharp, blurred = (ndimage.gaussian_filter(eye.photograph, (s, s, 0)) for s in (0, 2.5))
    soft = Visit(eye.vessels, eye.fov, photograph=blurred)
    plain, doubted = (
        compare(eye, Visit(eye.vessels, eye.fov, photograph=p)) for p in (sharp, soft.photograph)
    )
    columns = [x.segments["width_uncertainty"].median() for x in (plain, doubted)]
    assert columns[1] > 1.3 * columns[0]
    assert any("less sharp" in warning for warning in doubted.warnings)
    assert not any("less sharp" in warning for warning in plain.warnings)
    # A Gaussian line of half-height width 4, blurred: the squares of standard deviations add.
    sigma = 4 / np.sqrt(8 * np.log(2))
    assert 4 + of_blur(4, (1.0, 2.0)) == pytest.approx(np.sqrt(8 * np.log(2) * (sigma**2 + 3)))


def test_a_change_that_all_vessels_share_is_doubted(eye):
    later = Visit(ndimage.binary_dilation(eye.vessels), eye.fov)
    found = compare(eye, later)
    assert any("alike" in warning for warning in found.warnings)


def test_the_command_writes_what_python_gives(tmp_path, eye):
    paths = [tmp_path / f"{name}.png" for name in ("2019", "2024")]
    known = Moved(5, 1.0, (10, 4))
    masks = [np.asarray(eye.vessels), known.visit(eye).inputs.vessels]
    for path, mask in zip(paths, masks, strict=True):
        write_mask(path, mask)
    out = tmp_path / "out"
    command = ["visits", *map(str, paths), "-o", str(out), "--spacing", "20"]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    assert "registered: confidence" in answer.output
    assert "within" not in answer.output
    wanted = compare(Visit(masks[0], spacing=20.0), Visit(masks[1]))
    for name, table in (("segments", wanted.segments), ("summary", wanted.summary)):
        written = pd.read_csv(out / f"{name}.csv", keep_default_na=False, na_values={"": ""})
        pd.testing.assert_frame_equal(
            written.select_dtypes("number"),
            table.reset_index(drop=True)[written.select_dtypes("number").columns],
            check_dtype=False,
        )
    meanings = pd.read_csv(out / "columns.csv")
    assert {*SEGMENT_COLUMNS, *SUMMARY_COLUMNS, "warning"} == set(meanings["key"])
    assert set(pd.read_csv(out / "segments.csv").columns) == set(SEGMENT_COLUMNS)
    assert np.array_equal(read_mask(out / "2024_registered_vessels.png") != 0, wanted.vessels != 0)
    assert Image.open(out / "difference.png").size == (565, 584)
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 1
    assert "already exists" in str(again.exception)


def test_the_command_segments_photographs(tmp_path):
    eye = synthetic(photograph=True)
    picture = np.rint(np.asarray(eye.photograph) * 255).astype(np.uint8)
    known = Moved(4, 1.0, (8, 4))
    moved = known.image(picture).astype(np.uint8)
    for name, pixels in (("a", picture), ("b", moved)):
        write_image(tmp_path / f"{name}.png", pixels)
    out = tmp_path / "out"
    answer = CliRunner().invoke(
        app, ["visits", str(tmp_path / "a.png"), str(tmp_path / "b.png"), "-o", str(out)]
    )
    assert answer.exit_code == 0, answer.output
    drawn = np.asarray(Image.open(out / "b_registered.png"))
    inside = np.s_[150:430, 150:430]
    assert np.abs(drawn.astype(float) - picture)[inside].mean() < 4
    summary = pd.read_csv(out / "summary.csv").set_index("key")["value"]
    assert summary["rotation"] == pytest.approx(4, abs=0.3) or summary["rotation"] == pytest.approx(
        -4, abs=0.3
    )
