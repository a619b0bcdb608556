"""Label files as people have them: read by colour, through every door."""

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score, roc_auc_score
from typer.testing import CliRunner

from napari_saunetv2 import files
from napari_saunetv2.cli import app
from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.evaluation import file_pairs
from oddfiles import masks

EXACT = {
    f"{kind}: {name}": make
    for kind, makers in (
        ("palette", masks.PALETTES), ("colours", masks.COLOURS), ("numbers", masks.NUMBERS)
    )
    for name, make in makers.items()
}  # fmt: skip


def agree(one, other) -> float:
    return f1_score(np.ravel(one) != 0, np.ravel(other) != 0)


@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT.keys())
def test_a_mask_is_read_by_its_colours(tmp_path, make):
    read = files.read_mask(make(tmp_path))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, masks.TRUE)


@pytest.mark.parametrize(("back", "frame"), [("BLACK", "WHITE"), ("WHITE", "BLACK"), ("WHITE", "RED")])
def test_a_frame_around_a_mask_is_not_its_background(tmp_path, back, frame):
    colours = masks.coloured(getattr(masks, back), masks.RED, masks.BLUE)
    read = files.read_mask(masks.framed(tmp_path, colours, getattr(masks, frame)))
    np.testing.assert_array_equal(read[1:-1, 1:-1], masks.TRUE[1:-1, 1:-1])


@pytest.mark.parametrize("make", masks.SINGLES.values(), ids=masks.SINGLES.keys())
def test_every_numbered_vessel_is_vessel(tmp_path, make):
    reading = files.load_mask(make(tmp_path))
    np.testing.assert_array_equal(reading.pixels, masks.SINGLE > 0)
    assert "labels" in reading.remarks[0]


@pytest.mark.parametrize("make", masks.IGNORED.values(), ids=masks.IGNORED.keys())
def test_what_nobody_judged_is_left_out_and_said(tmp_path, make):
    labels = files.load_labels(make(tmp_path))
    np.testing.assert_array_equal(labels.ignored, masks.TOP)
    np.testing.assert_array_equal(labels.pixels, masks.VESSEL & ~masks.TOP)
    assert f"{masks.TOP.sum():,} pixels" in labels.remarks[0]
    assert "not annotated" in labels.remarks[0]


@pytest.mark.parametrize("make", masks.ALPHA.values(), ids=masks.ALPHA.keys())
def test_alpha_is_the_mask_where_it_alone_tells_vessels(tmp_path, make):
    read = files.read_mask(make(tmp_path))
    expected = masks.SOFT > 127 if make is masks.ALPHA["soft"] else masks.VESSEL
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize("make", masks.SHADES.values(), ids=masks.SHADES.keys())
def test_soft_edges_are_cut_at_half(tmp_path, make):
    reading = files.load_mask(make(tmp_path))
    assert agree(reading.pixels, masks.VESSEL) > 0.93
    assert "soft edges" in reading.remarks[-1]


def test_one_colour_all_over_is_a_mask_too(tmp_path):
    for colour, share in (((0, 0, 0), 0), ((255, 255, 255), 1)):
        path = masks.saved(tmp_path, "m.png", np.full((9, 8, 3), colour, np.uint8))
        assert files.read_mask(path).mean() == share


def test_a_mask_that_needs_no_word_gets_none(tmp_path):
    for name in ("a.png", "a.tif", "a.gif"):
        assert files.load_mask(files.write_mask(tmp_path / name, masks.TRUE)).remarks == ()


PROBABILITY = masks.SOFT / 255 * 0.7 + np.random.default_rng(0).random(masks.TRUE.shape) * 0.3
EIGHT_BITS = np.round(PROBABILITY * 255).astype(np.uint8)
CHANCES = {
    "float32": lambda f: files.write_probability(f / "p.tif", PROBABILITY),
    "float64": lambda f: masks.tiff(f, "p.tif", PROBABILITY),
    "uint8 png": lambda f: masks.saved(f, "p.png", EIGHT_BITS),
    "uint8 tif": lambda f: masks.tiff(f, "p.tif", EIGHT_BITS),
    "uint16 png": lambda f: masks.saved(f, "p.png", np.round(PROBABILITY * 65535).astype(np.uint16)),
    "uint16 tif": lambda f: masks.tiff(f, "p.tif", np.round(PROBABILITY * 65535).astype(np.uint16)),
    "RGB png": lambda f: masks.saved(f, "p.png", np.dstack([EIGHT_BITS] * 3)),
    "grey gif": lambda f: masks.saved(f, "p.gif", EIGHT_BITS),
}


@pytest.mark.parametrize("make", CHANCES.values(), ids=CHANCES.keys())
def test_whole_numbers_are_probabilities_too(tmp_path, make):
    path = make(tmp_path)
    for read in (files.read_probability, files.read_prediction):
        found = read(path)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, PROBABILITY, atol=0.5 / 255 + 1e-6)
    truth = files.write_mask(tmp_path / "truth.png", masks.TRUE)
    for threshold in (0.3, 0.7):
        case, _ = file_pairs.matched(path, truth)[0].read(threshold)
        metrics = case.score().metrics
        f1 = f1_score(masks.TRUE.ravel(), PROBABILITY.ravel() >= threshold)
        auc = roc_auc_score(masks.TRUE.ravel(), PROBABILITY.ravel())
        assert metrics["f1"] == pytest.approx(f1, abs=2e-3)
        assert metrics["auc"] == pytest.approx(auc, abs=2e-3)


@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.gif"])
def test_a_prediction_that_is_a_mask_stays_one(tmp_path, name):
    read = files.read_prediction(files.write_mask(tmp_path / name, masks.TRUE))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, masks.TRUE)


def test_what_is_no_probability_is_refused(tmp_path):
    path = masks.tiff(tmp_path, "p.tif", np.array([[0, 2.5]], np.float32))
    with pytest.raises(FileFormatError, match=r"from 0 to 2\.5"):
        files.read_probability(path)


def command(*words) -> str:
    done = CliRunner().invoke(app, ["score", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    "make",
    [
        masks.PALETTES["gif, vessel first"],
        masks.PALETTES["png of Pillow's quantize"],
        masks.COLOURS["red and blue on white"],
        masks.NUMBERS["0 128 255"],
        masks.ALPHA["black on clear black"],
    ],
)
def test_score_reads_masks_in_the_same_way(tmp_path, make):
    (tmp_path / "theirs").mkdir()
    output = command(files.write_mask(tmp_path / "mine.png", masks.TRUE), make(tmp_path / "theirs"))
    assert "1.0000" in output.split("mean")[0]


@pytest.mark.parametrize("make", masks.IGNORED.values(), ids=masks.IGNORED.keys())
def test_score_leaves_out_what_nobody_judged(tmp_path, make):
    (tmp_path / "theirs").mkdir()
    mine = files.write_mask(tmp_path / "mine.png", masks.VESSEL | masks.TOP)  # wrong there alone
    case, _ = file_pairs.matched(mine, make(tmp_path / "theirs"))[0].read()
    assert case.score().metrics["f1"] == 1


# --- the files of a stranger's disk

EXPECTED = {
    "pillow_rgb_red.gif": 1, "palette_index0_red_vessel.png": 1, "pillow_quantize3_av.png": 1,
    "av_red_blue.png": 1, "antialiased.gif": 0.98, "jpeg_to_gif.gif": 0.98, "kinds_0_1_2.png": 1,
    "instances_1_to_n.tif": 1, "rgba_white_on_clear_white.png": 1, "rgba_black_on_clear.png": 1,
    "bin01.png": 1, "antialiased.png": 0.98,
}  # fmt: skip


@pytest.mark.data
@pytest.mark.parametrize("name", EXPECTED)
def test_a_strangers_mask_is_read(shared, name):
    true = files.read_mask(shared / "odd_files" / "mask_true.png")
    assert agree(files.read_mask(shared / "odd_files/masks" / name), true) >= EXPECTED[name]


@pytest.mark.data
def test_a_strangers_ignored_rows_are_left_out(shared):
    labels = files.load_labels(shared / "odd_files/masks/vessel1_ignore255_top20rows.png")
    true = files.read_mask(shared / "odd_files/mask_true.png")
    assert labels.ignored[:20].all()
    assert not labels.ignored[20:].any()
    np.testing.assert_array_equal(labels.pixels[20:], true[20:])


@pytest.mark.data
def test_a_strangers_8_bit_probability_scores_as_the_floats(shared):
    folder = shared / "odd_files/masks"
    whole, real = (files.read_prediction(folder / name) for name in ("prob_8bit.png", "prob_float.tif"))
    np.testing.assert_allclose(whole, real, atol=1 / 255)


@pytest.mark.data
@pytest.mark.parametrize(
    ("pattern", "observer"),
    [("RITE/training/*.png", "DRIVE/training/1st_manual/*.gif"), ("RAVIR/labels/*.png", "")],
)
def test_real_labels_in_colours_hold_all_vessels(shared, pattern, observer):
    found = sorted((shared / "data").glob(pattern))[:3]
    if not found:
        pytest.skip("this data set is not here")
    truths = sorted((shared / "data").glob(observer))[:3] if observer else []
    for number, path in enumerate(found):
        with Image.open(path) as image:
            stored = np.asarray(image)
        lit = stored.reshape(*stored.shape[:2], -1).max(axis=2) > 0
        np.testing.assert_array_equal(files.read_mask(path), lit)
        if truths:
            assert agree(files.read_mask(path), files.read_mask(truths[number])) > 0.95
