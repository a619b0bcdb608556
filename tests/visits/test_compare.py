"""What changed between two visits, held against changes that were made."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from known import SMALL, Moved, Wavy, synthetic
from PIL import Image
from scipy import ndimage
from typer.testing import CliRunner

from napari_saunetv2.cli import app
from napari_saunetv2.files import read_mask, write_image, write_mask
from napari_saunetv2.measure import Measurements, measure
from napari_saunetv2.measure.tree import number
from napari_saunetv2.visits import SEGMENT_COLUMNS, SUMMARY_COLUMNS, Comparison, Visit, compare, files
from napari_saunetv2.visits.drawing import DIFFERENCES, OUTLINES, difference_picture
from napari_saunetv2.visits.ranking import ranked
from napari_saunetv2.visits.widths import of_blur
from oddfiles.dicoms import stored

KNOWN = Moved(8, 1.1, (15, -10), 1, 300)


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
    """Later: a segment wider by two pixels, one gone, one new, one longer; all turned, scaled and bent."""
    found, label = thick
    wider = ndimage.binary_dilation(found.labels == label, ndimage.generate_binary_structure(2, 1))
    table = found.segments.drop(index=label)
    straight = table[(table["width_median"] > 2.5) & (table["arc_over_chord"] < 1.05)]
    longer = straight["length"].idxmax()
    fine = table[(table["width_median"] < 4)].drop(index=longer)["length"].nlargest(2).index
    wavy = Wavy(found.labels == longer, 2, 28)
    before = np.where(found.labels == fine[1], 0, eye.vessels)
    after = np.where(np.isin(found.labels, (fine[0], longer)), 0, eye.vessels) != 0
    later = KNOWN.visit(Visit(after | wider | wavy.image(), eye.fov))
    return Changed(compare(Visit(before, eye.fov), later), found, label, *fine, longer, wavy)


class Changed(NamedTuple):
    found: Comparison
    measured: Measurements
    wider: int
    gone: int
    new: int
    longer: int
    wavy: Wavy

    def number(self, label):
        """Number of a segment of the whole eye in the comparison."""
        own = self.found.labels[self.measured.labels == label]
        return np.bincount(own[own > 0]).argmax()


@pytest.fixture(scope="module")
def same(eye):
    """The same eye seen otherwise; pixels of the earlier photograph are 8 micrometres wide."""
    return compare(Visit(eye.vessels, eye.fov, spacing=8.0), KNOWN.visit(eye))


def test_what_did_not_change_is_within_its_uncertainty(same):
    both = same.segments[same.segments["found"] == "both"]
    assert len(both) > 0.8 * len(same.segments)
    for what in ("width", "length"):
        change, doubt = both[f"{what}_change"].dropna(), both[f"{what}_uncertainty"].dropna()
        assert len(change) > 40
        assert (change.abs() > doubt).mean() < 0.05
        assert abs(change.median()) < 0.35
    assert (same.difference == 1).sum() > 0.97 * (same.difference > 0).sum()


def test_a_wider_segment_is_found_with_its_change(changed):
    row = changed.found.segments.loc[changed.number(changed.wider)]
    assert row["found"] == "both"
    assert row["width_verdict"] == "wider"
    assert row["width_change"] == pytest.approx(2, abs=0.6)
    assert row["width_low"] < row["width_change"] < row["width_high"]


def test_a_longer_segment_is_found_with_its_change_and_no_other(changed):
    label = changed.number(changed.longer)
    row = changed.found.segments.loc[label]
    tree = synthetic().tree
    (own,) = number([tree])  # as measure numbers them
    start, stop = tree.sections.lines.starts[np.flatnonzero(own == changed.longer)[0] :][:2]
    true = changed.wavy.longer(tree.sections.lines.points[start:stop])
    assert true > 4
    assert row["length_verdict"] == "longer"
    assert row["length_low"] < true < row["length_high"]
    flagged = changed.found.segments["length_verdict"].isin(["longer", "shorter"])
    assert flagged.sum() <= 0.05 * len(flagged)


def test_a_vessel_that_is_gone_is_found(changed):
    label = changed.number(changed.gone)
    assert changed.found.segments.loc[label, "found"] == "earlier only"
    own = changed.found.labels == label
    assert (changed.found.difference[own] == 2).mean() > 0.7


def test_a_new_vessel_is_found(changed):
    label = changed.number(changed.new)
    assert changed.found.segments.loc[label, "found"] == "later only"
    assert (changed.found.difference[changed.found.labels == label] == 3).mean() > 0.5


def test_what_changed_comes_first(changed):
    table = ranked(changed.found.segments)
    assert sorted(table["label"]) == sorted(changed.found.segments["label"])
    said = table["change"].tolist()
    flagged = [any(word in one for word in ("wider", "narrower", "longer", "shorter")) for one in said]
    once = [one in ("earlier only", "later only") for one in said]
    order = [0 if f else 1 if o else 2 for f, o in zip(flagged, once, strict=True)]
    assert order == sorted(order)
    assert table.loc[changed.number(changed.wider), "change"] == "wider"
    assert "longer" in table.loc[changed.number(changed.longer), "change"]


def test_the_picture_shows_what_changed(changed, eye):
    drawn = np.asarray(difference_picture(changed.found, eye, KNOWN.visit(eye)))
    height, width = eye.shape
    assert drawn.shape[1] == width
    assert drawn.shape[0] > height  # the legend
    colours = {"wider": OUTLINES["wider"], **dict(DIFFERENCES.values())}
    places = {
        "wider": ndimage.binary_dilation(changed.found.labels == changed.number(changed.wider), iterations=3),
        "at the earlier only": changed.found.difference == 2,
        "at the later only": changed.found.difference == 3,
    }
    for words, place in places.items():
        assert (drawn[:height][place] == colours[words]).all(axis=1).mean() > 0.1, words


def test_micrometres_are_those_of_the_earlier_photograph(same, changed):
    both = same.segments.dropna(subset=["width_change"])
    assert np.allclose(both["width_change_um"], 8 * both["width_change"])
    assert np.allclose(both["length_uncertainty_um"].dropna(), 8 * both["length_uncertainty"].dropna())
    assert changed.found.segments["width_change_um"].isna().all()


def test_blur_widens_the_uncertainty_and_is_said():
    eye = synthetic(photograph=True, shape=SMALL)
    sharp, blurred = (ndimage.gaussian_filter(eye.photograph, (s, s, 0)) for s in (0, 1.5))
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


def test_a_change_that_all_vessels_share_is_doubted():
    eye = synthetic(shape=SMALL)
    later = Visit(ndimage.binary_dilation(eye.vessels), eye.fov)
    found = compare(eye, later)
    assert any("alike" in warning for warning in found.warnings)


def test_the_command_writes_what_python_gives(tmp_path):
    eye = synthetic(shape=SMALL)
    paths = [tmp_path / f"{name}.png" for name in ("2019", "2024")]
    known = Moved(5, 1.0, (5, 2), shape=SMALL)
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
    assert Image.open(out / "difference.png").size[0] == SMALL[1]
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 1
    assert "already exists" in str(again.exception)


def test_the_command_segments_a_photograph(tmp_path):
    """The other one comes with its mask: that saves time."""
    eye = synthetic(photograph=True, shape=SMALL)
    picture = np.rint(np.asarray(eye.photograph) * 255).astype(np.uint8)
    known = Moved(4, 1.0, (4, 2), shape=SMALL)
    moved = known.image(picture).astype(np.uint8)
    for name, pixels in (("a", picture), ("b", moved)):
        write_image(tmp_path / f"{name}.png", pixels)
    write_mask(tmp_path / "b_vessels.png", known.visit(eye).inputs.vessels)
    out = tmp_path / "out"
    files = [str(tmp_path / name) for name in ("a.png", "b.png", "b_vessels.png")]
    answer = CliRunner().invoke(app, ["visits", *files[:2], "--later-vessels", files[2], "-o", str(out)])
    assert answer.exit_code == 0, answer.output
    drawn = np.asarray(Image.open(out / "b_registered.png"))
    inside = np.s_[75:215, 75:215]
    assert np.abs(drawn.astype(float) - picture)[inside].mean() < 4
    summary = pd.read_csv(out / "summary.csv").set_index("key")["value"]
    assert abs(summary["rotation"]) == pytest.approx(4, abs=0.3)


def test_the_command_refuses_a_left_and_a_right_eye_before_it_segments(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "read_visit", lambda *_: pytest.fail("it is read already"))
    for name, side in (("a", "L"), ("b", "R")):
        pixels = np.zeros((9, 9, 3), np.uint8)
        (tmp_path / f"{name}.dcm").write_bytes(stored(pixels, ImageLaterality=side))
    command = ["visits", str(tmp_path / "a.dcm"), str(tmp_path / "b.dcm"), "-o", str(tmp_path / "out")]
    answer = CliRunner().invoke(app, command)
    assert str(answer.exception) == (
        "'a.dcm' is of the left eye and 'b.dcm' of the right one: choose two photographs of one eye."
    )
